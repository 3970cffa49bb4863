"""Who may say what, and when: the states of a session (SMPP 3.4 §2.2 and table 2-1) as one table for both ends.

TRANSITIONS maps (state, who says it, command) to the state behind it; what is not in it is a fault. A response moves
the state only if it answers something. A response with an error status takes REFUSED where that has a row: a refused
bind leaves the session open for another. docs/smpp-states.md is drawn from these tables.

Bent on purpose: enquire_link may come in every state (as SMPP 5.0 has it), and while one end unbinds the other may
still say what was on its way.
"""

from __future__ import annotations

from enum import Enum
from typing import Final

from smpp import constants as c


class Role(Enum):
    """Which end of the session somebody is."""

    ESME = "ESME"
    MC = "MC"  # message centre, SMSC

    @property
    def other(self) -> Role:
        """The end that this one talks with."""
        return Role.MC if self is Role.ESME else Role.ESME


class State(Enum):
    """Where a session stands, the same seen from both ends."""

    OPEN = "OPEN"
    OUTBOUND = "OUTBOUND"  # the centre has asked for a bind
    BINDING_TX = "BINDING_TX"
    BINDING_RX = "BINDING_RX"
    BINDING_TRX = "BINDING_TRX"
    BOUND_TX = "BOUND_TX"
    BOUND_RX = "BOUND_RX"
    BOUND_TRX = "BOUND_TRX"
    ESME_UNBINDING = "ESME_UNBINDING"  # the ESME has said unbind and waits for the answer
    MC_UNBINDING = "MC_UNBINDING"
    CLOSED = "CLOSED"


BOUND: Final = frozenset({State.BOUND_TX, State.BOUND_RX, State.BOUND_TRX})
UNBINDING: Final = frozenset({State.ESME_UNBINDING, State.MC_UNBINDING})

_BINDS: Final = (
    (c.BIND_TRANSMITTER, c.BIND_TRANSMITTER_RESP, State.BINDING_TX, State.BOUND_TX),
    (c.BIND_RECEIVER, c.BIND_RECEIVER_RESP, State.BINDING_RX, State.BOUND_RX),
    (c.BIND_TRANSCEIVER, c.BIND_TRANSCEIVER_RESP, State.BINDING_TRX, State.BOUND_TRX),
)
BIND_COMMANDS: Final = frozenset(request for request, _, _, _ in _BINDS)

_EITHER_END: Final = (c.ENQUIRE_LINK, c.ENQUIRE_LINK_RESP, c.GENERIC_NACK)
_SUBMITS: Final = (c.SUBMIT_SM, c.SUBMIT_MULTI, c.DATA_SM, c.QUERY_SM, c.CANCEL_SM, c.REPLACE_SM)
_DELIVERS: Final = (c.DELIVER_SM, c.DATA_SM)
_ANSWERS_SUBMITS: Final = tuple(command | c.RESPONSE_BIT for command in _SUBMITS)
_ANSWERS_DELIVERS: Final = tuple(command | c.RESPONSE_BIT for command in _DELIVERS)

Transitions = dict[tuple[State, Role, int], State]


def _stays(state: State, who: Role, *groups: tuple[int, ...]) -> Transitions:
    """Rows for what may be said without changing the state."""
    return {(state, who, command): state for group in groups for command in group}


def _binding() -> Transitions:
    rows: Transitions = {(State.OPEN, Role.MC, c.OUTBIND): State.OUTBOUND}
    for request, response, binding, bound in _BINDS:
        rows[State.OPEN, Role.ESME, request] = binding
        rows[State.OUTBOUND, Role.ESME, request] = binding
        rows[binding, Role.MC, c.GENERIC_NACK] = State.OPEN
        rows[binding, Role.MC, response] = bound
    return rows


def _bound() -> Transitions:
    rows: Transitions = {}
    for state in (State.BOUND_TX, State.BOUND_TRX):
        rows |= _stays(state, Role.ESME, _SUBMITS) | _stays(state, Role.MC, _ANSWERS_SUBMITS)
    for state in (State.BOUND_RX, State.BOUND_TRX):
        rows |= _stays(state, Role.MC, _DELIVERS, (c.ALERT_NOTIFICATION,)) | _stays(state, Role.ESME, _ANSWERS_DELIVERS)
    for state in BOUND:
        rows[state, Role.ESME, c.UNBIND] = State.ESME_UNBINDING
        rows[state, Role.MC, c.UNBIND] = State.MC_UNBINDING
    return rows


def _unbinding() -> Transitions:
    rows: Transitions = {}
    for state, asking in ((State.ESME_UNBINDING, Role.ESME), (State.MC_UNBINDING, Role.MC)):
        rows |= _stays(state, Role.ESME, _ANSWERS_DELIVERS) | _stays(state, Role.MC, _ANSWERS_SUBMITS)
        on_its_way = (*_DELIVERS, c.ALERT_NOTIFICATION) if asking is Role.ESME else _SUBMITS
        rows |= _stays(state, asking.other, on_its_way, (c.UNBIND,)) | _stays(state, asking, (c.UNBIND_RESP,))
        rows[state, asking.other, c.UNBIND_RESP] = State.CLOSED
    return rows


def _everywhere() -> Transitions:
    rows: Transitions = {}
    for state in State:
        if state is not State.CLOSED:
            rows |= _stays(state, Role.ESME, _EITHER_END) | _stays(state, Role.MC, _EITHER_END)
    return rows


TRANSITIONS: Final[Transitions] = _everywhere() | _binding() | _bound() | _unbinding()

REFUSED: Final[Transitions] = {(binding, Role.MC, response): State.OPEN for _, response, binding, _ in _BINDS}

MAY_SAY: Final[dict[tuple[State, Role], dict[int, State]]] = {
    (state, who): {
        command: after for (before, speaker, command), after in TRANSITIONS.items() if (before, speaker) == (state, who)
    }
    for state in State
    for who in Role
}
