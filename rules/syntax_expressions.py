"""Conditions and values, as the author wrote them; `expressions` gives them their meaning."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal as OneOf

from rules.syntax_nodes import Clock, Day, Duration, Naming, Node, Number, String


@dataclass(frozen=True, slots=True)
class Name(Node):
    """A captured name; alone as a condition it is true when set."""

    name: str


@dataclass(frozen=True, slots=True)
class Attribute(Node):
    """`contact.naam` or `event.total`."""

    owner: OneOf["contact", "event"]
    name: str


@dataclass(frozen=True, slots=True)
class Moment(Node):
    """A date with a time of day, `2026-05-01 21:30`."""

    day: Day
    clock: Clock


@dataclass(frozen=True, slots=True)
class Now(Node):
    """`now`."""


@dataclass(frozen=True, slots=True)
class Ago(Node):
    """`30 days ago`."""

    duration: Duration


@dataclass(frozen=True, slots=True)
class HasTag(Node):
    """`tag klant`."""

    tag: str


@dataclass(frozen=True, slots=True)
class HasConsent(Node):
    """`consent promotional`."""

    message_class: str


@dataclass(frozen=True, slots=True)
class Happened(Node):
    """`happened purchase 2 times in 30 days`."""

    event: str
    times: int | None = None
    within: Duration | None = None


@dataclass(frozen=True, slots=True)
class Clicked(Node):
    """`clicked`: any link of this run."""


@dataclass(frozen=True, slots=True)
class InSegment(Naming):
    """`in segment slapend`."""

    segment: str


@dataclass(frozen=True, slots=True)
class NewContact(Node):
    """`new contact`: unknown before the message that started the run."""


@dataclass(frozen=True, slots=True)
class TimeIn(Node):
    """`time in 09:00..17:00`."""

    start: Clock
    end: Clock


@dataclass(frozen=True, slots=True)
class DayIn(Node):
    """`day in mon, tue`."""

    days: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Compare(Node):
    """`score >= 9`."""

    left: Expression
    operator: OneOf["=", "!=", "<", "<=", ">", ">="]
    right: Expression


@dataclass(frozen=True, slots=True)
class Not(Node):
    """`not …`."""

    operand: Expression


@dataclass(frozen=True, slots=True)
class And(Node):
    """`a and b and c`."""

    operands: tuple[Expression, ...]


@dataclass(frozen=True, slots=True)
class Or(Node):
    """`a or b or c`."""

    operands: tuple[Expression, ...]


Expression = (
    String | Number | Day | Moment | Now | Ago | Name | Attribute | HasTag | HasConsent | Happened | Clicked
    | InSegment | NewContact | TimeIn | DayIn | Compare | Not | And | Or
)  # fmt: skip
