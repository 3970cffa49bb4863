"""How the router counts time: in microseconds, as integers, from 1970 UTC where they are instants."""

from __future__ import annotations

SECOND = 1_000_000
MINUTE = 60 * SECOND
HOUR = 60 * MINUTE
DAY = 24 * HOUR
