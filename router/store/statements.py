"""The statements of the main way. Each is one text per dialect; none is built while messages flow.

Grouped by table; the functions that use them are in `router` (inbound, outbox, receipts, due, parts, perform).
"""

from __future__ import annotations

from sqlalchemy import ColumnElement, and_, bindparam, case, delete, exists, func, literal_column, or_, select, update

from router.store.sql import Insert, Statement, one_of
from router.store.tables import (
    awaiting_receipt,
    batches,
    contacts,
    deployments,
    inbound,
    outbox,
    parts,
    profiles,
    quarantine,
    receipts,
    records,
    runs,
    stray_receipts,
    threads,
)

# literal_column keeps constants in the text, where a partial index's condition can be recognised.
_READY: ColumnElement[str] = literal_column("'ready'")
_CLAIMED: ColumnElement[str] = literal_column("'claimed'")
_SENT: ColumnElement[str] = literal_column("'sent'")
_UNKNOWN: ColumnElement[str] = literal_column("'unknown'")
_CANCELLED: ColumnElement[str] = literal_column("'cancelled'")
_ZERO: ColumnElement[int] = literal_column("0")
_ONE: ColumnElement[int] = literal_column("1")

# --- contacts, threads, profiles

_CONTACT = (contacts.c.id, contacts.c.address, contacts.c.language, contacts.c.zone)
contacts_by_address = Statement(select(*_CONTACT).where(one_of(contacts.c.address, "addresses")), "addresses")
contacts_by_id = Statement(select(*_CONTACT).where(one_of(contacts.c.id, "ids")).order_by(contacts.c.id), "ids")
lock_contacts = Statement(
    select(*_CONTACT).where(one_of(contacts.c.id, "ids")).order_by(contacts.c.id).with_for_update(), "ids"
)
insert_contacts = Insert(contacts, ("id", "address", "created_at"), conflict=("address",))

THREAD_COLUMNS = ("contact_id", "number", "last_brand", "last_in_at", "last_out_at", "replies", "replies_since")
threads_of = Statement(
    select(*(threads.c[name] for name in THREAD_COLUMNS)).where(one_of(threads.c.contact_id, "ids")), "ids"
)
upsert_threads = Insert(threads, THREAD_COLUMNS, conflict=("contact_id", "number"), update=THREAD_COLUMNS[2:])

PROFILE_COLUMNS = ("contact_id", "brand", "tags", "attributes", "opted_out_at")
profiles_of = Statement(
    select(*(profiles.c[name] for name in PROFILE_COLUMNS)).where(one_of(profiles.c.contact_id, "ids")), "ids"
)
upsert_profiles = Insert(profiles, PROFILE_COLUMNS, conflict=("contact_id", "brand"), update=PROFILE_COLUMNS[2:])

# --- inbound, parts, quarantine

INBOUND_COLUMNS = (
    "id", "contact_id", "number", "connector", "session", "sequence", "text", "received_at", "state", "brand", "rule",
    "deployment", "fault",
)  # fmt: skip
insert_inbound = Insert(inbound, INBOUND_COLUMNS)

PART_COLUMNS = (
    "id", "connector", "sender", "recipient", "reference", "total", "part", "octets", "charset", "session", "sequence",
    "received_at", "joined_at",
)  # fmt: skip
insert_parts = Insert(parts, PART_COLUMNS)
_PARTS = select(*(parts.c[name] for name in PART_COLUMNS))
parts_of_one = Statement(
    _PARTS.where(
        parts.c.sender == bindparam("sender"), parts.c.recipient == bindparam("recipient"),
        parts.c.reference == bindparam("reference"), parts.c.total == bindparam("total"),
        parts.c.connector == bindparam("connector"), parts.c.received_at > bindparam("since"),
    ).order_by(parts.c.id),
    "connector", "sender", "recipient", "reference", "total", "since",
)  # fmt: skip
parts_overdue = Statement(
    _PARTS.where(parts.c.received_at <= bindparam("before"), parts.c.joined_at.is_(None))
    .order_by(parts.c.received_at)
    .limit(bindparam("most")),
    "before",
    "most",
)
mark_joined = Statement(update(parts).where(one_of(parts.c.id, "ids")).values(joined_at=bindparam("at")), "at", "ids")
age_parts = Statement(
    update(parts).where(one_of(parts.c.id, "ids")).values(received_at=parts.c.received_at - bindparam("by")),
    "by",
    "ids",
)
forget_parts = Statement(
    delete(parts).where(parts.c.joined_at.is_not(None), parts.c.id < bindparam("before")), "before"
)
lock_sender = Statement(
    select(func.pg_advisory_xact_lock(func.hashtextextended(bindparam("sender"), literal_column("0")))), "sender"
)
"""PostgreSQL alone: parts of one sender are joined by one node at a time. His contact is not made before he has said
something whole, so it is not there to be locked."""
oldest_open_part = Statement(select(func.min(parts.c.received_at)).where(parts.c.joined_at.is_(None)))

