"""What is known of a number's consents, read for people: its standing now or at an instant, with the rows that prove
it, and everything that is held of the person (GDPR 15 and 20).
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import msgspec

from router import contacts, ledger
from router.erasure import (
    FRAMES_A_SLICE,
    ROWS_A_SLICE,
    Person,
    forms_of,
    is_quarantined_for,
    parameters_of,
    starts_at,
)
from router.ledger import Entry, Record
from router.messages import Profile
from router.plan import OPERATOR
from router.standing import NOTHING, Standing, counted_at, standing_at
from router.store import statements as sql
from router.store import statements_consent as sql_consent
from router.store.engine import Tx
from router.store.holdings import HOLDINGS, Holding
from router.store.reading import Begins
from router.suppression import Suppressions


class Event(msgspec.Struct, frozen=True):
    """A row of the ledger, what it tells (None: somebody has made it unreadable), and whether it tells what was
    committed to. `committed_to`: the JSON of it, to the letter; whoever has it and the salt can reckon the commitment
    again."""

    entry: Entry
    record: Record | None
    committed_to: str
    is_proved: bool


class BrandView(msgspec.Struct, frozen=True):
    """A brand and a number. `standing` is what the ledger says of the instant asked for. `profile` is what the gateway
    goes by now, None where the brand has none; `differs` when the whole ledger comes to something else, which it must
    not. `suppressed_since`: what outlived an erasure."""

    brand: str
    standing: Standing
    events: tuple[Event, ...]
    profile: Profile | None = None
    differs: bool = False
    suppressed_since: int | None = None

    @property
    def current(self) -> Standing:
        """Where the number stands by what the gateway goes by now."""
        return standing_of(self.profile)

    @property
    def silenced_at(self) -> int | None:
        """Since when the gateway withholds everything; None: it does not."""
        return self.current.opted_out_at


def standing_of(profile: Profile | None) -> Standing:
    """The standing that a profile holds."""
    return NOTHING if profile is None else Standing(profile.opted_out_at, profile.consents)


def person_of(tx: Tx, address: str) -> Person:
    """Who has that number, read without a lock."""
    found = sql_consent.read_contact.rows(tx, address)
    return Person(address, found[0][0], found[0][4]) if found else Person(address)


def views_of(tx: Tx, suppressions: Suppressions, address: str, at: int) -> list[BrandView]:
    """Where the number stands with each brand that knows it, or is kept from it: what had happened by that instant."""
    person = person_of(tx, address)
    events: dict[str, list[Event]] = {}
    profiles: dict[str, Profile] = {}
    if person.is_known:
        for entry in ledger.entries_of(tx, person.contact_id):
            events.setdefault(entry.brand, []).append(_event(entry, person))
        profiles = {row[1]: contacts.profile_of(row) for row in sql.profiles_of.rows(tx, [person.contact_id])}
    suppressed = suppressions.of(tx, [address]).get(address, {})
    return [
        _view(brand, events.get(brand, []), at, profiles.get(brand), suppressed.get(brand))
        for brand in sorted({*events, *profiles, *suppressed})
    ]


def _view(
    brand: str, events: list[Event], at: int, profile: Profile | None, suppressed_since: int | None
) -> BrandView:  # fmt: skip
    """What somebody changed is no evidence of anything, and is told whatever instant it names."""
    records = [event.record for event in events if event.is_proved and event.record is not None]
    last = standing_at(records, max((one.at for one in records), default=0))
    counts = iter(counted_at(records))
    told = tuple(event for event in events if not event.is_proved or next(counts) <= at)
    # An erasure took the ledger's details, and the operator's own silence is in no brand's ledger.
    is_told = suppressed_since is None and brand != OPERATOR
    differs = is_told and last != standing_of(profile)
    return BrandView(brand, standing_at(records, at), told, profile, differs, suppressed_since)


def _event(entry: Entry, person: Person) -> Event:
    details = entry.details or ""
    told = ledger.commit_to(entry.salt or b"", details, person.contact_id, person.address)
    try:
        record = entry.record(person.address)
    except (ValueError, TypeError):  # no JSON, not a record, or no object at all
        record = None
    committed_to = ledger.canonical(details, person.contact_id, person.address)
    return Event(entry, record, committed_to, record is not None and told == entry.commitment)


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
        for row in rows:
            if is_quarantined_for(person, forms, row):
                yield "quarantine", dict(zip(("id", "frame", "reason", "received_at"), row, strict=False))
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
