"""A connector's two ends on links without a network: what goes out, what comes back, and what becomes of it."""

from typing import Any

import pytest

from config.values import Refusals
from gateway.connectors.mapping import Mapping
from gateway.connectors.smpp_out import LOOK_AGAIN_S
from gateway.refusals import FIRST_RETRY, MOST_HANDINGS, MOST_TRIES
from gateway.throttle import FIRST_PAUSE_S
from router.instants import SECOND
from router.world import Virtual
from smpp import constants as c
from smpp.errors import LocalFault
from tests.support.fake_links import NOW, FakeLink, Notes, claim, connector_on, hand, long_text, received

LEASE = NOW / SECOND + 1.0


def reply(connector: Any, link: FakeLink, *statuses: int) -> None:
    """The centre answers the oldest requests, in one read."""
    connector.answered(link, link.replies(*statuses))


def settle(connector: Any, notes: Notes) -> list[tuple[int, str, str]]:
    """Everything reported is committed; gives what it was."""
    outcomes = list(notes.outcomes)
    connector.settled(outcomes)
    return notes.told()


# ------------------------------------------------------------------------------------------------------- going out


def test_a_claim_becomes_a_submit_sm_and_its_answer_an_outcome() -> None:
    notes, link = Notes(), FakeLink()
    connector = connector_on(notes, link)
    hand(connector, [claim(7)], LEASE)
    assert [pdu.short_message for pdu in link.sent] == [b"Hallo"]
    assert (connector.held, connector.room(), connector.most) == (1, 9, 10)
    reply(connector, link, c.ESME_ROK)
    (outcome,) = notes.outcomes
    assert (outcome.id, outcome.connector, outcome.state, len(outcome.message_ids)) == (7, "carrier", "sent", 1)
    assert connector.held == 1, "its slot is free when its outcome is on disk, not before"
    connector.settled([outcome])
    assert (connector.held, connector.room()) == (0, 10)


def test_what_is_older_than_its_lease_is_given_back_and_never_written() -> None:
    notes, link, world = Notes(), FakeLink(), Virtual(NOW)
    connector = connector_on(notes, link, world=world, rate=10.0)
    world.at += 2 * SECOND
    hand(connector, [claim(7)], LEASE)
    assert link.sent == []
    assert connector.held == 1
    assert settle(connector, notes) == [(7, "ready", "lease_over")]
    assert (connector.held, connector.pace()) == (0, 1), "the rate was not spent"


def test_without_a_bound_link_a_claim_is_given_back() -> None:
    notes = Notes()
    connector = connector_on(notes)
    hand(connector, [claim(7, long_text(3), 3)], LEASE)
    assert settle(connector, notes) == [(7, "ready", "no_link")]
    assert (connector.held, connector.room(), connector.most) == (0, 0, 0)


def test_while_octets_linger_nothing_is_handed_over_and_it_is_looked_at_again() -> None:
    notes, link = Notes(), FakeLink()
    connector = connector_on(notes, link)
    link.buffer_empty = False
    assert (connector.room(), connector.wait_s()) == (0, LOOK_AGAIN_S)
    hand(connector, [claim(7)], LEASE)
    assert link.sent == []
    assert settle(connector, notes) == [(7, "ready", "no_link")]
    link.buffer_empty = True
    assert (connector.room(), connector.wait_s()) == (10, 0.0)


def test_a_full_window_or_no_link_is_nothing_to_look_at_again() -> None:
    connector = connector_on(Notes(), link := FakeLink(window=1))
    hand(connector, [claim()], LEASE)
    assert (connector.room(), connector.wait_s()) == (0, 0.0)
    link.end()
    assert (connector.most, connector.wait_s()) == (0, 0.0)


def test_of_two_binds_the_one_with_more_room_carries_the_next_text() -> None:
    notes, first, second = Notes(), FakeLink(1, 4), FakeLink(2, 4)
    connector = connector_on(notes, first, second)
    assert (connector.most, connector.room()) == (8, 8)
    hand(connector, [claim(number) for number in range(1, 5)], LEASE)
    assert (len(first.sent), len(second.sent)) == (2, 2)
    first.buffer_empty = False
    assert connector.room() == 2
    hand(connector, [claim(5), claim(6)], LEASE)
    assert (len(first.sent), len(second.sent)) == (2, 4)


def test_a_pair_sends_on_its_transmitter_only() -> None:
    notes, sends, receives = Notes(), FakeLink(1, can_receive=False), FakeLink(2, can_send=False)
    connector = connector_on(notes, receives, sends, bind="pair")
    assert (connector.most, connector.room()) == (10, 10)
    hand(connector, [claim()], LEASE)
    assert (len(sends.sent), len(receives.sent)) == (1, 0)
    connector.received(receives, [received(1)])  # type: ignore[arg-type]
    assert len(notes.reads) == 1


