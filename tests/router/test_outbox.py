"""Claimed before the wire, one at a time to a contact from a number, in order; unknown outcomes by class."""

from itertools import count

import pytest

from router import outbox
from router.claims import Allowance, Claim
from router.instants import DAY, HOUR, MINUTE, SECOND
from router.outbox import Outcome
from router.receipts import reference_of
from router.states import FORGET_AFTER, MOVES, RESEND_AFTER
from router.store.statements_outbox import claimable
from router.world import Ids, first_id_at
from tests.support.routing import JAN, KEES, PIET, Phones, shared, spoil


def texts(phones: Phones) -> list[tuple[str, str]]:
    return [(row["text"], row["state"]) for row in phones.table("outbox")]


def test_an_answer_is_claimed_at_birth(phones: Phones) -> None:
    (claim,) = phones.write(JAN, "JOIN")
    (row,) = phones.table("outbox")
    assert claim == Claim(
        row["id"], "carrier", "4411", JAN, "Welkom!", row["encoding"], 1, "conversational", attempts=1
    )
    assert (row["state"], row["node"], row["attempts"], row["receipts_left"]) == ("claimed", "ams-1", 1, 1)
    assert row["cause_id"] == phones.table("inbound")[0]["id"]


@pytest.mark.parametrize(("room", "claimed"), [(0, 0), (1, 0), (2, 1), (3, 1)])
def test_a_text_is_claimed_only_when_all_its_segments_have_room(phones: Phones, room: int, claimed: int) -> None:
    assert len(phones.write(JAN, "LANG", room=room)) == claimed
    (row,) = phones.table("outbox")
    assert row["segments"] == 2
    assert row["state"] == ("claimed" if claimed else "ready")


def test_a_text_longer_than_all_the_room_there_is_takes_all_of_it() -> None:
    allowance = Allowance({"carrier": 3}, {"carrier": 3})
    assert not Allowance({"carrier": 2}, {"carrier": 3}).take("carrier", 7), "something else is on the wire"
    assert allowance.take("carrier", 7)
    assert allowance.left == {"carrier": 0}
    assert not allowance.take("carrier", 1)
    allowance.give_back("carrier", 7)
    assert allowance.left == {"carrier": 3}


def test_a_text_that_begins_within_the_pace_is_let_go_whole() -> None:
    allowance = Allowance({"carrier": 50}, {"carrier": 50}, {"carrier": 2})
    before = allowance.mark()
    assert allowance.take("carrier", 5)
    assert allowance.pace == {"carrier": -3}
    assert not allowance.take("carrier", 1)
    allowance.give_back("carrier", 5)
    assert allowance.mark() == before
    assert allowance.take("carrier", 5)
    allowance.back_to(before)
    assert allowance.take("carrier", 5)


def test_what_is_kept_is_not_taken_but_a_text_that_begins_before_it_is_whole() -> None:
    allowance = Allowance({"carrier": 10}, {"carrier": 10})
    allowance.keep = {"carrier": 5}
    assert allowance.take("carrier", 8)
    assert not allowance.take("carrier", 1)
    allowance.keep = {}
    assert allowance.take("carrier", 2)


def test_what_waits_is_claimed_when_there_is_room(phones: Phones) -> None:
    for sender in (JAN, PIET, KEES):
        phones.write(sender, "JOIN", room=0)
    assert phones.states() == ["ready"] * 3
    done = phones.commit(claim=True, room=4)  # half of which is kept for new answers
    assert [claim.address for claim in done.claims] == [JAN, PIET]
    assert [claim.attempts for claim in done.claims] == [1, 1]
    assert done.waiting == {"carrier": phones.world.now()}
    done = phones.commit(claim=True, room=1)
    assert [claim.address for claim in done.claims] == [KEES]
    assert done.waiting == {}


def test_no_connector_takes_what_is_anothers(phones: Phones) -> None:
    phones.write(JAN, "JOIN", room=0)
    done = phones.commit(claim=True, room={"other": 5})
    assert done.claims == []
    assert done.waiting == {}


