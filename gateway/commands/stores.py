"""What commands that read or write the store themselves share: its settings, the store while they hold it, instants."""

from __future__ import annotations

from collections.abc import Iterator
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


def settings_of(config: Path) -> Settings:
    """The settings of a kwek.toml. Ends the command when it has faults."""
    from gateway.commands.running import load_settings

    return load_settings(config)


@contextmanager
def opened(settings: Settings) -> Iterator[Store]:
    """The store, for as long as the block lasts. Ends the command when it cannot be had: SQLite's lock is one
    process's at a time."""
    from router.store.engine import open_store
    from router.store.errors import StoreError

    try:
        store = open_store(settings.gateway.store.url, unsafe=True)
    except StoreError as fault:
        fail(Exit.STORE, fault)
    try:
        yield store
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


def instant(at: int, timespec: str = "milliseconds") -> str:
    """Microseconds since 1970 UTC as ISO 8601, UTC."""
    return datetime.fromtimestamp(at / 1_000_000, UTC).isoformat(timespec=timespec)
