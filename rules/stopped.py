"""Where reading stopped in a line: the word that stands there, and what could have stood there instead."""

from __future__ import annotations

import re
from collections.abc import Set as AbstractSet
from dataclasses import dataclass

from rules.diagnostics import Diagnostic
from rules.expected import expectation
from rules.mend import Place, first_word, indent_of

PERIOD_LINES = frozenset({"cap", "budget"})
VALUE_LINES = frozenset({"set", "add", "record"})
CONDITION_WORDS = frozenset({"tag", "happened", "clicked", "consent", "in", "new", "time", "day", "not", "("})


@dataclass(frozen=True, slots=True)
class Found:
    """Where reading stopped: a column of a line, what could have stood there, and the word that does."""

    place: Place
    column: int
    accepted: AbstractSet[str]
    at_end: bool
    glued: bool

    @property
    def line(self) -> str:
        """The line in which reading stopped."""
        return self.place.line

    @property
    def first(self) -> str:
        """The line's first word."""
        return first_word(self.line)

    @property
    def start(self) -> int:
        """The column at which the word begins (the place may lie inside it)."""
        column = self.column
        while column > 1 and self._wordlike(column - 1) and self._wordlike(column):
            column -= 1
        return column

    @property
    def word(self) -> str:
        """The word, or the one sign, at the place."""
        found = re.match(r"\"[^\"]*\"|\d[\d.,:]*\d(?!\w)|\w+|.", self.line[self.start - 1 :])
        return found[0] if found else ""

    @property
    def begins(self) -> bool:
        """Whether it is the line's first word."""
        return self.start == indent_of(self.line) + 1

    @property
    def run(self) -> tuple[int, str]:
        """Everything around the place up to blanks, and its column."""
        column = self.start
        while column > 1 and not self.line[column - 2].isspace():
            column -= 1
        return column, re.split(r"\s", self.line[column - 1 :], maxsplit=1)[0]

    def _wordlike(self, column: int) -> bool:
        character = self.line[column - 1 : column]
        return character.isalnum() or character == "_"

    @property
    def expected(self) -> str:
        """What could stand at the place, in an author's words."""
        accepted = set(self.accepted)
        if self.first in VALUE_LINES:
            accepted -= CONDITION_WORDS
        if self.first in PERIOD_LINES and "UNIT" in accepted:
            return "day, week or month"
        return expectation(accepted)

    def says(self, code: str, message: str, help: str, start: int = 0, end: int = 0) -> Diagnostic:
        """A diagnostic; by default of the word."""
        start = start or self.start
        end = end or start + max(1, len(self.word))
        return Diagnostic(code, "error", self.place.span(start, end), message, help)
