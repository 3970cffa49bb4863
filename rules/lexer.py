"""The lines of a rules file before any grammar: what is comment, what is indentation, what is a declaration.

A declaration starts at a line's first column and takes the indented lines below it. Each is parsed on its own, so that
a fault in one hides none in the others. Comments are taken out here (their places kept), except on the `>` and `<`
lines of a test, where everything is text. Tabs and characters that nobody can see are told here and read as spaces.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from functools import cache

from rules.diagnostics import Diagnostic
from rules.syntax import Comment, Span

CURLY = "“”„‟"
QUOTED = re.compile(
    rf'"(?:[^"\\]|\\.)*"|[{CURLY}](?:[^{CURLY}\\]|\\.)*[{CURLY}]|["{CURLY}](?:[^"{CURLY}\\]|\\.)*["{CURLY}]'
)
QUOTED_OR_COMMENT = re.compile(rf"{QUOTED.pattern}|/(?:[^/\\]|\\.)+/ *>|(#)")
BLANKS = " \u00a0"
UNSEEN = re.compile(r"[\x00-\x08\x0b-\x1f\x7f\u2028\u2029]")
TAB_WIDTH = 4
CASED_END = 0x20000
"""Above its first two planes Unicode has no capitals and no small letters, and looking through all takes long."""


@dataclass(slots=True)
class Chunk:
    """One declaration's lines: `first` is the number of its first line; blank and comment lines are empty."""

    first: int
    lines: list[str]
    test: bool = False


@dataclass(slots=True)
class Scan:
    """A file cut up."""

    chunks: list[Chunk] = field(default_factory=list)
    comments: list[Comment] = field(default_factory=list)
    problems: list[Diagnostic] = field(default_factory=list)


@cache
def letters(upper: bool) -> str:
    """A regular expression's class of all capitals, or of all small letters, of every script."""
    test = str.isupper if upper else str.islower
    ranges: list[list[int]] = []
    for code in range(CASED_END):
        character = chr(code)
        if test(character) and character.isalnum():
            if ranges and ranges[-1][1] == code - 1:
                ranges[-1][1] = code
            else:
                ranges.append([code, code])
    return "".join(f"{chr(low)}-{chr(high)}" for low, high in ranges)


def scan(file: str, text: str) -> Scan:
    """Cuts a file into declarations and comments."""
    result = Scan()
    chunk: Chunk | None = None
    for number, line in enumerate(text.removeprefix("\ufeff").split("\n"), 1):
        if "\t" in line or not line.isprintable():
            line = _seen(file, number, line, result.problems)
        raw = chunk is not None and chunk.test and line.lstrip(BLANKS)[:1] in {">", "<"}
        if "#" in line and not raw:
            line = _without_comment(file, number, line, result.comments)
        line = line.rstrip(BLANKS)
        if line and line[0] not in BLANKS:
            chunk = Chunk(number, [line], test=line[:4] == "test" and not line[4:5].isalnum())
            result.chunks.append(chunk)
        elif chunk is not None:
            chunk.lines.append(line)
        elif line:
            indent = len(line) - len(line.lstrip(BLANKS))
            result.problems.append(
                Diagnostic(
                    "R205",
                    "error",
                    Span(file, number, 1, number, indent + 1),
                    "The file's first line is indented.",
                    "Begin it at the left edge: a declaration such as brand or keyword starts there.",
                )
            )
            chunk = Chunk(number, [line[indent:]], test=line[indent : indent + 4] == "test")
            result.chunks.append(chunk)
    return result


def _without_comment(file: str, number: int, line: str, comments: list[Comment]) -> str:
    for found in QUOTED_OR_COMMENT.finditer(line):
        if found[1]:
            start = found.start()
            before = line[:start].rstrip(BLANKS)
            span = Span(file, number, start + 1, number, len(line.rstrip(BLANKS)) + 1)
            comments.append(Comment(line[start + 1 :].rstrip(BLANKS), span=span))
            return before
    return line


def _seen(file: str, number: int, line: str, problems: list[Diagnostic]) -> str:
    """The line with spaces for tabs and for characters that nobody sees; both are told, once a line each."""
    line = line.removesuffix("\r")
    tab = line.find("\t")
    if tab >= 0:
        leading = not line[:tab].strip(BLANKS)
        problems.append(
            Diagnostic(
                "R101",
                "error",
                Span(file, number, tab + 1, number, tab + 2),
                "There is a tab in the indentation." if leading else "There is a tab in this line.",
                "Indent with spaces, four for each step." if leading else "Write spaces instead.",
            )
        )
        end = len(line) - len(line.lstrip(BLANKS + "\t"))
        line = line[:end].replace("\t", " " * TAB_WIDTH) + line[end:].replace("\t", " ")
    found = UNSEEN.search(line)
    if found:
        problems.append(
            Diagnostic(
                "R104",
                "error",
                Span(file, number, found.start() + 1, number, found.end() + 1),
                f"There is a character here that nobody can see (U+{ord(found[0]):04X}).",
                "Delete it.",
            )
        )
        line = UNSEEN.sub(" ", line)
    return line
