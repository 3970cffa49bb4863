"""Birthdays and dates of the calendar."""

from datetime import UTC, date, datetime
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rules.anniversaries import due_date, next_birthday
from rules.syntax import Clock
from rules.times import instant, microseconds

AMSTERDAM = ZoneInfo("Europe/Amsterdam")
TEN = Clock(10, 0)
ZONES = [ZoneInfo(name) for name in ("Europe/Amsterdam", "Pacific/Kiritimati", "Pacific/Pago_Pago", "America/Nuuk")]


def at(text: str, zone: ZoneInfo = AMSTERDAM) -> int:
    return microseconds(datetime.fromisoformat(text).replace(tzinfo=zone))


@pytest.mark.parametrize(
    ("born", "now", "due"),
    [
        (date(1990, 5, 1), "2026-04-30 12:00", "2026-05-01 10:00"),
        (date(1990, 5, 1), "2026-05-01 09:59", "2026-05-01 10:00"),
        (date(1990, 5, 1), "2026-05-01 10:00", "2027-05-01 10:00"),
        (date(1992, 2, 29), "2026-01-01 00:00", "2026-02-28 10:00"),
        (date(1992, 2, 29), "2027-03-01 00:00", "2028-02-29 10:00"),
        (date(1992, 2, 29), "2096-03-01 00:00", "2097-02-28 10:00"),
        (date(1992, 2, 29), "2099-03-01 00:00", "2100-02-28 10:00"),
        (date(1999, 12, 31), "2026-12-31 10:00", "2027-12-31 10:00"),
    ],
)
def test_capability_64_a_birthday_comes_once_a_year(born: date, now: str, due: str) -> None:
    assert next_birthday(born, at(now), TEN, AMSTERDAM) == at(due)


def test_capability_64_29_february_of_2000_was_a_day() -> None:
    assert next_birthday(date(1992, 2, 29), at("2000-01-01"), TEN, AMSTERDAM) == at("2000-02-29 10:00")


def test_who_moves_west_after_the_text_gets_no_second_one() -> None:
    new_york = ZoneInfo("America/New_York")
    last = at("2026-05-01 10:00")
    assert next_birthday(date(1990, 5, 1), last, TEN, new_york) == at("2026-05-01 10:00", new_york)
    assert next_birthday(date(1990, 5, 1), last, TEN, new_york, last) == at("2027-05-01 10:00", new_york)


def test_a_date_of_the_calendar_is_the_contacts() -> None:
    assert due_date(date(2026, 3, 29), Clock(2, 30), AMSTERDAM) == at("2026-03-29 03:00")
    assert instant(due_date(date(2026, 12, 1), TEN, ZoneInfo("America/New_York"))).hour == 15


@given(
    st.dates(date(1930, 1, 1), date(2010, 1, 1)), st.integers(2020, 2036), st.lists(st.sampled_from(ZONES), min_size=8)
)
def test_one_birthday_each_year_whatever_zones_the_contact_lives_in(
    born: date, year: int, zones: list[ZoneInfo]
) -> None:
    last, now, seen = None, microseconds(datetime(year, 1, 3, tzinfo=UTC)), []
    born = born.replace(month=7) if (born.month, born.day) in ((1, 1), (1, 2), (1, 3), (1, 4), (12, 31)) else born
    for zone in zones:
        last = now = next_birthday(born, now, TEN, zone, last)
        there = instant(now).astimezone(zone)
        seen.append(there.year)
        assert (there.hour, there.minute) == (10, 0)
        assert (there.month, there.day) in ((born.month, born.day), (2, 28))
    assert seen == list(range(seen[0], seen[0] + len(zones)))
