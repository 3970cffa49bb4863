"""What is wrong with a kwek.toml, as values: all of it at once, each with its place and what to do about it."""

from __future__ import annotations

import difflib
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Literal


@dataclass(frozen=True, slots=True, order=True)
class Problem:
    """One problem. `line` and `column` count from 1; 0 when the file as a whole is meant. A warning hinders nothing."""

    file: str
    line: int
    column: int
    severity: Literal["error", "warning"]
    message: str
    help: str = ""

    def __str__(self) -> str:
        """The problem as the operator reads it."""
        place = f"{self.file}:{self.line}:{self.column}" if self.line else self.file
        return f"{place}: {self.severity}: {self.message}" + (f"\n    {self.help}" if self.help else "")


class Unfit(Exception):
    """A value that does not fit its setting, on its way to become a Problem.

    `message` has {it} where the setting is to be named.
    """

    def __init__(self, message: str, help: str = "") -> None:
        super().__init__(message)
        self.message = message
        self.help = help


def did_you_mean(word: str, known: Iterable[str]) -> str:
    """Names the one that was probably meant; an empty text when nothing is near."""
    near = difflib.get_close_matches(word, list(known), n=1)
    return f"did you mean {quoted(near[0])}?" if near else ""


def quoted(text: str) -> str:
    """A text as it would stand in kwek.toml."""
    kept = "".join(c if c.isprintable() else f"\\u{ord(c):04x}" for c in text.replace("\\", "\\\\").replace('"', '\\"'))
    return f'"{kept}"'
