"""Looks of requests: those whose askers have gone are not made, never too many wait, and no stop waits for
them."""

import asyncio
import threading
from collections.abc import AsyncIterator, Callable
from pathlib import Path

import pytest

from gateway.web import entrance
from gateway.web.entrance import Looks
from router import world
from router.store.engine import Tx, open_store
from router.store.errors import StoreUnavailable

SOON_S = 0.05
WAIT_S = 10.0


class Standing:
    """Looks at a store, the first of which stands until `go` is set."""

    def __init__(self, url: str) -> None:
        self.looks = Looks(url)
        self.go = threading.Event()
        self.begun = threading.Event()
        self.made: list[str] = []

    def stand(self, _: Tx) -> None:
        self.begun.set()
        assert self.go.wait(WAIT_S)

    def look(self, name: str) -> Callable[[Tx], None]:
        return lambda _: self.made.append(name)

    async def until_it_stands(self) -> asyncio.Task[None]:
        task = asyncio.create_task(self.looks.at(self.stand))
        assert await asyncio.to_thread(self.begun.wait, WAIT_S)
        return task


@pytest.fixture
async def one(tmp_path: Path) -> AsyncIterator[Standing]:
    open_store(f"sqlite:///{tmp_path}/kwek.db").close()
    standing = Standing(f"sqlite:///{tmp_path}/kwek.db")
    yield standing
    standing.go.set()
    if not standing.looks._is_closed:
        await standing.looks.close()


async def test_a_look_that_nobody_waits_for_any_more_is_not_made(
    one: Standing, monkeypatch: pytest.MonkeyPatch
) -> None:
    first = await one.until_it_stands()
    with monkeypatch.context() as patch:
        patch.setattr(entrance, "LOOK_S", SOON_S)
        for name in ("second", "third"):
            with pytest.raises(StoreUnavailable, match="did not answer"):
                await one.looks.at(one.look(name))
    one.go.set()
    await first
    await one.looks.at(one.look("fourth"))
    assert one.made == ["fourth"]


async def test_those_that_have_gone_still_count_while_one_stands(
    one: Standing, monkeypatch: pytest.MonkeyPatch
) -> None:
    first = await one.until_it_stands()
    with monkeypatch.context() as patch:
        patch.setattr(entrance, "MOST_LOOKS", 2)
        patch.setattr(entrance, "LOOK_S", SOON_S)
        for _ in range(2):
            with pytest.raises(StoreUnavailable, match="did not answer"):
                await one.looks.at(one.look("gone"))
        for _ in range(3):
            with pytest.raises(StoreUnavailable, match="2 requests wait for the store already"):
                await one.looks.at(one.look("too many"))
    one.go.set()
    await first
    await one.looks.at(one.look("later"))
    assert one.made == ["later"]


async def test_a_stop_drops_what_waits(one: Standing) -> None:
    first = await one.until_it_stands()
    waiting = [asyncio.create_task(one.looks.at(one.look("waits"))) for _ in range(3)]
    await asyncio.sleep(0)  # they have asked
    closing = asyncio.create_task(one.looks.close())
    await asyncio.sleep(0)
    one.go.set()
    await first
    async with asyncio.timeout(WAIT_S):
        await closing
    told = await asyncio.gather(*waiting, return_exceptions=True)
    assert [str(fault) for fault in told] == [entrance.STOPPING] * 3
    with pytest.raises(StoreUnavailable, match=entrance.STOPPING):
        await one.looks.at(one.look("late"))
    assert one.made == []


async def test_a_stop_does_not_wait_for_a_store_that_never_answers(
    one: Standing, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(world, "END_S", SOON_S)
    first = await one.until_it_stands()
    async with asyncio.timeout(WAIT_S / 2):
        await one.looks.close()
    assert not first.done()
    one.go.set()
    await first
