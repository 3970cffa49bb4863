"""Orders beside a SQLite store: put there all at once, taken aside, read or put away, and gone once they are heeded."""

import asyncio
import os
import stat
from collections.abc import Awaitable, Callable, Iterator
from pathlib import Path
from typing import TypeVar

import pytest
from structlog.testing import capture_logs

from gateway import orders as module
from gateway.orders import (
    Orders,
    UnreadableOrderError,
    is_put_aside,
    order_path,
    read_order,
    write_order,
)
from router import rulings
from router.rulings import Order, Ruling, Taken
from router.store.engine import Store, open_store
from rules.diagnostics import Source
from rules.rulebook import deployment_of

T = TypeVar("T")
SOURCES = {"/brands/a.rules": "# a\n"}


def order(id: int = 100, deployment: str = "") -> Order:
    true = deployment_of([Source(*one) for one in SOURCES.items()])
    return Order(Ruling(id, deployment or true, "deploy", "jan"), SOURCES)


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    opened = open_store(f"sqlite:///{tmp_path / 'kwek.db'}")
    with opened.begin() as tx:
        rulings.take(tx, "ams-1", "before", Taken(files="before"), 1)
    yield opened
    opened.close()


@pytest.fixture
def path(store: Store) -> Path:
    found = order_path(store.url)
    assert found is not None
    return found


def mode_of(path: Path) -> int:
    return stat.S_IMODE(path.stat().st_mode)


def others_in(folder: Path) -> set[str]:
    """What lies in the folder, beside the store's own files."""
    return {one.name for one in folder.iterdir()} - {"kwek.db", "kwek.db-wal", "kwek.db-shm", "kwek.db.lock"}


def put(path: Path, octets: bytes) -> None:
    path.write_bytes(octets)


async def write(work: Callable[[], T]) -> T:
    return work()


async def looks(orders: Orders, heed: Callable[[Order], Awaitable[None]], times: int = 1) -> None:
    """So many looks."""
    left = [None] * times

    async def tick(_: float) -> None:
        left.pop()
        if not left:
            raise asyncio.CancelledError

    with pytest.raises(asyncio.CancelledError):
        await orders.watch(heed, write, tick)


async def heeded(orders: Orders, times: int = 1) -> list[int]:
    found: list[int] = []

    async def heed(one: Order) -> None:
        found.append(one.ruling.id)

    await looks(orders, heed, times)
    return found


def test_a_server_needs_no_file_and_a_link_is_the_same_file(tmp_path: Path, store: Store) -> None:
    assert order_path("postgresql://kwek@db/kwek") is None
    (tmp_path / "link.db").symlink_to(tmp_path / "kwek.db")
    assert order_path(f"sqlite:///{tmp_path / 'link.db'}") == order_path(store.url) == tmp_path / "kwek.db.order"


async def test_an_order_is_heeded_once_and_its_file_goes(store: Store, path: Path) -> None:
    orders = Orders(store, "ams-1")
    orders.kept()
    assert await heeded(orders) == []
    write_order(path, order())
    assert await heeded(orders, 3) == [100]
    assert list(path.parent.glob("*order*")) == []
    write_order(path, order(99))
    assert await heeded(orders) == []
    write_order(path, order(101))
    assert await heeded(orders) == [101]


async def test_an_order_that_comes_while_another_is_heeded_is_not_lost(store: Store, path: Path) -> None:
    orders = Orders(store, "ams-1")
    found: list[int] = []

    async def heed(one: Order) -> None:
        found.append(one.ruling.id)
        if one.ruling.id == 100:
            write_order(path, order(200))

    write_order(path, order())
    await looks(orders, heed, 2)
    assert found == [100, 200]


async def test_an_order_left_behind_is_found_at_the_start(store: Store, path: Path) -> None:
    write_order(path, order())
    kept = Orders(store, "ams-1").kept()
    assert kept.order == order()
    again = Orders(store, "ams-1")  # the process died before it was heeded: the file was taken aside, no more
    assert again.kept().order == order()
    with store.begin() as tx:
        rulings.take(tx, "ams-1", order().ruling.deployment, Taken(order=order()), 110)
    third = Orders(store, "ams-1")  # it died after that: it is not heeded again
    assert third.kept().order is None
    assert await heeded(third) == []
    assert list(path.parent.glob("*order*")) == []


async def test_the_newer_of_a_row_and_a_file_counts(store: Store, path: Path) -> None:
    with store.begin() as tx:
        rulings.write(tx, order(300))
    write_order(path, order(200))
    kept = Orders(store, "ams-1").kept()
    assert kept.order is not None
    assert kept.order.ruling.id == 300


