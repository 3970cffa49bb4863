"""When the next period begins, by what the product knows: in which one an instant is, and when that one began."""

from datetime import tzinfo
from typing import Final

from rules.periods import Unit, period_start

_HOUR: Final = 3_600_000_000
_INTO_THE_NEXT: Final[dict[Unit, int]] = {"day": 36 * _HOUR, "week": 180 * _HOUR, "month": 756 * _HOUR}
"""So much after the beginning of any period it is the next one, not the one after."""


def period_end(unit: Unit, now: int, zone: tzinfo) -> int:
    """The instant at which the next period begins."""
    return period_start(unit, period_start(unit, now, zone) + _INTO_THE_NEXT[unit], zone)
