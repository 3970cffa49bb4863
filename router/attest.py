"""The row of the ledger that an event of consent becomes: who, what, by which texts, and under which rules, in which
market and on which clock that was (COMPLIANCE.md "Consent record").

`mo_id` is the text or event by which it was said. `mt_id` is the text that goes with it: the question that was asked,
or the confirmation of an opt-out or opt-in. Who confirms was asked earlier, and the row that says so (`pending`) knows
in which words: these are taken from there, for the rules may have changed meanwhile. Of several such rows it is that of
the question that was answered, which its run remembers.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import TYPE_CHECKING

from msgspec.structs import replace

from router import ledger
from router.case import zone_of
from router.ledger import Record
from router.messages import Contact, Facts
from router.plan import Consent, MessageClass
from router.standing import Action
from rules.editions import edition
from rules.rulebook import Rulebook

if TYPE_CHECKING:
    from router.perform import Place
    from router.store.engine import Tx

CONFIRMS: Mapping[MessageClass, Action] = {"stop_confirmation": "revoke", "start_confirmation": "restore"}
"""Texts that confirm what was just done, and what that is."""


def of_brand(facts: Facts, place: Place, brand: str, action: Action) -> Record:
    """An event of consent about a whole brand: STOP, an opt-in word, or the page to opt out."""
    message, page = facts.message, facts.occurrence
    seen = {} if page is None else {name: str(value) for name, value in page.values.items()}
    return under(
        Record(
            contact_id=facts.contact.id, msisdn=facts.contact.address, brand=brand, action=action,
            method="keyword" if page is None else "web", at=place.now, number=facts.number,
            mo_id=message.id if message is not None else 0, wording=message.text if message is not None else "",
            ip=seen.get("ip", ""), user_agent=seen.get("agent", ""), evidence_url=seen.get("page", ""),
        ),
        facts.contact,
        place.watch.book,
    )  # fmt: skip


def of_consent(facts: Facts, place: Place, told: Consent, asked_by: int) -> Record:
    """What a contact agreed to, was asked for, or took back; `asked_by` is the text that asks, sent by this plan."""
    promotional = told.message_class == "promotional"
    return under(
        Record(
            contact_id=facts.contact.id, msisdn=facts.contact.address, brand=told.brand, action=told.action,
            method=told.method, at=place.now, number=facts.number, message_class=told.message_class,
            programme=told.purpose if promotional else "", purpose_ref="" if promotional else told.purpose,
            mo_id=told.cause_id, mt_id=asked_by if told.pending else told.asked_by, wording=told.wording,
            language=told.language, pending=told.pending,
        ),
        facts.contact,
        place.watch.book,
    )  # fmt: skip


def under(record: Record, contact: Contact, book: Rulebook) -> Record:
    """With the rules, the market and the clock that it was said under."""
    own, number = book.brands.get(record.brand), book.numbers.get(record.number)
    zone = contact.zone or "" if own is None else str(zone_of(contact, own))
    return replace(
        record, deployment=book.deployment, zone=zone, pack=edition(None if number is None else number.market)
    )


def confirmed_by(records: Sequence[Record], contact_id: int, message_class: MessageClass, sent: int) -> list[Record]:
    """The rows, once a text has been written that confirms some of them."""
    action = CONFIRMS.get(message_class)
    return [
        replace(one, mt_id=sent) if one.contact_id == contact_id and one.action == action and not one.mt_id else one
        for one in records
    ]


def answered(tx: Tx, records: Sequence[Record]) -> Sequence[Record]:
    """The rows, those that confirm with what was asked, by which text and in which words. Read where there are any."""
    contacts = {one.contact_id: one.msisdn for one in records if one.action == "confirm"}
    if not contacts:
        return records
    told = ledger.records_of(tx, contacts)
    return [_answer(one, told.get((one.contact_id, one.brand), ())) for one in records]


def _answer(record: Record, told: Iterable[Record]) -> Record:
    if record.action != "confirm":
        return record
    what = (record.message_class, record.programme, record.purpose_ref)
    asked = [one for one in told if one.pending and (one.message_class, one.programme, one.purpose_ref) == what]
    if not asked:
        return record
    question = next((one for one in asked if one.mt_id == record.mt_id), asked[-1])
    return replace(record, mt_id=question.mt_id, wording=question.wording, language=question.language)
