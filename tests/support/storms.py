"""Load that does not stop for faults: phones that text, each text once, through the whole gateway."""

import asyncio
from collections.abc import Callable
from typing import Any

from smpp.constants import ESME_ROK, ESME_RX_T_APPN
from tests.support.station import PATIENCE_S, Station

RULES = """\
brand "Klusser"
    numbers   4411, +3197010281234
    language  nl
    timezone  Europe/Amsterdam

keyword ZEG <nr number>
    record gezegd = nr
    reply "{nr} gehoord."
"""
IN_FLIGHT = 50
UNSETTLED = "SELECT count(*) FROM outbox WHERE state IN ('ready', 'claimed')"


class Storm:
    """Texts on their way to a station, `IN_FLIGHT` at once, and what the carrier was told of them."""

    def __init__(self, station: Station) -> None:
        self.station = station
        self.sent = 0
        self.acknowledged: set[int] = set()
        self.refused = 0
        self._wanted = 0
        self._stopping = False
        self._change = asyncio.Event()
        answered = station.carrier.answered

        def noting(link: Any, answers: Any) -> None:
            self.refused += sum(one.response.command_status == ESME_RX_T_APPN for one in answers)
            self._change.set()
            answered(link, answers)

        station.carrier.answered = noting  # type: ignore[method-assign]

    def start(self) -> None:
        """Begin; goes on until `end`."""
        for _ in range(IN_FLIGHT):
            self._send()

    async def more(self, texts: int, within_s: float = 3 * PATIENCE_S) -> None:
        """Wait until so many more are acknowledged."""
        wanted = len(self.acknowledged) + texts
        await self.until(lambda: len(self.acknowledged) >= wanted, within_s)

    async def refusal(self) -> None:
        """Wait until the carrier is told once more to try again later."""
        before = self.refused
        await self.until(lambda: self.refused > before, PATIENCE_S)

    async def end(self) -> None:
        """Send no more, and wait until all is acknowledged."""
        self._stopping = True
        await self.until(lambda: len(self.acknowledged) == self.sent, 6 * PATIENCE_S)

    async def nothing_is_lost_or_doubled(self) -> None:
        """Every text was acted on once, and was answered once or counts as of unknown outcome."""
        one, texts = self.station, self.sent
        async with asyncio.timeout(6 * PATIENCE_S):
            while await asyncio.to_thread(one.rows, UNSETTLED) != [(0,)]:
                pass
        assert one.rows("SELECT count(*), count(DISTINCT value) FROM records") == [(texts, texts)]
        assert one.rows("SELECT count(*), count(DISTINCT text) FROM outbox") == [(texts, texts)]

    def _send(self) -> None:
        number, self.sent = self.sent, self.sent + 1
        answered = self.station.phone(f"3161{number:07}").text("4411", f"ZEG {number}")
        answered.add_done_callback(lambda done: self._answered(number, done.result()))

    def _answered(self, number: int, status: int) -> None:
        assert status == ESME_ROK, f"text {number} was refused with status {status}"
        self.acknowledged.add(number)
        self._change.set()
        if not self._stopping:
            self._send()

    async def until(self, holds: Callable[[], bool], within_s: float = PATIENCE_S) -> None:
        """Wait until something holds; it is looked at whenever the carrier gets an answer."""
        async with asyncio.timeout(within_s):
            while not holds():
                self._change.clear()
                await self._change.wait()
