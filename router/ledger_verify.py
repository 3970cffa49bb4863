"""Proving that nobody changed a row of the ledger or took one away: every chain is reckoned again from its first row.

Rows are read in short looks, so the gateway goes on meanwhile. A row without details is right where a later row of its
chain tells of their erasure. What cannot be told from the database alone is that the last rows of a chain are gone
together with its head's memory of them: for that, keep what `verify` said before, and hand it in as anchors.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping

import msgspec

from router import ledger
from router.ledger import Entry
from router.store import statements_consent as sql
from router.store.engine import Row, Tx
from router.store.reading import Begins

ROWS_A_LOOK = 500
"""Rows that are read in one transaction."""


class Chain(msgspec.Struct, frozen=True):
    """What one brand's chain came to. `position` and `hash` (hexadecimal) are those of its last good row, `erased` its
    rows without details; `broken_at` is the first place that is wrong and `why` what is wrong there."""

    brand: str
    position: int
    hash: str
    erased: int = 0
    broken_at: int | None = None
    why: str = ""


def verify(store: Begins, anchors: Mapping[str, tuple[int, str]] | None = None) -> Iterator[Chain]:
    """Every chain, reckoned again. `anchors`: rows (position and hash) that an earlier proof had by brand."""
    with store.begin() as tx:
        heads = {row[0] for row in sql.every_head.rows(tx)}
        brands = heads | {row[0] for row in sql.chained_brands.rows(tx)} | set(anchors or {})
    for brand in sorted(brands):
        yield _Walk(brand, (anchors or {}).get(brand)).through(store)


class _Walk:
    """The way through one chain."""

    def __init__(self, brand: str, anchor: tuple[int, str] | None) -> None:
        self.brand = brand
        self.anchor = anchor
        self.position = 0
        self.hash = ledger.beginning(brand)
        self.missing: set[int] = set()
        """Rows whose details are gone, and no later row has told why yet."""
        self.erased = 0

    def through(self, store: Begins) -> Chain:
        """To its end, or to the first row that is wrong."""
        while True:
            with store.begin() as tx:
                rows = sql.next_entries.rows(tx, self.brand, self.position, ROWS_A_LOOK)
                if not rows:
                    return self._end(tx)
            for row in rows:
                why = self._step(Entry(*row[:8]), row[8])
                if why:
                    return self._chain(self.position + 1, why)

    def _step(self, entry: Entry, address: str | None) -> str:
        """Take one row; gives what is wrong with it."""
        if entry.position != self.position + 1:
            return f"the row is gone: the next one is {entry.position}"
        now = ledger.chain(self.hash, entry.id, entry.commitment)
        if now != entry.hash:
            return "its hash does not follow from the row before, its id and its commitment"
        if self.anchor is not None and self.anchor[0] == entry.position and self.anchor[1] != entry.hash.hex():
            return "an earlier proof had another row here"
        why = self._details(entry, address)
        if not why:
            self.position, self.hash = entry.position, now
        return why

    def _details(self, entry: Entry, address: str | None) -> str:
        if entry.contact_id is None or entry.salt is None or entry.details is None:
            self.missing.add(entry.position)
            self.erased += 1
            return ""
        if entry.contact_id and address is None:
            return "its contact is gone, and its details are not"
        msisdn = address or ""
        if ledger.commit_to(entry.salt, entry.details, entry.contact_id, msisdn) != entry.commitment:
            return "its details, or the number of its contact, are not what was committed to"
        record = entry.record(msisdn)
        if record.brand != self.brand:
            return f"it tells of another brand ({record.brand})"
        if record.action == "erase":
            self.missing -= set(record.erased)
        return ""

    def _end(self, tx: Tx) -> Chain:
        """Past the last row: what the head says, and what nothing accounts for."""
        heads: dict[str, Row] = {row[0]: row for row in sql.every_head.rows(tx)}
        _, position, last = heads.get(self.brand, (self.brand, 0, b""))
        if self.missing:
            return self._chain(min(self.missing), "its details are gone, and no erasure tells of it")
        if self.anchor is not None and self.anchor[0] > self.position:
            return self._chain(self.position + 1, f"an earlier proof went on to row {self.anchor[0]}")
        if (position, last) != (self.position, self.hash):
            return self._chain(self.position + 1, f"the chain ends here, and its head says {position}")
        if sql.orphaned_details.rows(tx, self.brand, self.position):
            return self._chain(self.position + 1, "there are details of rows that the chain has not")
        return self._chain(None, "")

    def _chain(self, broken_at: int | None, why: str) -> Chain:
        return Chain(self.brand, self.position, self.hash.hex(), self.erased, broken_at, why)
