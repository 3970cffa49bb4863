"""The statements about events, enrolments, samples and money spent."""

from __future__ import annotations

from sqlalchemy import bindparam, case, exists, func, literal_column, or_, select, update

from router.store.sql import Insert, Statement, one_of
from router.store.tables import outbox
from router.store.tables_events import enrolments, events, samples, spending
from router.store.tables_offers import links

insert_events = Insert(
    events,
    ("id", "contact_id", "brand", "name", "source", "ref", "data", "at", "received_at", "key", "rule", "deployment",
     "fault", "told"),
)  # fmt: skip
_TOLD = func.coalesce(events.c.told, literal_column("'*'"))
known_keys = Statement(
    select(events.c.brand, events.c.key, events.c.id).where(
        one_of(events.c.brand, "brands"), one_of(events.c.key, "keys")
    ),
    "brands", "keys",
)  # fmt: skip
"""By brand and key, as the index has them: by keys alone all of it would be read."""
keys_of = Statement(
    select(events.c.id, events.c.brand, events.c.key).where(
        events.c.contact_id == bindparam("contact"), events.c.id > bindparam("after"), events.c.id <= bindparam("upto"),
        events.c.key.is_not(None),
    ),
    "contact", "after", "upto",
)  # fmt: skip
replace_key = Statement(update(events).where(events.c.id == bindparam("of")).values(key=bindparam("by")), "by", "of")
happened = Statement(
    select(func.count())
    .select_from(events)
    .where(
        events.c.contact_id == bindparam("contact"),
        events.c.brand == bindparam("brand"),
        events.c.name == bindparam("name"),
        events.c.at >= bindparam("since"),
        events.c.id != bindparam("but"),
        or_(events.c.source == literal_column("'api'"), events.c.source == literal_column("'voucher'")),
    ),
    "contact", "brand", "name", "since", "but",
)  # fmt: skip
learnt = Statement(
    select(_TOLD)
    .where(
        events.c.contact_id == bindparam("contact"),
        events.c.brand == bindparam("brand"),
        events.c.name == bindparam("name"),
        events.c.at >= bindparam("since"),
        events.c.id != bindparam("but"),
        or_(events.c.source == literal_column("'api'"), events.c.source == literal_column("'voucher'")),
        literal_column("''") != _TOLD,
    )
    .distinct(),
    "contact", "brand", "name", "since", "but",
)  # fmt: skip
newest = Statement(
    select(events.c.at)
    .where(
        events.c.contact_id == bindparam("contact"),
        events.c.brand == bindparam("brand"),
        events.c.name == bindparam("name"),
        or_(events.c.source == literal_column("'api'"), events.c.source == literal_column("'voucher'")),
    )
    .order_by(events.c.at.desc())
    .limit(literal_column("1"))
    .offset(bindparam("past")),
    "contact", "brand", "name", "past",
)  # fmt: skip
told_of = Statement(
    select(events.c.contact_id, events.c.name, events.c.at).where(
        one_of(events.c.contact_id, "contacts"), events.c.brand == bindparam("of"),
        or_(events.c.source == literal_column("'api'"), events.c.source == literal_column("'voucher'")),
    ),
    "contacts", "of",
)  # fmt: skip
"""What a brand's systems told of some contacts."""
clicked = Statement(
    select(func.count())
    .select_from(links)
    .where(
        links.c.contact_id == bindparam("contact"),
        links.c.cause_id == bindparam("cause"),
        links.c.rule == bindparam("rule"),
        links.c.clicked_at.is_not(None),
    ),
    "contact", "cause", "rule",
)  # fmt: skip
ENROLMENT_COLUMNS = ("contact_id", "brand", "drip", "entered_at", "cause_id", "ended_at", "outcome")
upsert_enrolments = Insert(
    enrolments, ENROLMENT_COLUMNS, conflict=("contact_id", "brand", "drip"), update=ENROLMENT_COLUMNS[3:]
)
enrolled = Statement(
    select(enrolments.c.contact_id, enrolments.c.brand, enrolments.c.drip, enrolments.c.entered_at,
           enrolments.c.outcome).where(one_of(enrolments.c.contact_id, "contacts")),
    "contacts",
)  # fmt: skip
end_enrolment = Statement(
    update(enrolments)
    .where(
        enrolments.c.contact_id == bindparam("contact"),
        enrolments.c.brand == bindparam("of"),
        enrolments.c.drip == bindparam("named"),
        enrolments.c.outcome == "",
    )
    .values(ended_at=bindparam("now"), outcome=bindparam("how")),
    "now", "how", "contact", "of", "named",
)  # fmt: skip
end_enrolments_of = Statement(
    update(enrolments)
    .where(
        enrolments.c.contact_id == bindparam("contact"), one_of(enrolments.c.brand, "brands"),
        enrolments.c.outcome == "",
    )
    .values(ended_at=bindparam("now"), outcome="stopped"),
    "now", "contact", "brands",
)  # fmt: skip
sample = Statement(
    select(samples.c.began_at, samples.c.winner).where(
        samples.c.brand == bindparam("brand"), samples.c.split == bindparam("split")
    ),
    "brand", "split",
)  # fmt: skip
insert_sample = Insert(samples, ("brand", "split", "began_at", "winner"), conflict=("brand", "split"))
decide_sample = Statement(
    update(samples)
    .where(samples.c.brand == bindparam("of"), samples.c.split == bindparam("named"), samples.c.winner.is_(None))
    .values(winner=bindparam("won")),
    "won", "of", "named",
)  # fmt: skip
_ARM = (
    outbox.c.id >= bindparam("first"), outbox.c.brand == bindparam("brand"), outbox.c.arm == bindparam("arm"),
    outbox.c.state != "withheld",
)  # fmt: skip
arm_by_click = Statement(
    select(
        func.count(outbox.c.contact_id.distinct()),
        func.count(
            case(
                (
                    exists(
                        select(literal_column("1")).where(
                            links.c.contact_id == outbox.c.contact_id, links.c.cause_id == outbox.c.cause_id,
                            links.c.rule == outbox.c.rule, links.c.clicked_at.is_not(None),
                        )
                    ),
                    outbox.c.contact_id,
                )
            ).distinct()
        ),
    ).where(*_ARM),
    "first", "brand", "arm",
)  # fmt: skip
arm_by_event = Statement(
    select(
        func.count(outbox.c.contact_id.distinct()),
        func.count(
            case(
                (
                    exists(
                        select(literal_column("1")).where(
                            events.c.contact_id == outbox.c.contact_id, events.c.brand == outbox.c.brand,
                            events.c.name == bindparam("name"), events.c.at >= bindparam("since"),
                        )
                    ),
                    outbox.c.contact_id,
                )
            ).distinct()
        ),
    ).where(*_ARM),
    "name", "since", "first", "brand", "arm",
)  # fmt: skip
spent = Statement(
    select(spending.c.millionths).where(
        spending.c.brand == bindparam("brand"), spending.c.period == bindparam("period")
    ),
    "brand", "period",
)  # fmt: skip
