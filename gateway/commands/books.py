"""What commands that try rules out share: paths to a rulebook, and numbers as people write them."""

from __future__ import annotations

import re
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from gateway.commands.output import fail
from gateway.exits import Exit

if TYPE_CHECKING:
    from rules.rulebook import Grants, Rulebook

LONGEST_NUMBER = 20
"""Digits: SMPP's addresses have 20, the world's numbers 15."""


def digits(text: str) -> str:
    """A number as we hold it, from `4411`, `+31612345678` or `+31 6 1234 5678`. Raises typer.BadParameter."""
    plain = re.sub(r"[ \-()]", "", text).removeprefix("+")
    if not (plain.isascii() and plain.isdigit() and len(plain) <= LONGEST_NUMBER):
        raise typer.BadParameter(f"{text!r} is no number: digits, with a plus in front or not")
    return plain


To = Annotated[str, typer.Option("--to", parser=digits, metavar="NUMBER", help="The number that is texted to.")]
Sender = Annotated[str, typer.Option("--from", parser=digits, metavar="NUMBER", help="The phone that texts.")]

Config = Annotated[
    Path | None,
    typer.Option("--config", help="A kwek.toml that says which brand may use which number; without: all they name."),
]

PHONE = "+31612345678"
"""The phone that texts when none is named."""


def load_grants(config: Path | None) -> Grants | None:
    """The numbers that a kwek.toml grants; None without one. Ends the command when it has faults."""
    if config is None:
        return None
    from gateway.binding import grants_of
    from gateway.commands.running import load_settings

    return grants_of(load_settings(config))


def load_book(paths: Sequence[Path], config: Path | None) -> Rulebook:
    """The rulebook of some files and folders; prints what is wrong, and ends the command when it does not compile."""
    from gateway.rules_loader import load_sources
    from rules.compiler import compile_sources
    from rules.diagnostics import in_order, render

    loaded = load_sources(paths)
    compiled = compile_sources(loaded.sources, load_grants(config))
    texts = {source.file: source.text for source in loaded.sources}
    errors = [one for one in (*loaded.diagnostics, *compiled.diagnostics) if one.severity == "error"]
    for one in in_order(errors):
        print(render(one, texts), end="\n\n", file=sys.stderr)
    if compiled.book is None or errors:
        raise typer.Exit(Exit.FAILED)
    return compiled.book


def check_number(number: str, book: Rulebook) -> None:
    """Ends the command when no brand of the rules uses the number."""
    if number not in book.numbers:
        fail(Exit.USAGE, f"no brand in these rules uses {number}; they use {', '.join(sorted(book.numbers))}")
