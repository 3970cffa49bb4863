"""What `kwek plan` reads: how many runs stand where, and the texts of late. Queries of their own, in slices of ids."""

from __future__ import annotations

from sqlalchemy import bindparam, func, literal_column, select

from router.store.sql import Statement
from router.store.tables import contacts, inbound, runs
from router.store.tables_events import samples

_STEP = (runs.c.brand, runs.c.rule, runs.c.frames, runs.c.deployment)
end_of_slice = Statement(
    select(runs.c.id)
    .where(runs.c.id > bindparam("after"))
    .order_by(runs.c.id)
    .limit(literal_column("1"))
    .offset(bindparam("size")),
    "after",
    "size",
)
runs_by_step = Statement(
    select(*_STEP, func.count())
    .where(runs.c.id > bindparam("after"), runs.c.id <= bindparam("until"))
    .group_by(*_STEP),
    "after",
    "until",
)
winners = Statement(
    select(samples.c.brand, samples.c.split, samples.c.winner)
    .where(samples.c.winner.is_not(None))
    .order_by(samples.c.brand, samples.c.split)
)
heard = Statement(
    select(inbound.c.id, contacts.c.address, inbound.c.number, inbound.c.text, inbound.c.received_at, inbound.c.rule)
    .select_from(inbound.join(contacts, contacts.c.id == inbound.c.contact_id))
    .where(
        inbound.c.id >= bindparam("since"),
        inbound.c.id < bindparam("before"),
        inbound.c.state != literal_column("'suspected_duplicate'"),
    )
    .order_by(inbound.c.id.desc())
    .limit(bindparam("most")),
    "since",
    "before",
    "most",
)
