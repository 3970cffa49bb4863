"""The whole gateway against a raw centre, or against a simulated one with a spoiling proxy between."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

from gateway.torture.proxy import Proxy, Tcp
from tests.support.raw_centre import RawCentre, RawLink, raw_centre
from tests.support.station import Station, station

RULES = """\
brand "Klusser"
    numbers   4411, +3197010281234
    language  nl
    timezone  Europe/Amsterdam

keyword ZEG
    record zeg = rest
    reply "{rest}"

keyword STEM <nr number>
    record stem = nr

fallback
    reply "Dat begrijpen we niet."
"""


@asynccontextmanager
async def raw_pair(
    folder: Path, rules: str = RULES, **connector: Any
) -> AsyncIterator[tuple[Station, RawCentre, RawLink]]:
    """The gateway bound to a raw centre, and the first link."""
    async with raw_centre() as centre, station(folder, rules, start=False, **connector) as one:
        one.carrier.port = centre.port
        await one.start(bound=False)
        yield one, centre, await centre.link()


@asynccontextmanager
async def spoilt_pair(folder: Path, **connector: Any) -> AsyncIterator[tuple[Station, Proxy]]:
    """The gateway bound to a simulated centre through a proxy."""
    async with station(folder, RULES, start=False, **connector) as one:
        proxy = Proxy(Tcp("127.0.0.1", one.carrier.port))
        one.carrier.port = await proxy.start()
        try:
            await one.start()
            yield one, proxy
            if one.exit_code is None:
                await one.stop()
        finally:
            await proxy.stop()
