"""The one gate: every reason for which a text may not go out, at its edge."""

import pytest

from router.consent import (
    CONFIRMATION_LIFE,
    CONVERSATION_WINDOW,
    LOOP_REPLIES,
    LOOP_WINDOW,
    Written,
    answered,
    is_overtaken,
    is_phone,
    may_send,
    may_still_send,
    replies_within,
)
from router.messages import Profile, Thread
from router.plan import OPERATOR, MessageClass
from tests.support.routing import NOW

FRESH = Thread(last_brand="Shop", last_in_at=NOW)


SILENCED = Profile("Shop", opted_out_at=NOW - 1)


@pytest.mark.parametrize("message_class", ["conversational", "stop_confirmation", "start_confirmation", "help",
                                           "operator"])  # fmt: skip
def test_an_answer_to_a_fresh_text_goes_out(message_class: MessageClass) -> None:
    assert may_send(message_class, None, FRESH, NOW) == ""


@pytest.mark.parametrize("message_class", ["stop_confirmation", "confirmation", "help", "operator"])
def test_what_the_phone_asked_for_is_answered_despite_stop(message_class: MessageClass) -> None:
    assert may_send(message_class, SILENCED, FRESH, NOW) == ""


@pytest.mark.parametrize("message_class", ["conversational", "start_confirmation", "transactional", "promotional"])
def test_nothing_else_is_sent_after_stop(message_class: MessageClass) -> None:
    assert may_send(message_class, SILENCED, FRESH, NOW) == "opted_out"


def test_of_what_waits_when_stop_comes_only_its_confirmation_is_sent() -> None:
    assert is_overtaken("help", NOW - 1, NOW)
    assert not is_overtaken("help", NOW, NOW)
    assert not is_overtaken("help", NOW - 1, None)
    assert not is_overtaken("stop_confirmation", NOW - 1, NOW)


def test_what_has_waited_is_judged_by_its_brand_and_without_the_loop_guard() -> None:
    busy = Thread("Shop", NOW, NOW, LOOP_REPLIES, NOW)
    silenced = {"Shop": Profile("Shop", opted_out_at=NOW)}
    assert may_still_send(Written("conversational", NOW, "Shop"), {}, busy, NOW) == ""
    assert may_still_send(Written("conversational", NOW + 1, "Shop"), silenced, busy, NOW) == "opted_out"
    assert may_still_send(Written("conversational", NOW + 1, "Other"), silenced, busy, NOW) == ""
    assert may_still_send(Written("help", NOW - 1, "Shop"), silenced, busy, NOW) == "opted_out"


def test_the_operators_own_text_is_ended_by_a_stop_that_came_after_it_and_by_no_other() -> None:
    everybody = {OPERATOR: Profile(OPERATOR, opted_out_at=NOW)}
    assert may_still_send(Written("start_confirmation", NOW - 1, None), everybody, FRESH, NOW) == "opted_out"
    assert may_still_send(Written("start_confirmation", NOW, None), everybody, FRESH, NOW) == ""
    assert may_still_send(Written("stop_confirmation", NOW - 1, None), everybody, FRESH, NOW) == ""


def test_a_stops_confirmation_goes_out_within_five_minutes_or_not_at_all() -> None:
    said = Written("stop_confirmation", NOW, "Shop")
    silenced = {"Shop": Profile("Shop", opted_out_at=NOW)}
    assert may_still_send(said, silenced, FRESH, NOW + CONFIRMATION_LIFE) == ""
    assert may_still_send(said, silenced, FRESH, NOW + CONFIRMATION_LIFE + 1) == "too_late"


@pytest.mark.parametrize("message_class", ["transactional", "promotional"])
def test_what_needs_consent_is_held_back_without_a_record_of_it(message_class: MessageClass) -> None:
    assert may_send(message_class, None, FRESH, NOW) == f"no_consent({message_class})"


def test_a_conversation_lasts_a_day_after_the_last_text() -> None:
    assert may_send("conversational", None, FRESH, NOW + CONVERSATION_WINDOW) == ""
    assert may_send("conversational", None, FRESH, NOW + CONVERSATION_WINDOW + 1) == "no_recent_text"
    assert may_send("conversational", None, Thread(), NOW) == "no_recent_text"
    assert may_send("help", None, Thread(), NOW) == ""


def test_two_machines_that_answer_each_other_are_stopped() -> None:
    thread = FRESH
    for _ in range(LOOP_REPLIES):
        assert may_send("conversational", None, thread, NOW) == ""
        thread = answered(thread, NOW)
    assert may_send("conversational", None, thread, NOW) == "loop_guard"
    assert may_send("help", None, thread, NOW) == "loop_guard"
    assert may_send("stop_confirmation", None, thread, NOW) == ""
    assert may_send("conversational", None, thread, NOW + LOOP_WINDOW) == ""


def test_the_count_of_answers_begins_anew_after_its_window() -> None:
    thread = answered(answered(FRESH, NOW), NOW + 5)
    assert thread == Thread("Shop", NOW, NOW + 5, 2, NOW)
    assert replies_within(thread, NOW + LOOP_WINDOW - 1) == 2
    assert replies_within(thread, NOW + LOOP_WINDOW) == 0
    assert replies_within(thread, NOW - LOOP_WINDOW) == 0, "the clock was set back since"
    assert answered(thread, NOW + LOOP_WINDOW) == Thread("Shop", NOW, NOW + LOOP_WINDOW, 1, NOW + LOOP_WINDOW)


@pytest.mark.parametrize(
    ("address", "phone"),
    [("31612345678", True), ("1234567", True), ("123456", False), ("4411", False), ("Klusser", False), ("", False),
     ("²²²²²²²²", False), ("+31612345678", False)],
)  # fmt: skip
def test_only_a_phone_number_is_answered(address: str, phone: bool) -> None:
    assert is_phone(address) is phone
