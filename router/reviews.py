"""Texts that may be opt-outs, for a person to read (COMPLIANCE.md "Graded revocation" L4)."""

from __future__ import annotations

from router.instants import business_days_after
from router.messages import Facts
from router.plan import Hold
from router.store.engine import Row
from router.world import Ids

REVIEW_DAYS = 10
"""Business days within which a person reads such a text (47 CFR 64.1200(a)(10)); what is promotional waits as long."""


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
