"""Row 30: long texts in parts, out of order, twice, with gaps, with others' references. (tests/router/test_parts.py has
many sets in any order.)"""

import json
from collections.abc import Sequence
from itertools import count, permutations
from pathlib import Path

import pytest

from gateway import dripper
from router import due, parts
from router.instants import SECOND
from smpp.constants import ESME_ROK
from tests.support.pairs import raw_pair
from tests.support.raw_centre import RawLink, part
from tests.support.station import Station

JAN, PIET = "31612345678", "31622222222"
PIECES = (b"ZEG een ", b"twee ", b"drie")
WHOLE = "een twee drie"
SHORT_LIFE = SECOND // 2
"""How long parts wait in the tests that wait for them."""


async def sent(link: RawLink, frames: Sequence[bytes]) -> None:
    """Each part in a write of its own, and all acknowledged."""
    for one in frames:
        link.write(one)
    await link.until(lambda: len(link.answered()) == len(frames))
    assert set(link.answered().values()) == {ESME_ROK}


def recorded(one: Station) -> list[str]:
    return [json.loads(value)["value"] for (value,) in one.rows("SELECT value FROM records")]


@pytest.fixture
def short_life(monkeypatch: pytest.MonkeyPatch) -> None:
    """Parts do not wait long for one another, and it is looked often."""
    monkeypatch.setattr(parts, "PART_LIFE", SHORT_LIFE)
    monkeypatch.setattr(due, "PART_LIFE", SHORT_LIFE)
    monkeypatch.setattr(dripper, "LOOK_ROUND_S", 0.1)


async def said(one: Station, *wanted: str) -> None:
    """These texts were acted upon, each once, in any order, and nothing else."""
    await one.until("SELECT state, count(*) FROM inbound GROUP BY state", [("routed", len(wanted))])
    assert sorted(recorded(one)) == sorted(wanted)
    assert one.rows("SELECT count(*) FROM quarantine") == [(0,)]


async def test_row_30_in_any_order_it_is_one_text(tmp_path: Path) -> None:
    numbers, frames, wanted = count(1), [], []
    for reference, order in enumerate(permutations((1, 2, 3))):
        pieces = (f"ZEG {reference} ".encode(), *PIECES[1:])
        frames += [part(JAN, pieces[index - 1], (reference, 3, index), next(numbers)) for index in order]
        wanted.append(f"{reference} twee drie")
    async with raw_pair(tmp_path) as (one, _, link):
        await sent(link, frames)
        await said(one, *wanted)


@pytest.mark.parametrize("order", [(1, 1, 2, 3), (2, 3, 3, 2, 1), (3, 2, 1, 3, 2)], ids=str)
async def test_row_30_a_part_twice_counts_once(tmp_path: Path, order: Sequence[int]) -> None:
    frames = [part(JAN, PIECES[index - 1], (7, 3, index), number) for number, index in enumerate(order, 1)]
    async with raw_pair(tmp_path) as (one, _, link):
        await sent(link, frames)
        await said(one, WHOLE)


async def test_row_30_every_part_again_under_its_own_number_is_one_text(tmp_path: Path) -> None:
    """The same PDUs once more, sequence_numbers and all: the evidence tells them before they are parts."""
    frames = [part(JAN, PIECES[index - 1], (7, 3, index), index) for index in (1, 2, 3)]
    async with raw_pair(tmp_path) as (one, _, link):
        link.write(b"".join(frames * 2))
        await link.until(lambda: len([pdu for pdu in link.pdus if pdu.command == "deliver_sm_resp"]) == 6)
        await one.until("SELECT count(*) FROM inbound", [(1,)])
        assert one.rows("SELECT count(*) FROM records") == [(1,)]


@pytest.mark.usefixtures("short_life")
async def test_row_30_a_missing_part_is_not_waited_for_for_ever(tmp_path: Path) -> None:
    frames = [part(JAN, PIECES[index - 1], (7, 3, index), index) for index in (3, 1)]
    async with raw_pair(tmp_path) as (one, _, link):
        link.write(b"".join(frames))
        await link.until(lambda: len(link.answered()) == 2)
        assert one.rows("SELECT count(*) FROM inbound") == [(0,)]
        await one.until("SELECT state, text FROM inbound", [("incomplete", "ZEG een drie")])
        assert recorded(one) == ["een drie"]


