"""The time line of a drip: the order of its steps, their times, and what becomes of late ones."""

from collections import Counter
from datetime import UTC, datetime, timedelta
from typing import Literal
from zoneinfo import ZoneInfo

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from rules.hours import ALWAYS, Hours, opens_at, quiet_hours, stricter
from rules.syntax import Clock, Duration
from rules.timeline import (
    TOLERANCE,
    Cursor,
    Due,
    Moment,
    Perform,
    Planned,
    Policy,
    Skip,
    Wait,
    behind,
    is_in_time,
    next_moment,
    when_due,
)
from rules.times import instant, microseconds
from rules.zones import first, reading

AMSTERDAM, TOKYO, NEW_YORK = ZoneInfo("Europe/Amsterdam"), ZoneInfo("Asia/Tokyo"), ZoneInfo("America/New_York")
NIGHT = quiet_hours(Clock(21, 0), Clock(8, 0))
NEVER = stricter(NIGHT, quiet_hours(Clock(8, 0), Clock(21, 0)))
MINUTE = 60_000_000
DAY = 1440 * MINUTE
TEN = Clock(10, 0)


def at(text: str, zone: ZoneInfo = AMSTERDAM) -> int:
    return microseconds(datetime.fromisoformat(text).replace(tzinfo=zone))


def shown(moment: int, zone: ZoneInfo = AMSTERDAM) -> str:
    return instant(moment).astimezone(zone).strftime("%m-%d %H:%M")


def days(count: int) -> Duration:
    return Duration(count, "day")


def performed(line: tuple[Moment, ...], enrolled: str, most: int = 10) -> list[str]:
    """The steps in their order with their planned times, in Amsterdam."""
    cursor: Cursor | None = None
    seen: list[str] = []
    while len(seen) < most and (found := next_moment(line, at(enrolled), cursor, AMSTERDAM)) is not None:
        seen.append(f"{found.moment.identity} {shown(found.at)}")
        cursor = behind(cursor, found, at(enrolled), AMSTERDAM)
    return seen


def test_capability_58_steps_come_at_their_local_times() -> None:
    line = (Moment("thanks", 0), Moment("values", 1, days(2), TEN), Moment("offer", 2, days(5), TEN))
    assert performed(line, "2026-03-27 15:07") == ["thanks 03-27 15:07", "values 03-29 10:00", "offer 04-01 10:00"]
    assert next_moment((), at("2026-03-27 15:07"), None, AMSTERDAM) is None


def test_steps_are_ordered_by_time_and_equal_ones_by_place() -> None:
    line = (
        Moment("month", 0, Duration(1, "month"), TEN),
        Moment("week", 1, Duration(1, "week")),
        Moment("second", 2, days(1), TEN),
        Moment("third", 3, days(1), TEN),
        Moment("minutes", 4, Duration(90, "minute")),
        Moment("once", 5),
        Moment("passed", 6, days(0), TEN),
        Moment("none", 7, days(0)),
    )
    assert performed(line, "2026-01-31 12:00") == [
        "passed 01-31 10:00",
        "once 01-31 12:00",
        "none 01-31 12:00",
        "minutes 01-31 13:30",
        "second 02-01 10:00",
        "third 02-01 10:00",
        "week 02-07 12:00",
        "month 02-28 10:00",
    ]


def test_capability_66_recurring_steps_come_back_for_ever() -> None:
    line = (Moment("tip", 0, at=Clock(7, 0), every=(0, 2)), Moment("once", 1))
    assert performed(line, "2026-03-25 07:00", 5) == [
        "once 03-25 07:00",
        "tip 03-30 07:00",
        "tip 04-01 07:00",
        "tip 04-06 07:00",
        "tip 04-08 07:00",
    ]
    assert performed(line, "2026-03-25 06:59", 3) == ["once 03-25 06:59", "tip 03-25 07:00", "tip 03-30 07:00"]


