"""The hours that hold for promotional texts to one phone, from what is known of where it is.

- The quiet hours of the brand, always.
- The hours of the phone's country, by its prefix; in a country whose parts keep hours of their own, those of its area,
  and where that cannot be told all of them at once (COMPLIANCE.md, US quiet hours).
- A country without a pack has some law that nobody has read for us. There hold the usual hours and those of the brand's
  own market, which is that of its time zone.

On whose clock they are read, the contact's zone says (`router.case.zone_of`).
"""

from __future__ import annotations

from functools import lru_cache

from rules.countries import area_of, country_of
from rules.hours import Hours, stricter
from rules.packs import load, market_of

_KEPT = 4_096
"""Hours worked out that are kept: brands with different hours, times countries and areas that they write to."""


def hours_for(own: Hours, zone: str, msisdn: str) -> Hours:
    """When nothing promotional may go out to a phone from a brand with quiet hours of its `own`, in that time zone."""
    return _hours(own, zone, country_of(msisdn), area_of(msisdn))


@lru_cache(maxsize=_KEPT)
def _hours(own: Hours, zone: str, country: str | None, area: str) -> Hours:
    packs = load()
    market = packs.markets.get(country or "")
    if market is None:
        return stricter(own, stricter(packs.usual.hours, packs.market(market_of(zone)).hours))
    return stricter(own, market.areas.get(area, market.elsewhere))
