"""Opening the database, and one transaction on it.

SQLAlchemy makes the connection and declares the tables; hot statements run as fixed SQL text on the driver's own cursor
(Core's execution costs more than twice the statement itself).

SQLite runs WAL with `synchronous=FULL` (https://www.sqlite.org/pragma.html#pragma_synchronous), PostgreSQL with
`synchronous_commit` on and `fsync` on; on less `open_store` refuses (router.store.safety). A COMMIT that has failed is
never tried again on its connection: after an I/O error nobody knows which of the octets the disk has.
"""

from __future__ import annotations

import fcntl
import sqlite3
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import IO, Any, Protocol, cast

from sqlalchemy import Connection, create_engine
from sqlalchemy.engine import Engine, make_url
from sqlalchemy.pool import NullPool, StaticPool

from router.store import (  # noqa: F401  (declare their tables, made with the others)
    tables_consent,
    tables_emails,
    tables_offers,
    tables_rulings,
    tables_statistics,
)
from router.store.driver_errors import translated
from router.store.errors import CommitUnknown, StoreBroken, StoreError, StoreInUse, StoreUnavailable, StoreUnsafe
from router.store.safety import doubtful_postgresql, unsafe_postgresql, unsafe_sqlite
from router.store.tables import REVISION, metadata

BUSY_TIMEOUT_MS = 2_000
"""How long a transaction waits for a lock before it gives up (a frozen node must not stop everyone)."""
STATEMENT_CACHE = 1_024
"""Prepared statements a connection keeps: every hot statement times its row counts fits."""

IN_MEMORY = "sqlite://"
"""A store that lives in memory: for transcripts; it has the declared tables and no migrations."""

Row = tuple[Any, ...]

_SAME_CONNECTION = {"40001", "40P01", "55P03", "57014"}
"""SQLSTATEs after which a rolled-back connection is as good as new: conflicts, and waits that took too long."""


class Cursor(Protocol):
    """The driver's cursor, as far as both drivers have the same."""

    def execute(self, sql: Any, parameters: Any = ..., /) -> Any: ...  # noqa: D102
    def fetchall(self) -> list[Any]: ...  # noqa: D102


class Tx:
    """One open transaction. `execute` runs a fixed statement and gives its rows as tuples."""

    def __init__(self, cursor: Cursor, dialect: str) -> None:
        self._cursor = cursor
        self.dialect = dialect

    def execute(self, sql: str, parameters: Sequence[Any] = ()) -> list[Row]:
        """Run a statement that returns rows."""
        self._cursor.execute(sql, parameters)
        return cast(list[Row], self._cursor.fetchall())

    def write(self, sql: str, parameters: Sequence[Any] = ()) -> None:
        """Run a statement whose rows nobody reads."""
        self._cursor.execute(sql, parameters)