def test_the_second_answer_waits_for_the_first(phones: Phones) -> None:
    (first,) = phones.write(JAN, "TWEE")
    assert texts(phones) == [("Een.", "claimed"), ("Twee.", "ready")]
    assert phones.commit(claim=True).claims == []
    (second,) = phones.commit(outcomes=[phones.sent(first, "m1")], claim=True).claims
    assert second.text == "Twee."
    assert texts(phones) == [("Een.", "sent"), ("Twee.", "claimed")]


def test_a_later_text_waits_for_what_is_not_settled(phones: Phones) -> None:
    (first,) = phones.write(JAN, "JOIN")
    assert phones.write(JAN, "NAAM Jan") == []
    assert len(phones.write(PIET, "JOIN")) == 1
    assert [claim.text for claim in phones.commit(outcomes=[phones.sent(first)], claim=True).claims] == ["Dag Jan."]


def test_a_text_refused_for_now_keeps_its_place_and_its_time(phones: Phones) -> None:
    (first,) = phones.write(JAN, "TWEE")
    at = phones.world.now() + 30 * SECOND
    done = phones.commit(outcomes=[phones.refused(first, at)], claim=True)
    assert done.claims == []
    assert done.waiting == {"carrier": phones.world.now()}  # the second one, which waits for the first
    phones.later(30 * SECOND - 1)
    assert phones.commit(claim=True).claims == []
    phones.later(1)
    (again,) = phones.commit(claim=True).claims
    assert (again.text, again.attempts) == ("Een.", 2)
    assert phones.table("outbox")[0]["reason"] == "throttled"
    (second,) = phones.commit(outcomes=[phones.sent(again)], claim=True).claims
    assert second.text == "Twee."


def test_the_gate_is_asked_again_when_a_waiting_text_is_claimed(phones: Phones) -> None:
    phones.write(JAN, "JOIN", room=0)
    phones.later(DAY + 1)
    assert phones.commit(claim=True).claims == []
    (row,) = phones.table("outbox")
    assert (row["state"], row["reason"], row["settled_at"]) == ("cancelled", "no_recent_text", phones.world.now())


def test_a_settled_text_is_not_moved_by_a_later_outcome(phones: Phones) -> None:
    (claim,) = phones.write(JAN, "JOIN")
    phones.commit(outcomes=[Outcome(id=claim.id, connector="carrier", state="failed", reason="refused")])
    phones.commit(outcomes=[phones.sent(claim, "m1"), phones.unknown(claim), phones.refused(claim, 0)])
    (row,) = phones.table("outbox")
    assert (row["state"], row["reason"]) == ("failed", "refused")


def test_nothing_that_waits_is_claimed_with_the_stop_that_cancels_it(phones: Phones) -> None:
    """The claim would go out after STOP is acknowledged: both happen when the group is on disk."""
    phones.write(JAN, "JOIN", room=0)
    phones.write(PIET, "JOIN", room=0)
    done = phones.commit(inbound=[phones.text(JAN, "STOP")], claim=True)
    assert [claim.address for claim in done.claims] == [PIET]
    assert texts(phones)[0] == ("Welkom!", "cancelled")
    (confirmed,) = phones.commit(claim=True).claims
    assert (confirmed.address, confirmed.message_class) == (JAN, "stop_confirmation")


@pytest.mark.parametrize("text", ["HELP", "START"])
def test_what_was_refused_for_now_is_not_sent_after_stop(phones: Phones, text: str) -> None:
    """It was on the wire when STOP came, so that STOP could not cancel it."""
    if text == "START":
        (stopped,) = phones.write(JAN, "STOP")
        phones.commit(outcomes=[phones.sent(stopped)])
        phones.later(DAY)
    (claim,) = phones.write(JAN, text)
    phones.later(SECOND)
    phones.write(JAN, "STOP")
    (confirmed,) = (
        phones.commit(outcomes=[phones.refused(claim, 0)], claim=True).claims or phones.commit(claim=True).claims
    )
    assert confirmed.message_class == "stop_confirmation"
    assert phones.states()[-2:] == ["cancelled", "claimed"]


# ---- unknown outcomes


