"""The tables of consent: the ledger, a chain of rows for each brand, and the suppressions that outlive an erasure.

A row of `ledger` is never changed and never taken away: it holds a commitment, SHA-256 over a salt and what happened.
Salt and details stand in `ledger_details`, which an erasure empties, so that the chain can be proved after it and tells
nobody anything. The phone's number stands in neither, but in `contacts` alone.
"""

from __future__ import annotations

from sqlalchemy import BigInteger, Column, Index, LargeBinary, PrimaryKeyConstraint, Table, Text, text

from router.store.tables import metadata

ledger = Table(
    "ledger",
    metadata,
    Column("brand", Text, nullable=False),
    Column("position", BigInteger, nullable=False),
    Column("id", BigInteger, nullable=False),
    Column("commitment", LargeBinary, nullable=False),
    Column("hash", LargeBinary, nullable=False),
    PrimaryKeyConstraint("brand", "position"),
    sqlite_with_rowid=False,
)
"""Events of consent, a chain for each brand, counted from 1: `hash` is SHA-256 over that of the row before, the id and
the commitment."""

ledger_details = Table(
    "ledger_details",
    metadata,
    Column("brand", Text, nullable=False),
    Column("position", BigInteger, nullable=False),
    Column("contact_id", BigInteger, nullable=False),
    Column("salt", LargeBinary, nullable=False),
    Column("details", Text, nullable=False),
    PrimaryKeyConstraint("brand", "position"),
    Index("ledger_details_of", "contact_id"),
    sqlite_with_rowid=False,
)
"""What a row of the ledger commits to: JSON, kept to the letter, without the number. `contact_id` is 0 for the row that
tells of an erasure."""

ledger_heads = Table(
    "ledger_heads",
    metadata,
    Column("brand", Text, primary_key=True),
    Column("position", BigInteger, nullable=False),
    Column("hash", LargeBinary, nullable=False),
)
"""The last row of each brand's chain. Locked after the contacts and before the outbox, by brand."""

suppressions = Table(
    "suppressions",
    metadata,
    Column("digest", Text, nullable=False),
    Column("brand", Text, nullable=False),
    Column("since", BigInteger, nullable=False),
    Column("key_id", Text, nullable=False),
    Column("erased_at", BigInteger, nullable=False, server_default=text("0")),
    PrimaryKeyConstraint("digest", "brand"),
    sqlite_with_rowid=False,
)
"""Erased phones that a brand may not write to: HMAC-SHA-256 of the number, in hexadecimal, under the key of that id.
`erased_at`: what was told of the phone until then is not written down any more."""

suppression_keys = Table(
    "suppression_keys",
    metadata,
    Column("key_id", Text, primary_key=True),
    Column("secret", Text, nullable=False),
    Column("made_at", BigInteger, nullable=False),
)
"""The key made at the first erasure where the settings give none."""
