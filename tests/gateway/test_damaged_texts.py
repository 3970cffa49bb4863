"""STOP is heard over the wire, whatever became of its octets on the way, and of the octets beside it."""

from collections.abc import Sequence
from pathlib import Path

import pytest

from tests.support.pairs import raw_pair
from tests.support.raw_centre import deliver, part

JAN, PIET = "31612345678", "31622222222"
WIDE = "STOP 🛑".encode("utf-16-be")


@pytest.mark.parametrize(
    "frames",
    [
        [deliver(JAN, WIDE[:-2], 2, 8)],
        [deliver(JAN, WIDE[:-1], 2, 8)],
        [deliver(JAN, "STOP\0".encode("utf-16-be"), 2, 8)],
        [deliver(JAN, b"STOP\xe9", 2, 1)],
        [deliver(JAN, b"STOP", 2, 4)],
        [deliver(JAN, b"Stop!\r\n", 2, 0xF5)],
        [part(JAN, WIDE[:5], (7, 2, 1), 2, 8), part(JAN, WIDE[5:-1], (7, 2, 2), 3, 8)],
    ],
    ids=["half an emoji", "odd", "nul", "ascii", "binary", "binary class 1", "parts"],
)
async def test_stop_is_heard_through_damage(tmp_path: Path, frames: Sequence[bytes]) -> None:
    async with raw_pair(tmp_path) as (one, _, link):
        link.text(JAN, "STEM 1", 1)
        link.write(b"".join(frames))
        await link.until(lambda: len(link.answered()) == 1 + len(frames))
        assert one.rows("SELECT count(*) FROM profiles WHERE opted_out_at IS NOT NULL") == [(1,)]
        assert one.rows("SELECT message_class FROM outbox") == [("stop_confirmation",)]
        assert one.rows("SELECT count(*) FROM quarantine") == [(0,)]


async def test_what_is_declared_to_be_no_text_does_nothing_else(tmp_path: Path) -> None:
    async with raw_pair(tmp_path) as (one, _, link):
        frames = [deliver(JAN, b"ZEG hoi", 1, 4), deliver(PIET, b"\xd8", 2, 8)]
        link.write(b"".join(frames))
        await link.until(lambda: len(link.answered()) == len(frames))
        assert [bytes(frame) for (frame,) in one.rows("SELECT frame FROM quarantine ORDER BY sequence")] == frames
        assert one.rows("SELECT count(*) FROM outbox") == [(0,)]
        assert one.exit_code is None
