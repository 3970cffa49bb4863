"""Nodes that share a store have numbers of their own."""

import pytest

from router import nodes
from router.instants import DAY
from router.store.engine import Store
from router.store.errors import StoreError
from router.world import Ids

NOW = 1_790_000_000_000_000


def start(store: Store, name: str, now: int = NOW) -> int:
    with store.begin() as tx:
        return nodes.number_of(tx, name, now)


def test_each_name_has_a_number_and_keeps_it(store: Store) -> None:
    assert [start(store, name) for name in ("ams-1", "ams-2", "ams-1", "rot-1", "ams-2")] == [0, 1, 0, 2, 1]


def test_when_all_are_taken_the_one_longest_away_is_given_anew(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(nodes, "NUMBERS", 2)
    start(store, "one", NOW - 2 * DAY)
    start(store, "two", NOW - 3 * DAY)
    assert start(store, "three") == 1
    assert start(store, "two") == 0
    with pytest.raises(StoreError, match="2 nodes with other names have run in the last day"):
        start(store, "one")


def test_ids_carry_the_number() -> None:
    ids, other = Ids(0), Ids(0)
    ids.be(5)
    other.be(6)
    assert not {ids.next(NOW) for _ in range(100)} & {other.next(NOW) for _ in range(100)}
    assert other.next(NOW) - ids.next(NOW) == 1 << 12
