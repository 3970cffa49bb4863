"""All zones of the tz database over all changes of their clocks in 2020 to 2037; KWEK_ZONES=all runs every one.

Zones that have the same offsets and changes in those years are one set of rules and tried once. `make test` takes, of
each set, one change of each shape (from which minute of the day to which). What is expected is read off a list of every
minute around the change, which zoneinfo alone makes.
"""

import os
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from functools import cached_property
from zoneinfo import ZoneInfo

import pytest

from rules.holidays import Holidays
from rules.hours import Hours, closes_at, opens_at, quiet_hours, released_at, stricter
from rules.periods import period_of, period_start
from rules.syntax import Clock, Duration
from rules.timeline import Cursor, Moment, Perform, behind, next_moment, when_due
from tests.support.periods import period_end
from tests.support.zones import DAY, HOUR, MINUTE, Change, all_zones, changes_of, datetime_at, distinct, shown

EVERY = os.environ.get("KWEK_ZONES") == "all"
STRIDE = 97
"""Minutes between the instants at which hours are asked; 97 meets the same minute of no two hours."""
CLOCK_STRIDE = 30


def some_changes() -> list[Change]:
    if EVERY:
        return [change for changes in distinct(all_zones()).values() for change in changes]
    shapes: dict[tuple[str, int, int], Change] = {}
    for zone, changes in distinct(all_zones()).items():
        for change in changes:
            shapes.setdefault((zone, change.shape[0], change.after - change.before), change)
    return list(shapes.values())


@dataclass(frozen=True)
class Around:
    """Every minute from a day and a half before a change to a day and a half after it."""

    change: Change

    @cached_property
    def minutes(self) -> list[tuple[int, datetime]]:
        start, change = self.change.at - 36 * HOUR, self.change
        readings = []
        for number in range(72 * 60 + 1):
            at = start + number * MINUTE
            ahead = change.before if at < change.at else change.after
            readings.append((at, datetime_at(at).replace(tzinfo=None) + timedelta(minutes=ahead)))
        return readings

    @cached_property
    def of_day(self) -> list[int]:
        return [reading.hour * 60 + reading.minute for _, reading in self.minutes]

    @cached_property
    def firsts(self) -> dict[datetime, int]:
        found: dict[datetime, int] = {}
        for at, reading in self.minutes:
            found.setdefault(reading, at)
        return found

    def first(self, reading: datetime) -> int:
        """When a clock shows that first; what it leaves out is when it is put forward."""
        return self.firsts.get(reading, self.change.at)


@pytest.fixture(scope="module")
def changes() -> list[Change]:
    changes = some_changes()
    assert len({change.zone for change in changes}) > 30 and any(change.after < change.before for change in changes)
    for change in changes:
        # The readings of the minutes are zoneinfo's.
        for at in (change.at - 36 * HOUR, change.at - 1, change.at, change.at + 36 * HOUR):
            ahead = timedelta(minutes=change.before if at < change.at else change.after)
            assert shown(at, change.zone) == datetime_at(at).replace(tzinfo=None) + ahead
    print(
        f"\n{len(all_zones())} zones, {len(distinct(all_zones()))} sets of rules, "
        f"{sum(len(changes_of(zone)) for zone in all_zones())} changes in 2020-2037; "
        f"{len({change.zone for change in changes})} zones and {len(changes)} changes here"
    )
    return changes


