"""A session of either end: binding, requests and answers, the polite end. Octets in, events and octets out."""

from __future__ import annotations

from struct import pack

import pytest

from smpp import constants as c
from smpp.codec import encode
from smpp.errors import LocalFault
from smpp.pdu import (
    AlertNotification,
    BindReceiver,
    BindReceiverResp,
    BindTransceiver,
    BindTransceiverResp,
    BindTransmitter,
    DataSm,
    DeliverSm,
    DeliverSmResp,
    EnquireLink,
    EnquireLinkResp,
    GenericNack,
    Outbind,
    Pdu,
    QuerySm,
    QuerySmResp,
    SubmitSm,
    SubmitSmResp,
    Unbind,
    UnbindResp,
)
from smpp.session import (
    Answered,
    Bound,
    Faulted,
    Limits,
    Received,
    Role,
    Session,
    State,
    Unanswered,
    Unbound,
)
from tests.support.sessions import ACCEPTED, BIND, centre, esme, kinds, out, say


def test_a_bind_is_asked_and_accepted() -> None:
    session = Session(Role.ESME, Limits(window=7), now=0.0)
    assert (session.state, session.room) == (State.OPEN, 0)
    number = session.send(BIND, 0.0, token="bind")
    assert out(session) == [BindTransceiver(number, system_id="kwek", password="secret")]
    assert session.state is State.BINDING_TRX
    response = BindTransceiverResp(number, system_id="smsc", tlvs=((c.TAG_SC_INTERFACE_VERSION, b"\x50"),))
    assert say(session, response) == [Bound("bind", BIND, response, 0x50)]
    assert (session.state, session.room, session.peer_version) == (State.BOUND_TRX, 7, 0x50)


def test_a_centre_that_does_not_say_its_version() -> None:
    assert esme().peer_version is None


@pytest.mark.parametrize("refusal", [BindTransceiverResp(1, c.ESME_RINVPASWD), GenericNack(1, c.ESME_RINVCMDID)])
def test_a_refused_bind_leaves_the_session_open_for_another(refusal: Pdu) -> None:
    session = Session(Role.ESME, Limits(), now=0.0)
    session.send(BIND, 0.0, token="bind")
    assert say(session, refusal) == [Answered("bind", BIND, refusal)]
    assert session.state is State.OPEN
    session.send(BindReceiver(system_id="kwek"), 2.0)
    assert {session.state} == {State.BINDING_RX}


def test_a_nack_of_something_else_does_not_end_the_binding() -> None:
    session = Session(Role.ESME, Limits(), now=0.0)
    session.send(BIND, 0.0)
    session.send(EnquireLink(), 0.0, token="probe")
    assert kinds(say(session, GenericNack(2, 3))) == [Answered]
    assert session.state is State.BINDING_TRX


def test_a_centre_takes_a_bind_and_answers_it() -> None:
    session = Session(Role.MC, Limits(), now=0.0)
    (event,) = say(session, BindTransceiver(9, system_id="kwek", interface_version=0x33))
    assert isinstance(event, Received)
    assert (session.state, session.peer_version) == (State.BINDING_TRX, 0x33)
    assert session.answer(event.pdu, ACCEPTED, 1.0)
    assert session.state is State.BOUND_TRX
    (answer,) = out(session)
    assert (answer.sequence_number, answer.command_status) == (9, 0)


def test_a_centre_refuses_a_bind_without_a_body() -> None:
    session = Session(Role.MC, Limits(), now=0.0)
    (event,) = say(session, BindTransmitter(9))
    assert isinstance(event, Received)
    session.answer(event.pdu, c.ESME_RBINDFAIL, 1.0)
    assert session.state is State.OPEN
    assert session.pending() == pack(">IIII", 16, c.BIND_TRANSMITTER_RESP, c.ESME_RBINDFAIL, 9)


def test_a_second_bind_is_refused_as_already_bound() -> None:
    session = centre()
    (event,) = say(session, BindReceiver(5))
    assert isinstance(event, Faulted)
    assert out(session) == [BindReceiverResp(5, c.ESME_RALYBND)]
    assert session.state is State.BOUND_TRX


def test_outbind_asks_for_a_bind() -> None:
    session = Session(Role.ESME, Limits(), now=0.0)
    (event,) = say(session, Outbind(1, system_id="smsc"))
    assert isinstance(event, Received)
    assert session.state is State.OUTBOUND
    with pytest.raises(LocalFault, match="outbind has no response"):
        session.answer(event.pdu, 0, 0.0)
    session.send(BindReceiver(), 1.0)
    assert {session.state} == {State.BINDING_RX}


def test_a_centre_says_outbind_and_awaits_no_answer() -> None:
    session = Session(Role.MC, Limits(), now=0.0)
    session.send(Outbind(system_id="smsc"), 0.0)
    assert session.state is State.OUTBOUND
    assert session.outstanding == 0


# ------------------------------------------------------------------------------------------------ requests and answers