def test_a_one_time_step_and_a_recurring_one_at_the_same_time_both_come() -> None:
    daily = tuple(range(7))
    for place, other in ((0, 1), (1, 0)):
        line = (Moment("once", place, days(1), TEN), Moment("daily", other, at=TEN, every=daily))
        names = ["once 01-06 10:00", "daily 01-06 10:00"][:: 1 if place == 0 else -1]
        assert performed(line, "2026-01-05 12:00", 3) == [*names, "daily 01-07 10:00"]


def test_a_second_hour_does_not_come_before_enrolment() -> None:
    again = at("2026-10-25 02:30") + 60 * MINUTE  # 02:30 for the second time
    found = next_moment((Moment("none", 0, days(0)),), again, None, AMSTERDAM)
    assert found is not None and found.at == again


def test_who_moves_gets_every_step_once() -> None:
    line = (Moment("hours", 0, Duration(20, "hour")), Moment("day", 1, days(1), TEN), Moment("end", 2, days(2), TEN))
    enrolled = at("2026-01-05 11:00")
    found = next_moment(line, enrolled, None, AMSTERDAM)
    assert found is not None and found.moment.identity == "hours"
    cursor = behind(None, found, enrolled, AMSTERDAM)
    # In Tokyo 10:00 of that day has been before the step of hours was performed in Amsterdam: still it comes, once.
    found = next_moment(line, enrolled, cursor, TOKYO)
    assert found is not None and found.moment.identity == "day" and found.at < cursor.instant[0]
    cursor = behind(cursor, found, enrolled, TOKYO)
    found = next_moment(line, enrolled, cursor, NEW_YORK)
    assert found is not None and found.moment.identity == "end"
    cursor = behind(cursor, found, enrolled, NEW_YORK)
    assert next_moment(line, enrolled, cursor, AMSTERDAM) is None


def test_the_last_step_does_not_come_again_when_the_file_puts_it_off() -> None:
    enrolled = at("2026-01-05 11:00")
    before = Moment("offer", 0, days(3), TEN)
    planned = next_moment((before,), enrolled, None, AMSTERDAM)
    assert planned is not None and planned.at == at("2026-01-08 10:00")
    cursor = behind(None, planned, enrolled, AMSTERDAM)
    changed = (Moment("offer", 0, days(5), TEN), Moment("new", 1, days(1), TEN), Moment("last", 2, days(9), TEN))
    found = next_moment(changed, enrolled, cursor, AMSTERDAM)
    assert found is not None and found.moment.identity == "last"


UNITS: list[Literal["minute", "hour", "day", "week", "month"]] = ["minute", "hour", "day", "week", "month"]
CLOCKS = st.sampled_from([Clock(0, 0), Clock(2, 30), TEN, Clock(23, 30)])
ZONES = [AMSTERDAM, TOKYO, NEW_YORK, *map(ZoneInfo, ("America/Nuuk", "Pacific/Kiritimati", "Pacific/Pago_Pago", "UTC"))]
TIMES = st.one_of(
    st.just((None, None, ())),
    st.tuples(st.builds(Duration, st.integers(0, 40), st.sampled_from(UNITS[:2])), st.none(), st.just(())),
    st.tuples(st.builds(Duration, st.integers(0, 2), st.sampled_from(UNITS[2:])), st.none() | CLOCKS, st.just(())),
)
RECURRING = st.tuples(st.none(), CLOCKS, st.lists(st.integers(0, 6), min_size=1, max_size=7, unique=True).map(tuple))
INSTANTS = st.integers(at("2026-01-01"), at("2027-12-31"))


def line_of(times: list[tuple[Duration | None, Clock | None, tuple[int, ...]]]) -> tuple[Moment, ...]:
    return tuple(Moment(f"step {place}", place, *parts) for place, parts in enumerate(times))


