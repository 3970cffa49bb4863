"""What is wrong with a rules file, said as a value: a code, a place, one sentence of what is wrong, one of what to do.

Author faults are never exceptions. All problems of a file come at once, ordered by place. `render` is the text form
(source line with the span underlined), `as_json` the contract's JSON form.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Literal as OneOf

from rules.syntax import Span

Severity = OneOf["error", "warning", "note"]


@dataclass(frozen=True, slots=True)
class Source:
    """A rules file as read: its name as the author knows it, and its text."""

    file: str
    text: str


@dataclass(frozen=True, slots=True)
class Diagnostic:
    """One problem. `message` says what is wrong, `help` what to do; `related` names other places it speaks of."""

    code: str
    severity: Severity
    span: Span
    message: str
    help: str
    related: tuple[tuple[Span, str], ...] = ()


def in_order(diagnostics: Iterable[Diagnostic]) -> list[Diagnostic]:
    """Ordered by file, place and code, each once."""
    return sorted(
        dict.fromkeys(diagnostics),
        key=lambda d: (d.span.file, d.span.line, d.span.column, d.code, d.message),
    )


def has_errors(diagnostics: Iterable[Diagnostic]) -> bool:
    """Whether any of them keeps the file from being loaded."""
    return any(d.severity == "error" for d in diagnostics)


def as_json(diagnostic: Diagnostic) -> dict[str, str | int]:
    """The contract's JSON form of one diagnostic."""
    span = diagnostic.span
    return {
        "code": diagnostic.code,
        "severity": diagnostic.severity,
        "file": span.file,
        "line": span.line,
        "column": span.column,
        "end_line": span.end_line,
        "end_column": span.end_column,
        "message": diagnostic.message,
        "help": diagnostic.help,
    }


def render(diagnostic: Diagnostic, sources: Mapping[str, str]) -> str:
    """The text form: place, code, sentence, the source line with the span underlined, and the help.

    `sources` maps file names to their texts; a file that is not in it is shown by its place alone.
    """
    head = f"{_place(diagnostic.span)}: {diagnostic.severity} {diagnostic.code}: {diagnostic.message}"
    lines = [head, *_excerpt(diagnostic.span, sources)]
    for span, words in diagnostic.related:
        lines.append(f"  {_place(span)}: {words}")
        lines.extend(_excerpt(span, sources))
    lines.append(f"  help: {diagnostic.help}")
    return "\n".join(lines)


def _place(span: Span) -> str:
    return f"{span.file}:{span.line}:{span.column}"


def _excerpt(span: Span, sources: Mapping[str, str]) -> list[str]:
    text = sources.get(span.file)
    if text is None:
        return []
    rows = text.split("\n")
    row = rows[span.line - 1].rstrip("\r") if span.line <= len(rows) else ""
    last = span.end_column if span.end_line == span.line else len(row) + 1
    width = max(1, last - span.column)
    gutter = f"{span.line:>5} | "
    # A tab keeps its width under the line, so the marks stand below what they mark.
    lead = "".join("\t" if character == "\t" else " " for character in row[: span.column - 1])
    return [gutter + row, " " * (len(gutter) - 2) + "| " + lead + "^" * width]
