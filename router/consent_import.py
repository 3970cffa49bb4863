"""Bringing consents in that were given elsewhere, each with its proof: written down as an import, in short slices.

What the person has refused stays refused: an opt-out, a revoked programme, an erasure are not undone by a list
(COMPLIANCE.md C6, C7), and a number that was erased is not written down again. The same file twice changes nothing.

A consent counts from the day it was given: one that the person took back later, with all of the brand or all of its
class, is refused. What the profile says afterwards is reckoned anew from all events, so it is what the ledger says.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import suppress
from itertools import islice

import msgspec

from router import contacts, ledger
from router.consent import stood
from router.consent_rows import Consent, Outcome, Refused
from router.contacts import Loaded
from router.ledger import Record
from router.messages import Profile
from router.standing import Standing, is_refused, key_of, standing_at
from router.store import statements as sql
from router.store import statements_timers as sql_timers
from router.store.engine import Store, Tx
from router.store.errors import StoreConflict
from router.suppression import Suppressions
from router.world import World

SLICE_S = 0.005
"""A transaction is to take so long (seconds), without its commit; slices grow and shrink towards it."""
LEAST_SLICE, MOST_SLICE = 16, 512
"""Rows of one transaction."""
MOST_TRIES = 5
"""Times that a slice is begun anew because somebody else was at work on the same contacts."""


class Order(msgspec.Struct, frozen=True):
    """What is brought in: for which brand, class and programme (a row may name another), and by whom."""

    brand: str
    message_class: str
    programme: str
    actor: str
    zone: str = ""
    pack: str = ""
    deployment: str = ""


class Told(msgspec.Struct, frozen=True):
    """What became of a row; `why` is empty where the outcome says it all. It holds nothing of the person. `claimed`:
    texts to whom an opt-out silenced that a node may still write, for as long as its lease lasts, or has written."""

    line: int
    outcome: Outcome
    why: str = ""
    claimed: tuple[int, ...] = ()


class Import:
    """One file going in."""

    def __init__(self, store: Store, world: World, suppressions: Suppressions, order: Order) -> None:
        self._store = store
        self._world = world
        self._suppressions = suppressions
        self._order = order

    def run(self, rows: Iterable[Consent | Refused]) -> Iterator[Told]:
        """Each row's outcome, in their order; a slice is on disk when its first outcome comes."""
        rest, size = iter(rows), LEAST_SLICE
        while some := list(islice(rest, size)):
            outcomes, took = self._slice([one for one in some if isinstance(one, Consent)])
            if took < SLICE_S / 2:
                size = min(MOST_SLICE, size * 2)
            elif took > SLICE_S:
                size = max(LEAST_SLICE, size // 2)
            for one in some:
                yield Told(one.line, one.outcome, one.why) if isinstance(one, Refused) else outcomes[one.line]

    def _slice(self, consents: Sequence[Consent]) -> tuple[dict[int, Told], float]:
        """One transaction: each row's outcome, and how long it took before its commit (seconds)."""
        if not consents:
            return {}, 0.0
        for _ in range(MOST_TRIES - 1):
            with suppress(StoreConflict):
                return self._committed(consents)
        return self._committed(consents)

    def _committed(self, consents: Sequence[Consent]) -> tuple[dict[int, Told], float]:
        with self._store.begin() as tx:
            began = self._world.monotonic()
            told = self._take(tx, consents)
            took = self._world.monotonic() - began
        return told, took

    def _take(self, tx: Tx, consents: Sequence[Consent]) -> dict[int, Told]:
        erased = self._erased(tx, {one.address for one in consents})
        told = {
            one.line: Told(one.line, "suppressed", "erased, and not to be written to again")
            for one in consents
            if one.address in erased
        }
        rest = [one for one in consents if one.address not in erased]
        if not rest:
            return told
        now = self._world.now()
        addresses = list(dict.fromkeys(one.address for one in rest))
        loaded = contacts.by_address(tx, addresses, self._world.ids, now, self._suppressions)
        return told | _Slice(self._order, loaded, self._said(tx, loaded), now).take(tx, rest, self._world)

    def _erased(self, tx: Tx, addresses: set[str]) -> set[str]:
        """Numbers that this brand has forgotten, and that nobody but the person makes known to it again."""
        brand = self._order.brand
        return {address for address, brands in self._suppressions.of(tx, addresses).items() if brand in brands}

    def _said(self, tx: Tx, loaded: Loaded) -> dict[str, list[Record]]:
        """What the brand's ledger says of the known contacts, by number."""
        old = {one.id: one.address for one in loaded.contacts.values() if not one.is_new}
        found = ledger.records_of(tx, old) if old else {}
        return {address: found.get((contact_id, self._order.brand), []) for contact_id, address in old.items()}


class _Slice:
    """The rows of one transaction: two of them may be about one phone."""

    def __init__(self, order: Order, loaded: Loaded, said: Mapping[str, list[Record]], now: int) -> None:
        self._order = order
        self._loaded = loaded
        self._said = dict(said)
        self._now = now
        self._records: list[Record] = []
        self._profiles: dict[str, Profile] = {}

    def take(self, tx: Tx, consents: Sequence[Consent], world: World) -> dict[int, Told]:
        """Decide on each, and write what is taken."""
        told = {one.line: self._one(one) for one in consents}
        ledger.append(tx, self._records, world.ids, self._now, world.chance)
        ids = {address: contact.id for address, contact in self._loaded.contacts.items()}
        rows = [contacts.row_of(ids[address], profile) for address, profile in self._profiles.items()]
        if rows:
            sql.upsert_profiles.run(tx, rows)
            sql_timers.reopen.run(tx, self._now, self._order.brand)  # whom the brand knows has its timers
        return told

    def _one(self, consent: Consent) -> Told:
        order, address = self._order, consent.address
        within = consent.programme or order.programme
        contact = self._loaded.contacts[address]
        known = self._profiles.get(address) or self._loaded.profiles.get(contact.id, {}).get(order.brand)
        profile = known or Profile(order.brand)
        refused = Told(consent.line, "suppressed", "the person has opted out of it")
        if is_refused(Standing(profile.opted_out_at, profile.consents), order.message_class, within):
            return refused
        key = key_of(order.message_class, within)
        if profile.consents.get(key, 0) > 0:
            return Told(consent.line, "already")
        record = self._record(consent, contact.id, within)
        said = [*self._said.get(address, ()), record]
        standing = standing_at(said, max(one.at for one in said))
        if standing.consents.get(key, 0) <= 0:
            return refused
        self._said[address] = said
        self._records.append(record)
        self._profiles[address] = msgspec.structs.replace(
            stood(profile, standing), attributes={**profile.attributes, **consent.attributes}
        )
        return Told(consent.line, "taken")

    def _record(self, consent: Consent, contact_id: int, within: str) -> Record:
        order = self._order
        is_promotional = order.message_class == "promotional"
        return Record(
            contact_id=contact_id, msisdn=consent.address, brand=order.brand, action="import", method=consent.method,
            at=consent.at, message_class=order.message_class, programme=within if is_promotional else "",
            purpose_ref="" if is_promotional else within, wording=consent.wording, language=consent.language,
            actor=order.actor, zone=order.zone, pack=order.pack, deployment=order.deployment,
            evidence_url=consent.evidence,
        )  # fmt: skip