@given(st.lists(TIMES, min_size=1, max_size=6), INSTANTS, st.lists(st.sampled_from(ZONES), min_size=7, max_size=7))
def test_every_step_comes_once_wherever_the_contact_lives(
    times: list[tuple[Duration | None, Clock | None, tuple[int, ...]]], enrolled: int, zones: list[ZoneInfo]
) -> None:
    line, cursor, seen = line_of(times), None, list[str]()
    for zone in zones:
        found = next_moment(line, enrolled, cursor, zone)
        if found is None:
            break
        seen.append(found.moment.identity)
        cursor = behind(cursor, found, enrolled, zone)
    assert sorted(seen) == [step.identity for step in line]


@given(st.lists(RECURRING, min_size=1, max_size=3), INSTANTS, st.lists(st.sampled_from(ZONES), max_size=30))
def test_no_local_time_of_a_recurring_step_comes_twice(
    times: list[tuple[Duration | None, Clock | None, tuple[int, ...]]], enrolled: int, zones: list[ZoneInfo]
) -> None:
    line, cursor, seen = line_of(times), None, Counter[tuple[str, int]]()
    for zone in zones:
        found = next_moment(line, enrolled, cursor, zone)
        assert found is not None and found.at > enrolled
        local = found.shown
        seen[found.moment.identity, local] += 1
        day = (datetime(1970, 1, 1, tzinfo=UTC) + timedelta(microseconds=local)).weekday()
        assert day in found.moment.every and found.at == first(local, zone)
        cursor = behind(cursor, found, enrolled, zone)
    assert set(seen.values()) <= {1}


@given(st.lists(TIMES | RECURRING, min_size=1, max_size=5), INSTANTS, st.sampled_from(ZONES))
def test_in_one_zone_the_order_is_that_of_the_planned_instants(
    times: list[tuple[Duration | None, Clock | None, tuple[int, ...]]], enrolled: int, zone: ZoneInfo
) -> None:
    line, cursor, seen = line_of(times), None, list[tuple[int, int]]()
    for _ in range(12):
        found = next_moment(line, enrolled, cursor, zone)
        if found is None:
            break
        seen.append((found.at, found.moment.place))
        cursor = behind(cursor, found, enrolled, zone)
    assert seen == sorted(set(seen))


STEP = Moment("step", 0, days(3), TEN)


def planned_at(step: Moment, time: str) -> Planned:
    return Planned(at(time), step, reading(at(time), AMSTERDAM))


def due(
    now: str, late: Policy = "next window", hours: Hours = ALWAYS, planned: str = "2026-01-08 10:00",
    clock: str = "10:00", enrolled: str = "2026-01-05 11:00",
) -> Due:  # fmt: skip
    step = Moment("step", 0, days(3), Clock(*map(int, clock.split(":"))), late=late)
    return when_due(planned_at(step, planned), at(now), AMSTERDAM, hours, at(enrolled))


def test_a_step_waits_for_its_time_and_is_due_exactly_then() -> None:
    assert due("2026-01-08 09:59") == Wait(at("2026-01-08 10:00"))
    assert due("2026-01-08 10:00") == Perform(at("2026-01-08 10:00"))
    assert due("2026-01-08 11:00") == Perform(at("2026-01-08 11:00"))
    assert TOLERANCE == 60 * MINUTE


@pytest.mark.parametrize(
    ("late", "expected"),
    [
        ("late", Perform(at("2026-01-08 11:01"), late=True)),
        ("next window", Wait(at("2026-01-09 10:00"))),
        ("skip", Skip("late")),
    ],
)
def test_a_step_that_we_are_behind_with(late: Policy, expected: Due) -> None:
    assert due("2026-01-08 11:01", late) == expected


