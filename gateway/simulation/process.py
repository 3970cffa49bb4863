"""Processes within one loop: what dies, or stands still, together.

Whoever begins something hands his context on, as asyncio does: a task to the tasks it starts, a timer to what it calls,
a transport to its protocol. So the context tells to which process a callback belongs, and a process is killed by never
running one of its callbacks again. Its sockets are the kernel's, and the kernel closes them.
"""

from __future__ import annotations

import asyncio
import weakref
from asyncio import tasks
from collections.abc import Callable, Coroutine
from contextvars import Context, ContextVar, copy_context
from typing import Any, Protocol, TypeVar

T = TypeVar("T")

_OWNER: ContextVar[Process | None] = ContextVar("process", default=None)
PRUNE_AT = 64
"""Tasks remembered before those that are gone are forgotten."""
MOST_FINALLY = 100
"""Awaits within `finally` blocks that one coroutine may have: more would be a loop."""


class Killed(BaseException):
    """The process ends here and now; nothing of it may catch this and go on."""


class Socket(Protocol):
    """What a kernel closes when its process ends."""

    def orphaned(self) -> None:
        """The process is gone."""


class Process:
    """One process: alive, frozen or dead. `died` is called by the kernel once it is dead and its frames are gone."""

    def __init__(self, name: str) -> None:
        self.name = name
        self.alive = True
        self.frozen = False
        self.context: Context = copy_context()
        self.context.run(_OWNER.set, self)
        self.sockets: dict[Socket, None] = {}
        self.backlog: list[asyncio.Handle] = []
        """Callbacks that wait while it is frozen, in their order."""
        self.died: Callable[[], None] = _nothing
        self._tasks: list[weakref.ref[asyncio.Task[Any]]] = []
        self._unburied: list[asyncio.Task[Any] | None] = []
        """Keeps the dead: whose wake-up was dropped nobody else holds, and the collector would find it as it stood."""

    def start(self, loop: asyncio.AbstractEventLoop, main: Coroutine[Any, Any, T]) -> asyncio.Task[T]:
        """Run its main coroutine."""
        return self.context.run(loop.create_task, main)

    def began(self, task: asyncio.Task[Any]) -> None:
        """A task of its own."""
        if len(self._tasks) >= PRUNE_AT:
            self._tasks = [one for one in self._tasks if (here := one()) is not None and not here.done()]
        self._tasks.append(weakref.ref(task))

    def kill(self) -> None:
        """As SIGKILL: nothing of it runs any more. The kernel closes its sockets, and buries it (`bury`) when the
        frame that called this is gone."""
        self.alive = False
        self._unburied = [task() for task in self._tasks]
        self.backlog.clear()
        sockets, self.sockets = self.sockets, {}
        for one in sockets:
            one.orphaned()

    def bury(self) -> None:
        """Close what its coroutines hold open, so that the garbage collector finds nothing to close, and tell."""
        while self._tasks:
            task = self._tasks.pop()()
            coroutine = None if task is None or task.done() else task.get_coro()
            if task is not None and coroutine is not None:
                self.context.copy().run(_close, coroutine)
                tasks._unregister_task(task)  # it will never be done, and nobody shall wait for it
        self._unburied.clear()
        self.died()


def _close(coroutine: Any) -> None:
    for _ in range(MOST_FINALLY):
        try:
            coroutine.close()
        except RuntimeError:  # it awaits within a `finally`: on to the next one
            continue
        except Killed:
            return
        return


def owner_of(context: Context | None) -> Process | None:
    """Whose callback this is; None: the kernel's, or the scenario's."""
    return _OWNER.get() if context is None else context.get(_OWNER)


def _nothing() -> None:
    """Nobody asked to be told."""
