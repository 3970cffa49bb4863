"""What stands at the left edge of a file: brands and what they declare, keywords, drips, chains."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal as OneOf

from rules.syntax_actions import Block
from rules.syntax_expressions import Expression, Moment
from rules.syntax_nodes import Clock, Day, Duration, Ident, Money, Msisdn, Naming, Node, String, Text
from rules.syntax_patterns import Pattern


@dataclass(frozen=True, slots=True)
class Cap(Node):
    """`1 per day`."""

    count: int
    unit: str


@dataclass(frozen=True, slots=True)
class Budget(Node):
    """`budget EUR 100.00 per month`."""

    money: Money
    unit: str


@dataclass(frozen=True, slots=True)
class Quiet(Node):
    """`quiet 21:00..08:00`."""

    start: Clock
    end: Clock


@dataclass(frozen=True, slots=True)
class Setting(Node):
    """One line under `brand`: its keyword and its value, as written."""

    keyword: OneOf["numbers", "language", "timezone", "quiet", "cap", "help", "stop", "typos", "limit", "budget"]
    value: tuple[Msisdn, ...] | Ident | String | Quiet | tuple[Cap, ...] | Text | bool | int | Budget


@dataclass(frozen=True, slots=True)
class Brand(Node):
    """`brand "…"` and its settings, in the author's order."""

    name: String
    settings: tuple[Setting, ...]


@dataclass(frozen=True, slots=True)
class ContactField(Naming):
    """`naam text` under `contact`."""

    name: str
    type: str


@dataclass(frozen=True, slots=True)
class Contact(Node):
    """`contact` and its attributes."""

    fields: tuple[ContactField, ...]


@dataclass(frozen=True, slots=True)
class Desk(Node):
    """`desk NAME KIND group "…"`."""

    name: str
    kind: str
    group: String | None = None


@dataclass(frozen=True, slots=True)
class Service(Node):
    """`service NAME "https://…"`."""

    name: str
    url: String


@dataclass(frozen=True, slots=True)
class Voucher(Node):
    """`voucher NAME "PATTERN"` or `from "codes.csv"`, `until DATE TIME`."""

    name: str
    pattern: String | None = None
    file: String | None = None
    until: Day | Moment | None = None


@dataclass(frozen=True, slots=True)
class Segment(Node):
    """`segment NAME = expression`."""

    name: str
    condition: Expression


@dataclass(frozen=True, slots=True)
class Keyword(Node):
    """`keyword PATTERN [on NUMBER…]`."""

    pattern: Pattern
    on: tuple[Msisdn, ...]
    block: Block


@dataclass(frozen=True, slots=True)
class Fallback(Node):
    """`fallback [on NUMBER…]`."""

    on: tuple[Msisdn, ...]
    block: Block


@dataclass(frozen=True, slots=True)
class Chain(Node):
    """`chain NAME`."""

    name: str
    block: Block


@dataclass(frozen=True, slots=True)
class OnEvent(Node):
    """`on event NAME [per event.x]`."""

    event: str
    per: str | None = None


@dataclass(frozen=True, slots=True)
class OnBirthday(Naming):
    """`on birthday of contact.X [at T]`."""

    attribute: str
    at: Clock | None = None


@dataclass(frozen=True, slots=True)
class OnInactive(Node):
    """`on inactive D`."""

    duration: Duration


@dataclass(frozen=True, slots=True)
class OnDate(Naming):
    """`on DATE at T for segment NAME`."""

    day: Day
    at: Clock
    segment: str


@dataclass(frozen=True, slots=True)
class OnClick(Naming):
    """`on click LINK`."""

    link: str


@dataclass(frozen=True, slots=True)
class OnUndelivered(Node):
    """`on undelivered`."""


@dataclass(frozen=True, slots=True)
class OnJoin(Naming):
    """`on join SEGMENT`."""

    segment: str


Trigger = OnEvent | OnBirthday | OnInactive | OnDate | OnClick | OnUndelivered | OnJoin


@dataclass(frozen=True, slots=True)
class ExitCause(Node):
    """`event NAME` or `tag NAME` after `exit on`."""

    kind: OneOf["event", "tag"]
    name: str


@dataclass(frozen=True, slots=True)
class On(Node):
    """`on …`: a chain started by something else than a text."""

    trigger: Trigger
    exits: tuple[ExitCause, ...]
    block: Block


@dataclass(frozen=True, slots=True)
class Goal(Node):
    """`goal event NAME [within D]`."""

    event: str
    within: Duration | None = None


@dataclass(frozen=True, slots=True)
class DripStep(Node):
    """One step of a drip: `at once`, `after D [at T]` or `every DAY… at T`, with its lateness policy."""

    block: Block
    label: str | None = None
    after: Duration | None = None
    every: tuple[str, ...] = ()
    at: Clock | None = None
    late: OneOf["late", "next window", "skip"] | None = None


@dataclass(frozen=True, slots=True)
class Drip(Node):
    """`drip NAME CLASS` with its goal, exits and steps."""

    name: str
    message_class: str
    steps: tuple[DripStep, ...]
    goal: Goal | None = None
    exits: tuple[ExitCause, ...] = ()
    again: Duration | None = None
