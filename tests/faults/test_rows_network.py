"""Rows 53 and 54: what a network does to a stream: cut into single octets, glued together, or swallowed in silence."""

import asyncio
import time
from pathlib import Path
from typing import Any

import pytest

from gateway.connectors.smpp_client import SmppConnector
from smpp.client import Link
from smpp.constants import ESME_ROK
from smpp.events import Unanswered
from smpp.pdu import SubmitSm
from tests.support.pairs import raw_pair, spoilt_pair
from tests.support.raw_centre import deliver
from tests.support.station import PATIENCE_S

TEXTS = 30
GLUED = 200
"""PDUs in one write."""
INTERVAL_S = 0.6
"""enquire_link after so much silence; the answer is waited for as long."""
LATE_S = 0.5
"""How late the text that was heard last, and a timer, may be on a busy machine."""


async def test_row_53_octet_by_octet_comes_to_the_same(tmp_path: Path) -> None:
    async with spoilt_pair(tmp_path) as (one, proxy):
        proxy.up.slice_octets = proxy.down.slice_octets = 1
        phones = [one.phone(f"316{number:08}") for number in range(TEXTS)]
        long = "een lange tekst van meer dan een bericht " * 5
        texts = [phone.text("4411", f"ZEG {phone.number} {long}".strip()) for phone in phones]
        assert set(await asyncio.wait_for(asyncio.gather(*texts), 3 * PATIENCE_S)) == {ESME_ROK}
        for phone in phones:
            assert (await phone.next(3 * PATIENCE_S)).text == f"{phone.number} {long}".strip()
        await one.until("SELECT count(*), count(DISTINCT value) FROM records", [(TEXTS, TEXTS)])
        await one.until("SELECT state, count(*) FROM outbox GROUP BY state", [("delivered", TEXTS)])
        assert one.rows("SELECT count(*) FROM quarantine") == [(0,)]


@pytest.mark.parametrize("octets", [1 << 20, 997, 17, 1], ids=lambda octets: f"in pieces of {octets}")
async def test_row_53_glued_pdus_are_each_taken_once(tmp_path: Path, octets: int) -> None:
    async with raw_pair(tmp_path) as (one, _, link):
        glued = b"".join(deliver(f"3161{number:07}", f"ZEG {number}", number) for number in range(1, GLUED + 1))
        await link.write_in_pieces(glued, octets)
        await link.until(lambda: len(link.answered()) == GLUED)
        assert set(link.answered().values()) == {ESME_ROK}
        sent = [pdu.sequence_number for pdu in link.pdus if type(pdu).__name__ == "DeliverSmResp"]
        assert len(sent) == GLUED, "each is answered once"
        assert one.rows("SELECT count(*), count(DISTINCT value) FROM records") == [(GLUED, GLUED)]
        assert len([pdu for pdu in link.pdus if isinstance(pdu, SubmitSm)]) <= 20, "the window holds"


async def test_row_54_a_black_hole_is_found_within_twice_the_interval(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    lost: asyncio.Queue[tuple[float, str]] = asyncio.Queue()
    known = SmppConnector.lost

    def noting(self: SmppConnector, link: Link, unanswered: list[Unanswered], reason: str) -> None:
        lost.put_nowait((time.monotonic(), reason))
        known(self, link, unanswered, reason)

    monkeypatch.setattr(SmppConnector, "lost", noting)
    settings: dict[str, Any] = {"enquire_link_s": INTERVAL_S, "response_s": INTERVAL_S, "connect_s": INTERVAL_S}
    async with spoilt_pair(tmp_path, **settings) as (one, proxy):
        assert await one.ask("ZEG een") == "een"
        proxy.up.silent = True  # our acknowledgement and our answer are swallowed
        heard = time.monotonic()
        answered = one.phone().text("4411", "ZEG twee")
        await one.until("SELECT count(*) FROM records", [(2,)])
        proxy.down.silent = True
        at, reason = await asyncio.wait_for(lost.get(), PATIENCE_S)
        assert reason == "no answer to enquire_link"
        assert at - heard <= 2 * INTERVAL_S + LATE_S
        proxy.up.silent = proxy.down.silent = False
        proxy.reset()
        assert await asyncio.wait_for(answered, PATIENCE_S) == ESME_ROK, "it was delivered again"
        assert one.rows("SELECT count(*) FROM records") == [(2,)], "and acted upon once"
        await one.until_ready()
        assert await one.ask("ZEG drie", "31699999999") == "drie"
