"""A receipt finds a text of unknown outcome by the reference that it was sent with and its phone, and nobody else's."""

from typing import Any

import msgspec
import pytest

from router import receipts
from router.claims import Claim
from router.instants import MINUTE
from router.receipts import ReceiptIn, reference_of
from router.states import FORGET_AFTER, RESEND_AFTER
from tests.support.routing import JAN, PIET, Phones


def of(claim: Claim, phones: Phones, state: str = "DELIVRD", id: str = "m1", **more: Any) -> ReceiptIn:
    """A receipt that tells our reference."""
    return phones.receipt(id, state, reference=reference_of(claim.id), phones=(claim.address, "4411"), **more)


@pytest.mark.parametrize("when", ["before", "after", "later", "resent"])
@pytest.mark.parametrize(
    ("state", "comes_to"), [("DELIVRD", "delivered"), ("ACCEPTD", "sent"), ("EXPIRED", "undelivered")]
)
def test_a_receipt_finds_a_text_of_unknown_outcome_by_its_reference_and_it_is_not_sent_again(
    phones: Phones, when: str, state: str, comes_to: str
) -> None:
    (claim,) = phones.write(JAN, "JOIN")
    if when == "before":
        phones.commit(receipts=[of(claim, phones, state)])
    phones.commit(outcomes=[phones.unknown(claim)])
    if when == "resent":
        phones.later(RESEND_AFTER)
        phones.commit(due=True, claim=True, room=0)
        assert phones.states() == ["ready"]
    if when != "before":
        phones.commit(receipts=[of(claim, phones, state)])
    phones.later(RESEND_AFTER)
    assert phones.commit(due=True, claim=True).claims == []
    assert phones.commit(claim=True).claims == []
    assert phones.states() == [comes_to]
    assert phones.table("stray_receipts") == []
    assert [row["outbox_id"] for row in phones.table("receipts")] == [claim.id]


@pytest.mark.parametrize("text", ["JOIN", "STOP", "HELP"])
def test_texts_of_every_class_are_found_within_their_time(phones: Phones, text: str) -> None:
    (claim,) = phones.write(JAN, text)
    phones.commit(outcomes=[phones.unknown(claim)])
    phones.later(RESEND_AFTER - 1)
    phones.commit(receipts=[of(claim, phones)])
    phones.later(FORGET_AFTER)
    phones.commit(due=True)
    assert phones.commit(claim=True).claims == []
    assert phones.states() == ["delivered"]
    assert phones.table("outbox")[0]["sends"] == 1


def test_a_reference_finds_nobody_elses_text(phones: Phones) -> None:
    (claim,) = phones.write(JAN, "JOIN")
    phones.commit(outcomes=[phones.unknown(claim)])
    reference = reference_of(claim.id)
    phones.commit(receipts=[
        phones.receipt("a", reference=reference, phones=(PIET, "4411")),
        phones.receipt("b", reference=reference ^ 1, phones=(JAN, "4411")),
        phones.receipt("c", reference=reference, phones=(JAN, "4411"), connector="other"),
        phones.receipt("d", reference=reference),
    ])  # fmt: skip
    assert phones.states() == ["unknown"]
    with phones.store.begin() as tx:
        assert receipts.recall(tx, [claim.id], phones.world.now()) == set()


