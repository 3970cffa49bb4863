"""Tasks that must not die in silence: the first one that fails ends the gateway, and says so.

Starting and stopping are an AsyncExitStack's: what was started last is stopped first, each within its time.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Coroutine
from contextlib import asynccontextmanager
from typing import Any


class Supervisor:
    """The gateway's background tasks. `stop` is set when it is asked to end, or when one of them has failed."""

    def __init__(self, stop: asyncio.Event) -> None:
        self.stop = stop
        self.fault: BaseException | None = None
        self.dead: dict[str, str] = {}
        """Tasks that failed, by name, with why: what /healthz shows."""

    def start(self, work: Coroutine[Any, Any, None], name: str) -> asyncio.Task[None]:
        """Run `work` in the background and watch over it."""
        task = asyncio.create_task(work, name=name)
        task.add_done_callback(self._ended)
        return task

    @asynccontextmanager
    async def running(self, work: Coroutine[Any, Any, None], name: str) -> AsyncIterator[asyncio.Task[None]]:
        """Run `work` for as long as the block lasts, then cancel it."""
        task = self.start(work, name)
        try:
            yield task
        finally:
            task.cancel()
            await asyncio.wait([task])

    def _ended(self, task: asyncio.Task[None]) -> None:
        if task.cancelled():
            return
        error = task.exception()
        if error is not None:
            self.dead[task.get_name()] = f"{type(error).__name__}: {error}"
            self.fault = self.fault or error
            self.stop.set()


async def every(seconds: float, act: Any) -> None:
    """Do `act` (a coroutine function) again and again, with a pause of so many seconds between."""
    while True:
        await asyncio.sleep(seconds)
        await act()
