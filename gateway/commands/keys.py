"""`kwek key`: the keys of the API. Each is one brand's; its secret is shown once, when it is made."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from gateway.commands.output import Form, Format, fail, print_json
from gateway.exits import Exit

if TYPE_CHECKING:
    from config.settings import Settings
    from router.keys import Listed
    from router.store.engine import Store

LONGEST_LABEL = 100

Config = Annotated[
    Path, typer.Option("--config", help="The settings: they say which store, and which brands there are.")
]
Brand = Annotated[str, typer.Option("--brand", help="The brand that it speaks for, as its rules name it.")]
Label = Annotated[str, typer.Option("--label", help="What it is for: a till, a shop's system.")]
Id = Annotated[int, typer.Argument(metavar="ID", help="The key, as the list shows it.")]

keys = typer.Typer(no_args_is_help=True, help="Keys of the API: make one for a brand, list them, revoke one.")


@keys.command("new")
def new(brand: Brand, label: Label = "", config: Config = Path("kwek.toml")) -> None:
    """Make a key and print it: the secret in it is not kept, and cannot be shown again.

    On SQLite the gateway must be stopped; on PostgreSQL it may run.
    """
    from gateway.web.keys import mint
    from router import keys as router
    from router.world import System

    settings = _settings(config)
    brands = sorted({name for number in settings.numbers for name in number.brands})
    if brand not in brands:
        fail(Exit.USAGE, f"no number of {config} is for a brand {brand!r}; it names {', '.join(brands) or 'none'}")
    if len(label) > LONGEST_LABEL or not label.isprintable():
        fail(Exit.USAGE, f"a label has at most {LONGEST_LABEL} characters, on one line")
    world = System()
    with _store(settings) as store, store.begin() as tx:
        world.ids.go_on_after(max((one.id for one in router.every(tx)), default=0))
        id = world.ids.next(world.now())
        minted = mint(id)
        router.write(tx, id, brand, minted.hash, label, world.now())
    world.close()
    print(minted.text)


@keys.command("list")
def list_(config: Config = Path("kwek.toml"), form: Format = Form.TEXT) -> None:
    """List the keys, the oldest first. It looks beside a gateway that runs."""
    from router import keys as router
    from router.store.errors import StoreError
    from router.store.reading import open_reader

    try:
        reader = open_reader(_settings(config).gateway.store.url)
    except StoreError as fault:
        fail(Exit.STORE, fault)
    with reader.begin() as tx:
        found = router.every(tx)
    reader.close()
    if form is Form.JSON:
        print_json([as_json(one) for one in found])
    else:
        print("\n".join(as_line(one) for one in found) or "there are no keys")


@keys.command("revoke")
def revoke(id: Id, config: Config = Path("kwek.toml")) -> None:
    """End a key: the next request with it is refused.

    On SQLite the gateway must be stopped; on PostgreSQL it may run.
    """
    from router import keys as router
    from router.world import System

    world = System()
    with _store(_settings(config)) as store, store.begin() as tx:
        is_ended = router.revoke(tx, id, world.now())
    world.close()
    if not is_ended:
        fail(Exit.FAILED, f"{id} is no key, or was revoked before")
    print(f"{id} is revoked")


def as_json(one: Listed) -> dict[str, Any]:
    """One key for programs; instants in ISO 8601, UTC."""
    return {
        "id": one.id, "brand": one.brand, "label": one.label, "created_at": _instant(one.created_at),
        "revoked_at": None if one.revoked_at is None else _instant(one.revoked_at),
    }  # fmt: skip


def as_line(one: Listed) -> str:
    """One key for people."""
    ended = "" if one.revoked_at is None else f"  revoked {_instant(one.revoked_at)}"
    label = f"  {one.label}" if one.label else ""
    return f"{one.id}  {_instant(one.created_at)}  {one.brand}{label}{ended}"


def _instant(at: int) -> str:
    return datetime.fromtimestamp(at / 1_000_000, UTC).isoformat(timespec="seconds")


def _settings(config: Path) -> Settings:
    from gateway.commands.running import load_settings

    return load_settings(config)


@contextmanager
def _store(settings: Settings) -> Iterator[Store]:
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
