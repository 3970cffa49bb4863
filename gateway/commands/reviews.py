"""`kwek reviews`: texts that may be opt-outs and wait for a person to read them, and what that person decides.

A decision is written by the gateway that runs on the same SQLite file (gateway.counter), by the rules in force; else by
the command itself, by the rules files.
"""

from __future__ import annotations

from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from gateway.commands.at_counter import handed_in
from gateway.commands.books import load_book
from gateway.commands.output import Form, Format, fail, print_json
from gateway.commands.stores import MOST_ID, instant, opened, reading, settings_of, under_way_as_line, written_or_over
from gateway.exits import Exit

if TYPE_CHECKING:
    from config.settings import Settings
    from gateway.counter_orders import Settling
    from router.reviews import Review


class Decision(StrEnum):
    """What a person may decide."""

    OPT_OUT = "opt-out"
    NO_OPT_OUT = "no-opt-out"


Config = Annotated[Path, typer.Option("--config", help="The settings: they say which store.")]
Most = Annotated[int, typer.Option("--most", min=1, max=10_000, help="How many are listed.")]
Ids = Annotated[
    list[int], typer.Argument(metavar="ID…", min=0, max=MOST_ID, help="Texts that are settled, as the list shows them.")
]
As = Annotated[Decision, typer.Option("--as", help="Whether the person meant to opt out.")]
By = Annotated[str, typer.Option("--by", metavar="WHO", help="Who decides: written down in the ledger.")]

reviews = typer.Typer(no_args_is_help=True, help="Texts that may be opt-outs: list them, settle one.")


@reviews.command("list")
def list_(config: Config = Path("kwek.toml"), most: Most = 100, form: Format = Form.TEXT) -> None:
    """List the texts that wait for a person, the most urgent first; until then they hold back what is promotional."""
    from router.reviews import waiting

    with reading(settings_of(config)) as reader, reader.begin() as tx:
        found = waiting(tx, most)
    if form is Form.JSON:
        print_json([as_json(one) for one in found])
    else:
        print("\n".join(as_line(one) for one in found) or "no text waits to be read")


@reviews.command("settle")
def settle(ids: Ids, decision: As, by: By, config: Config = Path("kwek.toml")) -> None:
    """Say whether texts were opt-outs: one ends all that a STOP ends, the other lets promotions go on. The command ends
    when no gateway writes anything more."""
    from gateway.counter_orders import MOST_REVIEWS, Settling

    settings = settings_of(config)
    if len(ids) > MOST_REVIEWS:
        fail(Exit.USAGE, f"at most {MOST_REVIEWS} texts are settled at once")
    order = Settling(tuple(ids), "opt out" if decision is Decision.OPT_OUT else "no opt out", by)
    done = handed_in(settings, order)
    if done is None:
        brands, under_way = _settled(settings, order, config)
    else:
        brands, under_way = done["brands"], done["under_way"]
        for id, brand in zip(ids, brands, strict=True):
            _tell(id, order, brand)
    if under_way:
        print(under_way_as_line(under_way))
    missing = [id for id, brand in zip(ids, brands, strict=True) if brand is None]
    if missing:
        fail(Exit.FAILED, *(f"{id} waits for nobody, or has been settled already" for id in missing))


def _settled(settings: Settings, order: Settling, config: Path) -> tuple[list[str | None], int]:
    """The same, done here, each told when it is on disk; gives whose each text was (None: it did not wait), and how
    many texts were on their way by then."""
    from router import nodes, outbox
    from router import reviews as router
    from router.world import System

    book, world = load_book(settings.gateway.rules, config), System()
    brands: list[str | None] = []
    claimed: list[int] = []
    try:
        with opened(settings) as store:
            with store.begin() as tx:
                world.ids.be(nodes.number_of(tx, f"{settings.gateway.node} (kwek reviews)", world.now()))
                world.ids.go_on_after(outbox.highest_id(tx))
            for id in order.ids:
                judge = router.Judge(order.by, world.now(), world.ids, world.chance, book)
                with store.begin() as tx:
                    settled = router.settle(tx, id, order.outcome, judge)
                brands.append(settled.review.brand if settled else None)
                claimed += settled.claimed if settled else ()
                _tell(id, order, brands[-1])
            return brands, written_or_over(store, world, claimed)
    finally:
        world.close()


def _tell(id: int, order: Settling, brand: str | None) -> None:
    if brand is not None:
        print(f"{id}: {order.outcome} of {brand}")


def as_json(one: Review) -> dict[str, Any]:
    """One text for programs; instants in ISO 8601, UTC."""
    return {
        "id": one.id, "due_at": instant(one.due_at), "from": one.sender, "to": one.number, "brand": one.brand,
        "text": one.text, "evidence": one.evidence,
    }  # fmt: skip


def as_line(one: Review) -> str:
    """One text for people."""
    due = f"{one.id}  by {instant(one.due_at)}  {one.sender} to {one.number} ({one.brand})"
    return f"{due}: {one.text!r}, for {one.evidence!r}"
