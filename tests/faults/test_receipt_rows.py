"""Rows 27 to 29 of the fault matrix: a receipt moves its text forward once, whenever and however it comes."""

from collections.abc import Sequence
from pathlib import Path

import pytest

from smpp.constants import ESME_ROK
from smpp.receipt import State
from smpp.simulator_conduct import Ids, PlannedReceipt
from tests.faults.test_outbox_rows import JAN, PIET, RULES
from tests.support.station import station
from tests.support.wayward import Wayward, behave

DONE = "SELECT state, reason, count(*) FROM outbox GROUP BY state, reason"
STRAYS = "SELECT count(*) FROM stray_receipts"


async def test_row_27_a_receipt_before_its_answer_is_matched(tmp_path: Path) -> None:
    async with station(tmp_path, RULES) as one:
        behave(one, Wayward(planned=lambda _: [PlannedReceipt(State.DELIVERED, -1.0)]))
        for n in range(5):
            assert await one.ask(f"ZEG {n}", f"3161000000{n}") == str(n)
        await one.until(DONE, [("delivered", "DELIVRD", 5)])
        await one.until(STRAYS, [(0,)])
        assert one.rows("SELECT count(*) FROM awaiting_receipt") == [(0,)]


HAPPENINGS: dict[str, list[tuple[State, float]]] = {
    "twice": [(State.DELIVERED, 0.0), (State.DELIVERED, 0.05)],
    "twice at once": [(State.DELIVERED, 0.0), (State.DELIVERED, 0.0)],
    "in the wrong order": [(State.DELIVERED, 0.0), (State.ACCEPTED, 0.05), (State.ENROUTE, 0.1)],
    "in the right order": [(State.ENROUTE, 0.0), (State.ACCEPTED, 0.05), (State.DELIVERED, 0.1)],
    "early and late": [(State.DELIVERED, -1.0), (State.DELIVERED, 0.05)],
    "another final one": [(State.DELIVERED, 0.0), (State.UNDELIVERABLE, 0.05)],
}


@pytest.mark.parametrize("ids", list(Ids))
@pytest.mark.parametrize("happening", HAPPENINGS)
async def test_row_28_one_forward_move_whatever_the_order_and_the_form_of_the_id(
    tmp_path: Path, happening: str, ids: Ids
) -> None:
    def planned(_: int) -> Sequence[PlannedReceipt]:
        return [PlannedReceipt(state, delay_s) for state, delay_s in HAPPENINGS[happening]]

    async with station(tmp_path, RULES) as one:
        witness = behave(one, Wayward(planned=planned, ids=ids))
        assert await one.ask("ZEG een") == "een"
        assert await one.ask("ZEG twee", PIET) == "twee"
        await one.until("SELECT count(*) FROM receipts", [(2 * len(HAPPENINGS[happening]),)])
        await one.until(DONE, [("delivered", "DELIVRD", 2)])
        assert set(witness.receipts_answered) == {ESME_ROK}, "each is acknowledged, what is wrong with it or not"
        assert one.rows("SELECT DISTINCT receipts_left, receipts_bad FROM outbox") == [(0, 0)]


async def test_row_28_between_the_answer_and_the_end_it_is_told_how_far_a_text_is(tmp_path: Path) -> None:
    async with station(tmp_path, RULES) as one:
        behave(
            one, Wayward(planned=lambda _: [PlannedReceipt(State.ACCEPTED, 0.0), PlannedReceipt(State.ENROUTE, 0.05)])
        )
        assert await one.ask("ZEG een") == "een"
        await one.until("SELECT count(*) FROM receipts WHERE outbox_id IS NOT NULL", [(2,)])
        assert one.rows(DONE) == [("sent", "ACCEPTD", 1)]


@pytest.mark.parametrize("way", ["same", "hex-answer", "hex-receipt", "learn"])
async def test_row_28_an_operator_may_say_how_ids_are_written(tmp_path: Path, way: str) -> None:
    ids = Ids.SAME if way == "learn" else Ids(way)
    async with station(tmp_path, RULES, message_ids=way) as one:
        behave(one, Wayward(ids=ids))
        for n in range(3):
            assert await one.ask(f"ZEG {n}") == str(n)
        await one.until(DONE, [("delivered", "DELIVRD", 3)])


async def test_row_29_a_receipt_for_an_unknown_id_is_acknowledged_and_kept(tmp_path: Path) -> None:
    async with station(tmp_path, RULES) as one:
        witness = behave(one, Wayward(strays=[0x7000_0001]))
        assert await one.ask("ZEG een", JAN) == "een"
        await one.until("SELECT count(*), count(outbox_id) FROM receipts", [(2, 1)])
        await one.until(DONE, [("delivered", "DELIVRD", 1)])
        assert set(witness.receipts_answered) == {ESME_ROK}, "never refused for good"
        assert one.rows("SELECT DISTINCT message_id FROM receipts WHERE outbox_id IS NULL") == [("70000001",)]
        assert one.rows(STRAYS)[0][0] > 0
