"""kill -9 at random moments under load: what was acknowledged was acted on, and not twice."""

import asyncio
import os
import random
import sqlite3
import time
from collections import Counter
from datetime import datetime
from pathlib import Path

import pytest

from smpp.simulator import Account, Simulator
from tests.support.process import run_gateway, write_config

RULES = """\
brand "Klusser"
    numbers   4411
    language  nl
    timezone  Europe/Amsterdam

keyword STEM <nr number>
    record stem = nr
    tag gestemd
    reply "Stem {nr} is geteld."
"""
KILLS = int(os.environ.get("KWEK_KILLS", "20"))
IN_FLIGHT = 200
"""Texts under way at once: the carrier's window is full whenever the gateway is up."""
MOST_TEXTS = 400
LONGEST_DELAY_S = 0.05
"""The gateway is killed after so many more acknowledgements at most, and at most so long after the last of them."""
KILLED_AGAIN = 0.2
LONGEST_START_S = 3.0
"""How often it is killed once more while it starts and recovers, and at most how long after it was started."""
PATIENCE_S = 60.0


class Load:
    """Phones that keep texting, each text once, and what the carrier was told of them."""

    def __init__(self, carrier: Simulator) -> None:
        self.carrier = carrier
        self.acknowledged: set[int] = set()
        self.next = 0
        self.stopping = False
        self.idle = asyncio.Event()
        self._open = 0
        self._wanted = 0
        self._reached = asyncio.Event()

    def start(self) -> None:
        for _ in range(IN_FLIGHT):
            self._send()

    async def more(self, texts: int) -> None:
        """Wait until so many more texts are acknowledged."""
        self._wanted = len(self.acknowledged) + texts
        self._reached.clear()
        await self._reached.wait()

    def _send(self) -> None:
        number, self.next = self.next, self.next + 1
        self._open += 1
        answered = self.carrier.phone(f"3161{number:07}").text("4411", f"STEM {number}")
        answered.add_done_callback(lambda done: self._answered(number, done.result()))

    def _answered(self, number: int, status: int) -> None:
        assert status == 0, f"text {number} was refused with status {status}"
        self.acknowledged.add(number)
        self._open -= 1
        if len(self.acknowledged) >= self._wanted:
            self._reached.set()
        if not self.stopping:
            self._send()
        elif not self._open:
            self.idle.set()


@pytest.mark.torture
@pytest.mark.timeout(0)
async def test_kill_9_under_load_on_sqlite(tmp_path: Path) -> None:
    chance = random.Random(int(os.environ.get("SEED", "1")))
    carrier = Simulator(0, [Account("kwek", "secret")], time.monotonic, chance.random, datetime.now)
    await carrier.start()
    config = write_config(tmp_path, carrier.port, RULES)
    load = Load(carrier)
    gateway = await run_gateway(config)
    try:
        await carrier.bound(1, PATIENCE_S)
        load.start()
        for _ in range(KILLS):
            await asyncio.wait_for(load.more(chance.randint(1, MOST_TEXTS)), PATIENCE_S)
            await moment(chance.random() * LONGEST_DELAY_S)
            await gateway.kill()
            gateway = await run_gateway(config)
            if chance.random() < KILLED_AGAIN:
                await moment(chance.random() * LONGEST_START_S)
                await gateway.kill()
                gateway = await run_gateway(config)
            await carrier.bound(1, PATIENCE_S)
        load.stopping = True
        await asyncio.wait_for(load.idle.wait(), PATIENCE_S)
        await asyncio.wait_for(nothing_waits(tmp_path / "kwek.db"), PATIENCE_S)
        assert await gateway.stop() == 0
    finally:
        if gateway.process.returncode is None:
            await gateway.kill()
        await carrier.stop()
    examine(tmp_path / "kwek.db", load)


async def moment(seconds: float) -> None:
    """Until a moment that chance has named."""
    come = asyncio.Event()
    asyncio.get_running_loop().call_later(seconds, come.set)
    await come.wait()


async def nothing_waits(database: Path) -> None:
    """Until every answer has gone out, or is of unknown outcome."""

    def waiting() -> int:
        with sqlite3.connect(database) as connection:
            found = connection.execute("SELECT count(*) FROM outbox WHERE state IN ('ready', 'claimed')").fetchone()
        return int(found[0])

    while await asyncio.to_thread(waiting):
        pass


def examine(database: Path, load: Load) -> None:
    """Hold the ledger of the carrier against the database."""
    with sqlite3.connect(database) as connection:
        assert connection.execute("PRAGMA integrity_check").fetchall() == [("ok",)]
        kept = connection.execute("SELECT text, session, sequence FROM inbound").fetchall()
        votes = connection.execute("SELECT count(*), count(DISTINCT value) FROM records").fetchone()
        answers = connection.execute(
            "SELECT c.address, o.state FROM outbox o JOIN contacts c ON c.id = o.contact_id"
        ).fetchall()
        tagged = connection.execute("SELECT count(*) FROM profiles WHERE tags = '[\"gestemd\"]'").fetchone()[0]
    texts = Counter(int(text.split()[1]) for text, _, _ in kept)
    lost = load.acknowledged - set(texts)
    assert not lost, f"{len(lost)} acknowledged texts were lost"
    # The carrier sends a text again only while it has no acknowledgement of it, each time as another PDU: so a text
    # that is kept twice was received twice, and its first acknowledgement died with the process that had committed it.
    assert len({(session, sequence) for _, session, sequence in kept}) == len(kept), "no PDU was acted on twice"
    assert len(kept) <= load.carrier.counters["deliver_sm sent"]
    assert votes == (len(kept), len(texts)), "every text that was kept was acted on, as often as it was kept"
    assert tagged == len(texts)
    states = Counter(state for _, state in answers)
    assert states.total() == len(kept), "one answer for each text kept"
    assert set(states) <= {"sent", "delivered", "unknown"}, states
    told = {address for address, state in answers if state != "unknown"}
    silent = [address for address in told if load.carrier.phone(address).inbox.empty()]
    assert not silent, f"{len(silent)} answers count as sent and never arrived"
    print(f"{len(load.acknowledged)} acknowledged, {len(kept) - len(texts)} kept twice, outbox {dict(states)}")
