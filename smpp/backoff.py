"""How long to wait before connecting again.

Three kinds of setback are counted apart, for they call for different patience: a centre that does not answer may be
back in a second; a lost link is tried again at once, but not over and over; a centre that refused us (wrong password,
already bound) must not be knocked at, or it locks us out. Each doubles its wait from the least to the most; half of
each wait is chance, so that many binds do not come back in step. A bind that held for a while clears the counts.
"""

from collections.abc import Callable
from dataclasses import dataclass, field
from enum import Enum, auto
from typing import Final

#: A bind that held so many seconds was a good one: what went wrong before it counts no more.
STEADY_S: Final = 60.0

#: No wait is doubled more often: 2**20 times the least is above any sensible most.
_MOST_DOUBLINGS: Final = 20


class Setback(Enum):
    """Why a link is not there."""

    UNREACHED = auto()
    LOST = auto()
    REFUSED = auto()


@dataclass(slots=True)
class Backoff:
    """Waits in seconds; `chance` gives numbers from 0 up to 1."""

    least_s: float
    most_s: float
    refused_least_s: float
    refused_most_s: float
    chance: Callable[[], float]
    _counts: dict[Setback, int] = field(default_factory=dict)

    def after(self, setback: Setback, held_s: float = 0.0) -> float:
        """The wait after a setback; `held_s` is how long we had been bound before it."""
        if held_s >= STEADY_S:
            self._counts.clear()
        times = self._counts.get(setback, 0)
        self._counts[setback] = times + 1
        least, most = self.least_s, self.most_s
        if setback is Setback.REFUSED:
            least, most = self.refused_least_s, self.refused_most_s
        longest: float = min(most, least * float(1 << min(times, _MOST_DOUBLINGS)))
        return longest * (0.5 + 0.5 * self.chance())
