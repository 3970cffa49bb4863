"""Forgetting a person (GDPR 17): for one brand, or for all.

First the person is silenced: a suppression for each brand, the profile opted out, what waits to be sent cancelled.
Then, in slices, everything that router.store.holdings lists goes; the ledger's details with a row of the chain that
tells which. Last, in one transaction and under the contact's lock, goes what came in meanwhile, and the contact. Where
other nodes run on the same database, REFRESH_AFTER has to go by in between, so that none of them makes the contact anew
without looking for a suppression (router.suppression).

Forgotten for one brand, the contact stays for the others, with a bare profile that says that the brand may not write.
What cannot be told to be one brand's (octets in quarantine, parts that wait for one another, an operator's own texts)
stays then, and goes with `everything`.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

import msgspec

from router import ledger
from router.instants import DAY, HOUR
from router.ledger import Record
from router.plan import OPERATOR
from router.store import statements as sql
from router.store import statements_consent as sql_consent
from router.store import statements_events as sql_events
from router.store import statements_silence as sql_silence
from router.store.engine import Row, Store, Tx
from router.store.holdings import HOLDINGS, Holding
from router.store.shrink import overwrite_deleted
from router.store.sql import Statement
from router.store.values import NONE
from router.suppression import Suppressions
from router.world import World, first_id_at

ROWS_A_SLICE = 1_000
"""Rows that one transaction walks past: about 5 ms, so that nobody waits longer."""
FRAMES_A_SLICE = 200
DETAILS_A_SLICE = 200
REDELIVERED_WITHIN = HOUR
"""How long a text may be delivered again, where the settings do not say (microseconds)."""
TAIL_DIGITS = 8
"""By so many last digits a receipt's number is known, as in router.receipts."""
_EARLIER = DAY
"""An id may have been given before its contact was made, by clocks that differ (microseconds)."""
_NOBODY = -1
MOST_ID = (1 << 63) - 1


class Person(msgspec.Struct, frozen=True):
    """A number and, where it is known, its contact."""

    address: str
    contact_id: int = _NOBODY
    created_at: int = 0

    @property
    def is_known(self) -> bool:
        """Whether there is a contact with that number."""
        return self.contact_id != _NOBODY