@pytest.mark.usefixtures("short_life")
async def test_row_30_a_lone_half_that_is_broken_stops_nobody(tmp_path: Path) -> None:
    """Cut inside an emoji, and its other half never comes: what can be read of it is delivered, and the gateway goes
    on, also after a restart."""
    broken = "ZEG hoi 😀".encode("utf-16-be")[:-2]
    async with raw_pair(tmp_path) as (one, centre, link):
        await sent(link, [part(JAN, broken, (7, 2, 1), 1, 8)])
        await one.until("SELECT state, text FROM inbound", [("incomplete", "ZEG hoi \ufffd")])
        assert one.exit_code is None
        await one.stop()
        await one.start(bound=False)
        again = await centre.link()
        again.text(PIET, "ZEG verder", 1)
        await again.until(lambda: 1 in again.answered())
        await one.until("SELECT count(*) FROM records", [(2,)])
        assert one.rows("SELECT count(*) FROM quarantine") == [(0,)]


async def test_row_30_two_senders_with_one_reference_do_not_mix(tmp_path: Path) -> None:
    frames = [
        part(JAN, b"ZEG jan ", (7, 2, 1), 1), part(PIET, b"ZEG piet ", (7, 2, 1), 2),
        part(PIET, b"schrijft", (7, 2, 2), 3), part(JAN, b"belt", (7, 2, 2), 4),
    ]  # fmt: skip
    async with raw_pair(tmp_path) as (one, _, link):
        await sent(link, frames)
        await said(one, "jan belt", "piet schrijft")


@pytest.mark.usefixtures("short_life")
async def test_row_30_a_wrong_total_mixes_nothing_and_loses_nothing(tmp_path: Path) -> None:
    """Part 3 of 2 is a text by itself (SMPP.md quirk 23); a part of another total waits for others of its kind."""
    frames = [
        part(JAN, b"ZEG goed ", (7, 2, 1), 1), part(JAN, b"ZEG los", (7, 2, 3), 2),
        part(JAN, b"ZEG vier", (7, 4, 2), 3), part(JAN, b"ZEG nul", (7, 0, 0), 4), part(JAN, b"zo", (7, 2, 2), 5),
    ]  # fmt: skip
    async with raw_pair(tmp_path) as (one, _, link):
        await sent(link, frames)
        await one.until(
            "SELECT text, state FROM inbound ORDER BY text",
            [("ZEG goed zo", "routed"), ("ZEG los", "routed"), ("ZEG nul", "routed"), ("ZEG vier", "incomplete")],
        )


async def test_row_30_parts_that_come_over_two_binds_are_one_text(tmp_path: Path) -> None:
    async with raw_pair(tmp_path, binds=2) as (one, centre, first):
        second = await centre.link()
        for number in range(1, 11):
            left, right = (first, second) if number % 2 else (second, first)
            left.write(part(JAN, f"ZEG {number} ".encode(), (number, 3, 1), 3 * number))
            right.write(part(JAN, b"drie", (number, 3, 3), 3 * number + 1))
            left.write(part(JAN, b"twee ", (number, 3, 2), 3 * number + 2))
        await first.until(lambda: len(first.answered()) + len(second.answered()) >= 15)
        await said(one, *(f"{number} twee drie" for number in range(1, 11)))


async def test_row_30_half_of_it_before_a_restart_and_half_after(tmp_path: Path) -> None:
    async with raw_pair(tmp_path) as (one, centre, link):
        await sent(link, [part(JAN, PIECES[2], (7, 3, 3), 1), part(JAN, PIECES[0], (7, 3, 1), 2)])
        await one.stop()
        await one.start(bound=False)
        await sent(await centre.link(), [part(JAN, PIECES[1], (7, 3, 2), 1)])
        await said(one, WHOLE)


async def test_row_30_parts_of_other_charsets_are_each_read_by_their_own(tmp_path: Path) -> None:
    async with raw_pair(tmp_path) as (one, _, link):
        await sent(link, [part(JAN, "é 😀".encode("utf-16-be"), (7, 2, 2), 1, 8), part(JAN, b"ZEG ", (7, 2, 1), 2)])
        await said(one, "é 😀")
