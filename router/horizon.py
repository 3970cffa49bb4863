"""Before which instant no suspended run falls due, as far as this node knows: its looks for due runs begin there.

PostgreSQL keeps the index entry of a run that has ended until it is vacuumed away, which has to wait while any session
holds an older snapshot (`pg_dump`, an hour's report). A look from the beginning of the index would go past all of them,
again and again, and in the end longer than a statement may take. What another node suspends is that node's to perform;
what it has left behind when it died is found by looks that begin earlier, now and then. SQLite takes entries out at
once: there every look is a whole one.
"""

from __future__ import annotations

from typing import Final

from router.instants import MINUTE

WIDER_S: Final = 30.0
"""How often a look begins earlier: the contacts of a node that died wait no longer than for its other texts."""
APART: Final = 2 * MINUTE
"""How much earlier: what another node suspended meanwhile is due no sooner, as far as its clock is right."""
WHOLE_S: Final = 600.0
"""How often a look begins at the beginning, for nodes whose clocks were not right."""


class Horizon:
    """Where looks begin. Instants in microseconds since 1970 UTC, `monotonic` in seconds."""

    def __init__(self) -> None:
        self._known = 0
        self._wider_at = self._whole_at = float("-inf")
        self._before = (self._wider_at, self._whole_at)

    def since(self, dialect: str, now: int, monotonic: float) -> int:
        """Where a look begins that is made now."""
        if dialect == "sqlite":
            return 0
        self._before = (self._wider_at, self._whole_at)
        if monotonic - self._whole_at >= WHOLE_S:  # noted first: one that takes too long is not made again at once
            self._whole_at = self._wider_at = monotonic
            return 0
        if monotonic - self._wider_at >= WIDER_S:
            self._wider_at = monotonic
            return min(self._known, now - APART)
        return self._known

    def looked(self, earliest: int) -> None:
        """A look found this to be the earliest run that stands; call when what it did is on disk."""
        self._known = earliest

    def undone(self) -> None:
        """The last look was rolled back through no fault of its own (a deadlock, a cause that cannot be performed): the
        next one begins as early."""
        self._wider_at, self._whole_at = self._before

    def lowered(self, at: int | None) -> None:
        """Something was suspended here that falls due then."""
        if at is not None and at < self._known:
            self._known = at
