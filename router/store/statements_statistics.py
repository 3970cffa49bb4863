"""The statements of statistics: rows of a stretch of ids, in their order, so many at a time.

Ids are ordered by time and are the primary keys, so a period is a range of them and nothing outside it is read; each
page begins where the last one ended. (router.measure)
"""

from __future__ import annotations

from sqlalchemy import ColumnElement, Select, Table, bindparam, literal_column, select

from router.store.sql import Statement, one_of
from router.store.tables import contacts, inbound, outbox, records

_EMPTY: ColumnElement[str] = literal_column("''")

_SENT = (
    outbox.c.id, outbox.c.contact_id, outbox.c.number, outbox.c.connector, outbox.c.brand, outbox.c.message_class,
    outbox.c.segments, outbox.c.state, outbox.c.reason, outbox.c.inbound_id, outbox.c.rule, outbox.c.step,
    _EMPTY.label("arm"), outbox.c.sends, outbox.c.accepted,
)  # fmt: skip


def _page(rows: Select[tuple[object, ...]], table: Table) -> Statement:
    """One page of a stretch: rows after `after`, before `until`, at most `most`."""
    return Statement(
        rows.where(table.c.id > bindparam("after"), table.c.id < bindparam("until"))
        .order_by(table.c.id)
        .limit(bindparam("most")),
        "after", "until", "most",
    )  # fmt: skip


sent = _page(select(*_SENT, _EMPTY.label("address")), outbox)
"""Texts that went out or were to (router.figures.Sent), without the phones' numbers."""
sent_with_addresses = _page(
    select(*_SENT, contacts.c.address).join_from(outbox, contacts, contacts.c.id == outbox.c.contact_id), outbox
)
"""The same with them, where prices ask for them."""
came = _page(
    select(inbound.c.id, inbound.c.contact_id, inbound.c.number, inbound.c.brand, inbound.c.state, inbound.c.rule),
    inbound,
)
"""Texts from phones (router.figures.Came)."""
noted = _page(
    select(records.c.id, records.c.contact_id, records.c.brand, records.c.name, records.c.value), records
)  # fmt: skip
"""Values written down by `record`."""
texts_of = Statement(select(outbox.c.id, outbox.c.text).where(one_of(outbox.c.id, "ids")), "ids")
addresses_of = Statement(select(contacts.c.id, contacts.c.address).where(one_of(contacts.c.id, "ids")), "ids")
