"""Where a group's time goes, in seconds per stage of one transaction. One clock read a stage, none a message."""

from __future__ import annotations

from collections.abc import Callable


class Stopwatch:
    """Laps between stages; `clock` gives monotonic seconds."""

    def __init__(self, clock: Callable[[], float]) -> None:
        self._clock = clock
        self._at = clock()
        self.laps: dict[str, float] = {}

    def start(self) -> None:
        """A new group begins: forget the laps of the one before."""
        self.laps = {}
        self._at = self._clock()

    def lap(self, stage: str) -> None:
        """What went by since the last lap belongs to this stage."""
        now = self._clock()
        self.laps[stage] = self.laps.get(stage, 0.0) + now - self._at
        self._at = now
