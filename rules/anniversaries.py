"""Days of the calendar and days that come back every year: `on 2026-12-01 at 10:00`, `on birthday of …`.

Who is born on 29 February has the birthday on the 28th in common years.
"""

from __future__ import annotations

from datetime import date, tzinfo
from typing import Final

from rules.syntax import Clock
from rules.zones import day_at, on_day

_ONCE_A_YEAR: Final = 183 * 86_400_000_000
"""Microseconds that lie between two birthdays at the least: half a year. Zones are at most 26 hours apart, so a
contact that moves after the birthday's text gets no second one, nor does one whose date is put right afterwards."""


def birthday_in(day: date, year: int) -> date:
    """The birthday (or anniversary) of a day in a year."""
    if (day.month, day.day) == (2, 29) and not _is_leap(year):
        return date(year, 2, 28)
    return day.replace(year=year)


def next_birthday(day: date, after_instant: int, at: Clock, zone: tzinfo, last: int | None = None) -> int:
    """The first birthday at that time of day after an instant; `last` is the planned instant of the one before."""
    year = day_at(after_instant, zone).year
    while True:
        due = due_date(birthday_in(day, year), at, zone)
        if due > after_instant and (last is None or due - last >= _ONCE_A_YEAR):
            return due
        year += 1


def due_date(day: date, clock: Clock, zone: tzinfo) -> int:
    """That time of day on a date, in the contact's zone."""
    return on_day(day, clock, zone)


def _is_leap(year: int) -> bool:
    return year % 4 == 0 and (year % 100 != 0 or year % 400 == 0)
