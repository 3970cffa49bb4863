"""The life of an outbound message is a table, and the statements that move rows keep to it."""

from typing import get_args

import pytest

from router.instants import DAY, HOUR, MINUTE, SECOND
from router.plan import MessageClass
from router.states import FORGET_AFTER, MOVES, RESEND_AFTER, State, after_unknown, may_resend
from tests.support.routing import NOW

FINISHED = {"failed", "delivered", "undelivered", "cancelled", "withheld", "expired"}


def test_time_is_counted_in_microseconds() -> None:
    assert (SECOND, MINUTE, HOUR, DAY) == (10**6, 60 * 10**6, 3600 * 10**6, 86_400 * 10**6)


def test_every_state_has_its_row_and_a_finished_message_stays_finished() -> None:
    assert set(MOVES) == set(get_args(State))
    assert {state for state, moves in MOVES.items() if not moves} == FINISHED


def test_every_state_can_be_reached_from_where_a_message_is_born() -> None:
    reached: set[State] = {"ready", "claimed", "withheld"}
    for _ in MOVES:
        reached |= {new for old in reached for new in MOVES[old]}
    assert reached == set(MOVES)


@pytest.mark.parametrize("message_class", get_args(MessageClass))
def test_only_what_may_be_doubled_is_sent_again(message_class: MessageClass) -> None:
    again = message_class in ("conversational", "transactional", "otp", "operator")
    assert may_resend(message_class, 1) is again
    assert may_resend(message_class, 2) is False
    assert after_unknown(message_class, 1, NOW) == NOW + (RESEND_AFTER if again else FORGET_AFTER)
    assert after_unknown(message_class, 2, NOW) == NOW + FORGET_AFTER