def hours_around(change: Change) -> Iterator[tuple[Hours, tuple[tuple[int, int], ...]]]:
    """Quiet hours as brands write them, and some that begin or end in the hour that is left out or comes twice."""
    yield quiet_hours(Clock(21, 0), Clock(8, 0)), ((0, 480), (1260, 1440))
    old = datetime_at(change.at) + timedelta(minutes=change.before)
    middle = (old.hour * 60 + old.minute + (change.after - change.before) // 2) % 1440
    for start, end in ((middle, (middle + 300) % 1440), ((middle - 300) % 1440, middle)):
        spans = ((start, end),) if start < end else ((0, end), (start, 1440))
        yield quiet_hours(Clock(*divmod(start, 60)), Clock(*divmod(end, 60))), spans


def quiet(reading: datetime, spans: tuple[tuple[int, int], ...]) -> bool:
    minute = reading.hour * 60 + reading.minute
    return any(start <= minute < end for start, end in spans)


def test_nothing_goes_out_in_quiet_hours(changes: list[Change]) -> None:
    cases = 0
    for place in map(Around, changes):
        zone = ZoneInfo(place.change.zone)
        for hours, spans in hours_around(place.change):
            is_quiet = [any(start <= minute < end for start, end in spans) for minute in range(1440)]
            # From the back: the next minute that is not quiet, for each minute.
            upcoming = None
            for number in range(len(place.minutes) - 1, -1, -1):
                at, minute = place.minutes[number][0], place.of_day[number]
                upcoming = upcoming if is_quiet[minute] else at
                wanted = upcoming
                if number % STRIDE == 0 and wanted is not None:
                    cases += 1
                    assert opens_at(hours, at, zone) == wanted, (place.change, spans, at)
                    released = released_at(hours, at, zone, 45 * MINUTE, f"{at}")
                    assert released is not None and released >= wanted
                    assert not quiet(shown(released, place.change.zone), spans), (place.change, spans, at)
            for at in (place.change.at - 1, place.change.at, place.change.at + 1):
                opened = opens_at(hours, at, zone)
                assert opened is not None and not quiet(shown(opened, place.change.zone), spans)
                shut = closes_at(hours, opened, zone)
                assert shut is not None and quiet(shown(shut, place.change.zone), spans)
                assert not quiet(shown(shut - 1, place.change.zone), spans)
    print(f"\nquiet hours: {cases} cases")


def test_a_daily_step_comes_once_a_day_at_every_time_of_day(changes: list[Change]) -> None:
    cases = 0
    for place in map(Around, changes):
        zone, change = ZoneInfo(place.change.zone), place.change
        day = shown(change.at - 34 * HOUR, change.zone).date() + timedelta(days=1)
        old = datetime_at(change.at) + timedelta(minutes=change.before)
        edge = old.hour * 60 + old.minute
        lap = (change.after - change.before) // 2
        clocks = {*range(0, 1440, CLOCK_STRIDE), *(minute % 1440 for minute in (edge - 1, edge, edge + 1, edge + lap))}
        for minute in clocks:
            clock = Clock(*divmod(minute, 60))
            step = Moment("daily", 0, at=clock, every=tuple(range(7)))
            enrolled_at = place.first(datetime.combine(day, time())) - 1
            cursor: Cursor | None = None
            seen: list[int] = []
            for number in range(2):
                found = next_moment((step,), enrolled_at, cursor, zone)
                assert found is not None
                seen.append(found.at)
                expected = place.first(datetime.combine(day + timedelta(days=number), time(*divmod(minute, 60))))
                assert found.at == expected, (change, minute, day, number)
                cursor = behind(cursor, found, enrolled_at, zone)
                cases += 1
            assert len({shown(at, change.zone) for at in seen}) == 2
    print(f"\ndaily steps: {cases} cases")


LINE = (
    Moment("once", 0),
    Moment("late", 1, Duration(0, "day"), Clock(2, 30), late="late"),
    Moment("day", 2, Duration(1, "day")),
    Moment("hours", 3, Duration(20, "hour")),
    Moment("gap", 4, Duration(1, "day"), Clock(2, 30)),
    Moment("tie", 5, Duration(1, "day"), Clock(2, 30), late="skip"),
    Moment("daily", 6, at=Clock(2, 15), every=tuple(range(7))),
    Moment("nightly", 7, at=Clock(23, 45), every=(0, 2, 4, 6), late="late"),
)


def test_steps_keep_their_order_and_the_hours(changes: list[Change]) -> None:
    cases = 0
    for place in map(Around, changes):
        zone, change = ZoneInfo(place.change.zone), place.change
        hours, spans = next(hours_around(change))
        for enrolled_at in range(change.at - 30 * HOUR, change.at + 2 * HOUR, 8 * HOUR + 13 * MINUTE):
            now, cursor = enrolled_at, None
            planned: list[tuple[int, int, int]] = []
            readings: list[tuple[int, str]] = []
            while now < enrolled_at + 3 * DAY:
                found = next_moment(LINE, enrolled_at, cursor, zone)
                assert found is not None
                planned.append((found.at, found.shown, found.moment.place))
                waits = 0
                due = when_due(found, now, zone, hours, enrolled_at)
                while not isinstance(due, Perform) and hasattr(due, "until"):
                    assert due.until > now
                    now, waits = due.until, waits + 1
                    due = when_due(found, now, zone, hours, enrolled_at)
                assert waits <= 3
                if isinstance(due, Perform):
                    assert due.at == now and not quiet(shown(now, change.zone), spans)
                    readings.append((found.shown, found.moment.identity))
                cursor = behind(cursor, found, enrolled_at, zone)
                cases += 1
            assert planned == sorted(set(planned))
            assert len(readings) == len(set(readings))
            assert {name for _, name in readings} >= {"once", "late", "day", "hours", "gap"}
    print(f"\ntime lines: {cases} steps")


def test_periods_meet_at_the_edges_of_days(changes: list[Change]) -> None:
    for place in map(Around, changes):
        zone = ZoneInfo(place.change.zone)
        midnights = {at for at, reading in place.minutes[1:] if (reading.hour, reading.minute) == (0, 0)}
        for at, reading in place.minutes[:: STRIDE * 7]:
            start, end = period_start("day", at, zone), period_end("day", at, zone)
            assert start <= at and period_of("day", at, zone) == reading.date().isoformat()
            if place.minutes[0][0] < end <= place.minutes[-1][0]:
                assert end in midnights or end == place.change.at
                assert period_of("day", end, zone) > period_of("day", at, zone)


def test_holidays_are_those_of_the_contacts_day() -> None:
    hours = stricter(quiet_hours(Clock(20, 0), Clock(8, 0)), Hours((), frozenset({6}), Holidays(frozenset({(5, 1)}))))
    for zone in distinct(all_zones()):
        now = int(datetime.fromisoformat("2026-05-01T12:00+00:00").timestamp()) * 1_000_000
        opened = opens_at(hours, now - 8 * HOUR, ZoneInfo(zone))
        assert opened is not None
        reading = shown(opened, zone)
        assert reading.date() != date(2026, 5, 1) and 8 <= reading.hour < 20, zone