def test_of_two_texts_with_one_reference_a_receipt_settles_neither(
    phones: Phones, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("router.receipts.reference_of", lambda _: 7)
    for _ in range(2):
        (claim,) = phones.write(JAN, "JOIN")
        phones.commit(outcomes=[phones.unknown(claim)])
    phones.commit(receipts=[phones.receipt("m1", reference=7, phones=(JAN, "4411"))])
    assert phones.states() == ["unknown", "unknown"]


@pytest.mark.parametrize("early", [True, False])
def test_a_long_text_of_unknown_outcome_counts_each_of_its_receipts_once(phones: Phones, early: bool) -> None:
    (claim,) = phones.write(JAN, "LANG")
    told = [of(claim, phones, id="s1"), of(claim, phones, "ENROUTE", id="s2"), of(claim, phones, id="s1")]
    if not early:
        phones.commit(outcomes=[phones.unknown(claim)])
    for one in told:
        phones.commit(receipts=[one])
    if early:
        phones.commit(outcomes=[phones.unknown(claim)])
    (row,) = phones.table("outbox")
    assert (row["state"], row["receipts_left"]) == ("unknown" if early else "sent", 1)
    phones.later(RESEND_AFTER)
    assert phones.commit(due=True, claim=True).claims == []
    assert phones.commit(claim=True).claims == [], "it has begun to arrive"
    phones.commit(receipts=[of(claim, phones, id="s1"), of(claim, phones, id="s2")])
    assert phones.states() == ["delivered"]


def sent_again(phones: Phones) -> tuple[Claim, Claim]:
    """A text whose first send nobody answered, on the wire once more: both claims of it."""
    (first,) = phones.write(JAN, "JOIN")
    phones.commit(outcomes=[phones.unknown(first)])
    phones.later(RESEND_AFTER)
    phones.commit(due=True)
    (second,) = phones.commit(claim=True).claims
    assert second.id == first.id
    return first, second


@pytest.mark.parametrize("late", ["DELIVRD", "UNDELIV", "ACCEPTD"])
@pytest.mark.parametrize("finished", [True, False])
def test_a_receipt_of_the_first_send_is_filed_under_the_text_that_its_second_send_settles(
    phones: Phones, late: str, finished: bool
) -> None:
    first, second = sent_again(phones)
    phones.commit(outcomes=[phones.sent(second, "m2")])
    own, of_first = of(second, phones, id="m2"), of(first, phones, late)
    for one in (own, of_first) if finished else (of_first, own):
        before = phones.states()
        phones.commit(receipts=[one])
        assert phones.states() == (["delivered"] if one is own else before)
    (row,) = phones.table("outbox")
    assert (row["state"], row["reason"], row["receipts_left"]) == ("delivered", "DELIVRD", 0)
    assert [one["outbox_id"] for one in phones.table("receipts")] == [first.id, first.id]
    assert phones.table("stray_receipts") == []


def test_one_that_comes_while_the_text_is_on_the_wire_again_is_filed_afterwards(phones: Phones) -> None:
    first, second = sent_again(phones)
    phones.commit(receipts=[of(first, phones, "UNDELIV"), of(second, phones, id="m2")])
    assert [one["outbox_id"] for one in phones.table("receipts")] == [None, None], "either may be the second send's"
    phones.commit(outcomes=[phones.sent(second, "m2")])
    assert phones.states() == ["delivered"], "by the receipt that bears its id"
    with phones.store.begin() as tx:
        assert receipts.reconcile(tx, 0, 100) is None
    assert [one["outbox_id"] for one in phones.table("receipts")] == [first.id, first.id]
    assert phones.table("stray_receipts") == []
    assert phones.states() == ["delivered"]


def test_a_stray_of_another_phone_or_reference_or_an_older_one_is_not_filed(phones: Phones) -> None:
    old = phones.receipt("m0", reference=0, phones=(JAN, "4411"))
    phones.later(MINUTE)
    first, second = sent_again(phones)
    phones.commit(outcomes=[phones.sent(second, "m2")])
    reference = reference_of(first.id)
    phones.commit(receipts=[
        phones.receipt("a", reference=reference, phones=(PIET, "4411")),
        phones.receipt("b", reference=reference ^ 1, phones=(JAN, "4411")),
        phones.receipt("c", reference=reference, phones=(JAN, "4411"), connector="other"),
        phones.receipt("d", phones=(JAN, "4411")),
        msgspec.structs.replace(old, reference=reference),
    ])  # fmt: skip
    with phones.store.begin() as tx:
        assert receipts.reconcile(tx, 0, 100) is None
    assert {one["outbox_id"] for one in phones.table("receipts")} == {None}


def test_a_receipt_without_an_id_is_found_by_its_reference(phones: Phones) -> None:
    (claim,) = phones.write(JAN, "JOIN")
    bare = msgspec.structs.replace(of(claim, phones), message_id="", forms=())
    phones.commit(receipts=[bare])
    phones.commit(outcomes=[phones.unknown(claim)])
    assert phones.states() == ["delivered"]
    (claim,) = phones.write(PIET, "JOIN")
    phones.commit(outcomes=[phones.unknown(claim)])
    phones.commit(receipts=[msgspec.structs.replace(of(claim, phones), message_id="", forms=())])
    assert phones.states() == ["delivered", "delivered"]
