"""The statements about contacts, what came in, runs, records, deployments and markers.

Each is one text per dialect; none is built while messages flow. Those of the other tables stand beside this file.
"""

from __future__ import annotations

from sqlalchemy import Boolean, bindparam, delete, func, literal_column, select, update

from router.store.sql import Insert, Statement, one_of
from router.store.tables import (
    batches,
    contacts,
    deployments,
    inbound,
    nodes,
    outbox,
    parts,
    profiles,
    quarantine,
    receipts,
    records,
    runs,
    sessions,
    threads,
)
from router.store.tables_consent import ledger, ledger_heads
from router.store.tables_emails import emails
from router.store.tables_events import events
from router.store.tables_reviews import reviews

# --- contacts, threads, profiles

_CONTACT = (contacts.c.id, contacts.c.address, contacts.c.language, contacts.c.zone)
contacts_by_address = Statement(select(*_CONTACT).where(one_of(contacts.c.address, "addresses")), "addresses")
contacts_by_id = Statement(select(*_CONTACT).where(one_of(contacts.c.id, "ids")).order_by(contacts.c.id), "ids")
lock_contacts = Statement(
    select(*_CONTACT).where(one_of(contacts.c.id, "ids")).order_by(contacts.c.id).with_for_update(), "ids"
)
lock_senders = Statement(
    select(contacts.c.id).where(one_of(contacts.c.address, "addresses")).order_by(contacts.c.id).with_for_update(),
    "addresses",
)
lock_free_contacts = Statement(
    select(*_CONTACT).where(one_of(contacts.c.id, "ids")).order_by(contacts.c.id).with_for_update(skip_locked=True),
    "ids",
)
insert_contacts = Insert(contacts, ("id", "address", "created_at"), conflict=("address",))

THREAD_COLUMNS = (
    "contact_id",
    "number",
    "last_brand",
    "last_in_at",
    "last_out_at",
    "replies",
    "replies_since",
    "last_id",
)
threads_of = Statement(
    select(*(threads.c[name] for name in THREAD_COLUMNS)).where(one_of(threads.c.contact_id, "ids")), "ids"
)
upsert_threads = Insert(threads, THREAD_COLUMNS, conflict=("contact_id", "number"), update=THREAD_COLUMNS[2:])

PROFILE_COLUMNS = (
    "contact_id", "brand", "tags", "attributes", "opted_out_at", "consents", "promoted", "number", "active_at",
    "hold_until",
)  # fmt: skip
profiles_of = Statement(
    select(*(profiles.c[name] for name in PROFILE_COLUMNS)).where(one_of(profiles.c.contact_id, "ids")), "ids"
)
upsert_profiles = Insert(profiles, PROFILE_COLUMNS, conflict=("contact_id", "brand"), update=PROFILE_COLUMNS[2:])

# --- inbound and quarantine

INBOUND_COLUMNS = (
    "id", "contact_id", "number", "connector", "session", "sequence", "text", "received_at", "state", "brand", "rule",
    "deployment", "fault", "fingerprint", "duplicate_of",
)  # fmt: skip
insert_inbound = Insert(inbound, INBOUND_COLUMNS)

insert_quarantine = Insert(quarantine, ("id", "connector", "session", "sequence", "frame", "reason", "received_at"))

# --- runs and records

