"""The store is full, away, slow or broken while texts come in: nothing is acknowledged that is not on disk."""

import asyncio
import json
import random
import resource
import sqlite3
import time
from collections.abc import Iterator
from contextlib import closing, contextmanager
from datetime import datetime
from pathlib import Path
from typing import Any

import pytest

from gateway import app
from gateway.exits import Exit
from router.store.engine import Store, Tx, open_store
from smpp.constants import ESME_ROK, ESME_RX_T_APPN
from smpp.simulator import Account, Simulator
from tests.support.postgres import PostgresDatabases
from tests.support.process import run_gateway, write_config
from tests.support.station import PATIENCE_S, Station, station

RULES = """\
brand "Klusser"
    numbers   4411, +3197010281234
    language  nl
    timezone  Europe/Amsterdam

keyword ZEG
    record gezegd = rest
    reply "{rest}"
"""
ONE_NUMBER = RULES.replace(", +3197010281234", "")
BLOB = "lang " * 200


class SmallDisk:
    """Stores on a disk that is full when the test says so."""

    def __init__(self) -> None:
        self.full = False

    def open(self, url: str, *, unsafe: bool = False) -> Store:
        """In the place of `open_store`: each transaction first hears how many pages there may be."""
        store = open_store(url, unsafe=unsafe)
        begin = store.begin

        @contextmanager
        def bounded(marker: int = 0, *, leave_open: bool = False) -> Iterator[Tx]:
            with begin(marker, leave_open=leave_open) as tx:
                tx.execute(f"PRAGMA max_page_count={1 if self.full else 1 << 30}")  # never below what is used
                yield tx

        store.begin = bounded  # type: ignore[method-assign]
        return store


