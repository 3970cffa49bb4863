"""The statements about texts that a person must read."""

from __future__ import annotations

from sqlalchemy import bindparam, literal_column, select, update

from router.store.sql import Insert, Statement
from router.store.tables import contacts
from router.store.tables_reviews import reviews

insert_reviews = Insert(reviews, ("id", "contact_id", "brand", "number", "inbound_id", "text", "evidence", "due_at"))
_waiting = (
    select(
        reviews.c.id, contacts.c.address, reviews.c.number, reviews.c.brand, reviews.c.inbound_id, reviews.c.text,
        reviews.c.evidence, reviews.c.due_at,
    )
    .join_from(reviews, contacts, contacts.c.id == reviews.c.contact_id)
    .where(reviews.c.settled_at.is_(None))
)  # fmt: skip
waiting = Statement(_waiting.order_by(reviews.c.due_at, reviews.c.id).limit(bindparam("most")), "most")
waiting_one = Statement(_waiting.where(reviews.c.id == bindparam("which")), "which")
settle = Statement(
    update(reviews)
    .where(reviews.c.id == bindparam("which"), reviews.c.settled_at.is_(None))
    .values(settled_at=bindparam("at"), outcome=bindparam("how"))
    .returning(reviews.c.id),
    "at", "how", "which",
)  # fmt: skip
others = Statement(
    select(reviews.c.id)
    .where(
        reviews.c.contact_id == bindparam("contact"), reviews.c.brand == bindparam("brand"),
        reviews.c.settled_at.is_(None),
    )
    .limit(literal_column("1")),
    "contact", "brand",
)  # fmt: skip
"""What still waits of a contact and brand."""