class Store:
    """A database and the one connection that writes to it. Not for use by two threads at once."""

    def __init__(self, url: str, engine: Engine, lock: IO[str] | None) -> None:
        self.url = url
        self.engine = engine
        self.dialect: str = engine.dialect.name
        self.warnings: tuple[str, ...] = ()
        """What an operator should know about its safety, a sentence each; found when it was opened."""
        self._file = file_of(url)
        self._identity: tuple[int, int] | None = None
        self._lock = lock
        self._connection: Connection | None = None
        self._cursor: Cursor | None = None
        self._has_begun = False
        self._node = ""

    @contextmanager
    def begin(self, marker: int = 0, *, leave_open: bool = False) -> Iterator[Tx]:
        """One transaction: committed when the block ends (left to `commit` where told so), rolled back when it raises.

        `marker` names the transaction, so that PostgreSQL can be asked for its outcome should the connection break
        at COMMIT. Raises StoreUnavailable, StoreConflict, CommitUnknown, StoreBroken; other errors pass through.
        """
        self.take()
        with self._undone():
            cursor = cast(Cursor, self._cursor)
            if marker and self.dialect != "sqlite":
                cursor.execute(_MARK, (marker,))
            yield Tx(cursor, self.dialect)
        if not leave_open:
            self.commit(marker)

    def take(self) -> None:
        """Have the next `begin` begin now: waits at most BUSY_TIMEOUT_MS for another writer. Raises as `begin`."""
        if self._has_begun or self.take_at_once():
            return
        with self._undone():
            cursor = self._cursor or self._connect()
            if self.dialect == "sqlite":
                cursor.execute(f"PRAGMA busy_timeout={BUSY_TIMEOUT_MS}")
                cursor.execute("BEGIN IMMEDIATE")
                cursor.execute("PRAGMA busy_timeout=0")
            else:
                cursor.execute("BEGIN")
            self._has_begun = True

    def take_at_once(self) -> bool:
        """The same where nothing need be waited for: SQLite, connected, and nobody else writes. Else False."""
        if not self._has_begun and self.dialect == "sqlite" and self._cursor is not None:
            with self._undone():
                try:
                    self._cursor.execute("BEGIN IMMEDIATE")
                    self._has_begun = True
                except sqlite3.OperationalError as error:
                    if error.sqlite_errorcode & 0xFF != sqlite3.SQLITE_BUSY:
                        raise
        return self._has_begun

    def commit(self, marker: int = 0) -> None:
        """Have the disk keep what was done in `begin`: the step that waits for the disk. Raises as `begin`."""
        self._has_begun = False
        self._commit(cast(Cursor, self._cursor), marker)

    @contextmanager
    def _undone(self) -> Iterator[None]:
        """Roll back when the block raises, and make the driver's errors ours."""
        try:
            yield
        except BaseException as error:
            self._rollback()
            ours = translated(error) if isinstance(error, Exception) else None
            if ours is None:
                raise
            if getattr(error, "sqlstate", "") not in _SAME_CONNECTION:
                self._drop()
            raise ours from error

    def committed(self, marker: int) -> bool:
        """Whether the transaction of that marker held: its marker is inserted again, and a conflict says yes.

        The insert waits for the old backend to end. Raises StoreUnavailable while the database is away.
        """
        try:
            with self.begin() as tx:
                tx.write(_MARK, (marker,))
                raise _NotThere
        except _NotThere:
            return False
        except Exception as error:
            if getattr(error, "sqlstate", "") != _UNIQUE_VIOLATION:
                raise
            return True

    def own(self, node: str) -> None:
        """Be that node, alone: two processes that called themselves alike would each take the other's texts for those
        of a dead one. PostgreSQL holds it as a lock of the session; a SQLite file has one owner anyway.

        Raises StoreUnavailable when another process is that node.
        """
        self._node = node
        if self.dialect == "sqlite":
            return
        self._drop()
        try:
            self._connect()
        except Exception as error:
            self._drop()
            if getattr(error, "sqlstate", "") != _LOCK_NOT_AVAILABLE:
                raise translated(error) or error from error
            raise StoreUnavailable(
                f"another process runs as node {node!r} on this database; give each its own `node` in [gateway]"
            ) from error

    def close(self) -> None:
        """Give the connection and the file lock back."""
        self._drop()
        self.engine.dispose()
        if self._lock is not None:
            self._lock.close()
            self._lock = None

    def _commit(self, cursor: Cursor, marker: int) -> None:
        try:
            cursor.execute("COMMIT")
        except Exception as error:
            ours = translated(error)
            self._rollback()
            self._drop()
            if marker and self.dialect != "sqlite" and isinstance(ours, StoreUnavailable):
                raise CommitUnknown(marker) from error
            raise (ours or StoreBroken(f"COMMIT failed: {error}")) from error
        # PostgreSQL answers COMMIT with ROLLBACK, and no error, when a statement before it had failed.
        if (came_to := getattr(cursor, "statusmessage", None)) not in (None, "COMMIT"):
            raise StoreBroken(f"COMMIT came to {came_to}: a failed statement was passed over")

    def _rollback(self) -> None:
        self._has_begun = False
        if self._cursor is None:
            return
        try:
            self._cursor.execute("ROLLBACK")
        except Exception:  # the connection is gone, or SQLite has rolled back by itself: there is nothing to undo
            self._drop()

    def _connect(self) -> Cursor:
        self._see_the_same_file()
        connection = self.engine.connect()
        self._connection = connection
        driver = cast(Any, connection.connection.driver_connection)
        cursor = driver.cursor()
        for setting in _SETTINGS[self.dialect]:
            cursor.execute(setting)
        if self.dialect == "sqlite":
            cursor.execute("PRAGMA busy_timeout=0")  # `take` waits, where that holds nobody up
        elif self._node:
            cursor.execute(_OWN, (self._node,))
        self._identity = self._identify()
        self._cursor = cast(Cursor, cursor)
        return self._cursor

    def _see_the_same_file(self) -> None:
        """SQLite would make an empty database in the place of one that was moved away under us."""
        if self._identity is not None and self._identify() != self._identity:
            raise StoreBroken(f"the database file {self._file} is gone or another one: somebody moved it away")

    def _identify(self) -> tuple[int, int] | None:
        """Which file it is, by device and inode."""
        if self._file is None or not self._file.exists():
            return None
        found = self._file.stat()
        return found.st_dev, found.st_ino

    def _drop(self) -> None:
        self._has_begun = False
        connection, self._connection, self._cursor = self._connection, None, None
        if connection is not None:
            if self.url != IN_MEMORY:
                connection.invalidate()
            connection.close()


