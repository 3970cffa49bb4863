"""Time, chance, ids and the writer's thread, as one value handed in at the root.

Nothing in the router reads a clock or a random number by itself. `System` is the real one; `Virtual` has a clock that
is moved by hand and runs the writer's work at once, for transcripts and tests.
"""

from __future__ import annotations

import asyncio
import os
import queue
import random
import signal
import threading
import time
from collections.abc import Awaitable, Callable
from contextlib import suppress
from typing import Any, Protocol, TypeVar

from router.instants import SECOND

T = TypeVar("T")

FAULT_POINTS = (
    "commit.before",  # everything is written, COMMIT is next
    "commit.after",  # it is on disk, nobody knows yet
    "claims.before",  # claimed texts are on disk, none is on the wire
    "claims.after",  # the kernel has them
    "answers.before",  # a group is on disk, its acknowledgements are next
    "answers.after",  # the kernel has them
    "response.read",  # a submit_sm_resp is read and not on disk
    "recovery.middle",  # what a dead process left is being sorted, not yet committed
)
"""Where `kwek torture` and the simulation end a process."""
TRIAL = "KWEK_FAULT"
"""Environment variable of a trial: POINT:NTH:kill or POINT:NTH:stop."""
CLOCK = "KWEK_CLOCK"
"""Environment variable of a trial: by how many seconds the system's clock is taken to be ahead (-30: it is behind)."""

END_S = 2.0
"""How long a thread that only reads is waited for at the end, in seconds: a server that has stopped answering may keep
it for ever, and a stop has ten seconds with many supervisors."""

EPOCH_MS = 1_735_689_600_000
"""2025-01-01 UTC: ids count milliseconds from here, which lasts until 2094."""
NODE_BITS = 10
COUNTER_BITS = 12
_NODE_MASK = ((1 << NODE_BITS) - 1) << COUNTER_BITS


