"""The statements about receipts, early, late and stray (router.receipts)."""

from __future__ import annotations

from sqlalchemy import ColumnElement, and_, bindparam, case, delete, literal_column, or_, select, update

from router.store.sql import Insert, Statement, one_of
from router.store.tables import awaiting_receipt, outbox, receipts, stray_receipts

_SENT: ColumnElement[str] = literal_column("'sent'")
_UNKNOWN: ColumnElement[str] = literal_column("'unknown'")
_ZERO: ColumnElement[int] = literal_column("0")
_ONE: ColumnElement[int] = literal_column("1")

insert_awaiting = Insert(
    awaiting_receipt,
    ("connector", "message_id", "outbox_id", "sent_at"),
    conflict=("connector", "message_id", "outbox_id"),
)
awaiting_by_id = Statement(
    select(awaiting_receipt.c.message_id, awaiting_receipt.c.outbox_id).where(
        awaiting_receipt.c.connector == bindparam("connector"), one_of(awaiting_receipt.c.message_id, "forms")
    ),
    "connector", "forms",
)  # fmt: skip
delete_awaiting = Statement(
    delete(awaiting_receipt).where(
        awaiting_receipt.c.connector == bindparam("connector"), one_of(awaiting_receipt.c.message_id, "ids")
    ),
    "connector", "ids",
)  # fmt: skip
# No index serves this one: it would cost every message, and the table holds only what no receipt came for.
forget_awaiting = Statement(delete(awaiting_receipt).where(awaiting_receipt.c.sent_at <= bindparam("before")), "before")
insert_receipts = Insert(
    receipts, ("id", "connector", "message_id", "outbox_id", "state", "error", "received_at", "text")
)
insert_strays = Insert(
    stray_receipts, ("connector", "form", "receipt_id", "received_at"), conflict=("connector", "form", "receipt_id")
)
strays_by_form = Statement(
    select(stray_receipts.c.form, stray_receipts.c.receipt_id, receipts.c.state)
    .join(receipts, receipts.c.id == stray_receipts.c.receipt_id)
    .where(stray_receipts.c.connector == bindparam("connector"), one_of(stray_receipts.c.form, "forms"))
    .order_by(stray_receipts.c.receipt_id),
    "connector", "forms",
)  # fmt: skip
adopt_receipts = Statement(
    update(receipts).where(one_of(receipts.c.id, "ids")).values(outbox_id=bindparam("outbox")), "outbox", "ids"
)
delete_strays = Statement(
    delete(stray_receipts).where(
        stray_receipts.c.connector == bindparam("connector"), one_of(stray_receipts.c.receipt_id, "ids")
    ),
    "connector", "ids",
)  # fmt: skip
forget_strays = Statement(delete(stray_receipts).where(stray_receipts.c.received_at <= bindparam("before")), "before")
_finished = and_(
    outbox.c.receipts_left <= _ONE,
    or_(outbox.c.state == _SENT, outbox.c.state == _UNKNOWN),
)
count_receipt = Statement(
    update(outbox)
    .where(one_of(outbox.c.id, "ids"))
    .values(
        receipts_left=outbox.c.receipts_left - _ONE,
        receipts_bad=outbox.c.receipts_bad + bindparam("bad"),
        state=case(
            (~_finished, outbox.c.state),
            (outbox.c.receipts_bad + bindparam("bad") == _ZERO, literal_column("'delivered'")),
            else_=literal_column("'undelivered'"),
        ),
        # Why it was not delivered stays, whatever the other segments' receipts say afterwards.
        reason=case(
            (and_(_finished, outbox.c.receipts_bad == _ZERO), bindparam("reason")),
            (bindparam("bad") > _ZERO, bindparam("reason")),
            else_=outbox.c.reason,
        ),
    ),
    "bad", "reason", "ids",
)  # fmt: skip
