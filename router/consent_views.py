"""What is known of a number's consents, read for people: its standing now or at an instant, with the rows that prove
it, and everything that is held of the person (GDPR 15 and 20).
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

import msgspec

from router import ledger
from router.erasure import FRAMES_A_SLICE, ROWS_A_SLICE, Person, forms_of, holds, parameters_of, starts_at
from router.ledger import Entry, Record
from router.standing import Standing, standing_at
from router.store import statements as sql
from router.store import statements_consent as sql_consent
from router.store.engine import Tx
from router.store.holdings import HOLDINGS, Holding
from router.store.reading import Begins
from router.suppression import Suppressions


class Event(msgspec.Struct, frozen=True):
    """A row of the ledger, what it tells, and whether it tells what was committed to."""

    entry: Entry
    record: Record
    is_proved: bool


class BrandView(msgspec.Struct, frozen=True):
    """A brand and a number. `standing` is what the ledger says; `silenced_at` what the gateway goes by now, and
    `suppressed_since` what outlived an erasure."""

    brand: str
    standing: Standing
    events: tuple[Event, ...]
    silenced_at: int | None = None
    suppressed_since: int | None = None


def person_of(tx: Tx, address: str) -> Person:
    """Who has that number, read without a lock."""
    found = sql_consent.read_contact.rows(tx, address)
    return Person(address, found[0][0], found[0][4]) if found else Person(address)


def views_of(tx: Tx, suppressions: Suppressions, address: str, at: int) -> list[BrandView]:
    """Where the number stands with each brand that knows it, or is kept from it: what had happened by that instant."""
    person = person_of(tx, address)
    events: dict[str, list[Event]] = {}
    silenced: dict[str, int | None] = {}
    if person.is_known:
        for entry in ledger.entries_of(tx, person.contact_id):
            events.setdefault(entry.brand, []).append(_event(entry, person))
        silenced = {row[1]: row[4] for row in sql.profiles_of.rows(tx, [person.contact_id])}
    suppressed = suppressions.of(tx, [address]).get(address, {})
    return [
        BrandView(
            brand,
            standing_at([event.record for event in events.get(brand, ())], at),
            tuple(event for event in events.get(brand, ()) if event.record.at <= at),
            silenced.get(brand),
            suppressed.get(brand),
        )
        for brand in sorted({*events, *silenced, *suppressed})
    ]


def _event(entry: Entry, person: Person) -> Event:
    salt, details = entry.salt or b"", entry.details or ""
    told = ledger.commit_to(salt, details, person.contact_id, person.address)
    return Event(entry, entry.record(person.address), told == entry.commitment)


def canonical(event: Event) -> str:
    """The JSON that was committed to, to the letter: whoever has it and the salt can reckon the commitment again."""
    return ledger.canonical(event.entry.details or "", event.record.contact_id, event.record.msisdn)


def everything(store: Begins, address: str, now: int) -> Iterator[tuple[str, dict[str, Any]]]:
    """Every row that is held of the person, with its table; in short looks, so a text that comes meanwhile may miss."""
    with store.begin() as tx:
        person = person_of(tx, address)
    for holding in HOLDINGS:
        if holding.is_shown:
            names = [column.name for column in holding.table.columns]
            for row in _rows(store, holding, person, now):
                yield holding.table.name, dict(zip(names, row, strict=True))
    forms, after = forms_of(address), 0
    while True:
        with store.begin() as tx:
            rows = sql_consent.quarantine_after.rows(tx, after, FRAMES_A_SLICE)
        for row_id, frame, reason, received_at in rows:
            if holds(bytes(frame), reason, forms):
                told: Mapping[str, Any] = {"id": row_id, "frame": frame, "reason": reason, "received_at": received_at}
                yield "quarantine", dict(told)
        if not rows:
            return
        after = rows[-1][0]


def _rows(store: Begins, holding: Holding, person: Person, now: int) -> Iterator[tuple[Any, ...]]:
    after, upto, rows = starts_at(person), 0, ROWS_A_SLICE
    while rows == ROWS_A_SLICE:
        with store.begin() as tx:
            upto, rows = holding.bound.rows(tx, after, ROWS_A_SLICE)[0] if holding.bound is not None else (0, 0)
            found = holding.rows.rows(tx, *parameters_of(person, (), now, now, after, upto or 0))
        yield from found
        after = upto or after
