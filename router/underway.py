"""One group on its way to the disk, and on which thread each of its steps is made.

SQLite's statements run here and now, on the loop's thread: made on a thread of their own each would hand the
interpreter's lock to and fro, and the loop's work would wait for theirs. Only what waits goes to the writer's thread
(COMMIT; the beginning, while another connection writes), and the loop goes on meanwhile. PostgreSQL's statements wait
for the network: the whole transaction is made on the writer's thread.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from functools import partial

from router.claims import Allowance
from router.group import Done, Group, Steps, commit, committing
from router.store.engine import Store
from router.ways import Ways
from router.world import World


class Underway:
    """A group that has begun, at `began` (monotonic seconds). `is_elsewhere`: all of it is done on another thread."""

    __slots__ = ("_coming", "_ended", "_steps", "_waits", "_world", "began", "is_elsewhere")

    def __init__(self, store: Store, group: Group, ways: Ways, allowance: Allowance) -> None:
        self._world: World = ways.world
        self.began = self._world.monotonic()
        self.is_elsewhere = store.dialect != "sqlite"
        self._ended: Done | Exception | None = None
        self._waits: Awaitable[None] | None = None
        self._coming: Awaitable[Done] | None = None
        self._steps: Steps[Done] = committing(store, group, ways, allowance)
        if self.is_elsewhere:
            self._coming = self._world.offload(partial(commit, store, group, ways, allowance))
        else:
            self._go_on(partial(next, self._steps))

    async def result(self) -> Done:
        """What the group came to, once it is on disk. Raises as `router.group.commit` does."""
        if self._coming is not None:
            return await self._coming
        while self._waits is not None:
            try:
                await self._waits
            except Exception as error:
                self._go_on(partial(self._steps.throw, error))
            else:
                self._go_on(partial(next, self._steps))
        if isinstance(self._ended, Done):
            return self._ended
        assert self._ended is not None
        raise self._ended

    def _go_on(self, step: Callable[[], Callable[[], None]]) -> None:
        """Do what can be done at once, and begin what waits."""
        self._waits = None
        try:
            wait = step()
        except StopIteration as end:
            self._ended = end.value
        except Exception as error:
            self._ended = error
        else:
            self._waits = self._world.offload(wait)