class _NotThere(Exception):
    """Takes the marker back out when it could be inserted."""


_UNIQUE_VIOLATION, _UNDEFINED_TABLE, _LOCK_NOT_AVAILABLE = "23505", "42P01", "55P03"
"""SQLSTATE (PostgreSQL, appendix A)."""
_MARK = "INSERT INTO batches (marker, at) VALUES (%s, (extract(epoch from now()) * 1000000)::bigint)"
_OWN = "SELECT pg_advisory_lock(7022, hashtext(%s))"
"""Held until the session ends; waits `lock_timeout` for a process that is just ending."""
_NOTICE_DEATH = {"keepalives_idle": 2, "keepalives_interval": 1, "keepalives_count": 3, "tcp_user_timeout": 5_000}
"""libpq: a server that is gone without a word is noticed within 5 s (idle and interval in s, the last in ms)."""
_SETTINGS = {
    "sqlite": (
        "PRAGMA journal_mode=WAL",
        "PRAGMA synchronous=FULL",
        "PRAGMA wal_autocheckpoint=0",
        "PRAGMA temp_store=MEMORY",
        "PRAGMA cache_size=-16384",  # 16 MiB: more was memory that grew for an hour, and no speed
        f"PRAGMA busy_timeout={BUSY_TIMEOUT_MS}",
    ),
    "postgresql": (
        "SELECT set_config('synchronous_commit', CASE current_setting('synchronous_commit') "
        "WHEN 'remote_apply' THEN 'remote_apply' ELSE 'on' END, false)",
        f"SET lock_timeout TO {BUSY_TIMEOUT_MS}",
        # A COMMIT that waits for a stand-by and is timed out counts as done, with nothing but a warning
        # (PostgreSQL, SyncRepWaitForLSN): where one is waited for, only locks are given a time.
        "SELECT set_config('statement_timeout', CASE current_setting('synchronous_standby_names') "
        f"WHEN '' THEN '{BUSY_TIMEOUT_MS}' ELSE '0' END, false)",
        f"SET idle_in_transaction_session_timeout TO {BUSY_TIMEOUT_MS}",
    ),
}