insert_quarantine = Insert(quarantine, ("id", "connector", "session", "sequence", "frame", "reason", "received_at"))

# --- runs and records

RUN_COLUMNS = (
    "id", "contact_id", "number", "kind", "brand", "rule", "frames", "deployment", "variables", "due_at", "misses",
    "started_at", "inbound_id",
)  # fmt: skip
_RUNS = select(*(runs.c[name] for name in RUN_COLUMNS))
runs_of = Statement(_RUNS.where(one_of(runs.c.contact_id, "ids")).order_by(runs.c.id.desc()), "ids")
runs_due = Statement(
    select(runs.c.id, runs.c.contact_id, runs.c.number)
    .where(runs.c.due_at <= bindparam("now"))
    .order_by(runs.c.due_at, runs.c.id)
    .limit(bindparam("most")),
    "now",
    "most",
)
postpone_run = Statement(update(runs).where(one_of(runs.c.id, "ids")).values(due_at=bindparam("due")), "due", "ids")
next_run = Statement(select(func.min(runs.c.due_at)))
upsert_runs = Insert(runs, RUN_COLUMNS, conflict=("id",), update=RUN_COLUMNS[3:])
delete_runs = Statement(delete(runs).where(one_of(runs.c.id, "ids")), "ids")
delete_runs_of_brand = Statement(
    delete(runs).where(runs.c.contact_id == bindparam("contact"), one_of(runs.c.brand, "brands")), "contact", "brands"
)
insert_records = Insert(
    records,
    ("id", "contact_id", "brand", "name", "value", "once", "rule", "inbound_id", "at"),
    conflict=("contact_id", "brand", "name"),
)

# --- outbox