class Erasure:
    """One number being forgotten by some brands, or by everybody. `actor` is who orders it, `method` how it was asked.

    `rows` counts what was taken out, by table.
    """

    def __init__(self, store: Store, world: World, suppressions: Suppressions, actor: str) -> None:
        self.rows: dict[str, int] = {}
        self._store = store
        self._world = world
        self._suppressions = suppressions
        self._actor = actor

    def silence(self, address: str, brands: Iterable[str], *, everything: bool) -> tuple[Person, tuple[str, ...]]:
        """Silence the person; gives who it is and every brand that forgets him: with `everything` also those that know
        him beside the given ones."""
        now = self._world.now()
        with self._store.begin() as tx:
            overwrite_deleted(tx)
            person = self._locked(tx, address)
            since: dict[str, int | None] = dict.fromkeys([*brands, OPERATOR] if everything else brands)
            for brand, at in _silenced(tx, person).items():
                if brand in since or everything:
                    since[brand] = at
            whole = {brand: now if at is None else at for brand, at in since.items()}
            self._suppressions.suppress(tx, address, whole, now, self._world.chance)
            if person.is_known:
                sql_consent.delete_profiles.run(tx, person.contact_id, list(whole))
                sql_consent.insert_profiles.run(
                    tx, [(person.contact_id, brand, "[]", NONE, at) for brand, at in whole.items()]
                )
                sql_silence.cancel_ready.run(tx, person.contact_id, list(whole), "", "erased", now)
                sql.delete_runs_of_brand.run(tx, person.contact_id, list(whole))
        return person, tuple(whole)

    def take_away(
        self, person: Person, brands: Sequence[str], *, everything: bool, redelivered_within: int = REDELIVERED_WITHIN
    ) -> Iterator[None]:
        """Take out what is held of him, a slice at each step."""
        scope = _Scope(person, tuple(brands), everything, self._world.now() - redelivered_within)
        yield from self._details(scope)
        if everything:
            yield from self._quarantine(person)
        walked: dict[str, int] = {}
        for holding in HOLDINGS:
            if holding.bound is not None and scope.statement(holding) is not None:
                for after in self._walk(holding, holding.bound, scope):
                    walked[holding.table.name] = after
                    yield
        self._finish(scope, walked)

    def _locked(self, tx: Tx, address: str) -> Person:
        found = sql_consent.contact_by_address.rows(tx, address)
        return Person(address, found[0][0], found[0][4]) if found else Person(address)

    def _details(self, scope: _Scope) -> Iterator[None]:
        """The details of his rows of the ledger, and in each brand's chain at least one row that tells of it."""
        told = False
        while True:
            with self._store.begin() as tx:
                overwrite_deleted(tx)
                self._locked(tx, scope.person.address)
                found = self._slice_of_details(tx, scope, () if told else scope.brands)
            yield
            told = True
            if found < DETAILS_A_SLICE:
                return

    def _slice_of_details(self, tx: Tx, scope: _Scope, told_of: Iterable[str]) -> int:
        found = scope.details(tx)
        erased: dict[str, list[int]] = {brand: [] for brand in told_of}
        for brand, position in found:
            erased.setdefault(brand, []).append(position)
        for brand, positions in erased.items():
            sql_consent.delete_details.run(tx, brand, positions)
        self._tell(tx, erased)
        self._count("ledger_details", len(found))
        return len(found)

    def _tell(self, tx: Tx, erased: Mapping[str, Sequence[int]]) -> None:
        now = self._world.now()
        records = [
            Record(
                contact_id=0, msisdn="", brand=brand, action="erase", method="agent", at=now, actor=self._actor,
                erased=tuple(positions),
            )
            for brand, positions in erased.items()
        ]  # fmt: skip
        ledger.append(tx, records, self._world.ids, now, self._world.chance)

    def _quarantine(self, person: Person) -> Iterator[None]:
        forms, after = forms_of(person.address), 0
        while True:
            with self._store.begin() as tx:
                overwrite_deleted(tx)
                rows = sql_consent.quarantine_after.rows(tx, after, FRAMES_A_SLICE)
                his = [row[0] for row in rows if is_quarantined_for(person, forms, row)]
                if his:
                    sql_consent.delete_quarantine.run(tx, his)
            self._count("quarantine", len(his))
            yield
            if not rows:
                return
            after = rows[-1][0]

    def _walk(self, holding: Holding, bound: Statement, scope: _Scope) -> Iterator[int]:
        """Past all rows of a table; gives how far it is after each slice."""
        after, rows = starts_at(scope.person), ROWS_A_SLICE
        while rows == ROWS_A_SLICE:  # what comes in meanwhile is left to `_finish`
            with self._store.begin() as tx:
                overwrite_deleted(tx)
                self._locked(tx, scope.person.address)
                upto, rows = bound.rows(tx, after, ROWS_A_SLICE)[0]
                if rows:
                    self._take(tx, holding, scope, after, upto)
                    after = upto
            yield after

    def _finish(self, scope: _Scope, walked: Mapping[str, int]) -> None:
        """What came in since the walks, what an index finds, and the contact: nobody can write of him meanwhile."""
        with self._store.begin() as tx:
            overwrite_deleted(tx)
            self._locked(tx, scope.person.address)
            self._slice_of_details(tx, scope, ())
            for holding in HOLDINGS:
                if holding.table.name != "ledger_details" and scope.statement(holding) is not None:
                    self._take(tx, holding, scope, walked.get(holding.table.name, starts_at(scope.person)), MOST_ID)
            if not scope.everything:
                sql_consent.forget_last_brand.run(tx, scope.person.contact_id, list(scope.brands))

    def _take(self, tx: Tx, holding: Holding, scope: _Scope, after: int, upto: int) -> None:
        statement = scope.statement(holding)
        if statement is not None:
            if holding.table.name == "events":
                self._hide_keys(tx, scope, after, upto)
            gone = statement.rows(tx, *scope.parameters(self._world.now(), after, upto))
            self._count(holding.table.name, len(gone))

    def _hide_keys(self, tx: Tx, scope: _Scope, after: int, upto: int) -> None:
        """Keep a digest in place of each key under which a brand told of him; told again, it is the same event."""
        rows = [
            row for row in sql_events.keys_of.rows(tx, scope.person.contact_id, after, upto)
            if scope.everything or row[1] in scope.brands
        ]  # fmt: skip
        hidden = self._suppressions.hidden(tx, [(brand, key) for _, brand, key in rows]) if rows else []
        for (event_id, *_), key in zip(rows, hidden, strict=True):
            sql_events.replace_key.run(tx, key, event_id)

    def _count(self, table: str, rows: int) -> None:
        if rows:
            self.rows[table] = self.rows.get(table, 0) + rows


