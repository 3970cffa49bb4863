"""The tables of vouchers, short links and keys of the API.

Codes are primary keys as they stand on a phone or at a till: looked up by nothing else. What is given out leaves the
index of what is free, so that taking a code costs the same from a pool of a hundred and of a million.
"""

from __future__ import annotations

from sqlalchemy import BigInteger, Column, Index, Integer, LargeBinary, PrimaryKeyConstraint, Table, Text, text

from router.store.tables import Id, metadata

offers = Table(
    "offers",
    metadata,
    Column("brand", Text, nullable=False),
    Column("name", Text, nullable=False),
    Column("until", BigInteger),
    Column("file_hash", Text, nullable=False),
    Column("load", BigInteger, nullable=False),
    Column("total", Integer, nullable=False),
    Column("warned_at", BigInteger),
    PrimaryKeyConstraint("brand", "name"),
    sqlite_with_rowid=False,
)
"""A voucher of a brand as it was last deployed: until when it counts (null: always), the file its codes came from
(SHA-256; empty for a pattern), which load of it is in force, how many codes that had, and since when it runs low."""

vouchers = Table(
    "vouchers",
    metadata,
    Column("code", Text, nullable=False),
    Column("brand", Text, nullable=False),
    Column("name", Text, nullable=False),
    Column("load", BigInteger, nullable=False),
    Column("contact_id", BigInteger),
    Column("taken_at", BigInteger),
    Column("redeemed_at", BigInteger),
    Column("redeemed_by", Text, nullable=False, server_default=text("''")),
    PrimaryKeyConstraint("code", "brand"),
    Index("vouchers_free", "brand", "name", "code", sqlite_where=text("contact_id IS NULL"),
          postgresql_where=text("contact_id IS NULL")),
    Index("vouchers_of_contact", "contact_id", "brand", "name", unique=True, sqlite_where=text("contact_id > 0"),
          postgresql_where=text("contact_id > 0")),
    sqlite_with_rowid=False,
)  # fmt: skip
"""A code: free (`contact_id` null), a contact's, or that of a contact who was erased (0). The index keeps it to one
code for a contact and voucher, whatever goes wrong above it."""

links = Table(
    "links",
    metadata,
    Column("code", Text, nullable=False),
    Column("contact_id", BigInteger, nullable=False),
    Column("brand", Text, nullable=False),
    Column("cause_id", BigInteger, nullable=False),
    Column("rule", Text, nullable=False),
    Column("step", Text, nullable=False),
    Column("name", Text, nullable=False),
    Column("target", Text, nullable=False),
    Column("kind", Text, nullable=False),
    Column("created_at", BigInteger, nullable=False),
    Column("clicked_at", BigInteger),
    Column("clicks", Integer, nullable=False, server_default=text("0")),
    PrimaryKeyConstraint("code"),
    Index("links_of_contact", "contact_id", "cause_id"),
    sqlite_with_rowid=False,
)
"""A short link in one text to one contact: what it stands for, when it was first followed and how often since."""

api_keys = Table(
    "api_keys",
    metadata,
    Column("id", Id, primary_key=True, autoincrement=False),
    Column("brand", Text, nullable=False),
    Column("hash", LargeBinary, nullable=False),
    Column("label", Text, nullable=False),
    Column("created_at", BigInteger, nullable=False),
    Column("revoked_at", BigInteger),
)
"""A brand's key to the API: SHA-256 of its secret, which nobody but its holder knows."""
