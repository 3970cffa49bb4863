"""The statements about parts of long messages (router.parts, router.due)."""

from __future__ import annotations

from sqlalchemy import bindparam, delete, func, literal_column, or_, select, update

from router.store.sql import Insert, Statement, one_of
from router.store.tables import parts

PART_COLUMNS = (
    "id", "connector", "sender", "recipient", "reference", "total", "part", "octets", "charset", "session", "sequence",
    "received_at", "joined_at", "fingerprint", "set_id",
)  # fmt: skip
MOST_READ = 2_048
"""Rows of one reference that are looked at: eight of the longest messages there are; older ones count as forgotten."""

insert_parts = Insert(parts, PART_COLUMNS)
_PARTS = select(*(parts.c[name] for name in PART_COLUMNS))
parts_of_one = Statement(
    _PARTS.where(
        parts.c.sender == bindparam("sender"), parts.c.recipient == bindparam("recipient"),
        parts.c.reference == bindparam("reference"), parts.c.total == bindparam("total"),
        parts.c.connector == bindparam("connector"), parts.c.received_at > bindparam("since"),
    ).order_by(parts.c.id.desc()).limit(MOST_READ),
    "connector", "sender", "recipient", "reference", "total", "since",
)  # fmt: skip
"""The newest first."""
parts_overdue = Statement(
    _PARTS.where(parts.c.received_at <= bindparam("before"), parts.c.joined_at.is_(None), parts.c.set_id.is_not(None))
    .order_by(parts.c.received_at)
    .limit(bindparam("most")),
    "before",
    "most",
)
mark_joined = Statement(update(parts).where(one_of(parts.c.id, "ids")).values(joined_at=bindparam("at")), "at", "ids")
age_parts = Statement(update(parts).where(one_of(parts.c.id, "ids")).values(received_at=bindparam("at")), "at", "ids")
_IS_OVER = or_(parts.c.joined_at.is_not(None), parts.c.set_id.is_(None))
old_parts = Statement(
    select(parts.c.id, _IS_OVER.label("goes"))
    .where(parts.c.id > bindparam("after"), parts.c.id < bindparam("before"))
    .order_by(parts.c.id)
    .limit(bindparam("most")),
    "after", "before", "most",
)  # fmt: skip
forget_parts = Statement(delete(parts).where(one_of(parts.c.id, "ids"), _IS_OVER), "ids")
"""What was joined, and repeats that nothing came of. What is open stays until it is delivered."""
lock_sender = Statement(
    select(func.pg_advisory_xact_lock(func.hashtextextended(bindparam("sender"), literal_column("0")))), "sender"
)
"""PostgreSQL alone: parts of one sender are joined by one node at a time. His contact is not made before he has said
something whole, so it is not there to be locked."""
oldest_open_part = Statement(
    select(func.min(parts.c.received_at)).where(parts.c.joined_at.is_(None), parts.c.set_id.is_not(None))
)
