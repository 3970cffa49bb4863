"""Checkpoints keep the log short, from a connection of their own, and never take the writer's time."""

import sqlite3
from pathlib import Path

import pytest

from router.store import checkpoint
from router.store.checkpoint import Checkpointer
from router.store.engine import Store, open_store
from router.store.errors import StoreBroken


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "kwek.db"


def fill(store: Store, first: int, count: int = 200) -> None:
    for number in range(first, first + count):
        with store.begin() as tx:
            tx.write("INSERT INTO quarantine VALUES (?, 'c', 0, 0, zeroblob(2000), '', 0)", (number,))


def test_the_writer_leaves_its_log_and_a_look_copies_it(path: Path) -> None:
    store = open_store(f"sqlite:///{path}")
    checkpointer = Checkpointer.of(f"sqlite:///{path}")
    assert checkpointer is not None
    fill(store, 0)
    pages, copied = checkpointer.look()
    assert pages == copied > 200
    fill(store, 1_000, 1)
    assert checkpointer.look()[0] < pages  # the log began anew
    checkpointer.close()
    store.close()


def test_a_look_does_not_wait_for_a_transaction_under_way(path: Path) -> None:
    store = open_store(f"sqlite:///{path}")
    checkpointer = Checkpointer(path)
    fill(store, 0)
    with store.begin() as tx:
        tx.write("INSERT INTO quarantine VALUES (-1, 'c', 0, 0, '', '', 0)")
        pages, copied = checkpointer.look()
        assert pages == copied
    checkpointer.close()
    store.close()


def test_a_log_grown_too_long_begins_anew(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(checkpoint, "LONG_LOG", 1)
    store = open_store(f"sqlite:///{path}")
    checkpointer = Checkpointer(path)
    fill(store, 0, 20)
    pages, copied = checkpointer.look()
    assert pages == copied
    fill(store, 100, 1)
    assert checkpointer.look()[0] < pages
    checkpointer.close()
    store.close()


def test_the_writer_is_held_up_for_what_the_log_holds_and_not_for_the_size_of_its_file(
    path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(checkpoint, "LONG_LOG", 50)
    store = open_store(f"sqlite:///{path}")
    checkpointer = Checkpointer(path)
    said: list[str] = []
    checkpointer._connection.set_trace_callback(said.append)
    fill(store, 0)
    checkpointer.look()
    assert any("RESTART" in sql for sql in said)
    long = path.with_name("kwek.db-wal").stat().st_size
    said.clear()
    fill(store, 1_000, 1)
    checkpointer.look()
    assert path.with_name("kwek.db-wal").stat().st_size == long
    assert said == ["PRAGMA wal_checkpoint(PASSIVE)"]
    checkpointer.close()
    store.close()


def test_before_the_first_write_there_is_nothing_to_copy(path: Path) -> None:
    checkpointer = Checkpointer(path)
    pages, copied = checkpointer.look()
    assert pages <= 0
    assert copied <= 0
    checkpointer.close()


@pytest.mark.parametrize("url", ["sqlite://", "postgresql://nobody@nowhere/kwek"])
def test_where_there_is_no_file_there_is_no_checkpoint(url: str) -> None:
    assert Checkpointer.of(url) is None


class Failing:
    """A connection on which the checkpoint fails."""

    def __init__(self, code: int) -> None:
        self.code = code

    def execute(self, sql: str) -> None:
        error = sqlite3.OperationalError("said SQLite")
        error.sqlite_errorcode = self.code
        raise error


def failing(path: Path, code: int, monkeypatch: pytest.MonkeyPatch) -> Checkpointer:
    checkpointer = Checkpointer(path)
    checkpointer.close()
    monkeypatch.setattr(checkpointer, "_connection", Failing(code))
    return checkpointer


@pytest.mark.parametrize("code", [sqlite3.SQLITE_FULL, sqlite3.SQLITE_BUSY])
def test_a_full_or_locked_disk_is_tried_again(path: Path, code: int, monkeypatch: pytest.MonkeyPatch) -> None:
    assert failing(path, code, monkeypatch).look() == (-1, -1)


def test_a_checkpoint_that_meets_an_error_of_the_disk_ends_the_process(
    path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with pytest.raises(StoreBroken):
        failing(path, sqlite3.SQLITE_IOERR_FSYNC, monkeypatch).look()


def test_a_checkpoint_that_is_wrong_in_itself_says_so(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(sqlite3.OperationalError, match="said SQLite"):
        failing(path, sqlite3.SQLITE_ERROR, monkeypatch).look()
