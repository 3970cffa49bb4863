"""The border to the database: one owner, safe settings, and each foreign error as what its caller has to act upon."""

import sqlite3
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import psycopg
import pytest
from psycopg import errors as pg
from sqlalchemy.exc import OperationalError

from router.store import engine
from router.store.driver_errors import translated
from router.store.engine import Store, Tx, file_of, make_engine, open_store
from router.store.errors import (
    CommitUnknown,
    StoreBroken,
    StoreConflict,
    StoreError,
    StoreUnavailable,
    StoreUnsafe,
)
from router.store.tables import REVISION
from tests.support.postgres import PostgresDatabases

INSERT = "INSERT INTO quarantine VALUES ({}, 'c', 0, 0, '', 'because', 0)"


def ids_in(store: Store) -> list[int]:
    with store.begin() as tx:
        return [row[0] for row in tx.execute("SELECT id FROM quarantine ORDER BY id")]


def test_a_transaction_is_kept_or_leaves_nothing(store: Store) -> None:
    with store.begin(marker=5) as tx:
        tx.write(INSERT.format(1))
    with pytest.raises(ZeroDivisionError), store.begin() as tx:
        tx.write(INSERT.format(2))
        raise ZeroDivisionError
    assert ids_in(store) == [1]


def test_what_is_wrong_with_a_statement_is_not_the_stores_fault(store: Store) -> None:
    with pytest.raises((sqlite3.IntegrityError, pg.UniqueViolation)), store.begin() as tx:
        tx.write(INSERT.format(1))
        tx.write(INSERT.format(1))
    assert ids_in(store) == []


def test_a_second_gateway_on_the_file_is_told_who_has_it(tmp_path: Path) -> None:
    url = f"sqlite:///{tmp_path / 'kwek.db'}"
    first = open_store(url)
    with pytest.raises(StoreUnavailable) as refusal:
        open_store(url)
    assert str(refusal.value) == (
        f"store {tmp_path / 'kwek.db'} is in use by another kwek; stop that one first, or name another file"
    )
    first.close()
    open_store(url).close()


def test_a_link_to_the_file_is_the_same_file(tmp_path: Path) -> None:
    (tmp_path / "link.db").symlink_to(tmp_path / "kwek.db")
    first = open_store(f"sqlite:///{tmp_path / 'kwek.db'}")
    with pytest.raises(StoreUnavailable, match="in use by another kwek"):
        open_store(f"sqlite:///{tmp_path / 'link.db'}")
    first.close()


def test_a_folder_that_is_not_there_is_named(tmp_path: Path) -> None:
    with pytest.raises(StoreUnavailable) as refusal:
        open_store(f"sqlite:///{tmp_path / 'nowhere' / 'kwek.db'}")
    assert str(refusal.value) == (
        f"store {tmp_path / 'nowhere' / 'kwek.db'}: its folder cannot be written (No such file or directory); "
        "name another, or mend it"
    )


def test_another_kind_of_store_is_refused() -> None:
    with pytest.raises(StoreError, match=r"^store 'mysql://x/y' is neither sqlite:///FILE nor postgresql://"):
        open_store("mysql://x/y")


