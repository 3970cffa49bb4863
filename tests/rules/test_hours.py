"""Quiet hours, hours and days that a market forbids, and letting go of what was held."""

import tomllib
from datetime import UTC, datetime
from importlib.resources import files
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rules.holidays import Holidays
from rules.hours import (
    ALWAYS,
    SPREAD,
    Hours,
    closes_at,
    hours_of,
    opens_at,
    quiet_hours,
    released_at,
    spread,
    stricter,
)
from rules.packs import load
from rules.syntax import Clock
from rules.timeline import TOLERANCE
from rules.times import instant, microseconds

AMSTERDAM = ZoneInfo("Europe/Amsterdam")
PARIS = ZoneInfo("Europe/Paris")
NIGHT = quiet_hours(Clock(21, 0), Clock(8, 0))
MINUTE = 60_000_000
INSTANTS = st.integers(microseconds(datetime(2026, 1, 1, tzinfo=UTC)), microseconds(datetime(2028, 1, 1, tzinfo=UTC)))
CLOCKS = st.builds(Clock, st.integers(0, 23), st.integers(0, 59))
HOURS = st.builds(quiet_hours, CLOCKS, CLOCKS)


def at(text: str, zone: ZoneInfo = AMSTERDAM) -> int:
    return microseconds(datetime.fromisoformat(text).replace(tzinfo=zone))


def shown(moment: int | None, zone: ZoneInfo = AMSTERDAM) -> str | None:
    return None if moment is None else instant(moment).astimezone(zone).strftime("%Y-%m-%d %H:%M")


def market(code: str) -> Hours:
    text = (files("rules") / "markets" / f"market_{code}.toml").read_text(encoding="utf-8")
    return hours_of(tomllib.loads(text)["hours"])


@pytest.mark.parametrize(
    ("hours", "now", "opens"),
    [
        (NIGHT, "2026-01-05 20:59", "2026-01-05 20:59"),
        (NIGHT, "2026-01-05 21:00", "2026-01-06 08:00"),
        (NIGHT, "2026-01-05 23:40", "2026-01-06 08:00"),
        (NIGHT, "2026-01-06 00:00", "2026-01-06 08:00"),
        (NIGHT, "2026-01-06 07:59", "2026-01-06 08:00"),
        (NIGHT, "2026-01-06 08:00", "2026-01-06 08:00"),
        (quiet_hours(Clock(12, 0), Clock(13, 30)), "2026-01-05 12:10", "2026-01-05 13:30"),
        (quiet_hours(Clock(21, 0), Clock(0, 0)), "2026-01-05 22:10", "2026-01-06 00:00"),
        (quiet_hours(Clock(0, 0), Clock(8, 0)), "2026-01-05 00:00", "2026-01-05 08:00"),
        (quiet_hours(Clock(8, 0), Clock(8, 0)), "2026-01-05 08:00", "2026-01-05 08:00"),
        (ALWAYS, "2026-01-05 03:00", "2026-01-05 03:00"),
        # The end that is left out in spring is when clocks are put forward.
        (quiet_hours(Clock(21, 0), Clock(2, 30)), "2026-03-29 01:00", "2026-03-29 03:00"),
    ],
)
def test_when_a_brand_may_speak_again(hours: Hours, now: str, opens: str) -> None:
    assert shown(opens_at(hours, at(now), AMSTERDAM)) == opens


def test_quiet_hours_that_end_in_the_hour_that_comes_twice_end_twice() -> None:
    hours = quiet_hours(Clock(21, 0), Clock(2, 30))
    once, twice = (microseconds(datetime(2026, 10, 25, hour, 30, tzinfo=UTC)) for hour in (0, 1))
    assert opens_at(hours, once - 40 * MINUTE, AMSTERDAM) == once
    assert closes_at(hours, once, AMSTERDAM) == once + 30 * MINUTE
    assert opens_at(hours, once + 30 * MINUTE, AMSTERDAM) == twice
    # What is held for the first end goes out before the clock is put back.
    for key in map(str, range(50)):
        released = released_at(hours, once - 1, AMSTERDAM, 120 * MINUTE, key)
        assert released is not None and once <= released < once + 30 * MINUTE


