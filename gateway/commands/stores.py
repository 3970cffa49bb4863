"""What commands that read or write the store themselves share: its settings, the store while they hold it, what is
on its way when an opt-out is done, instants."""

from __future__ import annotations

import time
from collections.abc import Collection, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING

from gateway.commands.output import fail
from gateway.exits import Exit

if TYPE_CHECKING:
    from config.settings import Settings
    from router.store.engine import Store
    from router.store.reading import Reader
    from router.world import World

MOST_ID = (1 << 63) - 1
"""The largest id there can be: databases take no larger integer."""


def settings_of(config: Path) -> Settings:
    """The settings of a kwek.toml. Ends the command when it has faults."""
    from gateway.commands.running import load_settings

    return load_settings(config)


@contextmanager
def opened(settings: Settings) -> Iterator[Store]:
    """The store, for as long as the block lasts. Ends the command when it cannot be had, or goes away: SQLite's lock is
    one process's at a time."""
    from router.store.engine import open_store
    from router.store.errors import StoreError

    try:
        store = open_store(settings.gateway.store.url, unsafe=True)
    except StoreError as fault:
        fail(Exit.STORE, fault)
    try:
        yield store
    except StoreError as fault:
        fail(Exit.STORE, fault)
    finally:
        store.close()


@contextmanager
def reading(settings: Settings) -> Iterator[Reader]:
    """The store to be read, also while a gateway runs. Ends the command when it cannot be had, or goes away."""
    from router.store.errors import StoreError
    from router.store.reading import open_reader

    try:
        reader = open_reader(settings.gateway.store.url)
    except StoreError as fault:
        fail(Exit.STORE, fault)
    try:
        yield reader
    except StoreError as fault:
        fail(Exit.STORE, fault)
    finally:
        reader.close()


def written_or_over(store: Store, world: World, claimed: Collection[int]) -> int:
    """After an opt-out: wait until what nodes had claimed is settled, or its lease is over. Gives how many texts were
    written, or may have been, and are not answered for. On SQLite no gateway runs: what a dead one had claimed asks the
    gate again."""
    from gateway.barrier import BARRIER_S, LOOK_S
    from router.silence import settled_of

    left, until = set(claimed if store.dialect != "sqlite" else ()), world.monotonic() + BARRIER_S
    while left and world.monotonic() < until:
        time.sleep(LOOK_S)
        with store.begin() as tx:
            left.difference_update(settled_of(tx, left))
    return len(left)


def under_way_as_line(under_way: int) -> str:
    """Texts that are not answered for when an opt-out is done, for people."""
    return f"on their way before that, and perhaps yet to arrive: {under_way} text(s)"


def instant(at: int, timespec: str = "milliseconds") -> str:
    """Microseconds since 1970 UTC as ISO 8601, UTC."""
    return datetime.fromtimestamp(at / 1_000_000, UTC).isoformat(timespec=timespec)
