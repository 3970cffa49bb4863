"""The message centre's process, as a trial sees it: told what to do, and heard on how it stands."""

from __future__ import annotations

import asyncio
import json
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any, Final

import msgspec

from gateway.torture.gateways import told_by

CENTRE: Final = "from gateway.torture.centre import main; main()"
BOUND_S: Final = 60.0
"""A process that has not begun, or a gateway that has not bound, after so long never will: where it cannot be forked
and the machine is busy, Python alone takes twenty seconds."""


class TrialError(Exception):
    """The trial could not be carried out; the message says why, with the end of the gateway's log."""


class Manner(msgspec.Struct, frozen=True):
    """How it behaves: from which seed, what its phones text, how many texts it keeps under way, and whether it is
    hostile."""

    seed: int
    texts: str
    in_flight: int
    hostile: bool


class Carrier:
    """The message centre's process, as the trial sees it."""

    def __init__(self) -> None:
        self.port = 0
        self.bound: list[int] = []
        self.open = 0
        self.acknowledged = 0
        self.refused = 0
        """Answers other than ESME_ROK that its deliver_sm got."""
        self.submitted = 0
        self._process: asyncio.subprocess.Process | None = None
        self._listening: asyncio.Task[None] | None = None
        self._news = asyncio.Event()

    async def start(self, journal: Path, manner: Manner) -> None:
        """Start it, and wait until it listens."""
        self._process = await asyncio.create_subprocess_exec(
            sys.executable, "-c", CENTRE, str(journal), str(manner.seed), manner.texts, str(manner.in_flight),
            "hostile" if manner.hostile else "kind",
            stdin=asyncio.subprocess.PIPE, stdout=asyncio.subprocess.PIPE,
        )  # fmt: skip
        self._listening = asyncio.get_running_loop().create_task(self._listen(self._process))
        await self.until(lambda: self.port, BOUND_S)

    def do(self, what: str, **more: Any) -> None:
        """Give it an order."""
        assert self._process is not None and self._process.stdin is not None  # started before
        self._process.stdin.write(json.dumps({"do": what, **more}).encode() + b"\n")

    async def until(self, condition: Callable[[], object], seconds: float) -> None:
        """Wait until what it tells makes the condition true. Raises TimeoutError, and TrialError when it has ended."""
        async with asyncio.timeout(seconds):
            while not condition():
                if self._listening is not None and self._listening.done():
                    raise TrialError("the message centre has ended by itself")
                self._news.clear()
                await self._news.wait()

    async def stop(self) -> None:
        """End it; its journal is complete then."""
        if self._process is not None and self._process.stdin is not None:
            self._process.stdin.close()
            await self._process.wait()
        if self._listening is not None:
            await self._listening

    async def _listen(self, process: asyncio.subprocess.Process) -> None:
        async for told in told_by(process):
            for name, value in told.items():
                setattr(self, name, value)
            self._news.set()
        self._news.set()
