"""Lock and load: the contacts of a batch with what their brands know of them, in a few queries for the whole batch.

Those of a batch's senders are locked before anything else, ascending by id; whoever comes up later in the transaction
(something waits for him, or falls due) is only taken where no other node is at work on him. So two transactions never
wait for each other in a ring. A contact that was made in this very transaction has nothing else to load.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Iterable, Mapping

import msgspec

from router.messages import NO_THREAD, Contact, Facts, Inbound, Occurrence, Profile, Run, Thread
from router.store import statements as sql
from router.store import statements_outbox as sql_outbox
from router.store.engine import Row, Tx
from router.store.errors import StoreConflict
from router.store.values import dumps, loads
from router.suppression import Suppressions
from router.world import Ids

_NONE: Mapping[str, Thread] = {}


class Loaded(msgspec.Struct):
    """What was read under lock, by contact id; what is missing was not there."""

    contacts: dict[str, Contact]
    threads: Mapping[int, Mapping[str, Thread]] = {}
    """Of each contact by our number."""
    profiles: Mapping[int, Mapping[str, Profile]] = {}
    runs: Mapping[int, list[Run]] = {}
    unsettled: Collection[tuple[int, str]] = ()
    """(contact, number) pairs that already have a message waiting or on the wire."""
    busy: bool = False
    """Somebody is missing because another node is at work on him."""

    def facts(
        self, contact: Contact, number: str, message: Inbound | None, occurrence: Occurrence | None = None
    ) -> Facts:
        """What `decide` may look at for that contact on that number."""
        key = contact.id
        threads = self.threads.get(key, _NONE)
        return Facts(
            contact=contact,
            number=number,
            thread=threads.get(number, NO_THREAD),
            profiles=self.profiles.get(key, {}),
            runs=tuple(self.runs.get(key, ())),
            message=message,
            occurrence=occurrence,
            threads=threads,
        )


def by_address(
    tx: Tx, addresses: Collection[str], ids: Ids, now: int, suppressions: Suppressions | None = None
) -> Loaded:
    """Lock the contacts with those addresses, making the missing ones, and load what is known of them. One that was
    erased before, and is made again, is silenced as it was. Raises StoreConflict when one is erased meanwhile."""
    found = sql.contacts_by_address.rows(tx, list(addresses))
    known = {row[1] for row in found}
    missing = [address for address in addresses if address not in known]
    made = {ids.next(now): address for address in sorted(missing)}
    if made:
        sql.insert_contacts.run(tx, [(new_id, address, now) for new_id, address in made.items()])
    if tx.dialect == "sqlite":  # the transaction holds the whole file: nobody else can have made one
        rows = found + [(new_id, address, None, None) for new_id, address in made.items()]
    else:
        every = found + (sql.contacts_by_address.rows(tx, missing) if missing else [])
        rows = sql.lock_contacts.rows(tx, sorted(row[0] for row in every))
        if len(rows) < len(set(addresses)):
            raise StoreConflict("a contact was erased between being looked for and being locked")
    # Another node may have made one meanwhile, and given it a history: new is what stands under our own id.
    loaded = _load(tx, rows, made.keys())
    if suppressions is not None:
        _silence(tx, loaded, suppressions.of_new(tx, made, now))
    return loaded


def _silence(tx: Tx, loaded: Loaded, suppressed: Mapping[int, Mapping[str, int]]) -> None:
    """Contacts that are new to us and not to the brands that they, or an erasure, have silenced."""
    if not suppressed:
        return
    profiles = {
        contact_id: {brand: Profile(brand, opted_out_at=since) for brand, since in brands.items()}
        for contact_id, brands in suppressed.items()
    }
    loaded.profiles = {**loaded.profiles, **profiles}
    sql.upsert_profiles.run(tx, [row_of(key, one) for key, brands in profiles.items() for one in brands.values()])


def lock_senders(tx: Tx, addresses: Collection[str]) -> None:
    """Lock the contacts with those addresses, as far as there are any; the first thing that a transaction waits for."""
    sql.lock_senders.rows(tx, list(addresses))


def by_id(tx: Tx, contact_ids: Iterable[int]) -> Loaded:
    """Lock the contacts with those ids that no other node has locked, and load what is known of them."""
    ids = sorted(set(contact_ids))
    statement = sql.contacts_by_id if tx.dialect == "sqlite" else sql.lock_free_contacts
    loaded = _load(tx, statement.rows(tx, ids), ())
    loaded.busy = len(loaded.contacts) < len(ids)
    return loaded


def unlocked(tx: Tx, contact_ids: Iterable[int]) -> Loaded:
    """What is known of the contacts with those ids, for what does not depend on its being so still."""
    return _load(tx, sql.contacts_by_id.rows(tx, sorted(contact_ids)), ())


def _load(tx: Tx, rows: list[Row], new: Collection[int]) -> Loaded:
    contacts = {row[1]: Contact(row[0], row[1], row[0] in new, row[2], row[3]) for row in rows}
    old = [contact.id for contact in contacts.values() if not contact.is_new]
    if not old:
        return Loaded(contacts)
    profiles: dict[int, dict[str, Profile]] = defaultdict(dict)
    for row in sql.profiles_of.rows(tx, old):
        profiles[row[0]][row[1]] = profile_of(row)
    threads: dict[int, dict[str, Thread]] = defaultdict(dict)
    for row in sql.threads_of.rows(tx, old):
        threads[row[0]][row[1]] = Thread(*row[2:])
    runs: dict[int, list[Run]] = defaultdict(list)
    for row in sql.runs_of.rows(tx, old):
        runs[row[1]].append(run_of(row))
    return Loaded(
        contacts,
        threads,
        profiles,
        runs,
        {(row[0], row[1]) for row in sql_outbox.unsettled_of.rows(tx, old)},
    )


def profile_of(row: Row) -> Profile:
    """What a brand knows of a contact, from its row (the contact's id first)."""
    _, brand, tags, attributes, opted_out_at, consents, promoted, number, active_at, hold_until = row
    return Profile(
        brand,
        frozenset(msgspec.json.decode(tags)),
        loads(attributes),
        opted_out_at,
        {} if consents == "{}" else msgspec.json.decode(consents, type=dict[str, int]),
        () if promoted == "[]" else msgspec.json.decode(promoted, type=tuple[int, ...]),
        number,
        active_at,
        hold_until,
    )


def row_of(contact_id: int, profile: Profile) -> Row:
    """The row of what a brand knows of a contact."""
    consents, promoted = profile.consents, profile.promoted  # few contacts have any
    return (
        contact_id, profile.brand, msgspec.json.encode(sorted(profile.tags)).decode(), dumps(profile.attributes),
        profile.opted_out_at, msgspec.json.encode(consents).decode() if consents else "{}",
        msgspec.json.encode(promoted).decode() if promoted else "[]", profile.number, profile.active_at,
        profile.hold_until,
    )  # fmt: skip


def run_of(row: Row) -> Run:
    """A suspended run from its row."""
    return Run(
        id=row[0], number=row[2], kind=row[3], brand=row[4], rule=row[5], frames=tuple(msgspec.json.decode(row[6])),
        deployment=row[7], variables=loads(row[8]), due_at=row[9], misses=row[10], started_at=row[11],
        cause_id=row[12],
    )  # fmt: skip
