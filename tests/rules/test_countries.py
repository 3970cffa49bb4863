"""Countries and clocks of numbers."""

from __future__ import annotations

import pytest

from rules.countries import area_of, country_of, zones_of


@pytest.mark.parametrize(
    ("msisdn", "country"),
    [
        ("31612345678", "NL"),
        ("4915112345678", "DE"),
        ("33612345678", "FR"),
        ("447911123456", "GB"),
        ("35312345678", "IE"),
        # North America's countries share a code; the area tells them apart, and one that is unknown is the first's.
        ("12125550100", "US"),
        ("14165550100", "CA"),
        ("18765550100", "JM"),
        ("1", "US"),
        ("1é", None),
        ("10005550100", "US"),
        # Satellites and free numbers belong to no country.
        ("88163456789", None),
        ("80012345678", None),
        ("999123", None),
        ("", None),
        ("x31", None),
    ],
)
def test_the_country_of_a_number(msisdn: str, country: str | None) -> None:
    assert country_of(msisdn) == country


@pytest.mark.parametrize(
    ("msisdn", "zone"),
    [("31612345678", "Europe/Amsterdam"), ("12125550100", "America/New_York"), ("13105550100", "America/Los_Angeles")],
)
def test_where_a_phone_is_likely_to_be_read(msisdn: str, zone: str) -> None:
    assert zone in zones_of(msisdn)


def test_only_north_america_has_area_codes_here() -> None:
    assert [area_of(msisdn) for msisdn in ("13055550100", "18", "31612345678", "")] == ["305", "8", "", ""]


def test_where_nothing_is_known() -> None:
    assert zones_of("999123") == ()
    assert zones_of("") == ()
