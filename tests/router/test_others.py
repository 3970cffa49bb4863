"""What a dead node leaves behind is settled by another one; a node that lives is left alone."""

from typing import Any

import pytest

from gateway.metrics import Metrics
from gateway.node import Node, begin
from gateway.simulation.scenario import book, settings_for
from router.evidence import Mark
from router.instants import DAY, MINUTE
from router.nodes import number_of
from router.others import LOOKED_LATELY_S, MISSING_S, Others
from router.store.engine import Store
from tests.support.routing import KEES, PIET, Phones

LEFT = {"ams-2": 201, "ams-3": 301}
"""The session that each node has open."""


def live(phones: Phones) -> None:
    """It has a number and its lock, a text claimed, and one that came over an open session and is not confirmed."""
    node = phones.ways.node
    phones.store.own(node)
    with phones.store.begin() as tx:
        number_of(tx, node, phones.world.now())
    phones.commit(marks=[Mark(LEFT[node], "carrier", 1)])
    texts = {"ams-2": PIET, "ams-3": KEES}
    phones.commit(inbound=[phones.text(texts[node], "JOIN", session=LEFT[node], fingerprint=LEFT[node])])


def die(phones: Phones, survivor: Phones) -> None:
    """Its process ends; over when the database knows."""
    phones.store.close()
    with survivor.store.begin() as tx:
        tx.execute("SELECT pg_advisory_xact_lock(7022, hashtext(%s))", [phones.ways.node])


def ended(phones: Phones) -> dict[int, bool]:
    return {row["session"]: row["ended_at"] is not None for row in phones.table("sessions")}


@pytest.fixture
def looking(two_nodes: tuple[Phones, Phones]) -> Phones:
    """ams-1, which looks after the others; nothing is its own."""
    one, _ = two_nodes
    one.store.own("ams-1")
    with one.store.begin() as tx:
        number_of(tx, "ams-1", one.world.now())
    return one


def look(phones: Phones, others: Others, at_s: float) -> tuple[int, int]:
    with phones.store.begin() as tx:
        return others.recover(tx, phones.world.now(), at_s, {"carrier": DAY})


def test_what_a_dead_node_left_is_settled_and_a_live_one_is_left_alone(
    looking: Phones, two_nodes: tuple[Phones, Phones]
) -> None:
    dying, living = two_nodes[1], Phones(Store(looking.store.url, looking.store.engine, None), node="ams-3")
    live(dying)
    live(living)
    others = Others("ams-1")
    assert looking.states() == ["claimed", "claimed"]
    assert look(looking, others, 0.0) == (0, 0)
    assert look(looking, others, 2 * MISSING_S) == (0, 0), "both live"
    die(dying, looking)
    assert look(looking, others, 3 * MISSING_S) == (0, 0), "it may be about to connect again"
    assert look(looking, others, 4 * MISSING_S) == (1, 1)
    rows = {row["node"]: (row["state"], row["reason"]) for row in looking.table("outbox")}
    assert rows == {"ams-2": ("unknown", "node_ended"), "ams-3": ("claimed", "")}
    assert ended(looking) == {201: True, 301: False}
    assert [row["fingerprint"] for row in looking.table("doubts")] == [201]
    assert look(looking, others, 5 * MISSING_S) == (0, 0), "once is enough"
    living.store.close()


def test_who_connects_again_is_not_dead_and_an_absent_database_makes_nobody_dead(
    looking: Phones, two_nodes: tuple[Phones, Phones]
) -> None:
    other = two_nodes[1]
    live(other)
    others = Others("ams-1")
    die(other, looking)
    assert look(looking, others, 0.0) == (0, 0)
    other.store.own("ams-2")
    assert look(looking, others, MISSING_S) == (0, 0)
    die(other, looking)
    late_s = MISSING_S + LOOKED_LATELY_S
    assert look(looking, others, late_s) == (0, 0)
    assert look(looking, others, late_s + LOOKED_LATELY_S + 1) == (0, 0), "the database was away, and they with it"
    assert looking.states() == ["claimed"]
    assert look(looking, others, late_s + LOOKED_LATELY_S + 1 + MISSING_S) == (1, 1)


def test_housekeeping_does_it_and_keeps_our_number(two_nodes: tuple[Phones, Phones]) -> None:
    one, dying = two_nodes
    live(dying)
    settings = settings_for(one.store.url, 1, 10.0)
    begin(one.store, one.world, settings, book(), {})
    node = Node(settings, one.world, one.store, book(), lambda _: None, Metrics())
    started = one.world.now()
    die(dying, one)
    told: list[dict[str, Any]] = []
    for _ in range(2):
        one.later(MINUTE)
        node._look_after()
        told.append({row["name"]: row["started_at"] - started for row in one.table("nodes")})
    assert one.states() == ["unknown"]
    assert ended(one) == {201: True}
    assert told == [{"sim": MINUTE, "ams-2": 0}, {"sim": 2 * MINUTE, "ams-2": 0}]