@pytest.mark.parametrize("late", ["late", "next window", "skip"])
def test_a_step_is_not_late_for_what_held_it(late: Policy) -> None:
    """A question was open from before 10:00 until 15:00; after that the step has its hour, and the hours count."""
    step = Moment("step", 0, days(3), TEN, late=late)
    held = msgspec.structs.replace(planned_at(step, "2026-01-08 10:00"), free_at=at("2026-01-08 15:00"))
    for now in ("2026-01-08 15:00", "2026-01-08 16:00"):
        assert when_due(held, at(now), AMSTERDAM, ALWAYS, 0) == Perform(at(now))
        assert is_in_time(held, at(now), AMSTERDAM, ALWAYS, 0)
    assert when_due(held, at("2026-01-08 16:01"), AMSTERDAM, ALWAYS, 0) != Perform(at("2026-01-08 16:01"))
    assert not is_in_time(held, at("2026-01-08 16:01"), AMSTERDAM, ALWAYS, 0)
    freed_at_night = msgspec.structs.replace(held, free_at=at("2026-01-08 23:00"))
    opens = at("2026-01-09 08:00")
    assert when_due(freed_at_night, at("2026-01-08 23:00"), AMSTERDAM, NIGHT, 0) == Wait(opens)
    assert is_in_time(freed_at_night, at("2026-01-08 23:00"), AMSTERDAM, NIGHT, 0)
    assert when_due(freed_at_night, opens, AMSTERDAM, NIGHT, 0) == Perform(opens)


def test_a_step_that_was_late_when_it_came_to_be_held_is_known() -> None:
    step = planned_at(STEP, "2026-01-08 10:00")
    assert is_in_time(step, at("2026-01-08 11:00"), AMSTERDAM, ALWAYS, 0)
    assert not is_in_time(step, at("2026-01-08 11:01"), AMSTERDAM, ALWAYS, 0)
    assert not is_in_time(step, at("2026-01-08 10:20"), AMSTERDAM, ALWAYS, at("2026-01-08 10:10"))


def test_the_next_window_needs_no_memory() -> None:
    for day in (9, 10, 20):
        now = f"2026-01-{day:02}"
        assert due(f"{now} 09:00") == Wait(at(f"{now} 10:00"))
        assert due(f"{now} 10:00") == Perform(at(f"{now} 10:00"), late=True)
        assert due(f"{now} 10:59") == Perform(at(f"{now} 10:59"), late=True)
        assert due(f"{now} 11:01") == Wait(at(f"{now} 10:00") + DAY)


def test_a_step_whose_time_came_before_enrolment_is_late_however_little() -> None:
    for late, expected in (
        ("late", Perform(at("2026-01-05 10:20"), late=True)),
        ("next window", Wait(at("2026-01-06 10:00"))),
        ("skip", Skip("late")),
    ):
        step = Moment("step", 0, days(0), TEN, late=late)  # type: ignore[arg-type]
        now = at("2026-01-05 10:20")
        assert when_due(planned_at(step, "2026-01-05 10:00"), now, AMSTERDAM, ALWAYS, now) == expected
    on_time = when_due(
        planned_at(STEP, "2026-01-05 10:00"), at("2026-01-05 10:00"), AMSTERDAM, ALWAYS, at("2026-01-05 10:00")
    )
    assert on_time == Perform(at("2026-01-05 10:00"))


def test_a_late_step_without_a_time_of_day_is_performed_at_once() -> None:
    step = Moment("step", 0, Duration(3, "hour"))
    planned, now = planned_at(step, "2026-01-05 14:00"), at("2026-01-07 09:00")
    assert when_due(planned, now, AMSTERDAM, NIGHT, 0) == Perform(now, late=True)
    assert when_due(planned, now - 120 * MINUTE, AMSTERDAM, NIGHT, 0) == Wait(now - 60 * MINUTE)


