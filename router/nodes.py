"""Every node that shares a store has a number of its own, which its ids carry: so two nodes never give the same id.

The store gives it out, by the node's name, and keeps it. When all are taken, that of the node which has been away
longest is given anew. A node that runs says so every minute, or after months its number would look forgotten.
"""

from __future__ import annotations

from router.instants import DAY
from router.store import statements as sql
from router.store.engine import Tx
from router.store.errors import StoreError
from router.world import NODE_BITS

NUMBERS = 1 << NODE_BITS
FORGOTTEN_AFTER = DAY
"""A node that has been away for so long may lose its number (microseconds); it gets another when it starts."""


def number_of(tx: Tx, name: str, now: int) -> int:
    """The number of the node with that name, which starts or still runs now. Raises StoreError when there are too many
    nodes."""
    if tx.dialect != "sqlite":
        sql.lock_nodes.rows(tx)
    known = {row[0]: (row[1], row[2]) for row in sql.every_node.rows(tx)}
    number = known[name][0] if name in known else _free(tx, known, now)
    sql.upsert_node.run(tx, [(number, name, now)])
    return number


def _free(tx: Tx, known: dict[str, tuple[int, int]], now: int) -> int:
    taken = {number for number, _ in known.values()}
    if len(taken) < NUMBERS:
        return next(number for number in range(NUMBERS) if number not in taken)
    oldest = min(known, key=lambda name: known[name][1])
    if known[oldest][1] > now - FORGOTTEN_AFTER:
        raise StoreError(f"{NUMBERS} nodes with other names have run in the last day: give this one a name of theirs")
    return known[oldest][0]
