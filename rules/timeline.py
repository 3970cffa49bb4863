"""The time line of a drip: which step comes next and when, and what becomes of one whose time has passed.

Steps are performed in the order of their planned instants, equal ones in the file's order; recurring steps come back
for ever. Where a contact stands is a `Cursor` with two marks: the latest planned instant, which steps of elapsed time
are measured by, and the latest reading of the contact's clock, which steps of the calendar are measured by. So a
contact that moves to another zone gets no step twice and misses none. Nothing of what the steps were is remembered:
a file may be changed while contacts are under way.

A step is due when its time has come and the hours are open; what is due exactly now has happened. A step whose time
came before the contact was enrolled, or that we are more than TOLERANCE behind with, is late. Of a recurring step only
the newest time counts: after ten days of standstill a contact gets one text, not ten.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from datetime import UTC, date, timedelta, tzinfo
from typing import Final
from typing import Literal as OneOf

import msgspec

from rules.hours import Hours, opens_at
from rules.syntax import Clock, Duration
from rules.zones import ELAPSED, elapsed, first, moved, on_day, reading, wall

TOLERANCE: Final = 3_600_000_000
"""Microseconds after its time (or after the hours opened) in which a step is still on time: an hour. Restarts, a node
that takes over, a backlog and the spreading after quiet hours take minutes and must not cost a contact a day; whoever
writes 10:00 does not mean 11:30."""

Policy = OneOf["late", "next window", "skip"]
_DAY: Final = timedelta(days=1)
_NEVER: Final = 2**63 - 1
"""Later than any instant: what hours that never open wait for."""


class Moment(msgspec.Struct, frozen=True, gc=False):
    """When a step is due. `after=None, every=()` is `at once`; `every` are weekdays (Monday 0) and need `at`."""

    identity: str
    place: int
    after: Duration | None = None
    at: Clock | None = None
    every: tuple[int, ...] = ()
    late: Policy = "next window"


class Cursor(msgspec.Struct, frozen=True, gc=False):
    """Behind which step a contact stands. Each mark is a time and the place of the step it comes from.

    `identity`: the step performed (or skipped) last. `instant`: microseconds since 1970 UTC. `shown`: a reading of the
    contact's clock, counted like them.
    """

    identity: str
    instant: tuple[int, int]
    shown: tuple[int, int]


class Perform(msgspec.Struct, frozen=True, gc=False):
    """Perform the step now. `late`: its time had passed."""

    at: int
    late: bool = False


class Wait(msgspec.Struct, frozen=True, gc=False):
    """Ask again then, with the same planned instant; always later than now."""

    until: int


class Skip(msgspec.Struct, frozen=True, gc=False):
    """Leave the step out. `superseded`: a recurring step whose next time has come (or is its next window)."""

    reason: OneOf["late", "superseded", "never_open"]


Due = Perform | Wait | Skip


def behind(cursor: Cursor | None, planned_at: int, moment: Moment, zone: tzinfo) -> Cursor:
    """The cursor behind a step that was performed or skipped, to be kept with the run; `cursor` is the one before."""
    instant, shown = (planned_at, moment.place), (reading(planned_at, zone), moment.place)
    if cursor is not None:
        instant, shown = max(instant, cursor.instant), max(shown, cursor.shown)
    return Cursor(moment.identity, instant, shown)


def next_moment(
    timeline: Iterable[Moment], enrolled_at: int, cursor: Cursor | None, zone: tzinfo
) -> tuple[int, Moment] | None:
    """The step after the cursor (None: the first) and its planned instant; None when the time line is at its end.

    The instant may have passed: `when_due` says what becomes of the step then.
    """
    found: tuple[int, Moment] | None = None
    for moment in timeline:
        if moment.every:
            planned_at = _next_occurrence(moment, enrolled_at, cursor, zone)
        else:
            planned_at = _once(moment, enrolled_at, zone)
            if cursor is not None and _is_behind(moment, planned_at, cursor, zone):
                continue
        if found is None or (planned_at, moment.place) < (found[0], found[1].place):
            found = planned_at, moment
    return found


def when_due(moment: Moment, planned_at: int, now: int, zone: tzinfo, hours: Hours, enrolled_at: int) -> Due:
    """Whether a planned step is performed now, later or not at all.

    `hours` are those of the step's class: `ALWAYS` for a transactional drip. Waiting needs no memory: asked again at
    that instant, with the same arguments, the answer is another.
    """
    due = _due(moment, planned_at, now, zone, hours, enrolled_at)
    return Skip("never_open") if due == Wait(_NEVER) else due


def _due(moment: Moment, planned_at: int, now: int, zone: tzinfo, hours: Hours, enrolled_at: int) -> Due:
    opened_at = _opening(hours, planned_at, zone)
    if now < opened_at:
        return Wait(opened_at)
    if moment.every:
        again_at = next(at for at in _occurrences(moment, wall(planned_at, zone).date(), zone) if at > planned_at)
        if _opening(hours, again_at, zone) <= now:
            return Skip("superseded")
    if _is_on_time(opened_at, now, enrolled_at):
        return _at_once(now, zone, hours, False)
    if moment.late == "skip":
        return Skip("late")
    if moment.at is None or moment.late == "late":
        return _at_once(now, zone, hours, True)
    if moment.every:
        return Skip("superseded")
    return _next_window(moment.at, now, zone, hours, enrolled_at)


def _is_behind(moment: Moment, planned_at: int, cursor: Cursor, zone: tzinfo) -> bool:
    """Whether a step that does not recur has been performed."""
    if moment.identity == cursor.identity:
        return True
    if moment.after is None or moment.after.unit in ELAPSED:
        return (planned_at, moment.place) <= cursor.instant
    return (reading(planned_at, zone), moment.place) <= cursor.shown


def _once(moment: Moment, enrolled_at: int, zone: tzinfo) -> int:
    """The planned instant of a step that does not recur."""
    if moment.after is None:
        return enrolled_at
    if moment.after.unit in ELAPSED:
        return enrolled_at + elapsed(moment.after)
    due = moved(wall(enrolled_at, zone), moment.after)
    if moment.at is not None:
        return on_day(due.date(), moment.at, zone)
    return max(first(due, zone), enrolled_at)  # `after 0 days` in an hour that comes twice


def _next_occurrence(moment: Moment, enrolled_at: int, cursor: Cursor | None, zone: tzinfo) -> int:
    """The first time of a recurring step after enrolment and after the cursor."""
    day = wall(enrolled_at, zone).date()
    if cursor is None:
        return next(at for at in _occurrences(moment, day, zone) if at > enrolled_at)
    day = max(day, wall(cursor.shown[0], UTC).date())
    return next(
        at
        for at in _occurrences(moment, day, zone)
        if at > enrolled_at and (reading(at, zone), moment.place) > cursor.shown
    )


def _occurrences(moment: Moment, day: date, zone: tzinfo) -> Iterator[int]:
    """All times of a recurring step from a day on."""
    assert moment.at is not None  # the grammar: `every DAY… at T`
    while True:
        if day.weekday() in moment.every:
            yield on_day(day, moment.at, zone)
        day += _DAY


def _opening(hours: Hours, at: int, zone: tzinfo) -> int:
    opened_at = opens_at(hours, at, zone)
    return _NEVER if opened_at is None else opened_at


def _is_on_time(opened_at: int, now: int, enrolled_at: int) -> bool:
    return opened_at >= enrolled_at and now - opened_at <= TOLERANCE


def _at_once(now: int, zone: tzinfo, hours: Hours, late: bool) -> Due:
    opened_at = _opening(hours, now, zone)
    return Perform(now, late) if opened_at == now else Wait(opened_at)


def _next_window(clock: Clock, now: int, zone: tzinfo, hours: Hours, enrolled_at: int) -> Due:
    """At the next such time of day, or at the end of the hours that it falls in."""
    day = wall(now, zone).date()
    latest, upcoming = on_day(day, clock, zone), on_day(day + _DAY, clock, zone)
    if latest > now:
        latest, upcoming = on_day(day - _DAY, clock, zone), latest
    opened_at = _opening(hours, latest, zone)
    if opened_at > now:
        return Wait(opened_at)
    if _is_on_time(opened_at, now, enrolled_at):
        return _at_once(now, zone, hours, True)
    return Wait(_opening(hours, upcoming, zone))
