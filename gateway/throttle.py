"""How fast we may send to one message centre: its rate in segments, and what it lets us know by refusing.

The rate is a token bucket. A refusal for throttling or a full queue pauses the connector, twice as long each time in a
row, and then halves the speed (of what it accepted lately, where that is less than the rate); from there it grows by a
tenth of the old speed each second, to the rate or to a multiple that shows the refusal to be past: additive increase,
multiplicative decrease, by which senders find a fair share without knowing of each other (Chiu and Jain 1989). Time is
an argument (monotonic seconds).
"""

from __future__ import annotations

import math
import sys

FIRST_PAUSE_S = 0.5
LONGEST_PAUSE_S = 30.0
BURST_S = 0.1
"""The bucket holds so many seconds' worth of the rate: small, since centres count over short intervals."""
MEASURED_S = 1.0
"""What was accepted in at least so long tells the speed that the centre bears."""
DECREASE = 0.5
INCREASE = 0.1
"""Of the speed at which we were refused: as much more each second."""
PAST = 4.0
"""Times the speed at which we were refused: a centre that bears it has changed its mind."""
LEAST_SPEED = 10.0
"""Segments a second below which no refusal drives us, for one at little traffic says little about speed; the pauses do
the rest."""


class Throttle:
    """One connector's speed. `rate` in segments a second, 0 for no limit."""

    def __init__(self, rate: float, now: float) -> None:
        self._rate = rate or math.inf
        self._tokens = self._most(self._rate)
        self._filled_at = now
        self._pause_s = 0.0
        self._paused_until = 0.0
        self._cut: tuple[float, float, float] | None = None
        """The speed after the last refusal, how much it gains each second, and since when."""
        self._accepted = 0
        self._accepted_since = now
        self._bears = 0.0
        """Segments a second that were accepted lately."""

    def speed(self, now: float) -> float:
        """Segments a second that may go: the rate, or less for as long as refusals are remembered."""
        if self._cut is None:
            return self._rate
        speed, gain, since = self._cut
        speed += gain * max(0.0, now - since)
        if speed >= min(self._rate, PAST * gain / INCREASE):
            self._cut = None
            return self._rate
        return speed

    def room(self, now: float) -> int:
        """How many segments may go now. A text that begins within it is let go whole, which may leave less than 0."""
        if now < self._paused_until:
            return 0
        speed = self.speed(now)
        if speed == math.inf:
            return sys.maxsize
        self._tokens = min(self._most(speed), self._tokens + max(0.0, now - self._filled_at) * speed)
        self._filled_at = now
        return math.floor(self._tokens)

    def spend(self, segments: int) -> None:
        """So many segments were handed over."""
        if self._rate != math.inf or self._cut is not None:
            self._tokens -= segments

    def pause(self, now: float) -> float:
        """The centre asked us to slow down; gives the pause in seconds. Refusals within one pause count once."""
        if now >= self._paused_until:
            speed = self.speed(now)
            if self._cut is None:  # what it bears is measured; later on a pause would count as what it bears
                speed = min(speed, max(self._measured(now), LEAST_SPEED / DECREASE))
            speed = max(speed, min(self._rate, LEAST_SPEED / DECREASE))
            self._pause_s = min(LONGEST_PAUSE_S, max(FIRST_PAUSE_S, 2 * self._pause_s))
            self._paused_until = now + self._pause_s
            self._cut = (DECREASE * speed, INCREASE * speed, self._paused_until)
            self._tokens, self._filled_at = min(1.0, self._tokens), self._paused_until
        return self._paused_until - now

    def accepted(self, now: float, segments: int = 1) -> None:
        """The centre took segments: the next pause, if any, begins short again."""
        if self._pause_s and now >= self._paused_until:
            self._pause_s = 0.0
        self._accepted += segments
        if now - self._accepted_since >= MEASURED_S:
            self._bears = self._accepted / (now - self._accepted_since)
            self._accepted, self._accepted_since = 0, now

    def wait_s(self, now: float) -> float:
        """Seconds until there may be room again; 0 when there is."""
        if now < self._paused_until:
            return self._paused_until - now
        speed = self.speed(now)
        if speed == math.inf:
            return 0.0
        missing = 1.0 - self._tokens - (now - self._filled_at) * speed
        return max(0.0, math.ceil(missing / speed * 1000) / 1000)

    def _measured(self, now: float) -> float:
        """Segments a second that were accepted lately; 0 when nothing was."""
        since = now - self._accepted_since
        return max(self._bears if since < 2 * MEASURED_S else 0.0, self._accepted / max(since, MEASURED_S))

    def _most(self, speed: float) -> float:
        return max(1.0, speed * BURST_S)
