"""Days, weeks and months that promotional texts and money are counted in: `cap 1 per day, 4 per week`, `budget … per
month`.

They are the calendar's, in the contact's zone (a budget's in the brand's), not rolling ones: "4 per week" on a
marketer's plan is four from Monday to Sunday, a contact sees the same, and a campaign at 10:00 every day is not held
back because yesterday's went out at 10:01. The price: a contact may get Sunday's and Monday's close together; who
minds adds `1 per day`. A week begins on Monday (ISO 8601).
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date, timedelta, tzinfo
from typing import Final, assert_never
from typing import Literal as OneOf

import msgspec

from rules.syntax import Clock
from rules.zones import day_at, on_day

_MIDNIGHT: Final = Clock(0, 0)

Unit = OneOf["day", "week", "month"]

_ZONES_APART: Final = 26 * 3_600_000_000
"""Microseconds between the first zone to begin a day (UTC+14) and the last (UTC-12)."""


MOST_CAPPED: Final = 64
"""Promotional texts to one contact that caps may look back on: two a day for a month."""


class Cap(msgspec.Struct, frozen=True):
    """At most `count` promotional texts per unit, over all rules of a brand."""

    count: int
    unit: Unit


def period_of(unit: Unit, now: int, zone: tzinfo) -> str:
    """The key of the day, week or month under way: `2026-11-22`, `2026-W47`, `2026-11`."""
    day = day_at(now, zone)
    match unit:
        case "day":
            return day.isoformat()
        case "week":
            year, week, _ = day.isocalendar()
            return f"{year}-W{week:02}"
        case "month":
            return f"{day.year}-{day.month:02}"
        case _:
            assert_never(unit)


def period_start(unit: Unit, now: int, zone: tzinfo) -> int:
    """The instant at which the period under way began."""
    return _midnight(_first_day(unit, day_at(now, zone)), zone)


def room(caps: Sequence[Cap], promoted: Sequence[int], now: int, zone: tzinfo) -> bool:
    """Whether one more promotional text may go out now. `promoted`: the instants of those that went out."""
    return not any(_is_full(cap, promoted, now, zone) for cap in caps)


def keep(caps: Sequence[Cap], promoted: Sequence[int], now: int, zone: tzinfo) -> tuple[int, ...]:
    """The instants that a cap may still count, in order, and never more than the largest cap allows.

    A contact may move to a zone where the period before this one is still under way, hence the margins.
    """
    since = min(
        (period_start(cap.unit, now - _ZONES_APART, zone) - _ZONES_APART for cap in caps), default=now + _ZONES_APART
    )
    most = max((cap.count for cap in caps), default=0)
    kept = sorted(at for at in promoted if at >= since)
    return tuple(kept[max(len(kept) - most, 0) :])


def _is_full(cap: Cap, promoted: Sequence[int], now: int, zone: tzinfo) -> bool:
    start = period_start(cap.unit, now, zone)
    return sum(at >= start for at in promoted) >= cap.count


def _first_day(unit: Unit, day: date) -> date:
    match unit:
        case "day":
            return day
        case "week":
            return day - timedelta(days=day.weekday())
        case "month":
            return day.replace(day=1)
        case _:
            assert_never(unit)


def _midnight(day: date, zone: tzinfo) -> int:
    return on_day(day, _MIDNIGHT, zone)
