"""Which rule set rules, by whose word. The newest ruling for every node holds until a node's own files change after it.

A node remembers what its files were when it last read them, and up to which ruling it has heeded those for all: so a
rollback outlives a restart although the files still say what was rolled back, and files that are edited later win.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Final
from typing import Literal as OneOf

import msgspec

from router.deployments import sources_of
from router.store import statements as sql_deployments
from router.store import statements_rulings as sql
from router.store.engine import Row, Tx

MOST_RULINGS: Final = 1_000
"""Rulings that are looked back at to find the one before: who deploys ten times a day has three months of them."""

Origin = OneOf["deploy", "rollback", "files"]


class Ruling(msgspec.Struct, frozen=True):
    """A rule set is told to rule from `id` on (microseconds since 1970 UTC): for all, or (`files`) for one node."""

    id: int
    deployment: str
    origin: Origin
    actor: str


class Order(msgspec.Struct, frozen=True):
    """A ruling for every node, with the rule set's sources by file name."""

    ruling: Ruling
    sources: Mapping[str, str]


class Standing(msgspec.Struct, frozen=True):
    """What a node works by since `at`; `files` is the hash of what its files said, empty when they were not read.

    `ruling_id` is the newest ruling for all that it has heeded; `fault` says why it could not take that one over.
    """

    deployment: str
    files: str
    ruling_id: int
    fault: str
    at: int


class Taken(msgspec.Struct, frozen=True):
    """How a rule set came into force at a node: by its files, as they are now (hash; empty: not looked at), or by an
    order. `fault`: the order could not be taken over, and is heeded all the same."""

    files: str = ""
    order: Order | None = None
    fault: str = ""


class Kept(msgspec.Struct, frozen=True):
    """What the store tells a node that starts: the newest order that it has not heeded, and what it worked by."""

    order: Order | None = None
    standing: Standing | None = None
    sources: Mapping[str, str] | None = None
    """Those of the rule set that it worked by; None when they are gone."""


def write(tx: Tx, order: Order) -> None:
    """Write an order down. One that stands there already stays."""
    ruling = order.ruling
    text = msgspec.json.encode(dict(order.sources)).decode()
    sql.keep_deployment.run(tx, [(ruling.deployment, text, ruling.id, 0)])
    sql.insert_ruling.run(tx, [(ruling.id, ruling.deployment, ruling.origin, ruling.actor)])


def next_id(tx: Tx, now: int) -> int:
    """What a ruling that is given now is called: above all others."""
    return max(now, int(sql.highest_ruling.rows(tx)[0][0]) + 1)


def newest(tx: Tx, after: int) -> Order | None:
    """The newest order that was given after that ruling."""
    for *ruling, sources in sql.newest_for_all.rows(tx, after):
        return Order(Ruling(*ruling), sources_of(sources))
    return None


def kept(tx: Tx, node: str) -> Kept:
    """What a node that starts has to know."""
    standing = standings(tx).get(node)
    order = newest(tx, 0 if standing is None else standing.ruling_id)
    rows = sql_deployments.deployment_by_hash.rows(tx, [] if standing is None else [standing.deployment])
    return Kept(order, standing, sources_of(rows[0][1]) if rows else None)


def take(tx: Tx, node: str, deployment: str, taken: Taken, now: int) -> None:
    """A rule set comes into force at a node."""
    before = standings(tx).get(node)
    files = taken.files or ("" if before is None else before.files)
    heeded = 0 if before is None else before.ruling_id
    order = taken.order
    if order is not None:
        heeded = max(heeded, order.ruling.id)
        if not taken.fault:
            write(tx, order)
    ordered = order is not None and not taken.fault
    if not ordered and (before is None or before.deployment != deployment):
        sql.insert_ruling.run(tx, [(next_id(tx, now), deployment, "files", node)])
    since = before.at if before is not None and before.deployment == deployment else now
    sql.upsert_node_rules.run(tx, [(node, deployment, files, heeded, taken.fault, since)])


def refuse(tx: Tx, node: str, order: Order, fault: str) -> None:
    """A node cannot take an order over; what it works by stays."""
    before = standings(tx)[node]
    sql.upsert_node_rules.run(tx, [(node, before.deployment, before.files, order.ruling.id, fault, before.at)])


def standings(tx: Tx) -> dict[str, Standing]:
    """What every node works by, or did when it last ran."""
    return {node: Standing(*rest) for node, *rest in sql.every_node_rules.rows(tx)}


def in_force(tx: Tx, node: str) -> tuple[str, dict[str, str]] | None:
    """The rule set that a node works by, with its sources; that of the last node where this one never ran."""
    standing = standings(tx).get(node)
    rows: list[Row] = []
    if standing is not None:
        rows = sql_deployments.deployment_by_hash.rows(tx, [standing.deployment])
    rows = rows or sql_deployments.last_deployment.rows(tx)
    return (rows[0][0], sources_of(rows[0][1])) if rows else None


def history(tx: Tx, node: str) -> list[Ruling]:
    """The rulings that a node knows of, oldest first."""
    return [Ruling(*row) for row in reversed(sql.history.rows(tx, node, MOST_RULINGS))]


def before(rulings: Iterable[Ruling], deployment: str) -> str | None:
    """The rule set that was in force before that one; who has gone back goes back further, not forth again."""
    stack: list[str] = []
    for ruling in rulings:
        if ruling.origin == "rollback" and ruling.deployment in stack:
            del stack[stack.index(ruling.deployment) + 1 :]
        elif not stack or stack[-1] != ruling.deployment:
            stack.append(ruling.deployment)
    if deployment in stack:
        last = len(stack) - 1 - stack[::-1].index(deployment)
        return stack[last - 1] if last else None
    return stack[-1] if stack else None


def named(tx: Tx, start: str) -> list[tuple[str, dict[str, str]]]:
    """The rule sets whose hash begins like that, two at most: one that is meant, or a beginning that is too short."""
    return [(row[0], sources_of(row[1])) for row in sql.deployments_like.rows(tx, start)]
