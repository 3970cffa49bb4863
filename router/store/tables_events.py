"""What happens to contacts beside their texts: events, enrolments in drips, samples of splits, money spent."""

from __future__ import annotations

from sqlalchemy import BigInteger, Column, Index, PrimaryKeyConstraint, Table, Text, text

from router.store.tables import Id, metadata

events = Table(
    "events",
    metadata,
    Column("id", Id, primary_key=True, autoincrement=False),
    Column("contact_id", BigInteger, nullable=False),
    Column("brand", Text, nullable=False),
    Column("name", Text, nullable=False),
    Column("source", Text, nullable=False),
    Column("ref", Text, nullable=False),
    Column("data", Text, nullable=False),
    Column("at", BigInteger, nullable=False),
    Column("received_at", BigInteger, nullable=False),
    Column("key", Text),
    Column("rule", Text, nullable=False),
    Column("deployment", Text, nullable=False),
    Column("fault", Text, nullable=False),
    Column("told", Text),
    Index("events_of", "contact_id", "brand", "name", "at"),
    Index("events_keys", "brand", "key", unique=True, sqlite_where=text("key IS NOT NULL"),
          postgresql_where=text("key IS NOT NULL")),
)  # fmt: skip
"""Something that happened to a contact and is no text; `rule` is the first chain that it began, if any. What a brand
tells under one key is told once. `told`: names of the attributes that it told of its contact, with commas between them;
null where an earlier version did not keep them."""

enrolments = Table(
    "enrolments",
    metadata,
    Column("contact_id", BigInteger, nullable=False),
    Column("brand", Text, nullable=False),
    Column("drip", Text, nullable=False),
    Column("entered_at", BigInteger, nullable=False),
    Column("cause_id", BigInteger, nullable=False),
    Column("ended_at", BigInteger),
    Column("outcome", Text, nullable=False),
    PrimaryKeyConstraint("contact_id", "brand", "drip"),
    sqlite_with_rowid=False,
)
"""A contact's last time in a drip: since when, and how it ended (empty: it has not). `refused`: it may not enter."""

samples = Table(
    "samples",
    metadata,
    Column("brand", Text, nullable=False),
    Column("split", Text, nullable=False),
    Column("began_at", BigInteger, nullable=False),
    Column("winner", Text),
    PrimaryKeyConstraint("brand", "split"),
)
"""The arms of a split being tried on a share of the contacts, and the one that won."""

spending = Table(
    "spending",
    metadata,
    Column("brand", Text, nullable=False),
    Column("period", Text, nullable=False),
    Column("millionths", BigInteger, nullable=False),
    PrimaryKeyConstraint("brand", "period"),
)
"""What a brand has spent on promotional texts in a day, week or month, in millionths of its budget's currency."""
