"""Elapsed time and calendar time, also where clocks are changed."""

from datetime import UTC, datetime
from zoneinfo import ZoneInfo

import pytest

from rules.syntax import Clock, Duration
from rules.timeline import Moment, next_moment
from rules.times import after, back, instant, microseconds, next_clock

AMSTERDAM = ZoneInfo("Europe/Amsterdam")


def at(text: str) -> int:
    return microseconds(datetime.fromisoformat(text).replace(tzinfo=AMSTERDAM).astimezone(UTC))


def shown(moment: int) -> str:
    return instant(moment).astimezone(AMSTERDAM).strftime("%Y-%m-%d %H:%M")


def duration(text: str) -> Duration:
    count, unit = text.split()
    return Duration(int(count), unit.removesuffix("s"))  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("start", "wait", "clock", "due"),
    [
        ("2026-01-05 12:00", "10 minutes", None, "2026-01-05 12:10"),
        ("2026-01-05 12:00", "3 hours", None, "2026-01-05 15:00"),
        ("2026-01-05 12:00", "1 day", None, "2026-01-06 12:00"),
        ("2026-01-05 12:00", "1 day", "10:00", "2026-01-06 10:00"),
        ("2026-01-05 12:00", "0 days", "10:00", "2026-01-05 10:00"),
        ("2026-01-05 12:00", "2 weeks", None, "2026-01-19 12:00"),
        ("2026-01-31 12:00", "1 month", None, "2026-02-28 12:00"),
        ("2026-11-30 12:00", "3 months", None, "2027-02-28 12:00"),
        ("2028-02-29 12:00", "1 year", None, "2029-02-28 12:00"),
        # Clocks forward on 29 March 2026 at 02:00, back on 25 October at 03:00.
        ("2026-03-28 12:00", "1 day", None, "2026-03-29 12:00"),
        ("2026-03-28 12:00", "24 hours", None, "2026-03-29 13:00"),
        ("2026-03-28 12:00", "1 day", "02:30", "2026-03-29 03:00"),
        ("2026-03-28 02:30", "1 day", None, "2026-03-29 03:00"),
        ("2026-02-28 02:30", "1 month", None, "2026-03-28 02:30"),
        ("2026-10-24 12:00", "24 hours", None, "2026-10-25 11:00"),
        ("2026-10-24 12:00", "1 day", "02:30", "2026-10-25 02:30"),
        ("2026-01-05 12:00", "99999999 years", None, "2176-01-05 12:00"),
    ],
)
def test_when_a_wait_is_over(start: str, wait: str, clock: str | None, due: str) -> None:
    of_day = None if clock is None else Clock(*map(int, clock.split(":")))
    assert shown(after(at(start), duration(wait), AMSTERDAM, of_day)) == due


def test_a_time_that_comes_twice_is_the_first() -> None:
    twice = after(at("2026-10-24 12:00"), duration("1 day"), AMSTERDAM, Clock(2, 30))
    assert instant(twice).isoformat() == "2026-10-25T00:30:00+00:00"


@pytest.mark.parametrize(
    ("start", "due"),
    [
        ("2026-01-05 09:59", "2026-01-05 10:00"),
        ("2026-01-05 10:00", "2026-01-06 10:00"),
        ("2026-01-05 10:01", "2026-01-06 10:00"),
        ("2026-01-31 23:00", "2026-02-01 10:00"),
    ],
)
def test_until_a_time_of_day_is_the_next_one(start: str, due: str) -> None:
    assert shown(next_clock(at(start), Clock(10, 0), AMSTERDAM)) == due


@pytest.mark.parametrize(
    ("wait", "was"),
    [
        ("30 days", "2026-02-27 12:00"),
        ("18 years", "2008-03-29 12:00"),
        ("1 month", "2026-02-28 12:00"),
        ("12 hours", "2026-03-28 23:00"),
        ("30 minutes", "2026-03-29 11:30"),
    ],
)
def test_ago(wait: str, was: str) -> None:
    now = instant(at("2026-03-29 12:00")).astimezone(AMSTERDAM)
    assert back(now, duration(wait)).strftime("%Y-%m-%d %H:%M") == was


def test_back_over_a_change() -> None:
    now = instant(at("2026-03-30 02:30")).astimezone(AMSTERDAM)
    assert back(now, duration("1 day")).strftime("%Y-%m-%d %H:%M") == "2026-03-29 03:00"


@pytest.mark.parametrize("clock", [Clock(1, 59), Clock(2, 0), Clock(2, 30), Clock(2, 59), Clock(3, 0), Clock(3, 1)])
@pytest.mark.parametrize("day", ["2026-03-28", "2026-10-24"])
def test_a_wait_and_a_drips_step_come_to_one_instant(day: str, clock: Clock) -> None:
    begun = at(f"{day} 12:00")
    step = next_moment([Moment("step", 0, Duration(1, "day"), clock)], begun, None, AMSTERDAM)
    assert step is not None
    assert step.at == after(begun, Duration(1, "day"), AMSTERDAM, clock)
    assert step.at == next_clock(begun, clock, AMSTERDAM)
