"""The ledger of consent: one row for each event, append-only, a chain of hashes for each brand.

The chain holds commitments: commitment = SHA-256(salt, canonical JSON of all details, the contact's number among them),
hash = SHA-256(hash of the row before, id, commitment); the first row follows SHA-256(brand). Salt and details (without
the number) stand in a table that an erasure empties: afterwards the chain can be proved as before, and what is left of
a row tells nothing to somebody who tries every number, for nobody has its salt. (COMPLIANCE.md "Consent record".)

The canonical JSON begins with contact_id and msisdn; the other fields follow sorted by name, those at their default
left out. It is kept to the letter, so that no later version has to write it again in the same way.

Rows are appended in the transaction of what they tell. Heads are locked after the contacts and before the outbox.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from hashlib import sha256

import msgspec

from router.standing import Action, Method
from router.store import statements_consent as sql
from router.store.engine import Row, Tx
from router.world import Ids

SALT_OCTETS = 20
"""Of chance in each commitment: three numbers of 53 bits, so that none can be guessed."""
_CHANCE_BITS = 53
ID_OCTETS = 8


class Record(msgspec.Struct, frozen=True, gc=False, kw_only=True, omit_defaults=True):
    """One event of consent. Instants are microseconds since 1970 UTC, `at` that of the event itself.

    Without `message_class`, `programme` and `purpose_ref` it is about the whole brand. `number` is ours; `mo_id` and
    `mt_id` are the texts by which it was said and asked; `wording` is what the person was shown, to the letter.
    `pending`: a grant that waits for its confirmation. `actor` is who did it, where that was not the person. `pack` is
    the market's. `erased` are positions whose details an erasure took away. `recorded_at` and `wording_sha256` are
    filled in when it is appended.
    """

    contact_id: int
    msisdn: str
    brand: str
    action: Action
    method: Method
    at: int
    number: str = ""
    message_class: str = ""
    programme: str = ""
    purpose_ref: str = ""
    mo_id: int = 0
    mt_id: int = 0
    wording: str = ""
    wording_sha256: str = ""
    language: str = ""
    ip: str = ""
    user_agent: str = ""
    actor: str = ""
    zone: str = ""
    pack: str = ""
    deployment: str = ""
    evidence_url: str = ""
    pending: bool = False
    erased: tuple[int, ...] = ()
    recorded_at: int = 0


class Entry(msgspec.Struct, frozen=True, gc=False):
    """A row of the ledger with what it commits to; the last three are None once they are erased."""

    brand: str
    position: int
    id: int
    commitment: bytes
    hash: bytes
    contact_id: int | None
    salt: bytes | None
    details: str | None

    def record(self, msisdn: str) -> Record:
        """The event that it tells. Raises ValueError when its details cannot be read, or are erased."""
        if self.details is None:
            raise ValueError("its details are erased")
        told = msgspec.json.decode(self.details)
        return msgspec.convert({**told, "contact_id": self.contact_id, "msisdn": msisdn}, Record)


def append(tx: Tx, records: Sequence[Record], ids: Ids, now: int, chance: Callable[[], float]) -> list[int]:
    """Write events down, each at the end of its brand's chain; gives their ids. Nothing is asked when there are none.

    `chance` gives the salts: 53 random bits at each call, as `World.chance` does.
    """
    if not records:
        return []
    heads = _locked_heads(tx, sorted({record.brand for record in records}))
    chained: list[Row] = []
    details: list[Row] = []
    new_ids: list[int] = []
    for record in records:
        position, last = heads[record.brand]
        new_id, salt, said = ids.next(now), new_salt(chance), details_of(record, now)
        commitment = commit_to(salt, said, record.contact_id, record.msisdn)
        position, last = position + 1, chain(last, new_id, commitment)
        heads[record.brand] = position, last
        chained.append((record.brand, position, new_id, commitment, last))
        details.append((record.brand, position, record.contact_id, salt, said))
        new_ids.append(new_id)
    sql.insert_ledger.run(tx, chained)
    sql.insert_details.run(tx, details)
    sql.upsert_heads.run(tx, [(brand, *head) for brand, head in heads.items()])
    return new_ids


def entries_of(tx: Tx, contact_id: int) -> list[Entry]:
    """The rows about a contact, brand by brand, each in the order of its chain."""
    return [Entry(*row) for row in sql.entries_of.rows(tx, [contact_id])]


def records_of(tx: Tx, contacts: Mapping[int, str]) -> dict[tuple[int, str], list[Record]]:
    """The events about some contacts (id to number), by contact and brand, each in the order of its chain."""
    found: dict[tuple[int, str], list[Record]] = {}
    for contact_id, brand, details in sql.details_of.rows(tx, list(contacts)):
        told = msgspec.json.decode(details)
        record = msgspec.convert({**told, "contact_id": contact_id, "msisdn": contacts[contact_id]}, Record)
        found.setdefault((contact_id, brand), []).append(record)
    return found


def new_salt(chance: Callable[[], float]) -> bytes:
    """Octets that nobody can guess."""
    drawn = 0
    for _ in range(3):
        drawn = drawn << _CHANCE_BITS | int(chance() * (1 << _CHANCE_BITS))
    return drawn.to_bytes(SALT_OCTETS, "big")


def details_of(record: Record, now: int) -> str:
    """What is kept of an event in a table that can be emptied: its canonical JSON without the person."""
    said = msgspec.to_builtins(record)
    del said["contact_id"], said["msisdn"]
    said["recorded_at"] = now
    if record.wording:
        said["wording_sha256"] = sha256(record.wording.encode("utf-8", "surrogatepass")).hexdigest()
    return msgspec.json.encode(said, order="sorted").decode()


def commit_to(salt: bytes, details: str, contact_id: int, msisdn: str) -> bytes:
    """The commitment to an event: without the salt it says nothing about what was committed to."""
    return sha256(salt + canonical(details, contact_id, msisdn).encode()).digest()


def canonical(details: str, contact_id: int, msisdn: str) -> str:
    """The JSON that is committed to: the details as they are kept, after the person."""
    return f'{{"contact_id":{contact_id},"msisdn":{msgspec.json.encode(msisdn).decode()},{details[1:]}'


def chain(last: bytes, new_id: int, commitment: bytes) -> bytes:
    """The hash of a row that follows the one with hash `last`."""
    return sha256(last + new_id.to_bytes(ID_OCTETS, "big", signed=True) + commitment).digest()


def beginning(brand: str) -> bytes:
    """What the first row of a brand's chain follows."""
    return sha256(brand.encode()).digest()


def _locked_heads(tx: Tx, brands: list[str]) -> dict[str, tuple[int, bytes]]:
    """Where each chain ends, under lock; a brand's first event makes its chain."""
    heads = _heads(sql.lock_heads.rows(tx, brands))
    missing = [brand for brand in brands if brand not in heads]
    if missing:
        sql.insert_heads.run(tx, [(brand, 0, beginning(brand)) for brand in missing])
        heads |= _heads(sql.lock_heads.rows(tx, missing))
    return heads


def _heads(rows: Iterable[Row]) -> dict[str, tuple[int, bytes]]:
    return {brand: (position, last) for brand, position, last in rows}