def test_what_cannot_be_opened_is_not_held(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def without_driver(url: str) -> None:
        raise ImportError("no driver")

    with monkeypatch.context() as patch:
        patch.setattr(engine, "make_engine", without_driver)
        with pytest.raises(StoreUnavailable, match="cannot be opened: no driver"):
            open_store(f"sqlite:///{tmp_path / 'kwek.db'}")
    open_store(f"sqlite:///{tmp_path / 'kwek.db'}").close()


def test_a_file_that_is_no_database_stops_the_gateway(tmp_path: Path) -> None:
    (tmp_path / "kwek.db").write_bytes(b"holiday pictures" * 100)
    with pytest.raises(StoreBroken, match="damaged or cannot be read"):
        open_store(f"sqlite:///{tmp_path / 'kwek.db'}")


def test_a_database_of_a_later_kwek_is_refused(store_url: str) -> None:
    store = open_store(store_url)
    with store.begin() as tx:
        tx.write("UPDATE alembic_version SET version_num = '9999'")
    store.close()
    with pytest.raises(StoreError, match=rf"^the store was last used by a newer kwek \(tables 9999, not {REVISION}\)"):
        open_store(store_url)


def test_the_file_of_a_url() -> None:
    assert file_of("sqlite:///a/kwek.db") == Path("a/kwek.db")
    assert file_of("sqlite://") is None
    assert file_of("sqlite:///:memory:") is None
    assert file_of("postgresql://host/kwek") is None


def test_a_store_in_memory_has_the_tables_and_outlives_a_fault() -> None:
    store = open_store("sqlite://")
    with store.begin() as tx:
        tx.write(INSERT.format(1))
    with pytest.raises(StoreUnavailable), store.begin():
        raise busy()
    assert ids_in(store) == [1]
    store.close()


# ---- unsafe settings


def test_sqlite_that_syncs_less_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    less = tuple(text.replace("synchronous=FULL", "synchronous=NORMAL") for text in engine._SETTINGS["sqlite"])
    monkeypatch.setitem(engine._SETTINGS, "sqlite", less)
    with pytest.raises(StoreUnsafe) as refusal:
        open_store(f"sqlite:///{tmp_path / 'kwek.db'}")
    assert str(refusal.value) == "SQLite runs journal_mode=wal, synchronous=1: it needs WAL and FULL"
    monkeypatch.undo()
    open_store(f"sqlite:///{tmp_path / 'kwek.db'}").close()


def test_sqlite_without_a_write_ahead_log_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    less = tuple(text.replace("=WAL", "=DELETE") for text in engine._SETTINGS["sqlite"])
    monkeypatch.setitem(engine._SETTINGS, "sqlite", less)
    with pytest.raises(StoreUnsafe, match="journal_mode=delete"):
        open_store(f"sqlite:///{tmp_path / 'kwek.db'}")


def test_postgresql_that_answers_before_it_has_written_is_refused(postgres: PostgresDatabases) -> None:
    with postgres.database() as url:
        name = url.split("/")[3].split("?")[0]
        postgres.admin.execute(f"ALTER DATABASE {name} SET synchronous_commit = off")
        with pytest.raises(StoreUnsafe) as refusal:
            open_store(url)
        assert str(refusal.value) == (
            "PostgreSQL runs synchronous_commit=off: an acknowledged message could be lost; turn it on"
        )
        postgres.admin.execute(f"ALTER DATABASE {name} RESET synchronous_commit")
        open_store(url).close()


def test_an_unsafe_store_is_opened_when_that_is_wanted_and_says_so(postgres: PostgresDatabases) -> None:
    with postgres.database() as url:
        name = url.split("/")[3].split("?")[0]
        postgres.admin.execute(f"ALTER DATABASE {name} SET synchronous_commit = off")
        store = open_store(url, unsafe=True)
        assert store.warnings == (
            "UNSAFE: PostgreSQL runs synchronous_commit=off: an acknowledged message could be lost; turn it on",
        )
        store.close()


@pytest.mark.parametrize(("kept", "session"), [("off", "on"), ("local", "on"), ("remote_apply", "remote_apply")])
def test_a_session_waits_for_the_disk_and_for_no_less_than_the_operator_wants(
    kept: str, session: str, postgres: PostgresDatabases
) -> None:
    with postgres.database() as url:
        name = url.split("/")[3].split("?")[0]
        postgres.admin.execute(f"ALTER DATABASE {name} SET synchronous_commit = {kept}")
        store = open_store(url, unsafe=True)
        with store.begin() as tx:
            assert tx.execute("SHOW synchronous_commit") == [(session,)]
            assert tx.execute("SHOW statement_timeout") == [("2s",)]
        store.close()


def test_a_safe_store_has_nothing_to_warn_of(store: Store) -> None:
    assert store.warnings == ()


@pytest.mark.parametrize("name", ["fsync", "full_page_writes"])
def test_postgresql_that_does_not_write_to_the_disk_is_refused(
    name: str, postgres: PostgresDatabases, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Said by a cursor in the server's place: turning it off would hold for all databases of the operator's server."""
    execute = Tx.execute

    def said(tx: Tx, sql: str, parameters: Any = ()) -> Any:
        rows = execute(tx, sql, parameters)
        return [(row[0], "off") if row[0] == name else row for row in rows]

    monkeypatch.setattr(Tx, "execute", said)
    with postgres.database() as url, pytest.raises(StoreUnsafe, match=f"PostgreSQL runs {name}=off"):
        open_store(url)


# ---- what an error means


def sqlite_error(code: int, kind: type[sqlite3.Error] = sqlite3.OperationalError) -> sqlite3.Error:
    error = kind("said SQLite")
    error.sqlite_errorcode = code
    return error


def busy() -> sqlite3.Error:
    return sqlite_error(sqlite3.SQLITE_BUSY)


@pytest.mark.parametrize(
    ("error", "kind"),
    [
        (busy(), StoreUnavailable),
        (sqlite_error(sqlite3.SQLITE_BUSY_SNAPSHOT), StoreUnavailable),
        (sqlite_error(sqlite3.SQLITE_FULL), StoreUnavailable),
        (sqlite_error(sqlite3.SQLITE_CANTOPEN), StoreUnavailable),
        (sqlite_error(sqlite3.SQLITE_READONLY), StoreUnavailable),
        (sqlite_error(sqlite3.SQLITE_PROTOCOL), StoreUnavailable),
        (sqlite_error(sqlite3.SQLITE_IOERR_NOMEM), StoreUnavailable),
        (sqlite_error(sqlite3.SQLITE_IOERR_SHMSIZE), StoreUnavailable),  # the shared index could not grow: a full disk
        (sqlite_error(sqlite3.SQLITE_IOERR_FSYNC), StoreBroken),
        (sqlite_error(sqlite3.SQLITE_IOERR_WRITE), StoreBroken),
        (sqlite_error(sqlite3.SQLITE_IOERR_READ), StoreBroken),
        (sqlite_error(sqlite3.SQLITE_IOERR_SHORT_READ), StoreBroken),
        (sqlite_error(sqlite3.SQLITE_READONLY_DBMOVED), StoreBroken),
        (sqlite_error(sqlite3.SQLITE_INTERNAL), StoreBroken),
        (sqlite_error(sqlite3.SQLITE_CORRUPT, sqlite3.DatabaseError), StoreBroken),
        (sqlite_error(sqlite3.SQLITE_NOTADB, sqlite3.DatabaseError), StoreBroken),
        (sqlite_error(sqlite3.SQLITE_CONSTRAINT_PRIMARYKEY, sqlite3.IntegrityError), type(None)),
        (sqlite3.ProgrammingError("no code"), type(None)),
        (pg.DeadlockDetected(), StoreConflict),
        (pg.SerializationFailure(), StoreConflict),
        (pg.LockNotAvailable(), StoreUnavailable),
        (pg.QueryCanceled(), StoreUnavailable),
        (pg.DiskFull(), StoreUnavailable),
        (pg.TooManyConnections(), StoreUnavailable),
        (pg.AdminShutdown(), StoreUnavailable),
        (pg.ReadOnlySqlTransaction(), StoreUnavailable),
        (pg.IdleInTransactionSessionTimeout(), StoreUnavailable),
        (pg.TransactionTimeout(), StoreUnavailable),
        (psycopg.OperationalError("server closed the connection"), StoreUnavailable),
        (psycopg.InterfaceError("the connection is closed"), StoreUnavailable),
        (pg.CrashShutdown(), StoreUnavailable),
        (pg.CannotConnectNow(), StoreUnavailable),
        (pg.DatabaseDropped(), StoreUnavailable),
        (pg.InsufficientPrivilege(), StoreUnavailable),
        (pg.IoError("could not fsync file"), StoreBroken),
        (pg.SystemError(), StoreBroken),
        (pg.UndefinedFile(), StoreBroken),
        (pg.InternalError_(), StoreBroken),
        (pg.DataCorrupted(), StoreBroken),
        (pg.IndexCorrupted(), StoreBroken),
        (pg.UniqueViolation(), type(None)),
        (pg.CharacterNotInRepertoire(), type(None)),
        (OperationalError("SELECT 1", None, busy()), StoreUnavailable),
        (OperationalError("SELECT 1", None, KeyboardInterrupt()), type(None)),
        (ValueError(), type(None)),
    ],
)
def test_a_drivers_error_becomes_ours(error: Exception, kind: type[object]) -> None:
    assert type(translated(error)) is kind


def test_a_full_disk_says_so_and_is_tried_again(tmp_path: Path) -> None:
    store = open_store(f"sqlite:///{tmp_path / 'kwek.db'}")
    with store.begin() as tx:
        pages = tx.execute("PRAGMA page_count")[0][0]
        tx.execute(f"PRAGMA max_page_count={pages}")
    with pytest.raises(StoreUnavailable, match="database or disk is full"), store.begin() as tx:
        for number in range(1_000):
            tx.write("INSERT INTO quarantine VALUES (?, 'c', 0, 0, zeroblob(4000), '', 0)", (number,))
    assert ids_in(store) == []  # the bound was this connection's, and a new one was made
    with store.begin() as tx:
        tx.write(INSERT.format(1))
    store.close()


def test_a_file_that_somebody_writes_to_is_tried_again(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(engine, "BUSY_TIMEOUT_MS", 0)
    store = open_store(f"sqlite:///{tmp_path / 'kwek.db'}")
    other = sqlite3.connect(tmp_path / "kwek.db", isolation_level=None)
    other.execute("BEGIN IMMEDIATE")
    with pytest.raises(StoreUnavailable, match="database is locked"), store.begin():
        pytest.fail("the transaction began")  # pragma: no cover
    other.execute("ROLLBACK")
    other.close()
    assert ids_in(store) == []
    store.close()


def test_what_another_connection_holds_up_is_said_at_once_and_waited_for_elsewhere(tmp_path: Path) -> None:
    store = open_store(f"sqlite:///{tmp_path / 'kwek.db'}")
    other = sqlite3.connect(tmp_path / "kwek.db", isolation_level=None, check_same_thread=False)
    other.execute("BEGIN IMMEDIATE")
    assert not store.take_at_once()
    release = threading.Timer(0.05, other.execute, ("ROLLBACK",))
    release.start()
    store.take()
    release.join()
    assert store.take_at_once(), "it has begun"
    with store.begin() as tx:
        tx.write("INSERT INTO batches (marker, at) VALUES (?, ?)", (1, 1))
    assert store.take_at_once(), "another can begin"
    with store.begin(leave_open=True) as tx:
        tx.write("INSERT INTO batches (marker, at) VALUES (?, ?)", (2, 2))
    other.execute("BEGIN")
    assert other.execute("SELECT count(*) FROM batches").fetchone() == (1,)
    other.execute("ROLLBACK")
    store.commit()
    assert other.execute("SELECT count(*) FROM batches").fetchone() == (2,)
    other.close()
    store.close()


def test_a_server_that_is_not_there_is_away(postgres: PostgresDatabases) -> None:
    with postgres.database() as url:
        store = open_store(url)
        postgres.drop(url.split("/")[3].split("?")[0])
        with pytest.raises(StoreUnavailable, match="PostgreSQL is away"):
            ids_in(store)
        with pytest.raises(StoreUnavailable, match="PostgreSQL is away"):
            ids_in(store)  # and stays so: the connection is made anew each time
        store.close()


# ---- COMMIT


class Scripted:
    """A cursor that does something else when it comes to one statement."""

    def __init__(self, cursor: Any, on: str, act: Callable[[Any], None]) -> None:
        self.cursor, self.on, self.act = cursor, on, act

    def execute(self, sql: Any, *parameters: Any) -> Any:
        if sql == self.on:
            self.act(self.cursor)
            return None
        return self.cursor.execute(sql, *parameters)

    def fetchall(self) -> list[Any]:
        return list(self.cursor.fetchall())


@contextmanager
def scripted(store: Store, on: str, act: Callable[[Any], None]) -> Iterator[None]:
    ids_in(store)
    store._cursor = Scripted(store._cursor, on, act)
    yield
    if isinstance(store._cursor, Scripted):
        store._cursor = store._cursor.cursor


def fail(error: Exception) -> Callable[[Any], None]:
    def act(_: Any) -> None:
        raise error

    return act


@pytest.mark.parametrize("held", [True, False])
def test_a_connection_that_breaks_at_commit_is_asked_about_later(held: bool, postgres: PostgresDatabases) -> None:
    def cut(cursor: Any) -> None:
        if held:
            cursor.execute("COMMIT")
        postgres.admin.execute("SELECT pg_terminate_backend(%s)", (cursor.connection.info.backend_pid,))
        cursor.execute("COMMIT")

    with postgres.database() as url:
        store = open_store(url)
        with scripted(store, "COMMIT", cut), pytest.raises(CommitUnknown) as unknown, store.begin(77) as tx:
            tx.write(INSERT.format(1))
        assert unknown.value.marker == 77
        assert "77" in str(unknown.value)
        assert store.committed(77) is held
        assert store.committed(77) is held  # asking changes nothing
        assert ids_in(store) == ([1] if held else [])
        store.close()


def test_a_commit_that_broke_without_a_marker_counts_as_not_held(postgres: PostgresDatabases) -> None:
    with postgres.database() as url:
        store = open_store(url)
        with (
            scripted(store, "COMMIT", fail(psycopg.OperationalError("cut"))),
            pytest.raises(StoreUnavailable),
            store.begin() as tx,
        ):
            tx.write(INSERT.format(1))
        assert ids_in(store) == []
        store.close()


@pytest.mark.parametrize(
    ("error", "kind"),
    [
        (sqlite_error(sqlite3.SQLITE_IOERR_FSYNC), StoreBroken),
        (sqlite_error(sqlite3.SQLITE_FULL), StoreUnavailable),
        (sqlite_error(sqlite3.SQLITE_ERROR), StoreBroken),
    ],
)
def test_a_commit_that_sqlite_refuses_is_never_tried_again(
    error: Exception, kind: type[StoreError], tmp_path: Path
) -> None:
    store = open_store(f"sqlite:///{tmp_path / 'kwek.db'}")
    with scripted(store, "COMMIT", fail(error)), pytest.raises(kind), store.begin(3) as tx:
        tx.write(INSERT.format(1))
    assert ids_in(store) == []
    store.close()


def test_a_rollback_that_fails_gives_the_connection_up(store: Store) -> None:
    with (
        scripted(store, "ROLLBACK", fail(sqlite3.OperationalError("no transaction is active"))),
        pytest.raises(ZeroDivisionError),
        store.begin() as tx,
    ):
        tx.write(INSERT.format(1))
        raise ZeroDivisionError
    assert ids_in(store) == []


def test_a_commit_that_came_to_a_rollback_is_no_commit(postgres: PostgresDatabases) -> None:
    """PostgreSQL says so without an error, when somebody passed over the error of a statement."""
    with postgres.database() as url:
        store = open_store(url)
        with pytest.raises(StoreBroken, match="COMMIT came to ROLLBACK"), store.begin(5) as tx:
            tx.write(INSERT.format(1))
            with pytest.raises(pg.UniqueViolation):
                tx.write(INSERT.format(1))
        assert ids_in(store) == []
        store.close()


# ---- the connection


@pytest.mark.parametrize("kind", ["conflict", "lock"])
def test_a_conflict_keeps_the_connection(kind: str, postgres: PostgresDatabases) -> None:
    """Making one anew costs a process of the server, and every prepared statement."""
    with postgres.database() as url:
        store = open_store(url)
        with store.begin() as tx:
            before = tx.execute("SELECT pg_backend_pid()")
        error = pg.DeadlockDetected if kind == "conflict" else pg.LockNotAvailable
        with pytest.raises((StoreConflict, StoreUnavailable)), store.begin():
            raise error_of_server(error)
        with store.begin() as tx:
            assert tx.execute("SELECT pg_backend_pid()") == before
        store.close()


def error_of_server(kind: type[psycopg.Error]) -> psycopg.Error:
    error = kind("said PostgreSQL")
    assert error.sqlstate
    return error


def test_a_server_that_takes_no_writes_is_looked_for_anew(postgres: PostgresDatabases) -> None:
    with postgres.database() as url:
        store = open_store(url)
        with store.begin() as tx:
            before = tx.execute("SELECT pg_backend_pid()")
        with pytest.raises(StoreUnavailable), store.begin():
            raise error_of_server(pg.ReadOnlySqlTransaction)
        with store.begin() as tx:
            assert tx.execute("SELECT pg_backend_pid()") != before
        store.close()


def test_a_database_that_was_moved_away_is_not_made_anew(tmp_path: Path) -> None:
    store = open_store(f"sqlite:///{tmp_path / 'kwek.db'}")
    store._drop()
    (tmp_path / "kwek.db").rename(tmp_path / "old.db")
    with pytest.raises(StoreBroken, match="is gone or another one"):
        ids_in(store)
    assert not (tmp_path / "kwek.db").exists()
    (tmp_path / "old.db").rename(tmp_path / "kwek.db")
    assert ids_in(store) == []
    store.close()


def test_an_engine_is_made_without_connecting() -> None:
    made = make_engine("postgresql://nobody@nowhere/kwek")
    assert made.dialect.driver == "psycopg"
    made.dispose()


def test_two_processes_are_never_one_node(postgres: PostgresDatabases, monkeypatch: pytest.MonkeyPatch) -> None:
    hurried = [text.replace("lock_timeout TO 2000", "lock_timeout TO 50") for text in engine._SETTINGS["postgresql"]]
    monkeypatch.setitem(engine._SETTINGS, "postgresql", tuple(hurried))
    with postgres.database() as url:
        first, second = open_store(url), open_store(url)
        first.own("ams-1")
        with pytest.raises(StoreUnavailable, match="another process runs as node 'ams-1' on this database"):
            second.own("ams-1")
        second.own("ams-2")
        first._drop()  # the connection breaks: nobody else is ams-1 meanwhile
        with first.begin() as tx:
            assert tx.execute("SELECT 1") == [(1,)]
        first.close()
        second.own("ams-1")
        second.close()