RUN_COLUMNS = (
    "id", "contact_id", "number", "kind", "brand", "rule", "frames", "deployment", "variables", "due_at", "misses",
    "started_at", "cause_id",
)  # fmt: skip
_RUNS = select(*(runs.c[name] for name in RUN_COLUMNS))
runs_of = Statement(_RUNS.where(one_of(runs.c.contact_id, "ids")).order_by(runs.c.id.desc()), "ids")
runs_due = Statement(
    select(runs.c.id, runs.c.contact_id, runs.c.number)
    .where(runs.c.due_at >= bindparam("since"), runs.c.due_at <= bindparam("now"))
    .order_by(runs.c.due_at, runs.c.id)
    .limit(bindparam("most")),
    "since",
    "now",
    "most",
)
run_tried = Statement(
    select(runs.c.contact_id, runs.c.number, runs.c.brand, runs.c.rule, runs.c.tries)
    .where(runs.c.id == bindparam("run"), runs.c.due_at <= bindparam("now")),
    "run", "now",
)  # fmt: skip
"""Of a run that is due, what can be read whatever is wrong with it."""
postpone_run = Statement(
    update(runs)
    .where(runs.c.id == bindparam("run"))
    .values(due_at=bindparam("due"), tries=runs.c.tries + literal_column("1")),
    "due", "run",
)  # fmt: skip
next_run = Statement(select(func.min(runs.c.due_at)).where(runs.c.due_at >= bindparam("since")), "since")
upsert_runs = Insert(runs, RUN_COLUMNS, conflict=("id",), update=RUN_COLUMNS[3:])
delete_runs = Statement(delete(runs).where(one_of(runs.c.id, "ids")), "ids")
delete_runs_of_brand = Statement(
    delete(runs).where(runs.c.contact_id == bindparam("contact"), one_of(runs.c.brand, "brands")), "contact", "brands"
)
insert_records = Insert(
    records,
    ("id", "contact_id", "brand", "name", "value", "once", "rule", "cause_id", "at"),
    conflict=("contact_id", "brand", "name"),
)

# --- nodes, deployments, markers, ids

every_node = Statement(select(nodes.c.name, nodes.c.number, nodes.c.started_at))
lock_nodes = Statement(select(func.pg_advisory_xact_lock(literal_column("7021"))))
"""PostgreSQL alone: one node at a time takes a number."""
lock_absent_nodes = Statement(
    select(nodes.c.name).where(
        nodes.c.name != bindparam("own"),
        func.pg_try_advisory_xact_lock(literal_column("7022"), func.hashtext(nodes.c.name), type_=Boolean()),
    ),
    "own",
)
"""PostgreSQL alone: the other nodes of which no process is connected; none is until the transaction ends. The lock is
the one that `Store.own` holds."""
upsert_node = Insert(nodes, ("number", "name", "started_at"), conflict=("number",), update=("name", "started_at"))

old_batches = Statement(
    select(batches.c.marker, literal_column("1").label("goes"))
    .where(batches.c.marker > bindparam("after"), batches.c.marker < bindparam("before"))
    .order_by(batches.c.marker)
    .limit(bindparam("most")),
    "after", "before", "most",
)  # fmt: skip
forget_batches = Statement(delete(batches).where(one_of(batches.c.marker, "markers")), "markers")

last_deployment = Statement(
    select(deployments.c.hash, deployments.c.sources).order_by(deployments.c.last_at.desc()).limit(literal_column("1"))
)
deployment_by_hash = Statement(
    select(deployments.c.hash, deployments.c.sources).where(one_of(deployments.c.hash, "hashes")), "hashes"
)
upsert_deployment = Insert(
    deployments, ("hash", "sources", "first_at", "last_at"), conflict=("hash",), update=("sources", "last_at")
)
_last_of_a_chain = (  # not a join: SQLite would begin it with the ledger, and read all of it
    select(ledger.c.id)
    .where(ledger.c.brand == ledger_heads.c.brand, ledger.c.position == ledger_heads.c.position)
    .correlate(ledger_heads)
    .scalar_subquery()
)
highest_ids = Statement(
    select(
        *(
            select(func.coalesce(func.max(column), literal_column("0"))).scalar_subquery()
            for column in (
                *(table.c.id for table in (contacts, inbound, outbox, receipts, parts, runs, records, quarantine)),
                *(events.c.id, reviews.c.id, emails.c.id, batches.c.marker, sessions.c.session),
            )
        ),
        select(func.coalesce(func.max(_last_of_a_chain), literal_column("0")))
        .select_from(ledger_heads)
        .scalar_subquery(),
    )
)
"""Asked at each start, so that no id is given twice by a clock that was set back: the ends of indexes. The ledger has
none by id: there it is the last row of each chain."""
