"""Lock and load: the contacts of a batch with what their brands know of them, in a few queries for the whole batch.

Those of a batch's senders are locked before anything else, ascending by id; whoever comes up later in the transaction
(something waits for him, or falls due) is only taken where no other node is at work on him. So two transactions never
wait for each other in a ring. A contact that was made in this very transaction has nothing else to load.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Iterable, Mapping

import msgspec

from router.messages import Contact, Facts, Inbound, Profile, Run, Thread
from router.store import statements as sql
from router.store import statements_outbox as sql_outbox
from router.store.engine import Row, Tx
from router.store.values import loads
from router.world import Ids

_NOTHING = Thread()


class Loaded(msgspec.Struct):
    """What was read under lock, by contact id; what is missing was not there."""

    contacts: dict[str, Contact]
    threads: Mapping[tuple[int, str], Thread] = {}
    profiles: Mapping[int, Mapping[str, Profile]] = {}
    runs: Mapping[int, list[Run]] = {}
    unsettled: Collection[tuple[int, str]] = ()
    """(contact, number) pairs that already have a message waiting or on the wire."""
    busy: bool = False
    """Somebody is missing because another node is at work on him."""

    def facts(self, contact: Contact, number: str, message: Inbound | None) -> Facts:
        """What `decide` may look at for that contact on that number."""
        key = contact.id
        return Facts(
            contact=contact,
            number=number,
            thread=self.threads.get((key, number), _NOTHING),
            profiles=self.profiles.get(key, {}),
            runs=tuple(run for run in self.runs.get(key, ()) if run.number == number),
            message=message,
        )


def by_address(tx: Tx, addresses: Collection[str], ids: Ids, now: int) -> Loaded:
    """Lock the contacts with those addresses, making the missing ones, and load what is known of them."""
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
    # Another node may have made one meanwhile, and given it a history: new is what stands under our own id.
    return _load(tx, rows, made.keys())


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


def _load(tx: Tx, rows: list[Row], new: Collection[int]) -> Loaded:
    contacts = {row[1]: Contact(row[0], row[1], row[0] in new, row[2], row[3]) for row in rows}
    old = [contact.id for contact in contacts.values() if not contact.is_new]
    if not old:
        return Loaded(contacts)
    profiles: dict[int, dict[str, Profile]] = defaultdict(dict)
    for contact_id, brand, tags, attributes, opted_out_at, hold_until in sql.profiles_of.rows(tx, old):
        profiles[contact_id][brand] = Profile(
            brand, frozenset(msgspec.json.decode(tags)), loads(attributes), opted_out_at, hold_until
        )
    runs: dict[int, list[Run]] = defaultdict(list)
    for row in sql.runs_of.rows(tx, old):
        runs[row[1]].append(run_of(row))
    return Loaded(
        contacts,
        {(row[0], row[1]): Thread(*row[2:]) for row in sql.threads_of.rows(tx, old)},
        profiles,
        runs,
        {(row[0], row[1]) for row in sql_outbox.unsettled_of.rows(tx, old)},
    )


def run_of(row: Row) -> Run:
    """A suspended run from its row."""
    return Run(
        id=row[0], number=row[2], kind=row[3], brand=row[4], rule=row[5], frames=tuple(msgspec.json.decode(row[6])),
        deployment=row[7], variables=loads(row[8]), due_at=row[9], misses=row[10], started_at=row[11],
        inbound_id=row[12],
    )  # fmt: skip
