"""Rows 36 to 38: nodes on one PostgreSQL that race for the same slots, are killed amid them, and whose clocks are 30 s
apart, perform every slot of a schedule once."""

import os
from collections.abc import Iterator
from pathlib import Path
from random import Random

import pytest

from tests.support.postgres import PostgresDatabases, postgres_databases
from tests.support.slots import APART_S, DRIPS, Scheduled

SLOTS = int(os.environ.get("KWEK_SLOTS", "1000"))
"""So many are to fall due; a trial of the long form lasts long enough for 10,000."""
KILLS = max(3, SLOTS // 200)
"""At least."""
SHORTEST_S = 10.0
FEW = 60
"""Contacts of a trial without long torment."""


@pytest.fixture(scope="module")
def postgres() -> Iterator[PostgresDatabases]:
    with postgres_databases() as databases:
        yield databases


def seeded() -> Random:
    return Random(int(os.environ.get("SEED", "1")))


def found(trial: Scheduled) -> dict[str, list[str]]:
    """What is wrong, a few sentences of each kind."""
    print(trial.verdict.line)
    return {kind: sentences[:10] for kind, sentences in trial.verdict.found.items()}


@pytest.mark.timeout(120)
async def test_row_36_three_nodes_race_for_the_same_slots_and_one_performs_each(
    tmp_path: Path, postgres: PostgresDatabases
) -> None:
    with postgres.database() as store:
        trial = Scheduled(tmp_path, store, FEW, seeded(), (0.0, 0.0, 0.0))
        async with trial.ready():
            await trial.settle(race=True)
    assert found(trial) == {}
    assert trial.verdict.slots >= FEW * len(DRIPS)
    assert len(trial.verdict.nodes) > 1


@pytest.mark.timeout(120)
async def test_row_37_a_node_dies_amid_the_slots_that_it_performs_and_another_finishes_them(
    tmp_path: Path, postgres: PostgresDatabases
) -> None:
    with postgres.database() as store:
        trial = Scheduled(tmp_path, store, FEW, seeded(), (0.0, 0.0))
        async with trial.ready():
            for point in ("commit.before", "commit.after", "claims.before", "claims.after", "response.read"):
                await trial.dies(0, point)
            await trial.settle()
    assert found(trial) == {}
    assert trial.verdict.slots >= FEW * len(DRIPS)
    assert trial.verdict.kills.total() == 5


@pytest.mark.timeout(0)
async def test_row_38_clocks_apart_and_nodes_killed_every_slot_is_performed_once(
    tmp_path: Path, postgres: PostgresDatabases
) -> None:
    contacts = 150 if SLOTS <= 1000 else 400
    at_once = contacts * len(DRIPS)
    seconds = max(SHORTEST_S, 60 * (SLOTS - at_once) / at_once)
    with postgres.database() as store:
        trial = Scheduled(tmp_path, store, contacts, seeded())
        async with trial.ready():
            await trial.torment(seconds, KILLS)
            await trial.settle()
    verdict = trial.verdict
    assert found(trial) == {}
    assert verdict.slots >= SLOTS
    assert verdict.kills.total() >= KILLS
    assert len(verdict.nodes) >= len(APART_S), "each node had its share"
