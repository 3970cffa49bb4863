"""The World of a simulated node: its clocks, its chance, its disk, and the places at which it may die.

`offload` does the work at one seeded instant and reports it at another, in the order in which it was begun, as the
writer's thread does. So whatever arrives, falls due or dies meanwhile does so before the commit, between the commit and
its report, or after both.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from random import Random
from typing import TYPE_CHECKING, TypeVar

from gateway.simulation.process import Killed, Process
from router.instants import SECOND
from router.store.engine import Store, Tx
from router.store.errors import StoreBroken, StoreUnavailable
from router.world import Ids

if TYPE_CHECKING:
    from gateway.simulation.loop import VirtualLoop

T = TypeVar("T")

BEGINS_AT = 1_767_610_800 * SECOND
"""Every simulation begins on 2026-01-05 at 11:00 UTC, a Monday noon in Amsterdam. Microseconds."""


@dataclass(slots=True)
class Disk:
    """How the store is just now; durations in seconds."""

    before_s: float = 0.000_4
    """Mean time until a transaction is done,"""
    after_s: float = 0.000_2
    """and from then until the loop hears of it."""
    away: bool = False
    """Nothing can be written: locked, or full."""
    away_at_commit: float = 0.0
    """Share of transactions that find the disk full when they commit."""
    breaks: bool = False
    """The next COMMIT meets an I/O error."""


@dataclass(slots=True)
class Clock:
    """A machine's clock on the wall: jumps when it is set."""

    loop: VirtualLoop
    offset_s: float = 0.0

    def now(self) -> int:
        """Microseconds since 1970 UTC."""
        return BEGINS_AT + int((self.loop.time() + self.offset_s) * SECOND)


@dataclass(slots=True)
class Doom:
    """At which passing of which named point the process dies. `struck` is told the point, and kills it."""

    struck: Callable[[str], None]
    point: str = ""
    passings: int = 0
    passed: dict[str, int] = field(default_factory=dict)
    """How often each point was passed in all: a point that nobody passes proves nothing."""

    def fault(self, point: str) -> None:
        """A named point is passed."""
        self.passed[point] = self.passed.get(point, 0) + 1
        if point != self.point:
            return
        self.passings -= 1
        if self.passings <= 0:
            self.point = ""
            self.struck(point)


class SimulatedWorld:
    """Time, chance and the writer's thread of one process on a machine (see router.world.World)."""

    def __init__(self, loop: VirtualLoop, process: Process, clock: Clock, random: Random, doom: Doom) -> None:
        self.ids = Ids(1)
        self.disk = Disk()
        self.monotonic: Callable[[], float] = loop.time
        self.now: Callable[[], int] = clock.now
        self.chance: Callable[[], float] = Random(random.random()).random
        self._loop = loop
        self._process = process
        self._random = random
        self._doom = doom
        self._free_at = 0.0
        self._told_at = 0.0

    def fault(self, point: str) -> None:
        """Pass a named point; raises Killed where the process dies at it."""
        self._doom.fault(point)
        if not self._process.alive:
            raise Killed(point)

    def offload(self, work: Callable[[], T]) -> asyncio.Future[T]:
        """Begin `work` on the writer's thread, after what it has begun before."""
        future: asyncio.Future[T] = self._loop.create_future()
        disk, draw = self.disk, self._random.expovariate
        self._free_at = max(self._free_at, self._loop.time()) + disk.before_s * draw(1.0)
        self._told_at = max(self._told_at, self._free_at + disk.after_s * draw(1.0))
        self._loop.call_at(self._free_at, self._do, work, future, self._told_at)
        return future

    def _do(self, work: Callable[[], T], future: asyncio.Future[T], told_at: float) -> None:
        try:
            result = work()
        except Killed:
            return
        except Exception as error:
            self._loop.call_at(told_at, _fail, future, error)
        else:
            self._loop.call_at(told_at, _tell, future, result)


def _tell(future: asyncio.Future[T], result: T) -> None:
    if not future.done():  # nobody waits any more
        future.set_result(result)


def _fail(future: asyncio.Future[T], error: Exception) -> None:
    if not future.done():
        future.set_exception(error)


class WeatheredStore(Store):
    """The real store on a disk that is slow, full, locked or broken when the simulation says so."""

    def __init__(self, opened: Store, disk: Disk, random: Random) -> None:
        super().__init__(opened.url, opened.engine, None)
        self._opened = opened
        self._disk = disk
        self._random = random

    @contextmanager
    def begin(self, marker: int = 0, *, leave_open: bool = False) -> Iterator[Tx]:
        """One transaction, if the disk lets it (router.store.engine.Store.begin)."""
        if self._disk.away:
            raise StoreUnavailable("the database does not take writes now: database is locked")
        with super().begin(marker, leave_open=leave_open) as tx:
            yield tx

    def commit(self, marker: int = 0) -> None:
        """Have it kept, if the disk lets it; one that breaks may have kept it, and nobody may say so."""
        disk = self._disk
        if disk.away_at_commit and self._random.random() < disk.away_at_commit:
            self._rollback()
            raise StoreUnavailable("the database does not take writes now: database or disk is full")
        if disk.breaks and self._random.random() < 0.5:
            self._rollback()
            raise StoreBroken("the database file cannot be written: disk I/O error")
        super().commit(marker)
        if disk.breaks:
            raise StoreBroken("the database file cannot be written: disk I/O error")

    def close(self) -> None:
        """Give connections and lock back; what is not committed is not."""
        super().close()
        self._opened.close()
