"""Wakes the writer when something falls due: a timer for the next known instant, and a look round now and then.

The timer is a hint: what is due stands in the tables, and the look round finds what other nodes wrote or a clock that
was set moved.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable

from router.instants import SECOND
from router.world import World

LOOK_ROUND_S = 30.0
"""At the latest so often, in seconds, the tables are asked what is due."""


class Dripper:
    """Sleeps until the next due instant or a kick."""

    def __init__(self, world: World, kick: Callable[[], None]) -> None:
        self._world = world
        self._kick = kick
        self._at: int | None = None
        self._timer: asyncio.TimerHandle | None = None

    def start(self) -> None:
        """Look at once: much may have fallen due while nobody was there."""
        self._fire()

    def note(self, at: int | None) -> None:
        """Something falls due at that instant."""
        if at is not None and (self._at is None or at < self._at):
            self._arm(at)

    def stop(self) -> None:
        """Wake nobody any more."""
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None

    def _arm(self, at: int) -> None:
        self.stop()
        self._at = at
        wait_s = min(LOOK_ROUND_S, max(0.0, (at - self._world.now()) / SECOND))
        self._timer = asyncio.get_running_loop().call_later(wait_s, self._fire)

    def _fire(self) -> None:
        self._at = None
        self._arm(self._world.now() + int(LOOK_ROUND_S * SECOND))
        self._kick()
