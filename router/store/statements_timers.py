"""The statements about timers and the sweeps that arm them (router.timers)."""

from __future__ import annotations

from typing import Any

from sqlalchemy import ColumnElement, bindparam, delete, exists, func, literal_column, select, update

from router.store.sql import Insert, Statement, one_of
from router.store.tables import contacts, outbox, profiles
from router.store.tables_events import events
from router.store.tables_timers import sweeps, timers

TIMER_COLUMNS = ("contact_id", "brand", "source", "name", "due_at", "last_at")
_KEY = TIMER_COLUMNS[:4]
timers_due = Statement(
    select(timers.c.contact_id).where(timers.c.due_at <= bindparam("now")).order_by(timers.c.due_at)
    .limit(bindparam("most")),
    "now", "most",
)  # fmt: skip
due_timers_of = Statement(
    select(
        *(timers.c[name] for name in _KEY),
        func.coalesce(timers.c.planned_at, timers.c.due_at), timers.c.last_at,
    )
    .where(one_of(timers.c.contact_id, "ids"), timers.c.due_at <= bindparam("now"))
    .order_by(timers.c.due_at, timers.c.source, timers.c.name),
    "ids", "now",
)  # fmt: skip
"""Each with the instant that it is meant for, should it have been put off."""
next_timer = Statement(select(func.min(timers.c.due_at)).where(timers.c.due_at.is_not(None)))


def _is_sooner(new: Any) -> ColumnElement[bool]:
    sooner: ColumnElement[bool] = (timers.c.source == literal_column("'turn'")) & (timers.c.due_at <= new.due_at)
    return sooner


def _is_put_off(new: Any) -> ColumnElement[bool]:
    sooner: ColumnElement[bool] = (timers.c.source == literal_column("'turn'")) & (timers.c.planned_at <= new.due_at)
    return _is_sooner(new) | sooner


arm = Insert(
    timers, TIMER_COLUMNS[:5], conflict=_KEY, update=("due_at", "planned_at", "tries"),
    unless={"due_at": _is_sooner, "planned_at": _is_put_off, "tries": _is_sooner},
)  # fmt: skip
"""Set anew when it is due; what was last stays known. One of a segment is only brought forward: what is due already is
still to be looked at, and what was put off still for the instant that it is meant for."""
arm_missing = Insert(timers, TIMER_COLUMNS, conflict=_KEY)
move = Insert(timers, TIMER_COLUMNS, conflict=_KEY, update=("due_at", "last_at", "planned_at", "tries"))
"""Tries are counted anew. Also for who has just joined a segment by a cause: that answers what was due before."""
_ONE = (
    timers.c.contact_id == bindparam("contact"), timers.c.brand == bindparam("of"),
    timers.c.source == bindparam("kind"), timers.c.name == bindparam("named"),
)  # fmt: skip
tried = Statement(
    select(timers.c.tries).where(*_ONE, timers.c.due_at <= bindparam("now")), "contact", "of", "kind", "named", "now"
)
postpone = Statement(
    update(timers).where(*_ONE).values(
        due_at=bindparam("due"), tries=timers.c.tries + literal_column("1"),
        planned_at=func.coalesce(timers.c.planned_at, timers.c.due_at),
    ),
    "due", "contact", "of", "kind", "named",
)  # fmt: skip
drop = Statement(delete(timers).where(*_ONE), "contact", "of", "kind", "named")

_CAUSED = exists(
    select(literal_column("1")).where(
        events.c.id == outbox.c.cause_id, events.c.source == literal_column("'undelivered'")
    )
)
failed = Statement(
    select(outbox.c.id, outbox.c.contact_id, outbox.c.brand, outbox.c.receipts_bad)
    .join(sweeps, sweeps.c.brand == outbox.c.brand)
    .where(one_of(outbox.c.id, "ids"), outbox.c.contact_id > literal_column("0"), sweeps.c.undelivered, ~_CAUSED),
    "ids",
)
"""Texts of brands that have rules for those that do not arrive; what such a rule led to aside."""

joins_since = Statement(
    select(events.c.contact_id, events.c.brand, events.c.name, func.count())
    .where(
        one_of(events.c.contact_id, "ids"), events.c.source == literal_column("'join'"),
        events.c.at >= bindparam("since"), events.c.rule != literal_column("''"),
    )
    .group_by(events.c.contact_id, events.c.brand, events.c.name),
    "ids", "since",
)  # fmt: skip
"""How often contacts joined segments lately, and that began something."""

every_sweep = Statement(select(sweeps.c.brand, sweeps.c.rules, sweeps.c.undelivered, sweeps.c.cursor,
                                   sweeps.c.due_at))  # fmt: skip
upsert_sweeps = Insert(
    sweeps, ("brand", "rules", "undelivered", "cursor", "due_at"), conflict=("brand",),
    update=("rules", "undelivered", "cursor", "due_at"),
)  # fmt: skip
delete_sweeps = Statement(delete(sweeps).where(one_of(sweeps.c.brand, "brands")), "brands")
next_sweep = Statement(select(func.min(sweeps.c.due_at)))
open_sweep = Statement(
    select(sweeps.c.brand, sweeps.c.cursor).where(sweeps.c.due_at <= bindparam("now")).order_by(sweeps.c.brand)
    .limit(literal_column("1")).with_for_update(skip_locked=True),
    "now",
)  # fmt: skip
swept = Statement(
    update(sweeps).where(sweeps.c.brand == bindparam("of")).values(cursor=bindparam("upto"), due_at=bindparam("next")),
    "upto", "next", "of",
)  # fmt: skip
reopen = Statement(
    update(sweeps).where(sweeps.c.brand == bindparam("of"), sweeps.c.rules != literal_column("'[]'"))
    .values(cursor=literal_column("0"), due_at=bindparam("now")),
    "now", "of",
)  # fmt: skip
_page = (
    select(profiles.c.contact_id.label("key"))
    .where(profiles.c.contact_id > bindparam("after"))
    .order_by(profiles.c.contact_id)
    .limit(bindparam("most"))
    .subquery()
)
slice_end = Statement(select(func.max(_page.c.key)), "after", "most")
"""The contact that the next so many profiles reach to; null past the end. Profiles of all brands are walked past, so
that a slice costs the same however few of them are the brand's."""
slice_of = Statement(
    select(profiles.c.contact_id, contacts.c.created_at)
    .join(contacts, contacts.c.id == profiles.c.contact_id)
    .where(
        profiles.c.contact_id > bindparam("after"), profiles.c.contact_id <= bindparam("upto"),
        profiles.c.brand == bindparam("of"),
    ),
    "after", "upto", "of",
)  # fmt: skip
