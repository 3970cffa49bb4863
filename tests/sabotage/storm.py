"""A dense half minute in the simulation: everything that is promised is put to the test within it, so that a build that
breaks a promise is found out at once."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from math import log

from config.settings import Settings
from gateway.simulation.brands import CLUB, VOTE, WORDS
from gateway.simulation.network import Weather
from gateway.simulation.run import Run, run_plan
from gateway.simulation.scenario import HOUR_S, Plan, Scenario
from router.world import FAULT_POINTS

RATE = 8.0
FAULT_EVERY_S = 4.0
LATENCY_S = 0.02
DISK_S = 0.02


class Storm(Scenario):
    """Texts at a steady rate on a slow disk and a slow network; at named points the process dies or links are cut."""

    lasts_s = 30.0
    rate = RATE
    every_s = FAULT_EVERY_S
    points = tuple(point for point in FAULT_POINTS if point != "recovery.middle")
    cuts = 0.4
    """Share of the faults that cut the links."""

    async def course(self) -> None:
        """Text and strike."""
        draw = self.random.random
        while self.machine.node is None:  # noqa: ASYNC110 - nobody texts before it is up
            await asyncio.sleep(0.5)
        self._loop.network.weather = Weather(latency_s=LATENCY_S)
        self.machine.disk.before_s = self.machine.disk.after_s = DISK_S
        striking = asyncio.create_task(self._strike())
        until = self._loop.time() + self.plan.hours * HOUR_S
        while self._loop.time() < until:
            self._text()
            await asyncio.sleep(-log(1.0 - draw()) / self.rate)
        striking.cancel()
        await asyncio.wait([striking])

    async def _strike(self) -> None:
        draw, doom, kill = self.random.random, self.machine.doom, self.machine.doom.struck
        passed = asyncio.Event()
        while True:
            await asyncio.sleep(self.every_s * (0.5 + draw()))
            cuts = draw() < self.cuts
            doom.struck = (lambda _: passed.set()) if cuts else kill
            doom.point, doom.passings = self.points[int(draw() * len(self.points))], 1 + int(3 * draw())
            if cuts:
                await passed.wait()
                await self.chaos.cut()
                passed.clear()


class BeforeTheCommit(Storm):
    """Nothing but kills when all is written down and nothing is committed."""

    points = ("commit.before",)
    every_s = 2.0
    cuts = 0.0


class Unread(Storm):
    """Links are cut when acknowledgements are on their way."""

    points = ("answers.after",)
    every_s = 2.0
    cuts = 1.0


class Repeats(Storm):
    """Few phones that say few words again and again, and mean it each time; the centre asks nothing twice."""

    phones = 10

    async def course(self) -> None:
        """As ever, with a patient centre."""
        self.chaos.heal()
        await super().course()

    def _text(self) -> None:
        """One of two words."""
        draw = self.random.random
        self.say(f"3162000{int(draw() * self.phones):04}", VOTE, WORDS[int(draw() * 2)])


class LongTexts(Storm):
    """Nothing but texts of several parts, and kills when the first of them are acknowledged."""

    rate = 4.0
    points = ("answers.after", "commit.before")
    every_s = 2.0
    cuts = 0.0

    def _text(self) -> None:
        """One of three parts or so."""
        phone, number = self._phones()
        self.say(phone, number, f"verhaal {self.texts}: " + "Nog een lang verhaal, " * 20)


class Stopping(Storm):
    """Each phone asks for two texts, and says STOP while they are about to come."""

    rate = 5.0
    within_s = 0.3

    def _text(self) -> None:
        """Two texts of one phone."""
        phone = f"3162{self.texts:07}"
        self.say(phone, CLUB, "TWEE")
        self._loop.call_later(self.within_s * self.random.random(), self.say, phone, CLUB, "STOP")


class Unreceipted(Storm):
    """No receipts are asked for: what is of unknown outcome stays so, until its class decides. Many say STOP."""

    points = ("claims.after", "response.read", "commit.before")
    every_s = 2.0

    def _text(self) -> None:
        """Half of the texts ask for an answer that goes out at most once."""
        phone, number = self._phones()
        draw = self.random.random
        self.say(phone, number, "STOP" if draw() < 0.25 else "HELP" if draw() < 0.3 else f"iets {self.texts}")

    def equipped(self, settings: Settings) -> Settings:
        """Connectors without receipts."""
        (one,) = settings.connectors
        return replace(settings, connectors=(replace(one, receipts=False),))


class Rush(Unreceipted):
    """Several windows of texts a second, and one kill in their midst."""

    lasts_s = 3.0
    rate = 150.0
    every_s = 2.0

    def _text(self) -> None:
        """Each asks for one answer."""
        self.say(f"3162{self.texts:07}", CLUB, "STEM ROOD")

    async def _strike(self) -> None:
        await asyncio.sleep(self.every_s)
        await self.chaos.kill()


def storm(seed: int, kind: type[Storm] = Storm) -> Run:
    """Play one from a seed."""
    plan = Plan(hours=kind.lasts_s / HOUR_S, lone_texts=0, bursts=0, most_in_burst=0, faults=0)
    return run_plan(seed, plan, kind)
