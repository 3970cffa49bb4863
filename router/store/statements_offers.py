"""The statements about vouchers, short links and keys of the API."""

from __future__ import annotations

from sqlalchemy import and_, bindparam, delete, func, literal_column, select, update

from router.store.sql import Insert, Statement, one_of
from router.store.tables import contacts, profiles
from router.store.tables_offers import api_keys, links, offers, vouchers

# --- what is declared, and pools

offers_of = Statement(
    select(offers.c.brand, offers.c.name, offers.c.until, offers.c.file_hash, offers.c.load, offers.c.total,
           offers.c.warned_at)
)  # fmt: skip
offer_until = Statement(
    select(offers.c.until).where(offers.c.brand == bindparam("brand"), offers.c.name == bindparam("name")),
    "brand", "name",
)  # fmt: skip
declare_offers = Insert(
    offers, ("brand", "name", "until", "file_hash", "load", "total"), conflict=("brand", "name"), update=("until",)
)
load_offers = Insert(
    offers, ("brand", "name", "until", "file_hash", "load", "total"), conflict=("brand", "name"),
    update=("until", "file_hash", "load", "total"),
)  # fmt: skip

codes_known = Statement(
    select(vouchers.c.code, vouchers.c.name, vouchers.c.contact_id)
    .where(one_of(vouchers.c.code, "codes"), vouchers.c.brand == bindparam("brand")),
    "codes", "brand",
)  # fmt: skip
insert_codes = Insert(vouchers, ("code", "brand", "name", "load"), conflict=("code", "brand"), returning=("code",))
keep_codes = Statement(
    update(vouchers)
    .where(one_of(vouchers.c.code, "codes"), vouchers.c.brand == bindparam("of_brand"),
           vouchers.c.name == bindparam("of_name"))
    .values(load=bindparam("new_load")),
    "codes", "of_brand", "of_name", "new_load",
)  # fmt: skip
_WITHDRAWN = (
    select(vouchers.c.code)
    .where(vouchers.c.brand == bindparam("brand"), vouchers.c.name == bindparam("name"),
           vouchers.c.contact_id.is_(None), vouchers.c.load != bindparam("load"))
    .limit(bindparam("most"))
)  # fmt: skip
withdrawn_codes = Statement(_WITHDRAWN, "brand", "name", "load", "most")
delete_free_codes = Statement(
    delete(vouchers).where(
        one_of(vouchers.c.code, "codes"), vouchers.c.brand == bindparam("brand"), vouchers.c.contact_id.is_(None)
    ),
    "codes", "brand",
)  # fmt: skip
free_codes_left = Statement(
    select(func.count()).where(
        vouchers.c.brand == bindparam("brand"), vouchers.c.name == bindparam("name"), vouchers.c.contact_id.is_(None)
    ),
    "brand", "name",
)  # fmt: skip
warn_of_offer = Statement(
    update(offers)
    .where(offers.c.brand == bindparam("of_brand"), offers.c.name == bindparam("of_name"), offers.c.warned_at.is_(None))
    .values(warned_at=bindparam("at"))
    .returning(offers.c.name),
    "of_brand", "of_name", "at",
)  # fmt: skip
calm_offer = Statement(
    update(offers)
    .where(offers.c.brand == bindparam("of_brand"), offers.c.name == bindparam("of_name"),
           offers.c.warned_at.is_not(None))
    .values(warned_at=None),
    "of_brand", "of_name",
)  # fmt: skip

# --- a contact's codes

codes_of_contacts = Statement(
    select(vouchers.c.contact_id, vouchers.c.brand, vouchers.c.name, vouchers.c.code).where(
        vouchers.c.contact_id > literal_column("0"), one_of(vouchers.c.contact_id, "ids")
    ),
    "ids",
)
free_codes = Statement(
    select(vouchers.c.code, vouchers.c.load)
    .where(vouchers.c.brand == bindparam("brand"), vouchers.c.name == bindparam("name"),
           vouchers.c.contact_id.is_(None))
    .order_by(vouchers.c.brand, vouchers.c.name, vouchers.c.code)
    .limit(bindparam("most"))
    .with_for_update(skip_locked=True),
    "brand", "name", "most",
)  # fmt: skip
take_codes = Insert(
    vouchers, ("code", "brand", "name", "load", "contact_id", "taken_at"), conflict=("code", "brand"),
    update=("contact_id", "taken_at"),
)  # fmt: skip
draw_codes = Insert(
    vouchers, ("code", "brand", "name", "load", "contact_id", "taken_at"), conflict=("code", "brand"),
    returning=("code",),
)  # fmt: skip
forget_codes = Statement(
    update(vouchers)
    .where(vouchers.c.contact_id > literal_column("0"), vouchers.c.contact_id == bindparam("contact"))
    .values(contact_id=literal_column("0")),
    "contact",
)

