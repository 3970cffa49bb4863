"""What `kwek plan` looks at: how many runs stand at which step, and the texts of late. Only reads, in short looks."""

from __future__ import annotations

from collections.abc import Collection, Iterator
from typing import Final

import msgspec

from router import rulings
from router.deployments import sources_of
from router.measures import Won
from router.moves import Standing
from router.replay import Heard
from router.store import statements as sql_deployments
from router.store import statements_plan as sql
from router.store.reading import Begins
from router.world import first_id_at

SLICE: Final = 50_000
"""Runs that are counted in one look: a quarter of a second on SQLite, whose log waits for readers."""
PAGE: Final = 5_000
"""Texts that are read in one look."""
HIGHEST_ID: Final = (1 << 63) - 1


class Current(msgspec.Struct, frozen=True):
    """The rule set in force at a node: its hash, its sources by file name, since when (µs; 0: not known)."""

    deployment: str
    sources: dict[str, str]
    since: int


def current(store: Begins, node: str) -> Current | None:
    """What is in force at a node; None when nothing ever was."""
    with store.begin() as tx:
        found = rulings.in_force(tx, node)
        standing = rulings.standings(tx).get(node)
    if found is None:
        return None
    is_his = standing is not None and standing.deployment == found[0]
    return Current(*found, standing.at if standing is not None and is_his else 0)


def standings(store: Begins) -> list[Standing]:
    """How many runs stand at which step. While contacts move on between two looks, one may be counted twice or not."""
    found: dict[tuple[str, str, str, str], int] = {}
    after, more = -1, True
    while more:
        with store.begin() as tx:
            rows = sql.end_of_slice.rows(tx, after, SLICE - 1)
            until = rows[0][0] if rows else HIGHEST_ID
            for *step, runs in sql.runs_by_step.rows(tx, after, until):
                key = (step[0], step[1], step[2], step[3])
                found[key] = found.get(key, 0) + runs
        after, more = until, bool(rows)
    return [
        Standing(brand, rule, tuple(msgspec.json.decode(frames)), deployment, runs)
        for (brand, rule, frames, deployment), runs in found.items()
    ]


def winners(store: Begins) -> list[Won]:
    """The arms that have won their splits' samples."""
    with store.begin() as tx:
        return [Won(*row) for row in sql.winners.rows(tx)]


def heard(store: Begins, since: int, most: int) -> Iterator[Heard]:
    """The texts that came in since an instant, newest first, so many at most."""
    before, left = HIGHEST_ID, most
    while left > 0:
        size = min(PAGE, left)
        with store.begin() as tx:
            rows = sql.heard.rows(tx, first_id_at(since), before, size)
        yield from (Heard(*row[1:]) for row in rows)
        if len(rows) < size:
            return
        before, left = rows[-1][0], left - size


def sources_by_deployment(store: Begins, hashes: Collection[str]) -> dict[str, dict[str, str]]:
    """The sources of rule sets, of those that are kept."""
    with store.begin() as tx:
        return {row[0]: sources_of(row[1]) for row in sql_deployments.deployment_by_hash.rows(tx, sorted(hashes))}
