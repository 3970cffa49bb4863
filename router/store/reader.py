"""Reading the store beside the gateway that writes to it: nothing is locked, nothing can be written.

SQLite: a connection of its own, opened for reading (https://www.sqlite.org/uri.html, mode=ro). A reader of the log
holds nobody up, but the log cannot begin anew while a read goes on, and a checkpoint that has to wait for that keeps
the writer waiting too: so reads are short, a page each. PostgreSQL: transactions that are read only.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, cast
from urllib.parse import quote

from router.store.driver_errors import translated
from router.store.engine import BUSY_TIMEOUT_MS, Cursor, Tx, file_of, make_engine
from router.store.errors import StoreError, StoreUnavailable
from router.store.tables import REVISION

READ_TIMEOUT_MS = 30_000
"""How long one page may take on PostgreSQL before it is given up: a person waits for it."""
_OF_POSTGRESQL = (
    "SET default_transaction_read_only TO on",
    f"SET statement_timeout TO {READ_TIMEOUT_MS}",
    f"SET idle_in_transaction_session_timeout TO {READ_TIMEOUT_MS}",
)


class Reader:
    """A connection that only reads."""

    def __init__(self, connection: Any, dialect: str) -> None:
        self._connection = connection
        self._cursor = cast(Cursor, connection.cursor())
        self._dialect = dialect

    @contextmanager
    def begin(self) -> Iterator[Tx]:
        """One transaction, that is one state of the store; keep it short. Raises StoreError."""
        try:
            self._cursor.execute("BEGIN")
            try:
                yield Tx(self._cursor, self._dialect)
            finally:
                self._cursor.execute("ROLLBACK")
        except Exception as error:
            raise (translated(error) or error) from error

    def close(self) -> None:
        """Give the connection back."""
        self._connection.close()


def open_reader(url: str) -> Reader:
    """Open the store for reading, whoever else has it open.

    Raises StoreError with a sentence that says what is wrong: it is not there, or another version's.
    """
    reader: Reader | None = None
    try:
        reader = _reader(url)
        with reader.begin() as tx:
            found = str(tx.execute("SELECT version_num FROM alembic_version")[0][0])
        if found != REVISION:
            raise StoreError(f"the store has the tables of another kwek ({found}, not {REVISION}): use that one")
    except Exception as error:
        if reader is not None:
            reader.close()
        raise _said(url, error) from error
    return reader


def _reader(url: str) -> Reader:
    path = file_of(url)
    if path is None:
        connection = make_engine(url).raw_connection()
        driver = connection.driver_connection
        connection.detach()
        cursor = cast(Any, driver).cursor()
        for setting in _OF_POSTGRESQL:
            cursor.execute(setting)
        return Reader(driver, "postgresql")
    if not path.exists():
        raise StoreUnavailable(f"there is no database {path} yet: the gateway makes it when it first runs")
    location = f"file:{quote(str(path.resolve()))}?mode=ro"
    return Reader(sqlite3.connect(location, uri=True, timeout=BUSY_TIMEOUT_MS / 1000, isolation_level=None), "sqlite")


def _said(url: str, error: Exception) -> Exception:
    if isinstance(error, StoreError):
        return error
    shown = url if file_of(url) is not None else "PostgreSQL"
    return translated(error) or StoreUnavailable(f"the store {shown} cannot be read: {error}")
