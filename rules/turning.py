"""When a condition may turn though nothing happens and nothing is set: by time alone. And what it reads; pure.

An instant given here is never later than the turn. It may be too early, since calendars have no inverse (a month
before 31 March is 28 February, and so is a month before the 28th): whoever looks then looks again, and is told the next
one. What the clock alone moves are events that fall out of their time, `now` and `30 days ago` against a date, times of
day and days of the week.

An event falls out at one instant, and who looks then sees it counted just before and no more from there on. That a
calendar reaches back to it once more (a month before 29 March is 28 February again; an hour may come twice) is no turn:
nobody joins a segment four times because a month is short.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import date, datetime, timedelta
from typing import Final

import msgspec

from rules.expressions import (
    AgoValue,
    All,
    AnyOf,
    Comparison,
    Compiled,
    Consented,
    ContactAttribute,
    DayWithin,
    Negation,
    NowValue,
    Occurred,
    Scope,
    Tagged,
    TimeWithin,
)
from rules.syntax import Clock, Duration
from rules.times import after, first_beyond, microseconds, next_clock
from rules.zones import DAY, ELAPSED, elapsed, first, on_day, reading

Newest = Callable[[str, int], int | None]
"""When an event happened for the nth time, counted from its newest (microseconds since 1970 UTC); None: never."""

MIDNIGHT: Final = Clock(0, 0)
NEAR: Final = 4 * DAY
"""Months end on days that differ by three: so near a turn that is reckoned in months, it is looked at each time."""
LAST_SURE: Final = 27
"""Up to this day of a month, a month before and a month after lead back to where they began."""


class Reads(msgspec.Struct, frozen=True):
    """What a condition looks at, beside the clock: whether any of it changed tells whether it may have turned."""

    events: frozenset[str]
    attributes: frozenset[str]
    tags: frozenset[str]
    consents: bool


def leaves(expression: Compiled) -> Iterator[Compiled]:
    """The single conditions that one is made of."""
    match expression:
        case All(operands=operands) | AnyOf(operands=operands):
            for operand in operands:
                yield from leaves(operand)
        case Negation(operand=operand):
            yield from leaves(operand)
        case _:
            yield expression


def reads(expression: Compiled) -> Reads:
    """What a condition looks at."""
    single = [side for leaf in leaves(expression) for side in _sides(leaf)]
    return Reads(
        frozenset(one.event for one in single if isinstance(one, Occurred)),
        frozenset(one.name for one in single if isinstance(one, ContactAttribute)),
        frozenset(one.tag for one in single if isinstance(one, Tagged)),
        any(isinstance(one, Consented) for one in single),
    )


def is_turning(expression: Compiled) -> bool:
    """Whether time alone can make it hold, or no longer."""
    return any(
        (isinstance(leaf, Occurred) and leaf.within is not None)
        or isinstance(leaf, TimeWithin | DayWithin)
        or (isinstance(leaf, Comparison) and len(_clocks(leaf)) == 1)
        for leaf in leaves(expression)
    )


def turns_at(expression: Compiled, scope: Scope, newest: Newest) -> int | None:
    """The earliest instant after the scope's at which the condition may turn while nothing else changes; None: time
    alone turns it no more."""
    found = [_leaf(leaf, scope, newest) for leaf in leaves(expression)]
    return min((at for at in found if at is not None), default=None)


def _sides(leaf: Compiled) -> tuple[Compiled, ...]:
    return (leaf.left, leaf.right) if isinstance(leaf, Comparison) else (leaf,)


def _clocks(comparison: Comparison) -> list[NowValue | AgoValue]:
    return [side for side in _sides(comparison) if isinstance(side, NowValue | AgoValue)]


def _leaf(leaf: Compiled, scope: Scope, newest: Newest) -> int | None:
    match leaf:
        case Occurred():
            return _falls_out(leaf, scope, newest)
        case Comparison():
            return _passes(leaf, scope)
        case TimeWithin(start=start, end=end):
            return min(next_clock(scope.now_at, _clock(minute), scope.zone) for minute in (start, end))
        case DayWithin():
            return next_clock(scope.now_at, MIDNIGHT, scope.zone)
        case _:
            return None


def _clock(minute: int) -> Clock:
    return Clock(minute // 60 % 24, minute % 60)


def _falls_out(leaf: Occurred, scope: Scope, newest: Newest) -> int | None:
    """When the oldest event that still has to count counts no more. What is missing comes by no clock."""
    at = None if leaf.within is None else newest(leaf.event, leaf.times)
    if leaf.within is None or at is None:
        return None
    due = first_beyond(at, leaf.within, scope.zone)  # what is exactly so old still counts
    return due if scope.now_at < due else None


def _passes(leaf: Comparison, scope: Scope) -> int | None:
    """When the clock, or an instant that goes along behind it, comes to a date, and passes it."""
    clocks = _clocks(leaf)
    if len(clocks) != 1:
        return None
    (clock,) = clocks
    (other,) = (side for side in _sides(leaf) if side is not clock)
    value = other.of(scope)
    behind = clock.duration if isinstance(clock, AgoValue) else None
    if isinstance(value, datetime):
        return _passes_moment(microseconds(value), value.day, behind, scope)
    return _passes_day(value, behind, scope) if isinstance(value, date) else None


def _passes_moment(at: int, day: int, behind: Duration | None, scope: Scope) -> int | None:
    due, now = _later(at, behind, scope), scope.now_at
    if now < due:
        return due
    if now == due:
        return due + 1
    if _is_sure(day, behind) or now >= due + NEAR:
        return None
    # A month ends at a midnight; a day that is led to twice is passed twice, at the moment's own time of day.
    shown = reading(now, scope.zone)
    same = first(shown - shown % DAY + reading(at, scope.zone) % DAY, scope.zone)
    return min(one for one in (same, same + 1, next_clock(now, MIDNIGHT, scope.zone)) if one > now)


def _passes_day(day: date, behind: Duration | None, scope: Scope) -> int | None:
    now = scope.now_at
    begins = _later(on_day(day, MIDNIGHT, scope.zone), behind, scope)
    if _is_sure(day.day, behind):
        ends = _later(on_day(day + timedelta(days=1), MIDNIGHT, scope.zone), behind, scope)
        return next((due for due in (begins, ends) if now < due), None)
    if now < begins - NEAR:
        return begins - NEAR
    return next_clock(now, MIDNIGHT, scope.zone) if now <= begins + NEAR + DAY else None


def _later(at: int, behind: Duration | None, scope: Scope) -> int:
    if behind is None:
        return at
    return at + elapsed(behind) if behind.unit in ELAPSED else after(at, behind, scope.zone)


def _is_sure(day: int, behind: Duration | None) -> bool:
    return behind is None or behind.unit not in ("month", "year") or day <= LAST_SURE