async def test_a_full_disk_refuses_for_now_and_recovers_unaided(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    disk = SmallDisk()
    monkeypatch.setattr(app, "open_store", disk.open)
    async with station(tmp_path, RULES) as one:
        refused = watch_refusals(one)
        disk.full = True
        answers = [
            one.phone(f"316{number:08}").text("4411", f"ZEG {number} {BLOB}") for number in range(30)
        ]  # one page holds a few
        await asyncio.wait_for(refused.wait(), PATIENCE_S)
        await one.until_ready("store: the database does not take writes now: database or disk is full")
        assert len(one.carrier.links) == 1, "the link is kept"
        disk.full = False
        assert set(await asyncio.wait_for(asyncio.gather(*answers), 2 * PATIENCE_S)) == {ESME_ROK}
        await one.until_ready()
        await one.until("SELECT count(*), count(DISTINCT value) FROM records", [(30, 30)])


def watch_refusals(one: Station) -> asyncio.Event:
    """Set when the gateway tells the carrier to try again."""
    seen, answered = asyncio.Event(), one.carrier.answered

    def noting(link: Any, answers: Any) -> None:
        if any(answer.response.command_status == ESME_RX_T_APPN for answer in answers):
            seen.set()
        answered(link, answers)

    one.carrier.answered = noting  # type: ignore[method-assign]
    return seen


async def test_postgresql_away_and_back(tmp_path: Path, postgres: PostgresDatabases) -> None:
    with postgres.database() as url:
        async with station(tmp_path, RULES, store_url=url) as one:
            assert await one.ask("ZEG voor") == "voor"
            refused = watch_refusals(one)
            name = url.rpartition("/")[2].partition("?")[0]
            away(postgres, name, True)
            answered = one.phone().text("4411", "ZEG tijdens")
            await asyncio.wait_for(refused.wait(), PATIENCE_S)
            async with asyncio.timeout(PATIENCE_S):
                while not any(text.startswith("store: PostgreSQL is away: ") for text in (await one.readiness())[1]):
                    pass
            assert not answered.done()
            away(postgres, name, False)
            assert await asyncio.wait_for(answered, PATIENCE_S) == ESME_ROK
            assert (await one.phone().next(PATIENCE_S)).text == "tijdens"
            await one.until_ready()
            assert one.rows("SELECT count(*) FROM records") == [(2,)]


def away(postgres: PostgresDatabases, name: str, is_away: bool) -> None:
    """Nobody may connect to the database, and whoever is connected is not any more; or the reverse."""
    postgres.admin.execute(f'ALTER DATABASE "{name}" ALLOW_CONNECTIONS {"false" if is_away else "true"}'.encode())
    if is_away:
        postgres.admin.execute("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = %s", (name,))


async def test_cut_connections_to_postgresql_double_and_lose_nothing(
    tmp_path: Path, postgres: PostgresDatabases
) -> None:
    with postgres.database() as url:
        async with station(tmp_path, RULES, store_url=url) as one:
            name = url.rpartition("/")[2].partition("?")[0]
            answers = []
            for number in range(60):
                answers.append(one.phone(f"316{number:08}").text("4411", f"ZEG {number}"))
                if number % 20 == 10:
                    await asyncio.to_thread(
                        postgres.admin.execute,
                        "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = %s",
                        (name,),
                    )
            assert set(await asyncio.wait_for(asyncio.gather(*answers), 2 * PATIENCE_S)) == {ESME_ROK}
            await one.until("SELECT count(*), count(DISTINCT value) FROM records", [(60, 60)])


async def test_a_slow_store_delays_acknowledgements_and_loses_nothing(tmp_path: Path) -> None:
    async with station(tmp_path, RULES) as one:
        with closing(sqlite3.connect(tmp_path / "kwek.db", isolation_level=None)) as other:
            other.execute("BEGIN IMMEDIATE")
            answers = [one.phone(f"316{number:08}").text("4411", f"ZEG {number}") for number in range(40)]
            for _ in range(5):
                await one.readiness()  # the loop goes on while the writer waits
            assert not any(answer.done() for answer in answers)
            other.execute("ROLLBACK")
        assert set(await asyncio.wait_for(asyncio.gather(*answers), 2 * PATIENCE_S)) == {ESME_ROK}
        await one.until("SELECT count(*), count(DISTINCT value) FROM records", [(40, 40)])
        await one.until("SELECT DISTINCT state FROM outbox", [("delivered",)])


async def test_an_error_of_the_disk_at_commit_ends_the_process_with_nothing_acknowledged(tmp_path: Path) -> None:
    carrier = Simulator(0, [Account("kwek", "secret")], time.monotonic, random.Random(1).random, datetime.now)
    await carrier.start()
    gateway = await run_gateway(write_config(tmp_path, carrier.port, ONE_NUMBER))
    try:
        await carrier.bound(1, 30)
        assert await asyncio.wait_for(carrier.phone("31612345678").text("4411", "ZEG eerst"), PATIENCE_S) == ESME_ROK
        await carrier.phone("31612345678").next(PATIENCE_S)
        # From here on every write that lengthens the log of the database fails, as on a disk that gives up.
        resource.prlimit(gateway.process.pid, resource.RLIMIT_FSIZE, (8_192, 8_192))
        answered = carrier.phone("31612345679").text("4411", "ZEG verloren?")
        assert await asyncio.wait_for(gateway.process.wait(), 30) == Exit.INTERNAL
        assert not answered.done(), "it was acknowledged"
        last = json.loads(gateway.log.read_text().splitlines()[-1])
        assert (last["level"], last["event"]) == ("critical", "ended by a fault; nothing more was acknowledged")
        assert last["tasks"]["writer"].startswith(
            "StoreBroken: the database file is damaged or cannot be read or written: "
        )
        gateway = await run_gateway(tmp_path / "kwek.toml")
        assert await asyncio.wait_for(answered, 30) == ESME_ROK
        assert (await carrier.phone("31612345679").next(PATIENCE_S)).text == "verloren?"
        assert await gateway.stop() == Exit.OK
    finally:
        if gateway.process.returncode is None:
            await gateway.kill()
        await carrier.stop()
    with closing(sqlite3.connect(tmp_path / "kwek.db")) as database:
        assert database.execute("SELECT count(*), count(DISTINCT value) FROM records").fetchall() == [(2, 2)]


async def test_a_stop_under_load_loses_and_doubles_nothing(tmp_path: Path, store_url: str) -> None:
    async with station(tmp_path, RULES, store_url=store_url) as one:
        texts = 400
        answers = [one.phone(f"316{number:08}").text("4411", f"ZEG {number}") for number in range(texts)]
        for stop_after in (40, 120, 200):
            async with asyncio.timeout(2 * PATIENCE_S):
                while sum(answer.done() for answer in answers) < stop_after:
                    await asyncio.wait([answer for answer in answers if not answer.done()],
                                       return_when=asyncio.FIRST_COMPLETED)  # fmt: skip
            assert await one.stop() == Exit.OK
            assert one.rows("SELECT count(*) FROM outbox WHERE state IN ('claimed', 'unknown')") == [(0,)]
            await one.start()
        assert set(await asyncio.wait_for(asyncio.gather(*answers), 3 * PATIENCE_S)) == {ESME_ROK}
        await one.until("SELECT count(*), count(DISTINCT value) FROM records", [(texts, texts)])
        await one.until("SELECT state, count(*) FROM outbox GROUP BY state", [("delivered", texts)])
        assert one.carrier.counters["messages shown"] == texts