# --- redemption

code_at_till = Statement(
    select(vouchers.c.code, vouchers.c.brand, vouchers.c.name, vouchers.c.contact_id, vouchers.c.redeemed_at,
           vouchers.c.redeemed_by, contacts.c.address, offers.c.until)
    .select_from(
        vouchers.outerjoin(contacts, contacts.c.id == vouchers.c.contact_id)
        .outerjoin(offers, and_(offers.c.brand == vouchers.c.brand, offers.c.name == vouchers.c.name))
    )
    .where(one_of(vouchers.c.code, "codes")),
    "codes",
)  # fmt: skip
redeem_code = Statement(
    update(vouchers)
    .where(vouchers.c.code == bindparam("at_code"), vouchers.c.brand == bindparam("at_brand"),
           vouchers.c.redeemed_at.is_(None), vouchers.c.contact_id.is_not(None))
    .values(redeemed_at=bindparam("at"), redeemed_by=bindparam("by"))
    .returning(vouchers.c.code),
    "at_code", "at_brand", "at", "by",
)  # fmt: skip

# --- links

LINK_COLUMNS = (
    "code", "contact_id", "brand", "cause_id", "rule", "step", "name", "target", "kind", "created_at",
)  # fmt: skip
insert_links = Insert(links, LINK_COLUMNS)
link_codes_known = Statement(select(links.c.code).where(one_of(links.c.code, "codes")), "codes")
link_by_code = Statement(
    select(links.c.code, links.c.contact_id, links.c.brand, links.c.cause_id, links.c.rule, links.c.step, links.c.name,
           links.c.target, links.c.kind, links.c.clicked_at, contacts.c.address, contacts.c.language)
    .select_from(links.join(contacts, contacts.c.id == links.c.contact_id))
    .where(links.c.code == bindparam("code")),
    "code",
)  # fmt: skip
follow_first = Statement(
    update(links)
    .where(links.c.code == bindparam("at_code"), links.c.clicked_at.is_(None))
    .values(clicks=links.c.clicks + literal_column("1"), clicked_at=bindparam("at"))
    .returning(links.c.code),
    "at_code", "at",
)  # fmt: skip
revisit_link = Statement(
    update(links).where(links.c.code == bindparam("at_code")).values(clicks=links.c.clicks + bindparam("count")),
    "at_code", "count",
)  # fmt: skip
clicks_of = Statement(
    select(links.c.contact_id, links.c.cause_id, links.c.name, links.c.clicked_at).where(
        one_of(links.c.contact_id, "ids"), links.c.clicked_at.is_not(None)
    ),
    "ids",
)
forget_links = Statement(delete(links).where(links.c.contact_id == bindparam("contact")), "contact")

# --- what the pages show

standing_of = Statement(
    select(profiles.c.opted_out_at).where(
        profiles.c.contact_id == bindparam("contact"), profiles.c.brand == bindparam("brand")
    ),
    "contact", "brand",
)  # fmt: skip
voucher_of = Statement(
    select(vouchers.c.code, vouchers.c.redeemed_at, offers.c.until)
    .select_from(
        vouchers.outerjoin(offers, and_(offers.c.brand == vouchers.c.brand, offers.c.name == vouchers.c.name))
    )
    .where(vouchers.c.contact_id > literal_column("0"), vouchers.c.contact_id == bindparam("contact"),
           vouchers.c.brand == bindparam("brand"), vouchers.c.name == bindparam("name")),
    "contact", "brand", "name",
)  # fmt: skip

# --- keys of the API

insert_key = Insert(api_keys, ("id", "brand", "hash", "label", "created_at"))
key_by_id = Statement(
    select(api_keys.c.brand, api_keys.c.hash, api_keys.c.label, api_keys.c.revoked_at).where(
        api_keys.c.id == bindparam("id")
    ),
    "id",
)
key_by_hash = Statement(select(api_keys.c.id).where(api_keys.c.hash == bindparam("hash")), "hash")
"""Looked for when a gateway ended before it said which id it gave: there are tens of keys, and no index."""
every_key = Statement(
    select(api_keys.c.id, api_keys.c.brand, api_keys.c.label, api_keys.c.created_at, api_keys.c.revoked_at).order_by(
        api_keys.c.id
    )
)
revoke_key = Statement(
    update(api_keys)
    .where(api_keys.c.id == bindparam("key"), api_keys.c.revoked_at.is_(None))
    .values(revoked_at=bindparam("at"))
    .returning(api_keys.c.id),
    "key", "at",
)  # fmt: skip
