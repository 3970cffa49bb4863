"""What deleted rows leave behind in the database's files, and getting rid of it.

SQLite: with `secure_delete` a deleted row is overwritten with zeros in its page, but the log keeps the page as it was
until it is truncated, and rows that were changed or deleted before without it may still stand in free space: only
VACUUM writes the file anew. PostgreSQL: a deleted row stands in the heap until VACUUM FULL writes the table and its
indexes anew; `pg_statistic` holds samples of what ANALYZE saw; the log (pg_wal) goes when it is recycled.
"""

from __future__ import annotations

import sqlite3
from contextlib import closing
from typing import Any, cast

from router.store.driver_errors import translated
from router.store.engine import BUSY_TIMEOUT_MS, Store, Tx, file_of
from router.store.errors import StoreBroken
from router.store.tables import metadata


def overwrite_deleted(tx: Tx) -> None:
    """From now on this connection overwrites what it deletes (SQLite)."""
    if tx.dialect == "sqlite":
        tx.execute("PRAGMA secure_delete=ON")


def empty_log(store: Store, wait_ms: int | None = None) -> bool:
    """Bring what the log holds into the file and cut the log off; False while somebody still reads the old state, or
    there is no room. May be done on another thread than the writer's.

    For so long (BUSY_TIMEOUT_MS where nothing is told) it waits for readers and the writer waits for it; what can be
    copied is copied before that. PostgreSQL recycles its log by itself. Raises StoreBroken.
    """
    path = file_of(store.url)
    if path is None:
        return True
    wait_s = (BUSY_TIMEOUT_MS if wait_ms is None else wait_ms) / 1000
    try:
        with closing(sqlite3.connect(path, timeout=wait_s, isolation_level=None)) as connection:
            connection.execute("PRAGMA synchronous=FULL")  # a library may have been built with less
            connection.execute("PRAGMA wal_checkpoint(PASSIVE)").fetchone()
            busy, _, _ = connection.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchone()
    except sqlite3.Error as error:
        ours = translated(error)
        if isinstance(ours, StoreBroken):
            raise ours from error
        return False
    return not busy


def write_anew(store: Store) -> bool:
    """Write every table anew, without what was deleted; False when the log could not be cut off (SQLite).

    Takes as much room again as the database has, and nobody writes meanwhile. Raises what the driver raises.
    """
    path = file_of(store.url)
    if path is not None:
        connection = sqlite3.connect(path, timeout=BUSY_TIMEOUT_MS / 1000, isolation_level=None)
        try:
            connection.execute("PRAGMA secure_delete=ON")
            connection.execute("VACUUM")
        finally:
            connection.close()
        return empty_log(store)
    with store.engine.connect() as connected:
        cursor = cast(Any, connected.connection.driver_connection).cursor()
        for setting in ("statement_timeout", "lock_timeout"):
            cursor.execute(f"SET {setting} TO 0")
        for table in metadata.sorted_tables:
            cursor.execute(f"VACUUM (FULL, ANALYZE) {table.name}")
        cursor.execute("VACUUM FULL pg_statistic")
        cursor.execute("CHECKPOINT")
    return True