class _Scope(msgspec.Struct, frozen=True):
    """Whose rows go, of which brands, and how far back they can lie."""

    person: Person
    brands: tuple[str, ...]
    everything: bool
    evidence: int

    def statement(self, holding: Holding) -> Statement | None:
        """What takes his rows out of a table; None where they stay."""
        return holding.erase_all if self.everything else holding.erase_of_brands

    def details(self, tx: Tx) -> list[Row]:
        """Some rows of the ledger (brand and position) whose details are still there."""
        contact = self.person.contact_id
        if self.everything:
            return sql_consent.ledger_slice.rows(tx, contact, DETAILS_A_SLICE)
        return sql_consent.ledger_slice_of_brands.rows(tx, contact, DETAILS_A_SLICE, list(self.brands))

    def parameters(self, now: int, after: int, upto: int) -> tuple[Any, ...]:
        """What the statements of router.store.holdings are given."""
        return parameters_of(self.person, self.brands, now, self.evidence, after, upto)


def starts_at(person: Person) -> int:
    """The id below which nothing of the person can be."""
    return max(0, first_id_at(person.created_at - _EARLIER) - 1) if person.is_known else 0


def parameters_of(
    person: Person, brands: Sequence[str], now: int, evidence: int, after: int, upto: int
) -> tuple[Any, ...]:  # fmt: skip
    """What every statement of router.store.holdings is given, in its order."""
    return person.contact_id, person.address, tail_of(person.address), list(brands), now, evidence, after, upto


def tail_of(address: str) -> str:
    """The pattern by which a receipt's number is known: centres write it with and without its country."""
    return f"%{address[-TAIL_DIGITS:] if address.isdigit() else address}%"


def _silenced(tx: Tx, person: Person) -> dict[str, int | None]:
    """The brands that know the person, each with since when it is silenced."""
    if not person.is_known:
        return {}
    brands: dict[str, int | None] = {row[1]: None for row in sql_consent.details_of.rows(tx, [person.contact_id])}
    return brands | {row[1]: row[4] for row in sql.profiles_of.rows(tx, [person.contact_id])}


def forms_of(address: str) -> tuple[bytes, ...]:
    """How a number stands in octets: ASCII, UCS-2, and packed septets wherever in the octet they begin."""
    plain = address.encode("ascii", "replace")
    return (plain, address.encode("utf-16-be"), *(_packed(plain, shift) for shift in range(8)))


def _packed(septets: bytes, shift: int) -> bytes:
    """Septets as GSM 03.38 packs them after so many bits of something else, without the octets shared with that."""
    bits = sum(septet << (7 * place) for place, septet in enumerate(septets)) << shift
    octets = bits.to_bytes((7 * len(septets) + shift + 7) // 8, "little")
    return octets[1 if shift else 0 : (7 * len(septets) + shift) // 8]


def holds(octets: bytes, reason: str, forms: Sequence[bytes]) -> bool:
    """Whether the number stands in the octets, in one of its forms, or in the sentence kept with them."""
    return any(form in octets for form in forms) or forms[0] in reason.encode("utf-8", "replace")


def is_quarantined_for(person: Person, forms: Sequence[bytes], row: Row) -> bool:
    """Whether a row of `quarantine_after` is about the person: the number stands in it, or it is a note about the
    contact."""
    _, frame, reason, _, about = row
    return holds(bytes(frame), reason, forms) or (not frame and about == person.contact_id)
