"""Everything of one run, put together: machine, network, centre, phones, faults; and its course."""

from __future__ import annotations

import asyncio
import sqlite3
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import cache
from math import log
from pathlib import Path
from random import Random
from typing import TYPE_CHECKING

from config.connectors import Connector
from config.settings import Country, Digits, Gateway, Number, Settings
from config.values import Host, Secret, Store
from gateway.binding import grants_of
from gateway.simulation.brands import NUMBERS, QUIZ, SOURCES, phones, saying
from gateway.simulation.chaos import Chaos, Conduct
from gateway.simulation.journal import TwoClocks
from gateway.simulation.machine import Machine
from gateway.simulation.process import Process
from gateway.simulation.trace import Trace
from gateway.simulation.world import BEGINS_AT
from gateway.torture.books import read_books, waiting
from gateway.torture.entries import Books
from gateway.torture.ledger import Bounds, Verdict, examine
from router.instants import SECOND
from router.store import checkpoint
from rules.compiler import compile_sources
from rules.diagnostics import Source
from rules.rulebook import Rulebook
from smpp.session import Limits
from smpp.simulator import Account, Simulator
from smpp.simulator import Settings as CentreSettings

if TYPE_CHECKING:
    from gateway.simulation.loop import VirtualLoop

HOUR_S = 3_600.0
RATE = 0.05
"""Texts a second on average, bursts included."""
BURST_RATE = 200.0
"""Texts a second within a burst, at most."""
PHONES = 400
CHECKPOINT_S = 300.0
"""How often the write-ahead log is emptied: production does so every second, on a thread of its own."""
DRAIN_S = 60.0
"""After healing: what can be sent is sent within so long, ..."""
LONGEST_DRAIN_S = 1_200.0
"""... and for what waits on a timer of its own (an unknown outcome, a long pause) no longer than this."""
STOP_S = 60.0
WINDOW = 20
RETRY_S = 2.0
"""When the centre sends again what was refused for now: later than an impatient one would have asked again."""
PATIENCE_S = 10.0
"""Response timer of a centre that does not ask again."""
BEGINS = datetime.fromtimestamp(BEGINS_AT // SECOND, UTC)


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """How much happens in one run: lone texts, bursts of at most so many texts, faults alone and within bursts."""

    hours: float
    lone_texts: int
    bursts: int
    most_in_burst: int
    faults: int

    @classmethod
    def of(cls, hours: float) -> Plan:
        """The usual: half of the texts come in bursts, and of the faults half fall into one. Short runs are denser."""
        texts = RATE * hours * HOUR_S
        if hours < 1:
            return cls(hours=hours, lone_texts=int(texts), bursts=1, most_in_burst=150, faults=6)
        bursts = max(1, int(texts / 2 / 100))
        return cls(hours=hours, lone_texts=int(texts / 2), bursts=bursts, most_in_burst=200, faults=int(3 * hours))


class Scenario:
    """One run, before, while and after it is played."""

    def __init__(self, loop: VirtualLoop, plan: Plan, random: Random, folder: Path) -> None:
        self.plan = plan
        self.trace = Trace(loop.time)
        self.surprises: list[str] = []
        """What nobody expected: exceptions that nobody caught, processes that ended by themselves."""
        self.texts = 0
        self.counts: dict[str, int] = {}
        """What a kind of scenario counts besides the ledger."""
        self._loop = loop
        self.random = random
        self._url = f"sqlite:///{folder / 'kwek.db'}"
        loop.network.trace = self.trace.octets
        loop.failed = self._failed
        self.journal = TwoClocks(loop.time, lambda: loop.network.left_at)
        conduct = Conduct(Random(random.random()).random)
        self._unique = conduct.again_after_s > 0
        """Where the centre asks again, a text that comes late and equal is taken for the first: so none is meant so."""
        self.settings = self.equipped(
            settings_for(self._url, random.choice((1, 1, 1, 2)), conduct.again_after_s or PATIENCE_S)
        )
        self.machine = Machine(loop, self.settings, book(), Random(random.random()), self.trace.note)
        self.machine.unexpected = self.surprises.append
        self.centre = Simulator(
            2775, [Account("kwek", "secret")], loop.time, random.random,
            lambda: BEGINS + timedelta(seconds=loop.time()),
            CentreSettings(host="centre", conduct=conduct, witness=self.journal, limits=Limits(window=100),
                           retry_s=RETRY_S),
        )  # fmt: skip
        self.chaos = Chaos(self.machine, loop.network, conduct, Random(random.random()), (self.journal, self.trace))
        self.chaos.links = lambda: self.centre.links
        self._phones = phones(Random(random.random()), PHONES)
        self._process = Process("centre")

    # ---------------------------------------------------------------------------------------------------- its course

    async def play(self) -> None:
        """The whole run."""
        await self._process.start(self._loop, self.centre.start())
        keeping = asyncio.create_task(self.chaos.keep_up())
        checkpoints = asyncio.create_task(self._checkpoints())
        try:
            await self.course()
            self.trace.note("healed")
            await self._drain()
        finally:
            for task in (keeping, checkpoints):
                task.cancel()
            await asyncio.wait([keeping, checkpoints])
        self.machine.ask_to_stop()
        try:
            async with asyncio.timeout(STOP_S):
                await self.machine.gone.wait()
        except TimeoutError:
            self.surprises.append(f"the gateway did not stop within {STOP_S:g} s")
            self.machine.kill("it does not stop")
            await self.machine.gone.wait()

    def equipped(self, settings: Settings) -> Settings:
        """The gateway's settings, where a kind of scenario has others."""
        return settings

    def count(self, books: Books) -> None:
        """Count what the ledger does not."""

    async def course(self) -> None:
        """What happens before everything is healed: texts and faults."""
        async with asyncio.TaskGroup() as both:
            both.create_task(self._lone())
            both.create_task(self._bursts())

    def verdict(self) -> Verdict:
        """The ledger. What was sent after a STOP is judged by when it left the gateway, exactly."""
        now = self.machine.clock.now()
        read = read_books(self._url, now)
        self.count(read)
        bounds = Bounds(window=WINDOW * self.settings.connectors[0].binds, stop_slack_s=0.0)
        lines = examine(self.journal.entries, read, bounds).lines
        exact = examine(self.journal.by_departure(), read, bounds).line("L6")
        return Verdict(tuple(exact if line.name == "L6" else line for line in lines))

    async def _lone(self) -> None:
        """Texts one by one, and faults, at any time."""
        total_s, draw = self.plan.hours * HOUR_S, self.random.random
        events = sorted(
            [(draw() * total_s, False) for _ in range(self.plan.lone_texts)]
            + [(draw() * total_s, True) for _ in range(self.plan.faults // 2)]
        )
        async with asyncio.TaskGroup() as faults:
            for at, is_fault in events:
                await asyncio.sleep(max(0.0, at - self._loop.time()))
                if is_fault:
                    faults.create_task(self.chaos.strike())
                else:
                    self._text()

    async def _bursts(self) -> None:
        """Many texts within a second or a few, and faults in their midst."""
        draw = self.random.random
        total_s = self.plan.hours * HOUR_S
        within = self.plan.faults - self.plan.faults // 2
        async with asyncio.TaskGroup() as faults:
            for nth, at in enumerate(sorted(draw() * total_s for _ in range(self.plan.bursts))):
                await asyncio.sleep(max(0.0, at - self._loop.time()))
                count = 1 + int(draw() * self.plan.most_in_burst)
                rate = BURST_RATE * (0.1 + 0.9 * draw())
                here = (within * (nth + 1)) // self.plan.bursts - (within * nth) // self.plan.bursts
                for _ in range(here):
                    faults.create_task(self._after(draw() * 1.5 * count / rate))
                for _ in range(count):
                    self._text()
                    await asyncio.sleep(min(1.0, -log(1.0 - draw()) / rate))

    async def _after(self, seconds: float) -> None:
        await asyncio.sleep(seconds)
        await self.chaos.strike()

    def _text(self) -> None:
        """A phone texts."""
        phone, number = self._phones()
        self.say(phone, number, saying(self.random, number, self.texts + 1, self._unique))

    def say(self, phone: str, number: str, text: str) -> None:
        """A phone texts this to a number."""
        self.texts += 1
        self._process.context.copy().run(self.centre.phone(phone).text, number, text)

    async def _drain(self) -> None:
        """Everything heals; wait until nothing is under way."""
        self.chaos.heal()
        await asyncio.sleep(DRAIN_S)
        until = self._loop.time() + LONGEST_DRAIN_S
        while self._loop.time() < until and self._is_busy():  # noqa: ASYNC110 - the store tells nobody
            await asyncio.sleep(10.0)

    def _is_busy(self) -> bool:
        soon = self.machine.clock.now() + int(HOUR_S) * SECOND
        return self.machine.node is None or waiting(self._url, soon) > 0

    async def _checkpoints(self) -> None:
        """Keep the log short while a process owns the file."""
        while True:
            await asyncio.sleep(CHECKPOINT_S)
            if self.machine.node is not None:
                keeper = checkpoint.Checkpointer.of(self._url)
                assert keeper is not None
                with suppress(sqlite3.OperationalError):  # a transaction is open: the next time
                    keeper.look()
                keeper.close()

    def _failed(self, context: dict[str, object]) -> None:
        self.surprises.append(f"nobody caught: {context.get('message')}: {context.get('exception')!r}")


def settings_for(url: str, binds: int, peer_response_s: float) -> Settings:
    """The gateway's settings, as kwek.toml would give them; timers are short, so that faults are noticed soon."""
    connector = Connector(
        name="carrier", host=Host("centre"), system_id="kwek", password=Secret("secret", "the simulation's own"),
        window=WINDOW, binds=binds, enquire_link_s=20.0, response_s=5.0, connect_s=5.0, reconnect_least_s=0.05,
        reconnect_most_s=5.0, refused_least_s=1.0, refused_most_s=5.0, peer_response_s=peer_response_s,
    )  # fmt: skip
    numbers = tuple(
        Number(
            number=Digits(number), kind="long-number" if number == QUIZ else "short-code", country=Country("NL"),
            brands=(brand,), via=connector.name,
        )
        for number, brand in NUMBERS.items()
    )  # fmt: skip
    gateway = Gateway(node="sim", store=Store("sqlite", url, url), drain_s=5.0)
    return Settings(gateway=gateway, numbers=numbers, connectors=(connector,))


@cache
def book() -> Rulebook:
    """The brands' rules, compiled once. Raises ValueError where they do not compile."""
    grants = grants_of(settings_for("sqlite://", 1, PATIENCE_S))
    compiled = compile_sources([Source(name, text) for name, text in SOURCES.items()], grants)
    if compiled.book is None:
        raise ValueError("; ".join(str(one) for one in compiled.diagnostics if one.severity == "error"))
    return compiled.book