@pytest.mark.parametrize(
    ("now", "opens"),
    [
        ("2026-01-05 20:30", "2026-01-06 08:00"),
        ("2026-01-10 20:00", "2026-01-12 08:00"),  # Saturday evening
        ("2026-01-11 12:00", "2026-01-12 08:00"),  # Sunday
        ("2026-04-04 20:00", "2026-04-07 08:00"),  # the evening before Easter
        ("2026-05-14 12:00", "2026-05-15 08:00"),  # Ascension
        ("2026-05-23 20:00", "2026-05-26 08:00"),  # Whitsun
        ("2026-07-13 20:00", "2026-07-15 08:00"),
        ("2026-12-31 21:00", "2027-01-02 08:00"),
    ],
)
def test_france_sleeps_on_sundays_and_holidays(now: str, opens: str) -> None:
    france = market("fr")
    assert shown(opens_at(france, at(now, PARIS), PARIS), PARIS) == opens
    assert opens_at(stricter(NIGHT, france), at(now, PARIS), PARIS) == opens_at(france, at(now, PARIS), PARIS)


@pytest.mark.parametrize("code", ["nl", "be", "de", "gb", "us", "ca"])
def test_the_other_markets_sleep_from_nine_to_eight(code: str) -> None:
    assert market(code) == NIGHT


def test_the_packs_bring_their_hours_and_a_country_without_a_pack_has_the_usual_ones() -> None:
    assert load().market("FR").hours == market("fr") and load().market("NL").hours == NIGHT
    assert load().market("ES").hours == market("usual") == NIGHT == load().market(None).hours


def test_the_stricter_of_brand_and_market_holds() -> None:
    brand = quiet_hours(Clock(19, 0), Clock(7, 0))
    both = stricter(brand, market("nl"))
    assert both.closed == ((0, 480), (1140, 1440))
    assert stricter(both, ALWAYS) == both
    assert stricter(quiet_hours(Clock(9, 0), Clock(10, 0)), quiet_hours(Clock(9, 30), Clock(9, 40))).closed == (
        (540, 600),
    )


def test_hours_that_never_open_say_so() -> None:
    never = stricter(NIGHT, quiet_hours(Clock(8, 0), Clock(21, 0)))
    now = at("2026-01-05 12:00")
    assert opens_at(never, now, AMSTERDAM) is None
    assert released_at(never, now, AMSTERDAM, SPREAD, "x") is None
    assert closes_at(never, now, AMSTERDAM) == now
    assert closes_at(ALWAYS, now, AMSTERDAM) is None


def test_days_alone_may_be_closed() -> None:
    workdays = Hours((), frozenset({5, 6}), Holidays(frozenset({(1, 1)})))
    assert shown(opens_at(workdays, at("2026-01-03 12:00"), AMSTERDAM)) == "2026-01-05 00:00"
    assert shown(closes_at(workdays, at("2026-01-05 12:00"), AMSTERDAM)) == "2026-01-10 00:00"
    # Held on New Year's day, and never closing again within the time looked ahead: the window is as asked for.
    once = Hours((), frozenset(), Holidays(frozenset({(2, 29)})))
    released = released_at(once, at("2024-02-29 12:00"), AMSTERDAM, SPREAD, "x")
    assert released is not None and at("2024-03-01 00:00") <= released < at("2024-03-01 00:30")


def test_held_texts_are_spread_and_each_contacts_own_order_is_kept() -> None:
    opened = at("2026-01-06 08:00")
    delays = [spread(opened, SPREAD, f"3161234{number:04}") - opened for number in range(4000)]
    assert all(0 <= delay < SPREAD for delay in delays)
    tenths = [sum(delay * 10 // SPREAD == tenth for delay in delays) for tenth in range(10)]
    assert min(tenths) > 300 and max(tenths) < 500
    night = [released_at(NIGHT, at(f"2026-01-05 2{hour}:00"), AMSTERDAM, SPREAD, "31612345678") for hour in (1, 2, 3)]
    assert len(set(night)) == 1
    assert released_at(NIGHT, at("2026-01-05 22:00"), AMSTERDAM, 0, "31612345678") == opened
    assert released_at(NIGHT, opened, AMSTERDAM, SPREAD, "31612345678") == opened
    assert SPREAD < TOLERANCE


@given(HOURS, HOURS, INSTANTS)
def test_both_hours_hold_where_two_are_joined(one: Hours, other: Hours, now: int) -> None:
    both = stricter(one, other)
    if now == opens_at(both, now, AMSTERDAM):
        assert opens_at(one, now, AMSTERDAM) == now == opens_at(other, now, AMSTERDAM)
    else:
        assert closes_at(both, now, AMSTERDAM) == now
        assert now in (closes_at(one, now, AMSTERDAM), closes_at(other, now, AMSTERDAM))


@given(HOURS, INSTANTS, st.text(max_size=5))
def test_what_is_released_is_released_in_open_hours(hours: Hours, now: int, key: str) -> None:
    released = released_at(hours, now, AMSTERDAM, SPREAD, key)
    assert released is not None and released >= now
    assert opens_at(hours, released, AMSTERDAM) == released
