"""SQLite's checkpoints, on a connection of their own, so that the writer never waits for one to copy pages.

The writer's own automatic checkpoints are off. PASSIVE copies what it can without holding anyone up. While group upon
group is written it never catches up, and the log grows; past a bound RESTART holds the writer up for as long as it
takes to copy the rest, and the next group begins the log anew. Its file keeps its size: what counts is what it holds.
(https://www.sqlite.org/c3ref/wal_checkpoint_v2.html)
"""

from __future__ import annotations

import sqlite3
from pathlib import Path

from router.store.driver_errors import translated
from router.store.engine import BUSY_TIMEOUT_MS, file_of
from router.store.errors import StoreUnavailable

EVERY_S = 1.0
"""Pause between two looks, in seconds."""
LONG_LOG = 32_768
"""Pages of log (128 MiB) beyond which a checkpoint holds the writer up: some five seconds of full load."""


class Checkpointer:
    """Keeps the write-ahead log of one SQLite file short. Used on a thread of its own."""

    def __init__(self, path: Path) -> None:
        self._connection = sqlite3.connect(
            path, timeout=BUSY_TIMEOUT_MS / 1000, isolation_level=None, check_same_thread=False
        )
        self._connection.execute("PRAGMA synchronous=FULL")  # a library may have been built with less

    @classmethod
    def of(cls, url: str) -> Checkpointer | None:
        """For the store with that URL; None where there is nothing to checkpoint."""
        path = file_of(url)
        return None if path is None else cls(path)

    def look(self) -> tuple[int, int]:
        """Copy what can be copied; gives the pages in the log and how many of them are copied, -1 where it could not.

        A full or locked disk is no fault: the log keeps everything, and the next look tries again. Raises StoreBroken.
        """
        try:
            pages, copied = self._copy("PASSIVE")
            if pages > LONG_LOG:  # the second time it is quicker, and leaves less to be copied while the writer waits
                self._copy("PASSIVE")
                pages, copied = self._copy("RESTART")
        except sqlite3.Error as error:
            ours = translated(error)
            if isinstance(ours, StoreUnavailable):
                return -1, -1
            raise (ours or error) from error
        return pages, copied

    def _copy(self, mode: str) -> tuple[int, int]:
        _, pages, copied = self._connection.execute(f"PRAGMA wal_checkpoint({mode})").fetchone()
        return pages, copied

    def close(self) -> None:
        """Close its connection."""
        self._connection.close()
