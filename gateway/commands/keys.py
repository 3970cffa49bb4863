"""`kwek key`: the keys of the API. Each is one brand's; its secret is shown once, when it is made."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from gateway.commands.output import Form, Format, fail, print_json
from gateway.commands.stores import instant, opened, settings_of
from gateway.exits import Exit

if TYPE_CHECKING:
    from router.keys import Listed

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

    settings = settings_of(config)
    brands = sorted({name for number in settings.numbers for name in number.brands})
    if brand not in brands:
        fail(Exit.USAGE, f"no number of {config} is for a brand {brand!r}; it names {', '.join(brands) or 'none'}")
    if len(label) > LONGEST_LABEL or not label.isprintable():
        fail(Exit.USAGE, f"a label has at most {LONGEST_LABEL} characters, on one line")
    world = System()
    with opened(settings) as store, store.begin() as tx:
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
        reader = open_reader(settings_of(config).gateway.store.url)
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
    with opened(settings_of(config)) as store, store.begin() as tx:
        is_ended = router.revoke(tx, id, world.now())
    world.close()
    if not is_ended:
        fail(Exit.FAILED, f"{id} is no key, or was revoked before")
    print(f"{id} is revoked")


def as_json(one: Listed) -> dict[str, Any]:
    """One key for programs; instants in ISO 8601, UTC."""
    return {
        "id": one.id, "brand": one.brand, "label": one.label, "created_at": instant(one.created_at, "seconds"),
        "revoked_at": None if one.revoked_at is None else instant(one.revoked_at, "seconds"),
    }  # fmt: skip


def as_line(one: Listed) -> str:
    """One key for people."""
    ended = "" if one.revoked_at is None else f"  revoked {instant(one.revoked_at, 'seconds')}"
    label = f"  {one.label}" if one.label else ""
    return f"{one.id}  {instant(one.created_at, 'seconds')}  {one.brand}{label}{ended}"
