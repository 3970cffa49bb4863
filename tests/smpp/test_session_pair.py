"""Two sessions talking with each other, in any order and any cut: nothing is lost, doubled or a fault."""

from __future__ import annotations

from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from smpp.codec import encode
from smpp.events import Event
from smpp.pdu import BindTransceiver, DataSm, DeliverSm, EnquireLink, Pdu, SubmitSm, SubmitSmResp, Unbind
from smpp.session import Answered, Faulted, Limits, LinkDead, Received, Role, Session, State, Unanswered, Unbound
from tests.support.pdus import cuts, pdus
from tests.support.sessions import esme

steps = st.sampled_from(
    [
        "submit",
        "deliver",
        "data up",
        "data down",
        "fence",
        "answer",
        "carry up",
        "carry down",
        "wait",
        "unbind up",
        "cut",
    ]
)


class Talk:
    """An ESME and a centre, what is on the wire between them, and what became of every request."""

    def __init__(self) -> None:
        limits = Limits(window=4)
        self.esme, self.centre = Session(Role.ESME, limits, 0.0), Session(Role.MC, limits, 0.0)
        self.up = self.down = b""
        self.now = 0.0
        self.asked: list[Any] = []
        self.ended: list[Any] = []
        self.to_answer: list[tuple[Session, Pdu]] = []
        self.faults: list[Faulted] = []
        self.ends: list[Event] = []
        self.esme.send(BindTransceiver(system_id="kwek"), 0.0)
        self.carry("up")
        self.answer()
        self.carry("down")

    def ask(self, session: Session, pdu: Pdu) -> None:
        if session.room > 0 and session.state is State.BOUND_TRX:
            token = len(self.asked)
            session.send(pdu, self.now, token)
            self.asked.append(token)

    def answer(self) -> None:
        for session, pdu in self.to_answer:
            if session.state is not State.CLOSED:
                session.answer(pdu, 0, self.now)
        self.to_answer = []

    def carry(self, way: str) -> None:
        if way == "up":
            self.take(self.centre, self.centre.receive(self.esme.pending(), self.now))
        else:
            self.take(self.esme, self.esme.receive(self.centre.pending(), self.now))

    def take(self, session: Session, events: list[Event]) -> None:
        for event in events:
            match event:
                case Received(pdu):
                    self.to_answer.append((session, pdu))
                case Answered(token) | Unanswered(token):
                    self.ended.append(token)
                case Faulted():
                    self.faults.append(event)
                case Unbound() | LinkDead():
                    self.ends.append(event)

    def step(self, name: str) -> None:
        match name:
            case "submit":
                self.ask(self.esme, SubmitSm(short_message=b"JA"))
            case "deliver":
                self.ask(self.centre, DeliverSm(short_message=b"JA"))
            case "data up":
                self.ask(self.esme, DataSm())
            case "data down":
                self.ask(self.centre, DataSm())
            case "fence":
                self.ask(self.esme, EnquireLink())
            case "answer":
                self.answer()
            case "carry up" | "carry down":
                self.carry(name.removeprefix("carry "))
            case "wait":
                self.now += 5.0
                for session in (self.esme, self.centre):
                    self.take(session, session.tick(self.now))
            case "unbind up":
                if self.esme.state is State.BOUND_TRX:
                    self.esme.send(Unbind(), self.now)
            case _:
                self.take(self.esme, self.esme.close(self.now))
                self.take(self.centre, self.centre.close(self.now))


@given(st.lists(steps, max_size=60))
def test_every_request_ends_exactly_once_and_nobody_errs(names: list[str]) -> None:
    talk = Talk()
    for name in names:
        talk.step(name)
    for name in ("answer", "carry up", "carry down", "answer", "carry up", "carry down", "unbind up"):
        talk.step(name)
    for name in ("carry up", "carry down", "cut"):
        talk.step(name)
    assert talk.faults == []
    assert sorted(talk.ended) == talk.asked
    assert {talk.esme.state, talk.centre.state} == {State.CLOSED}
    assert not talk.esme.counters["unknown_response"]


@given(st.lists(pdus, max_size=8), st.data())
def test_any_cut_of_what_is_heard_gives_the_same_events(said: list[Pdu], data: st.DataObject) -> None:
    whole, cut = esme(), esme()
    for session in (whole, cut):
        session.send(SubmitSm(), 1.0, token="a")
        session.pending()
    octets = b"".join(encode(pdu) for pdu in [*said, SubmitSmResp(2, message_id="1"), *said])
    at_once = whole.receive(octets, 1.0)
    in_pieces = [event for piece in data.draw(cuts(octets)) for event in cut.receive(piece, 1.0)]
    for events in (at_once, in_pieces):
        for event in events:
            if isinstance(event, Faulted):
                assert event.fault.recoverable
    plain = [[event for event in events if not isinstance(event, Faulted)] for events in (at_once, in_pieces)]
    assert plain[0] == plain[1]
    assert (whole.state, whole.counters, whole.pending()) == (cut.state, cut.counters, cut.pending())
