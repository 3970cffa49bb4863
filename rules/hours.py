"""When promotional texts may go out: a brand's quiet hours and the hours and days its market forbids.

Hours are read off the clock on the contact's wall, so what counts on the day of a change is what that clock shows:
where 02:00 to 03:00 comes twice, quiet hours that end at 02:30 end twice. A time at which hours begin or end belongs
to what begins then: `21:00..08:00` is quiet at 21:00 and no longer at 08:00.

What was held is let go spread over the first minutes after the hours open, so that a morning does not begin with all
of a night's texts at once. A contact's delay follows from its key, hence its own texts keep their order.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date, tzinfo
from hashlib import blake2b
from typing import Any, Final

import msgspec

from rules.holidays import Holidays, holidays
from rules.syntax import Clock
from rules.zones import DAY, MINUTE, day_of, next_change, reading

DAY_MINUTES: Final = 1440
"""Minutes of a day."""
_WEEKDAYS: Final = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")
_LOOK_AHEAD: Final = 400 * DAY
"""Microseconds searched for an opening: hours that do not open within a year and a month never do."""

SPREAD: Final = 30 * MINUTE
"""Microseconds over which held texts are spread: half an hour takes a night's texts of a large brand to a rate that a
carrier grants, and is still what a marketer means by the beginning of the day."""


class Hours(msgspec.Struct, frozen=True):
    """Hours in which nothing goes out.

    `closed`: spans of minutes of the day, in order, apart, none over midnight; `weekdays` closed all day (Monday 0).
    """

    closed: tuple[tuple[int, int], ...] = ()
    weekdays: frozenset[int] = frozenset()
    holidays: Holidays = Holidays()


ALWAYS: Final = Hours()
"""Nothing is forbidden: transactional texts, and brands without quiet hours."""


def quiet_hours(start: Clock, end: Clock) -> Hours:
    """`quiet 21:00..08:00`; may pass midnight. Quiet hours that end when they begin are none."""
    begins, ends = start.hour * 60 + start.minute, end.hour * 60 + end.minute
    if begins < ends:
        return Hours(((begins, ends),))
    if begins > ends:
        return Hours(_joined(((begins, DAY_MINUTES), (0, ends))))
    return ALWAYS


def hours_of(declared: Mapping[str, Any]) -> Hours:
    """The table `[hours]` of a market pack: `opens`, `closes`, weekdays closed (`closed_on`) and `holidays`."""
    opens, closes = declared["opens"], declared["closes"]
    daily = quiet_hours(Clock(closes.hour, closes.minute), Clock(opens.hour, opens.minute))
    weekdays = frozenset(map(_WEEKDAYS.index, declared.get("closed_on", ())))
    return Hours(daily.closed, weekdays, holidays(declared.get("holidays", ())))


def stricter(one: Hours, other: Hours) -> Hours:
    """Both at once: nothing goes out when either forbids it."""
    closed = _joined((*one.closed, *other.closed))
    return Hours(closed, one.weekdays | other.weekdays, one.holidays | other.holidays)


def opens_at(hours: Hours, now: int, zone: tzinfo) -> int | None:
    """The first instant from now on at which a text may go out: now itself when it may. None: the hours never open."""
    return _edge(hours, now, zone, False)


def closes_at(hours: Hours, now: int, zone: tzinfo) -> int | None:
    """The first instant from now on at which none may; None when the hours do not close within a year and a month."""
    return _edge(hours, now, zone, True)


def spread(opened_at: int, window: int, key: str) -> int:
    """A contact's own instant in the window (microseconds; 0: no spreading) that begins when the hours open."""
    if window <= 0:
        return opened_at
    digest = blake2b(key.encode("utf-8", "surrogatepass"), digest_size=8).digest()
    return opened_at + int.from_bytes(digest, "big") % window


def released_at(hours: Hours, now: int, zone: tzinfo, window: int, key: str) -> int | None:
    """When a text that is ready now goes out: now, or spread after the opening, and before the hours close again."""
    opened_at = opens_at(hours, now, zone)
    if opened_at is None or opened_at == now:
        return opened_at
    shut_at = closes_at(hours, opened_at, zone)
    return spread(opened_at, window if shut_at is None else min(window, shut_at - opened_at), key)


def _edge(hours: Hours, at: int, zone: tzinfo, closed: bool) -> int | None:
    end = at + _LOOK_AHEAD
    while at < end:
        shown = reading(at, zone)
        is_closed, until = _read(hours, shown)
        if is_closed is closed:
            return at
        # At one offset the clock reaches `until` when that much has elapsed; where it is changed we read it anew.
        due = at + until - shown
        at = next_change(at, due, zone) or due
    return None


def _read(hours: Hours, shown: int) -> tuple[bool, int]:
    """Whether a reading of the clock is closed, and up to which reading at least that stays so."""
    midnight = shown - shown % DAY
    if (hours.weekdays or hours.holidays) and _is_closed_on(hours, day_of(shown)):
        return True, midnight + DAY
    minute = (shown - midnight) // MINUTE
    for start, end in hours.closed:
        if minute < end:
            is_closed = minute >= start
            return is_closed, midnight + (end if is_closed else start) * MINUTE
    return False, midnight + DAY


def _is_closed_on(hours: Hours, day: date) -> bool:
    return day.weekday() in hours.weekdays or hours.holidays.on(day)


def _joined(spans: tuple[tuple[int, int], ...]) -> tuple[tuple[int, int], ...]:
    joined: list[tuple[int, int]] = []
    for start, end in sorted(span for span in spans if span[0] < span[1]):
        if joined and start <= joined[-1][1]:
            joined[-1] = (joined[-1][0], max(joined[-1][1], end))
        else:
            joined.append((start, end))
    return tuple(joined)
