"""The table of states, against the specification's own (SMPP 3.4 table 2-1), and the page drawn from it."""

from __future__ import annotations

import pytest

from smpp import constants as c
from smpp.pdu import PDUS
from smpp.states import BOUND, MAY_SAY, REFUSED, TRANSITIONS, Role, State
from tests.support.states_page import PAGE, page

TX, RX, TRX = State.BOUND_TX, State.BOUND_RX, State.BOUND_TRX

# SMPP 3.4 table 2-1: in which bound states who may issue what.
TABLE_2_1 = {
    (Role.ESME, c.SUBMIT_SM): {TX, TRX},
    (Role.MC, c.SUBMIT_SM_RESP): {TX, TRX},
    (Role.ESME, c.SUBMIT_MULTI): {TX, TRX},
    (Role.MC, c.SUBMIT_MULTI_RESP): {TX, TRX},
    (Role.ESME, c.DATA_SM): {TX, TRX},
    (Role.MC, c.DATA_SM): {RX, TRX},
    (Role.ESME, c.DATA_SM_RESP): {RX, TRX},
    (Role.MC, c.DATA_SM_RESP): {TX, TRX},
    (Role.MC, c.DELIVER_SM): {RX, TRX},
    (Role.ESME, c.DELIVER_SM_RESP): {RX, TRX},
    (Role.ESME, c.QUERY_SM): {TX, TRX},
    (Role.ESME, c.CANCEL_SM): {TX, TRX},
    (Role.ESME, c.REPLACE_SM): {TX, TRX},
    (Role.MC, c.ALERT_NOTIFICATION): {RX, TRX},
    (Role.ESME, c.UNBIND): {TX, RX, TRX},
    (Role.MC, c.UNBIND): {TX, RX, TRX},
    (Role.ESME, c.ENQUIRE_LINK): {TX, RX, TRX},
    (Role.MC, c.ENQUIRE_LINK): {TX, RX, TRX},
    (Role.MC, c.SUBMIT_SM): set(),
    (Role.ESME, c.DELIVER_SM): set(),
    (Role.ESME, c.BIND_TRANSCEIVER): set(),
    (Role.MC, c.OUTBIND): set(),
}


@pytest.mark.parametrize(("who", "command"), TABLE_2_1)
def test_bound_states_follow_the_specification(who: Role, command: int) -> None:
    allowed = {state for state in BOUND if (state, who, command) in TRANSITIONS}
    assert allowed == TABLE_2_1[who, command]


def test_every_pdu_can_be_said_somewhere() -> None:
    assert {command for _, _, command in TRANSITIONS} == {kind.command_id for kind in PDUS}


def test_nothing_is_said_once_closed_and_every_state_is_reached() -> None:
    assert not any(before is State.CLOSED for before, _, _ in TRANSITIONS)
    assert MAY_SAY[State.CLOSED, Role.ESME] == MAY_SAY[State.CLOSED, Role.MC] == {}
    assert set(TRANSITIONS.values()) == set(State)


def test_a_refused_bind_opens_the_session_again() -> None:
    assert set(REFUSED) <= set(TRANSITIONS)
    assert set(REFUSED.values()) == {State.OPEN}


def test_the_page_is_fresh() -> None:
    assert PAGE.read_text(encoding="utf-8") == page(), "run: python -m tests.support.states_page"


def test_each_end_knows_the_other() -> None:
    assert Role.ESME.other is Role.MC
    assert Role.MC.other is Role.ESME