@pytest.mark.parametrize(
    ("octets", "why"),
    [
        (b"", "it is no order: Input data was truncated"),
        (b'{"ruling": 1}', "it is no order: Expected `object`, got `int` - at `$.ruling`"),
        (b"x" * 2_000, "it has more than 1000 octets"),
    ],
)
async def test_a_file_that_is_no_order_is_put_aside(
    store: Store, path: Path, octets: bytes, why: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "MOST_OCTETS", 1_000)
    put(path, octets)
    with capture_logs() as logged:
        assert await heeded(Orders(store, "ams-1")) == []
    aside = path.with_name("kwek.db.order.unreadable")
    assert [(one["file"], one["why"]) for one in logged] == [(str(aside), why)]
    assert aside.read_bytes() == octets


@pytest.mark.parametrize("mode", [0o600, 0o640, 0o664])
def test_whoever_may_read_the_store_may_read_an_order_and_nobody_else(store: Store, path: Path, mode: int) -> None:
    of_store = path.with_name("kwek.db")
    of_store.chmod(mode)
    write_order(path, order())
    assert mode_of(path) == mode
    assert path.stat().st_gid == of_store.stat().st_gid


def test_the_order_goes_to_the_account_of_the_store(store: Store, path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Another account in the store's group gives it the group, root both; who may do neither is told."""
    given: list[tuple[int, int]] = []
    of_store = path.with_name("kwek.db").stat()
    monkeypatch.setattr(os, "fchown", lambda _, owner, group: given.append((owner, group)))
    monkeypatch.setattr(os, "geteuid", lambda: 0)
    write_order(path, order())
    monkeypatch.setattr(os, "geteuid", lambda: 4711)
    write_order(path, order())
    assert given == [(of_store.st_uid, of_store.st_gid)], "our group is the store's"
    monkeypatch.setattr(os, "fstat", lambda _: os.stat_result([0] * 5 + [of_store.st_gid + 1] + [0] * 4))
    write_order(path, order())
    assert given[1:] == [(-1, of_store.st_gid)]

    def forbidden(*_: object) -> None:
        raise PermissionError(1, "Operation not permitted")

    path.unlink()
    monkeypatch.setattr(os, "fchown", forbidden)
    with pytest.raises(PermissionError):
        write_order(path, order())
    assert others_in(path.parent) == set()


def test_nothing_that_lies_in_the_folder_is_written_through(store: Store, path: Path, tmp_path: Path) -> None:
    """Whoever may write there, and names of ours, gets nothing that root owns."""
    treasure = tmp_path / "treasure"
    treasure.write_text("mine")
    for name in (f".{path.name}.new", path.name):
        path.with_name(name).symlink_to(treasure)
    write_order(path, order())
    assert treasure.read_text() == "mine"
    assert not path.is_symlink()
    assert read_order(path) == order()


async def test_an_order_that_cannot_be_had_is_tried_again(
    store: Store, path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Its permissions are mended, or there are descriptors again; it is told of once."""
    inode = write_order(path, order())

    def forbidden(*_: object, **__: object) -> None:
        raise PermissionError(13, "Permission denied")

    orders = Orders(store, "ams-1")
    with monkeypatch.context() as patch, capture_logs() as logged:
        patch.setattr(Path, "open", forbidden)
        assert await heeded(orders, 3) == []
    assert [(one["event"], one["why"]) for one in logged] == [
        ("an order cannot be had; it is tried again", f"{path}.taken: Permission denied")
    ]
    assert not is_put_aside(path, inode)
    assert await heeded(orders) == [100]
    assert others_in(path.parent) == set()


async def test_who_gave_an_order_knows_whether_it_was_put_aside(store: Store, path: Path) -> None:
    bad = write_order(path, order(deployment="another"))
    assert not is_put_aside(path, bad)
    orders = Orders(store, "ams-1")
    assert await heeded(orders) == []
    assert is_put_aside(path, bad)
    good = write_order(path, order())
    assert await heeded(orders) == [100]
    assert not is_put_aside(path, good), "what lies there is an earlier one"


def test_an_order_whose_rules_are_others_or_that_cannot_be_read(path: Path) -> None:
    write_order(path, order(deployment="another"))
    with pytest.raises(UnreadableOrderError, match="its rules are not those that it names"):
        read_order(path)
    put(path, b"[" * 100_000)
    with pytest.raises(UnreadableOrderError, match="it is no order"):
        read_order(path)
    path.unlink()
    assert read_order(path) is None
    path.mkdir()
    with pytest.raises(UnreadableOrderError, match="it is a folder"):
        read_order(path)


async def test_a_folder_that_cannot_be_written_ends_no_gateway(
    store: Store, path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    write_order(path, order())

    def forbidden(*_: object) -> None:
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr(Path, "replace", forbidden)
    monkeypatch.setattr(Path, "unlink", forbidden)
    orders = Orders(store, "ams-1")
    assert await heeded(orders, 2) == []
    monkeypatch.undo()
    assert await heeded(orders) == [100]
