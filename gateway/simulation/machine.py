"""One machine with a disk, on which the gateway runs: it starts, is asked to stop, stands still, dies, starts again.

The gateway is `gateway.node`, as in production, on the real SQLite store. When it dies its open transaction dies with
it and the next process finds the file as the last COMMIT left it.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from contextlib import AsyncExitStack
from functools import partial
from random import Random
from typing import TYPE_CHECKING

from config.settings import Settings
from gateway import node
from gateway.lifecycle import Supervisor
from gateway.metrics import Metrics
from gateway.simulation.process import Process
from gateway.simulation.world import Clock, Disk, Doom, SimulatedWorld, WeatheredStore
from router.store.engine import Store, open_store
from router.store.errors import StoreError
from rules.rulebook import Rulebook

if TYPE_CHECKING:
    from gateway.simulation.loop import VirtualLoop

Tell = Callable[[str, str], None]
"""Told what happened, in a word and a sentence."""


class Machine:
    """Where the gateway runs. `disk` and `clock` outlive its processes."""

    def __init__(self, loop: VirtualLoop, settings: Settings, book: Rulebook, random: Random, tell: Tell) -> None:
        self.disk = Disk()
        self.clock = Clock(loop)
        self.doom = Doom(self._strike)
        self.lives = 0
        self.unexpected: Callable[[str], None] = _nobody
        """Told when a process ends by itself without a broken disk."""
        self.gone = asyncio.Event()
        """No process runs."""
        self.node: node.Node | None = None
        self._loop = loop
        self._settings = settings
        self._book = book
        self._random = random
        self._tell = tell
        self._process: Process | None = None
        self._supervisor: Supervisor | None = None
        self._store: Store | None = None
        self.gone.set()

    @property
    def alive(self) -> bool:
        """Whether a process runs."""
        return self._process is not None

    def boot(self) -> None:
        """Start the gateway."""
        if self._process is not None:
            return
        self.lives += 1
        self.gone.clear()
        self._tell("boot", f"life {self.lives}")
        process = self._process = Process(f"life {self.lives}")
        process.died = self._buried
        process.start(self._loop, self._live(process))

    def kill(self, why: str) -> None:
        """As kill -9."""
        if self._process is not None and self._process.alive:
            self._tell("kill", why)
            self._loop.kill(self._process)

    def freeze(self, seconds: float) -> None:
        """As SIGSTOP, and SIGCONT later."""
        if self._process is not None:
            self._tell("freeze", f"{seconds:.3f} s")
            self._loop.freeze(self._process, seconds)

    def ask_to_stop(self) -> None:
        """As SIGTERM."""
        if self._supervisor is not None:
            self._tell("stop", "asked to")
            self._supervisor.stop.set()

    def _strike(self, point: str) -> None:
        self.kill(f"at {point}")

    async def _live(self, process: Process) -> None:
        world = SimulatedWorld(self._loop, process, self.clock, Random(self._random.random()), self.doom)
        world.disk = self.disk
        supervisor = self._supervisor = Supervisor(asyncio.Event())
        ended = "asked to stop"
        try:
            async with AsyncExitStack() as up:
                await world.offload(partial(self._open, Random(self._random.random())))
                up.push_async_callback(self._close, world)
                await self._start(up, world, supervisor)
                await supervisor.stop.wait()
        except StoreError as error:
            ended = f"the store: {error}"
        except Exception as error:  # nothing else may end it
            ended = f"{type(error).__name__}: {error}"
            if process.alive:
                self.unexpected(ended)
        if not process.alive:
            return
        if supervisor.fault is not None:
            ended = f"{type(supervisor.fault).__name__}: {supervisor.fault}"
            if not isinstance(supervisor.fault, StoreError):
                self.unexpected(ended)
        self._tell("exit", ended)
        self._loop.kill(process)

    async def _start(self, up: AsyncExitStack, world: SimulatedWorld, supervisor: Supervisor) -> None:
        assert self._store is not None
        await world.offload(partial(node.begin, self._store, world, self._settings, self._book, {}))
        one = self.node = node.Node(self._settings, world, self._store, self._book, _no_older, Metrics())
        await up.enter_async_context(one.writing(supervisor))
        await up.enter_async_context(one.connected(supervisor))
        self._tell("started", "")

    def _open(self, random: Random) -> None:
        self._store = WeatheredStore(open_store(self._settings.gateway.store.url), self.disk, random)

    async def _close(self, world: SimulatedWorld) -> None:
        await world.offload(self._closed)

    def _closed(self) -> None:
        store, self._store = self._store, None
        if store is not None:
            store.close()

    def _buried(self) -> None:
        """The process is gone and none of its frames is left: the kernel gives its files back."""
        self._closed()
        self._process = self._supervisor = self.node = None
        self.disk.breaks = False
        self.gone.set()


def _no_older(sources: str) -> None:
    """Only one rule set was ever in force."""


def _nobody(what: str) -> None:
    """Nobody asked to be told."""
