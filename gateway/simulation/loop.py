"""An asyncio loop whose clock is virtual: when nothing is ready it jumps to the next timer. No thread, no socket.

What asyncio promises is kept: callbacks run in the order in which they were asked for, timers in the order of their
time, and what one transport brings in the order in which it came. What it does not promise is drawn from the seed: how
long a turn takes, and in which order transports and timers that are ready in the same turn are looked at.
"""

from __future__ import annotations

import asyncio
import heapq
import sys
from asyncio import events
from collections import deque
from collections.abc import Callable
from contextvars import Context, copy_context
from random import Random
from typing import Any, TypeVar, TypeVarTuple

from gateway.simulation.network import Network
from gateway.simulation.process import Killed, Process, owner_of

TURN_S = 0.000_02
"""Mean virtual time of a turn that was not idle, in seconds."""
STALLED = 0.000_2
"""Share of turns in which the machine is busy with something else,"""
STALL_S = 0.05
"""for at most so many seconds."""
TIMERS = 0
"""The stream of the loop's own timers; sockets have others."""

_NOBODY = Context()
"""The kernel's own context: what runs in it belongs to no process."""

T = TypeVar("T")
Ts = TypeVarTuple("Ts")
Entry = tuple[float, int, asyncio.TimerHandle, Process | None, int]


class Stuck(Exception):
    """Nothing is ready and no timer runs: nothing will ever happen again."""


