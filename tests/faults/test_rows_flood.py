"""Row 49: far more texts than can be taken in. Memory stays bounded, reading pauses, links are heard, nothing is lost.

The centre never waits: it keeps a second's work of this machine (measured first) under way, more than the gateway may
hold, and refills it at once. Short: 8 s. The long form: KWEK_FLOOD_S=600.
"""

import asyncio
import json
import os
import sqlite3
import time
from contextlib import closing
from pathlib import Path

import pytest

from smpp.codec import encode
from smpp.constants import ESME_ROK, ESME_RX_T_APPN
from smpp.pdu import DeliverSmResp, EnquireLink, EnquireLinkResp
from tests.support.process import run_gateway, write_config
from tests.support.raw_centre import RawLink, deliver, raw_centre

RULES = """\
brand "Klusser"
    numbers   4411
    language  nl
    timezone  Europe/Amsterdam

keyword STEM <nr number>
    record stem = nr
"""
FLOOD_S = float(os.environ.get("KWEK_FLOOD_S", "8"))
LIMITS = "\n[limits]\ninbound_octets = 65536\n"
"""The least that may be set, a thousand texts: reading pauses all the time."""
BINDS = 4
MEASURE_S = 2.0
FEW = 32
"""PDUs without an answer on each link while it is measured what the gateway can do."""
MOST_RESIDENT = 400 << 20
"""Octets in RAM (RELIABILITY.md 4)."""
PATIENCE_S = 90.0
HEARD_S = 2.0
"""An enquire_link is answered within that time, whatever is under way."""
ASKED_S = 0.5
"""How often it is asked."""


class Flood:
    """Texts as fast as the gateway's windows let them, over one link, and enquire_links between them."""

    def __init__(self, link: RawLink, first: int, step: int) -> None:
        self.link = link
        self.statuses: dict[int, int] = {}
        self.slowest_s = 0.0
        self.window = FEW
        self._next = first
        self._step = step
        self._asked: dict[int, float] = {}
        self._open = 0

    async def run(self, until: float) -> None:
        """Until then, and then until all is answered."""
        ask_at = time.monotonic()
        while (now := time.monotonic()) < until or self._open or self._asked:
            if now >= ask_at and now < until:
                self._asked[self._next] = now
                self.link.write(encode(EnquireLink(self._next)))
                self._next += self._step
                ask_at = now + ASKED_S
            if now < until:
                self._fill()
            seen = len(self.link.pdus)
            await self.link.until(lambda seen=seen: len(self.link.pdus) > seen, 30.0)  # type: ignore[misc]
            self._look()

    def _fill(self) -> None:
        frames = []
        for _ in range(self.window - self._open):
            frames.append(deliver(f"316{self._next:08}", f"STEM {self._next}", self._next))
            self._next += self._step
        self._open += len(frames)
        self.link.write(b"".join(frames))

    def _look(self) -> None:
        for pdu in self.link.pdus:
            if isinstance(pdu, DeliverSmResp):
                self.statuses[pdu.sequence_number] = pdu.command_status
                self._open -= 1
            elif isinstance(pdu, EnquireLinkResp):
                self.slowest_s = max(self.slowest_s, time.monotonic() - self._asked.pop(pdu.sequence_number))
        self.link.pdus.clear()
        self.link.frames.clear()


def resident(pid: int) -> int:
    """Octets of a process that are in RAM (Linux)."""
    return int(Path(f"/proc/{pid}/statm").read_text(encoding="ascii").split()[1]) * os.sysconf("SC_PAGE_SIZE")


@pytest.mark.torture
@pytest.mark.timeout(0)
async def test_row_49_a_flood_is_held_back_heard_and_not_lost(tmp_path: Path) -> None:
    async with raw_centre() as centre:
        config = write_config(tmp_path, centre.port, RULES, **{"window = 50": f"window = 50\nbinds = {BINDS}"})
        config.write_text(config.read_text() + LIMITS)
        gateway = await run_gateway(config)
        try:
            floods = [Flood(await centre.link(PATIENCE_S), 1 + place, BINDS) for place in range(BINDS)]
            until = time.monotonic() + MEASURE_S
            await asyncio.gather(*(flood.run(until) for flood in floods))
            a_second = int(sum(len(flood.statuses) for flood in floods) / MEASURE_S)
            for flood in floods:
                flood.window = max(FEW, a_second // BINDS)
            before, until, most = resident(gateway.process.pid), time.monotonic() + FLOOD_S, 0
            running = asyncio.gather(*(flood.run(until) for flood in floods))
            while not running.done():
                most = max(most, resident(gateway.process.pid))
                await asyncio.wait([running], timeout=0.1)
            await running
            assert await gateway.stop() == 0
        finally:
            if gateway.process.returncode is None:
                await gateway.kill()
    with closing(sqlite3.connect(tmp_path / "kwek.db")) as store:
        kept = {int(json.loads(value)["value"]) for (value,) in store.execute("SELECT value FROM records")}
        rows = store.execute("SELECT count(*) FROM records").fetchone()[0]
    statuses = {number: status for flood in floods for number, status in flood.statuses.items()}
    taken = {number for number, status in statuses.items() if status == ESME_ROK}
    later = len(statuses) - len(taken)
    slowest_s = max(flood.slowest_s for flood in floods)
    print(f"{a_second} a second at ease; {len(taken)} taken, {later} given back, {most >> 20} MB resident "
          f"({before >> 20} before), enquire_link answered within {slowest_s:.2f} s")  # fmt: skip
    assert set(statuses.values()) <= {ESME_ROK, ESME_RX_T_APPN}
    assert taken == kept, "what is acknowledged is kept, and what is given back is not"
    assert rows == len(kept)
    assert most <= MOST_RESIDENT
    assert slowest_s <= HEARD_S
