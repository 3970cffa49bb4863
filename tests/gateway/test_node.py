"""What a node does on which thread: what the event loop also touches is touched there alone; and that it forgets, a
slice at a time between everything else."""

import asyncio
import threading
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest

from gateway.lifecycle import Supervisor
from gateway.metrics import Metrics
from gateway.node import BY_ITSELF, InForce, Node, begin
from gateway.simulation.scenario import book, settings_for
from gateway.wallclock import WallClock
from router.housekeeping import SLICE, Housekeeping
from router.store.engine import Tx, open_store
from router.store.errors import StoreConflict, StoreUnavailable
from router.world import System
from tests.support.station import station

PATIENCE_S = 30.0
OLD = 3 * SLICE


@asynccontextmanager
async def writing(folder: Path, fill: Callable[[Tx], None] = lambda _: None) -> AsyncIterator[Node]:
    """A node on a store of its own, that writes and is connected to nobody."""
    url = f"sqlite:///{folder / 'kwek.db'}"
    settings, world = settings_for(url, 1, 10.0), System()
    store = await world.offload(lambda: open_store(url))
    await world.offload(lambda: begin(store, world, settings, book(), {}))
    with store.begin() as tx:
        fill(tx)
    node = Node(settings, world, store, book(), lambda _: None, Metrics())
    supervisor = Supervisor(asyncio.Event())
    async with node.writing(supervisor):
        yield node
    assert supervisor.fault is None
    await world.offload(store.close)
    world.close()


async def test_rules_that_come_into_force_are_followed_by_a_look_round_on_the_loop(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It wakes the writer and asks the clock; the timers of drips do so, too, at the same time."""
    looked: asyncio.Future[int] = asyncio.get_running_loop().create_future()

    def set_by(_: WallClock) -> int:
        if not looked.done():
            looked.set_result(threading.get_ident())
        return 0

    monkeypatch.setattr(WallClock, "set_by", set_by)
    async with writing(tmp_path) as node:
        node.adopt(InForce(book(), {}, BY_ITSELF))
        async with asyncio.timeout(PATIENCE_S):
            assert await looked == threading.get_ident()


def await_receipts(tx: Tx) -> None:
    """Texts whose receipts nobody waits for any more."""
    for id in range(OLD):
        tx.write("INSERT INTO awaiting_receipt VALUES ('carrier', ?, ?, 1, 0)", (f"m{id}", id))


def awaited(node: Node) -> int:
    """How many are awaited, asked on the writer's thread, or when the node does not write any more."""
    with node.store.begin() as tx:
        return int(tx.execute("SELECT count(*) FROM awaiting_receipt")[0][0])


@pytest.fixture
def in_a_hurry(monkeypatch: pytest.MonkeyPatch) -> None:
    """Looks that follow each other soon."""
    monkeypatch.setattr("gateway.node.HOUSEKEEPING_S", 0.1)
    monkeypatch.setattr("gateway.node.SLICES_APART_S", 0.0)


@pytest.mark.usefixtures("in_a_hurry")
async def test_a_slice_that_fails_is_left_to_the_next_look_and_nobody_hears_of_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    loop, forgotten = asyncio.get_running_loop(), asyncio.Event()
    failures: list[Exception] = [StoreUnavailable("the disk is full"), StoreConflict("deadlock")] * 2
    step = Housekeeping.step

    def fails_at_first(self: Housekeeping, tx: Tx, now: int) -> bool:
        more = step(self, tx, now)
        if failures:
            raise failures.pop()
        if tx.execute("SELECT count(*) FROM awaiting_receipt") == [(0,)]:
            loop.call_soon_threadsafe(forgotten.set)
        return more

    monkeypatch.setattr(Housekeeping, "step", fails_at_first)
    async with writing(tmp_path, await_receipts) as node, asyncio.timeout(PATIENCE_S):
        await forgotten.wait()
        assert node.writer.trouble == ""
    assert failures == []


@pytest.mark.usefixtures("in_a_hurry")
async def test_a_stop_while_a_slice_is_under_way_waits_for_it_and_for_no_other(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    loop, under_way, stopped = asyncio.get_running_loop(), asyncio.Event(), threading.Event()
    step = Housekeeping.step
    slices = 0

    def held_up(self: Housekeeping, tx: Tx, now: int) -> bool:
        nonlocal slices
        before = tx.execute("SELECT count(*) FROM awaiting_receipt")
        more = step(self, tx, now)
        if tx.execute("SELECT count(*) FROM awaiting_receipt") != before:
            slices += 1
            loop.call_soon_threadsafe(under_way.set)
            assert stopped.wait(PATIENCE_S)
        return more

    monkeypatch.setattr(Housekeeping, "step", held_up)
    left: list[Any] = []
    monkeypatch.setattr(Node, "_look_after", lambda self: left.append(awaited(self)))
    async with writing(tmp_path, await_receipts) as node:
        async with asyncio.timeout(PATIENCE_S):
            await under_way.wait()
        loop.call_soon(stopped.set)  # when the node has begun to stop
        node.writer.between(lambda: left.append(awaited(node)))
    assert slices == 1
    assert left[-1] == OLD - SLICE


SHOP = """\
brand "Shop"
    numbers 4411
    language nl
    timezone Europe/Amsterdam

keyword JOIN
    reply "Welkom!"
"""


@pytest.mark.usefixtures("in_a_hurry")
async def test_the_gateway_forgets_while_it_answers(tmp_path: Path) -> None:
    async with station(tmp_path, SHOP, brands=("Shop",), start=False) as one:
        store = open_store(one.store_url)
        with store.begin() as tx:
            await_receipts(tx)
        store.close()
        await one.start()
        assert await one.ask("JOIN") == "Welkom!"
        await one.until(f"SELECT count(*) FROM awaiting_receipt WHERE outbox_id < {OLD}", [(0,)])
        assert await one.ask("JOIN") == "Welkom!"
