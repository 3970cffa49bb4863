"""Reading beside the gateway that owns the store: no lock is taken, nothing can be written, and each look is short.

On SQLite a reader that stays holds up the log (it cannot begin anew while somebody reads the old state), on PostgreSQL
the cleaning of rows: so whoever reads much does so in several looks.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Protocol, TypeVar, cast
from urllib.parse import quote

from sqlalchemy.engine import make_url

from router.store.driver_errors import translated
from router.store.engine import BUSY_TIMEOUT_MS, Cursor, Tx, file_of, make_engine
from router.store.errors import StoreError, StoreUnavailable
from router.store.tables import REVISION

T = TypeVar("T")

LONGEST_LOOK_MS = 30_000
"""PostgreSQL: one statement of a reader, where nobody says less (milliseconds)."""


class Begins(Protocol):
    """Whatever transactions can be begun on: a store, or a reader of it."""

    def begin(self) -> Any:
        """One transaction, as a context manager that gives a `Tx`."""


class Reader:
    """A connection that only reads. Not for use by two threads at once."""

    def __init__(self, cursor: Cursor, dialect: str, close: Any) -> None:
        self._cursor = cursor
        self.dialect = dialect
        self.close = close

    @contextmanager
    def begin(self) -> Iterator[Tx]:
        """One look: everything in it is of one instant. Raises StoreUnavailable or StoreBroken."""
        repeatable = "" if self.dialect == "sqlite" else " ISOLATION LEVEL REPEATABLE READ READ ONLY"
        try:
            self._cursor.execute(f"BEGIN{repeatable}")
            yield Tx(self._cursor, self.dialect)
        except Exception as error:
            ours = translated(error)
            if ours is None:
                raise
            raise ours from error
        finally:
            self._end()

    def _end(self) -> None:
        try:
            self._cursor.execute("ROLLBACK")
        except Exception as error:
            if translated(error) is None and not isinstance(error, sqlite3.Error):  # it had ended by itself
                raise


class ReaderAtHand:
    """A reader that is opened when it is first wanted, and anew after a fault. For one thread."""

    def __init__(self, url: str, longest_ms: int = LONGEST_LOOK_MS) -> None:
        self._url = url
        self._longest_ms = longest_ms
        self._reader: Reader | None = None

    def use(self, look: Callable[[Reader], T]) -> T:
        """What `look` reads. Whatever is wrong with the store, it raises StoreUnavailable: the next may succeed."""
        try:
            if self._reader is None:
                self._reader = open_reader(self._url, self._longest_ms)
            return look(self._reader)
        except StoreError as error:
            self.close()
            if isinstance(error, StoreUnavailable):
                raise
            raise StoreUnavailable(str(error)) from error

    def close(self) -> None:
        """Give the connection back."""
        if self._reader is not None:
            self._reader.close()
            self._reader = None


def open_reader(url: str, longest_ms: int = LONGEST_LOOK_MS) -> Reader:
    """A reader of the store; PostgreSQL ends a statement of it after so many milliseconds. Raises StoreError with a
    sentence that says what is wrong."""
    path = file_of(url)
    try:
        reader = _of_server(url, longest_ms) if path is None else _of_file(path)
    except Exception as error:
        if isinstance(error, StoreError):
            raise
        shown = make_url(url).render_as_string(hide_password=True)
        raise (translated(error) or StoreUnavailable(f"store {shown} cannot be opened: {error}")) from error
    try:
        with reader.begin() as tx:
            found = str(tx.execute("SELECT version_num FROM alembic_version")[0][0])
    except Exception as error:
        reader.close()
        raise (translated(error) or StoreError(f"the store has no tables of kwek: {error}")) from error
    if found != REVISION:
        reader.close()
        raise StoreError(
            f"the store has the tables of another version ({found}, not {REVISION}): start `kwek run` of this one once"
        )
    return reader


def _of_file(path: Path) -> Reader:
    if not path.exists():
        raise StoreUnavailable(f"store {path} is not there")
    connection = sqlite3.connect(
        f"file:{quote(str(path))}?mode=ro", uri=True, isolation_level=None, timeout=BUSY_TIMEOUT_MS / 1000
    )
    return Reader(cast(Cursor, connection.cursor()), "sqlite", connection.close)


def _of_server(url: str, longest_ms: int) -> Reader:
    engine = make_engine(url)
    connection = engine.connect()
    cursor = cast(Any, connection.connection.driver_connection).cursor()
    cursor.execute(f"SET statement_timeout TO {longest_ms}")

    def close() -> None:
        connection.close()
        engine.dispose()

    return Reader(cast(Cursor, cursor), engine.dialect.name, close)
