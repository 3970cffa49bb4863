"""A gateway's clock that a test sets wrong by hand, while how long things take is not its business."""

import time

import pytest

from router.instants import SECOND
from router.world import System

NOON = 1_767_610_800 * SECOND
"""Monday 2026-01-05 12:00 in Amsterdam."""
LOOK_ROUND_S = 0.05
"""How often the tables are asked what is due: a test does not wait half a minute for it."""
HOUSEKEEPING_S = 0.25


class WrongClock:
    """The clock of every gateway in this process: it shows Monday noon, what went by since, and what it is wrong by."""

    def __init__(self, patch: pytest.MonkeyPatch) -> None:
        self._began = time.monotonic_ns() // 1000
        self.ahead = 0
        patch.setattr(System, "now", lambda world: self.now())
        patch.setattr("gateway.dripper.LOOK_ROUND_S", LOOK_ROUND_S)
        patch.setattr("gateway.node.HOUSEKEEPING_S", HOUSEKEEPING_S)

    def now(self) -> int:
        """Microseconds since 1970 UTC."""
        return NOON + time.monotonic_ns() // 1000 - self._began + self.ahead