def test_capability_55_a_step_due_in_quiet_hours_runs_at_their_end() -> None:
    opens = at("2026-01-09 08:00")
    for now in ("2026-01-08 12:00", "2026-01-08 23:40", "2026-01-09 07:59"):
        assert due(now, hours=NIGHT, planned="2026-01-08 23:40", clock="23:40") == Wait(opens)
    assert due("2026-01-09 08:30", "skip", NIGHT, "2026-01-08 23:40", "23:40") == Perform(opens + 30 * MINUTE)
    # Behind with it, its next window is the end of the next night.
    late = due("2026-01-09 12:00", "next window", NIGHT, "2026-01-08 23:40", "23:40")
    assert late == Wait(at("2026-01-10 08:00"))
    assert due("2026-01-10 07:00", "next window", NIGHT, "2026-01-08 23:40", "23:40") == Wait(at("2026-01-10 08:00"))
    assert due("2026-01-10 08:00", "next window", NIGHT, "2026-01-08 23:40", "23:40") == Perform(
        at("2026-01-10 08:00"), late=True
    )
    # On time by the clock, but the hours have closed meanwhile.
    assert due("2026-01-08 21:10", hours=NIGHT, planned="2026-01-08 20:55", clock="20:55") == Wait(opens)
    assert due("2026-01-09 21:10", hours=NIGHT, planned="2026-01-08 20:55", clock="20:55") == Wait(
        at("2026-01-10 08:00")
    )


def test_hours_that_never_open_leave_the_step_out() -> None:
    assert due("2026-01-08 10:00", hours=NEVER) == Skip("never_open")


@pytest.mark.parametrize("late", ["late", "next window", "skip"])
def test_of_a_recurring_step_only_the_newest_time_counts(late: Policy) -> None:
    step = Moment("tip", 0, at=Clock(7, 0), every=tuple(range(7)), late=late)
    now, enrolled, cursor = at("2026-01-15 12:00"), at("2026-01-05 12:00"), None
    came: list[Due] = []
    while True:
        found = next_moment((step,), enrolled, cursor, AMSTERDAM)
        assert found is not None
        answer = when_due(found, now, AMSTERDAM, ALWAYS, enrolled)
        if isinstance(answer, Wait):
            break
        came.append(answer)
        cursor = behind(cursor, found, enrolled, AMSTERDAM)
    newest = {"late": Perform(now, late=True), "next window": Skip("superseded"), "skip": Skip("late")}[late]
    assert came == [*[Skip("superseded")] * 9, newest]
    assert answer == Wait(at("2026-01-16 07:00"))


def test_recurring_steps_held_over_a_closed_day_are_one() -> None:
    daily = Moment("tip", 0, at=Clock(20, 30), every=tuple(range(7)))
    france = stricter(quiet_hours(Clock(20, 0), Clock(8, 0)), Hours((), frozenset({6})))
    monday, enrolled = at("2026-01-12 08:00"), at("2026-01-09 12:00")
    saturday = when_due(planned_at(daily, "2026-01-10 20:30"), monday, AMSTERDAM, france, enrolled)
    assert saturday == Skip("superseded")
    assert when_due(planned_at(daily, "2026-01-11 20:30"), monday, AMSTERDAM, france, enrolled) == Perform(monday)


@given(
    TIMES | RECURRING, st.sampled_from(["late", "next window", "skip"]), st.sampled_from([ALWAYS, NIGHT]), INSTANTS,
    st.integers(0, 10 * DAY), st.sampled_from(ZONES),
)  # fmt: skip
def test_waiting_comes_to_an_end_in_open_hours(
    times: tuple[Duration | None, Clock | None, tuple[int, ...]], late: Policy, hours: Hours, enrolled: int, lag: int,
    zone: ZoneInfo,
) -> None:  # fmt: skip
    step = Moment("step", 0, *times, late=late)
    found = next_moment((step,), enrolled, None, zone)
    assert found is not None
    now, waits = enrolled + lag, 0
    while isinstance(answer := when_due(found, now, zone, hours, enrolled), Wait):
        assert answer.until > now
        now, waits = answer.until, waits + 1
    assert waits <= 2
    if isinstance(answer, Perform):
        assert answer.at == now >= found.at and opens_at(hours, now, zone) == now