def test_a_text_longer_than_the_window_goes_out_piece_by_piece_and_holds_the_whole_window() -> None:
    notes, link = Notes(), FakeLink(window=2)
    connector = connector_on(notes, link)
    hand(connector, [claim(7, long_text(5), 5)], LEASE)
    assert (len(link.sent), connector.held, connector.room()) == (2, 2, 0)
    reply(connector, link, 0)
    assert len(link.sent) == 3
    reply(connector, link, 0, 0)
    assert (len(link.sent), notes.outcomes) == (5, [])
    reply(connector, link, 0, 0)
    (outcome,) = notes.outcomes
    assert (outcome.state, len(outcome.message_ids)) == ("sent", 5)
    order = [pdu.short_message[5] for pdu in link.sent]
    assert order == [1, 2, 3, 4, 5]
    settle(connector, notes)
    assert (connector.held, connector.room()) == (0, 2)


def test_what_waits_for_room_on_one_link_does_not_go_over_another() -> None:
    notes, first, second = Notes(), FakeLink(1, 1), FakeLink(2, 1)
    connector = connector_on(notes, first, second)
    hand(connector, [claim(7, long_text(3), 3), claim(8, long_text(3), 3)], LEASE)
    reply(connector, second, 0)
    reply(connector, second, 0)
    assert [pdu.short_message[5] for pdu in second.sent] == [1, 2, 3]
    assert [pdu.short_message[5] for pdu in first.sent] == [1]
    reply(connector, first, 0)
    reply(connector, first, 0)
    assert [pdu.short_message[5] for pdu in first.sent] == [1, 2, 3]


def test_what_no_encoding_carries_fails_at_once() -> None:
    notes, link = Notes(), FakeLink()
    connector = connector_on(notes, link)
    hand(connector, [claim(7, address="3" * 30)], LEASE)
    ((id, state, reason),) = settle(connector, notes)
    assert (id, state) == (7, "failed")
    assert "destination_addr" in reason
    assert (link.sent, connector.held) == ([], 0)


def test_the_rate_counts_segments() -> None:
    notes, link, world = Notes(), FakeLink(window=50), Virtual(NOW)
    connector = connector_on(notes, link, world=world, rate=50.0)
    assert connector.pace() == 5
    hand(connector, [claim(7, long_text(5), 5)], LEASE)
    assert connector.pace() == 0
    assert connector.wait_s() == pytest.approx(0.02, abs=0.0011)
    world.at += SECOND // 20
    assert connector.pace() == 2
    hand(connector, [claim(8, long_text(6), 6)], LEASE)
    assert (connector.pace(), len(link.sent)) == (-4, 11), "a text that has begun is let go whole"
    assert connector.wait_s() == pytest.approx(0.09, abs=0.0011)


# --------------------------------------------------------------------------------------------------------- refused


@pytest.mark.parametrize("status", [c.ESME_RTHROTTLED, c.ESME_RMSGQFUL])
def test_throttled_pauses_the_whole_connector_and_the_text_waits_as_long(status: int) -> None:
    notes, link, world = Notes(), FakeLink(), Virtual(NOW)
    connector = connector_on(notes, link, world=world)
    hand(connector, [claim(1), claim(2), claim(3, attempts=MOST_TRIES + 5, retries=MOST_TRIES - 1)], LEASE)
    reply(connector, link, status, 0, status)
    assert [(one.id, one.state) for one in notes.outcomes] == [(1, "ready"), (2, "sent"), (3, "ready")]
    assert {one.retry_at for one in notes.outcomes if one.state == "ready"} == {NOW + int(FIRST_PAUSE_S * SECOND)}
    settle(connector, notes)
    assert (connector.pace(), connector.wait_s()) == (0, FIRST_PAUSE_S)
    assert connector.refused == {c.status_name(status): 2}
    world.at += int(FIRST_PAUSE_S * SECOND)
    assert (connector.pace() > 0, connector.room()) == (True, 10)


@pytest.mark.parametrize("status", [c.ESME_RSYSERR, c.ESME_RX_T_APPN])
def test_a_passing_fault_is_tried_again_later_and_later_and_then_fails(status: int) -> None:
    notes, link = Notes(), FakeLink()
    connector = connector_on(notes, link)
    waits = []
    for retries in range(MOST_TRIES - 1):
        hand(connector, [claim(7, retries=retries)], LEASE)
        reply(connector, link, status)
        (outcome,) = notes.outcomes
        assert (outcome.state, outcome.retried) == ("ready", True)
        waits.append(outcome.retry_at - NOW)
        settle(connector, notes)
    assert waits[:3] == [FIRST_RETRY, 2 * FIRST_RETRY, 4 * FIRST_RETRY]
    assert connector.room() == 10, "other texts go on"
    hand(connector, [claim(7, retries=MOST_TRIES - 1)], LEASE)
    reply(connector, link, status)
    assert settle(connector, notes) == [(7, "failed", f"refused with {c.status_name(status)}")]


