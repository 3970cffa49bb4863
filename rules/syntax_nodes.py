"""The least parts of the syntax tree: places, nodes, and the atoms that stand in every kind of line."""

from __future__ import annotations

from dataclasses import dataclass, field
from decimal import Decimal
from typing import Literal as OneOf


@dataclass(frozen=True, slots=True)
class Span:
    """A stretch of a source file; lines and columns count from 1, the end is exclusive."""

    file: str
    line: int
    column: int
    end_line: int
    end_column: int


NOWHERE = Span("", 1, 1, 1, 1)


@dataclass(frozen=True, slots=True, kw_only=True)
class Node:
    """What every node has: the place it was read from."""

    span: Span = field(default=NOWHERE, compare=False, repr=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class Naming(Node):
    """A node that names something declared elsewhere; `name_span` is where the name stands."""

    name_span: Span = field(default=NOWHERE, compare=False, repr=False)


@dataclass(frozen=True, slots=True)
class Ident(Node):
    """A lower-case name of the author's: a tag, a drip, an attribute, a captured value."""

    name: str


@dataclass(frozen=True, slots=True)
class String(Node):
    """A quoted text. `value` has its escapes resolved; `raw` is what stood between the quotes (for columns)."""

    value: str
    raw: str = field(default="", compare=False, repr=False)


@dataclass(frozen=True, slots=True)
class Duration(Node):
    """`3 days`. Minutes and hours are elapsed time; days and longer are calendar time."""

    count: int
    unit: OneOf["minute", "hour", "day", "week", "month", "year"]


@dataclass(frozen=True, slots=True)
class Clock(Node):
    """A time of day, `10:00`."""

    hour: int
    minute: int


@dataclass(frozen=True, slots=True)
class Day(Node):
    """A date, `2026-05-01`."""

    year: int
    month: int
    day: int


@dataclass(frozen=True, slots=True)
class Number(Node):
    """A number an author wrote, `12` or `12.50`."""

    value: Decimal


@dataclass(frozen=True, slots=True)
class Money(Node):
    """`EUR 5.00`: an ISO 4217 currency and an amount."""

    currency: str
    amount: Decimal


@dataclass(frozen=True, slots=True)
class Msisdn(Node):
    """A number texts come to or go to, as written: `4411` or `+3197010281234`."""

    written: str

    @property
    def digits(self) -> str:
        """The form used everywhere else in the product: digits without a plus."""
        return self.written.removeprefix("+")


@dataclass(frozen=True, slots=True)
class TextIn(Node):
    """One text of a language variant; `language` is None where the author wrote one text for all."""

    language: str | None
    string: String


@dataclass(frozen=True, slots=True)
class Text(Node):
    """What is sent: one string, or one per language."""

    variants: tuple[TextIn, ...]
