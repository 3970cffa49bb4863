"""Looks for due runs begin where runs can be; what another node has left behind is found all the same."""

import pytest

from router.horizon import APART, WHOLE_S, WIDER_S, Horizon
from router.instants import DAY, HOUR, MINUTE, SECOND
from router.store.errors import StoreConflict
from tests.support.routing import JAN, NOW, PIET, Phones, spoil


def test_a_look_begins_at_the_earliest_run_known_and_now_and_then_before_it() -> None:
    horizon = Horizon()
    assert horizon.since("postgresql", NOW, 0.0) == 0, "the first one sees everything"
    horizon.looked(NOW + HOUR)
    assert horizon.since("postgresql", NOW, WIDER_S - 1) == NOW + HOUR
    assert horizon.since("postgresql", NOW, WIDER_S) == NOW - APART
    assert horizon.since("postgresql", NOW, WIDER_S + 1) == NOW + HOUR
    assert horizon.since("postgresql", NOW, WHOLE_S) == 0
    assert horizon.since("postgresql", NOW, WHOLE_S + 1) == NOW + HOUR, "also when that one came to nothing"
    assert horizon.since("sqlite", NOW, WHOLE_S + 1) == 0


def test_what_is_suspended_here_is_seen_however_early_it_falls_due() -> None:
    horizon = Horizon()
    horizon.since("postgresql", NOW, 0.0)
    horizon.looked(NOW + HOUR)
    for at in (None, NOW + DAY, NOW + MINUTE, NOW + HOUR):
        horizon.lowered(at)
    assert horizon.since("postgresql", NOW, 1.0) == NOW + MINUTE


def test_a_run_that_a_dead_node_has_left_is_found_by_the_next_wider_look(two_nodes: tuple[Phones, Phones]) -> None:
    node, dead = two_nodes
    node.write(JAN, "LATER")
    node.commit(due=True)
    dead.write(PIET, "STRAKS")
    node.later(10 * MINUTE)
    assert node.ways.horizon._known > NOW + 10 * MINUTE, "it knows of JAN's run alone"
    node.commit(due=True)  # ten minutes are more than WIDER_S
    assert [row["text"] for row in node.table("outbox")] == ["Tien minuten later."]


def test_what_the_group_that_looks_has_itself_suspended_is_seen_at_its_instant(
    two_nodes: tuple[Phones, Phones],
) -> None:
    node, _ = two_nodes
    node.write(JAN, "LATER")
    node.commit(due=True)
    done = node.commit(inbound=[node.text(PIET, "STRAKS")], due=True)
    assert done.next_due == NOW + 10 * MINUTE
    assert node.ways.horizon._known == NOW + 10 * MINUTE, "not only JAN's, which is later"


def test_what_was_rolled_back_has_moved_nothing(
    two_nodes: tuple[Phones, Phones], monkeypatch: pytest.MonkeyPatch
) -> None:
    node, _ = two_nodes
    node.write(JAN, "STRAKS")
    node.later(10 * MINUTE)
    lose_one(node, monkeypatch)
    node.commit(due=True)
    assert [row["text"] for row in node.table("outbox")] == ["Tien minuten later."]
    assert node.ways.horizon._known == node.world.now()
    node.later(SECOND)
    assert node.ways.horizon.since("postgresql", node.world.now(), node.world.monotonic()) < node.world.now()


def test_what_was_rolled_back_has_seen_nothing_either(
    two_nodes: tuple[Phones, Phones], monkeypatch: pytest.MonkeyPatch
) -> None:
    node, dead = two_nodes
    node.write(JAN, "LATER")
    node.commit(due=True)
    dead.write(PIET, "STRAKS")
    node.later(10 * MINUTE)
    lose_one(node, monkeypatch)
    node.commit(due=True)
    assert [row["text"] for row in node.table("outbox")] == ["Tien minuten later."]


def test_a_cause_that_cannot_be_performed_costs_no_look_from_earlier_on(
    two_nodes: tuple[Phones, Phones],
) -> None:
    node, dead = two_nodes
    node.write(JAN, "LATER")
    node.commit(due=True)
    dead.write(PIET, "STRAKS")
    spoil(node, PIET)
    node.later(10 * MINUTE)
    done = node.commit(due=True)
    assert len(done.faults) == 1, "found, and set aside"


def lose_one(node: Phones, monkeypatch: pytest.MonkeyPatch) -> None:
    """The node's next COMMIT meets a deadlock."""
    lost = [StoreConflict("lost")]
    commit = node.store.commit

    def commit_or_not(marker: int = 0) -> None:
        if lost:
            node.store._rollback()
            raise lost.pop()
        commit(marker)

    monkeypatch.setattr(node.store, "commit", commit_or_not)
