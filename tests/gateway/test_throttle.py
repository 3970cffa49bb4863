"""The rate is honoured by a clock set by hand, pauses double, and the first accepted message ends that."""

import sys

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.throttle import BURST_S, FIRST_PAUSE_S, LONGEST_PAUSE_S, Throttle


def test_without_a_rate_only_the_window_bounds() -> None:
    throttle = Throttle(0, 100.0)
    throttle.spend(1_000)
    assert throttle.room(100.0) == sys.maxsize
    assert throttle.wait_s(100.0) == 0


def test_the_bucket_is_small_and_fills_at_the_rate() -> None:
    throttle = Throttle(100, 0.0)
    assert throttle.room(0.0) == 10
    throttle.spend(10)
    assert throttle.room(0.0) == 0
    assert throttle.wait_s(0.0) == pytest.approx(0.01, abs=0.0011)
    assert throttle.wait_s(0.004) == pytest.approx(0.006, abs=0.0011)
    assert throttle.room(0.05) == 5
    assert throttle.room(60.0) == 10


def test_a_slow_rate_still_sends_one_at_a_time() -> None:
    throttle = Throttle(0.5, 0.0)
    assert throttle.room(0.0) == 1
    throttle.spend(1)
    assert throttle.room(1.9) == 0
    assert throttle.wait_s(1.9) == pytest.approx(0.1, abs=0.0011)
    assert throttle.room(2.0) == 1


def test_a_debt_is_paid_before_more_goes_out() -> None:
    throttle = Throttle(10, 0.0)
    throttle.spend(4)
    assert throttle.wait_s(0.0) == pytest.approx(0.4, abs=0.0011)
    assert throttle.room(0.39) == 0
    assert throttle.room(0.4) == 1


@given(st.floats(0.5, 2_000), st.lists(st.tuples(st.floats(0, 2), st.integers(0, 300)), max_size=60))
def test_never_faster_than_the_rate(rate: float, steps: list[tuple[float, int]]) -> None:
    throttle, now, sent = Throttle(rate, 0.0), 0.0, 0
    for pause, wanted in steps:
        now += pause
        room = min(throttle.room(now), wanted)
        assert room >= 0
        throttle.spend(room)
        sent += room
        assert sent <= now * rate + max(1.0, rate * BURST_S) + 1e-6


@given(st.floats(0.5, 2_000), st.integers(0, 50))
def test_after_the_wait_there_is_room(rate: float, spent: int) -> None:
    throttle = Throttle(rate, 0.0)
    throttle.spend(spent)
    wait_s = throttle.wait_s(0.0)
    assert throttle.room(wait_s) >= 1


def test_pauses_double_and_refusals_within_one_count_once() -> None:
    throttle, now = Throttle(0, 0.0), 10.0
    assert throttle.pause(now) == FIRST_PAUSE_S
    assert throttle.pause(now + 0.2) == pytest.approx(0.3)
    assert throttle.room(now + 0.4) == 0
    assert throttle.wait_s(now + 0.4) == pytest.approx(0.1)
    now += FIRST_PAUSE_S
    assert throttle.room(now) == sys.maxsize
    waits = []
    for _ in range(8):
        waits.append(throttle.pause(now))
        now += waits[-1]
    assert waits == [1, 2, 4, 8, 16, LONGEST_PAUSE_S, LONGEST_PAUSE_S, LONGEST_PAUSE_S]


def test_the_first_accepted_message_after_a_pause_ends_the_count() -> None:
    throttle = Throttle(0, 0.0)
    throttle.accepted(0.0)
    throttle.pause(0.0)
    throttle.pause(0.5)
    throttle.accepted(1.0)  # sent before the pause, answered in it
    assert throttle.pause(1.5) == 2
    throttle.accepted(3.5)
    assert throttle.pause(4.0) == FIRST_PAUSE_S
