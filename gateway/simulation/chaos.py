"""What goes wrong in a simulation, and when: drawn from the seed, told to the journal, healed before the end.

A fault is one coroutine: it does its harm, waits, and undoes what can be undone. Several may be at work at once.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from math import inf
from random import Random
from typing import TYPE_CHECKING

from gateway.simulation.machine import Machine
from gateway.simulation.network import Network, Weather
from gateway.simulation.world import Disk
from router.world import FAULT_POINTS
from smpp.constants import ESME_RMSGQFUL, ESME_RTHROTTLED
from smpp.server import ServerLink
from smpp.simulator_conduct import Submit, Verdict
from smpp.simulator_hostile import HostileConduct

if TYPE_CHECKING:
    from gateway.simulation.journal import TwoClocks
    from gateway.simulation.trace import Trace

DOWN_S = 20.0
"""Longest time until a gateway that died is started again."""
AGAIN = 0.2
"""Share of deaths that are followed by another one while the next process recovers."""
POINT_WAIT_S = 60.0
"""How long a process is waited for that is to die at a named point."""
MOST_PASSINGS = 4
FELT_S = 0.2
"""A network or a store that is slower than this in each step holds up what proves a text read."""
PATIENT = 0.7
"""Share of centres that wait for an answer as long as their link stands."""


class Conduct(HostileConduct):
    """A hostile centre that is congested from time to time: it refuses for minutes what it took before."""

    def __init__(self, chance: Callable[[], float]) -> None:
        super().__init__(chance)
        if chance() < PATIENT:
            self.again_after_s = 0.0
        self.congested = 0.0
        """Share of messages that it refuses for now."""
        self._draw = chance

    def verdict(self, submit: Submit, text: str) -> Verdict:
        """As a hostile centre; while it is congested mostly a refusal."""
        if self.congested and self._draw() < self.congested:
            return Verdict(ESME_RTHROTTLED if self._draw() < 0.5 else ESME_RMSGQFUL)
        return super().verdict(submit, text)


class Chaos:
    """Makes faults on one machine, its network and its centre."""

    def __init__(
        self, machine: Machine, network: Network, conduct: Conduct, random: Random, told: tuple[TwoClocks, Trace]
    ) -> None:
        self.made: dict[str, int] = {}
        """How often each kind of fault was made."""
        self.links: Callable[[], Sequence[ServerLink]] = tuple
        """The centre's links."""
        self._machine = machine
        self._network = network
        self._conduct = conduct
        self._random = random
        self._journal, self._trace = told
        kinds: list[tuple[float, Callable[[], Awaitable[None]]]] = [
            (4.0, self.kill),
            (5.0, self.kill_at_a_point),
            (1.0, self._restart),
            (3.0, self.cut),
            (2.0, self._hang),
            (1.0, self._lose_for_good),
            (1.0, self._slow_network),
            (1.0, self._unreachable),
            (2.0, self._slow_store),
            (2.0, self._store_away),
            (1.0, self._disk_full),
            (1.0, self._disk_breaks),
            (1.0, self._clock_jumps),
            (2.0, self._freeze),
            (1.0, self._congestion),
        ]
        # A centre that asks again on the same link while nobody can hear it sends two equal texts at once: nothing in
        # SMPP tells these from two that were meant (RELIABILITY.md 2.1 f). So it is either impatient or hard to reach.
        unheard = (self._hang, self._slow_network, self._freeze)
        self._kinds = [kind for kind in kinds if not conduct.again_after_s or kind[1] not in unheard]

    async def strike(self) -> None:
        """Make one fault, and undo it."""
        weights = [weight for weight, _ in self._kinds]
        (_, act), *_ = self._random.choices(self._kinds, weights)
        await act()

    async def keep_up(self) -> None:
        """Start the gateway whenever none runs, sooner or later; now and then it dies at once again."""
        while True:
            await self._machine.gone.wait()
            quick = self._random.random() < 0.5
            await asyncio.sleep(self._random.random() * (0.2 if quick else DOWN_S))
            if self._machine.lives and self._random.random() < AGAIN:
                self._doom("recovery.middle", 1)
            self._machine.boot()
            await asyncio.sleep(0)

    def heal(self) -> None:
        """Undo everything."""
        self._machine.doom.point = ""
        self._machine.disk.away = False
        self._machine.disk.away_at_commit = 0.0
        self._machine.disk.before_s, self._machine.disk.after_s = Disk().before_s, Disk().after_s
        self._network.weather = Weather()
        self._conduct.congested = 0.0
        self._conduct.heal()

    # -------------------------------------------------------------------------------------------------- processes

    async def kill(self) -> None:
        """The process dies at any moment."""
        self._tell("kill")
        self._machine.kill("at random")

    async def kill_at_a_point(self) -> None:
        """The process dies at a named point, if it passes one in time."""
        point = self._random.choice(FAULT_POINTS)
        self._doom(point, self._random.randint(1, MOST_PASSINGS))
        await asyncio.sleep(POINT_WAIT_S)
        if self._machine.doom.point == point:
            self._machine.doom.point = ""

    async def _restart(self) -> None:
        self._tell("stop")
        self._machine.ask_to_stop()

    async def _freeze(self) -> None:
        seconds = self._random.choice((0.3, 1.1, 5.0, 25.0)) * (0.5 + self._random.random())
        self._tell("freeze", seconds)
        self._machine.freeze(seconds)

    def _doom(self, point: str, passings: int) -> None:
        self._tell("kill", detail=f"at {point}, passing {passings}")
        self._machine.doom.point, self._machine.doom.passings = point, passings

    # ---------------------------------------------------------------------------------------------------- network

    async def cut(self) -> None:
        """All connections break."""
        self._tell("cut")
        for connection in self._network.connections:
            self._network.cut(connection)

    async def _hang(self) -> None:
        seconds = self._random.expovariate(0.2)
        self._tell("hang", seconds)
        self._hang_all(seconds)

    async def _lose_for_good(self) -> None:
        self._tell("black hole")
        self._hang_all(inf)

    def _hang_all(self, seconds: float) -> None:
        now = asyncio.get_running_loop().time()
        for connection in self._network.connections:
            self._network.hang(connection, seconds)
            for link in self.links():
                if link.peer == connection.near.get_extra_info("sockname"):
                    self._journal.hangs(link.number, now, now + seconds)

    async def _slow_network(self) -> None:
        slow = self._random.choice((0.02, 0.2, 1.0))
        sliced = self._random.random()
        seconds = self._random.expovariate(0.1)
        felt_s = seconds + 1.5 * slow  # what is on its way by then arrives that late
        self._tell("slow network", felt_s if slow >= FELT_S else 0.0, f"{slow} s, {sliced:.2f} sliced")
        self._network.weather = Weather(slow, slow / 2, sliced, octet_by_octet=0.5)
        await asyncio.sleep(seconds)
        self._network.weather = Weather()

    async def _unreachable(self) -> None:
        refuses = self._random.random() < 0.5
        self._tell("unreachable", detail="refuses" if refuses else "swallows")
        self._network.weather = Weather(refuses=refuses, swallows=not refuses)
        for connection in self._network.connections:
            self._network.cut(connection)
        await asyncio.sleep(self._random.expovariate(0.1))
        self._network.weather = Weather()

    async def _congestion(self) -> None:
        self._tell("congestion")
        self._conduct.congested = self._random.uniform(0.3, 1.0)
        await asyncio.sleep(self._random.expovariate(0.1))
        self._conduct.congested = 0.0

    # -------------------------------------------------------------------------------------------- disk and clock

    async def _slow_store(self) -> None:
        disk = self._machine.disk
        disk.before_s = self._random.choice((0.05, 0.5, 1.5))
        disk.after_s = disk.before_s * self._random.random()
        seconds = self._random.expovariate(0.1)
        felt_s = seconds + disk.before_s + disk.after_s  # a commit that has begun by then
        self._tell("slow store", felt_s if disk.before_s >= FELT_S else 0.0, f"{disk.before_s} s")
        await asyncio.sleep(seconds)
        disk.before_s, disk.after_s = Disk().before_s, Disk().after_s

    async def _store_away(self) -> None:
        seconds = self._random.expovariate(0.2)
        self._tell("store away", seconds)
        self._machine.disk.away = True
        await asyncio.sleep(seconds)
        self._machine.disk.away = False

    async def _disk_full(self) -> None:
        share, seconds = self._random.uniform(0.2, 1.0), self._random.expovariate(0.2)
        self._tell("disk full", seconds)
        self._machine.disk.away_at_commit = share
        await asyncio.sleep(seconds)
        self._machine.disk.away_at_commit = 0.0

    async def _disk_breaks(self) -> None:
        self._tell("disk breaks")
        self._machine.disk.breaks = True

    async def _clock_jumps(self) -> None:
        # Less than parts wait for one another: a clock set past that delivers half a long text as it is.
        seconds = self._random.choice((-300.0, -30.0, -1.0, 1.0, 30.0, 300.0))
        self._tell("clock jumps", detail=f"{seconds:+g} s")
        self._machine.clock.offset_s += seconds

    def _tell(self, kind: str, seconds: float = 0.0, detail: str = "") -> None:
        self.made[kind] = self.made.get(kind, 0) + 1
        self._trace.note("fault", f"{kind} {detail}".strip())
        now = asyncio.get_running_loop().time()
        self._journal.befell(kind, now, now + seconds, detail)
