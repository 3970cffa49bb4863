"""Easter, and the public holidays that a pack declares."""

from datetime import date

from rules.holidays import Holidays, easter, holidays


def test_easter_of_years_that_are_known() -> None:
    # Of the years below the earliest (1818, 2285) and the latest (1943, 2038) Easter that there can be.
    known = (
        "1818-03-22 1943-04-25 1961-04-02 2000-04-23 2020-04-12 2021-04-04 2022-04-17 2023-04-09 2024-03-31 2025-04-20 "
        "2026-04-05 2027-03-28 2028-04-16 2029-04-01 2030-04-21 2031-04-13 2032-03-28 2033-04-17 2034-04-09 2035-03-25 "
        "2036-04-13 2037-04-05 2038-04-25 2285-03-22"
    )
    for day in map(date.fromisoformat, known.split()):
        assert easter(day.year) == day


def test_easter_is_a_sunday_of_march_or_april() -> None:
    for year in range(1583, 2600):
        day = easter(year)
        assert day.weekday() == 6 and date(year, 3, 22) <= day <= date(year, 4, 25)


def test_holidays_are_fixed_or_move_with_easter() -> None:
    days = holidays(["05-01", "easter+1", "easter-2"])
    assert days and days.on(date(2026, 5, 1)) and days.on(date(2026, 4, 6)) and days.on(date(2026, 4, 3))
    assert not days.on(date(2026, 4, 5)) and not days.on(date(2026, 5, 2))
    assert not Holidays() and not Holidays().on(date(2026, 5, 1))
    assert days | Holidays() == days and not Holidays(frozenset({(5, 1)})).on(date(2026, 4, 6))
