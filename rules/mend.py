"""How reading goes on after a fault in a declaration: the faulty line gives way, everything around it is still read.

A line with a block below becomes the plainest line of its kind, so that the block keeps its meaning; any other line
is left out. Line numbers never change, so all later faults are told at their own places. What was read in this way is
never run: it only serves to find the other faults.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

from rules.lexer import BLANKS
from rules.spelling import nearest
from rules.syntax import Span

PLAIN_HEADS = {
    "keyword": "keyword X",
    "fallback": "fallback",
    "chain": "chain x",
    "on": "on undelivered",
    "drip": "drip x promotional",
    "brand": 'brand "x"',
    "contact": "contact",
    "test": 'test "x"',
    "if": "if x",
    "else": "else",
    "ask": 'ask "x"',
    "answer": "answer X",
    "choice": "answer X",
    "silence": "silence",
    "then": "then",
    "failed": "failed",
    "split": "split x",
    "opt": "opt in promotional",
    "charge": 'charge EUR 1.00 "x"',
    "fetch": 'fetch x "x" as x',
    "wait": "wait for event x within 1 day",
    "step": "at once",
    "at": "at once",
    "after": "at once",
    "every": "at once",
    "reply": "reply",
    "send": "send",
    "confirm": "confirm",
    "help": "help",
    "stop": "stop",
}
PLAIN_LINES = {"confirm": 'confirm "x"', "answer": "answer X", "choice": "answer X"}
"""Lines that what stands around them cannot do without."""
FIRST_WORD = re.compile(r"[^\W\d_]+")


@dataclass(frozen=True, slots=True)
class Place:
    """A line of a declaration whose first line is the file's `first`; `lines[row]` is the one meant."""

    file: str
    first: int
    lines: list[str]
    row: int

    @property
    def line(self) -> str:
        """The line that is meant."""
        return self.lines[self.row]

    def span(self, start: int | None = None, end: int | None = None) -> Span:
        """Columns of the line, by default from its first character to its last."""
        number = self.first + self.row
        start = indent_of(self.line) + 1 if start is None else start
        end = len(self.line) + 1 if end is None else end
        return Span(self.file, number, start, number, max(end, start + 1))


def indent_of(line: str) -> int:
    """How many blanks a line begins with."""
    return len(line) - len(line.lstrip(BLANKS))


def words_in(line: str) -> list[str]:
    """What stands between blanks; other white space than the language's is no blank. At least one, maybe empty."""
    return re.split(f"[{BLANKS}]+", line.strip(BLANKS))


def first_word(line: str) -> str:
    """The word a line begins with, in small letters; empty for a line that begins with something else."""
    found = FIRST_WORD.match(line.lstrip(BLANKS))
    return found[0].lower() if found else ""


def has_block(lines: list[str], row: int) -> bool:
    """Whether the next line that holds anything is indented deeper than this one."""
    for line in lines[row + 1 :]:
        if line:
            return indent_of(line) > indent_of(lines[row])
    return False


def parent_of(lines: list[str], row: int) -> int | None:
    """The nearest line above that is indented less."""
    for above in range(row - 1, -1, -1):
        if lines[above] and indent_of(lines[above]) < indent_of(lines[row]):
            return above
    return None


def mend(lines: list[str], row: int) -> list[str]:
    """The lines without the fault in one of them."""
    mended = list(lines)
    line = lines[row]
    if has_block(lines, row):
        plain = _plain(line)
        if plain is not None and line.strip(BLANKS) != plain:
            mended[row] = " " * indent_of(line) + plain
            return mended
    elif first_word(line) in PLAIN_LINES:
        mended[row] = " " * indent_of(line) + PLAIN_LINES[first_word(line)]
        if mended != lines:
            return mended
    return without(mended, row)


def _plain(line: str) -> str | None:
    """The plainest line of the kind that this line is, or seems to be."""
    words = words_in(line.lower())
    if words[:2] == ["else", "if"] or words[0] in {"elif", "elseif"}:
        return "else if x"
    if words[:2] == ["else", "again"]:
        return "else again"
    if words[0][0].isdigit():
        return "100% x"
    word = first_word(line)
    return PLAIN_HEADS.get(word) or PLAIN_HEADS.get(nearest(word, PLAIN_HEADS) or "")


def without(lines: list[str], row: int) -> list[str]:
    """The lines without one of them, its block, and, where it is an `if`, the `else` lines that belong to it."""
    mended = list(lines)
    level = indent_of(lines[row])
    opens_else = first_word(lines[row]) in {"if", "else"}
    mended[row] = ""
    for below in range(row + 1, len(lines)):
        line = lines[below]
        if not line:
            continue
        deeper = indent_of(line) > level
        goes_on = opens_else and indent_of(line) == level and first_word(line) == "else"
        if not deeper and not goes_on:
            break
        mended[below] = ""
    return mended


def block_of(lines: list[str], row: int) -> list[int]:
    """The lines below one that are indented deeper, up to the first that is not."""
    rows = []
    for below in range(row + 1, len(lines)):
        if lines[below] and indent_of(lines[below]) <= indent_of(lines[row]):
            break
        rows.append(below)
    return rows


def same_indent(lines: list[str], row: int) -> list[int]:
    """The line and those after it, up to a shallower one, that are indented like it."""
    level = indent_of(lines[row])
    rows = []
    for at in range(row, len(lines)):
        if lines[at] and indent_of(lines[at]) < level:
            break
        if lines[at] and indent_of(lines[at]) == level:
            rows.append(at)
    return rows


def levels_around(lines: list[str], row: int, indent: int) -> list[int]:
    """Of the blocks that are open at a line, the nearest levels below and above an indentation, in order."""
    levels = set()
    at: int | None = row
    while at is not None:
        levels.add(indent_of(lines[at]))
        at = parent_of(lines, at)
    below = max((level for level in levels if 0 < level < indent), default=None)
    above = min((level for level in levels if level > indent), default=None)
    return [level for level in (below, above) if level is not None]
