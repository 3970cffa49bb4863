"""Which hours hold for a phone: its country's, its state's, and what holds where nobody knows them."""

from __future__ import annotations

import tomllib
from functools import reduce
from importlib.resources import files

import phonenumbers
import pytest

from rules.countries import country_of
from rules.hours import ALWAYS, Hours, quiet_hours, stricter
from rules.market_hours import hours_for
from rules.packs import load
from rules.syntax import Clock

FIXED_LINE_OR_MOBILE = phonenumbers.PhoneNumberType.FIXED_LINE_OR_MOBILE
"""What every number is that has a place there."""
NIGHT = quiet_hours(Clock(21, 0), Clock(8, 0))
SUNDAY = frozenset({6})
FRANCE = load().markets["FR"].hours


def closed(opens: int, closes: int, weekdays: frozenset[int] = frozenset()) -> Hours:
    """Open from one hour to another."""
    return Hours(quiet_hours(Clock(closes, 0), Clock(opens, 0)).closed, weekdays)


@pytest.mark.parametrize(
    ("msisdn", "zone", "hours"),
    [
        ("31612345678", "Europe/Amsterdam", NIGHT),
        ("33612345678", "Europe/Amsterdam", FRANCE),
        # A country with a pack keeps its own, wherever the brand is.
        ("31612345678", "Europe/Paris", NIGHT),
        # Overseas France, and the territories of the United States.
        ("262692123456", "Europe/Paris", FRANCE),
        ("590690123456", "Europe/Amsterdam", FRANCE),
        ("17875550100", "America/New_York", NIGHT),
        # Countries without a pack: the usual hours, and those of the brand's own market.
        ("34612345678", "Europe/Amsterdam", NIGHT),
        ("436641234567", "UTC", NIGHT),
        ("352621123456", "Europe/Paris", stricter(FRANCE, NIGHT)),
        ("88163456789", "Europe/Amsterdam", NIGHT),
        ("", "Europe/Amsterdam", NIGHT),
    ],
)
def test_the_hours_of_a_country(msisdn: str, zone: str, hours: Hours) -> None:
    assert hours_for(ALWAYS, zone, msisdn) == hours


@pytest.mark.parametrize(
    ("area", "hours"),
    [
        ("212", NIGHT),  # New York
        ("305", closed(8, 20)),  # Florida
        ("405", closed(8, 20)),  # Oklahoma
        ("206", closed(8, 20)),  # Washington
        ("203", closed(9, 20)),  # Connecticut
        ("214", closed(9, 21, SUNDAY)),  # Texas
        ("800", closed(10, 17, SUNDAY)),  # of no place: all of them at once
        ("000", closed(10, 17, SUNDAY)),
    ],
)
def test_the_hours_of_a_state(area: str, hours: Hours) -> None:
    assert hours_for(ALWAYS, "America/New_York", f"1{area}5550100") == hours


def test_canada_shares_the_country_code_and_not_the_states() -> None:
    assert hours_for(ALWAYS, "America/Toronto", "14165550100") == NIGHT


def test_a_brands_quiet_hours_are_added_everywhere() -> None:
    noon = quiet_hours(Clock(12, 0), Clock(13, 0))
    for phone in ("31612345678", "34612345678", "13055550100"):
        assert hours_for(noon, "Europe/Amsterdam", phone) == stricter(
            noon, hours_for(ALWAYS, "Europe/Amsterdam", phone)
        )


def test_every_area_code_of_a_place_in_the_united_states_is_of_one_state() -> None:
    market = load().markets["US"]
    known = {
        area
        for area in map(str, range(200, 1000))
        if country_of(f"1{area}") == "US"
        and phonenumbers.number_type(phonenumbers.parse(f"+1{area}5550100")) == FIXED_LINE_OR_MOBILE
    }
    assert known and known <= set(market.areas)
    assert market.elsewhere == reduce(stricter, market.areas.values())
    assert all(stricter(hours, market.hours) == hours for hours in market.areas.values())
    assert not any(one.areas for code, one in load().markets.items() if one is not market)


def test_no_area_code_stands_in_two_states() -> None:
    pack = tomllib.loads((files("rules") / "markets" / "market_us.toml").read_text(encoding="utf-8"))
    listed = [code for part in pack["areas"].values() for code in part["codes"]]
    assert len(listed) == len(set(listed)) == len(load().markets["US"].areas)
