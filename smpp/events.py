"""What a session reports to the application. `token` is whatever the application gave with its request.

Events are not known to the garbage collector (that makes them cheap): a token must not lead back to its own events.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import msgspec

if TYPE_CHECKING:  # pragma: no cover
    from smpp.errors import PeerFault
    from smpp.pdu import Pdu


class Received(msgspec.Struct, frozen=True, gc=False):
    """A request of the peer. The application answers it with `Session.answer`, except alert_notification and outbind,
    which have no response. `frame` holds the octets as they came."""

    pdu: Pdu
    frame: bytes


class Answered(msgspec.Struct, frozen=True, gc=False):
    """The answer to a request of ours, good or bad; also a bind that was refused, and any generic_nack that matches.

    `request` is what was handed to `send`; the sequence_number used is the response's.
    """

    token: Any
    request: Pdu
    response: Pdu


class Unanswered(msgspec.Struct, frozen=True, gc=False):
    """A request of ours that will get no answer any more: whether the peer acted on it is unknown."""

    token: Any
    request: Pdu
    reason: str


class Bound(msgspec.Struct, frozen=True, gc=False):
    """The peer accepted our bind (ESME side; the centre's side knows from its own answer).

    `peer_version`: its interface_version, None when it did not say (then 3.3, by SMPP 3.4 §2.6.1).
    """

    token: Any
    request: Pdu
    response: Pdu
    peer_version: int | None


class Unbound(msgspec.Struct, frozen=True, gc=False):
    """The session ended politely: write what is pending, then close. `by_peer` says who asked."""

    by_peer: bool


class LinkDead(msgspec.Struct, frozen=True, gc=False):
    """The session is over: write what is pending, then close."""

    reason: str


class Faulted(msgspec.Struct, frozen=True, gc=False):
    """The peer broke SMPP; the session has answered already where an answer is due. With `fault.salvage` set the fault
    was tolerated and the PDU's own event follows. `frame` holds the octets for whoever keeps what cannot be read."""

    fault: PeerFault
    frame: bytes


Event = Received | Answered | Unanswered | Bound | Unbound | LinkDead | Faulted
