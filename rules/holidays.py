"""Public holidays as data: fixed dates, and days counted from Easter Sunday. Which ones a market has, its pack says."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import date, timedelta
from functools import lru_cache
from typing import Any, Final

import msgspec

_EASTER: Final = "easter"


class Holidays(msgspec.Struct, frozen=True):
    """`fixed`: (month, day); `moving`: days after Easter Sunday."""

    fixed: frozenset[tuple[int, int]] = frozenset()
    moving: frozenset[int] = frozenset()

    def on(self, day: date) -> bool:
        """Whether that day is one."""
        if (day.month, day.day) in self.fixed:
            return True
        return bool(self.moving) and (day - easter(day.year)).days in self.moving

    def __bool__(self) -> bool:
        return bool(self.fixed or self.moving)

    def __or__(self, other: Holidays) -> Holidays:
        """The holidays of both."""
        return Holidays(self.fixed | other.fixed, self.moving | other.moving)


def holidays(declared: Iterable[Any]) -> Holidays:
    """From a pack: `"05-01"` is the first of May, `"easter+39"` the thirty-ninth day after Easter Sunday."""
    fixed, moving = set[tuple[int, int]](), set[int]()
    for entry in declared:
        if entry.startswith(_EASTER):
            moving.add(int(entry.removeprefix(_EASTER)))
        else:
            month, day = map(int, entry.split("-"))
            fixed.add((month, day))
    return Holidays(frozenset(fixed), frozenset(moving))


@lru_cache(maxsize=256)
def easter(year: int) -> date:
    """Easter Sunday of the Gregorian calendar (Meeus, Astronomical Algorithms, 2nd ed., chapter 8, from Butcher)."""
    a, (b, c) = year % 19, divmod(year, 100)
    d, e = divmod(b, 4)
    g = (8 * b + 13) // 25
    h = (19 * a + b - d - g + 15) % 30
    i, k = divmod(c, 4)
    weekday = (32 + 2 * e + 2 * i - h - k) % 7
    m = (a + 11 * h + 19 * weekday) // 433
    month = (h + weekday - 7 * m + 90) // 25
    return date(year, month, 1) + timedelta(days=(h + weekday - 7 * m + 33 * month + 19) % 32 - 1)
