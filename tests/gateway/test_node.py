"""What a node does on which thread: what the event loop also touches is touched there alone."""

import asyncio
import threading
from pathlib import Path

import pytest

from gateway.lifecycle import Supervisor
from gateway.metrics import Metrics
from gateway.node import BY_ITSELF, InForce, Node, begin
from gateway.simulation.scenario import book, settings_for
from gateway.wallclock import WallClock
from router.store.engine import open_store
from router.world import System

PATIENCE_S = 30.0


async def test_rules_that_come_into_force_are_followed_by_a_look_round_on_the_loop(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It wakes the writer and asks the clock; the timers of drips do so, too, at the same time."""
    looked: asyncio.Future[int] = asyncio.get_running_loop().create_future()

    def set_by(_: WallClock) -> int:
        if not looked.done():
            looked.set_result(threading.get_ident())
        return 0

    url = f"sqlite:///{tmp_path / 'kwek.db'}"
    settings, world = settings_for(url, 1, 10.0), System()
    store = await world.offload(lambda: open_store(url))
    await world.offload(lambda: begin(store, world, settings, book(), {}))
    node = Node(settings, world, store, book(), lambda _: None, Metrics())
    monkeypatch.setattr(WallClock, "set_by", set_by)
    supervisor = Supervisor(asyncio.Event())
    async with node.writing(supervisor):
        node.adopt(InForce(book(), {}, BY_ITSELF))
        async with asyncio.timeout(PATIENCE_S):
            assert await looked == threading.get_ident()
    assert supervisor.fault is None
    await world.offload(store.close)
    world.close()
