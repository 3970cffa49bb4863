"""Readings of a clock, instants, and days, months and years that are added to them."""

from datetime import UTC, date, datetime, timedelta, timezone
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rules.syntax import Clock, Duration
from rules.times import microseconds
from rules.zones import DAY, day_at, elapsed, first, moved, next_change, on_day, reading

AMSTERDAM = ZoneInfo("Europe/Amsterdam")
ZONES = [ZoneInfo(name) for name in ("Europe/Amsterdam", "America/Nuuk", "Australia/Lord_Howe", "Africa/Casablanca")]
INSTANTS = st.integers(microseconds(datetime(2020, 1, 1, tzinfo=UTC)), microseconds(datetime(2060, 1, 1, tzinfo=UTC)))


def utc(text: str) -> int:
    return microseconds(datetime.fromisoformat(text).replace(tzinfo=UTC))


@pytest.mark.parametrize(
    ("zone", "shown", "instant"),
    [
        ("Europe/Amsterdam", "2026-01-05 10:00", "2026-01-05 09:00"),
        ("Europe/Amsterdam", "2026-03-29 01:59", "2026-03-29 00:59"),
        ("Europe/Amsterdam", "2026-03-29 02:00", "2026-03-29 01:00"),
        ("Europe/Amsterdam", "2026-03-29 02:30", "2026-03-29 01:00"),
        ("Europe/Amsterdam", "2026-03-29 03:00", "2026-03-29 01:00"),
        ("Europe/Amsterdam", "2026-03-29 03:01", "2026-03-29 01:01"),
        ("Europe/Amsterdam", "2026-10-25 02:30", "2026-10-25 00:30"),
        ("Europe/Amsterdam", "2026-10-25 03:00", "2026-10-25 02:00"),
        ("Australia/Lord_Howe", "2026-10-04 02:15", "2026-10-03 15:30"),
        # Clocks in Nuuk go forward at 23:00 on Saturday: the evening's last hour ends with the day.
        ("America/Nuuk", "2026-03-28 23:30", "2026-03-29 01:00"),
        ("America/Nuuk", "2026-03-29 00:00", "2026-03-29 01:00"),
        ("UTC", "2026-03-29 02:30", "2026-03-29 02:30"),
    ],
)
def test_the_first_instant_that_shows_a_time(zone: str, shown: str, instant: str) -> None:
    assert first(utc(shown), ZoneInfo(zone)) == utc(instant)


@given(INSTANTS, st.sampled_from(ZONES))
def test_a_reading_leads_back_to_its_first_instant(at: int, zone: ZoneInfo) -> None:
    again = first(reading(at, zone), zone)
    assert again <= at and reading(again, zone) == reading(at, zone)
    wall = datetime.fromtimestamp(at // 10**6, zone).replace(tzinfo=UTC, microsecond=at % 10**6)
    assert microseconds(wall) == reading(at, zone) and day_at(at, zone) == wall.date()


def test_a_zone_of_one_offset_is_a_zone() -> None:
    zone = timezone(timedelta(hours=5, minutes=45))
    assert on_day(date(2026, 1, 1), Clock(0, 0), zone) == utc("2025-12-31 18:15")


def test_where_clocks_are_changed() -> None:
    change = utc("2026-03-29 01:00")
    assert next_change(change - DAY, change + DAY, AMSTERDAM) == change
    assert next_change(change - 1, change, AMSTERDAM) == change
    assert next_change(change - DAY, change - 1, AMSTERDAM) is None
    assert next_change(change, change + DAY, AMSTERDAM) is None


@pytest.mark.parametrize(
    ("start", "count", "unit", "end"),
    [
        ("2026-01-31 12:00", 1, "month", "2026-02-28 12:00"),
        ("2026-12-15 12:00", 1, "month", "2027-01-15 12:00"),
        ("2026-11-30 12:00", 3, "month", "2027-02-28 12:00"),
        ("2028-02-29 12:00", 1, "year", "2029-02-28 12:00"),
        ("2028-02-29 23:59", 4, "year", "2032-02-29 23:59"),
        ("2026-01-05 12:00", 2, "week", "2026-01-19 12:00"),
        ("2026-03-28 12:00", 1, "day", "2026-03-29 12:00"),
        ("2026-01-05 12:00", 10**9, "year", "2176-01-05 12:00"),
        ("2026-01-05 12:00", 10**9, "day", "2176-01-06 12:00"),
    ],
)
def test_days_and_longer_move_the_reading(start: str, count: int, unit: str, end: str) -> None:
    assert moved(utc(start), Duration(count, unit)) == utc(end)  # type: ignore[arg-type]


def test_minutes_and_hours_elapse() -> None:
    assert elapsed(Duration(90, "minute")) == 90 * 60 * 10**6
    assert elapsed(Duration(2, "hour")) == 2 * 3600 * 10**6
    assert elapsed(Duration(10**9, "hour")) == 54_787 * DAY