def test_requests_are_numbered_and_their_answers_come_back_with_the_token() -> None:
    session = esme()
    hello, bye = SubmitSm(short_message=b"hello"), SubmitSm(short_message=b"bye")
    first, second = session.send(hello, 1.0, token="a"), session.send(bye, 1.0, token="b")
    assert second == first + 1
    assert [pdu.sequence_number for pdu in out(session)] == [first, second]
    assert (session.room, session.outstanding) == (8, 2)
    late, early = SubmitSmResp(second, message_id="2"), SubmitSmResp(first, message_id="1")
    assert say(session, late, early) == [Answered("b", bye, late), Answered("a", hello, early)]
    assert session.room == 10


def test_what_is_pending_is_taken_once() -> None:
    session = esme()
    session.send(SubmitSm(), 1.0)
    assert session.pending()
    assert session.pending() == b""


def test_a_full_window_refuses_and_changes_nothing() -> None:
    session = esme(Limits(window=1))
    session.send(SubmitSm(), 1.0)
    session.pending()
    with pytest.raises(LocalFault, match="window of 1"):
        session.send(SubmitSm(), 1.0)
    assert session.pending() == b""
    assert session.last_sequence == 2


def test_a_field_that_cannot_be_written_changes_nothing() -> None:
    session = esme()
    with pytest.raises(LocalFault, match="short_message"):
        session.send(SubmitSm(short_message=bytes(255)), 1.0)
    assert (session.pending(), session.outstanding) == (b"", 0)


@pytest.mark.parametrize("pdu", [DeliverSm(), Outbind(), SubmitSmResp(), GenericNack(), BIND])
def test_what_the_table_does_not_allow_cannot_be_sent(pdu: Pdu) -> None:
    with pytest.raises(LocalFault, match="ESME cannot send"):
        esme().send(pdu, 1.0)


def test_a_transmitter_does_not_take_deliver_sm() -> None:
    session = esme(bind=BindTransmitter())
    assert kinds(say(session, DeliverSm(4))) == [Faulted]
    assert out(session) == [DeliverSmResp(4, c.ESME_RINVBNDSTS, message_id="")]
    assert session.counters["bad_state"] == 1


def test_fifty_in_one_read_and_each_answer_echoes_its_number() -> None:
    session = esme()
    pdus = [DeliverSm(0x806A0000 + number, short_message=b"JA") for number in range(50)]
    events = say(session, *pdus)
    assert [(event.pdu, event.frame) for event in events if isinstance(event, Received)] == [
        (pdu, encode(pdu)) for pdu in pdus
    ]
    for event in events:
        assert isinstance(event, Received)
        session.answer(event.pdu, 0, 2.0)
    assert session.pending() == b"".join(
        pack(">IIII", 17, c.DELIVER_SM_RESP, 0, pdu.sequence_number) + b"\0" for pdu in pdus
    )


def test_data_sm_goes_both_ways() -> None:
    session = esme()
    number = session.send(DataSm(destination_addr="31612345678"), 1.0)
    (event,) = say(session, DataSm(77))
    assert isinstance(event, Received)
    assert session.answer(event.pdu, c.ESME_RX_T_APPN, 1.0)
    assert [(pdu.command, pdu.sequence_number) for pdu in out(session)] == [("data_sm", number), ("data_sm_resp", 77)]


def test_an_answer_of_the_wrong_kind_or_without_its_fields_is_our_fault() -> None:
    session = centre()
    (query, submit) = (event.pdu for event in say(session, QuerySm(3), SubmitSm(4)) if isinstance(event, Received))
    with pytest.raises(LocalFault, match="submit_sm_resp does not answer query_sm"):
        session.answer(query, SubmitSmResp(), 1.0)
    with pytest.raises(LocalFault, match="a good query_sm_resp has fields"):
        session.answer(query, 0, 1.0)
    session.answer(query, QuerySmResp(message_id="1", final_date="", message_state=2, error_code=0), 1.0)
    session.answer(submit, GenericNack(0, c.ESME_RINVCMDID), 1.0)
    assert [(pdu.command, pdu.sequence_number) for pdu in out(session)] == [("query_sm_resp", 3), ("generic_nack", 4)]


def test_an_answer_the_state_forbids_is_our_fault() -> None:
    session = centre()
    with pytest.raises(LocalFault, match="MC cannot send bind_transceiver_resp"):
        session.answer(BIND, 0, 1.0)


def test_an_answer_after_the_end_is_nobodys_fault() -> None:
    session = esme()
    (event,) = say(session, DeliverSm(4))
    assert isinstance(event, Received)
    session.close(1.0)
    assert session.answer(event.pdu, 0, 2.0) is False
    assert session.counters["answers_too_late"] == 1


