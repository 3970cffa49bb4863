"""A session whose peer errs, falls silent, answers late or floods."""

from __future__ import annotations

import gc
from struct import pack

import pytest

from smpp import constants as c
from smpp.codec import encode
from smpp.errors import LocalFault, PeerFault
from smpp.pdu import (
    DeliverSm,
    DeliverSmResp,
    EnquireLink,
    EnquireLinkResp,
    GenericNack,
    SubmitSm,
    SubmitSmResp,
    Unbind,
)
from smpp.session import (
    Answered,
    Faulted,
    Limits,
    LinkDead,
    Received,
    Role,
    Session,
    State,
    Unanswered,
    Unbound,
)
from tests.support.sessions import BIND, centre, esme, kinds, out, say


def test_a_broken_request_is_answered_and_the_session_goes_on() -> None:
    session = esme()
    broken = bytes.fromhex(
        "00000039000000050000000000000001000101393939393139393134353933000000363436340000000000000000080010c1e1e9edf3faf1fc"
    )
    events = session.receive(broken + encode(DeliverSm(2)), 1.0)
    assert kinds(events) == [Faulted, Received]
    assert isinstance(events[0], Faulted)
    assert events[0].frame == broken
    assert out(session) == [DeliverSmResp(1, c.ESME_RINVMSGLEN, message_id="")]


def test_a_broken_parameter_is_tolerated_and_counted() -> None:
    session = esme()
    frame = encode(DeliverSm(3, short_message=b"JA")) + bytes.fromhex("001e004141")
    events = session.receive(pack(">I", len(frame)) + frame[4:], 1.0)
    assert kinds(events) == [Faulted, Received]
    assert isinstance(events[1], Received)
    assert events[1].pdu == DeliverSm(3, short_message=b"JA", trailing=bytes.fromhex("001e004141"))
    assert session.counters["truncated_tlv"] == 1
    assert session.pending() == b""


def test_a_broken_response_answers_all_the_same() -> None:
    session = esme()
    number = session.send(SubmitSm(), 1.0, token="a")
    events = session.receive(pack(">IIII", 17, c.SUBMIT_SM_RESP, 0, number) + b"9", 1.0)
    assert events[1:] == [Answered("a", SubmitSm(), SubmitSmResp(number, message_id="9"))]


def test_an_unknown_request_is_nacked_and_an_unknown_response_is_not() -> None:
    session = esme()
    events = session.receive(pack(">IIII", 16, 0x110, 0, 7) + pack(">IIII", 16, 0x80033302, 0, 8), 1.0)
    assert kinds(events) == [Faulted, Faulted]
    assert out(session) == [GenericNack(7, c.ESME_RINVCMDID)]


def test_a_broken_request_that_has_no_response_is_nacked() -> None:
    session = esme()
    assert kinds(session.receive(pack(">IIII", 16, c.ALERT_NOTIFICATION, 0, 7), 1.0)) == [Faulted]
    assert out(session) == [GenericNack(7, c.ESME_RINVCMDLEN)]


def test_a_foreign_greeting_is_nacked_and_ends_the_session() -> None:
    session = Session(Role.ESME, Limits(), now=0.0)
    session.send(BIND, 0.0, token="bind")
    session.pending()
    events = session.receive(b"HTTP/1.1 400 Bad Request\r\n", 1.0)
    assert kinds(events) == [Faulted, Unanswered, LinkDead]
    assert isinstance(events[-1], LinkDead)
    assert "speaks HTTP" in events[-1].reason
    assert out(session) == [GenericNack(0, c.ESME_RINVCMDLEN)]
    assert session.receive(b"more", 1.0) == []


def test_pdus_before_garbage_still_count() -> None:
    session = esme()
    events = session.receive(encode(DeliverSm(1)) + b"\0\0\0\0", 1.0)
    assert kinds(events) == [Received, Faulted, LinkDead]


def test_garbage_behind_an_unbind_is_not_even_looked_at() -> None:
    session = esme()
    assert kinds(session.receive(encode(Unbind(1)) + b"\0\0\0\0", 1.0)) == [Unbound]


def test_faults_beyond_the_budget_end_the_session() -> None:
    session = esme(Limits(nack_budget=3))
    unknown = pack(">IIII", 16, 0x110, 0, 7)
    session.send(SubmitSm(), 1.0, token="a")
    events = session.receive(unknown * 5, 1.0)
    assert kinds(events) == [Faulted] * 4 + [Unanswered, LinkDead]
    assert out(session)[-1].command == "unbind"


def test_good_pdus_pay_for_bad_ones() -> None:
    session = esme(Limits(nack_budget=3))
    unknown = pack(">IIII", 16, 0x110, 0, 7)
    for _ in range(50):
        assert kinds(session.receive((unknown + encode(EnquireLink(1))) * 3, 1.0)) == [Faulted] * 3
    assert session.state is State.BOUND_TRX


def test_pdus_out_of_state_beyond_the_budget_end_the_session() -> None:
    session = Session(Role.MC, Limits(nack_budget=1), now=0.0)
    assert kinds(say(session, SubmitSm(1), SubmitSm(2), SubmitSm(3))) == [Faulted, Faulted, LinkDead]
    assert [pdu.command for pdu in out(session)] == ["submit_sm_resp"]


def test_faults_are_not_kept_alive_by_the_frames_they_came_through() -> None:
    def alive() -> int:
        gc.collect()
        return sum(isinstance(thing, PeerFault) for thing in gc.get_objects())

    before = alive()
    session = esme()
    truncated, unknown = pack(">IIII", 17, c.SUBMIT_SM, 0, 1) + b"x", pack(">IIII", 16, 0x110, 0, 7)
    assert kinds(session.receive((truncated + unknown) * 10 + b"HTTP", 1.0)) == [Faulted] * 21 + [LinkDead]
    del session
    assert alive() == before


