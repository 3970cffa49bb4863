"""Waits before connecting again: doubled, bounded, by chance, and counted apart."""

import pytest

from smpp.backoff import STEADY_S, Backoff, Setback


def backoff(chance: float = 1.0) -> Backoff:
    return Backoff(1.0, 8.0, 30.0, 600.0, lambda: chance)


def test_waits_double_up_to_the_most() -> None:
    waits = backoff()
    assert [waits.after(Setback.UNREACHED) for _ in range(5)] == [1.0, 2.0, 4.0, 8.0, 8.0]


def test_each_kind_of_setback_is_counted_apart() -> None:
    waits = backoff()
    assert [waits.after(Setback.UNREACHED) for _ in range(3)][-1] == 4.0
    assert waits.after(Setback.LOST) == 1.0
    assert [waits.after(Setback.REFUSED) for _ in range(7)][-1] == 600.0


@pytest.mark.parametrize(("chance", "wait"), [(0.0, 0.5), (0.5, 0.75), (1.0, 1.0)])
def test_half_of_each_wait_is_chance(chance: float, wait: float) -> None:
    assert backoff(chance).after(Setback.LOST) == wait


def test_a_bind_that_held_clears_the_counts() -> None:
    waits = backoff()
    assert [waits.after(Setback.LOST, held_s=1.0) for _ in range(3)] == [1.0, 2.0, 4.0]
    assert waits.after(Setback.LOST, held_s=STEADY_S) == 1.0


def test_the_hundredth_failure_still_has_a_wait() -> None:
    waits = backoff()
    assert [waits.after(Setback.UNREACHED) for _ in range(100)][-1] == 8.0
