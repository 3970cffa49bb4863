"""When something falls due: elapsed time and calendar time (LANGUAGE.md section 6).

Minutes and hours are elapsed time. Days and longer are calendar days in the contact's zone, so a day that clocks are
changed on is a day. What becomes of a time of day that a change leaves out, or brings twice, is told in `rules.zones`:
a `wait` and a drip's step come to the same instant.
"""

from __future__ import annotations

from datetime import UTC, datetime, timedelta, tzinfo
from typing import Final

from rules.syntax import Clock, Duration
from rules.zones import ELAPSED, day_of, elapsed, first, moved, next_change, offset, reading, reading_on

_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)
_MICROSECOND: Final = timedelta(microseconds=1)
_DAY: Final = Duration(1, "day")


def instant(at: int) -> datetime:
    """Microseconds since 1970 UTC as an aware datetime."""
    return _EPOCH + timedelta(microseconds=at)


def microseconds(moment: datetime) -> int:
    """An aware datetime as microseconds since 1970 UTC."""
    return (moment - _EPOCH) // _MICROSECOND


def after(at: int, duration: Duration, zone: tzinfo, clock: Clock | None = None) -> int:
    """The instant `duration` after `at`; with `clock`, that time of day on the day it leads to."""
    if duration.unit in ELAPSED:
        return at + elapsed(duration)
    shown = moved(reading(at, zone), duration)
    return first(shown if clock is None else reading_on(day_of(shown), clock), zone)


def first_beyond(at: int, duration: Duration, zone: tzinfo) -> int:
    """The first instant from which `back` leads to later than `at`: what happened then is by now older than that.

    One microsecond after `after` on nearly every day. Later where a month is too short for that day (then it is the
    midnight behind it) and where `at` was in an hour that came twice; at once behind a gap that leaves the time out.
    """
    if duration.unit in ELAPSED:
        return at + elapsed(duration) + 1
    shown = reading(at, zone) + 1
    once = first(shown - 1, zone)
    if once < at:  # the second time: `back` leads to the first, so it is passed with the hour's end
        changed = next_change(once, at, zone)
        assert changed is not None, "the clock was set back between the two"
        shown = changed + offset(once, zone)
    then = moved(shown, duration)
    if moved(then, duration, -1) < shown:
        then = reading_on(day_of(then) + timedelta(days=1), Clock(0, 0))
    return first(then, zone)


def next_clock(at: int, clock: Clock, zone: tzinfo) -> int:
    """The next such time of day: an instant that is it exactly has happened, so then it is tomorrow's."""
    today = first(reading_on(day_of(reading(at, zone)), clock), zone)
    return today if today > at else after(at, _DAY, zone, clock)


def back(local: datetime, duration: Duration) -> datetime:
    """The moment `duration` before `local`, on the same clock."""
    zone = local.tzinfo
    assert zone is not None  # a contact's clock
    at = microseconds(local)
    then = at - elapsed(duration) if duration.unit in ELAPSED else first(moved(reading(at, zone), duration, -1), zone)
    return instant(then).astimezone(zone)
