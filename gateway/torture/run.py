"""One trial from beginning to end: a hostile centre, gateways that die one after another, and then the ledger.

A trial repeats from its seed: which faults, where, and what the centre does. When a thing happens between two
processes is the machine's to decide, so the same seed finds the same kind of mistake and not always the same text.
"""

from __future__ import annotations

import asyncio
import random
import signal
import time
from collections import Counter
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Final

import msgspec

from gateway.torture import books
from gateway.torture.carrier import BOUND_S, Carrier, Manner, TrialError
from gateway.torture.faults import Fault, plan
from gateway.torture.gateways import Gateway, Gateways, Nursery
from gateway.torture.grounds import DISK, Ground, grounds_for
from gateway.torture.journal import read
from gateway.torture.ledger import Bounds, Verdict, examine
from gateway.torture.workload import CONFIG, PASSWORD, RULES, Texts
from router.world import System
from smpp.simulator_hostile import IMPATIENCE_S

POINT_S: Final = 5.0
"""A named point that is not passed within this time is given up: the gateway is killed where it stands."""
DRAIN_S: Final = 60.0
"""When all is healed, so long is waited for what is still on its way (RELIABILITY.md 2.0)."""
LOOK_S: Final = 0.1
SECOND: Final = 1_000_000
HALVES: Final = 10
"""Long texts that are begun when a gateway is to die half-way through one."""
KILLED: Final = -signal.SIGKILL
LOG_TOLD: Final = 2000
"""Characters of the gateway's log that are shown when it ended by itself."""


class Orders(msgspec.Struct, frozen=True, kw_only=True):
    """What to try: on which store (`sqlite` for a file of its own, else a URL), with how many kills, from which seed.

    `only` names kinds of faults (gateway.torture.faults.KINDS), none: all. `resends`: at the end, wait for texts that
    were refused for now or whose outcome is unknown to be sent once more, too, which takes half a minute.
    """

    store: str = "sqlite"
    kills: int = 30
    seed: int = 1
    texts: Texts = "unique"
    only: tuple[str, ...] = ()
    hostile: bool = True
    window: int = 50
    in_flight: int = 50
    resends: bool = False


class Report(msgspec.Struct, frozen=True, kw_only=True):
    """What came of it. `seconds` of the kills alone, without the drain."""

    verdict: Verdict
    kills: int
    seconds: float
    drained_s: float
    faults: dict[str, int]

    def table(self) -> str:
        """All of it for people."""
        faults = ", ".join(f"{name} {times}" for name, times in sorted(self.faults.items()))
        each = self.seconds / self.kills if self.kills else 0.0
        head = f"{self.kills} kills in {self.seconds:.1f} s ({each:.2f} s each), drained in {self.drained_s:.1f} s"
        return f"{head}\n{faults}\n{self.verdict.table()}"


