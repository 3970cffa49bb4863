"""Rows 11 and 12: a disk that fails ends the process with nothing acknowledged, one that is full does not end it."""

import asyncio
import errno
import json
import os
import random
import sqlite3
import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager, closing
from datetime import datetime
from pathlib import Path
from typing import Any

import pytest

from gateway.exits import Exit
from gateway.torture.disk import small_disk
from gateway.torture.lost_writes import Call, LostWrites
from smpp.constants import ESME_ROK, ESME_RX_T_APPN
from smpp.session import Limits
from smpp.simulator import Account, Settings, Simulator
from tests.support.process import Gateway, run_gateway, write_config

RULES = """\
brand "Klusser"
    numbers   4411
    language  nl
    timezone  Europe/Amsterdam

keyword ZEG
    record gezegd = rest
    reply "{rest}"
"""
PATIENCE_S = 90.0


class Bench:
    """A gateway as a process, its carrier, and its disk."""

    def __init__(self, folder: Path, carrier: Simulator, watch: LostWrites) -> None:
        self.folder = folder
        self.carrier = carrier
        self.watch = watch
        self.database = folder / "disk" / "kwek.db"
        self.gateway: Gateway | None = None
        self.refused = asyncio.Event()
        answered = carrier.answered

        def noting(link: Any, answers: Any) -> None:
            if any(one.response.command_status == ESME_RX_T_APPN for one in answers):
                self.refused.set()
            answered(link, answers)

        carrier.answered = noting  # type: ignore[method-assign]

    async def start(self) -> Gateway:
        """Start it; returns when it is bound."""
        config = write_config(self.folder, self.carrier.port, RULES, f"sqlite:///{self.database}")
        self.gateway = await run_gateway(config)
        await self.carrier.bound(1, PATIENCE_S)
        return self.gateway

    def text(self, number: int) -> "asyncio.Future[int]":
        """A phone of its own texts this number."""
        return self.carrier.phone(f"3161{number:07}").text("4411", f"ZEG {number} {'lang ' * 20}")

    def kept(self) -> list[tuple[int, int]]:
        """How many texts were acted on, and how many different ones."""
        with closing(sqlite3.connect(self.database)) as connection:
            return connection.execute("SELECT count(*), count(DISTINCT value) FROM records").fetchall()


@pytest.fixture
async def bench(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Bench]:
    for name in ("disk", "work"):
        (tmp_path / name).mkdir()
    watch = LostWrites(tmp_path / "disk", tmp_path / "work")
    for name, value in watch.environment().items():
        monkeypatch.setenv(name, value)
    async with benched(tmp_path, watch) as one:
        yield one


@asynccontextmanager
async def benched(folder: Path, watch: LostWrites) -> AsyncIterator[Bench]:
    # The carrier asks whenever it has heard nothing for a moment, and gives a link up that does not answer.
    limits = Limits(window=100, enquire_link_s=0.2, enquire_answer_s=10.0)
    carrier = Simulator(
        0, [Account("kwek", "secret")], time.monotonic, random.Random(1).random, datetime.now, Settings(limits=limits)
    )
    await carrier.start()
    one = Bench(folder, carrier, watch)
    try:
        yield one
    finally:
        watch.heal()
        if one.gateway is not None and one.gateway.process.returncode is None:
            await one.gateway.kill()
        await carrier.stop()


