"""Texts that may be opt-outs, for a person to read (COMPLIANCE.md "Graded revocation" L4).

Until a person has decided, or ten business days are over, the brand sends the contact nothing promotional. Whoever
decides that it was an opt-out ends all that a STOP ends, and is told which texts were on their way by then; the ledger
says who it was, and the text stands there as its wording. Whoever decides that it was none lets promotions go on,
unless another such text still waits.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Literal as OneOf

import msgspec

from router import attest, consent, contacts, ledger, silence
from router.instants import business_days_after
from router.ledger import Record
from router.messages import Contact, Facts, Profile
from router.plan import Hold
from router.store import statements as sql
from router.store import statements_reviews as sql_reviews
from router.store.engine import Row, Tx
from router.world import Ids
from rules.rulebook import Rulebook

REVIEW_DAYS = 10
"""Business days within which a person reads such a text (47 CFR 64.1200(a)(10)); what is promotional waits as long."""

Outcome = OneOf["opt out", "no opt out"]


class Review(msgspec.Struct, frozen=True):
    """A text that waits for a person: whose it is, which brand it may silence, what in it raises the doubt, and by when
    it must be settled (microseconds since 1970 UTC)."""

    id: int
    sender: str
    number: str
    brand: str
    inbound_id: int
    text: str
    evidence: str
    due_at: int


class Settled(msgspec.Struct, frozen=True):
    """A text that a person has decided on. `claimed`: texts of the brand to that phone that a node may still write, for
    as long as its lease lasts, or has written; none where nobody was silenced."""

    review: Review
    claimed: Sequence[int] = ()


class Judge(msgspec.Struct, frozen=True):
    """Who settles, when, with which ids and salts, and under which rules."""

    actor: str
    now: int
    ids: Ids
    chance: Callable[[], float]
    book: Rulebook


def reviews(facts: Facts, hold: Hold, ids: Ids, now: int) -> tuple[int, list[Row]]:
    """Until when what is promotional waits, and the rows of a text that was just read, one for each brand."""
    message = facts.message
    assert message is not None, "only a text raises a doubt"
    due_at = business_days_after(now, REVIEW_DAYS)
    rows: list[Row] = [
        (ids.next(now), facts.contact.id, brand, facts.number, message.id, message.text, hold.evidence, due_at)
        for brand in hold.brands
    ]
    return due_at, rows


def waiting(tx: Tx, most: int) -> list[Review]:
    """The texts that nobody has settled, the most urgent first."""
    return [Review(*row) for row in sql_reviews.waiting.rows(tx, most)]


def settle(tx: Tx, id: int, outcome: Outcome, judge: Judge) -> Settled | None:
    """Settle one; None where nothing with that id waits (any more)."""
    found = sql_reviews.waiting_one.rows(tx, id)
    if not found:
        return None
    review = Review(*found[0])
    loaded = contacts.by_address(tx, [review.sender], judge.ids, judge.now)  # its lock comes first
    contact = loaded.contacts[review.sender]
    if not sql_reviews.settle.rows(tx, judge.now, outcome, id):  # somebody was quicker
        return None
    profile = loaded.profiles.get(contact.id, {}).get(review.brand) or Profile(review.brand)
    claimed: Sequence[int] = ()
    if outcome == "opt out":
        profile = consent.silenced(profile, judge.now)
        claimed = _silence(tx, review, contact, judge)
    if not sql_reviews.others.rows(tx, contact.id, review.brand):
        profile = msgspec.structs.replace(profile, hold_until=None)
    sql.upsert_profiles.run(tx, [contacts.row_of(contact.id, profile)])
    return Settled(review, claimed)


def _silence(tx: Tx, review: Review, contact: Contact, judge: Judge) -> list[int]:
    """What a STOP does, done by a person. Gives what is claimed already."""
    record = Record(
        contact_id=contact.id, msisdn=contact.address, brand=review.brand, action="revoke", method="agent",
        at=judge.now, number=review.number, mo_id=review.inbound_id, wording=review.text, actor=judge.actor,
    )  # fmt: skip
    record = attest.under(record, contact, judge.book)
    ledger.append(tx, [record], judge.ids, judge.now, judge.chance)
    return [id for id, _ in silence.sweep(tx, contact.id, [review.brand], judge.now)]
