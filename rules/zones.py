"""Instants and what the clock on a contact's wall shows, where clocks are changed.

Between two changes a zone's clock runs at one offset, so an instant and a reading follow from each other. At a change
two rules hold everywhere: a time of day that does not exist is the first instant after the gap, and one that comes
twice is the first of the two. Both are whole numbers here: an instant is microseconds since 1970 UTC, a reading is the
instant at which a clock in UTC shows the same.

Days and longer move the reading, not the instant: the day after a change at 10:00 is at 10:00. Months end where they
end: 31 January and a month is the last of February.
"""

from __future__ import annotations

from calendar import monthrange
from datetime import UTC, date, datetime, timedelta, tzinfo
from typing import Final

from rules.syntax import Clock, Duration

SECOND: Final = 1_000_000
MINUTE: Final = 60 * SECOND
DAY: Final = 86_400 * SECOND
_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)
_EPOCH_DAY: Final = date(1970, 1, 1).toordinal()

ELAPSED: Final = {"minute": MINUTE, "hour": 60 * MINUTE}
"""Microseconds of the units that are elapsed time (LANGUAGE.md section 6); the others are calendar time."""
_DAYS: Final = {"day": 1, "week": 7}
_MONTHS: Final = {"month": 1, "year": 12}
_MOST_DAYS: Final = 54_787
_MOST_MONTHS: Final = 1_800
"""150 years in each: every instant stays one that calendars and stores know."""


def offset(at: int, zone: tzinfo) -> int:
    """How far the zone's clock is ahead of UTC at an instant, in microseconds."""
    return _micros(datetime.fromtimestamp(at // SECOND, zone).utcoffset())


def reading(at: int, zone: tzinfo) -> int:
    """What a clock in the zone shows at an instant."""
    return at + offset(at, zone)


def day_of(shown: int) -> date:
    """The day that a reading belongs to."""
    return date.fromordinal(shown // DAY + _EPOCH_DAY)


def day_at(at: int, zone: tzinfo) -> date:
    """The day it is in the zone at an instant."""
    return day_of(reading(at, zone))


def first(shown: int, zone: tzinfo) -> int:
    """The first instant at which a clock in the zone shows that, or the first after the gap that leaves it out."""
    known = offset(shown - DAY, zone)
    if offset(shown + DAY, zone) == known:
        return shown - known  # no change is near, as on nearly every day
    clock = (_EPOCH + timedelta(microseconds=shown)).replace(tzinfo=zone)
    before, later = _micros(clock.utcoffset()), _micros(clock.replace(fold=1).utcoffset())
    if before >= later:
        return shown - before
    # In a gap PEP 495 reads fold=0 by the old offset and fold=1 by the new: the change lies between the two.
    return next_change(shown - later, shown - before, zone) or shown - before


def reading_on(day: date, clock: Clock) -> int:
    """That time of day on that day, as a clock shows it."""
    return (day.toordinal() - _EPOCH_DAY) * DAY + (clock.hour * 60 + clock.minute) * MINUTE


def on_day(day: date, clock: Clock, zone: tzinfo) -> int:
    """That time of day on that day, in a zone."""
    return first(reading_on(day, clock), zone)


def next_change(start: int, end: int, zone: tzinfo) -> int | None:
    """Where in (start, end] the clock is changed; None when both ends have one offset.

    Meant for spans of some days, in which a zone changes its clocks once at most. Changes are at whole seconds.
    """
    low, high = start // SECOND, end // SECOND
    known = datetime.fromtimestamp(low, zone).utcoffset()
    if datetime.fromtimestamp(high, zone).utcoffset() == known:
        return None
    while high - low > 1:
        middle = (low + high) // 2
        if datetime.fromtimestamp(middle, zone).utcoffset() == known:
            low = middle
        else:
            high = middle
    return high * SECOND


def elapsed(duration: Duration) -> int:
    """Microseconds of a duration in minutes or hours."""
    return min(duration.count * ELAPSED[duration.unit], _MOST_DAYS * DAY)


def moved(shown: int, duration: Duration, sign: int = 1) -> int:
    """The reading a duration of days, weeks, months or years later, or with -1 earlier."""
    if duration.unit in _DAYS:
        return shown + sign * min(duration.count * _DAYS[duration.unit], _MOST_DAYS) * DAY
    day = day_of(shown)
    count = sign * min(duration.count * _MONTHS[duration.unit], _MOST_MONTHS)
    year, month = divmod(day.year * 12 + day.month - 1 + count, 12)
    there = day.replace(year=year, month=month + 1, day=min(day.day, monthrange(year, month + 1)[1]))
    return shown + (there - day).days * DAY


def _micros(ahead: timedelta | None) -> int:
    assert ahead is not None  # every zone of the tz database knows its offset
    return (ahead.days * 86_400 + ahead.seconds) * SECOND