def first_id_at(at: int) -> int:
    """No id that was given before that instant (microseconds since 1970 UTC) is as high."""
    return max(0, at // 1000 - EPOCH_MS) << (NODE_BITS + COUNTER_BITS)


class Ids:
    """Time-ordered 63-bit integers: 41 bits of milliseconds, 10 of node, 12 of counter.

    They never go back within a process, whatever the clock does.
    """

    def __init__(self, node: int) -> None:
        self._node = (node & ((1 << NODE_BITS) - 1)) << COUNTER_BITS
        self._last = 0

    def be(self, node: int) -> None:
        """Give ids of that node from now on."""
        self._node = (node & ((1 << NODE_BITS) - 1)) << COUNTER_BITS

    def go_on_after(self, stored: int) -> None:
        """Give no id at or below one that is stored already, should the clock have been set back."""
        self._last = max(self._last, stored)

    def next(self, now: int) -> int:
        """The next id at that instant (microseconds since 1970 UTC)."""
        fresh = ((now // 1000 - EPOCH_MS) << (NODE_BITS + COUNTER_BITS)) | self._node
        if fresh <= self._last:
            fresh = self._last + 1
            if fresh & _NODE_MASK != self._node:
                fresh = (((self._last >> (NODE_BITS + COUNTER_BITS)) + 1) << (NODE_BITS + COUNTER_BITS)) | self._node
        self._last = fresh
        return fresh


class World(Protocol):
    """What the router may know of the world outside."""

    ids: Ids

    def now(self) -> int:
        """Microseconds since 1970 UTC."""

    def monotonic(self) -> float:
        """Seconds that only go forward, from no particular start."""

    def chance(self) -> float:
        """A random number, 0 <= x < 1."""

    def fault(self, point: str) -> None:
        """A named place where a process may die in a trial (FAULT_POINTS); does nothing otherwise."""

    def offload(self, work: Callable[[], T]) -> Awaitable[T]:
        """Begin `work` on the writer's thread, at once; await its result, or its exception."""


def _nothing(_: str) -> None:
    """No trial is going on."""


def trial(order: str) -> Callable[[str], None]:
    """What ends (or stops) this process when it passes a point for the nth time; "" for nothing.

    Raises ValueError for an order that is not POINT:NTH:kill or POINT:NTH:stop.
    """
    if not order:
        return _nothing
    wanted, nth, how = (*order.split(":"), "", "")[:3]
    if wanted not in FAULT_POINTS or not nth.isdigit() or how not in ("kill", "stop"):
        raise ValueError(f"{TRIAL}={order!r} is not POINT:NTH:kill or POINT:NTH:stop, with POINT {FAULT_POINTS}")
    passed = 0

    def fault(point: str) -> None:
        nonlocal passed
        if point == wanted:
            passed += 1
            if passed == int(nth):
                os.kill(os.getpid(), signal.SIGKILL if how == "kill" else signal.SIGSTOP)

    return fault


def ahead(order: str) -> int:
    """By how many microseconds the clock is set ahead for a trial; "" for none. Raises ValueError for no number."""
    try:
        return int(float(order or "0") * SECOND)
    except (ValueError, OverflowError):
        raise ValueError(f"{CLOCK}={order!r} is not a number of seconds") from None


class Worker:
    """One thread that does what it is given, in order. A group's COMMIT passes here each time, and the standard
    library's executor takes 60 microseconds more for it: two futures, locks and a work item where one future will do.
    """

    def __init__(self, name: str) -> None:
        self._name = name
        self._jobs: queue.SimpleQueue[tuple[asyncio.Future[Any], Callable[[], Any]] | None] = queue.SimpleQueue()
        self._thread: threading.Thread | None = None
        self._closed = False

    def begin(self, work: Callable[[], T]) -> asyncio.Future[T]:
        """Begin `work` after what was begun before, for the running loop to await. Raises RuntimeError once closed."""
        if self._closed:
            raise RuntimeError(f"the thread {self._name} has ended")
        if self._thread is None:
            self._thread = threading.Thread(target=self._run, name=self._name, daemon=True)
            self._thread.start()
        result: asyncio.Future[T] = asyncio.get_running_loop().create_future()
        self._jobs.put((result, work))
        return result

    def close(self) -> None:
        """End when what was begun is done."""
        self._closed = True
        if self._thread is not None:
            self._jobs.put(None)
            self._thread.join()

    @property
    def queued(self) -> int:
        """How much was begun and waits for the thread, whether somebody still waits for it or not."""
        return self._jobs.qsize()

    async def end(self, last: Callable[[], object]) -> None:
        """Do `last` after what was begun before, and end. The loop does not stand still for what is under way; what
        takes longer than END_S ends with the process."""
        ended = self.begin(last)
        self._closed = True
        self._jobs.put(None)
        await asyncio.wait([ended], timeout=END_S)
        if ended.done():
            self.close()
            ended.result()

    def _run(self) -> None:
        while (job := self._jobs.get()) is not None:
            result, work = job
            try:
                value = work()
            except BaseException as error:  # whoever awaits it gets it
                self._tell(result, _fail, error)
            else:
                self._tell(result, _succeed, value)
            del job, result, work  # nothing is kept alive until the next one comes

    def _tell(self, result: asyncio.Future[Any], how: Callable[[asyncio.Future[Any], Any], None], what: object) -> None:
        with suppress(RuntimeError):  # the loop is closed: nobody waits any more
            result.get_loop().call_soon_threadsafe(how, result, what)


def _succeed(result: asyncio.Future[Any], value: Any) -> None:
    if not result.done():  # cancelled meanwhile
        result.set_result(value)


def _fail(result: asyncio.Future[Any], error: BaseException) -> None:
    if not result.done():
        result.set_exception(error)


class System:
    """The real world: the system's clocks, and one thread that owns the store."""

    def __init__(self, node: int = 0) -> None:
        self.ids = Ids(node)
        self.fault: Callable[[str], None] = trial(os.environ.get(TRIAL, ""))
        self._ahead = ahead(os.environ.get(CLOCK, ""))
        self._writer = Worker("writer")
        self.chance: Callable[[], float] = random.SystemRandom().random
        self.monotonic: Callable[[], float] = time.monotonic

    def now(self) -> int:
        """Microseconds since 1970 UTC."""
        return time.time_ns() // 1000 + self._ahead

    def offload(self, work: Callable[[], T]) -> Awaitable[T]:
        """Begin `work` on the writer's thread, after what it has begun before."""
        return self._writer.begin(work)

    def close(self) -> None:
        """End the writer's thread when what it has begun is done."""
        self._writer.close()


class Virtual:
    """A world whose clock is set by hand; chance is seeded and work is done at once."""

    def __init__(self, now: int, seed: int = 0) -> None:
        self.ids = Ids(0)
        self.at = now
        self.chance: Callable[[], float] = random.Random(seed).random

    def now(self) -> int:
        """The instant it was set to."""
        return self.at

    def monotonic(self) -> float:
        """The same instant in seconds."""
        return self.at / SECOND

    def fault(self, point: str) -> None:
        """Nothing dies here."""

    async def offload(self, work: Callable[[], T]) -> T:
        """Do `work` here and now."""
        return work()
