"""`kwek key`: the keys of the API. Each is one brand's; its secret is shown once, when it is made.

The secret is made here and leaves the command on its standard output alone. What is kept is its hash: by the gateway
that runs on the same SQLite file (gateway.counter), else by the command itself. Should the gateway end before it has
said whether it did, the store is asked, so that no key is left whose secret nobody has seen.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from gateway.commands.at_counter import handed_in
from gateway.commands.output import Form, Format, fail, print_json
from gateway.commands.stores import MOST_ID, instant, opened, reading, settings_of
from gateway.exits import Exit

if TYPE_CHECKING:
    from config.settings import Settings
    from gateway.counter_orders import NewKey
    from router.keys import Listed

Config = Annotated[
    Path, typer.Option("--config", help="The settings: they say which store, and which brands there are.")
]
Brand = Annotated[str, typer.Option("--brand", help="The brand that it speaks for, as its rules name it.")]
Label = Annotated[str, typer.Option("--label", help="What it is for: a till, a shop's system.")]
Id = Annotated[int, typer.Argument(metavar="ID", min=0, max=MOST_ID, help="The key, as the list shows it.")]

keys = typer.Typer(no_args_is_help=True, help="Keys of the API: make one for a brand, list them, revoke one.")


@keys.command("new")
def new(brand: Brand, label: Label = "", config: Config = Path("kwek.toml")) -> None:
    """Make a key and print it: the secret in it is not kept, and cannot be shown again."""
    from gateway.counter_orders import BadOrderError, NewKey, check_key
    from gateway.web.keys import mint
    from router import keys as router

    settings, minted = settings_of(config), mint()
    order = NewKey(brand, label, minted.hash)
    try:
        check_key(settings, order, str(config))
    except BadOrderError as fault:
        fail(Exit.USAGE, fault)

    def kept() -> dict[str, Any] | None:
        with reading(settings) as reader, reader.begin() as tx:
            id = router.with_hash(tx, minted.hash)
        return None if id is None else {"id": id}

    done = handed_in(settings, order, seen=kept)
    print(minted.text(_added(settings, order) if done is None else done["id"]))


def _added(settings: Settings, order: NewKey) -> int:
    """The same, done here; gives the key's id."""
    from router import keys as router
    from router.world import System

    world = System()
    try:
        with opened(settings) as store, store.begin() as tx:
            world.ids.go_on_after(max((one.id for one in router.every(tx)), default=0))
            return router.add(tx, order.brand, order.hash, order.label, world)
    finally:
        world.close()


@keys.command("list")
def list_(config: Config = Path("kwek.toml"), form: Format = Form.TEXT) -> None:
    """List the keys, the oldest first. It looks beside a gateway that runs."""
    from router import keys as router

    with reading(settings_of(config)) as reader, reader.begin() as tx:
        found = router.every(tx)
    if form is Form.JSON:
        print_json([as_json(one) for one in found])
    else:
        print("\n".join(as_line(one) for one in found) or "there are no keys")


@keys.command("revoke")
def revoke(id: Id, config: Config = Path("kwek.toml")) -> None:
    """End a key: the next request with it is refused."""
    from gateway.counter_orders import RevokedKey
    from router import keys as router

    settings = settings_of(config)

    def ended() -> dict[str, Any] | None:
        with reading(settings) as reader, reader.begin() as tx:
            key = router.find(tx, id)
        return {"is_ended": True} if key is not None and key.is_revoked else None

    done = handed_in(settings, RevokedKey(id), seen=ended)
    if not (_revoked(settings, id) if done is None else done["is_ended"]):
        fail(Exit.FAILED, f"{id} is no key, or was revoked before")
    print(f"{id} is revoked")


def _revoked(settings: Settings, id: int) -> bool:
    """The same, done here."""
    from router import keys as router
    from router.world import System

    world = System()
    try:
        with opened(settings) as store, store.begin() as tx:
            return router.revoke(tx, id, world.now())
    finally:
        world.close()


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
