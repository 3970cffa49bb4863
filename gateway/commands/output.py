"""How commands speak: what was asked for on standard output, everything else on standard error, faults in one form."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterable, Sequence
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, NoReturn

import typer

from gateway.exits import Exit

if TYPE_CHECKING:
    from rules.diagnostics import Diagnostic, Source


class Form(StrEnum):
    """How results are printed."""

    TEXT = "text"
    JSON = "json"


Paths = Annotated[list[Path], typer.Argument(metavar="PATH…", help="Rules files, or folders of them (*.rules).")]
Format = Annotated[Form, typer.Option("--format", help="How to print: for people, or for programs.")]


def fail(code: Exit, *sentences: object) -> NoReturn:
    """Says on standard error what hinders, and ends the command."""
    for sentence in sentences:
        print(sentence, file=sys.stderr)
    raise typer.Exit(code)


def print_json(value: Any) -> None:
    """One JSON document on standard output."""
    print(json.dumps(value, ensure_ascii=False, indent=2))


def print_diagnostics(diagnostics: Sequence[Diagnostic], sources: Iterable[Source], form: Form) -> None:
    """All diagnostics: for programs as the contract's list; for people with the lines they speak of, notes without."""
    from rules.diagnostics import as_json, render

    if form is Form.JSON:
        print_json([as_json(diagnostic) for diagnostic in diagnostics])
        return
    texts = {source.file: source.text for source in sources}
    for diagnostic in diagnostics:
        if diagnostic.severity == "note":
            span = diagnostic.span
            print(f"{span.file}:{span.line}:{span.column}: note {diagnostic.code}: {diagnostic.message}")
        else:
            print(render(diagnostic, texts), end="\n\n")


def counted(number: int, one: str, many: str = "") -> str:
    """A number with its noun: "1 file", "2 files"."""
    return f"{number} {one if number == 1 else many or one + 's'}"