def test_strange_responses_are_counted_and_change_nothing() -> None:
    session = esme()
    session.send(SubmitSm(), 1.0, token="a")
    session.pending()
    strays = [SubmitSmResp(999), DeliverSmResp(2), QuerySmResp(2), EnquireLinkResp(2), BindTransceiverResp(2)]
    assert say(session, *strays) == []
    assert session.counters["unknown_response"] == len(strays)
    assert (session.outstanding, session.pending(), session.state) == (1, b"", State.BOUND_TRX)
    assert kinds(say(session, SubmitSmResp(2, message_id="1"), SubmitSmResp(2, message_id="1"))) == [Answered]
    assert session.counters["unknown_response"] == len(strays) + 1


def test_a_nack_answers_when_its_number_matches_and_is_the_sessions_otherwise() -> None:
    session = esme()
    number = session.send(SubmitSm(), 1.0, token="a")
    nack = GenericNack(number, c.ESME_RINVCMDID)
    assert say(session, nack) == [Answered("a", SubmitSm(), nack)]
    (event,) = say(session, GenericNack(0, c.ESME_RINVCMDLEN))
    assert isinstance(event, Faulted)
    assert (event.fault.kind, event.fault.status) == ("stray_nack", c.ESME_RINVCMDLEN)


def test_the_peers_congestion_is_known_from_any_response() -> None:
    session = esme()
    number = session.send(SubmitSm(), 1.0)
    say(session, SubmitSmResp(number, message_id="1", tlvs=((c.TAG_CONGESTION_STATE, b"\x50"),)))
    assert session.congestion_state == 80
    number = session.send(SubmitSm(), 1.0)
    say(session, SubmitSmResp(number, message_id="1", tlvs=((0x1400, b"x"),)))
    assert session.congestion_state == 80


def test_numbers_wrap_and_skip_those_in_use() -> None:
    session = esme()
    session.send(SubmitSm(), 1.0)
    session.send(EnquireLink(), 1.0)
    assert session.last_sequence == 3
    session.last_sequence = c.MAX_SEQUENCE - 1
    assert [session.send(SubmitSm(), 1.0) for _ in range(4)] == [c.MAX_SEQUENCE, 1, 4, 5]


def test_an_alert_needs_no_answer() -> None:
    assert kinds(say(esme(), AlertNotification(3))) == [Received]
    session = centre()
    session.send(AlertNotification(), 1.0)
    assert session.outstanding == 0


# ------------------------------------------------------------------------------------------------ enquire_link, unbind


def test_enquire_link_is_answered_by_the_session() -> None:
    session = esme()
    assert say(session, EnquireLink(0x99999999)) == []
    assert out(session) == [EnquireLinkResp(0x99999999)]


def test_an_enquire_link_of_the_application_is_answered_to_it() -> None:
    session = esme()
    number = session.send(EnquireLink(), 1.0, token="fence")
    assert session.room == 10
    assert say(session, EnquireLinkResp(number)) == [Answered("fence", EnquireLink(), EnquireLinkResp(number))]


def test_a_polite_end_asked_by_us() -> None:
    session = esme()
    session.send(SubmitSm(), 1.0, token="a")
    number = session.send(Unbind(), 1.0)
    assert (session.state, session.room) == (State.ESME_UNBINDING, 0)
    with pytest.raises(LocalFault):
        session.send(SubmitSm(), 1.0)
    events = say(session, DeliverSm(4), UnbindResp(number), DeliverSm(5))
    assert kinds(events) == [Received, Unanswered, Unbound]
    assert events[1] == Unanswered("a", SubmitSm(), "unbound")
    assert events[2] == Unbound(by_peer=False)
    assert session.state is State.CLOSED


def test_a_polite_end_asked_by_the_peer() -> None:
    session = esme()
    session.send(SubmitSm(), 1.0, token="a")
    session.pending()
    events = say(session, Unbind(9), DeliverSm(10))
    assert events == [Unanswered("a", SubmitSm(), "the peer unbound"), Unbound(by_peer=True)]
    assert out(session) == [UnbindResp(9)]
    assert session.state is State.CLOSED
    assert say(session, DeliverSm(11)) == []


def test_both_ends_unbind_at_once() -> None:
    ours, theirs = esme(), centre()
    number = ours.send(Unbind(), 1.0)
    theirs.send(Unbind(), 1.0)
    towards, back = ours.pending(), theirs.pending()
    assert theirs.receive(towards, 1.0) == []
    assert ours.receive(back, 1.0) == []
    assert ours.state is State.ESME_UNBINDING
    assert ours.receive(theirs.pending(), 1.0) == [Unbound(by_peer=False)]
    assert theirs.receive(ours.pending(), 1.0) == [Unbound(by_peer=False)]
    assert number == 2


def test_a_lost_connection_hands_back_what_waits() -> None:
    session = esme()
    session.send(SubmitSm(), 1.0, token="a")
    session.send(EnquireLink(), 1.0)
    session.send(EnquireLink(), 1.0, token="fence")
    lost = session.close(2.0)
    assert lost == [
        Unanswered("a", SubmitSm(), "the connection closed"),
        Unanswered("fence", EnquireLink(), "the connection closed"),
    ]
    assert session.close(2.0) == []
    assert session.next_tick_at() is None
    assert session.tick(3.0) == []