@pytest.mark.parametrize("forever", [False, True], ids=["once", "for ever"])
@pytest.mark.parametrize("call", [Call.SYNC, Call.WRITE], ids=["fsync", "write"])
async def test_row_11_an_error_of_the_disk_at_commit(bench: Bench, call: Call, forever: bool) -> None:
    gateway = await bench.start()
    assert await asyncio.wait_for(bench.text(1), PATIENCE_S) == ESME_ROK
    await bench.carrier.phone("31610000001").next(PATIENCE_S)
    before = len(bench.watch.records())
    bench.watch.fail(call, errno.EIO, forever=forever, only="-wal")
    answered = bench.text(2)
    assert await asyncio.wait_for(gateway.process.wait(), PATIENCE_S) == Exit.INTERNAL
    assert not answered.done(), "it was acknowledged"
    last = json.loads(gateway.log.read_text().splitlines()[-1])
    assert (last["level"], last["event"]) == ("critical", "ended by a fault; nothing more was acknowledged")
    assert "StoreBroken: the database file is damaged or cannot be read or written" in str(last["tasks"])
    if call is Call.SYNC:
        after = bench.watch.records()[before:]
        failed = next(place for place, one in enumerate(after) if one.kind == "F")
        written = [one for one in after[failed:] if (one.kind, one.which) == ("W", after[failed].which)]
        assert not written, "the COMMIT was tried again"
    bench.watch.heal()
    gateway = await bench.start()
    assert await asyncio.wait_for(answered, PATIENCE_S) == ESME_ROK
    assert await gateway.stop() == Exit.OK
    # What failed at its sync may be there after a new start: then the text sent again is its duplicate.
    assert bench.kept() == [(2, 2)]


async def test_row_11_a_checkpoint_that_fails_loses_nothing_though_the_power_goes_then(bench: Bench) -> None:
    """The octets that were to be synced are gone, though a later sync says otherwise; the log still has them."""
    gateway = await bench.start()
    bench.watch.fail(Call.SYNC, errno.EIO, only="kwek.db")
    answers = [bench.text(number) for number in range(40)]
    assert await asyncio.wait_for(gateway.process.wait(), PATIENCE_S) == Exit.INTERNAL
    acknowledged = sum(answer.done() for answer in answers)
    assert acknowledged > 0
    bench.watch.lose_power(lambda: 0.0)
    assert bench.kept()[0][1] >= acknowledged
    bench.watch.heal()
    gateway = await bench.start()
    assert set(await asyncio.wait_for(asyncio.gather(*answers), PATIENCE_S)) == {ESME_ROK}
    assert await gateway.stop() == Exit.OK
    assert bench.kept()[0][1] == 40


async def full_and_empty_again(bench: Bench, fill: Callable[[], None], free: Callable[[], None]) -> None:
    """Texts while the disk is full are refused for now, the link lives and is heard, and all is well when it is not."""
    gateway = await bench.start()
    link = bench.carrier.links[0]
    assert await asyncio.wait_for(bench.text(0), PATIENCE_S) == ESME_ROK
    fill()
    answers = [bench.text(number) for number in range(1, 61)]
    await asyncio.wait_for(bench.refused.wait(), PATIENCE_S)
    probes = link.session.counters["probes"]
    async with asyncio.timeout(PATIENCE_S):  # and they are refused again and again, with enquire_links between
        while link.session.counters["probes"] < probes + 2:
            bench.refused.clear()
            await bench.refused.wait()
    assert bench.carrier.links == (link,), "the link is kept"
    assert gateway.process.returncode is None
    free()
    assert set(await asyncio.wait_for(asyncio.gather(*answers), 2 * PATIENCE_S)) == {ESME_ROK}
    assert bench.carrier.links == (link,)
    assert await gateway.stop() == Exit.OK
    assert bench.kept() == [(61, 61)]


async def test_row_12_a_full_disk(bench: Bench) -> None:
    def fill() -> None:
        bench.watch.fail(Call.WRITE, errno.ENOSPC, forever=True)

    await full_and_empty_again(bench, fill, bench.watch.heal)


@pytest.mark.skipif(os.geteuid() != 0, reason="only root may mount a small disk")
async def test_row_12_a_small_disk_that_is_really_full(tmp_path: Path) -> None:
    for name in ("disk", "work"):
        (tmp_path / name).mkdir()
    with small_disk(tmp_path / "disk", 8 << 20) as made:
        if not made:
            pytest.skip("a file system cannot be mounted here")
        ballast = tmp_path / "disk" / "ballast"

        def fill() -> None:
            with ballast.open("wb", buffering=0) as file:
                try:
                    while file.write(bytes(4_096)) == 4_096:
                        continue
                except OSError as error:
                    assert error.errno == errno.ENOSPC

        async with benched(tmp_path, LostWrites(tmp_path / "disk", tmp_path / "work")) as one:
            await full_and_empty_again(one, fill, ballast.unlink)
