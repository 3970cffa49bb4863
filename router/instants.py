"""How the router counts time: in microseconds, as integers, from 1970 UTC where they are instants."""

from __future__ import annotations

SECOND = 1_000_000
MINUTE = 60 * SECOND
HOUR = 60 * MINUTE
DAY = 24 * HOUR
_EPOCH_WEEKDAY = 3  # 1970-01-01 was a Thursday
_SATURDAY = 5


def business_days_after(at: int, days: int) -> int:
    """The same time of day so many days later, of which Saturdays and Sundays (UTC) do not count."""
    left = days
    while left:
        at += DAY
        left -= (at // DAY + _EPOCH_WEEKDAY) % 7 < _SATURDAY
    return at
