"""Which country an MSISDN is of, and on which clock its phone is likely to be read: by the longest prefix known.

The tables are those of libphonenumber. A prefix is a defensible proxy and no proof (COMPLIANCE.md, US quiet hours): a
contact's own zone, where it is known, comes first.
"""

from __future__ import annotations

from functools import lru_cache
from typing import Final

import phonenumbers
from phonenumbers.phonenumberutil import COUNTRY_CODE_TO_REGION_CODE
from phonenumbers.tzdata import TIMEZONE_DATA, TIMEZONE_LONGEST_PREFIX

_NORTH_AMERICA: Final = "1"
_LONGEST_COUNTRY_CODE: Final = 3
_AREA_DIGITS: Final = 4
"""Country code and area code of North America, which share their country code among 25 countries."""
_NOT_GEOGRAPHIC: Final = "001"


def country_of(msisdn: str) -> str | None:
    """The country (ISO 3166-1 alpha-2) of a number in international form, digits only; None where there is none. Where
    countries share a code it is the one that gave the code (44 is GB), but in North America the area's."""
    if msisdn.startswith(_NORTH_AMERICA):
        return _north_american(msisdn[:_AREA_DIGITS])
    for length in range(1, _LONGEST_COUNTRY_CODE + 1):
        regions = COUNTRY_CODE_TO_REGION_CODE.get(int(msisdn[:length])) if msisdn[:length].isdecimal() else None
        if regions:
            return None if regions[0] == _NOT_GEOGRAPHIC else regions[0]
    return None


def area_of(msisdn: str) -> str:
    """The area code of a number of North America; empty for all others."""
    return msisdn[1:_AREA_DIGITS] if msisdn.startswith(_NORTH_AMERICA) else ""


def zones_of(msisdn: str) -> tuple[str, ...]:
    """The IANA zones in which a phone of that number may be at home; empty where nothing is known."""
    for length in range(TIMEZONE_LONGEST_PREFIX, 0, -1):
        zones = TIMEZONE_DATA.get(msisdn[:length])
        if zones is not None:
            return tuple(zones)
    return ()


@lru_cache(maxsize=1024)  # there are fewer area codes
def _north_american(prefix: str) -> str | None:
    try:
        number = phonenumbers.parse(f"+{prefix:0<4}5550100")
    except phonenumbers.NumberParseException:
        return None
    region: str | None = phonenumbers.region_code_for_number(number)
    return region or COUNTRY_CODE_TO_REGION_CODE[1][0]
