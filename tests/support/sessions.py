"""Sessions that are bound already, and their peers' part of the talk."""

from __future__ import annotations

from smpp import constants as c
from smpp.codec import decode, encode
from smpp.events import Event
from smpp.framing import Framer
from smpp.pdu import (
    BindTransceiver,
    BindTransceiverResp,
    Pdu,
)
from smpp.session import (
    Limits,
    Received,
    Role,
    Session,
    State,
)

BIND = BindTransceiver(system_id="kwek", password="secret")
ACCEPTED = BindTransceiverResp(system_id="smsc", tlvs=((c.TAG_SC_INTERFACE_VERSION, b"\x50"),))


def out(session: Session) -> list[Pdu]:
    """What the session wants to say."""
    return [decode(frame) for frame in Framer().feed(session.pending())]


def say(session: Session, *pdus: Pdu, now: float = 1.0) -> list[Event]:
    """Let the peer say something, in one read."""
    return session.receive(b"".join(encode(pdu) for pdu in pdus), now)


def esme(limits: Limits | None = None, bind: Pdu = BIND) -> Session:
    """An ESME that is bound since 0.0."""
    session = Session(Role.ESME, limits or Limits(), now=0.0)
    number = session.send(bind, 0.0)
    assert bind.response is not None
    say(session, bind.response(number, system_id="smsc"), now=0.0)  # type: ignore[call-arg]
    assert session.state in {State.BOUND_TX, State.BOUND_RX, State.BOUND_TRX}
    session.pending()
    return session


def centre(limits: Limits | None = None) -> Session:
    """A message centre with an ESME bound to it since 0.0."""
    session = Session(Role.MC, limits or Limits(), now=0.0)
    (bind,) = say(session, BIND, now=0.0)
    assert isinstance(bind, Received)
    assert session.answer(bind.pdu, ACCEPTED, 0.0)
    session.pending()
    return session


def kinds(events: list[Event]) -> list[type]:
    return [type(event) for event in events]
