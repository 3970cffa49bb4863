"""Row 33: STOP and START within a moment, over two binds: what was received last holds, and the rows show the order."""

import asyncio
from functools import partial
from pathlib import Path

import pytest

from smpp.constants import ESME_ROK
from smpp.pdu import SubmitSm
from tests.support.pairs import RULES, raw_pair
from tests.support.raw_centre import PATIENCE_S, RawLink

PHONE = "31612345678"


def texts_to(phone: str, links: tuple[RawLink, ...]) -> list[bytes]:
    """What went out to a phone."""
    submits = (pdu for link in links for pdu in link.pdus if isinstance(pdu, SubmitSm))
    return [pdu.short_message for pdu in submits if pdu.destination_addr == phone]


def both_answered(links: tuple[RawLink, ...], texts: int) -> bool:
    return sum(len(link.answered()) for link in links) == texts


@pytest.mark.parametrize("words", [("STOP", "AAN", "STOP"), ("AAN", "STOP", "AAN")], ids=" ".join)
@pytest.mark.parametrize("swapped", [False, True], ids=["in order", "the binds swapped"])
async def test_row_33_stop_and_start_over_two_binds_the_last_one_received_holds(
    tmp_path: Path, words: tuple[str, ...], swapped: bool
) -> None:
    async with raw_pair(tmp_path, RULES, binds=2) as (one, centre, first):
        links = (first, await centre.link())
        for number, word in enumerate(words, 1):
            links[(number + swapped) % 2].text(PHONE, word, number)
        for link in links:
            await link.until(partial(lambda other: bool(other.answered()), link))
        async with asyncio.timeout(PATIENCE_S):
            while not both_answered(links, len(words)):
                await asyncio.to_thread(lambda: None)
        assert {status for link in links for status in link.answered().values()} == {ESME_ROK}
        kept = [text for (text,) in one.rows("SELECT text FROM inbound ORDER BY id")]
        assert sorted(kept) == sorted(words), "each is on the record, in the order in which it was received"
        ((opted_out_at,),) = one.rows("SELECT opted_out_at FROM profiles")
        assert (opted_out_at is not None) == (kept[-1] == "STOP")
        links[0].text(PHONE, "ZEG hoor je mij?", 10)
        await one.until("SELECT count(*) FROM records", [(1,)])
        waits = one.rows("SELECT count(*) FROM outbox WHERE text = 'hoor je mij?' AND state IN ('ready', 'claimed')")
        assert waits == [(int(kept[-1] == "AAN"),)]
        if kept[-1] == "STOP":
            assert b"hoor je mij?" not in texts_to(PHONE, links), "silence after STOP"
