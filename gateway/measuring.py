"""Measuring inside the gateway: on a thread and a connection of its own, page by page, and never in the way of texts.

All threads share one interpreter, so a thread that counts without pause takes half of it from the texts. Each measuring
rests between its pages for so many times as long as the page took (`rest`), and ends when its time is over.
"""

from __future__ import annotations

import threading
from typing import Final

from router.measure import Measured, Pages, Period, measure
from router.measures import Measures
from router.prices import Prices
from router.store.errors import StoreUnavailable
from router.store.reading import LONGEST_LOOK_MS, ReaderAtHand
from router.world import Worker, World

LONGEST_REST_S: Final = 1.0
"""Between two pages, in seconds: a page that took long waited for a disk or for other threads."""
PAGE_SHARE: Final = 0.5
"""How much of a measuring's time one page may take, where the database can be told so (PostgreSQL). The time is looked
at between pages, so all of it takes half as long again at the most."""
NOTHING: Final = Measures()


class TooLongError(Exception):
    """A measuring was ended because its time was over."""


class Measurer:
    """Measures periods, one after the other. `rest`: how much longer than its work it rests; `within_s`: when it gives
    up, in seconds."""

    def __init__(self, world: World, url: str, name: str, rest: float, within_s: float) -> None:
        self._world = world
        self._rest = rest
        self._within_s = within_s
        self._worker = Worker(name)
        self._closed = threading.Event()
        self._reader = ReaderAtHand(url, min(LONGEST_LOOK_MS, int(within_s * 1000 * PAGE_SHARE)))

    async def measure(
        self, period: Period, prices: Prices, brand: str | None = None, measures: Measures = NOTHING, *,
        origins: bool = False,
    ) -> Measured:  # fmt: skip
        """What a period came to (router.measure). Raises StoreUnavailable when the store does not answer or the gateway
        ends, TooLongError when it takes too long."""
        return await self._worker.begin(lambda: self._measure(period, prices, brand, measures, origins))

    async def close(self) -> None:
        """End what is under way at its next page, and give the connection back."""
        self._closed.set()
        await self._worker.end(self._reader.close)  # on the thread that opened it

    def _measure(
        self, period: Period, prices: Prices, brand: str | None, measures: Measures, origins: bool
    ) -> Measured:
        pace = _Pace(self._world, self._closed, self._rest, self._within_s)
        return self._reader.use(
            lambda reader: measure(Pages(reader, pace.rest), period, prices, brand, measures, origins=origins)
        )


class _Pace:
    """The pace of one measuring."""

    def __init__(self, world: World, closed: threading.Event, rest: float, within_s: float) -> None:
        self._world = world
        self._closed = closed
        self._rest = rest
        self._since = world.monotonic()
        self._until = self._since + within_s
        self._within_s = within_s

    def rest(self) -> None:
        """Before a page: rest after the last one. Raises TooLongError, and StoreUnavailable when the gateway ends."""
        worked_s = self._world.monotonic() - self._since
        if self._closed.wait(max(0.0, min(LONGEST_REST_S, worked_s * self._rest))):
            raise StoreUnavailable("the gateway is stopping")
        self._since = self._world.monotonic()
        if self._since > self._until:
            raise TooLongError(f"it took longer than {self._within_s:g} s")
