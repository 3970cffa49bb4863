"""kill -9 at named points and at random, under load, before a centre that misbehaves: rows 1 to 6, 12, 21 to 23 and 31
of the fault matrix, and the loop. What became of every promise is the ledger's to say (gateway.torture.ledger)."""

import os
import sqlite3
from collections.abc import AsyncIterator, Iterator, Sequence
from contextlib import nullcontext
from pathlib import Path

import pytest
import pytest_asyncio

from gateway.torture import gateways, grounds
from gateway.torture.faults import CUT_COMMIT, DISK_FULL, LOST_WRITES, RECOVERY, Fault, at_point, deaf, half_a_long_text
from gateway.torture.gateways import Nursery
from gateway.torture.lost_writes import LostWrites
from gateway.torture.needs import may_mount
from gateway.torture.run import Orders, Report, Trial
from gateway.torture.workload import Texts
from tests.support.postgres import PostgresDatabases, postgres_databases
from tests.support.process import environment

KILLS = int(os.environ.get("KWEK_KILLS", "18"))
ASKED_FOR = max(2, KILLS // 15)
"""Lives that end by each of the kinds that need a ground of their own: they are slower."""
WORKS_S = 0.5
"""So long they work before."""
SEED = int(os.environ.get("SEED", "1"))
SYNC_LESS = """
from router.store import engine
engine._SETTINGS["sqlite"] = tuple(one.replace("=FULL", "=NORMAL") for one in engine._SETTINGS["sqlite"])
import sys; sys.argv.append("--unsafe")
"""

pytestmark = [pytest.mark.torture, pytest.mark.timeout(0), pytest.mark.asyncio(loop_scope="module")]


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def nursery() -> AsyncIterator[Nursery]:
    """Where all gateways of these tests are forked; modules are compiled once for all processes."""
    with pytest.MonkeyPatch.context() as patch:
        for name, value in environment().items():
            patch.setenv(name, value)
        patch.delenv("PYTHONDONTWRITEBYTECODE", raising=False)
        opened = Nursery()
        await opened.open()
        yield opened
        await opened.close()


@pytest.fixture(scope="module")
def postgres() -> Iterator[PostgresDatabases]:
    with postgres_databases() as databases:
        yield databases


@pytest.fixture(params=["sqlite", "postgresql"])
def store(request: pytest.FixtureRequest) -> Iterator[str]:
    """What a trial is told of its store."""
    if request.param == "sqlite":
        yield "sqlite"
        return
    databases: PostgresDatabases = request.getfixturevalue("postgres")
    with databases.database() as url:
        yield url


async def killed(nursery: Nursery, folder: Path, faults: Sequence[Fault], texts: Texts = "unique") -> Report:
    """A trial on SQLite with just these kills, each of which must come to pass where it is named."""
    trial = Trial(Orders(seed=SEED, texts=texts), folder, print)
    report = await trial.run(faults, nursery)
    print(report.table())
    assert not [name for name in report.faults if name.endswith(("not passed", "not felt"))]
    return report


async def asked_for(nursery: Nursery, folder: Path, kind: str, store: str = "sqlite") -> Report:
    """A trial of nothing but that kind."""
    faults = [Fault(name=kind, after_s=WORKS_S)] * ASKED_FOR
    report = await Trial(Orders(seed=SEED, store=store), folder, print).run(faults, nursery)
    print(report.table())
    assert report.faults == {kind: ASKED_FOR}, "each was felt"
    return report


def kept(report: Report) -> None:
    """No promise was broken."""
    assert not report.verdict.broken, report.table()


async def test_row_01_killed_before_the_commit_nothing_exists_and_it_is_delivered_again(
    nursery: Nursery, tmp_path: Path
) -> None:
    kept(await killed(nursery, tmp_path, [at_point("commit.before", nth) for nth in (1, 3, 8)]))


async def test_row_02_killed_after_the_commit_there_is_one_effect(nursery: Nursery, tmp_path: Path) -> None:
    report = await killed(nursery, tmp_path, [at_point("commit.after", nth) for nth in (2, 5, 9)])
    kept(report)
    assert report.verdict.line("L3").figures["suspected"], "what was committed came again and was known"


async def test_row_03_killed_after_the_answer_is_written_there_is_one_effect(nursery: Nursery, tmp_path: Path) -> None:
    report = await killed(
        nursery, tmp_path, [at_point("answers.after", 4), deaf(0.1), at_point("answers.after", 2), deaf(0.2)]
    )
    kept(report)
    assert report.verdict.line("L3").figures["suspected"], "what was answered unread came again and was known"


@pytest.mark.parametrize("texts", ["unique", "ja"])
async def test_row_04_killed_again_while_it_recovers_it_is_as_if_once(
    nursery: Nursery, tmp_path: Path, texts: Texts
) -> None:
    again = at_point(RECOVERY)
    faults = [at_point("commit.after", 4), again, again, at_point("claims.after", 4), again, deaf(0.1), again]
    kept(await killed(nursery, tmp_path, faults, texts))


async def test_row_05_the_power_goes_with_the_process(nursery: Nursery, tmp_path: Path) -> None:
    kept(await asked_for(nursery, tmp_path, LOST_WRITES))


async def test_row_05_the_ledger_finds_out_what_a_store_that_syncs_less_has_lost(
    nursery: Nursery, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    lose_power = LostWrites.lose_power
    monkeypatch.setattr(LostWrites, "lose_power", lambda disk, _: lose_power(disk, lambda: 0.0))  # whatever may be lost
    monkeypatch.setattr(gateways, "KWEK", SYNC_LESS + gateways.KWEK)
    report = await asked_for(nursery, tmp_path, LOST_WRITES)
    assert report.verdict.line("L1").findings


@pytest.mark.parametrize("how", ["mounted", "preloaded"])
async def test_row_12_the_disk_is_full_for_a_while_and_then_the_process_dies(
    nursery: Nursery, tmp_path: Path, how: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    if how == "mounted" and not may_mount():
        pytest.skip("a file system cannot be mounted here")
    if how == "preloaded":
        monkeypatch.setattr(grounds, "small_disk", lambda *_: nullcontext(False))
    report = await asked_for(nursery, tmp_path, DISK_FULL)
    kept(report)
    assert (tmp_path / "disk" / "kwek.db").exists(), "what was mounted is gone, its files are not"


async def test_row_06_the_link_is_cut_at_commit_and_the_process_dies_in_doubt(
    nursery: Nursery, tmp_path: Path, postgres: PostgresDatabases
) -> None:
    with postgres.database() as url:
        kept(await asked_for(nursery, tmp_path, CUT_COMMIT, url))


async def test_row_21_killed_between_claim_and_write_the_class_decides(nursery: Nursery, tmp_path: Path) -> None:
    kept(await killed(nursery, tmp_path, [at_point("claims.before", nth) for nth in (2, 6)]))


async def test_row_22_killed_between_write_and_answer_the_class_decides(nursery: Nursery, tmp_path: Path) -> None:
    kept(await killed(nursery, tmp_path, [at_point("claims.after", nth) for nth in (2, 6)]))


async def test_row_23_killed_between_an_answer_and_its_commit_the_class_decides(
    nursery: Nursery, tmp_path: Path
) -> None:
    kept(await killed(nursery, tmp_path, [at_point("response.read", nth) for nth in (2, 6)]))


async def test_row_31_killed_with_half_a_long_text_the_other_half_completes_it(
    nursery: Nursery, tmp_path: Path
) -> None:
    halves: list[int] = []

    def count(_: Fault) -> None:
        with sqlite3.connect(tmp_path / "kwek.db") as connection:
            halves.extend(connection.execute("SELECT count(*) FROM parts WHERE joined_at IS NULL").fetchone())

    trial = Trial(Orders(seed=SEED), tmp_path, print)
    trial.between = count
    report = await trial.run([half_a_long_text(nth) for nth in (1, 2, 3)], nursery)
    kept(report)
    assert any(halves), "some kill found parts without their fellows"
    assert not report.verdict.line("L1").count


@pytest.mark.parametrize("texts", ["unique", "ja"])
async def test_killed_again_and_again_no_promise_is_broken(
    nursery: Nursery, tmp_path: Path, store: str, texts: Texts
) -> None:
    kills = KILLS if texts == "unique" else max(1, KILLS // 3)
    report = await Trial(Orders(store=store, kills=kills, seed=SEED, texts=texts), tmp_path, print).run(None, nursery)
    print(report.table())
    for name in ("L1", "L3", "L4", "L6"):
        line = report.verdict.line(name)
        assert line.count <= (line.allowed if name == "L3" else 0), report.table()
    kept(report)
