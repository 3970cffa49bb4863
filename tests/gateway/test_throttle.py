"""The rate is honoured by a clock set by hand, pauses double, and the first accepted message ends that."""

import sys

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.throttle import BURST_S, FIRST_PAUSE_S, LEAST_SPEED, LONGEST_PAUSE_S, PAST, Throttle


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
    assert throttle.room(now) == 1
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


def accept(throttle: Throttle, speed: int, seconds: int, start: float) -> float:
    """The centre takes so many a second for so long; gives the end."""
    for step in range(speed * seconds):
        throttle.accepted(start + step / speed)
    return start + seconds


def test_a_refusal_halves_the_speed_that_was_borne_and_it_grows_back() -> None:
    throttle = Throttle(0, 0.0)
    now = accept(throttle, 200, 5, 0.0)
    throttle.pause(now)
    now += FIRST_PAUSE_S
    assert throttle.speed(now) == pytest.approx(100, rel=0.02)
    assert throttle.speed(now + 5) == pytest.approx(200, rel=0.02)
    assert throttle.speed(now + 60) == float("inf"), f"it bears {PAST} times as much: the refusal is past"
    throttle.pause(now + 60)
    assert throttle.speed(now + 62) < 100, "what it bore long ago says nothing"
    for _ in range(9):
        now += 100
        throttle.pause(now)
        throttle.pause(now + LONGEST_PAUSE_S)
    assert throttle.speed(now + 2 * LONGEST_PAUSE_S) >= LEAST_SPEED


def test_a_set_rate_is_where_growing_ends() -> None:
    throttle = Throttle(50, 0.0)
    now = accept(throttle, 50, 3, 0.0)
    throttle.pause(now)
    now += FIRST_PAUSE_S
    assert throttle.speed(now) == pytest.approx(25, rel=0.05)
    assert throttle.speed(now + 10) == 50
    assert Throttle(3, 0.0).speed(0.0) == 3


def test_refused_at_little_traffic_is_no_reason_to_crawl() -> None:
    throttle = Throttle(0, 0.0)
    throttle.accepted(1.0)
    throttle.pause(2.0)
    assert throttle.speed(2.5) == LEAST_SPEED


def test_a_centre_that_bears_so_much_is_refused_seldom_and_used_well() -> None:
    """100 a second, counted over each tenth of a second; everything above it is refused."""
    throttle, taken, refused, in_this_tenth = Throttle(0, 0.0), 0, 0, 0
    for tick in range(30_000):
        now = tick / 200
        if now == 50:  # it has found out
            taken = refused = 0
        in_this_tenth = in_this_tenth if tick % 20 else 0
        for _ in range(min(throttle.room(now), 50)):
            throttle.spend(1)
            if in_this_tenth < 10:
                in_this_tenth += 1
                taken += 1
                throttle.accepted(now)
            else:
                refused += 1
                throttle.pause(now)
    assert taken > 0.65 * 100 * 100
    assert refused < 0.02 * taken
