"""Seeded time with everything that may go wrong, through the real code, and the ledger at its end.

`make test` plays a few seeds; `make torture` many: KWEK_SIMULATED_DAYS seeds of 24 virtual hours and
KWEK_SIMULATED_MINUTES of 10 minutes, from SEED on. What fails prints how to play it again.
"""

import os
import subprocess
from pathlib import Path

import pytest

from gateway.simulation.equal_texts import equal_texts
from gateway.simulation.run import Run, simulate
from router.world import FAULT_POINTS
from tests.support.process import KWEK

FIRST = int(os.environ.get("SEED", "1"))
DAYS = int(os.environ.get("KWEK_SIMULATED_DAYS", "1"))
MINUTES = int(os.environ.get("KWEK_SIMULATED_MINUTES", "20"))
DAY_H, MINUTES_H = 24.0, 1 / 6


def clean(run: Run) -> Run:
    print(run.line)
    assert not run.findings, "\n".join(str(finding) for finding in run.findings)
    return run


@pytest.mark.torture
@pytest.mark.parametrize("seed", range(FIRST, FIRST + DAYS))
def test_a_day_keeps_every_promise(seed: int) -> None:
    run = clean(simulate(seed, DAY_H))
    assert run.virtual_s >= DAY_H * 3_600
    assert run.texts > 3_000


@pytest.mark.torture
@pytest.mark.parametrize("seed", range(FIRST, FIRST + MINUTES))
def test_ten_minutes_keep_every_promise(seed: int) -> None:
    clean(simulate(seed, MINUTES_H))


def test_one_seed_is_one_run_in_this_process_and_in_another(root: Path) -> None:
    first, again, other = simulate(FIRST, 0.05), simulate(FIRST, 0.05), simulate(FIRST + 1, 0.05)
    assert first.digest == again.digest != other.digest
    assert (first.texts, first.events, first.points, first.verdict) == (
        again.texts, again.events, again.points, again.verdict,
    )  # fmt: skip
    told = subprocess.run(
        [*KWEK, "torture", "--simulate", "--seed", str(FIRST), "--seeds", "1", "--hours", "0.05"],
        capture_output=True, text=True, check=False, cwd=root, env={**os.environ, "PYTHONHASHSEED": "7"},
    )  # fmt: skip
    assert first.digest in told.stdout, told.stdout + told.stderr


def test_row_17_equal_texts_around_faults_are_neither_doubled_nor_merged_beyond_doubt() -> None:
    hours = float(os.environ.get("KWEK_EQUAL_TEXTS_HOURS", "0.01"))
    run = clean(equal_texts(FIRST, hours))
    print(dict(run.counts))
    assert run.counts["texts"] > 180 * 3_600 * hours
    assert run.verdict.line("L2").figures["sent again"], "a fault fell, and left something in doubt"
    assert run.counts["net doubles"] == 0
    if hours >= 1 / 6:  # enough of them for a share to mean something
        assert run.counts["held as suspected"] <= 0.0002 * run.counts["texts"]


def test_every_named_point_is_passed() -> None:
    passed = {point for seed in range(FIRST, FIRST + 5) for point in simulate(seed, 0.05).points}
    assert passed == set(FAULT_POINTS)
