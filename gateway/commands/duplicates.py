"""`kwek duplicates`: the texts that were taken for re-deliveries, and acting upon one that was meant after all."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from gateway.commands.output import Form, Format, fail, print_json
from gateway.commands.stores import instant, opened, settings_of
from gateway.exits import Exit

if TYPE_CHECKING:
    from router.duplicates import Suspect

Config = Annotated[Path, typer.Option("--config", help="The settings: they say which store.")]
Most = Annotated[int, typer.Option("--most", min=1, max=10_000, help="How many are listed.")]
Ids = Annotated[list[int], typer.Argument(metavar="ID…", help="Texts to act upon, as the list shows them.")]

duplicates = typer.Typer(no_args_is_help=True, help="Texts taken for re-deliveries: list them, act upon one.")


@duplicates.command("list")
def list_(config: Config = Path("kwek.toml"), most: Most = 100, form: Format = Form.TEXT) -> None:
    """List the suspected duplicates, the newest first, with what they repeat."""
    from router.duplicates import newest

    with opened(settings_of(config)) as store, store.begin() as tx:
        found = newest(tx, most)
    if form is Form.JSON:
        print_json([as_json(one) for one in found])
    else:
        print("\n".join(as_line(one) for one in found) or "no text is suspected to be a duplicate")


@duplicates.command("replay")
def replay(ids: Ids, config: Config = Path("kwek.toml")) -> None:
    """Act upon suspected duplicates as if they had just come.

    On SQLite the gateway must be stopped; on PostgreSQL it may run. What they send waits until a gateway claims it.
    """
    from gateway.commands.books import load_book
    from gateway.connectors.mapping import decode
    from router import duplicates as router
    from router import nodes, outbox
    from router.ways import Ways
    from router.world import System

    settings = settings_of(config)
    book = load_book(settings.gateway.rules, config)
    world = System()
    node = f"{settings.gateway.node} (kwek duplicates)"
    missing = []
    with opened(settings) as store:
        ways = Ways(world, node, book, decode, lambda sources: None)
        with store.begin() as tx:
            world.ids.be(nodes.number_of(tx, node, world.now()))
            world.ids.go_on_after(outbox.highest_id(tx))
        for id in ids:
            with store.begin() as tx:
                did = router.replay(tx, id, ways)
            if did is None:
                missing.append(f"{id} is no suspected duplicate, or has been replayed already")
            else:
                print(f"{id}: {did}")
    world.close()
    if missing:
        fail(Exit.FAILED, *missing)


def as_json(one: Suspect) -> dict[str, Any]:
    """One suspect for programs; instants in ISO 8601, UTC."""
    return {
        "id": one.id, "received_at": instant(one.received_at), "from": one.sender, "to": one.number,
        "connector": one.connector, "text": one.text, "repeats": one.repeats,
        "first_received_at": None if one.first_at is None else instant(one.first_at),
    }  # fmt: skip


def as_line(one: Suspect) -> str:
    """One suspect for people."""
    first = "" if one.first_at is None else f" of {instant(one.first_at)}"
    came = f"{one.id}  {instant(one.received_at)}  {one.sender} to {one.number}"
    return f"{came}: {one.text!r} repeats {one.repeats}{first}"
