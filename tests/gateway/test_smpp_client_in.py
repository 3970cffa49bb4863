"""A connector's other end: what a read brings, how it is answered, and how the connector says it stands."""

from typing import Any

from router.instants import SECOND
from router.outbox import Outcome
from router.world import Virtual
from smpp import constants as c
from smpp.errors import PeerFault
from smpp.events import Faulted, Received
from smpp.pdu import DeliverSm, QuerySm
from tests.support.fake_links import NOW, FakeLink, Notes, connector_on, received

RECEIPT = b"id:0A12 sub:001 dlvrd:001 submit date:2601051200 done date:2601051201 stat:DELIVRD err:000 text:Hallo"


def test_one_read_becomes_one_read_and_each_is_answered_when_it_is_kept() -> None:
    notes, link = Notes(), FakeLink(5)
    connector = connector_on(notes, link)
    connector.received(link, [received(1), received(2, RECEIPT, esm_class=4), received(3, b"NEE")])  # type: ignore[arg-type]
    (read,) = notes.reads
    assert [one.text for one in read.inbound] == ["JA", "NEE"]
    assert [one.message_id for one in read.receipts] == ["0A12"]
    assert read.octets == 18
    assert {one.session for one in read.inbound} == {read.receipts[0].session}
    assert link.answers == [], "nothing is acknowledged before it is kept"
    first, third = read.inbound
    read.answers[first.id](True)
    read.answers[third.id](False)
    read.answers[read.receipts[0].id](True)
    assert link.answers == [(1, c.ESME_ROK), (3, c.ESME_RX_T_APPN), (2, c.ESME_ROK)]


def test_requests_that_are_no_messages_are_refused_as_unknown() -> None:
    notes, link = Notes(), FakeLink()
    connector = connector_on(notes, link)
    connector.received(link, [Received(QuerySm(sequence_number=9), b"")])  # type: ignore[arg-type]
    assert (notes.reads, link.answers) == ([], [(9, c.ESME_RINVCMDID)])


def test_before_a_stop_the_centre_keeps_what_it_sends() -> None:
    notes, link = Notes(), FakeLink()
    connector = connector_on(notes, link)
    connector.refuse_new()
    connector.received(link, [received(1)])  # type: ignore[arg-type]
    assert (notes.reads, link.answers) == ([], [(1, c.ESME_RX_T_APPN)])


def test_what_cannot_be_read_as_a_pdu_is_kept_with_its_octets() -> None:
    notes, link = Notes(), FakeLink()
    connector = connector_on(notes, link)
    connector._faulted(link, Faulted(PeerFault("the body ends early", 2), b"\x00\x01"))  # type: ignore[arg-type]
    connector._faulted(link, Faulted(PeerFault("odd", 2, salvage=DeliverSm()), b"\x00\x02"))  # type: ignore[arg-type]
    (read,) = notes.reads
    (kept,) = read.inbound
    assert (kept.frame, kept.unreadable) == (b"\x00\x01", "the body ends early")
    read.answers[kept.id](True)
    assert link.answers == [], "the session has answered it"


def test_reading_is_paused_and_resumed_on_every_link() -> None:
    first, second = FakeLink(1), FakeLink(2)
    connector = connector_on(Notes(), first, second)
    connector.pause_reading()
    assert (first.reading, second.reading) == (False, False)
    connector.resume_reading()
    assert (first.reading, second.reading) == (True, True)


# -------------------------------------------------------------------------------------------------------- standing


def test_trouble_is_a_sentence_while_no_link_is_bound() -> None:
    link = FakeLink()
    connector = connector_on(Notes(), link)
    assert connector.trouble == ""
    link.bound = False
    assert connector.trouble == "not bound to smsc.example:2775 yet"
    link.trouble = "cannot reach smsc.example:2775: nothing listens there (connection refused)"
    assert connector.trouble == link.trouble
    connector.client.links.append(FakeLink(2))  # type: ignore[attr-defined]
    assert connector.trouble == ""


async def test_starting_and_stopping_are_the_clients() -> None:
    connector = connector_on(Notes())
    connector.start()
    await connector.stop(3.0)
    client: Any = connector.client
    assert (client.started, client.stopped_within) == (True, 3.0)


def test_sessions_of_two_processes_differ() -> None:
    sessions = []
    for at in (NOW, NOW + SECOND):
        notes, link = Notes(), FakeLink(1)
        connector = connector_on(notes, link, world=Virtual(at))
        connector.changed(link)  # type: ignore[arg-type]
        connector.received(link, [received(1)])  # type: ignore[arg-type]
        sessions.append(notes.reads[0].inbound[0].session)
    assert 0 < sessions[0] < sessions[1]


def test_settling_what_is_not_held_changes_nothing() -> None:
    connector = connector_on(Notes(), FakeLink())
    connector.settled([Outcome(id=99, connector="carrier", state="unknown")])
    assert connector.held == 0