class VirtualLoop(asyncio.BaseEventLoop):
    """A loop for `asyncio.Runner(loop_factory=…)`; all chance is `random`'s."""

    def __init__(self, random: Random) -> None:
        self._runs = False
        super().__init__()
        self.network = Network(self, Random(random.random()))
        self.failed: Callable[[dict[str, Any]], None] = _raise
        """Told of exceptions that nobody caught, save those of the dead."""
        self.turns = 0
        self._random = random
        self._now = 0.0
        self._number = 0
        self._soon: deque[tuple[asyncio.Handle, Process | None]] = deque()
        self._timers: list[Entry] = []
        self._ended = False

    # ------------------------------------------------------------------------------------------------- its clock

    def time(self) -> float:
        """Virtual seconds since the loop was made."""
        return self._now

    def run_forever(self) -> None:
        """Take turn after turn until stopped. Raises Stuck."""
        before, hooks = events._get_running_loop(), sys.get_asyncgen_hooks()
        events._set_running_loop(self)
        # The generators of the dead are forgotten as they are: nothing of them may run when the collector finds them.
        sys.set_asyncgen_hooks(firstiter=_left_alone, finalizer=_left_alone)
        self._runs, self._ended = True, False
        try:
            while not self._ended:
                self._turn()
        finally:
            self._runs = False
            events._set_running_loop(before)
            sys.set_asyncgen_hooks(*hooks)

    def stop(self) -> None:
        """End `run_forever` after this turn."""
        self._ended = True

    def is_running(self) -> bool:
        """Whether a turn is being taken."""
        return self._runs

    def _turn(self) -> None:
        self.turns += 1
        draw = self._random.random
        if self._soon:
            self._now += 2 * TURN_S * draw() if draw() > STALLED else STALL_S * draw()
        elif self._timers:
            # A little late, as every wake-up is; and time goes by in every turn, so that nothing can spin for ever.
            self._now = max(self._now, self._timers[0][0]) + 2 * TURN_S * draw()
        else:
            raise Stuck(f"nothing is ready and nothing will be, at {self._now:.6f} s")
        self._wake()
        soon = self._soon
        for _ in range(len(soon)):
            handle, owner = soon.popleft()
            if handle.cancelled():
                continue
            if owner is not None:
                if not owner.alive:
                    continue
                if owner.frozen:
                    owner.backlog.append(handle)
                    continue
            handle._run()

    def _wake(self) -> None:
        """Make ready what is due: each stream in its order, the streams as chance has it."""
        timers, now, soon = self._timers, self._now, self._soon
        due: list[Entry] = []
        while timers and timers[0][0] <= now:
            entry = heapq.heappop(timers)
            if not entry[2].cancelled():
                due.append(entry)
        if len(due) < 2:
            soon.extend((entry[2], entry[3]) for entry in due)
            return
        streams: dict[int, deque[Entry]] = {}
        for entry in due:
            streams.setdefault(entry[4], deque()).append(entry)
        waiting = list(streams.values())
        while waiting:
            place = int(self._random.random() * len(waiting))
            entry = waiting[place].popleft()
            soon.append((entry[2], entry[3]))
            if not waiting[place]:
                waiting[place] = waiting[-1]
                waiting.pop()

    # --------------------------------------------------------------------------------------- what asyncio asks of it

    def call_soon(
        self, callback: Callable[[*Ts], object], *args: *Ts, context: Context | None = None
    ) -> asyncio.Handle:
        """Run `callback` in the next turn."""
        if context is None:  # an empty one is false
            context = copy_context()
        handle = asyncio.Handle(callback, args, self, context)
        self._soon.append((handle, owner_of(context)))
        return handle

    def call_soon_threadsafe(
        self, callback: Callable[[*Ts], object], *args: *Ts, context: Context | None = None
    ) -> asyncio.Handle:
        """There are no threads."""
        return self.call_soon(callback, *args, context=context)

    def call_later(
        self, delay: float, callback: Callable[[*Ts], object], *args: *Ts, context: Context | None = None
    ) -> asyncio.TimerHandle:
        """Run `callback` after so many virtual seconds."""
        return self.call_at(self._now + delay, callback, *args, context=context)

    def call_at(
        self, when: float, callback: Callable[[*Ts], object], *args: *Ts, context: Context | None = None
    ) -> asyncio.TimerHandle:
        """Run `callback` at that virtual time."""
        return self._at(when, TIMERS, callback, args, copy_context() if context is None else context)

    def kernel_at(self, when: float, stream: int, callback: Callable[..., object], *args: Any) -> asyncio.TimerHandle:
        """Something happens outside all processes: octets arrive, say. What is of one stream keeps its order."""
        return self._at(when, stream, callback, args, _NOBODY)

    def _at(
        self, when: float, stream: int, callback: Callable[..., object], args: tuple[Any, ...], context: Context
    ) -> asyncio.TimerHandle:
        handle = asyncio.TimerHandle(when, callback, args, self, context)
        self._number += 1
        heapq.heappush(self._timers, (when, self._number, handle, owner_of(context), stream))
        return handle

    def _timer_handle_cancelled(self, handle: asyncio.TimerHandle) -> None:
        """A cancelled timer stays in the heap until its time: it is looked at then."""

    def create_task(self, coro: Any, **more: Any) -> asyncio.Task[Any]:
        """A task, of the process in whose context it begins."""
        task: asyncio.Task[Any] = super().create_task(coro, **more)
        owner = owner_of(more.get("context"))
        if owner is not None:
            owner.began(task)
        return task

    async def create_connection(self, protocol_factory: Any, host: Any = None, port: Any = None, **_: Any) -> Any:
        """A connection in memory. Raises ConnectionRefusedError where nobody listens."""
        return await self.network.connect(protocol_factory, str(host), int(port))

    async def create_server(self, protocol_factory: Any, host: Any = None, port: Any = None, **_: Any) -> Any:
        """Listen in memory."""
        return self.network.listen(protocol_factory, str(host), int(port))

    def run_in_executor(self, executor: Any, func: Callable[[*Ts], T], *args: *Ts) -> asyncio.Future[T]:
        """Refused: what runs on a thread has no place in virtual time."""
        raise RuntimeError(f"{func} on a thread: no thread runs in the simulation")

    def call_exception_handler(self, context: dict[str, Any]) -> None:
        """An exception that nobody caught; the dead may leave theirs behind."""
        owner, task = owner_of(None), context.get("task")
        dead = isinstance(context.get("exception"), Killed) or (owner is not None and not owner.alive)
        if not dead and (task is None or task.get_coro().cr_frame is not None):  # a frame: it was not buried
            self.failed(context)

    # --------------------------------------------------------------------------------------------- life and death

    def kill(self, process: Process) -> None:
        """End a process at once; it is buried in the next turn."""
        if process.alive:
            process.kill()
            self.call_soon(process.bury, context=_NOBODY)

    def freeze(self, process: Process, seconds: float) -> None:
        """As SIGSTOP, and SIGCONT after so many seconds: it misses nothing, and learns of all of it at once."""
        if process.alive and not process.frozen:
            process.frozen = True
            self.kernel_at(self._now + seconds, TIMERS, self._thaw, process)

    def _thaw(self, process: Process) -> None:
        process.frozen = False
        backlog, process.backlog = process.backlog, []
        self._soon.extendleft((handle, process) for handle in reversed(backlog))


def _left_alone(generator: object) -> None:
    """What a generator left open stays open."""


def _raise(context: dict[str, Any]) -> None:
    error = context.get("exception")
    raise error if isinstance(error, Exception) else RuntimeError(str(context.get("message")))
