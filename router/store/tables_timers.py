"""What starts by itself for a contact, and when; and how far the contacts of a brand were given what its rules need."""

from __future__ import annotations

from sqlalchemy import BigInteger, Boolean, Column, Index, Integer, PrimaryKeyConstraint, Table, Text, text

from router.store.tables import metadata

timers = Table(
    "timers",
    metadata,
    Column("contact_id", BigInteger, nullable=False),
    Column("brand", Text, nullable=False),
    Column("source", Text, nullable=False),
    Column("name", Text, nullable=False),
    Column("due_at", BigInteger),
    Column("last_at", BigInteger),
    Column("planned_at", BigInteger),
    Column("tries", Integer, nullable=False, server_default=text("0")),
    PrimaryKeyConstraint("contact_id", "brand", "source", "name"),
    Index("timers_due", "due_at", sqlite_where=text("due_at IS NOT NULL"),
          postgresql_where=text("due_at IS NOT NULL")),
    sqlite_with_rowid=False,
)  # fmt: skip
"""An occurrence to come, by its source and name. `due_at` null: it has come, and waits for the contact to be active
again; `last_at`: the instant that it was due at the last time; `tries`: how often it could not go off, and
`planned_at`: when it was due before it was put off for that."""

sweeps = Table(
    "sweeps",
    metadata,
    Column("brand", Text, primary_key=True),
    Column("rules", Text, nullable=False),
    Column("undelivered", Boolean, nullable=False),
    Column("cursor", BigInteger, nullable=False),
    Column("due_at", BigInteger),
)
"""A brand's rules that start by the clock (JSON names), and how far its contacts were given timers for them: those up
to contact `cursor`; `due_at` null: all. `undelivered`: it has rules for texts that do not arrive."""
