"""What a text must look like, as the author wrote it; what fits it is decided in `patterns` and `trie`."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal as OneOf

from rules.syntax_nodes import Node


@dataclass(frozen=True, slots=True)
class Word(Node):
    """A word in capitals that a phone user types."""

    text: str


@dataclass(frozen=True, slots=True)
class Quoted(Node):
    """A quoted word or phrase; its punctuation counts and its spelling is kept."""

    text: str


@dataclass(frozen=True, slots=True)
class Affirmation(Node):
    """`yes` or `no`: the words of the number's market and the brand's language."""

    answer: OneOf["yes", "no"]


@dataclass(frozen=True, slots=True)
class Choice(Node):
    """`(A | B) as name`; at the top of a pattern also `A | B`. Each alternative is a sequence of elements."""

    alternatives: tuple[tuple[Element, ...], ...]
    name: str | None = None


@dataclass(frozen=True, slots=True)
class Maybe(Node):
    """`[OPTIONAL]`."""

    elements: tuple[Element, ...]


SlotKind = OneOf["range", "number", "word", "text", "date", "time", "email", "phone", "regex"]


@dataclass(frozen=True, slots=True)
class Slot(Node):
    """`<name 0..10>`, `<name number>`, `<name /regex/>`: a value read from the sender's own characters."""

    name: str
    kind: SlotKind
    low: int = 0
    high: int = 0
    regex: str = ""


@dataclass(frozen=True, slots=True)
class Anything(Node):
    """`...`: any words."""


Element = Word | Quoted | Affirmation | Choice | Maybe | Slot | Anything


@dataclass(frozen=True, slots=True)
class Pattern(Node):
    """What a text must look like. `A | B` at the top is one `Choice` without a name."""

    elements: tuple[Element, ...]
