"""Requests and answers meet; nothing is lost on the way."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from smpp.errors import LocalFault
from smpp.pdu import SubmitSm
from smpp.window import Entry, Window


def entry(token: object, answer_by: float = 10.0) -> Entry:
    return Entry(token, SubmitSm(), answer_by)


def test_an_answer_takes_its_request_once() -> None:
    window = Window(2)
    window.put(1, entry("a"))
    assert (len(window), window.room, 1 in window, 2 in window) == (1, 1, True, False)
    looked, taken, again = window.peek(1), window.take(1), window.take(1)
    assert (looked, taken, again) == (entry("a"), entry("a"), None)
    assert len(window) == 0


def test_a_full_window_and_a_number_in_use_are_refused() -> None:
    window = Window(2)
    window.put(1, entry("a"))
    with pytest.raises(LocalFault, match="sequence_number 1 still waits"):
        window.put(1, entry("b"))
    window.put(2, entry("b"))
    with pytest.raises(LocalFault, match="window of 2 requests is full") as caught:
        window.put(3, entry("c"))
    assert caught.value.limit == 2
    assert [held.token for held in window.take_all()] == ["a", "b"]


def test_late_ones_are_taken_oldest_first() -> None:
    window = Window(9)
    assert [window.oldest] == [None]
    for number in (3, 1, 2):
        window.put(number, entry(number, answer_by=float(10 - number) if number == 3 else 10.0))
    assert window.oldest == 7.0
    assert window.take_expired(6.9) == []
    assert [held.token for held in window.take_expired(7.0)] == [3]
    assert [held.token for held in window.take_expired(10.0)] == [1, 2]
    assert len(window) == 0


@given(st.lists(st.tuples(st.sampled_from(["put", "take", "expire", "all"]), st.integers(0, 20)), max_size=60))
def test_every_request_leaves_exactly_once(steps: list[tuple[str, int]]) -> None:
    window, now, put, left = Window(5), 0.0, [], []
    for number, (step, value) in enumerate(steps):
        now += 1
        if step == "put" and window.room:
            window.put(number, entry(number, now + 5))
            put.append(number)
        elif step == "take":
            taken = window.take(value)
            left += [taken.token] if taken else []
        elif step == "expire":
            left += [held.token for held in window.take_expired(now)]
        elif step == "all":
            left += [held.token for held in window.take_all()]
        assert len(window) + window.room == 5
    left += [held.token for held in window.take_all()]
    assert sorted(left) == put
