"""Row 59: SIGTERM under load. Claims stop, the window is drained, unbind, and nobody gets anything twice."""

import asyncio
import os
import random
import sqlite3
import time
from collections import Counter
from contextlib import closing
from datetime import datetime
from pathlib import Path

import pytest

from gateway.exits import Exit
from smpp.constants import ESME_ROK
from smpp.events import Unanswered
from smpp.server import ServerLink
from smpp.simulator import Account, Settings, Simulator
from smpp.simulator_conduct import Conduct
from tests.support.process import run_gateway, write_config

RULES = """\
brand "Klusser"
    numbers   4411
    language  nl
    timezone  Europe/Amsterdam

keyword STEM <nr number>
    record stem = nr
    reply "Stem {nr} is geteld."
"""
TERMS = int(os.environ.get("KWEK_TERMS", "5"))
IN_FLIGHT = 100
"""Texts that wait for their acknowledgement, always."""
MOST_TEXTS = 300
LONGEST_STOP_S = 10.0 + 3.0
"""The window is drained within ten seconds; the process then unbinds and closes its store."""
PATIENCE_S = 60.0


class Centre(Simulator):
    """A centre whose answers take their time, and that notes how links end. What crosses our unbind on its way stays
    unanswered, and the centre sends it again."""

    def __init__(self) -> None:
        settings = Settings(conduct=Conduct(answer_delay_s=0.1), retry_s=0.2)
        accounts = [Account("kwek", "secret")]
        super().__init__(0, accounts, time.monotonic, random.Random(1).random, datetime.now, settings)
        self.ends: list[str] = []

    def lost(self, link: ServerLink, unanswered: list[Unanswered], reason: str) -> None:
        """Notes why."""
        self.ends.append(reason)
        super().lost(link, unanswered, reason)


class Load:
    """Phones that keep texting, each once."""

    def __init__(self, centre: Simulator) -> None:
        self.centre = centre
        self.statuses: Counter[int] = Counter()
        self.sent = 0
        self.stopping = False
        self.change = asyncio.Event()

    def send(self) -> None:
        """One more text."""
        number, self.sent = self.sent, self.sent + 1
        self.centre.phone(f"3161{number:07}").text("4411", f"STEM {number}").add_done_callback(self._answered)

    async def until(self, acknowledged: int) -> None:
        """Wait until so many are acknowledged, all told."""
        async with asyncio.timeout(PATIENCE_S):
            while self.statuses.total() < acknowledged:
                self.change.clear()
                await self.change.wait()

    def _answered(self, done: asyncio.Future[int]) -> None:
        self.statuses[done.result()] += 1
        self.change.set()
        if not self.stopping:
            self.send()


@pytest.mark.torture
@pytest.mark.timeout(0)
async def test_row_59_sigterm_under_load_drains_unbinds_and_doubles_nothing(tmp_path: Path) -> None:
    chance, centre = random.Random(int(os.environ.get("SEED", "59"))), Centre()
    await centre.start()
    config = write_config(tmp_path, centre.port, RULES, **{"drain_s = 2.0": "drain_s = 10.0"})
    load, longest_s = Load(centre), 0.0
    gateway = await run_gateway(config)
    try:
        await centre.bound(1, PATIENCE_S)
        for _ in range(IN_FLIGHT):
            load.send()
        for _ in range(TERMS):
            await load.until(load.statuses.total() + chance.randint(1, MOST_TEXTS))
            began = time.monotonic()
            assert await gateway.stop() == Exit.OK
            longest_s = max(longest_s, time.monotonic() - began)
            with closing(sqlite3.connect(tmp_path / "kwek.db")) as store:
                states = dict(store.execute("SELECT state, count(*) FROM outbox GROUP BY state").fetchall())
            assert set(states) <= {"ready", "sent", "delivered"}, f"the window was drained: {states}"
            gateway = await run_gateway(config)
            await centre.bound(1, PATIENCE_S)
        load.stopping = True
        await load.until(load.sent)
        await asyncio.wait_for(everything_delivered(tmp_path / "kwek.db", load.sent), PATIENCE_S)
        assert await gateway.stop() == Exit.OK
    finally:
        if gateway.process.returncode is None:
            await gateway.kill()
        await centre.stop()
    assert longest_s <= LONGEST_STOP_S
    assert load.statuses == {ESME_ROK: load.sent}
    assert centre.ends == ["the peer unbound"] * (TERMS + 1), "politely, each time"
    inboxes = Counter(centre.phone(f"3161{number:07}").inbox.qsize() for number in range(load.sent))
    assert inboxes == {1: load.sent}, "each phone has its answer, once"
    with closing(sqlite3.connect(tmp_path / "kwek.db")) as store:
        assert store.execute("SELECT count(*), count(DISTINCT value) FROM records").fetchone() == (load.sent,) * 2
        assert store.execute("SELECT count(*) FROM inbound").fetchone() == (load.sent,)
    print(f"{TERMS} stops, {load.sent} texts, the longest stop took {longest_s:.2f} s")


async def everything_delivered(database: Path, texts: int) -> None:
    """Until every answer is delivered."""

    def delivered() -> int:
        with closing(sqlite3.connect(database)) as store:
            return int(store.execute("SELECT count(*) FROM outbox WHERE state = 'delivered'").fetchone()[0])

    while await asyncio.to_thread(delivered) < texts:
        pass
