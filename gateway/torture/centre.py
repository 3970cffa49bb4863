"""The message centre of a trial, a process of its own that nobody kills, with its phones and its journal.

It is led by JSON lines on standard input and says how it stands on standard output, a line each time something has
changed and at most every TOLD_EVERY_S: {"port", "bound", "open", "acknowledged", "refused", …}. Orders ({"do": …}):
`load` begins to text, `quiet` begins no new texts, `half` begins one more long text, `heal` makes it a kind centre,
`cut` cuts all connections, `deaf` has it read nothing more from those it has; `befell` and `sampled` take a fault or a
sample into the journal. At the end of its input it stops.
"""

from __future__ import annotations

import asyncio
import json
import random
import sys
import time
from datetime import datetime
from functools import partial
from pathlib import Path
from typing import Any, Final

from gateway.torture.entries import Sampled
from gateway.torture.journal import Journal
from gateway.torture.workload import NUMBER, PASSWORD, Texts, Workload, meaning
from smpp.session import Limits
from smpp.simulator import Account, Settings, Simulator
from smpp.simulator_conduct import Conduct
from smpp.simulator_hostile import HostileConduct

TOLD_EVERY_S: Final = 0.02
"""The runner learns of changes that soon."""
UNASKED: Final = 400
"""The centre sends more than any window it agreed upon: this many PDUs without an answer."""
RETRY_S: Final = 0.05
"""A text that was refused for now is sent again so soon."""


class Phones:
    """Keeps a number of texts under way, all the time."""

    def __init__(self, centre: Simulator, workload: Workload, in_flight: int) -> None:
        self.open = 0
        self.acknowledged = 0
        self.loading = False
        self._centre = centre
        self._workload = workload
        self._in_flight = in_flight
        self._refilling = False

    def load(self) -> None:
        """Begin."""
        self.loading = True
        self._refill()

    def _refill(self) -> None:
        self._refilling = False
        while self.loading and self.open < self._in_flight:
            phone, text = self._workload.next()
            self.open += 1
            self._centre.phone(phone).text(NUMBER, text).add_done_callback(self._answered)

    def half(self) -> None:
        """One long text more."""
        phone, text = self._workload.half()
        self.open += 1
        self._centre.phone(phone).text(NUMBER, text).add_done_callback(self._answered)

    def _answered(self, _: asyncio.Future[int]) -> None:
        self.open -= 1
        self.acknowledged += 1
        if self.loading and not self._refilling:
            self._refilling = True
            asyncio.get_running_loop().call_soon(self._refill)


class Centre:
    """Obeys orders and tells how it stands."""

    def __init__(self, simulator: Simulator, phones: Phones, journal: Journal, conduct: Conduct) -> None:
        self._simulator = simulator
        self._phones = phones
        self._journal = journal
        self._conduct = conduct
        self._told = ""
        self.ended = asyncio.Event()

    def obey(self, line: bytes) -> None:
        """One order. Raises ValueError for one that there is not."""
        order: dict[str, Any] = json.loads(line)
        match order.pop("do"):
            case "load":
                self._phones.load()
            case "quiet":
                self._phones.loading = False
            case "half":
                self._phones.half()
            case "heal":
                if isinstance(self._conduct, HostileConduct):
                    self._conduct.heal()
            case "cut":
                self._simulator.drop()
            case "deaf":
                for link in self._simulator.links:
                    link.pause_reading()
            case "befell":
                self._journal.befell(**order)
                self._journal.sync()
            case "sampled":
                self._journal.note(Sampled(**order))
            case unknown:
                raise ValueError(f"no such order: {unknown}")

    def tell(self) -> None:
        """Say how it stands, if that is news, and look again a little later."""
        counters = self._simulator.counters
        now = json.dumps(
            {
                "port": self._simulator.port,
                "bound": [link.number for link in self._simulator.links],
                "open": self._phones.open,
                "acknowledged": self._phones.acknowledged,
                "refused": self._journal.refused,
                "submitted": counters["submit_sm received"],
            }
        )
        if now != self._told:
            self._told = now
            sys.stdout.write(now + "\n")
            sys.stdout.flush()
        asyncio.get_running_loop().call_later(TOLD_EVERY_S, self.tell)


async def _obeying(centre: Centre) -> None:
    loop = asyncio.get_running_loop()
    reader = asyncio.StreamReader()
    await loop.connect_read_pipe(partial(asyncio.StreamReaderProtocol, reader), sys.stdin)
    while line := await reader.readline():
        centre.obey(line)


async def serve(journal_at: Path, seed: int, texts: Texts, in_flight: int, hostile: bool) -> None:
    """The centre's life: until its input ends."""
    chance = random.Random(seed).random
    journal = Journal(journal_at, time.monotonic, meaning)
    conduct = HostileConduct(chance) if hostile else Conduct()
    settings = Settings(conduct=conduct, limits=Limits(window=UNASKED), retry_s=RETRY_S, witness=journal)
    simulator = Simulator(0, [Account("kwek", PASSWORD)], time.monotonic, chance, datetime.now, settings)
    await simulator.start()
    phones = Phones(simulator, Workload(texts, random.Random(seed + 1).random), in_flight)
    centre = Centre(simulator, phones, journal, conduct)
    centre.tell()
    try:
        await _obeying(centre)
    finally:
        await simulator.stop()
        journal.close()


def main() -> None:
    """`centre JOURNAL SEED TEXTS IN_FLIGHT hostile|kind`, as gateway.torture.run starts it."""
    path, seed, texts, in_flight, manner = sys.argv[1:]
    asyncio.run(serve(Path(path), int(seed), "ja" if texts == "ja" else "unique", int(in_flight), manner == "hostile"))
