"""The statements of the ledger, of suppressions and of bringing consents in from elsewhere."""

from __future__ import annotations

from sqlalchemy import bindparam, delete, func, literal_column, select

from router.store.sql import Insert, Statement, one_of
from router.store.tables import contacts
from router.store.tables_consent import ledger, ledger_details, ledger_heads, suppression_keys, suppressions

# --- the ledger

lock_heads = Statement(
    select(ledger_heads.c.brand, ledger_heads.c.position, ledger_heads.c.hash)
    .where(one_of(ledger_heads.c.brand, "brands"))
    .order_by(ledger_heads.c.brand)
    .with_for_update(),
    "brands",
)
insert_heads = Insert(ledger_heads, ("brand", "position", "hash"), conflict=("brand",))
upsert_heads = Insert(ledger_heads, ("brand", "position", "hash"), conflict=("brand",), update=("position", "hash"))
insert_ledger = Insert(ledger, ("brand", "position", "id", "commitment", "hash"))
insert_details = Insert(ledger_details, ("brand", "position", "contact_id", "salt", "details"))

_ENTRY = (
    ledger.c.brand, ledger.c.position, ledger.c.id, ledger.c.commitment, ledger.c.hash, ledger_details.c.contact_id,
    ledger_details.c.salt, ledger_details.c.details,
)  # fmt: skip
entries_of = Statement(
    select(*_ENTRY)
    .join_from(
        ledger_details,
        ledger,
        (ledger.c.brand == ledger_details.c.brand) & (ledger.c.position == ledger_details.c.position),
    )
    .where(one_of(ledger_details.c.contact_id, "contacts"))
    .order_by(ledger.c.brand, ledger.c.position),
    "contacts",
)
"""The rows about some contacts, with what they commit to, in the order of each chain."""
details_of = Statement(
    select(ledger_details.c.contact_id, ledger_details.c.brand, ledger_details.c.details)
    .where(one_of(ledger_details.c.contact_id, "contacts"))
    .order_by(ledger_details.c.brand, ledger_details.c.position),
    "contacts",
)
every_head = Statement(
    select(ledger_heads.c.brand, ledger_heads.c.position, ledger_heads.c.hash).order_by(ledger_heads.c.brand)
)
chained_brands = Statement(select(ledger.c.brand).distinct())
next_entries = Statement(
    select(*_ENTRY, contacts.c.address)
    .join_from(
        ledger,
        ledger_details,
        (ledger.c.brand == ledger_details.c.brand) & (ledger.c.position == ledger_details.c.position),
        isouter=True,
    )
    .join(contacts, contacts.c.id == ledger_details.c.contact_id, isouter=True)
    .where(ledger.c.brand == bindparam("brand"), ledger.c.position > bindparam("after"))
    .order_by(ledger.c.position)
    .limit(bindparam("most")),
    "brand",
    "after",
    "most",
)
"""Some rows of one chain, with what they commit to (null: it is gone) and the number that it is about."""
orphaned_details = Statement(
    select(ledger_details.c.brand, ledger_details.c.position)
    .join_from(
        ledger_details,
        ledger,
        (ledger.c.brand == ledger_details.c.brand) & (ledger.c.position == ledger_details.c.position),
        isouter=True,
    )
    .where(ledger_details.c.brand == bindparam("brand"), ledger_details.c.position > bindparam("after"),
           ledger.c.brand.is_(None))
    .limit(literal_column("1")),
    "brand", "after",
)  # fmt: skip
"""Details beyond the chain's last row."""

# --- suppressions

any_suppression = Statement(select(suppressions.c.brand).limit(literal_column("1")))
suppressed = Statement(
    select(suppressions.c.digest, suppressions.c.brand, suppressions.c.since).where(
        one_of(suppressions.c.digest, "digests")
    ),
    "digests",
)
insert_suppressions = Insert(
    suppressions, ("digest", "brand", "since", "key_id"), conflict=("digest", "brand")
)  # the earliest stays
lift_suppressions = Statement(
    delete(suppressions).where(one_of(suppressions.c.digest, "digests"), one_of(suppressions.c.brand, "brands")),
    "digests",
    "brands",
)
suppressions_by_key = Statement(select(suppressions.c.key_id, func.count()).group_by(suppressions.c.key_id))
made_keys = Statement(select(suppression_keys.c.secret).order_by(suppression_keys.c.made_at))
insert_key = Insert(suppression_keys, ("key_id", "secret", "made_at"), conflict=("key_id",))
