"""Days as people say them, and the stretch of time that they are in a zone."""

from __future__ import annotations

from datetime import date, datetime, time, timedelta
from typing import Final, NamedTuple
from zoneinfo import ZoneInfo

from router.instants import SECOND
from router.measure import Period

DAYS: Final = 7
"""Days that are told of when none are named: today and the six before."""
FIRST, LAST = date(2000, 1, 1), date(2100, 1, 1)
"""Days outside of this century are slips of the pen, and some of them no computer can reckon with."""


class Days(NamedTuple):
    """The first and the last day of a period."""

    first: date
    last: date


def days_of(since: date | None, until: date | None, now: int, zone: str) -> Days:
    """The days that are meant at that instant, where one or both are not named.

    Raises ValueError with what is wrong, said of the names `since` and `until`.
    """
    today = datetime.fromtimestamp(now / SECOND, ZoneInfo(zone)).date()
    last = until or max(today, since or today)
    if not FIRST <= last <= LAST:
        raise ValueError(f"{last} is no day of this century")
    first = since or last - timedelta(days=DAYS - 1)
    if first > last:
        raise ValueError(f"since {first} is after until {last}")
    if first < FIRST:
        raise ValueError(f"{first} is no day of this century")
    return Days(first, last)


def period_of(days: Days, zone: str) -> Period:
    """From the beginning of the first day to the end of the last, as that zone has its days."""

    def beginning(day: date) -> int:
        return int(datetime.combine(day, time(), ZoneInfo(zone)).timestamp()) * SECOND

    return Period(beginning(days.first), beginning(days.last + timedelta(days=1)))
