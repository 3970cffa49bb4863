"""Which rule sets were told to rule, by whom and when, and what each node works by."""

from __future__ import annotations

from sqlalchemy import BigInteger, Column, Table, Text

from router.store.tables import Id, metadata

rulings = Table(
    "rulings",
    metadata,
    Column("id", Id, primary_key=True, autoincrement=False),
    Column("deployment", Text, nullable=False),
    Column("origin", Text, nullable=False),
    Column("actor", Text, nullable=False),
)
"""A rule set comes into force; `id` is the instant (µs) at which it was told to. By `deploy` and `rollback` for every
node, by `files` for the one node (`actor`) whose files changed."""

node_rules = Table(
    "node_rules",
    metadata,
    Column("node", Text, primary_key=True),
    Column("deployment", Text, nullable=False),
    Column("files", Text, nullable=False),
    Column("ruling_id", BigInteger, nullable=False),
    Column("fault", Text, nullable=False),
    Column("at", BigInteger, nullable=False),
)
"""What a node works by since `at`, what its own rules files were when it last read them, and the newest ruling for all
that it has heeded; `fault` says why it could not take that one over."""
