"""What a person decides on texts that may be opt-outs, beside a gateway that runs on SQLite: by the gateway."""

import asyncio
import json
from pathlib import Path
from typing import Any

import pytest

from gateway import counter_clerk
from gateway.exits import Exit
from router import reviews
from router.store.errors import StoreUnavailable
from smpp.simulator_conduct import Conduct
from tests.support.rules_files import GREETING
from tests.support.shell import Shell, answered
from tests.support.station import PATIENCE_S, Station, station

DOUBT = "We moeten deze wet STOP zetten!"
JAN, PIET = "31612345678", "31622222222"


async def doubted(one: Station, *phones: str) -> list[int]:
    """Texts that wait for a person, one from each phone."""
    for phone in phones:
        await asyncio.wait_for(one.phone(phone).text("4411", DOUBT), PATIENCE_S)
    return [id for (id,) in one.rows("SELECT id FROM reviews ORDER BY id")]


def settling(ids: list[int], outcome: str, by: str = "ann") -> dict[str, Any]:
    """The order, as the socket takes it."""
    return {"do": "settle reviews", "ids": ids, "outcome": outcome, "by": by}


async def test_two_who_decide_at_once_are_not_both_heard(tmp_path: Path) -> None:
    async with station(tmp_path, GREETING) as one:
        ids, place = await doubted(one, JAN, PIET), tmp_path / "kwek.db.sock"
        ann, bob = await asyncio.gather(
            answered(place, settling(ids, "opt out")), answered(place, settling(ids[::-1], "no opt out", "bob"))
        )
        for mine, other in zip(ann["done"]["brands"], bob["done"]["brands"][::-1], strict=True):
            assert {mine, other} == {None, "Klusser"}
        outcomes = [outcome for (outcome,) in one.rows("SELECT outcome FROM reviews ORDER BY id")]
        assert [outcome == "opt out" for outcome in outcomes] == [brand is not None for brand in ann["done"]["brands"]]
        assert one.rows("SELECT count(*) FROM ledger") == [(outcomes.count("opt out"),)]


@pytest.mark.parametrize(("waits_s", "under_way"), [(0.0, 1), (PATIENCE_S, 0)])
async def test_an_opt_out_is_done_when_nothing_more_can_be_written(
    waits_s: float, under_way: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(counter_clerk, "BARRIER_S", waits_s)
    async with station(tmp_path, GREETING) as one:
        ids = await doubted(one, JAN)
        one.carrier.conduct = Conduct(answer_delay_s=0.5)
        await asyncio.wait_for(one.phone(JAN).text("4411", "HOI"), PATIENCE_S)  # its answer is claimed by now
        done = await answered(tmp_path / "kwek.db.sock", settling(ids, "opt out"))
        assert done == {"done": {"brands": ["Klusser"], "under_way": under_way}}


async def test_a_store_that_goes_away_between_two_leaves_the_first_settled(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    settle, times = reviews.settle, []

    def away_at_the_second(*given: Any) -> Any:
        times.append(given)
        if len(times) == 2:
            raise StoreUnavailable("the disk is full")
        return settle(*given)

    async with station(tmp_path, GREETING) as one:
        ids = await doubted(one, JAN, PIET)
        shell = Shell(one, monkeypatch, GREETING)
        words = ("reviews", "settle", *map(str, ids), "--as", "opt-out", "--by", "ann")
        with monkeypatch.context() as for_now:
            for_now.setattr(reviews, "settle", away_at_the_second)
            done = await shell.kwek(*words)
        assert (done.exit_code, done.stderr) == (Exit.STORE, "the disk is full\n")
        assert one.rows("SELECT outcome FROM reviews ORDER BY id") == [("opt out",), ("",)]
        again = await shell.kwek(*words)
        assert (again.exit_code, again.stderr) == (
            Exit.FAILED, f"{ids[0]} waits for nobody, or has been settled already\n"
        )  # fmt: skip
        assert f"{ids[1]}: opt out of Klusser\n" in again.stdout
        assert await one.ask("HOI", "31633333333") == "Dag!", "texts go on"


async def test_more_texts_than_a_list_shows_are_refused_and_what_is_no_decision(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with station(tmp_path, GREETING) as one:
        place = tmp_path / "kwek.db.sock"
        for wrong in (
            settling([1] * 10_001, "opt out"), settling([-1], "opt out"), settling([1 << 63], "opt out"),
            settling([1], "perhaps"), settling([1], "opt out") | {"until": "2027"},
        ):  # fmt: skip
            told = (await answered(place, json.dumps(wrong).encode()))["refused"]
            assert "no order of its version" in told
            assert told.endswith("start the gateway anew, so that it runs the version that is installed")
        shell = Shell(one, monkeypatch, GREETING)
        words = ["5"] * 10_001
        done = await shell.kwek("reviews", "settle", *words, "--as", "opt-out", "--by", "ann")
        assert (done.exit_code, done.stderr) == (Exit.USAGE, "at most 10000 texts are settled at once\n")
