"""What time asks of a session, instant by instant; and `next_at` never sleeps through it."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from smpp.timers import Due, Limits, Timers

LIMITS = Limits(session_init_s=5, enquire_link_s=30, enquire_answer_s=20, response_s=60, inactivity_s=None)


def test_a_connection_that_is_not_bound_in_time_is_closed() -> None:
    timers = Timers(LIMITS, 100.0)
    assert timers.next_at(False, None) == 105.0
    assert timers.due(104.9, False, None) is Due.NOTHING
    assert timers.due(105.0, False, None) is Due.NOT_BOUND


def test_silence_is_asked_about_once_and_then_is_death() -> None:
    timers = Timers(LIMITS, 100.0)
    assert timers.next_at(True, None) == 130.0
    assert timers.due(129.9, True, None) is Due.NOTHING
    assert timers.due(130.0, True, None) is Due.PROBE
    timers.asked_at = 130.0
    assert timers.due(131.0, True, None) is Due.NOTHING
    assert timers.next_at(True, None) == 150.0
    assert timers.due(150.0, True, None) is Due.SILENT


def test_a_frozen_process_asks_before_it_gives_up() -> None:
    timers = Timers(LIMITS, 100.0)
    assert timers.due(9_999.0, True, 160.0) is Due.PROBE
    timers.asked_at = 9_999.0
    assert timers.due(10_000.0, True, 160.0) is Due.NOTHING


def test_a_late_answer_is_asked_about_and_given_up_at_twice_the_timer() -> None:
    timers = Timers(LIMITS, 100.0)
    timers.heard_at = 159.0
    assert timers.next_at(True, 160.0) == 160.0
    assert timers.due(160.0, True, 160.0) is Due.PROBE
    timers.heard_at = 219.0
    assert timers.due(219.9, True, 160.0) is Due.NOTHING
    assert timers.next_at(True, 160.0) == 220.0
    assert timers.due(220.0, True, 160.0) is Due.UNANSWERED


def test_a_peer_that_is_always_late_but_answers_is_kept() -> None:
    timers = Timers(LIMITS, 0.0)
    for late in range(160, 600, 10):
        timers.heard_at = late - 1.0
        assert timers.due(float(late), True, float(late)) is Due.PROBE


def test_a_late_answer_while_we_have_asked_already_asks_no_more() -> None:
    timers = Timers(LIMITS, 100.0)
    timers.asked_at = 150.0
    assert timers.due(160.0, True, 160.0) is Due.NOTHING
    assert timers.late_at == 160.0


def test_an_idle_link_is_unbound_only_where_that_is_set() -> None:
    timers = Timers(Limits(inactivity_s=10), 100.0)
    assert timers.next_at(True, None) == 110.0
    assert timers.due(109.0, True, None) is Due.NOTHING
    assert timers.due(110.0, True, None) is Due.UNBIND


@given(
    st.booleans(),
    st.none() | st.floats(0, 300),
    st.none() | st.floats(0, 200),
    st.floats(0, 200),
    st.floats(0, 200),
    st.sampled_from([None, 15.0]),
)
def test_nothing_is_due_before_next_at(
    bound: bool, answer_by: float | None, asked: float | None, heard: float, late: float, idle: float | None
) -> None:
    timers = Timers(Limits(inactivity_s=idle), 0.0)
    timers.asked_at, timers.heard_at, timers.late_at, timers.active_at = asked, heard, late, heard
    at = timers.next_at(bound, answer_by)
    assert timers.due(at - 0.001, bound, answer_by) is Due.NOTHING
