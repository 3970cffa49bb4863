"""When something falls due: elapsed time and calendar time (LANGUAGE.md section 6).

Minutes and hours are elapsed time. Days and longer are calendar days in the contact's zone, so a day that clocks are
changed on is a day. A local time that a clock change leaves out is taken by the old clock (02:30 becomes 03:30); one
that comes twice is the first of the two.
"""

from __future__ import annotations

from calendar import monthrange
from datetime import UTC, datetime, timedelta, tzinfo
from typing import Final

from rules.syntax import Clock, Duration

_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)
_MICROSECOND: Final = timedelta(microseconds=1)

#: 150 years in each unit, as `check` allows: every instant stays one that calendars and stores know.
_LONGEST: Final = {"minute": 78_894_000, "hour": 1_314_900, "day": 54_787, "week": 7_826, "month": 1_800, "year": 150}


def instant(at: int) -> datetime:
    """Microseconds since 1970 UTC as an aware datetime."""
    return _EPOCH + timedelta(microseconds=at)


def microseconds(moment: datetime) -> int:
    """An aware datetime as microseconds since 1970 UTC."""
    return (moment - _EPOCH) // _MICROSECOND


def after(at: int, duration: Duration, zone: tzinfo, clock: Clock | None = None) -> int:
    """The instant `duration` after `at`; with `clock`, that time of day on the day it leads to."""
    if duration.unit in ("minute", "hour"):
        return at + _count(duration) * (60 if duration.unit == "minute" else 3600) * 1_000_000
    return _utc(_shift(instant(at).astimezone(zone), duration, 1, clock))


def next_clock(at: int, clock: Clock, zone: tzinfo) -> int:
    """The next such time of day: an instant that is it exactly has happened, so then it is tomorrow's."""
    local = instant(at).astimezone(zone)
    today = _utc(local.replace(hour=clock.hour, minute=clock.minute, second=0, microsecond=0, fold=0))
    if today > at:
        return today
    return _utc(_shift(local, Duration(1, "day"), 1, clock))


def back(local: datetime, duration: Duration) -> datetime:
    """The moment `duration` before `local`, on the same clock."""
    if duration.unit in ("minute", "hour"):
        elapsed = timedelta(minutes=_count(duration) * (1 if duration.unit == "minute" else 60))
        return (local.astimezone(UTC) - elapsed).astimezone(local.tzinfo)
    return _shift(local, duration, -1, None)


def _count(duration: Duration) -> int:
    return min(duration.count, _LONGEST[duration.unit])


def _shift(local: datetime, duration: Duration, sign: int, clock: Clock | None) -> datetime:
    if duration.unit in ("day", "week"):
        moved = local + timedelta(days=sign * _count(duration) * (1 if duration.unit == "day" else 7))
    else:
        months = local.year * 12 + local.month - 1 + sign * _count(duration) * (1 if duration.unit == "month" else 12)
        year, month = divmod(months, 12)
        # 31 January and a month is the last of February, not some day of March.
        moved = local.replace(year=year, month=month + 1, day=min(local.day, monthrange(year, month + 1)[1]))
    if clock is not None:
        moved = moved.replace(hour=clock.hour, minute=clock.minute, second=0, microsecond=0)
    return moved.replace(fold=0)


def _utc(local: datetime) -> int:
    return microseconds(local.astimezone(UTC))
