"""The hardest question for evidence: four words, 200 texts a second, a quarter of them said again by the same phone
within seconds, and a fault a minute (RELIABILITY.md 2.2). Which are re-deliveries, and which are meant?

Doubles are net: a doubt that a genuine repeat spent before the re-delivery came swaps two equal texts, which nobody
can see.
"""

from __future__ import annotations

import asyncio
from collections import Counter
from math import log

from gateway.simulation.brands import VOTE, WORDS
from gateway.simulation.network import Weather
from gateway.simulation.run import Run, run_plan
from gateway.simulation.scenario import HOUR_S, Plan, Scenario
from gateway.torture.checks_in import SUSPECTED
from gateway.torture.entries import Books, Texted

RATE = 200.0
REPEATED = 0.25
"""Share of texts that the same phone has just said,"""
SOONEST_S, LATEST_S = 0.5, 8.0
"""so many seconds before."""
FAULT_EVERY_S = 60.0
PHONES = 20_000
HOURS = 1 / 6
"""119,000 texts. Shorter runs are denser, or no fault would leave a text in doubt:"""
FEWEST = 10
"""so many faults at least,"""
SLOW_S = 0.01
"""and a network and a disk that take so long, so that texts are on their way when one falls."""


class EqualTexts(Scenario):
    """A vote, and faults."""

    async def course(self) -> None:
        """Texts at a steady rate; kill, kill at a named point and cut in turn."""
        self.chaos.heal()
        while self.machine.node is None:  # noqa: ASYNC110 - nobody texts before it is up
            await asyncio.sleep(1.0)
        if self.plan.hours < HOURS:
            self._loop.network.weather = Weather(latency_s=SLOW_S)
            self.machine.disk.before_s = self.machine.disk.after_s = SLOW_S
        striking = asyncio.create_task(self._strike())
        loop, draw = asyncio.get_running_loop(), self.random.random
        until = loop.time() + self.plan.hours * HOUR_S
        while loop.time() < until:
            phone, word = f"316{int(draw() * PHONES):08}", WORDS[int(draw() * len(WORDS))]
            self.say(phone, VOTE, word)
            if draw() < REPEATED / (1 - REPEATED):
                loop.call_later(SOONEST_S + (LATEST_S - SOONEST_S) * draw(), self.say, phone, VOTE, word)
            await asyncio.sleep(-log(1.0 - draw()) / (RATE * (1 - REPEATED)))
        striking.cancel()
        await asyncio.wait([striking])
        await asyncio.sleep(LATEST_S)

    def count(self, books: Books) -> None:
        """Texts acted upon more often, or less often, than they were meant."""
        meant = Counter((one.sender, one.text) for one in self.journal.entries if isinstance(one, Texted))
        acted = Counter((row.sender, row.text) for row in books.inbound if row.state != SUSPECTED)
        self.counts = {
            "texts": meant.total(),
            "net doubles": sum((acted - meant).values()),
            "held as suspected": sum(row.state == SUSPECTED for row in books.inbound),
            "wrongly held": sum((meant - acted).values()),
        }

    async def _strike(self) -> None:
        lasts_s, chaos = self.plan.hours * HOUR_S, self.chaos
        every_s = min(FAULT_EVERY_S, lasts_s / FEWEST)
        # One that waits at a named point is waited for, longer than a short run lasts.
        acts = (chaos.kill, chaos.cut, chaos.kill_at_a_point) if every_s == FAULT_EVERY_S else (chaos.kill, chaos.cut)
        for turn in range(int(lasts_s / every_s)):
            await asyncio.sleep(every_s * (0.5 if turn == 0 else 1.0))
            await acts[turn % len(acts)]()


def equal_texts(seed: int, hours: float = HOURS) -> Run:
    """Run the workload from a seed. `Run.counts` tells what came of it."""
    return run_plan(seed, Plan(hours=hours, lone_texts=0, bursts=0, most_in_burst=0, faults=0), EqualTexts)
