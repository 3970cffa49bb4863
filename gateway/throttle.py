"""How fast we may send to one message centre: its rate in segments, and pauses it asks for by refusing.

The rate is a token bucket; a refusal for throttling or a full queue pauses the connector, twice as long each time in a
row, and the first message that is accepted again ends that count. Time is an argument (monotonic seconds).
"""

from __future__ import annotations

import math
import sys

FIRST_PAUSE_S = 0.5
LONGEST_PAUSE_S = 30.0
BURST_S = 0.1
"""The bucket holds so many seconds' worth of the rate: small, since centres count over short intervals."""


class Throttle:
    """One connector's speed. `rate` in segments a second, 0 for no limit."""

    def __init__(self, rate: float, now: float) -> None:
        self._rate = rate
        self._most = max(1.0, rate * BURST_S)
        self._tokens = self._most
        self._filled_at = now
        self._pause_s = 0.0
        self._paused_until = 0.0

    def room(self, now: float) -> int:
        """How many segments may go now. A text that begins within it is let go whole, which may leave less than 0."""
        if now < self._paused_until:
            return 0
        if not self._rate:
            return sys.maxsize
        self._tokens = min(self._most, self._tokens + (now - self._filled_at) * self._rate)
        self._filled_at = now
        return math.floor(self._tokens)

    def spend(self, segments: int) -> None:
        """So many segments were handed over."""
        if self._rate:
            self._tokens -= segments

    def pause(self, now: float) -> float:
        """The centre asked us to slow down; gives the pause in seconds. Refusals within one pause count once."""
        if now >= self._paused_until:
            self._pause_s = min(LONGEST_PAUSE_S, max(FIRST_PAUSE_S, 2 * self._pause_s))
            self._paused_until = now + self._pause_s
        return self._paused_until - now

    def accepted(self, now: float) -> None:
        """The centre took a message: the next pause, if any, begins short again."""
        if self._pause_s and now >= self._paused_until:
            self._pause_s = 0.0

    def wait_s(self, now: float) -> float:
        """Seconds until there may be room again; 0 when there is."""
        if now < self._paused_until:
            return self._paused_until - now
        if not self._rate:
            return 0.0
        missing = 1.0 - self._tokens - (now - self._filled_at) * self._rate
        return max(0.0, math.ceil(missing / self._rate * 1000) / 1000)
