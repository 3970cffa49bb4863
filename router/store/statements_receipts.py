"""The statements about receipts, early, late and stray (router.receipts)."""

from __future__ import annotations

from sqlalchemy import ColumnElement, and_, bindparam, case, delete, literal_column, or_, select, tuple_, update

from router.store.sql import Insert, Statement, one_of
from router.store.tables import awaiting_receipt, contacts, outbox, receipts, stray_receipts

_SENT: ColumnElement[str] = literal_column("'sent'")
_READY: ColumnElement[str] = literal_column("'ready'")
_CLAIMED: ColumnElement[str] = literal_column("'claimed'")
_UNKNOWN: ColumnElement[str] = literal_column("'unknown'")
_ZERO: ColumnElement[int] = literal_column("0")
_ONE: ColumnElement[int] = literal_column("1")

# ---- ids that a receipt is awaited for

insert_awaiting = Insert(
    awaiting_receipt,
    ("connector", "message_id", "outbox_id", "sent_at"),
    conflict=("connector", "message_id", "outbox_id"),
)
insert_told = Insert(
    awaiting_receipt,
    ("connector", "message_id", "outbox_id", "sent_at", "done"),
    conflict=("connector", "message_id", "outbox_id"),
)
awaiting_by_id = Statement(
    select(awaiting_receipt.c.message_id, awaiting_receipt.c.outbox_id, awaiting_receipt.c.done).where(
        awaiting_receipt.c.connector == bindparam("connector"), one_of(awaiting_receipt.c.message_id, "forms")
    ),
    "connector", "forms",
)  # fmt: skip
_these = (
    awaiting_receipt.c.connector == bindparam("connector"),
    one_of(awaiting_receipt.c.message_id, "ids"),
    one_of(awaiting_receipt.c.outbox_id, "texts"),
)
delete_awaiting = Statement(delete(awaiting_receipt).where(*_these), "connector", "ids", "texts")
mark_done = Statement(update(awaiting_receipt).where(*_these).values(done=_ONE), "connector", "ids", "texts")
_KEY = (awaiting_receipt.c.connector, awaiting_receipt.c.message_id, awaiting_receipt.c.outbox_id)
# No index tells what is old: it would cost every message.
awaiting_slice = Statement(
    select(*_KEY, (awaiting_receipt.c.sent_at <= bindparam("before")).label("goes"))
    .where(tuple_(*_KEY) > tuple_(bindparam("connector"), bindparam("message_id"), bindparam("outbox_id")))
    .order_by(*_KEY)
    .limit(bindparam("most")),
    "connector", "message_id", "outbox_id", "before", "most",
)  # fmt: skip
forget_awaiting = Statement(
    delete(awaiting_receipt).where(
        awaiting_receipt.c.connector == bindparam("of"), one_of(awaiting_receipt.c.message_id, "ids"),
        awaiting_receipt.c.sent_at <= bindparam("before"),
    ),
    "of", "ids", "before",
)  # fmt: skip
addresses_of = Statement(
    select(outbox.c.id, contacts.c.address)
    .join(contacts, contacts.c.id == outbox.c.contact_id)
    .where(one_of(outbox.c.id, "ids")),
    "ids",
)

# ---- receipts, and those without a message

