"""What each table holds of a person, and how it is taken out: the one list that erasure and export go by.

A table that is in neither HOLDINGS nor NOTHING_OF_A_PERSON fails a test: whoever adds one says here what it holds.
Rows that are counted stay, without text and without whose they were (contact 0); the others go. What holds a number or
a text outside columns of its own (raw octets) is dealt with in router.erasure.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from sqlalchemy import (
    BindParameter,
    Column,
    ColumnElement,
    Table,
    bindparam,
    case,
    delete,
    exists,
    func,
    literal_column,
    or_,
    select,
)
from sqlalchemy import update as change

from router.store.sql import Statement, one_of
from router.store.tables import (
    contacts,
    inbound,
    outbox,
    parts,
    profiles,
    receipts,
    records,
    runs,
    stray_receipts,
    threads,
)
from router.store.tables_consent import ledger_details
from router.store.tables_emails import emails
from router.store.tables_events import enrolments, events
from router.store.tables_offers import links, vouchers
from router.store.tables_reviews import reviews
from router.store.tables_timers import timers

NO_ONE: ColumnElement[int] = literal_column("0")
"""The contact of rows that are counted and are nobody's any more."""
_EMPTY: ColumnElement[Any] = literal_column("''")
_CONTACT: BindParameter[int] = bindparam("contact")
_NAMES = ("contact", "address", "tail", "brands", "now", "evidence", "after", "upto")
"""Parameters of every statement here: `tail` are the number's last digits between percent signs, `evidence` an instant
before which no text can be delivered again, `after` and `upto` bound the walk."""
BOUNDS = ("after", "most")


@dataclass(frozen=True, slots=True, kw_only=True)
class Holding:
    """What one table holds. `of`: whose row it is. `gone`: the columns overwritten; None: the row is deleted.

    `of_brand`: the condition that it is one of some brands' rows; None: it cannot be told, or belongs to none, and goes
    when all brands forget the person. `walked_by`: the key by which the table is walked through, in slices, where no
    index leads to a person's rows. `is_shown`: whether an export tells it.
    """

    table: Table
    of: ColumnElement[bool]
    of_brand: ColumnElement[bool] | None
    gone: Mapping[str, Any] | None = None
    walked_by: Column[int] | None = None
    is_shown: bool = True
    erase_all: Statement = field(init=False)
    erase_of_brands: Statement | None = field(init=False)
    bound: Statement | None = field(init=False)
    rows: Statement = field(init=False)

    def __post_init__(self) -> None:
        own = object.__setattr__
        own(self, "erase_all", self._erase(self.of))
        own(self, "erase_of_brands", None if self.of_brand is None else self._erase(self.of & self.of_brand))
        own(self, "rows", Statement(select(*self.table.columns).where(self.of, *self._within()), *_NAMES))
        own(self, "bound", None if self.walked_by is None else _bound(self.walked_by))

    def _within(self) -> tuple[ColumnElement[bool], ...]:
        walked = self.walked_by
        return () if walked is None else (walked > bindparam("after"), walked <= bindparam("upto"))

    def _erase(self, which: ColumnElement[bool]) -> Statement:
        where = (which, *self._within())
        if self.gone is None:
            return Statement(delete(self.table).where(*where).returning(literal_column("1")), *_NAMES)
        return Statement(
            change(self.table).where(*where).values(**self.gone).returning(literal_column("1")), *_NAMES
        )  # fmt: skip


def _bound(key: Column[int]) -> Statement:
    """The highest of the next so many keys (null past the end), and how many there are."""
    page = select(key.label("key")).where(key > bindparam("after")).order_by(key).limit(bindparam("most")).subquery()
    return Statement(select(func.max(page.c.key), func.count()).select_from(page), *BOUNDS)


_HIS_OUTBOX = exists(
    select(literal_column("1")).where(outbox.c.id == receipts.c.outbox_id, outbox.c.contact_id == _CONTACT)
)
_HIS_BRANDS_OUTBOX = exists(
    select(literal_column("1")).where(outbox.c.id == receipts.c.outbox_id, one_of(outbox.c.brand, "brands"))
)
_NAMES_HIM = or_(stray_receipts.c.phones.like(bindparam("tail")), stray_receipts.c.form.like(bindparam("tail")))
_HIS_STRAY = receipts.c.outbox_id.is_(None) & or_(
    receipts.c.text.like(bindparam("tail")),
    exists(select(literal_column("1")).where(stray_receipts.c.receipt_id == receipts.c.id, _NAMES_HIM)),
)
_IS_UNDER_WAY = or_(outbox.c.state == literal_column("'claimed'"), outbox.c.state == literal_column("'unknown'"))
_BEFORE_EVIDENCE = inbound.c.received_at < bindparam("evidence")

