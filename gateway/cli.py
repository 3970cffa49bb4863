"""The command line: `kwek COMMAND`. Each command lives in gateway.commands; here they get their names.

A fault of ours ends a command with its traceback and exit code 70, never with a code that means something else.
"""

from __future__ import annotations

import io
import sys
import traceback
from importlib.metadata import version
from typing import Annotated

import typer

from gateway.commands import (
    chatting,
    consent,
    duplicates,
    explaining,
    keys,
    pdus,
    planning,
    reviews,
    rules,
    running,
    segments,
    simulating,
    stats,
    torturing,
)
from gateway.exits import MEANINGS, Exit

app = typer.Typer(
    name="kwek",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)


EXITS = "Exit codes:\n\n" + "\n\n".join(f"{code.value}  {said}" for code, said in MEANINGS.items())


def _version(wanted: bool) -> None:
    if wanted:
        print(f"kwek {version('kwek')}")
        raise typer.Exit


@app.callback(epilog=EXITS)
def kwek(
    _: Annotated[bool, typer.Option("--version", callback=_version, is_eager=True, help="Print the version.")] = False,
) -> None:
    """A two-way SMS gateway and keyword router."""


for command in (
    running.run,
    running.demo,
    rules.check,
    rules.test,
    rules.fmt,
    explaining.explain,
    chatting.chat,
    planning.plan,
    planning.deploy,
    planning.rollback,
    simulating.simulate,
    simulating.text,
    stats.stats,
    stats.draw,
    torturing.torture,
    running.config,
):
    app.command()(command)
app.add_typer(pdus.pdus, name="pdu")
app.add_typer(duplicates.duplicates, name="duplicates")
app.add_typer(reviews.reviews, name="reviews")
app.add_typer(keys.keys, name="key")
app.add_typer(consent.consent, name="consent")
app.add_typer(segments.segments, name="segment")


def main() -> None:
    """Runs the command that the process was called with."""
    for stream in (sys.stdin, sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):  # what is not UTF-8, or a terminal cannot show, ends no command
            stream.reconfigure(errors="replace")
    try:
        app()
    except Exception:
        traceback.print_exc()
        print("kwek: this is a fault of kwek itself; please report it with the lines above", file=sys.stderr)
        sys.exit(Exit.INTERNAL)
