"""The statements of statistics: rows of a stretch of ids, in their order, so many at a time.

Ids are ordered by time and are the primary keys, so a period is a range of them and nothing outside it is read; each
page begins where the last one ended. (router.measure)
"""

from __future__ import annotations

from sqlalchemy import ColumnElement, Select, Table, bindparam, case, func, literal_column, select, tuple_

from router.store.sql import Statement, one_of
from router.store.tables import contacts, inbound, outbox, records
from router.store.tables_consent import ledger, ledger_details, ledger_heads
from router.store.tables_events import enrolments, events
from router.store.tables_offers import links

_EMPTY: ColumnElement[str] = literal_column("''")

_SENT = (
    outbox.c.id, outbox.c.contact_id, outbox.c.number, outbox.c.cause_id, outbox.c.connector, outbox.c.brand,
    outbox.c.message_class, outbox.c.segments, outbox.c.state,
    case((outbox.c.state == literal_column("'withheld'"), outbox.c.reason), else_=_EMPTY),
    outbox.c.rule, outbox.c.step, outbox.c.arm, outbox.c.sends,
    case((outbox.c.state == literal_column("'failed'"), outbox.c.accepted), else_=_EMPTY),
)  # fmt: skip


def _page(rows: Select[tuple[object, ...]], table: Table, *more: str) -> Statement:
    """One page of a stretch: rows after `after`, before `until`, at most `most`."""
    return Statement(
        rows.where(table.c.id > bindparam("after"), table.c.id < bindparam("until"))
        .order_by(table.c.id)
        .limit(bindparam("most")),
        "after", "until", "most", *more,
    )  # fmt: skip


def sent(*, addresses: bool, origins: bool) -> Statement:
    """Texts that went out or were to (router.counted.Sent). With `addresses` the first `digits` of the phones' numbers,
    where prices ask for them; with `origins` the rules that took the texts which were their causes."""
    digits = func.substr(contacts.c.address, literal_column("1"), bindparam("digits"))
    rows = select(
        *_SENT,
        digits.label("address") if addresses else _EMPTY.label("address"),
        func.coalesce(inbound.c.rule, _EMPTY).label("origin") if origins else _EMPTY.label("origin"),
    ).select_from(outbox)
    if addresses:
        rows = rows.join(contacts, contacts.c.id == outbox.c.contact_id)
    if origins:
        rows = rows.outerjoin(inbound, inbound.c.id == outbox.c.cause_id)
    return _page(rows, outbox, *(("digits",) if addresses else ()))


SENT = {
    (addresses, origins): sent(addresses=addresses, origins=origins)
    for addresses in (False, True)
    for origins in (False, True)
}
"""`sent` in all its forms: whether with addresses, and whether with origins."""
came = _page(
    select(inbound.c.id, inbound.c.contact_id, inbound.c.number, inbound.c.brand, inbound.c.state, inbound.c.rule),
    inbound,
)
"""Texts from phones (router.counted.Came)."""
noted = _page(
    select(records.c.id, records.c.contact_id, records.c.brand, records.c.name, records.c.value), records
)  # fmt: skip
"""Values written down by `record`."""
clicked = Statement(
    select(
        links.c.clicked_at, links.c.code, links.c.contact_id, links.c.brand, links.c.rule, links.c.step,
        links.c.created_at, links.c.name, links.c.target, links.c.clicks, links.c.cause_id,
    )
    .where(
        links.c.clicked_at.is_not(None),
        tuple_(links.c.clicked_at, links.c.code) > tuple_(bindparam("after_at"), bindparam("after_code")),
        links.c.clicked_at < bindparam("until"),
    )
    .order_by(links.c.clicked_at, links.c.code)
    .limit(bindparam("most")),
    "after_at", "after_code", "until", "most",
)  # fmt: skip
"""Links in the order in which they were first followed; they have an index of their own for that."""
goals = Statement(
    select(
        enrolments.c.cause_id, enrolments.c.drip, enrolments.c.contact_id, enrolments.c.brand, enrolments.c.ended_at
    )
    .where(
        literal_column("outcome = 'goal'"),
        tuple_(enrolments.c.cause_id, enrolments.c.drip) > tuple_(bindparam("after_id"), bindparam("after_drip")),
        enrolments.c.cause_id < bindparam("until"),
    )
    .order_by(enrolments.c.cause_id, enrolments.c.drip)
    .limit(bindparam("most")),
    "after_id", "after_drip", "until", "most",
)  # fmt: skip
"""Drips whose goal was reached, by what they were entered by; an index holds these alone."""
late_goals = Statement(
    select(
        events.c.id, enrolments.c.drip, events.c.contact_id, events.c.brand, events.c.name, enrolments.c.cause_id,
        enrolments.c.entered_at, events.c.at,
    )
    .join_from(
        events,
        enrolments,
        (enrolments.c.contact_id == events.c.contact_id) & (enrolments.c.brand == events.c.brand),
    )
    .where(
        events.c.id >= bindparam("after_id"),
        tuple_(events.c.id, enrolments.c.drip) > tuple_(bindparam("after_id"), bindparam("after_drip")),
        events.c.id < bindparam("until"),
        one_of(events.c.name, "names"),
        events.c.source.in_([literal_column("'api'"), literal_column("'voucher'")]),
        enrolments.c.outcome == literal_column("'finished'"),
        events.c.at >= enrolments.c.entered_at,
    )
    .order_by(events.c.id, enrolments.c.drip)
    .limit(bindparam("most")),
    "after_id", "after_drip", "until", "most", "names",
)  # fmt: skip
"""Events of contacts that have had all texts of a drip, and of which it may be the goal."""
happened = _page(
    select(events.c.id, events.c.contact_id, events.c.brand, events.c.name, events.c.at).where(
        one_of(events.c.name, "names"), events.c.source != literal_column("'click'")
    ),
    events, "names",
)  # fmt: skip
chains = Statement(select(ledger_heads.c.brand, ledger_heads.c.position))
id_at = Statement(
    select(ledger.c.id).where(ledger.c.brand == bindparam("brand"), ledger.c.position == bindparam("position")),
    "brand", "position",
)  # fmt: skip
consented = Statement(
    select(ledger.c.position, ledger.c.id, ledger_details.c.contact_id, ledger_details.c.details)
    .join_from(
        ledger,
        ledger_details,
        (ledger.c.brand == ledger_details.c.brand) & (ledger.c.position == ledger_details.c.position),
    )
    .where(
        ledger.c.brand == bindparam("brand"), ledger.c.position > bindparam("after"), ledger.c.id < bindparam("until")
    )
    .order_by(ledger.c.position)
    .limit(bindparam("most")),
    "brand", "after", "until", "most",
)  # fmt: skip
"""Events of consent that were not erased, in the order of a brand's chain."""
rules_of = Statement(select(inbound.c.id, inbound.c.rule).where(one_of(inbound.c.id, "ids")), "ids")
texts_of = Statement(select(outbox.c.id, outbox.c.text).where(one_of(outbox.c.id, "ids")), "ids")
addresses_of = Statement(select(contacts.c.id, contacts.c.address).where(one_of(contacts.c.id, "ids")), "ids")
