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
    from rules.rulebook import Rulebook

Text = Annotated[str, typer.Argument(metavar="TEXT", help="What the phone sends.")]
After = Annotated[
    list[str] | None,
    typer.Option("--after", metavar="TEXT", help="What the phone sent before; again for more. Its questions are open."),
]


def explain(  # noqa: PLR0913, PLR0917  # one for each option
    paths: Paths,
    text: Text,
    to: To,
    sender: Sender = PHONE,
    after: After = None,
    form: Format = Form.TEXT,
    config: Config = None,
) -> None:  # fmt: skip
    """Tell which rule a text goes to, which of its words matched, and why the others were passed over."""
    from router.world import System

    book = load_book(paths, config)
    check_number(to, book)
    world = System()
    found = _explained(book, to, sender, [*(after or ()), text], world.now())
    world.close()
    if form is Form.JSON:
        print_json(as_json(found))
    else:
        print("\n".join(as_lines(found)))


def _explained(book: Rulebook, to: str, sender: str, texts: list[str], now: int) -> Explanation:
    """The last of some texts, explained to whoever was asked what the others led to."""
    from router.case import Books
    from router.explain import explain as explained
    from router.rehearsal import Stage
    from router.routes import Open, open_questions

    *before, text = texts
    if not before:
        return explained(book, to, sender, text, now)
    stage = Stage(book, sender, now)
    try:
        for one in before:
            stage.text(to, one)
        open_now = open_questions(stage.facts(to), Books(stage.book), stage.world.now())
        assert isinstance(open_now, Open), "the stage has one rule set"
        return explained(stage.book, to, sender, text, stage.world.now(), open_now)
    finally:
        stage.close()


def as_json(found: Explanation) -> dict[str, Any]:
    """The contract's JSON form; numbers as numbers, dates and times as ISO 8601 texts."""
    return {
        "brand": found.brand,
        "rule": found.rule,
        "file": found.file,
        "line": found.line,
        "matched": found.matched,
        "captured": {name: _plain(value) for name, value in found.captured.items()},
        "tried": [{"step": one.step, "what": one.what, "outcome": one.outcome} for one in found.tried],
    }


def as_lines(found: Explanation) -> list[str]:
    """The form for people: who gets it, what was read from it, and each step with what came of it."""
    place = f" ({found.file}:{found.line})" if found.file else ""
    lines = [f"goes to {found.brand or 'the operator'}" + (f": {found.rule}{place}" if found.rule else "")]
    if found.matched:
        lines.append(f"by the words: {found.matched}")
    lines += [f"    {name} = {_plain(value)}" for name, value in found.captured.items()]
    lines.append("tried, in this order:")
    return lines + [f"    {one.step}: {one.what}: {one.outcome}" for one in found.tried]


def _plain(value: str | int | Decimal | date | time) -> str | int | float:
    if isinstance(value, Decimal):
        return int(value) if value == value.to_integral_value() else float(value)
    return value if isinstance(value, str | int) else value.isoformat()
