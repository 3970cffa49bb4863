"""Which rule set rules, by whose word: orders for all, a node's own files, and the way back."""

import pytest

from router import rulings
from router.rulings import Kept, Order, Origin, Ruling, Standing, Taken
from router.store.engine import Store, Tx


def order(id: int, deployment: str, origin: Origin = "deploy") -> Order:
    return Order(Ruling(id, deployment, origin, "jan"), {"a.rules": f"# {deployment}\n"})


def keep(tx: Tx, *hashes: str) -> None:
    for name in hashes:
        rulings.write(tx, order(1, name))
    tx.write("DELETE FROM rulings")


def test_a_node_heeds_an_order_once(store: Store) -> None:
    with store.begin() as tx:
        assert rulings.kept(tx, "ams-1") == Kept()
        keep(tx, "aaa")
        rulings.take(tx, "ams-1", "aaa", Taken(files="aaa"), 100)
        assert rulings.kept(tx, "ams-1") == Kept(None, Standing("aaa", "aaa", 0, "", 100), {"a.rules": "# aaa\n"})
        rulings.write(tx, order(200, "bbb"))
        rulings.write(tx, order(200, "ccc"))  # what stands there stays
        assert rulings.kept(tx, "ams-1").order == order(200, "bbb")
        rulings.take(tx, "ams-1", "bbb", Taken(order=order(200, "bbb")), 210)
        kept = rulings.kept(tx, "ams-1")
        assert kept == Kept(None, Standing("bbb", "aaa", 200, "", 210), {"a.rules": "# bbb\n"})
        assert rulings.newest(tx, 0) == order(200, "bbb")
        assert rulings.newest(tx, 200) is None
        assert rulings.kept(tx, "ams-2").order == order(200, "bbb")


def test_files_that_change_are_a_ruling_of_their_node_alone(store: Store) -> None:
    with store.begin() as tx:
        rulings.take(tx, "ams-1", "aaa", Taken(files="aaa"), 100)
        rulings.take(tx, "ams-1", "aaa", Taken(files="aaa"), 150)  # a restart
        rulings.take(tx, "ams-2", "bbb", Taken(files="bbb"), 100)
        assert rulings.history(tx, "ams-1") == [Ruling(100, "aaa", "files", "ams-1")]
        assert rulings.history(tx, "ams-2") == [Ruling(101, "bbb", "files", "ams-2")]
        assert rulings.newest(tx, 0) is None
        assert rulings.standings(tx)["ams-1"].at == 100


def test_an_order_that_cannot_be_taken_over_is_heeded_and_told(store: Store) -> None:
    with store.begin() as tx:
        rulings.take(tx, "ams-1", "aaa", Taken(files="aaa"), 100)
        rulings.refuse(tx, "ams-1", order(200, "bbb"), "it does not compile")
        assert rulings.standings(tx) == {"ams-1": Standing("aaa", "aaa", 200, "it does not compile", 100)}
        rulings.take(tx, "ams-1", "aaa", Taken("aaa", order(300, "ccc"), "neither does that"), 310)
        assert rulings.standings(tx) == {"ams-1": Standing("aaa", "aaa", 300, "neither does that", 100)}
        assert rulings.history(tx, "ams-1") == [Ruling(100, "aaa", "files", "ams-1")]


def test_a_rule_set_is_named_by_the_beginning_of_its_hash(store: Store) -> None:
    with store.begin() as tx:
        keep(tx, "abc1", "abc2", "abd1")
        assert [name for name, _ in rulings.named(tx, "abd")] == ["abd1"]
        assert [name for name, _ in rulings.named(tx, "ab")] == ["abc1", "abc2"]
        assert rulings.named(tx, "%") == []
        assert rulings.in_force(tx, "ams-1") is not None  # the last that any node worked by
        rulings.take(tx, "ams-1", "abd1", Taken(), 100)
        assert rulings.in_force(tx, "ams-1") == ("abd1", {"a.rules": "# abd1\n"})


@pytest.mark.parametrize(
    ("story", "now", "was"),
    [
        ([], "a", None),
        (["a"], "a", None),
        (["a", "b"], "b", "a"),
        (["a", "b", "c", "<b"], "b", "a"),
        (["a", "b", "c", "<b", "<a"], "a", None),
        (["a", "b", "<a", "c"], "c", "a"),
        (["a", "b", "c", "<a", "b"], "b", "a"),
        (["a", "a", "b", "b"], "b", "a"),
        (["b", "<x"], "x", "b"),
        (["a", "b"], "z", "b"),
        (["a", "b", "a"], "a", "b"),
    ],
)
def test_the_way_back(story: list[str], now: str, was: str | None) -> None:
    """`<a` is a rollback to a."""
    told = [
        Ruling(place, one.removeprefix("<"), "rollback" if one.startswith("<") else "deploy", "jan")
        for place, one in enumerate(story)
    ]
    assert rulings.before(told, now) == was
