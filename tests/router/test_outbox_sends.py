"""What counts as a send, what is kept of a text that was accepted in part, and rows that cannot be dealt with."""

import sqlite3
from itertools import count
from typing import Any

import msgspec
import pytest

from router import consent, contacts, outbox
from router.claims import Allowance
from router.outbox import MOST_PUT_OFF, PUT_OFF, Outcome
from router.states import FORGET_AFTER, RESEND_AFTER
from tests.support.routing import JAN, KEES, PIET, Phones, spoil

# ---- what counts as a send


def test_tries_that_were_refused_do_not_count_as_sends(phones: Phones) -> None:
    """Throttled twelve times, then cut off: it may have reached the phone once, and is sent once more."""
    (claim,) = phones.write(JAN, "JOIN")
    for _ in range(12):
        (claim,) = phones.commit(outcomes=[phones.refused(claim, 0)], claim=True).claims
    assert (claim.attempts, claim.sends, claim.retries) == (13, 1, 0)
    phones.commit(outcomes=[phones.unknown(claim)])
    phones.later(RESEND_AFTER)
    phones.commit(due=True)
    (again,) = phones.commit(claim=True).claims
    assert (again.attempts, again.sends) == (14, 2)
    phones.commit(outcomes=[phones.unknown(again)])
    (row,) = phones.table("outbox")
    assert row["due_at"] == phones.world.now() + FORGET_AFTER, "and never a third time"


def test_tries_after_a_fault_are_counted_apart_from_pauses(phones: Phones) -> None:
    (claim,) = phones.write(JAN, "JOIN")
    for retried in (False, True, False, True):
        outcome = msgspec.structs.replace(phones.refused(claim, 0), retried=retried)
        (claim,) = phones.commit(outcomes=[outcome], claim=True).claims
    assert (claim.attempts, claim.retries) == (5, 2)


@pytest.mark.parametrize("state", ["ready", "unknown", "failed"])
def test_what_was_accepted_of_a_text_is_kept_and_its_receipts_are_counted(phones: Phones, state: str) -> None:
    (claim,) = phones.write(JAN, "LANG")
    part = Outcome(id=claim.id, connector="carrier", state=state, accepted="0/2", message_ids=("s1",))  # type: ignore[arg-type]
    phones.commit(outcomes=[part])
    phones.commit(receipts=[phones.receipt("s1")])
    (row,) = phones.table("outbox")
    assert (row["state"], row["accepted"], row["receipts_left"]) == (state, "0/2", 1)
    assert phones.table("stray_receipts") == []
    phones.later(RESEND_AFTER)
    phones.commit(due=True)
    claims = phones.commit(claim=True).claims
    if state == "failed":
        assert claims == []
        return
    assert [one.accepted for one in claims] == ["0/2"]
    phones.commit(outcomes=[phones.sent(claim, "s2")], receipts=[phones.receipt("s2")])
    assert phones.states() == ["delivered"]


def test_one_receipt_for_all_segments_finishes_a_text(phones: Phones) -> None:
    (claim,) = phones.write(JAN, "LANG")
    sent = msgspec.structs.replace(phones.sent(claim, "m1"), without_receipt=1)
    phones.commit(outcomes=[sent])
    phones.commit(receipts=[phones.receipt("m1")])
    assert phones.states() == ["delivered"]


# ---- poison


@pytest.mark.parametrize("spoilt", [[JAN], [KEES], [JAN, KEES]])
def test_a_row_that_cannot_be_read_is_put_off_and_the_others_go_out(phones: Phones, spoilt: list[str]) -> None:
    for sender in (JAN, PIET, KEES):
        phones.write(sender, "TWEE", room=0)
    for sender in spoilt:
        spoil(phones, sender)
    done = phones.commit(claim=True)
    assert {claim.address for claim in done.claims} == {JAN, PIET, KEES} - set(spoilt)
    put_off = [row for row in phones.table("outbox") if row["retries"]]
    assert [(row["state"], row["due_at"]) for row in put_off] == [("ready", phones.world.now() + PUT_OFF)] * len(spoilt)
    assert phones.commit(claim=True).claims == []
    for tries in range(1, MOST_PUT_OFF):
        phones.later(PUT_OFF << tries)
        phones.commit(claim=True)
    failed = [row for row in phones.table("outbox") if row["state"] == "failed"]
    assert len(failed) == len(phones.table("quarantine")) == len(spoilt)
    assert all("DecodeError" in row["reason"] for row in failed)
    assert failed[0]["reason"] in phones.table("quarantine")[0]["reason"]


def test_a_row_that_no_rule_can_judge_is_put_off(phones: Phones, monkeypatch: pytest.MonkeyPatch) -> None:
    phones.write(JAN, "JOIN", room=0)
    phones.write(PIET, "JOIN", room=0)
    real, calls = consent.may_still_send, count()

    def judge(*facts: Any) -> str:
        return real(*facts) if next(calls) else facts[99]

    monkeypatch.setattr(consent, "may_still_send", judge)
    assert [claim.address for claim in phones.commit(claim=True).claims] == [PIET]
    assert phones.table("outbox")[0]["reason"] == "IndexError: tuple index out of range"


def test_an_error_of_the_driver_ends_the_transaction(phones: Phones, monkeypatch: pytest.MonkeyPatch) -> None:
    phones.write(JAN, "JOIN", room=0)

    def locked(*_: Any) -> None:
        raise sqlite3.OperationalError("database is locked")

    monkeypatch.setattr(contacts, "by_id", locked)
    with phones.store.begin() as tx, pytest.raises(sqlite3.OperationalError):
        outbox.claim(tx, Allowance({"carrier": 5}), phones.ways.place())


@pytest.mark.parametrize("state", ["sent", "failed", "unknown", "ready"])
def test_an_outcome_that_cannot_be_settled_leaves_no_row_claimed(phones: Phones, state: str) -> None:
    (claim,) = phones.write(JAN, "JOIN")
    outcome = Outcome(id=claim.id, connector="carrier", state=state, message_ids=("spoilt",))  # type: ignore[arg-type]
    with phones.store.begin() as tx:
        outbox.set_aside(tx, [outcome], "ValueError: no", phones.ways.place())
    assert phones.states() == [state]
    assert phones.table("awaiting_receipt") == []
    assert phones.table("quarantine")[0]["reason"] == f"outbox {claim.id}: ValueError: no"