def make_engine(url: str) -> Engine:
    """An engine for the store's URL: `sqlite:///file.db`, `sqlite://` (in memory) or `postgresql://…`.

    Raises StoreError for another kind of URL.
    """
    parsed = make_url(url)
    if parsed.get_backend_name() == "sqlite":
        arguments = {"isolation_level": None, "check_same_thread": False, "cached_statements": STATEMENT_CACHE}
        # A store in memory lives as long as its one connection does.
        pool = NullPool if file_of(url) else StaticPool
        return create_engine(parsed, poolclass=pool, connect_args=arguments, hide_parameters=True)
    if parsed.get_backend_name() == "postgresql":
        arguments = {"autocommit": True, "prepare_threshold": 2, "connect_timeout": 5, **_NOTICE_DEATH}
        return create_engine(
            parsed.set(drivername="postgresql+psycopg"),
            poolclass=NullPool,
            connect_args=arguments,
            hide_parameters=True,
        )
    raise StoreError(f"store {url!r} is neither sqlite:///FILE nor postgresql://USER@HOST/DATABASE")


def open_store(url: str, *, unsafe: bool = False) -> Store:
    """Open the store, take its lock, see that it is safe, and bring its tables up to date.

    `unsafe`: what makes it unsafe is told in its `warnings` and does not hinder. Raises StoreError (or one of its
    kinds) with a sentence that says what is wrong.
    """
    lock = _take_lock(url)
    store: Store | None = None
    try:
        store = Store(url, make_engine(url), lock)
        _see_that_it_is_safe(store, unsafe)
        if url == IN_MEMORY:
            metadata.create_all(store.engine)
        elif (found := _revision(store)) != REVISION:
            if found > REVISION:
                raise StoreError(
                    f"the store was last used by a newer kwek (tables {found}, not {REVISION}): run that one"
                )
            from router.store.migrate import upgrade  # noqa: PLC0415  (slow to import, and seldom needed)

            upgrade(store.engine)
    except Exception as error:
        if store is not None:
            store.close()
        elif lock is not None:
            lock.close()
        raise (translated(error) or _unopened(url, error)) from error
    return store


def _revision(store: Store) -> str:
    """The migration that the database is at; empty for a new one."""
    try:
        with store.begin() as tx:
            return str(tx.execute("SELECT version_num FROM alembic_version")[0][0])
    except Exception as error:
        if not isinstance(error, sqlite3.OperationalError) and getattr(error, "sqlstate", "") != _UNDEFINED_TABLE:
            raise
        return ""


def _unopened(url: str, error: Exception) -> Exception:
    if isinstance(error, StoreError):
        return error
    shown = make_url(url).render_as_string(hide_password=True)
    return StoreUnavailable(f"store {shown} cannot be opened: {error}")


def file_of(url: str) -> Path | None:
    """The file of a SQLite URL; None for a store in memory or a server."""
    parsed = make_url(url)
    if parsed.get_backend_name() != "sqlite" or not parsed.database or parsed.database == ":memory:":
        return None
    return Path(parsed.database)


def _take_lock(url: str) -> IO[str] | None:
    """One process owns a SQLite file: held by an flock beside it, which dies with the process."""
    path = file_of(url)
    if path is None:
        return None
    real = path.resolve()  # a link to the file is the same file
    try:
        handle = real.with_name(real.name + ".lock").open("a")
    except OSError as error:
        reason = error.strerror or error
        raise StoreUnavailable(
            f"store {path}: its folder cannot be written ({reason}); name another, or mend it"
        ) from error
    try:
        fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        handle.close()
        raise StoreInUse(f"store {path} is in use by another kwek; stop that one first, or name another file") from None
    return handle


def _see_that_it_is_safe(store: Store, unsafe: bool) -> None:
    with store.begin() as tx:
        if store.dialect == "sqlite":
            faults, doubts = list(unsafe_sqlite(tx, file_of(store.url))), list[str]()
        else:
            faults, doubts = list(unsafe_postgresql(tx)), list(doubtful_postgresql(tx))
    if faults and not unsafe:
        raise StoreUnsafe("; ".join(faults))
    store.warnings = (*(f"UNSAFE: {fault}" for fault in faults), *doubts)