insert_receipts = Insert(
    receipts, ("id", "connector", "message_id", "outbox_id", "state", "error", "received_at", "text")
)
insert_strays = Insert(
    stray_receipts,
    ("connector", "form", "receipt_id", "received_at", "rank", "phones"),
    conflict=("connector", "form", "receipt_id"),
)
strays_by_form = Statement(
    select(
        stray_receipts.c.form, stray_receipts.c.receipt_id, receipts.c.state, stray_receipts.c.rank,
        stray_receipts.c.phones,
    )
    .join(receipts, receipts.c.id == stray_receipts.c.receipt_id)
    .where(stray_receipts.c.connector == bindparam("connector"), one_of(stray_receipts.c.form, "forms"))
    .order_by(stray_receipts.c.receipt_id),
    "connector", "forms",
)  # fmt: skip
forms_of = Statement(
    select(stray_receipts.c.rank, stray_receipts.c.receipt_id, stray_receipts.c.form).where(
        one_of(stray_receipts.c.receipt_id, "ids"), stray_receipts.c.rank < bindparam("below")
    ),
    "ids", "below",
)  # fmt: skip
_CAME = (stray_receipts.c.received_at > bindparam("after"), stray_receipts.c.received_at <= bindparam("upto"))
strays_upto = Statement(
    select(stray_receipts.c.received_at)
    .where(stray_receipts.c.received_at > bindparam("after"))
    .order_by(stray_receipts.c.received_at)
    .limit(literal_column("1"))
    .offset(bindparam("most")),
    "after", "most",
)  # fmt: skip
"""When the last of the next so many and one came; nothing where there are fewer."""
unmet = Statement(
    select(
        awaiting_receipt.c.connector, stray_receipts.c.form, stray_receipts.c.receipt_id, receipts.c.state,
        stray_receipts.c.rank, stray_receipts.c.phones, awaiting_receipt.c.outbox_id,
    )
    .select_from(stray_receipts)
    .join(
        awaiting_receipt,
        and_(
            awaiting_receipt.c.connector == stray_receipts.c.connector,
            awaiting_receipt.c.message_id == stray_receipts.c.form,
        ),
    )
    .join(receipts, receipts.c.id == stray_receipts.c.receipt_id)
    .where(*_CAME, awaiting_receipt.c.done != _ONE),
    "after", "upto",
)  # fmt: skip
"""Receipts and the ids they are about that were written by two nodes at once, neither of which saw the other's."""
_earlier_send = and_(awaiting_receipt.c.done == _ONE, outbox.c.sends > _ONE, ~outbox.c.state.in_((_READY, _CLAIMED)))
"""A row that `router.receipts.recall` wrote for a send of unknown outcome; it was sent again, and that is over."""
names_of_strays = Statement(
    select(stray_receipts.c.connector, stray_receipts.c.form, stray_receipts.c.receipt_id)
    .where(*_CAME, stray_receipts.c.rank == bindparam("rank")),
    "after", "upto", "rank",
)  # fmt: skip
"""What to look up a text by that was sent again, for receipts of an earlier send that came meanwhile."""
sent_again = Statement(
    select(awaiting_receipt.c.message_id, awaiting_receipt.c.outbox_id)
    .join(outbox, outbox.c.id == awaiting_receipt.c.outbox_id)
    .where(
        awaiting_receipt.c.connector == bindparam("connector"),
        one_of(awaiting_receipt.c.message_id, "names"),
        _earlier_send,
    ),
    "connector", "names",
)  # fmt: skip
adopt_receipts = Statement(
    update(receipts).where(one_of(receipts.c.id, "ids")).values(outbox_id=bindparam("outbox")), "outbox", "ids"
)
delete_strays = Statement(delete(stray_receipts).where(one_of(stray_receipts.c.receipt_id, "ids")), "ids")
old_strays = Statement(
    select(stray_receipts.c.received_at, literal_column("1").label("goes"), stray_receipts.c.receipt_id)
    .where(stray_receipts.c.received_at >= bindparam("since"), stray_receipts.c.received_at <= bindparam("before"))
    .order_by(stray_receipts.c.received_at)
    .limit(bindparam("most")),
    "since", "before", "most",
)  # fmt: skip

# ---- texts that a receipt shows to have arrived, though nobody answered for them

_of_phones = (
    select(outbox.c.id, contacts.c.address)
    .select_from(contacts)
    .join(outbox, outbox.c.contact_id == contacts.c.id)
    .where(one_of(contacts.c.address, "phones"), outbox.c.connector == bindparam("connector"))
)
unknown_of = Statement(_of_phones.where(outbox.c.state == _UNKNOWN), "phones", "connector")
again_of = Statement(
    _of_phones.where(
        outbox.c.state == _READY, literal_column("outbox.state IN ('ready', 'claimed')"), outbox.c.sends > _ZERO
    ),
    "phones", "connector",
)  # fmt: skip
"""Texts that wait to be sent once more."""
unknown_by_id = Statement(
    select(outbox.c.id, outbox.c.connector, contacts.c.address, outbox.c.due_at)
    .join(contacts, contacts.c.id == outbox.c.contact_id)
    .where(one_of(outbox.c.id, "ids"), outbox.c.state == _UNKNOWN),
    "ids",
)
_not_answered_for = or_(outbox.c.state == _UNKNOWN, and_(outbox.c.state == _READY, outbox.c.sends > _ZERO))
mark_arrived = Statement(
    update(outbox)
    .where(one_of(outbox.c.id, "ids"), _not_answered_for, outbox.c.receipts_left <= _ONE)
    .values(state=_SENT, settled_at=bindparam("at")),
    "at", "ids",
)  # fmt: skip
mark_begun = Statement(
    update(outbox)
    .where(one_of(outbox.c.id, "ids"), _not_answered_for, outbox.c.receipts_left > _ONE)
    .values(state=_UNKNOWN, due_at=bindparam("due"), sends=bindparam("most")),
    "due", "most", "ids",
)  # fmt: skip
"""Of a long text one segment has arrived: the receipts of the others are still found, and it is not sent again."""

# ---- what receipts do to a text

_open: ColumnElement[bool] = literal_column("state IN ('ready', 'claimed', 'sent', 'unknown')")
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
            (and_(_open, bindparam("bad") > _ZERO), bindparam("reason")),
            else_=outbox.c.reason,
        ),
    ),
    "bad", "reason", "ids",
)  # fmt: skip
note_progress = Statement(
    update(outbox)
    .where(
        one_of(outbox.c.id, "ids"), outbox.c.state == _SENT, outbox.c.receipts_bad == _ZERO,
        ~one_of(outbox.c.reason, "not_after"),
    )
    .values(reason=bindparam("reason")),
    "reason", "not_after", "ids",
)  # fmt: skip
"""How far a text is that is not finished: forward only."""
