"""What PostgreSQL's errors mean to us; loaded with the first of them, for SQLite never needs the driver."""

from __future__ import annotations

import psycopg
from psycopg import errors as pg

from router.store.errors import StoreBroken, StoreConflict, StoreError, StoreUnavailable

_AGAIN = (pg.SerializationFailure, pg.DeadlockDetected)
_AWAY = (pg.LockNotAvailable, pg.QueryCanceled, pg.DiskFull, pg.InsufficientResources, pg.OperatorIntervention,
         pg.ReadOnlySqlTransaction, pg.IdleInTransactionSessionTimeout, pg.TransactionTimeout)  # fmt: skip
"""Of these PostgreSQL counts the last three as faults of the statement; a stand-by that does not take writes is one."""
_BROKEN = (pg.IoError, pg.DataCorrupted, pg.IndexCorrupted)


def translated(error: Exception) -> StoreError | None:
    """The store error that an error of psycopg stands for; None when it is about the statement, not the store."""
    if isinstance(error, _BROKEN):
        return StoreBroken(f"PostgreSQL reports damage: {error}")
    if isinstance(error, _AGAIN):
        return StoreConflict(f"PostgreSQL asks to run the transaction again: {error}")
    if isinstance(error, (*_AWAY, psycopg.OperationalError, psycopg.InterfaceError)):
        return StoreUnavailable(f"PostgreSQL is away: {error}".strip())
    return None
