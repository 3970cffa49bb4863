"""The table of texts that a person must read: they may be opt-outs (router.plan.Hold)."""

from __future__ import annotations

from sqlalchemy import BigInteger, Column, Index, Table, Text, text

from router.store.tables import Id, metadata

_OPEN = text("settled_at IS NULL")

reviews = Table(
    "reviews",
    metadata,
    Column("id", Id, primary_key=True, autoincrement=False),
    Column("contact_id", BigInteger, nullable=False),
    Column("brand", Text, nullable=False),
    Column("number", Text, nullable=False),
    Column("inbound_id", BigInteger, nullable=False),
    Column("text", Text, nullable=False),
    Column("evidence", Text, nullable=False),
    Column("due_at", BigInteger, nullable=False),
    Column("settled_at", BigInteger),
    Column("outcome", Text, nullable=False, server_default=text("''")),
    Index(
        "reviews_open", "due_at", sqlite_where=text("settled_at IS NULL"), postgresql_where=text("settled_at IS NULL")
    ),
)
"""A text for each brand that it may be about, what raises the doubt, and by when it must be settled. `outcome` is what
the person decided, empty until then."""
