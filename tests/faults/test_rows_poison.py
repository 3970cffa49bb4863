"""Row 43: a text that makes the router raise harms nobody else, and is kept."""

from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest

from router import inbound
from router.decide import Books, decide
from router.messages import Facts, Inbound
from smpp.constants import ESME_ROK
from tests.support.pairs import raw_pair
from tests.support.raw_centre import deliver, part

POISON = "ZEG gif"
GROUP = 64
MOST_ALONE = 3
"""Tries of the one message by itself (RELIABILITY.md 2.7, row 43)."""
MOST_TRIES = 8 + MOST_ALONE
"""A full group of 256 is halved eight times."""


@pytest.mark.parametrize("places", [(0,), (GROUP - 1,), (17, 40)], ids=str)
async def test_row_43_a_poison_text_is_set_aside_and_the_others_flow(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, places: Sequence[int]
) -> None:
    """One write brings a whole group; the router raises at some of its texts, whoever is in the group with them."""
    accept = inbound.accept
    tries, alone = Counter[int](), Counter[int]()

    def poisoned(facts: Facts, books: Books, now: int) -> Any:
        if facts.message is not None and facts.message.text == POISON:
            raise ZeroDivisionError("the rule divides by what the phone wrote")
        return decide(facts, books, now)

    def counted(tx: Any, batch: Sequence[Inbound], ways: Any, allowance: Any) -> Any:
        for message in batch:
            if message.text == POISON:
                tries[message.sequence] += 1
                alone[message.sequence] += len(batch) == 1
        return accept(tx, batch, ways, allowance)

    monkeypatch.setattr(inbound, "decide", poisoned)
    monkeypatch.setattr(inbound, "accept", counted)
    texts = [POISON if number in places else f"ZEG {number}" for number in range(GROUP)]
    frames = [deliver(f"3161{number:07}", text, number + 1) for number, text in enumerate(texts)]
    async with raw_pair(tmp_path, window=GROUP) as (one, _, link):
        link.write(b"".join(frames))
        await link.until(lambda: len(link.answered()) == GROUP)
        assert set(link.answered().values()) == {ESME_ROK}, "the poison, too: nobody is to send it again"
        kept = one.rows("SELECT sequence, frame, reason FROM quarantine ORDER BY sequence")
        assert [(sequence, bytes(frame)) for sequence, frame, _ in kept] == [(at + 1, frames[at]) for at in places]
        assert {reason for _, _, reason in kept} == {"ZeroDivisionError: the rule divides by what the phone wrote"}
        acted = {value for (value,) in one.rows("SELECT value FROM records")}
        assert len(acted) == one.rows("SELECT count(*) FROM records")[0][0] == GROUP - len(places)
        assert set(tries) == {at + 1 for at in places}
        assert max(alone.values()) <= MOST_ALONE
        assert max(tries.values()) <= MOST_TRIES
        link.text("31699999999", "ZEG later", GROUP + 1)
        await link.until(lambda: GROUP + 1 in link.answered())
        assert one.exit_code is None


async def test_row_43_a_poison_last_part_takes_its_other_parts_with_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """They are not delivered later, as if the last part had never come: all of it lies in quarantine."""

    def poisoned(facts: Facts, books: Books, now: int) -> Any:
        if facts.message is not None and facts.message.text == POISON:
            raise ZeroDivisionError("the rule divides by what the phone wrote")
        return decide(facts, books, now)

    monkeypatch.setattr(inbound, "decide", poisoned)
    frames = [part("31612345678", b"ZEG ", (7, 2, 1), 1), part("31612345678", b"gif", (7, 2, 2), 2)]
    async with raw_pair(tmp_path) as (one, _, link):
        link.write(b"".join(frames))
        await link.until(lambda: len(link.answered()) == 2)
        assert set(link.answered().values()) == {ESME_ROK}
        kept = one.rows("SELECT sequence, frame FROM quarantine ORDER BY sequence")
        assert [(sequence, bytes(frame)) for sequence, frame in kept] == [(1, b"ZEG "), (2, frames[1])]
        assert one.rows("SELECT count(*) FROM parts WHERE joined_at IS NULL") == [(0,)]
