"""The statements about evidence: how far each session is confirmed, what is in doubt, and which ids peers gave."""

from __future__ import annotations

from sqlalchemy import and_, bindparam, delete, exists, literal_column, select, tuple_, update

from router.store.sql import Insert, Statement, one_of
from router.store.tables import contacts, doubts, inbound, parts, sessions, strong_ids

# --- sessions

upsert_sessions = Insert(
    sessions,
    ("session", "connector", "node", "confirmed_id", "ended_at"),
    conflict=("session",),
    update=("confirmed_id", "ended_at"),
)
"""A node that was cut off and taken for dead has its sessions open again with its next mark."""
sessions_by_id = Statement(
    select(sessions.c.session, sessions.c.confirmed_id, sessions.c.ended_at, sessions.c.node).where(
        one_of(sessions.c.session, "ids")
    ),
    "ids",
)
open_sessions = Statement(
    select(sessions.c.session, sessions.c.connector, sessions.c.confirmed_id).where(
        sessions.c.node == bindparam("node"), sessions.c.ended_at.is_(None)
    ),
    "node",
)
end_sessions = Statement(
    update(sessions).where(one_of(sessions.c.session, "ids")).values(ended_at=bindparam("at")), "at", "ids"
)
_ENDED = sessions.c.ended_at <= bindparam("before")
old_sessions = Statement(
    select(sessions.c.session, _ENDED.label("goes"))
    .where(sessions.c.session > bindparam("after"), sessions.c.session < bindparam("until"))
    .order_by(sessions.c.session)
    .limit(bindparam("most")),
    "after", "until", "before", "most",
)  # fmt: skip
"""Those that began before an instant, and whether they had ended by then."""
forget_sessions = Statement(delete(sessions).where(one_of(sessions.c.session, "ids"), _ENDED), "ids", "before")

# --- doubts

_repeat = inbound.alias("repeat")
_stands_for_itself = ~exists(
    select(literal_column("1"))
    .where(_repeat.c.duplicate_of == inbound.c.id, _repeat.c.fingerprint.is_not(None))
    .correlate(inbound)
)
"""No doubt about it has been spent yet. A repeat that was recognised on its own link has no fingerprint and spends
none: the text that it repeats stands for both."""
_text = select(inbound.c.id, inbound.c.fingerprint).where(inbound.c.fingerprint.is_not(None), _stands_for_itself)
_part = select(parts.c.id, parts.c.fingerprint).where(parts.c.fingerprint.is_not(None))

texts_by_id = Statement(_text.where(one_of(inbound.c.id, "ids")), "ids")
parts_by_id = Statement(_part.where(one_of(parts.c.id, "ids")), "ids")
texts_since = Statement(
    _text.where(inbound.c.id > bindparam("after"), inbound.c.session == bindparam("session")), "after", "session"
)
parts_since = Statement(
    _part.where(parts.c.id > bindparam("after"), parts.c.session == bindparam("session")), "after", "session"
)
insert_doubts = Insert(doubts, ("inbound_id", "fingerprint", "expires_at"), conflict=("inbound_id",))
doubts_of = Statement(
    select(doubts.c.inbound_id, doubts.c.fingerprint)
    .where(one_of(doubts.c.fingerprint, "fingerprints"), doubts.c.expires_at > bindparam("now"))
    .order_by(doubts.c.inbound_id),
    "fingerprints",
    "now",
)
spend_doubts = Statement(delete(doubts).where(one_of(doubts.c.inbound_id, "ids")).returning(doubts.c.inbound_id), "ids")
any_doubt = Statement(select(doubts.c.inbound_id).limit(literal_column("1")))
_EXPIRED = doubts.c.expires_at <= bindparam("before")
doubts_slice = Statement(
    select(doubts.c.inbound_id, _EXPIRED.label("goes"))
    .where(doubts.c.inbound_id > bindparam("after"))
    .order_by(doubts.c.inbound_id)
    .limit(bindparam("most")),
    "after", "before", "most",
)  # fmt: skip
forget_doubts = Statement(delete(doubts).where(one_of(doubts.c.inbound_id, "ids"), _EXPIRED), "ids", "before")

# --- what repeats what

kept = Statement(
    select(inbound.c.id)
    .where(one_of(inbound.c.id, "ids"))
    .union_all(select(parts.c.id).where(one_of(parts.c.id, "again"))),
    "ids",
    "again",
)
evidence_of = Statement(
    select(inbound.c.id, inbound.c.connector, inbound.c.session, inbound.c.fingerprint).where(
        and_(one_of(inbound.c.id, "ids"), _stands_for_itself)
    ),
    "ids",
)
insert_strong_ids = Insert(
    strong_ids,
    ("scope", "strong_id", "inbound_id"),
    conflict=("scope", "strong_id"),
    returning=("strong_id",),
)
strong_ids_of = Statement(
    select(strong_ids.c.strong_id, strong_ids.c.inbound_id).where(
        strong_ids.c.scope == bindparam("scope"), one_of(strong_ids.c.strong_id, "ids")
    ),
    "scope",
    "ids",
)
_IS_OLD = strong_ids.c.inbound_id < bindparam("before")
strong_ids_slice = Statement(
    select(strong_ids.c.scope, strong_ids.c.strong_id, _IS_OLD.label("goes"))
    .where(tuple_(strong_ids.c.scope, strong_ids.c.strong_id) > tuple_(bindparam("scope"), bindparam("strong_id")))
    .order_by(strong_ids.c.scope, strong_ids.c.strong_id)
    .limit(bindparam("most")),
    "scope", "strong_id", "before", "most",
)  # fmt: skip
forget_strong_ids = Statement(
    delete(strong_ids).where(
        strong_ids.c.scope == bindparam("of"), one_of(strong_ids.c.strong_id, "ids"), _IS_OLD
    ),
    "of", "ids", "before",
)  # fmt: skip

# --- suspected duplicates, and acting upon one all the same

SUSPECTED = "suspected_duplicate"
_first = inbound.alias("first")
_SUSPECT = (
    inbound.c.id, contacts.c.address, inbound.c.number, inbound.c.connector, inbound.c.text, inbound.c.received_at,
    inbound.c.duplicate_of, _first.c.received_at,
)  # fmt: skip
_suspects = (
    select(*_SUSPECT)
    .select_from(
        inbound.join(contacts, contacts.c.id == inbound.c.contact_id).outerjoin(
            _first, _first.c.id == inbound.c.duplicate_of
        )
    )
    .where(inbound.c.duplicate_of.is_not(None), inbound.c.state == literal_column(f"'{SUSPECTED}'"))
)
opted_out_by = Statement(
    select(inbound.c.id).where(
        one_of(inbound.c.id, "ids"), literal_column(f"inbound.state IN ('opted_out', '{SUSPECTED}')")
    ),
    "ids",
)
"""Texts that were opt-outs, or repeats of what was one as far as they tell."""
newest_suspects = Statement(_suspects.order_by(inbound.c.id.desc()).limit(bindparam("most")), "most")
suspects_by_id = Statement(_suspects.where(one_of(inbound.c.id, "ids")), "ids")
set_replayed = Statement(
    update(inbound)
    .where(inbound.c.id == bindparam("which"), inbound.c.state == literal_column(f"'{SUSPECTED}'"))
    .values(state=literal_column("'replayed'"))
    .returning(inbound.c.id),
    "which",
)
