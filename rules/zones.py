"""Instants and what the clock on a contact's wall shows, where clocks are changed.

Between two changes a zone's clock runs at one offset, so an instant and a reading follow from each other. At a change
two rules hold everywhere: a time of day that does not exist is the first instant after the gap, and one that comes
twice is the first of the two. Instants are microseconds since 1970 UTC; a reading is a datetime without a zone.

Days and longer move the reading, not the instant: the day after a change at 10:00 is at 10:00. Months end where they
end: 31 January and a month is the last of February.
"""

from __future__ import annotations

from calendar import monthrange
from datetime import UTC, date, datetime, time, timedelta, tzinfo
from typing import Final

from rules.syntax import Clock, Duration

_SECOND: Final = 1_000_000
_MICROSECOND: Final = timedelta(microseconds=1)
_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)
_READING_OF_EPOCH: Final = _EPOCH.replace(tzinfo=None)

ELAPSED: Final = {"minute": 60 * _SECOND, "hour": 3600 * _SECOND}
"""Microseconds of the units that are elapsed time (LANGUAGE.md section 6); the others are calendar time."""
_DAYS: Final = {"day": 1, "week": 7}
_MONTHS: Final = {"month": 1, "year": 12}
_MOST_DAYS: Final = 54_787
_MOST_MONTHS: Final = 1_800
_MOST_ELAPSED: Final = _MOST_DAYS * 86_400 * _SECOND
"""150 years in each: every instant stays one that calendars and stores know."""


def wall(at: int, zone: tzinfo) -> datetime:
    """What a clock in the zone shows at an instant."""
    return (_EPOCH + timedelta(microseconds=at)).astimezone(zone).replace(tzinfo=None, fold=0)


def reading(at: int, zone: tzinfo) -> int:
    """The same as microseconds: the instant at which a clock in UTC shows that."""
    return (wall(at, zone) - _READING_OF_EPOCH) // _MICROSECOND


def first(shown: datetime, zone: tzinfo) -> int:
    """The first instant at which a clock in the zone shows that, or the first after the gap that leaves it out."""
    aware = shown.replace(tzinfo=zone, fold=0)
    before, later = aware.utcoffset(), aware.replace(fold=1).utcoffset()
    assert before is not None and later is not None  # every tzinfo of the tz database knows its offset
    counted = (shown - _READING_OF_EPOCH) // _MICROSECOND
    at = counted - before // _MICROSECOND
    if before >= later:
        return at
    # In a gap PEP 495 reads fold=0 by the old offset and fold=1 by the new: the change lies between the two.
    return next_change(counted - later // _MICROSECOND, at, zone) or at


def on_day(day: date, clock: Clock, zone: tzinfo) -> int:
    """That time of day on that day."""
    return first(datetime.combine(day, time(clock.hour, clock.minute)), zone)


def next_change(start: int, end: int, zone: tzinfo) -> int | None:
    """Where in (start, end] the clock is changed; None when both ends have one offset.

    Meant for spans of some days, in which a zone changes its clocks once at most. Changes are at whole seconds.
    """
    known = reading(start, zone) - start
    if reading(end, zone) - end == known:
        return None
    low, high = start // _SECOND, end // _SECOND
    while high - low > 1:
        middle = (low + high) // 2
        if reading(middle * _SECOND, zone) - middle * _SECOND == known:
            low = middle
        else:
            high = middle
    return high * _SECOND


def elapsed(duration: Duration) -> int:
    """Microseconds of a duration in minutes or hours."""
    return min(duration.count * ELAPSED[duration.unit], _MOST_ELAPSED)


def moved(shown: datetime, duration: Duration) -> datetime:
    """The reading a duration of days, weeks, months or years later."""
    if duration.unit in _DAYS:
        return shown + timedelta(days=min(duration.count * _DAYS[duration.unit], _MOST_DAYS))
    count = min(duration.count * _MONTHS[duration.unit], _MOST_MONTHS)
    year, month = divmod(shown.year * 12 + shown.month - 1 + count, 12)
    return shown.replace(year=year, month=month + 1, day=min(shown.day, monthrange(year, month + 1)[1]))
