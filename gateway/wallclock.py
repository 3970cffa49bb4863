"""Whether somebody set the system's clock: it is held against the one that only goes forward."""

from __future__ import annotations

from router.instants import SECOND
from router.world import World

LEAST = 5 * SECOND
"""What a time server mends without a word, and a busy machine takes between two readings."""


class WallClock:
    """How far the clock was set since that was last asked."""

    def __init__(self, world: World) -> None:
        self._world = world
        self._ahead = self._now_ahead()

    def set_by(self) -> int:
        """Microseconds by which it was set, below 0 when back; 0 for less than `LEAST`."""
        ahead = self._now_ahead()
        moved = ahead - self._ahead
        if abs(moved) < LEAST:
            return 0
        self._ahead = ahead
        return moved

    def _now_ahead(self) -> int:
        return self._world.now() - int(self._world.monotonic() * SECOND)
