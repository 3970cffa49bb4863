"""`kwek explain`: who gets a text and why, told by the very code that decides it."""

from __future__ import annotations

from datetime import date, time
from decimal import Decimal
from typing import TYPE_CHECKING, Annotated, Any

import typer

from gateway.commands.books import PHONE, Config, Sender, To, check_number, load_book
from gateway.commands.output import Form, Format, Paths, print_json

if TYPE_CHECKING:
    from router.explain import Explanation

Text = Annotated[str, typer.Argument(metavar="TEXT", help="What the phone sends.")]


def explain(
    paths: Paths, text: Text, to: To, sender: Sender = PHONE, form: Format = Form.TEXT, config: Config = None
) -> None:
    """Tell which rule a text goes to, and why the others were passed over."""
    from router.explain import explain as explained
    from router.world import System

    book = load_book(paths, config)
    check_number(to, book)
    world = System()
    found = explained(book, to, sender, text, world.now())
    world.close()
    if form is Form.JSON:
        print_json(as_json(found))
    else:
        print("\n".join(as_lines(found)))


def as_json(found: Explanation) -> dict[str, Any]:
    """The contract's JSON form; numbers as numbers, dates and times as ISO 8601 texts."""
    return {
        "brand": found.brand,
        "rule": found.rule,
        "file": found.file,
        "line": found.line,
        "captured": {name: _plain(value) for name, value in found.captured.items()},
        "tried": [{"step": one.step, "what": one.what, "outcome": one.outcome} for one in found.tried],
    }


def as_lines(found: Explanation) -> list[str]:
    """The form for people: who gets it, what was read from it, and each step with what came of it."""
    place = f" ({found.file}:{found.line})" if found.file else ""
    lines = [f"goes to {found.brand or 'the operator'}" + (f": {found.rule}{place}" if found.rule else "")]
    lines += [f"    {name} = {_plain(value)}" for name, value in found.captured.items()]
    lines.append("tried, in this order:")
    return lines + [f"    {one.step}: {one.what}: {one.outcome}" for one in found.tried]


def _plain(value: str | int | Decimal | date | time) -> str | int | float:
    if isinstance(value, Decimal):
        return int(value) if value == value.to_integral_value() else float(value)
    return value if isinstance(value, str | int) else value.isoformat()
