"""What a stage for conversations (router.rehearsal) reads back, and how it is emptied; never on the main way."""

from __future__ import annotations

from sqlalchemy import bindparam, delete, func, select

from router.store.engine import Tx
from router.store.sql import Statement
from router.store.tables import inbound, metadata, outbox, records
from router.store.tables_emails import emails
from router.store.tables_offers import links

outbox_after = Statement(
    select(outbox.c.id, outbox.c.text, outbox.c.number, outbox.c.state, outbox.c.reason)
    .where(outbox.c.id > bindparam("after"))
    .order_by(outbox.c.id),
    "after",
)
"""The texts that were written down after one, in order."""
emails_after = Statement(
    select(emails.c.id, emails.c.recipient, emails.c.subject, emails.c.body, emails.c.state, emails.c.reason)
    .where(emails.c.id > bindparam("after"))
    .order_by(emails.c.id),
    "after",
)
"""The e-mails that were written down after one, in order."""
recorded = Statement(
    select(records.c.name, records.c.value).where(records.c.brand == bindparam("brand")).order_by(records.c.id), "brand"
)
"""What a brand recorded, in order."""
taken = Statement(select(inbound.c.text, inbound.c.brand, inbound.c.state).order_by(inbound.c.id))
"""The texts that came in, with the brand that got each."""

_EMPTYING = [Statement(delete(table)) for table in reversed(metadata.sorted_tables)]


def empty(tx: Tx) -> None:
    """Forget everything."""
    for statement in _EMPTYING:
        statement.run(tx)


newest_link = Statement(
    select(links.c.code, links.c.brand, links.c.name)
    .where(links.c.clicked_at.is_(None))
    .order_by(links.c.created_at.desc(), links.c.cause_id.desc())
    .limit(1)
)

any_click = Statement(select(func.count()).select_from(links).where(links.c.clicked_at.is_not(None)))
