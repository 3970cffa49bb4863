"""Checkpoints keep the log short, from a connection of their own, and never take the writer's time."""

from pathlib import Path

import pytest

from router.store import checkpoint
from router.store.checkpoint import Checkpointer
from router.store.engine import Store, open_store


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


def test_before_the_first_write_there_is_nothing_to_copy(path: Path) -> None:
    checkpointer = Checkpointer(path)
    pages, copied = checkpointer.look()
    assert pages <= 0
    assert copied <= 0
    checkpointer.close()


@pytest.mark.parametrize("url", ["sqlite://", "postgresql://nobody@nowhere/kwek"])
def test_where_there_is_no_file_there_is_no_checkpoint(url: str) -> None:
    assert Checkpointer.of(url) is None