def test_a_conversational_text_of_unknown_outcome_is_sent_once_more(phones: Phones) -> None:
    (claim,) = phones.write(JAN, "JOIN")
    phones.commit(outcomes=[phones.unknown(claim)])
    assert phones.table("outbox")[0]["due_at"] == phones.world.now() + RESEND_AFTER
    phones.later(RESEND_AFTER - 1)
    assert phones.commit(due=True, claim=True).claims == []
    phones.later(1)
    done = phones.commit(due=True, claim=True)
    assert done.waiting == {"carrier": phones.world.now()}
    (again,) = phones.commit(claim=True).claims
    assert (again.id, again.attempts) == (claim.id, 2)
    phones.commit(outcomes=[phones.unknown(again)])
    phones.later(FORGET_AFTER)
    assert phones.commit(due=True, claim=True).claims == []
    (row,) = phones.table("outbox")
    assert (row["state"], row["reason"], row["attempts"]) == ("expired", "unknown_outcome", 2)


@pytest.mark.parametrize("text", ["STOP", "HELP"])
def test_what_goes_out_once_at_most_is_never_sent_again(phones: Phones, text: str) -> None:
    (claim,) = phones.write(JAN, text)
    phones.commit(outcomes=[phones.unknown(claim)])
    for _ in range(4):
        phones.later(FORGET_AFTER // 3)
        phones.commit(due=True)
        assert phones.commit(claim=True).claims == []
    assert phones.states() == ["expired"]


def test_a_late_answer_of_the_centre_settles_an_unknown_text(phones: Phones) -> None:
    (claim,) = phones.write(JAN, "JOIN")
    phones.commit(outcomes=[phones.unknown(claim)])
    phones.commit(outcomes=[phones.sent(claim, "m1")])
    phones.later(RESEND_AFTER)
    assert phones.commit(due=True, claim=True).claims == []
    phones.commit(receipts=[phones.receipt("m1")])
    assert phones.states() == ["delivered"]


def test_a_text_sent_once_more_does_not_overtake_one_on_the_wire(phones: Phones) -> None:
    """The older one is unknown, a newer one goes out meanwhile: two at once could arrive in either order."""
    (first,) = phones.write(JAN, "JOIN")
    phones.commit(outcomes=[phones.unknown(first)])
    phones.later(RESEND_AFTER)
    (second,) = phones.write(JAN, "NAAM Jan")
    phones.commit(due=True)
    assert phones.commit(claim=True).claims == []
    assert phones.states() == ["ready", "claimed"]
    (again,) = phones.commit(outcomes=[phones.sent(second)], claim=True).claims
    assert again.id == first.id


def test_a_text_whose_outcome_is_unknown_is_not_sent_again_after_stop(phones: Phones) -> None:
    (first,) = phones.write(JAN, "JOIN")
    phones.commit(outcomes=[phones.unknown(first)])
    (stopped,) = phones.write(JAN, "STOP")
    phones.commit(outcomes=[phones.sent(stopped)])
    phones.later(RESEND_AFTER)
    phones.commit(due=True)
    assert phones.commit(claim=True).claims == []
    (row, _) = phones.table("outbox")
    assert (row["state"], row["reason"]) == ("cancelled", "opted_out")


def test_what_a_node_had_claimed_when_it_died_is_unknown(phones: Phones) -> None:
    phones.write(JAN, "JOIN")
    phones.write(PIET, "STOP")
    other = Phones(phones.store, node="ams-2")
    other.write(KEES, "JOIN")
    with phones.store.begin() as tx:
        assert outbox.recover(tx, "ams-1", phones.world.now()) == 2
    rows = phones.table("outbox")
    assert [row["state"] for row in rows] == ["unknown", "unknown", "claimed"]
    assert [row["reason"] for row in rows] == ["node_ended", "node_ended", ""]
    assert rows[0]["due_at"] == phones.world.now() + RESEND_AFTER
    assert rows[1]["due_at"] == phones.world.now() + FORGET_AFTER
    with phones.store.begin() as tx:
        assert outbox.recover(tx, "ams-1", phones.world.now()) == 0


def test_each_statement_that_settles_keeps_to_the_table_of_moves(phones: Phones) -> None:
    """From every state, by every outcome and every receipt: only what MOVES has."""
    (claim,) = phones.write(JAN, "JOIN")
    outcomes = [phones.sent(claim, "m1"), phones.unknown(claim), phones.refused(claim, 0),
                Outcome(id=claim.id, connector="carrier", state="failed")]  # fmt: skip
    for old, moves in MOVES.items():
        for what in [
            *outcomes,
            "DELIVRD",
            "UNDELIV",
            "told",
            "told in part",
            "spoilt",
            "claim",
            "due",
            "stop",
            "recover",
        ]:
            with phones.store.begin() as tx:
                tx.write(f"UPDATE outbox SET state = '{old}', reason = '', due_at = 0, receipts_left = 1, "
                         f"receipts_bad = 0, sends = 1, retries = 3, node = 'ams-1' WHERE id = {claim.id}")  # fmt: skip
                if what == "told in part":
                    tx.write("UPDATE outbox SET receipts_left = 2")
                tx.write("DELETE FROM awaiting_receipt")
                tx.write("DELETE FROM stray_receipts")
                tx.write("DELETE FROM profiles")
            if isinstance(what, Outcome):
                phones.commit(outcomes=[what])
            elif what in ("DELIVRD", "UNDELIV"):
                with phones.store.begin() as tx:
                    tx.write(f"INSERT INTO awaiting_receipt VALUES ('carrier', 'm1', {claim.id}, 0, 0)")
                phones.commit(receipts=[phones.receipt("m1", what)])
            elif what in ("told", "told in part"):
                reference = reference_of(claim.id)
                phones.commit(receipts=[phones.receipt("m2", "ENROUTE", reference=reference, phones=(JAN,))])
            elif what == "spoilt":
                spoil(phones, JAN)
                phones.commit(claim=True)
            elif what == "recover":
                with phones.store.begin() as tx:
                    outbox.recover(tx, "ams-1", phones.world.now())
            elif what == "stop":
                phones.write(JAN, "STOP", room=0)
            else:
                phones.commit(claim=what == "claim", due=what == "due")
            new = phones.table("outbox")[0]["state"]
            assert new == old or new in moves, (old, what, new)


def test_ids_begin_after_the_highest_of_any_table(phones: Phones) -> None:
    with phones.store.begin() as tx:
        assert outbox.highest_id(tx) == 0
    phones.write(JAN, "JOIN")
    highest = max(row["id"] for row in phones.table("outbox"))
    with phones.store.begin() as tx:
        assert outbox.highest_id(tx) == highest
    last = phones.receipt("nobody")
    phones.commit(receipts=[last])
    with phones.store.begin() as tx:
        assert outbox.highest_id(tx) >= last.id


def test_a_clock_that_was_set_back_while_the_node_was_down_gives_no_marker_again(phones: Phones) -> None:
    phones.write(JAN, "JOIN")
    for _ in range(5):
        phones.commit(due=True)  # nothing but a marker is written
    with phones.store.begin() as tx:
        highest = outbox.highest_id(tx)
    phones.world.ids = Ids(1)
    phones.world.ids.go_on_after(highest)
    phones.later(-MINUTE)
    assert phones.commit(due=True).faults == []
    phones.write(JAN, "TWEE")


# ---- two nodes


def test_two_nodes_never_claim_the_same_text(two_nodes: tuple[Phones, Phones]) -> None:
    """The other node is between reading its candidates and claiming them."""
    phones, other = two_nodes
    phones.write(JAN, "JOIN", room=0)
    phones.write(PIET, "JOIN", room=0)
    allowance = Allowance({"carrier": 5})
    with other.store.begin() as tx:
        rows = claimable.rows(tx, "carrier", phones.world.now(), 64)
        assert len(rows) == 2
        (taken, _) = phones.commit(claim=True, room=4).claims
        assert outbox._claim(tx, "carrier", rows, allowance, other.ways.place(), ()) == []
    assert allowance.left == {"carrier": 5}  # nothing is held for what another node took
    assert phones.table("outbox")[0]["node"] == "ams-1"
    assert taken.address == JAN


# ---- brands that share a number, housekeeping


def test_a_stop_on_a_shared_number_cancels_what_that_brand_has_waiting(phones: Phones) -> None:
    shop = Phones(phones.store, shared())
    assert shop.write(JAN, "BROOD") == []
    shop.later(10 * MINUTE)
    shop.commit(due=True, room=0)
    assert texts(shop) == [("Namens Bakker.", "ready")]
    shop.write(JAN, "STOP", room=0)
    assert shop.states()[0] == "cancelled"


def test_what_nothing_can_refer_to_any_more_is_forgotten(phones: Phones) -> None:
    (claim,) = phones.write(JAN, "JOIN")
    phones.commit(outcomes=[phones.sent(claim, "m1")], receipts=[phones.receipt("nobody")])
    phones.commit(inbound=[phones.part(JAN, b"JO", 1, 2)])
    phones.commit(inbound=[phones.part(JAN, b"IN", 2, 2)])
    phones.commit(inbound=[phones.part(PIET, b"JO", 1, 2)])
    kept = ("parts", "stray_receipts", "awaiting_receipt", "batches")

    def sizes() -> list[int]:
        phones.housekeep()
        return [len(phones.table(name)) for name in kept]

    batches = 0 if phones.store.dialect == "sqlite" else len(phones.table("batches"))
    assert sizes() == [3, 1, 1, batches]
    phones.later(HOUR + SECOND)
    assert sizes() == [1, 1, 1, 0]
    phones.later(FORGET_AFTER)
    assert sizes() == [1, 0, 0, 0]  # a part that still waits is delivered, never forgotten
    assert first_id_at(0) == 0


def test_what_is_claimed_in_one_group_is_bounded(phones: Phones) -> None:
    numbers = count(31_600_000_000)
    for _ in range(2):
        phones.commit(inbound=[phones.text(str(next(numbers)), "JOIN") for _ in range(40)], room=0)
    assert len(phones.commit(claim=True, room=200).claims) == outbox.CLAIMS_AT_ONCE
    assert len(phones.commit(claim=True, room=200).claims) == 80 - outbox.CLAIMS_AT_ONCE


def test_a_clock_that_was_set_back_makes_nothing_wait_for_the_time_that_it_showed(phones: Phones) -> None:
    now = phones.world.now()
    phones.write(JAN, "JOIN", room=0)  # waits since before
    phones.later(DAY)
    (refused,) = phones.write(PIET, "JOIN")
    phones.commit(outcomes=[phones.refused(refused, phones.world.now() + MINUTE)])
    (lost,) = phones.write(KEES, "JOIN")
    phones.commit(outcomes=[phones.unknown(lost)])
    phones.world.at = now
    assert [claim.address for claim in phones.commit(claim=True).claims] == [JAN]
    with phones.store.begin() as tx:
        outbox.set_back(tx, ["carrier"], now)
    waits = {row["id"]: (row["state"], row["due_at"]) for row in phones.table("outbox")}
    assert (waits[refused.id], waits[lost.id]) == (("ready", now), ("unknown", now + RESEND_AFTER))
    (again,) = phones.commit(claim=True).claims
    assert again.address == PIET
    phones.commit(outcomes=[phones.refused(again, now + HOUR)])
    with phones.store.begin() as tx:
        outbox.catch_up(tx, ["carrier"], now)
    waits = {row["id"]: (row["state"], row["due_at"]) for row in phones.table("outbox")}
    assert waits[again.id] == ("ready", now + HOUR), "what it waits for since is reckoned from today"


def test_what_waits_is_only_walked_through_while_a_clock_catches_up(
    phones: Phones, monkeypatch: pytest.MonkeyPatch
) -> None:
    (claim,) = phones.write(JAN, "JOIN")
    phones.commit(outcomes=[phones.refused(claim, phones.world.now() + HOUR)])
    walked: list[int] = []
    monkeypatch.setattr(outbox, "set_back", lambda tx, connectors, now: walked.append(now))
    now = phones.world.now()
    for back in (0, MINUTE, DAY):
        with phones.store.begin() as tx:
            outbox.catch_up(tx, ["carrier"], now - back)
    assert walked == [now - DAY]


def test_two_clocks_that_differ_a_little_are_not_one_that_was_set(phones: Phones) -> None:
    (claim,) = phones.write(JAN, "JOIN")
    retry_at = phones.world.now() + MINUTE
    phones.commit(outcomes=[phones.refused(claim, retry_at)])
    with phones.store.begin() as tx:
        outbox.set_back(tx, ["carrier"], phones.world.now() - outbox.CLOCKS_APART)
    assert [row["due_at"] for row in phones.table("outbox")] == [retry_at]
