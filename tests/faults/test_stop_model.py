"""Row 32 on a model of row locks: every interleaving of two nodes, and a great many of three."""

import os
from random import Random

import pytest

from gateway.barrier import BARRIER_S
from gateway.sender import LEASE_S
from tests.support.row_locks import ACKNOWLEDGED, BARRIER, LEASE, Broken, Rules, explore, start, walk

WALKS = int(os.environ.get("KWEK_STOPS", "2000"))
STEPS = 60
SABOTAGES = [
    Rules(barrier=False), Rules(lease=False), Rules(lock=False), Rules(renewal=False), Rules(handed_first=False),
]  # fmt: skip


def test_row_32_no_interleaving_of_two_nodes_hands_anything_over_after_the_acknowledgement() -> None:
    assert LEASE / BARRIER < 1 > LEASE_S / BARRIER_S, "the model has the order of the real durations"
    assert explore(start(nodes=2, texts=3), Rules()) > 10_000


@pytest.mark.parametrize("rules", SABOTAGES, ids=lambda rules: next(n for n, on in rules._asdict().items() if not on))
def test_row_32_each_part_of_the_promise_is_needed(rules: Rules) -> None:
    with pytest.raises(Broken):
        explore(start(nodes=2, texts=2), rules)


def test_row_32_interleavings_of_three_nodes_by_chance() -> None:
    random = Random(int(os.environ.get("SEED", "1")))
    first = start(nodes=3, texts=3)
    ends = [walk(first, Rules(), random, STEPS) for _ in range(WALKS)]
    acknowledged = sum(end.stop == ACKNOWLEDGED for end in ends)
    assert acknowledged > WALKS // 2, "most of them come to the point"


@pytest.mark.parametrize("rules", SABOTAGES, ids=lambda rules: next(n for n, on in rules._asdict().items() if not on))
def test_row_32_chance_finds_what_is_missing_on_three_nodes_too(rules: Rules) -> None:
    random = Random(int(os.environ.get("SEED", "1")))
    with pytest.raises(Broken):
        for _ in range(WALKS):
            walk(start(nodes=3, texts=3), rules, random, STEPS)
