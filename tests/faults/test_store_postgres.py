"""Rows 06 to 10 on PostgreSQL: COMMITs without an answer, a server that is frozen, restarted or set up unsafely."""

import asyncio
import os
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from pathlib import Path

import psycopg
import pytest

from gateway.torture.postgres_proxy import At, PostgresProxy
from router.store.engine import open_store
from router.store.errors import StoreUnsafe
from tests.support.own_postgres import OwnPostgres, own_postgres
from tests.support.station import PATIENCE_S, Station, station
from tests.support.storms import RULES, Storm

CUTS = 12
"""Links cut at COMMIT in one run."""
RESTARTS = int(os.environ.get("KWEK_RESTARTS", "3"))
LONGEST_RESUME_S = 5.0
FROZEN_S = 2.0
"""Longer than the gateway waits before it answers (1.5 s)."""


@pytest.fixture(scope="module")
def server() -> Iterator[OwnPostgres]:
    with own_postgres() as one:
        yield one


@asynccontextmanager
async def behind_a_proxy(folder: Path, server: OwnPostgres) -> AsyncIterator[tuple[Station, PostgresProxy, Storm]]:
    """A station whose PostgreSQL is reached through a proxy, and its load."""
    server.fresh()
    proxy = PostgresProxy(server.socket)
    port = await proxy.start()
    try:
        async with station(folder, RULES, store_url=server.through(port)) as one:
            one.store_url = server.url  # the test itself looks past the proxy, which runs in its own loop
            yield one, proxy, Storm(one)
    finally:
        await proxy.stop()


@pytest.mark.parametrize("at", list(At))
async def test_row_06_the_answer_to_a_commit_is_lost(tmp_path: Path, server: OwnPostgres, at: At) -> None:
    async with behind_a_proxy(tmp_path, server) as (_, proxy, storm):
        storm.start()
        for number in range(CUTS):
            proxy.plan.skip = number % 3
            proxy.plan.cut = at
            await storm.until(lambda: proxy.plan.cut is None)
            await storm.more(20)
        await storm.end()
        assert proxy.plan.cuts == CUTS
        await storm.nothing_is_lost_or_doubled()


@pytest.mark.parametrize("at", list(At))
async def test_row_06_and_the_server_cannot_be_asked_for_a_while(tmp_path: Path, server: OwnPostgres, at: At) -> None:
    """Nothing is acknowledged of a COMMIT in doubt until the store has said whether it held."""
    async with behind_a_proxy(tmp_path, server) as (one, proxy, storm):
        storm.start()
        await storm.more(100)

        def nobody_there() -> None:
            proxy.refusing = proxy.plan.cut is not None and not proxy.plan.skip

        proxy.plan.seen = nobody_there
        proxy.plan.cut = at
        async with asyncio.timeout(PATIENCE_S):
            while not any(text.startswith("store: ") for text in (await one.readiness())[1]):
                pass
        acknowledged = len(storm.acknowledged)
        await storm.refusal()
        assert len(storm.acknowledged) == acknowledged
        proxy.plan.seen = None
        proxy.refusing = False
        await storm.more(100)
        await storm.end()
        await storm.nothing_is_lost_or_doubled()


async def test_row_07_a_commit_slower_than_the_peer_waits(tmp_path: Path, server: OwnPostgres) -> None:
    async with behind_a_proxy(tmp_path, server) as (_, proxy, storm):
        storm.start()
        await storm.more(100)
        frozen: list[int] = []
        held = asyncio.Event()

        def freeze() -> None:
            proxy.plan.seen = None
            frozen.extend(server.freeze())
            held.set()

        for _ in range(2):
            proxy.plan.seen = freeze
            await asyncio.wait_for(held.wait(), PATIENCE_S)
            acknowledged = len(storm.acknowledged)
            await moment(FROZEN_S)
            assert len(storm.acknowledged) == acknowledged, "acknowledged before it was on disk"
            server.thaw(frozen)
            frozen.clear()
            held.clear()
            await storm.more(100)
        await storm.end()
        await storm.nothing_is_lost_or_doubled()


async def moment(seconds: float) -> None:
    """Until that moment has come."""
    come = asyncio.Event()
    asyncio.get_running_loop().call_later(seconds, come.set)
    await come.wait()


@pytest.mark.torture
@pytest.mark.timeout(0)
async def test_row_08_restarts_under_load(tmp_path: Path, server: OwnPostgres) -> None:
    """Every second one as in a crash. KWEK_RESTARTS is how many."""
    server.fresh()
    clock, longest_s = asyncio.get_running_loop().time, 0.0
    async with station(tmp_path, RULES, store_url=server.url) as one:
        storm = Storm(one)
        storm.start()
        for number in range(RESTARTS):
            await storm.more(150)
            await asyncio.to_thread(server.restart, ("immediate", "fast")[number % 2])
            back = clock()
            await storm.more(1, LONGEST_RESUME_S)
            longest_s = max(longest_s, clock() - back)
            assert len(one.carrier.links) == 1, "the link is kept"
        await storm.end()
        await storm.nothing_is_lost_or_doubled()
    print(f"{RESTARTS} restarts, {storm.sent} texts, resumed within {longest_s:.2f} s")


async def test_row_09_an_asynchronous_stand_by_is_told_at_the_start(
    tmp_path: Path, server: OwnPostgres, capsys: pytest.CaptureFixture[str]
) -> None:
    server.fresh()
    with psycopg.connect(f"{server.url}&replication=true&application_name=ams-2", autocommit=True):
        async with station(tmp_path, RULES, store_url=server.url) as one:
            assert await one.ask("ZEG 1") == "1 gehoord."
    said = capsys.readouterr()
    assert "PostgreSQL's stand-by (ams-2) is asynchronous" in said.out + said.err
    assert "set synchronous_standby_names" in said.out + said.err


async def test_row_09_a_commit_that_waits_for_a_stand_by_is_not_timed_out(tmp_path: Path, server: OwnPostgres) -> None:
    """PostgreSQL would say that it is done: with a warning that nobody reads."""
    server.fresh()
    open_store(server.url).close()
    await asyncio.to_thread(server.restart, "fast", synchronous_standby_names='"ams-2"')
    try:
        store = await asyncio.to_thread(open_store, server.url)
        assert store.warnings == (
            "synchronous_standby_names is '\"ams-2\"' and no such stand-by is there: COMMIT waits until one is",
        )
        with store.begin() as tx:
            assert tx.execute("SHOW statement_timeout") == [("0",)]
            assert tx.execute("SHOW lock_timeout") == [("2s",)]
        store.close()
    finally:
        await asyncio.to_thread(server.restart, "fast")


@pytest.mark.parametrize("name", ["fsync", "full_page_writes", "synchronous_commit"])
async def test_row_10_unsafe_settings_refuse_to_start(tmp_path: Path, server: OwnPostgres, name: str) -> None:
    await asyncio.to_thread(server.restart, "fast", **{name: "off"})
    try:
        server.fresh()
        sentence = f"PostgreSQL runs {name}=off: an acknowledged message could be lost; turn it on"
        with pytest.raises(StoreUnsafe) as refusal:
            open_store(server.url)
        assert str(refusal.value) == sentence
        store = open_store(server.url, unsafe=True)
        assert store.warnings == (f"UNSAFE: {sentence}",)
        store.close()
    finally:
        await asyncio.to_thread(server.restart, "fast")
