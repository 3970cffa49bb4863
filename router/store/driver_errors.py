"""What a driver's error stands for: foreign errors become ours here and nowhere else."""

from __future__ import annotations

import sqlite3

from sqlalchemy.exc import DBAPIError

from router.store.errors import StoreBroken, StoreError, StoreUnavailable

_SQLITE_AWAY = {sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED, sqlite3.SQLITE_FULL, sqlite3.SQLITE_CANTOPEN,
                sqlite3.SQLITE_READONLY, sqlite3.SQLITE_NOMEM, sqlite3.SQLITE_PERM,
                sqlite3.SQLITE_PROTOCOL}  # fmt: skip
_SQLITE_BROKEN = {sqlite3.SQLITE_IOERR, sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB, sqlite3.SQLITE_INTERNAL}
_SQLITE_EXTENDED = {
    # The shared index of the log is memory, and made anew from the log: on a full disk it is what fails to grow first.
    sqlite3.SQLITE_IOERR_SHMSIZE: sqlite3.SQLITE_FULL,
    sqlite3.SQLITE_IOERR_NOMEM: sqlite3.SQLITE_NOMEM,
    sqlite3.SQLITE_READONLY_DBMOVED: sqlite3.SQLITE_CORRUPT,
}
"""Extended result codes that stand for another code than their family (https://www.sqlite.org/rescode.html)."""


def translated(error: Exception) -> StoreError | None:
    """The store error that a driver's error stands for; None when it is about the statement, not the store."""
    if isinstance(error, DBAPIError) and isinstance(error.orig, Exception):
        return translated(error.orig)
    if isinstance(error, sqlite3.Error):
        extended = getattr(error, "sqlite_errorcode", None) or 0
        code = _SQLITE_EXTENDED.get(extended, extended & 0xFF)
        if code in _SQLITE_BROKEN:
            return StoreBroken(f"the database file is damaged or cannot be read or written: {error}")
        return StoreUnavailable(f"the database does not take writes now: {error}") if code in _SQLITE_AWAY else None
    if type(error).__module__.startswith("psycopg"):
        from router.store import postgres_errors  # noqa: PLC0415  (slow to import, and SQLite never needs it)

        return postgres_errors.translated(error)
    return None


def is_driver_error(error: Exception) -> bool:
    """Whether an error is the driver's: then the transaction it befell is over, whatever else it means."""
    return isinstance(error, sqlite3.Error) or type(error).__module__.startswith("psycopg")
