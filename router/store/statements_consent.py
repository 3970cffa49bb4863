"""The statements of the ledger, of suppressions, of erasures and of bringing consents in from elsewhere."""

from __future__ import annotations

from sqlalchemy import bindparam, delete, func, literal_column, select, update

from router.store.sql import Insert, Statement, one_of
from router.store.tables import contacts, profiles, quarantine, threads
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
    select(suppressions.c.digest, suppressions.c.brand, suppressions.c.since, suppressions.c.erased_at).where(
        one_of(suppressions.c.digest, "digests")
    ),
    "digests",
)
insert_suppressions = Insert(
    suppressions, ("digest", "brand", "since", "key_id", "erased_at"), conflict=("digest", "brand"),
    update=("erased_at",),
)  # fmt: skip  # the earliest `since` stays
lift_suppressions = Statement(
    delete(suppressions).where(one_of(suppressions.c.digest, "digests"), one_of(suppressions.c.brand, "brands")),
    "digests",
    "brands",
)
suppressions_by_key = Statement(select(suppressions.c.key_id, func.count()).group_by(suppressions.c.key_id))
made_keys = Statement(select(suppression_keys.c.secret).order_by(suppression_keys.c.made_at))
insert_key = Insert(suppression_keys, ("key_id", "secret", "made_at"), conflict=("key_id",))

# --- erasure, export, import (router.store.holdings has those of each table)

contact_by_address = Statement(
    select(contacts.c.id, contacts.c.address, contacts.c.language, contacts.c.zone, contacts.c.created_at)
    .where(contacts.c.address == bindparam("address"))
    .with_for_update(),
    "address",
)
read_contact = Statement(
    select(contacts.c.id, contacts.c.address, contacts.c.language, contacts.c.zone, contacts.c.created_at).where(
        contacts.c.address == bindparam("address")
    ),
    "address",
)
"""The same for who only reads."""
ledger_slice = Statement(
    select(ledger_details.c.brand, ledger_details.c.position)
    .where(ledger_details.c.contact_id == bindparam("contact"))
    .order_by(ledger_details.c.brand, ledger_details.c.position)
    .limit(bindparam("most")),
    "contact",
    "most",
)
ledger_slice_of_brands = Statement(
    select(ledger_details.c.brand, ledger_details.c.position)
    .where(ledger_details.c.contact_id == bindparam("contact"), one_of(ledger_details.c.brand, "brands"))
    .order_by(ledger_details.c.brand, ledger_details.c.position)
    .limit(bindparam("most")),
    "contact",
    "most",
    "brands",
)
delete_details = Statement(
    delete(ledger_details).where(
        ledger_details.c.brand == bindparam("of"), one_of(ledger_details.c.position, "positions")
    ),
    "of",
    "positions",
)
forget_last_brand = Statement(
    update(threads)
    .where(threads.c.contact_id == bindparam("contact"), one_of(threads.c.last_brand, "brands"))
    .values(last_brand=None),
    "contact",
    "brands",
)
quarantine_after = Statement(
    select(quarantine.c.id, quarantine.c.frame, quarantine.c.reason, quarantine.c.received_at, quarantine.c.sequence)
    .where(quarantine.c.id > bindparam("after"))
    .order_by(quarantine.c.id)
    .limit(bindparam("most")),
    "after",
    "most",
)
delete_quarantine = Statement(delete(quarantine).where(one_of(quarantine.c.id, "ids")), "ids")
delete_profiles = Statement(
    delete(profiles).where(profiles.c.contact_id == bindparam("contact"), one_of(profiles.c.brand, "brands")),
    "contact",
    "brands",
)
insert_profiles = Insert(profiles, ("contact_id", "brand", "tags", "attributes", "opted_out_at"))
