"""The table of e-mails, which wait here until a mail server has taken them."""

from __future__ import annotations

from sqlalchemy import BigInteger, Column, Index, Integer, Table, Text, text

from router.store.tables import Id, metadata

emails = Table(
    "emails",
    metadata,
    Column("id", Id, primary_key=True, autoincrement=False),
    Column("contact_id", BigInteger, nullable=False),
    Column("brand", Text, nullable=False),
    Column("message_class", Text, nullable=False),
    Column("recipient", Text, nullable=False),
    Column("subject", Text, nullable=False),
    Column("body", Text, nullable=False),
    Column("state", Text, nullable=False),
    Column("reason", Text, nullable=False),
    Column("cause_id", BigInteger, nullable=False),
    Column("rule", Text, nullable=False),
    Column("step", Text, nullable=False),
    Column("created_at", BigInteger, nullable=False),
    Column("due_at", BigInteger, nullable=False),
    Column("attempts", Integer, nullable=False),
    Column("node", Text, nullable=False),
    Column("settled_at", BigInteger),
    Column("purpose", Text),
    Index("emails_due", "due_at", sqlite_where=text("state IN ('ready', 'claimed')"),
          postgresql_where=text("state IN ('ready', 'claimed')")),
    Index("emails_open", "contact_id", sqlite_where=text("state IN ('ready', 'claimed')"),
          postgresql_where=text("state IN ('ready', 'claimed')")),
)  # fmt: skip
"""An e-mail of a rule; `state` is ready, claimed (`due_at`: until when), sent, failed, withheld or cancelled.

`purpose`: the transaction or programme that its consent must be for; null where that was not written down. `reason` of
one that waits is what the server said last, or that a STOP met it there."""
