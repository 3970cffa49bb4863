"""The clock that every gateway of a run of tests goes by: when the run begins it is noon on a working day, whatever the
hour is outside, and from there it ticks on truly.

What a gateway does depends on the hour: promotions wait for the morning, for the end of Sunday, of a holiday. All
worlds that are `router.world.System`, in this process and in those it starts, read one variable, and agree. How long
things take is not its business: monotonic clocks are the machine's.
"""

import time

from router.instants import SECOND

RUN_BEGINS = 1_794_913_200 * SECOND
"""Tuesday 2026-11-17, 12:00 in Amsterdam: no holiday, hours before any evening, and no clock is changed for months."""


def ahead_s() -> float:
    """By how many seconds a clock that shows that noon is ahead of the machine's, now."""
    return RUN_BEGINS / SECOND - time.time()
