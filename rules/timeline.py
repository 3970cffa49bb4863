"""The time line of a drip: which step comes next and when, and what becomes of one whose time has passed.

Steps are performed in the order of their planned instants, equal ones in the file's order; recurring steps come back
for ever. `at once`, minutes and hours are planned as an instant; days and longer, and recurring steps, as a reading of
the contact's clock, counted from the day the contact was enrolled on. A `Cursor` keeps how far the contact has come in
both, so that one who moves to another zone gets no step twice and misses none. Nothing of what the steps were is
remembered: a file may be changed while contacts are under way.

A step is due when its time has come and the hours are open; what is due exactly now has happened. A step whose time
came before the contact was enrolled, or that we are more than TOLERANCE behind with, is late; while an open question
holds it we are not behind. Of a recurring step only the newest time counts: after ten days of standstill a contact gets
one text, not ten.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from datetime import date, timedelta, tzinfo
from typing import Final
from typing import Literal as OneOf

import msgspec

from rules.hours import Hours, opens_at
from rules.syntax import Clock, Duration
from rules.zones import DAY, ELAPSED, day_at, day_of, elapsed, first, moved, on_day, reading, reading_on

TOLERANCE: Final = 3_600_000_000
"""Microseconds after its time (or after the hours opened) in which a step is still on time: an hour. Restarts, a node
that takes over, a backlog and the spreading after quiet hours take minutes and must not cost a contact a day; whoever
writes 10:00 does not mean 11:30."""

Policy = OneOf["late", "next window", "skip"]
_DAY: Final = timedelta(days=1)
_FAR: Final = 3 * DAY
"""More than two readings of one instant can be apart (a little over a day), in microseconds: of steps that much later
than another it need not be worked out when they are due."""
_NEVER: Final = 2**63 - 1
"""Later than any instant: what hours that never open wait for."""
LABELLED: Final = "step "
"""How the identity of a step begins that its author has named; that of another says when it is due."""


class Moment(msgspec.Struct, frozen=True, gc=False):
    """When a step is due. `after=None, every=()` is `at once`; `every` are weekdays (Monday 0) and need `at`."""

    identity: str
    place: int
    after: Duration | None = None
    at: Clock | None = None
    every: tuple[int, ...] = ()
    late: Policy = "next window"


class Planned(msgspec.Struct, frozen=True, gc=False):
    """A step and when it is planned for: the instant, and what the contact's clock is meant to show then.

    The two part where a clock change leaves that time out: 02:30 is planned for the instant that shows 03:00.
    `free_at`: until then it was held, and on time when that began; lateness counts from there (0: nothing held it).
    """

    at: int
    moment: Moment
    shown: int
    free_at: int = 0


class Cursor(msgspec.Struct, frozen=True, gc=False):
    """Behind which step a contact stands; kept with the run.

    `identity`: the step performed (or skipped) last. `began`: the reading of the contact's clock at enrolment.
    `instant` and `shown`: the latest instant and the latest reading of a step behind it, each with that step's place.
    `had`: labelled steps behind it, which do not come again when an author moves them to a later time.
    """

    identity: str
    began: int
    instant: tuple[int, int]
    shown: tuple[int, int]
    had: tuple[str, ...] = ()


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


def next_moment(timeline: Iterable[Moment], enrolled_at: int, cursor: Cursor | None, zone: tzinfo) -> Planned | None:
    """The step after the cursor (None: the first); None when the time line is at its end.

    Its instant may have passed: `when_due` says what becomes of it then.
    """
    began = reading(enrolled_at, zone) if cursor is None else cursor.began
    found: Planned | None = None
    for moment in timeline:
        if moment.every:
            planned = _next_occurrence(moment, enrolled_at, began, cursor, zone)
        else:
            shown = _meant(moment, enrolled_at, began)
            if cursor is not None and _is_behind(moment, shown, cursor):
                continue
            if found is not None and shown > max(found.at, found.shown) + _FAR:
                continue  # whatever the zone's offset then, it comes after the one found
            planned = _once(moment, shown, zone)
        if found is None or _order(planned) < _order(found):
            found = planned
    return found


def behind(cursor: Cursor | None, planned: Planned, enrolled_at: int, zone: tzinfo) -> Cursor:
    """The cursor behind a step that was performed or skipped; `cursor` is the one before."""
    place = planned.moment.place
    # A time of day that is left out lies before all that is planned for the instant after the gap.
    in_gap = planned.shown < reading(planned.at, zone) and not _is_elapsed(planned.moment)
    instant, shown = (planned.at - in_gap, place), (planned.shown, place)
    identity = planned.moment.identity
    had = (identity,) if identity.startswith(LABELLED) and not planned.moment.every else ()
    if cursor is None:
        return Cursor(identity, reading(enrolled_at, zone), instant, shown, had)
    return Cursor(identity, cursor.began, max(instant, cursor.instant), max(shown, cursor.shown), cursor.had + had)


def when_due(planned: Planned, now: int, zone: tzinfo, hours: Hours, enrolled_at: int) -> Due:
    """Whether a planned step is performed now, later or not at all.

    `hours` are those of the step's class: `ALWAYS` for a transactional drip. Waiting needs no memory: asked again at
    that instant, with the same arguments, the answer is another.
    """
    due = _due(planned, now, zone, hours, enrolled_at)
    return Skip("never_open") if due == Wait(_NEVER) else due


def is_in_time(planned: Planned, now: int, zone: tzinfo, hours: Hours, enrolled_at: int) -> bool:
    """Whether a step that something else holds up from now on is not late already."""
    opened_at = _opening(hours, _from(planned), zone)
    return now < opened_at or _is_on_time(opened_at, now, enrolled_at)


def _due(planned: Planned, now: int, zone: tzinfo, hours: Hours, enrolled_at: int) -> Due:
    moment, opened_at = planned.moment, _opening(hours, _from(planned), zone)
    if now < opened_at:
        return Wait(opened_at)
    if moment.every:
        again = next(one for one in _occurrences(moment, day_of(planned.shown), zone) if one.shown > planned.shown)
        if _opening(hours, again.at, zone) <= now:
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


def _from(planned: Planned) -> int:
    """From when on it may be performed, hours aside."""
    return max(planned.at, planned.free_at)


def _order(planned: Planned) -> tuple[int, int, int]:
    # Equal instants have one reading, but for times of day that a gap leaves out.
    return planned.at, planned.shown, planned.moment.place


def _is_elapsed(moment: Moment) -> bool:
    """Whether a step is planned as an instant, not as a reading."""
    if moment.after is None:
        return not moment.every
    return moment.after.unit in ELAPSED or (moment.after.count == 0 and moment.at is None)


def _meant(moment: Moment, enrolled_at: int, began: int) -> int:
    """When a step that does not recur is meant to come: an instant where its time elapses, else a reading."""
    after = moment.after
    if after is None or _is_elapsed(moment):
        return enrolled_at + (elapsed(after) if after is not None and after.count else 0)
    shown = moved(began, after)
    return shown if moment.at is None else reading_on(day_of(shown), moment.at)


def _is_behind(moment: Moment, meant: int, cursor: Cursor) -> bool:
    """Whether a step that does not recur has been performed."""
    if moment.identity == cursor.identity or moment.identity in cursor.had:
        return True
    return (meant, moment.place) <= (cursor.instant if _is_elapsed(moment) else cursor.shown)


def _once(moment: Moment, meant: int, zone: tzinfo) -> Planned:
    """When a step that does not recur is planned for."""
    if _is_elapsed(moment):
        return Planned(meant, moment, reading(meant, zone))
    return Planned(first(meant, zone), moment, meant)


def _next_occurrence(moment: Moment, enrolled_at: int, began: int, cursor: Cursor | None, zone: tzinfo) -> Planned:
    """The first time of a recurring step after enrolment and after the cursor."""
    shown = (began, -1) if cursor is None else max((began, -1), cursor.shown)
    return next(
        one
        for one in _occurrences(moment, day_of(shown[0]), zone)
        if one.at > enrolled_at and (one.shown, moment.place) > shown
    )


def _occurrences(moment: Moment, day: date, zone: tzinfo) -> Iterator[Planned]:
    """All times of a recurring step from a day on."""
    assert moment.at is not None  # the grammar: `every DAY… at T`
    while True:
        if day.weekday() in moment.every:
            shown = reading_on(day, moment.at)
            yield Planned(first(shown, zone), moment, shown)
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
    day = day_at(now, zone)
    latest, upcoming = on_day(day, clock, zone), on_day(day + _DAY, clock, zone)
    if latest > now:
        latest, upcoming = on_day(day - _DAY, clock, zone), latest
    opened_at = _opening(hours, latest, zone)
    if opened_at > now:
        return Wait(opened_at)
    if _is_on_time(opened_at, now, enrolled_at):
        return _at_once(now, zone, hours, True)
    return Wait(_opening(hours, upcoming, zone))