@pytest.mark.parametrize("status", [c.ESME_RINVDSTADR, c.ESME_RSUBMITFAIL, c.ESME_RX_P_APPN, 0x0400])
def test_a_lasting_fault_fails_once(status: int) -> None:
    notes, link = Notes(), FakeLink()
    connector = connector_on(notes, link)
    hand(connector, [claim(7)], LEASE)
    reply(connector, link, status)
    assert settle(connector, notes) == [(7, "failed", f"refused with {c.status_name(status)}")]
    assert (connector.held, notes.timers, len(link.sent)) == (0, [], 1)


def test_a_generic_nack_is_a_refusal_like_another() -> None:
    notes, link = Notes(), FakeLink()
    connector = connector_on(notes, link)
    hand(connector, [claim(7)], LEASE)
    reply(connector, link, -c.ESME_RINVCMDLEN)
    assert settle(connector, notes) == [(7, "failed", "refused with ESME_RINVCMDLEN")]


def test_an_operator_may_say_what_follows_a_status() -> None:
    notes, link = Notes(), FakeLink()
    connector = connector_on(notes, link, retry=Refusals(((0x0400, "retry"), (c.ESME_RTHROTTLED, "fail"))))
    hand(connector, [claim(1), claim(2)], LEASE)
    reply(connector, link, 0x0400, c.ESME_RTHROTTLED)
    assert [(id, state) for id, state, _ in settle(connector, notes)] == [(1, "ready"), (2, "failed")]


def test_of_a_long_text_only_what_was_refused_is_sent_again() -> None:
    notes, link = Notes(), FakeLink()
    connector = connector_on(notes, link)
    hand(connector, [claim(7, long_text(4), 4)], LEASE)
    reply(connector, link, 0, c.ESME_RTHROTTLED, 0, c.ESME_RTHROTTLED)
    (outcome,) = notes.outcomes
    assert (outcome.state, outcome.accepted, len(outcome.message_ids)) == ("ready", "0,2/4", 2)
    assert not outcome.retried, "a pause is no try"
    settle(connector, notes)
    assert connector.held == 0, "nothing waits here: a stop meanwhile leaves the row as it is"
    hand(connector, [claim(7, long_text(4), 4, accepted=outcome.accepted)], LEASE)
    assert [pdu.short_message[5] for pdu in link.sent] == [1, 2, 3, 4, 2, 4]
    reply(connector, link, 0, 0)
    (outcome,) = notes.outcomes
    assert (outcome.state, len(outcome.message_ids), outcome.without_receipt) == ("sent", 2, 0)


def test_a_text_that_is_cut_otherwise_than_before_goes_out_whole() -> None:
    notes, link = Notes(), FakeLink()
    connector = connector_on(notes, link)
    hand(connector, [claim(7, long_text(3), 3, accepted="0/4")], LEASE)
    assert [pdu.short_message[5] for pdu in link.sent] == [1, 2, 3]


def test_the_gravest_refusal_decides_and_what_was_accepted_keeps_its_ids() -> None:
    notes, link = Notes(), FakeLink()
    connector = connector_on(notes, link)
    hand(connector, [claim(7, long_text(4), 4)], LEASE)
    reply(connector, link, 0, c.ESME_RINVDSTADR, c.ESME_RSYSERR, c.ESME_RTHROTTLED)
    (outcome,) = notes.outcomes
    assert (outcome.state, outcome.reason) == ("failed", "refused with ESME_RINVDSTADR")
    assert (outcome.accepted, len(outcome.message_ids)) == ("0/4", 1)
    assert sum(connector.refused.values()) == 3


def test_a_text_in_one_payload_has_one_receipt_to_come() -> None:
    notes, link = Notes(), FakeLink()
    connector = connector_on(notes, link, long_messages="payload")
    hand(connector, [claim(7, long_text(3), 3)], LEASE)
    reply(connector, link, 0)
    (outcome,) = notes.outcomes
    assert (len(outcome.message_ids), outcome.without_receipt) == (1, 2)


# ---------------------------------------------------------------------------------------------------------- poison


class Broken(FakeLink):
    """A link over which some texts cannot be sent, for a reason nobody foresaw."""

    def __init__(self, **more: Any) -> None:
        super().__init__(**more)
        self.spoils = b""
        self.fault: Exception = RuntimeError("the codec has a bug")

    def send(self, pdu: Any, token: Any = None) -> int:
        if self.spoils in pdu.short_message:
            raise self.fault
        return super().send(pdu, token)


