"""How long the writer is held up while what nothing can refer to any more is forgotten, on SQLite.

`python -m tests.bench.forgetting [ids]`: so many message ids are awaited (a million), first young ones that all stay,
then old ones that all go; a look's slices are timed with their COMMIT, and one statement that does the same at once.
"""

import shutil
import statistics
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

from router.housekeeping import PASSED, Housekeeping
from router.instants import DAY, SECOND
from router.states import FORGET_AFTER
from router.store.engine import Store, open_store

IDS = 1_000_000
NOW = 1_767_614_400 * SECOND
FILL = """INSERT INTO awaiting_receipt
WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < ?)
SELECT 'carrier', lower(hex(randomblob(8))) AS id, i, ?, 0 FROM n ORDER BY id"""
AT_ONCE = "DELETE FROM awaiting_receipt WHERE sent_at <= ?"


def slices(store: Store, looks: int) -> Iterator[float]:
    """What each slice of so many looks takes, in seconds."""
    keeper = Housekeeping()
    for _ in range(looks):
        keeper.begin()
        more = True
        while more:
            began = time.perf_counter()
            with store.begin() as tx:
                more = keeper.step(tx, NOW)
            yield time.perf_counter() - began


def at_once(store: Store) -> Iterator[float]:
    """The same for one statement."""
    began = time.perf_counter()
    with store.begin() as tx:
        tx.write(AT_ONCE, (NOW - FORGET_AFTER,))
    yield time.perf_counter() - began


def measure(folder: Path, ids: int, sent_at: int, in_slices: bool) -> list[float]:
    """Among so many ids that were all sent at that instant; sorted."""
    store = open_store(f"sqlite:///{folder / 'kwek.db'}")
    with store.begin() as tx:
        tx.write(FILL, (ids, sent_at))
    taken = sorted(slices(store, -(-ids // PASSED)) if in_slices else at_once(store))
    store.close()
    return taken


def main(ids: int) -> None:
    """Measure and print."""
    for what, sent_at in (("stay", NOW), ("go", NOW - 4 * DAY)):
        for how, in_slices in (("in slices", True), ("at once", False)):
            folder = Path(tempfile.mkdtemp())
            try:
                taken = measure(folder, ids, sent_at, in_slices)
            finally:
                shutil.rmtree(folder)
            print(
                f"{ids:,} ids that {what}, {how}: {len(taken):,} transactions, median"
                f" {statistics.median(taken) * 1000:.1f} ms, longest {taken[-1] * 1000:.1f} ms"
            )


if __name__ == "__main__":
    main(int(sys.argv[1]) if len(sys.argv) > 1 else IDS)
