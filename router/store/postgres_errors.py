"""What PostgreSQL's errors mean to us; loaded with the first of them, for SQLite never needs the driver."""

from __future__ import annotations

import psycopg
from psycopg import errors as pg

from router.store.errors import StoreBroken, StoreConflict, StoreError, StoreUnavailable

_AGAIN = (pg.SerializationFailure, pg.DeadlockDetected)
_AWAY = (pg.LockNotAvailable, pg.QueryCanceled, pg.DiskFull, pg.InsufficientResources, pg.OperatorIntervention,
         pg.ReadOnlySqlTransaction, pg.IdleInTransactionSessionTimeout, pg.TransactionTimeout,
         pg.InsufficientPrivilege)  # fmt: skip
"""Of these PostgreSQL counts the last four as faults of the statement; a stand-by that does not take writes is one, and
rights that were taken away from us are no fault of the message that meets it."""
_DAMAGE = ("58", "XX")
"""SQLSTATE classes (PostgreSQL, appendix A): an error of the system under it, and of the server itself. A failed fsync
comes as PANIC with 58030, "could not fsync file", and the server restarts; what it then kept only a new start tells."""


def translated(error: Exception) -> StoreError | None:
    """The store error that an error of psycopg stands for; None when it is about the statement, not the store."""
    if (getattr(error, "sqlstate", None) or "")[:2] in _DAMAGE:
        return StoreBroken(f"PostgreSQL reports damage: {error}".strip())
    if isinstance(error, _AGAIN):
        return StoreConflict(f"PostgreSQL asks to run the transaction again: {error}")
    if isinstance(error, (*_AWAY, psycopg.OperationalError, psycopg.InterfaceError)):
        return StoreUnavailable(f"PostgreSQL is away: {error}".strip())
    return None