HOLDINGS: tuple[Holding, ...] = (
    # Receipts are known by the texts they are about, strays by the number they name: both come before these.
    Holding(
        table=receipts,
        of=or_(_HIS_OUTBOX, _HIS_STRAY),
        of_brand=_HIS_BRANDS_OUTBOX,
        gone={"text": _EMPTY},
        walked_by=receipts.c.id,
    ),
    Holding(table=stray_receipts, of=_NAMES_HIM, of_brand=None, walked_by=stray_receipts.c.receipt_id, is_shown=False),
    Holding(
        table=outbox,
        of=outbox.c.contact_id == _CONTACT,
        of_brand=one_of(outbox.c.brand, "brands"),
        gone={
            "text": _EMPTY,
            "purpose": _EMPTY,  # the `ref` of the event that led to it
            "contact_id": NO_ONE,
            # What is under way is so for nobody: it is not sent again, and what is heard of it moves nothing.
            "state": case(
                (outbox.c.state == literal_column("'ready'"), literal_column("'cancelled'")),
                (_IS_UNDER_WAY, literal_column("'expired'")),
                else_=outbox.c.state,
            ),
            "reason": case(
                (or_(outbox.c.state == literal_column("'ready'"), _IS_UNDER_WAY), literal_column("'erased'")),
                else_=outbox.c.reason,
            ),
            "settled_at": func.coalesce(outbox.c.settled_at, bindparam("now")),
        },
        walked_by=outbox.c.id,
    ),
    Holding(
        table=inbound,
        of=inbound.c.contact_id == _CONTACT,
        of_brand=one_of(inbound.c.brand, "brands"),
        gone={
            "text": _EMPTY,
            "fault": _EMPTY,
            "contact_id": NO_ONE,
            # While an equal text may still be a re-delivery, it has to be known.
            "fingerprint": case((_BEFORE_EVIDENCE, literal_column("NULL")), else_=inbound.c.fingerprint),
        },
        walked_by=inbound.c.id,
    ),
    Holding(table=parts, of=parts.c.sender == bindparam("address"), of_brand=None),
    Holding(table=runs, of=runs.c.contact_id == _CONTACT, of_brand=one_of(runs.c.brand, "brands")),
    Holding(
        table=records,
        of=records.c.contact_id == _CONTACT,
        of_brand=one_of(records.c.brand, "brands"),
        walked_by=records.c.id,
    ),
    Holding(
        table=emails,
        of=emails.c.contact_id == _CONTACT,
        of_brand=one_of(emails.c.brand, "brands"),
        walked_by=emails.c.id,
    ),
    Holding(table=threads, of=threads.c.contact_id == _CONTACT, of_brand=None),
    Holding(
        table=reviews,
        of=reviews.c.contact_id == _CONTACT,
        of_brand=one_of(reviews.c.brand, "brands"),
        walked_by=reviews.c.id,
    ),
    # Where other brands still know the person, the bare profile stays: it says that this brand may not write.
    Holding(table=profiles, of=profiles.c.contact_id == _CONTACT, of_brand=None),
    Holding(table=links, of=links.c.contact_id == _CONTACT, of_brand=one_of(links.c.brand, "brands")),
    Holding(
        table=vouchers,
        of=(vouchers.c.contact_id == _CONTACT) & literal_column("contact_id > 0", type_=vouchers.c.contact_id.type),
        of_brand=one_of(vouchers.c.brand, "brands"),
        gone={"contact_id": NO_ONE, "redeemed_by": _EMPTY},
    ),
    # Their erasure is told in the chain: router.erasure.
    Holding(
        table=ledger_details,
        of=ledger_details.c.contact_id == _CONTACT,
        of_brand=one_of(ledger_details.c.brand, "brands"),
        is_shown=False,
    ),
    # Their keys are hidden, so that what is told again is known: router.erasure.
    Holding(
        table=events,
        of=events.c.contact_id == _CONTACT,
        of_brand=one_of(events.c.brand, "brands"),
        gone={"data": _EMPTY, "ref": _EMPTY, "fault": _EMPTY, "told": _EMPTY, "contact_id": NO_ONE},
        walked_by=events.c.id,
    ),
    Holding(table=enrolments, of=enrolments.c.contact_id == _CONTACT, of_brand=one_of(enrolments.c.brand, "brands")),
    Holding(table=timers, of=timers.c.contact_id == _CONTACT, of_brand=one_of(timers.c.brand, "brands")),
    Holding(table=contacts, of=contacts.c.id == _CONTACT, of_brand=None),
)
"""In the order in which they are taken out."""

NOTHING_OF_A_PERSON: Mapping[str, str] = {
    "api_keys": "keys of brands",
    "awaiting_receipt": "ids that message centres gave to texts of ours",
    "batches": "markers of transactions",
    "deployments": "rules as their authors wrote them",
    "doubts": "63 bits of a hash over a text and all that surrounded it, for as long as it may be delivered again",
    "ledger": "commitments, which tell nothing without their salts",
    "ledger_heads": "the last hash of each chain",
    "node_rules": "which rule set each of the gateway's processes works by",
    "nodes": "the gateway's processes",
    "offers": "vouchers as their authors declared them",
    "rulings": "which rule set was told to rule, and who of the operator's people told so",
    "samples": "which arm of a split won",
    "sessions": "links to message centres",
    "spending": "what a brand spent in a month",
    "strong_ids": "ids that message centres gave to texts",
    "sweeps": "rules of brands, and up to which contact timers were set for them",
    "suppressions": "what has to outlive the person: a keyed digest",
    "suppression_keys": "the key of these digests",
}
"""Tables that hold nothing of a person, each with what it does hold."""
OCTETS: Mapping[str, str] = {
    "quarantine": "messages as they came, found by the number in their octets or beside them, and notes about a contact"
}
"""Tables that router.erasure looks through itself."""
