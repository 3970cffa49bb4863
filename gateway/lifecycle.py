"""Tasks and callbacks that must not die in silence: the first one that fails ends the gateway, and says so.

Starting and stopping are an AsyncExitStack's: what was started last is stopped first, each within its time.
"""

from __future__ import annotations

import asyncio
import re
from collections.abc import AsyncIterator, Coroutine, Iterator
from contextlib import asynccontextmanager, contextmanager
from typing import Any

_MEANT = re.compile(r"[(<]")
"""Behind it asyncio's messages show the callback's arguments, and these may be what a phone wrote."""


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

    @contextmanager
    def listening(self) -> Iterator[None]:
        """While the block lasts, what a callback of the running loop raises ends the gateway, too: a timer, a read of a
        link, a task of which nobody asks what became. Errors of the system are not ours, and are only logged."""
        loop = asyncio.get_running_loop()
        before = loop.get_exception_handler()
        loop.set_exception_handler(self._raised)
        try:
            yield
        finally:
            loop.set_exception_handler(before)

    def _raised(self, loop: asyncio.AbstractEventLoop, context: dict[str, Any]) -> None:
        error = context.get("exception")
        if error is None or isinstance(error, OSError):
            loop.default_exception_handler(context)
        else:
            self._fail(_MEANT.split(str(context.get("message")), 1)[0].strip(), error)

    def _ended(self, task: asyncio.Task[None]) -> None:
        error = None if task.cancelled() else task.exception()
        if error is not None:
            self._fail(task.get_name(), error)

    def _fail(self, what: str, error: BaseException) -> None:
        self.dead[what] = f"{type(error).__name__}: {error}"
        self.fault = self.fault or error
        self.stop.set()


async def every(seconds: float, act: Any) -> None:
    """Do `act` (a coroutine function) again and again, with a pause of so many seconds between."""
    while True:
        await asyncio.sleep(seconds)
        await act()