OUTBOX_COLUMNS = (
    "id", "contact_id", "number", "connector", "brand", "message_class", "text", "encoding", "segments", "state",
    "reason", "inbound_id", "rule", "step", "created_at", "due_at", "attempts", "node", "settled_at", "receipts_left",
    "receipts_bad",
)  # fmt: skip
insert_outbox = Insert(outbox, OUTBOX_COLUMNS)
unsettled_of = Statement(
    select(outbox.c.contact_id, outbox.c.number)
    .where(one_of(outbox.c.contact_id, "ids"), literal_column("state IN ('ready', 'claimed')"))
    .distinct(),
    "ids",
)
_other = outbox.alias("other")
_its_turn = ~exists(
    select(literal_column("1"))
    .where(
        _other.c.contact_id == outbox.c.contact_id,
        _other.c.number == outbox.c.number,
        literal_column("other.state IN ('ready', 'claimed')"),
        or_(_other.c.id < outbox.c.id, _other.c.state == _CLAIMED),
    )
    .correlate(outbox)
)
"""Nothing earlier waits for that contact and number, and nothing is on the wire: a text sent once more may be older."""
claimable = Statement(
    select(
        outbox.c.id, outbox.c.contact_id, outbox.c.number, outbox.c.brand, outbox.c.message_class, outbox.c.text,
        outbox.c.encoding, outbox.c.segments, outbox.c.attempts, outbox.c.created_at,
    )
    .where(
        outbox.c.state == _READY,
        outbox.c.connector == bindparam("connector"),
        outbox.c.due_at <= bindparam("now"),
        _its_turn,
    )
    .order_by(outbox.c.due_at, outbox.c.id)
    .limit(bindparam("most")),
    "connector", "now", "most",
)  # fmt: skip
set_claimed = Statement(
    update(outbox)
    .where(one_of(outbox.c.id, "ids"), outbox.c.state == _READY, _its_turn)
    .values(state=_CLAIMED, node=bindparam("node"), attempts=outbox.c.attempts + _ONE)
    .returning(outbox.c.id),
    "node",
    "ids",
)
settle_sent = Statement(
    update(outbox)
    .where(one_of(outbox.c.id, "ids"), or_(outbox.c.state == _CLAIMED, outbox.c.state == _UNKNOWN))
    .values(state=_SENT, settled_at=bindparam("at")),
    "at",
    "ids",
)
settle_other = Statement(
    update(outbox)
    .where(one_of(outbox.c.id, "ids"), outbox.c.state == _CLAIMED)
    .values(
        state=bindparam("state"), reason=bindparam("reason"), settled_at=bindparam("at"), due_at=bindparam("due")
    ),
    "state", "reason", "at", "due", "ids",
)  # fmt: skip
cancel_ready = Statement(
    update(outbox)
    .where(
        outbox.c.contact_id == bindparam("contact"), one_of(outbox.c.brand, "brands"), outbox.c.state == _READY,
        literal_column("state IN ('ready', 'claimed')"),
    )
    .values(state=_CANCELLED, reason=bindparam("reason"), settled_at=bindparam("at")),
    "contact", "brands", "reason", "at",
)  # fmt: skip
close_ready = Statement(
    update(outbox)
    .where(one_of(outbox.c.id, "ids"), outbox.c.state == _READY)
    .values(state=_CANCELLED, reason=bindparam("reason"), settled_at=bindparam("at")),
    "reason", "at", "ids",
)  # fmt: skip
claimed_by = Statement(
    select(outbox.c.id, outbox.c.message_class, outbox.c.attempts).where(
        outbox.c.node == bindparam("node"), outbox.c.state == _CLAIMED, literal_column("state IN ('ready', 'claimed')")
    ),
    "node",
)
unknown_due = Statement(
    select(outbox.c.id, outbox.c.message_class, outbox.c.attempts)
    .where(outbox.c.state == _UNKNOWN, outbox.c.due_at <= bindparam("now"))
    .order_by(outbox.c.due_at)
    .limit(bindparam("most")),
    "now",
    "most",
)
resolve_unknown = Statement(
    update(outbox)
    .where(one_of(outbox.c.id, "ids"), outbox.c.state == _UNKNOWN)
    .values(state=bindparam("state"), reason=bindparam("reason"), due_at=bindparam("due")),
    "state", "reason", "due", "ids",
)  # fmt: skip
next_unknown = Statement(select(func.min(outbox.c.due_at)).where(outbox.c.state == _UNKNOWN))
earliest_ready = Statement(
    select(func.min(outbox.c.due_at)).where(outbox.c.state == _READY, outbox.c.connector == bindparam("connector")),
    "connector",
)

# --- receipts

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

# --- deployments, markers, ids

forget_batches = Statement(delete(batches).where(batches.c.marker < bindparam("before")), "before")

last_deployment = Statement(
    select(deployments.c.hash, deployments.c.sources).order_by(deployments.c.last_at.desc()).limit(literal_column("1"))
)
deployment_by_hash = Statement(
    select(deployments.c.hash, deployments.c.sources).where(one_of(deployments.c.hash, "hashes")), "hashes"
)
upsert_deployment = Insert(
    deployments, ("hash", "sources", "first_at", "last_at"), conflict=("hash",), update=("last_at",)
)
highest_ids = Statement(
    select(
        *(
            select(func.coalesce(func.max(table.c.id), literal_column("0"))).scalar_subquery()
            for table in (contacts, inbound, outbox, receipts, parts, runs, records, quarantine)
        )
    )
)
