"""Handing a rule set over to the gateways of a store, and seeing them take it.

Where the store can be written, the order is a row: on PostgreSQL always, on SQLite while no gateway runs. The one that
runs on a SQLite file gets a file beside it (gateway.orders) and makes the row itself.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from functools import partial
from typing import TYPE_CHECKING

from gateway.commands.output import fail
from gateway.commands.stores import instant, reading
from gateway.exits import Exit

if TYPE_CHECKING:
    from config.settings import Settings
    from router.rulings import Order, Origin, Standing
    from router.store.engine import Tx

LOOK_S = 0.1
"""Between two looks whether a gateway has taken the rules over, in seconds."""

Told = tuple[list[str], bool]
"""What to say, and whether it is done."""


def hand_over(settings: Settings, sources: Mapping[str, str], origin: Origin, actor: str, wait_s: float) -> Told:
    """Give the order; wait so many seconds at most for the gateways that run. Ends the command when it cannot be
    given."""
    from gateway.orders import is_put_aside, order_path, write_order
    from router.store.engine import open_store
    from router.store.errors import StoreError, StoreInUse

    order = _order(settings, sources, origin, actor)
    path = order_path(settings.gateway.store.url)
    is_unread: Callable[[], bool] = _never
    try:
        store = open_store(settings.gateway.store.url, unsafe=True)
        try:
            with store.begin() as tx:
                running = _written(tx, order)
        finally:
            store.close()
    except StoreInUse as fault:
        assert path is not None, "a server is not owned"
        try:
            inode = write_order(path, order)
        except OSError as error:
            remedy = "; run it as the gateway's account" if isinstance(error, PermissionError) else ""
            fail(Exit.STORE, fault, f"and it cannot be told: {path}: {error.strerror or error}{remedy}")
        running = [settings.gateway.node]
        is_unread = partial(is_put_aside, path, inode)
    except StoreError as fault:
        fail(Exit.STORE, fault)
    if not running:
        return ["no gateway runs: the next one that starts takes these rules over"], True
    return _awaited(settings, order, running, wait_s, is_unread)


def _never() -> bool:
    """A row is read."""
    return False


def _order(settings: Settings, sources: Mapping[str, str], origin: Origin, actor: str) -> Order:
    from router.rulings import Order, Ruling, next_id
    from router.world import System
    from rules.diagnostics import Source
    from rules.rulebook import deployment_of

    deployment = deployment_of([Source(file, text) for file, text in sources.items()])
    world = System()
    with reading(settings) as reader, reader.begin() as tx:
        id = next_id(tx, world.now())
    world.close()
    return Order(Ruling(id, deployment, origin, actor), sources)


def _written(tx: Tx, order: Order) -> list[str]:
    """Write the order down; the nodes that run, whom it is for. Nobody runs on a SQLite file that we own."""
    from router import rulings

    rulings.write(tx, order)
    return present(tx)


def present(tx: Tx) -> list[str]:
    """The nodes that work by some rules and of which a process is connected to the server; none on SQLite, where that
    cannot be seen."""
    from router import rulings
    from router.store import statements as sql

    if tx.dialect == "sqlite":
        return []
    absent = {row[0] for row in sql.lock_absent_nodes.rows(tx, "")}
    return [node for node in rulings.standings(tx) if node not in absent]


def _awaited(
    settings: Settings, order: Order, nodes: list[str], wait_s: float, is_unread: Callable[[], bool]
) -> Told:  # fmt: skip
    """What each of these nodes made of it. `is_unread`: whether the file was put aside as no order."""
    from router import rulings

    until = time.monotonic() + wait_s
    while True:
        with reading(settings) as reader, reader.begin() as tx:
            standings = rulings.standings(tx)
        waiting = [node for node in nodes if not _has_heeded(standings.get(node), order)]
        if waiting and is_unread():
            return [f"{waiting[0]} cannot read the order: it is of another version, or somebody changed it"], False
        if not waiting or time.monotonic() >= until:
            break
        time.sleep(LOOK_S)
    said = [_said(node, standings[node], order) for node in nodes if node not in waiting]
    said += [f"{node} has not taken them over yet: it will, if it runs" for node in waiting]
    return said, not waiting and all(standings[node].deployment == order.ruling.deployment for node in nodes)


def _has_heeded(standing: Standing | None, order: Order) -> bool:
    return standing is not None and standing.ruling_id >= order.ruling.id


def _said(node: str, standing: Standing, order: Order) -> str:
    if standing.deployment == order.ruling.deployment:
        return f"in force at {node} since {instant(standing.at)}"
    if standing.fault:
        return f"{node} cannot take them over: {standing.fault}"
    return f"{node} works by {standing.deployment[:12]}: somebody else was faster"