def test_a_text_that_cannot_be_handed_over_is_put_off_and_fails_and_the_others_go_out() -> None:
    notes, link = Notes(), Broken()
    link.spoils = b"bad"
    connector = connector_on(notes, link)
    waits = []
    for retries in range(MOST_HANDINGS):
        hand(connector, [claim(1, "bad", retries=retries), claim(10 + retries, "fine")], LEASE)
        reply(connector, link, 0)
        bad, fine = notes.outcomes
        assert fine.state == "sent"
        assert bad.reason == "RuntimeError: the codec has a bug"
        waits.append((bad.state, bad.retry_at - NOW))
        settle(connector, notes)
    assert waits[:-1] == [("ready", FIRST_RETRY << n) for n in range(MOST_HANDINGS - 1)]
    assert waits[-1][0] == "failed"
    assert connector.held == 0


def test_a_text_that_spoils_the_translation_does_not_stop_the_others(monkeypatch: pytest.MonkeyPatch) -> None:
    notes, link = Notes(), FakeLink()
    connector = connector_on(notes, link)
    real = Mapping.to_submits

    def spoilt(self: Mapping, claim: Any) -> Any:
        if claim.id == 1:
            raise KeyError(claim.id)
        return real(self, claim)

    monkeypatch.setattr(Mapping, "to_submits", spoilt)
    hand(connector, [claim(1), claim(2)], LEASE)
    assert [(one.id, one.state, one.reason) for one in notes.outcomes] == [(1, "ready", "KeyError: 1")]
    assert len(link.sent) == 1


@pytest.mark.parametrize("window", [10, 1])
def test_a_text_of_which_a_later_segment_cannot_be_sent_fails_with_what_was_accepted(window: int) -> None:
    notes, link = Notes(), Broken(window=window)
    link.spoils, link.fault = b"bad", LocalFault("it cannot be encoded")
    connector = connector_on(notes, link)
    hand(connector, [claim(7, "x" * 160 + "bad" + "x" * 200, 3)], LEASE)
    assert (len(link.sent), notes.outcomes) == (1, [])
    reply(connector, link, 0)
    (outcome,) = notes.outcomes
    assert (outcome.state, outcome.reason, outcome.accepted) == ("failed", "it cannot be encoded", "0/3")
    assert len(outcome.message_ids) == 1
    settle(connector, notes)
    assert connector.held == 0


# ------------------------------------------------------------------------------------------------------------ lost


def test_a_lost_link_leaves_what_it_had_not_answered_unknown_once_per_text() -> None:
    notes, link, other = Notes(), FakeLink(1, 4), FakeLink(2, 4)
    connector = connector_on(notes, link, other)
    hand(connector, [claim(1, long_text(6), 6), claim(2), claim(3)], LEASE)
    assert (len(link.sent), len(other.sent)) == (4, 2)
    reply(connector, link, 0)
    lost = link.end()
    connector.lost(link, lost, "the connection broke")  # type: ignore[arg-type]
    (cut,) = notes.outcomes
    assert (cut.accepted, len(cut.message_ids)) == ("0/6", 1), "its receipt still finds it"
    assert notes.told() == [(1, "unknown", "the connection broke")]
    reply(connector, other, 0, 0)
    assert [(id, state) for id, state, _ in notes.told()] == [(2, "sent"), (3, "sent")]
    connector.changed(other)  # type: ignore[arg-type]
    assert len(other.sent) == 2, "what waited for the lost link went nowhere"


def test_what_was_not_on_the_wire_when_the_link_was_lost_waits_and_is_not_unknown() -> None:
    notes, link = Notes(), FakeLink(window=1)
    connector = connector_on(notes, link)
    hand(connector, [claim(7, long_text(3), 3)], LEASE)
    link.can_send = False  # the centre does not read: the second segment waits
    reply(connector, link, 0)
    connector.lost(link, link.end(), "the connection broke")  # type: ignore[arg-type]
    (outcome,) = notes.outcomes
    assert (outcome.state, outcome.accepted, len(outcome.message_ids)) == ("ready", "0/3", 1)


def test_a_link_lost_with_nothing_open_says_nothing() -> None:
    notes = Notes()
    connector = connector_on(notes, link := FakeLink())
    connector.lost(link, link.end(), "the connection broke")  # type: ignore[arg-type]
    assert notes.told() == []


def test_a_change_of_a_link_wakes_whoever_waits_for_room() -> None:
    notes = Notes()
    connector = connector_on(notes, link := FakeLink())
    connector.changed(link)  # type: ignore[arg-type]
    assert notes.wakes == 1
