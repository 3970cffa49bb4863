"""Taking in opt-outs that were said elsewhere: by voice, by mail, at a counter, to another sender of the brand's texts.

Any reasonable means counts (47 CFR 64.1200(a)(10)), so one of these does what STOP does: the brand is silent from the
moment it is written, what waits is cancelled, what is open ends, and the ledger says how it was said and who took it
in. No confirmation goes out: the person did not ask by a text. Nobody's standing gets better by a list, so a number
that nobody knows yet is kept silenced, too, and one that was erased stays as it is.

A text that a node has claimed before may still be written for its lease: whoever hands the list in is told of these.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from itertools import islice

from router import consent, contacts, ledger, silence
from router.consent_import import MOST_TRIES, Order, Told
from router.consent_rows import Consent, Refused
from router.ledger import Record
from router.messages import Profile
from router.store import statements as sql
from router.store import statements_timers as sql_timers
from router.store.engine import Store, Tx
from router.store.errors import StoreConflict
from router.suppression import Suppressions
from router.world import World

SLICE = 32
"""Rows of one transaction: each sweeps what waits for its contact, a quarter of a millisecond."""


class OptOuts:
    """One file of opt-outs going in."""

    def __init__(self, store: Store, world: World, suppressions: Suppressions, order: Order) -> None:
        self._store = store
        self._world = world
        self._suppressions = suppressions
        self._order = order

    def run(self, rows: Iterable[Consent | Refused]) -> Iterator[Told]:
        """Each row's outcome, in their order; a slice is on disk when its first outcome comes."""
        rest = iter(rows)
        while some := list(islice(rest, SLICE)):
            taken = self._slice([one for one in some if isinstance(one, Consent)])
            for one in some:
                yield Told(one.line, one.outcome, one.why) if isinstance(one, Refused) else taken[one.line]

    def _slice(self, said: Sequence[Consent]) -> dict[int, Told]:
        for tries_left in range(MOST_TRIES - 1, -1, -1):
            try:
                with self._store.begin() as tx:
                    return self._take(tx, said)
            except StoreConflict:
                if not tries_left:
                    raise
        raise AssertionError("the last try has raised")

    def _take(self, tx: Tx, said: Sequence[Consent]) -> dict[int, Told]:
        brand, now = self._order.brand, self._world.now()
        erased = self._suppressions.of(tx, {one.address for one in said}) if said else {}
        told = {one.line: Told(one.line, "already") for one in said}
        first = {one.address: one for one in reversed(said) if brand not in erased.get(one.address, {})}
        if not first:
            return told
        loaded = contacts.by_address(tx, list(first), self._world.ids, now, self._suppressions)
        records: list[Record] = []
        has_new = False
        silenced: dict[int, tuple[int, Profile]] = {}
        for address, contact in loaded.contacts.items():
            known = loaded.profiles.get(contact.id, {}).get(brand)
            profile = known or Profile(brand)
            has_new = has_new or known is None
            if profile.opted_out_at is None:
                one = first[address]
                records.append(self._record(one, contact.id, now))
                silenced[one.line] = contact.id, consent.silenced(profile, now)
        ledger.append(tx, records, self._world.ids, now, self._world.chance)
        if silenced:
            sql.upsert_profiles.run(tx, [contacts.row_of(*one) for one in silenced.values()])
        if has_new:
            sql_timers.reopen.run(tx, now, brand)  # whom the brand knows has its timers, for a START to come
        for line, (contact_id, _) in silenced.items():
            claimed = silence.sweep(tx, contact_id, [brand], now)
            told[line] = Told(line, "taken", claimed=tuple(id for id, _ in claimed))
        return told

    def _record(self, one: Consent, contact_id: int, now: int) -> Record:
        order = self._order
        return Record(
            contact_id=contact_id, msisdn=one.address, brand=order.brand, action="revoke", method=one.method, at=now,
            wording=one.wording, language=one.language, actor=order.actor, zone=order.zone, pack=order.pack,
            deployment=order.deployment, evidence_url=one.evidence,
        )  # fmt: skip