# ---------------------------------------------------------------------------------------------------------------- time


def test_a_connection_without_a_bind_is_closed() -> None:
    session = Session(Role.MC, Limits(session_init_s=5), now=100.0)
    assert session.next_tick_at() == 105.0
    assert session.tick(104.0) == []
    assert session.tick(105.0) == [LinkDead("not bound in time")]


def test_without_an_instant_the_timer_starts_when_the_time_is_known() -> None:
    for start in ("tick", "receive", "send"):
        session = Session(Role.ESME, Limits(session_init_s=5))
        assert session.next_tick_at() == 0.0
        if start == "tick":
            session.tick(1000.0)
        elif start == "receive":
            session.receive(b"", 1000.0)
        else:
            session.send(BIND, 1000.0)
        assert session.next_tick_at() == 1005.0


def test_a_bind_that_is_not_answered_ends_the_session() -> None:
    session = Session(Role.ESME, Limits(session_init_s=90, response_s=60), now=0.0)
    session.send(BIND, 0.0)
    assert session.next_tick_at() == 60.0
    assert session.tick(60.0) == [LinkDead("no answer to bind_transceiver")]


def test_silence_is_asked_about_and_then_ends_the_session() -> None:
    session = esme(Limits(enquire_link_s=30, enquire_answer_s=30))
    session.send(SubmitSm(), 1.0, token="a")
    session.pending()
    assert session.next_tick_at() == 30.0
    assert session.tick(30.0) == []
    assert [pdu.command for pdu in out(session)] == ["enquire_link"]
    assert session.next_tick_at() == 60.0
    assert session.tick(59.0) == []
    assert session.tick(60.0) == [
        Unanswered("a", SubmitSm(), "no answer to enquire_link"),
        LinkDead("no answer to enquire_link"),
    ]
    assert [pdu.command for pdu in out(session)] == ["unbind"]


def test_anything_heard_is_a_sign_of_life() -> None:
    session = esme(Limits(enquire_link_s=30, enquire_answer_s=30))
    session.tick(30.0)
    session.receive(b"\0", 59.0)
    assert session.tick(60.0) == []
    assert session.next_tick_at() == 89.0


def test_a_late_answer_is_asked_about_never_sent_again_and_given_up_at_twice_the_timer() -> None:
    session = esme(Limits(response_s=10, enquire_link_s=300))
    session.send(SubmitSm(), 0.0, token="a")
    session.pending()
    assert session.next_tick_at() == 10.0
    assert session.tick(10.0) == []
    (probe,) = out(session)
    assert probe.command == "enquire_link"
    assert say(session, EnquireLinkResp(probe.sequence_number), now=10.1) == []
    assert session.next_tick_at() == 20.0
    reason = "a request stayed unanswered for twice the response timer"
    assert session.tick(20.0) == [Unanswered("a", SubmitSm(), reason), LinkDead(reason)]


def test_an_answer_behind_the_timer_is_taken_while_the_session_lives() -> None:
    session = esme(Limits(response_s=10))
    number = session.send(SubmitSm(), 0.0, token="a")
    session.tick(10.0)
    assert kinds(say(session, SubmitSmResp(number, message_id="1"), now=19.0)) == [Answered]
    assert session.tick(20.0) == []


def test_a_question_of_the_application_that_stays_unanswered_is_handed_back() -> None:
    session = esme(Limits(response_s=10))
    session.send(EnquireLink(), 0.0, token="fence")
    session.receive(b"", 9.0)
    assert session.tick(10.0) == [Unanswered("fence", EnquireLink(), "no answer to enquire_link")]
    session.send(EnquireLink(), 10.0)
    session.receive(b"", 19.0)
    assert session.tick(20.0) == []
    assert session.counters["control_unanswered"] == 2


def test_an_idle_link_is_unbound_and_an_unbind_is_awaited_no_longer_than_an_answer() -> None:
    session = esme(Limits(inactivity_s=20, enquire_link_s=15, response_s=10))
    say(session, EnquireLink(1), now=19.0)
    assert session.tick(20.0) == []
    assert session.state is State.ESME_UNBINDING
    assert session.next_tick_at() == 30.0
    assert session.tick(29.0) == []
    assert session.tick(30.0) == [LinkDead("no answer to unbind")]


def test_messages_keep_an_idle_link() -> None:
    session = esme(Limits(inactivity_s=20))
    say(session, DeliverSm(1), now=15.0)
    assert session.tick(20.0) == []
    session.answer(DeliverSm(1), 0, 30.0)
    assert session.tick(35.0) == []
    session.send(SubmitSm(), 49.0)
    assert session.tick(50.0) == []
    assert session.state is State.BOUND_TRX


def test_when_too_many_questions_are_out_no_other_is_added() -> None:
    session = esme(Limits(enquire_link_s=30, response_s=60))
    for token in range(64):
        session.send(EnquireLink(), 1.0, token=token)
    session.receive(b"", 1.5)
    session.pending()
    assert session.tick(31.5) == []
    assert session.pending() == b""
    with pytest.raises(LocalFault, match="window of 64"):
        session.send(EnquireLink(), 31.0)
    assert session.tick(62.0)[-1] == LinkDead("no answer to enquire_link")


def test_requests_on_their_way_are_still_taken_and_answered_while_we_unbind() -> None:
    session = centre()
    session.send(Unbind(), 1.0)
    (event,) = say(session, SubmitSm(5), now=1.5)
    assert isinstance(event, Received)
    assert session.answer(event.pdu, SubmitSmResp(message_id="1"), 2.0)
    assert [pdu.command for pdu in out(session)] == ["unbind", "submit_sm_resp"]