class Trial:
    """Carries orders out in a folder that is its own."""

    def __init__(self, orders: Orders, folder: Path, say: Callable[[str], None]) -> None:
        self.carrier = Carrier()
        self.faults: Counter[str] = Counter()
        self.between: Callable[[Fault], None] = lambda _: None
        """Called after each kill, while no gateway runs."""
        self._orders = orders
        self._folder = folder
        self._say = say
        self._stopped_at = 0
        self._now = System().now  # as the gateways read it: KWEK_CLOCK moves theirs too
        self._chance = random.Random(orders.seed).random
        self._grounds: dict[str, Ground] = {}
        self._url = orders.store

    async def run(self, planned: Sequence[Fault] | None = None, nursery: Nursery | None = None) -> Report:
        """The whole trial: faults as the orders ask for, or as planned. Raises TrialError when it cannot be carried on.

        With a nursery that runs already, gateways are forked there.
        """
        orders = self._orders
        faults = plan(orders.kills, orders.only, self._chance) if planned is None else planned
        journal = self._folder / "journal.jsonl"
        self._grounds = grounds_for({fault.name for fault in faults}, self._folder, orders.store, self._chance)
        if orders.store == "sqlite":
            at = self._folder / DISK if (self._folder / DISK).is_dir() else self._folder
            self._url = f"sqlite:///{at / 'kwek.db'}"
        if not await asyncio.to_thread(books.is_fresh, self._url):
            raise TrialError("there are texts in that store: a trial needs one of its own")
        config = self._folder / "kwek.toml"
        own = Nursery()
        manner = Manner(orders.seed, orders.texts, orders.in_flight, orders.hostile)
        environment = {"KWEK_TORTURE_PASSWORD": PASSWORD, "KWEK_TORTURE_STORE": self._url}
        gateways = Gateways(nursery or own, config, environment)
        try:
            if nursery is None:
                await own.open()  # it loads while the centre does
            for ground in self._grounds.values():
                await ground.lay()
            await self.carrier.start(journal, manner)
            self._write_settings(config)
            self.carrier.do("load")
            began = time.monotonic()
            for number, fault in enumerate(faults, 1):
                await self._live(gateways, fault)
                if number % 10 == 0:
                    self._say(f"{number} kills, {self.carrier.acknowledged} texts acknowledged")
            ended = time.monotonic()
            await self._heal(gateways)
            drained = time.monotonic()
        finally:
            await gateways.close()
            await own.close()
            await self.carrier.stop()
            for ground in reversed(self._grounds.values()):
                await ground.clear()
        found = await asyncio.to_thread(books.read_books, self._url, self._stopped_at)
        verdict = await asyncio.to_thread(examine, list(read(journal)), found, self._bounds())
        return Report(
            verdict=verdict, kills=len(faults), seconds=ended - began, drained_s=drained - ended,
            faults=dict(self.faults),
        )  # fmt: skip

    def _bounds(self) -> Bounds:
        return Bounds(window=self._orders.window, peer_response_s=IMPATIENCE_S)

    def _write_settings(self, config: Path) -> None:
        (self._folder / "brands").mkdir(exist_ok=True)
        (self._folder / "brands" / "torture.rules").write_text(RULES)
        config.write_text(
            CONFIG.format(node="torture", port=self.carrier.port, window=self._orders.window, impatience=IMPATIENCE_S)
        )

    # ------------------------------------------------------------------------------------------------- one life

    async def _live(self, gateways: Gateways, fault: Fault) -> None:
        ground = self._grounds.get(fault.name)
        if ground is not None:
            fault = await asyncio.to_thread(ground.prepared, fault)
        if fault.store:  # another way to the same store
            elsewhere = {**fault.environment, "KWEK_TORTURE_STORE": fault.store}
            fault = msgspec.structs.replace(fault, environment=elsewhere)
        gateway = await gateways.start(fault)
        self.faults[fault.name] += 1
        for _ in range(HALVES if fault.half else 0):
            self.carrier.do("half")
        if fault.after_s is None:
            await self._dies(gateway, fault)
        else:
            await self._bound(gateway, gateways.log)
            await _ended_within(gateway, fault.after_s)
            if ground is not None and not await ground.strike(gateway, self.carrier):
                self.faults[f"{fault.name} not felt"] += 1
            if fault.freeze_s:
                await self._freeze(gateway, fault.freeze_s)
            if fault.deaf_s:
                self.carrier.do("deaf")
                await _ended_within(gateway, fault.deaf_s)
            await gateway.end(signal.SIGKILL)
            if fault.deaf_s:
                self.carrier.do("cut")
        self.carrier.do("befell", kind="kill", at=time.monotonic(), detail=fault.name)
        if gateway.status != KILLED:
            raise TrialError(f"the gateway ended by itself with {gateway.status}:\n{_tail(gateways.log)}")
        await self.carrier.until(lambda: not self.carrier.bound, BOUND_S)  # it knows that this one is gone
        if ground is not None:
            await asyncio.to_thread(ground.afterwards)
        self.between(fault)

    async def _dies(self, gateway: Gateway, fault: Fault) -> None:
        """It dies at the named point, or where it stands when it does not come there."""
        if not await _ended_within(gateway, POINT_S):
            self.faults[f"{fault.name} not passed"] += 1
            await gateway.end(signal.SIGKILL)

    async def _freeze(self, gateway: Gateway, seconds: float) -> None:
        at = time.monotonic()
        gateway.tell(signal.SIGSTOP)
        await _ended_within(gateway, seconds)
        gateway.tell(signal.SIGCONT)
        self.carrier.do("befell", kind="freeze", at=at, until=time.monotonic(), detail=f"{seconds:.3f} s")
        await _ended_within(gateway, self._chance() * seconds)

    async def _bound(self, gateway: Gateway, log: Path) -> None:
        try:
            await self.carrier.until(lambda: gateway.ended.is_set() or self.carrier.bound, BOUND_S)
        except TimeoutError:
            raise TrialError(f"the gateway has not bound within {BOUND_S:g} s:\n{_tail(log)}") from None

    # ------------------------------------------------------------------------------------------------ the end

    async def _heal(self, gateways: Gateways) -> None:
        """No more faults: everything is acknowledged and sent, then the last gateway stops when it is told to."""
        carrier = self.carrier
        gateway = await gateways.start(Fault(name="none"))
        await self._bound(gateway, gateways.log)
        self._sample(gateway)
        carrier.do("quiet")
        carrier.do("heal")
        by = time.monotonic() + DRAIN_S
        try:
            await carrier.until(lambda: gateway.ended.is_set() or not carrier.open, DRAIN_S)
            while time.monotonic() < by and await self._waiting():
                await _ended_within(gateway, LOOK_S)
        except TimeoutError:
            self._say(f"{carrier.open} texts are still not acknowledged")
        if gateway.ended.is_set():
            raise TrialError(f"the gateway ended by itself with {gateway.status}:\n{_tail(gateways.log)}")
        self._sample(gateway)
        self._stopped_at = self._now()  # what falls due from now on nobody looks at any more
        if await gateway.end(signal.SIGTERM):
            raise TrialError(f"the gateway stopped with {gateway.status}:\n{_tail(gateways.log)}")

    async def _waiting(self) -> int:
        """Texts on their way: those that are due, or that will be while we wait for them."""
        by = self._now() + (int(DRAIN_S) * SECOND if self._orders.resends else 0)
        return await asyncio.to_thread(books.waiting, self._url, by)

    def _sample(self, gateway: Gateway) -> None:
        resident, descriptors = gateway.uses()
        at = time.monotonic()
        self.carrier.do("sampled", at=at, process=gateway.pid, resident=resident, descriptors=descriptors)


async def _ended_within(gateway: Gateway, seconds: float) -> bool:
    try:
        async with asyncio.timeout(seconds):
            await gateway.ended.wait()
    except TimeoutError:
        return False
    return True


def _tail(log: Path) -> str:
    return log.read_text(errors="replace")[-LOG_TOLD:] if log.exists() else "(it has logged nothing)"
