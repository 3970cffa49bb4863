"""What a chain does, line by line; blocks are tuples of these."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal as OneOf

from rules.syntax_expressions import Expression
from rules.syntax_nodes import Clock, Duration, Money, Msisdn, Naming, Node, String, Text
from rules.syntax_patterns import Pattern

Block = tuple["Action", ...]


@dataclass(frozen=True, slots=True)
class Reply(Node):
    """`reply "…"`: conversational."""

    text: Text


@dataclass(frozen=True, slots=True)
class Send(Node):
    """`send [CLASS] "…"`."""

    message_class: str | None
    text: Text


@dataclass(frozen=True, slots=True)
class Answer(Node):
    """`answer PATTERN` with its block (may be empty), or `choice PATTERN` (`numbered`)."""

    pattern: Pattern
    block: Block = ()
    numbered: bool = False


@dataclass(frozen=True, slots=True)
class ElseAgain(Node):
    """`else again "…" up to N times`; `times` is None where the author left it out (then 2)."""

    text: Text
    times: int | None = None


@dataclass(frozen=True, slots=True)
class Ask(Node):
    """`ask [CLASS] "…" within D` with its answers. `otherwise` and `silence` are None where they do not stand."""

    message_class: str | None
    text: Text
    answers: tuple[Answer, ...]
    within: Duration | None = None
    until_before: tuple[Duration, str] | None = None
    again: ElseAgain | None = None
    otherwise: Block | None = None
    silence: Block | None = None


@dataclass(frozen=True, slots=True)
class Wait(Node):
    """`wait 3 days at 10:00`."""

    duration: Duration
    at: Clock | None = None


@dataclass(frozen=True, slots=True)
class WaitUntil(Node):
    """`wait until 10:00`."""

    at: Clock


@dataclass(frozen=True, slots=True)
class WaitBefore(Node):
    """`wait until 2 hours before event.start`."""

    duration: Duration
    event_field: str


@dataclass(frozen=True, slots=True)
class WaitForEvent(Node):
    """`wait for event paid within 2 days` with `then` and `silence` blocks."""

    event: str
    within: Duration
    then: Block | None = None
    silence: Block | None = None


@dataclass(frozen=True, slots=True)
class Tag(Node):
    """`tag klant`."""

    tag: str


@dataclass(frozen=True, slots=True)
class Untag(Node):
    """`untag klant`."""

    tag: str


@dataclass(frozen=True, slots=True)
class SetAttribute(Naming):
    """`set contact.naam = rest`."""

    attribute: str
    value: Expression


@dataclass(frozen=True, slots=True)
class Add(Naming):
    """`add 1 to contact.punten`."""

    amount: Expression
    attribute: str


@dataclass(frozen=True, slots=True)
class Record(Node):
    """`record [once] nps = score`."""

    name: str
    value: Expression
    once: bool = False


@dataclass(frozen=True, slots=True)
class OptIn(Node):
    """`opt in CLASS [for PROGRAMME]`, with or without a confirmation."""

    message_class: str
    programme: str | None = None
    confirm: Text | None = None
    answer: Pattern | None = None


@dataclass(frozen=True, slots=True)
class OptOut(Node):
    """`opt out`."""


@dataclass(frozen=True, slots=True)
class Start(Naming):
    """`start DRIP`."""

    drip: str


@dataclass(frozen=True, slots=True)
class Finish(Naming):
    """`finish DRIP`."""

    drip: str


@dataclass(frozen=True, slots=True)
class Run(Naming):
    """`run CHAIN`."""

    chain: str


@dataclass(frozen=True, slots=True)
class Route(Node):
    """`route "REPAIR {unit}"`."""

    text: String


@dataclass(frozen=True, slots=True)
class Arm(Node):
    """`50% korting` with its block."""

    percent: int
    name: str
    block: Block


@dataclass(frozen=True, slots=True)
class Split(Node):
    """`split NAME [by click | by event NAME] [sample P% for D]`."""

    name: str
    arms: tuple[Arm, ...]
    measure: OneOf["click", "event"] | None = None
    event: str | None = None
    sample_percent: int | None = None
    sample_for: Duration | None = None


@dataclass(frozen=True, slots=True)
class Branch(Node):
    """One `if` or `else if` with its condition."""

    condition: Expression
    block: Block


@dataclass(frozen=True, slots=True)
class If(Node):
    """`if … else if … else`."""

    branches: tuple[Branch, ...]
    otherwise: Block | None = None


@dataclass(frozen=True, slots=True)
class Escalate(Naming):
    """`escalate to DESK priority high within 2 hours subject "…"`."""

    desk: str
    priority: str | None = None
    within: Duration | None = None
    subject: String | None = None


@dataclass(frozen=True, slots=True)
class Fetch(Naming):
    """`fetch SERVICE "/path" as NAME` with its `failed` block."""

    service: str
    path: String
    name: str
    failed: Block | None = None


@dataclass(frozen=True, slots=True)
class Notify(Naming):
    """`notify SERVICE "name" with a, b`."""

    service: str
    event: String
    values: tuple[Expression, ...] = ()


@dataclass(frozen=True, slots=True)
class Email(Node):
    """`email [CLASS] "to" subject "…" body "…"`."""

    message_class: str | None
    to: String
    subject: String
    body: String


@dataclass(frozen=True, slots=True)
class Charge(Node):
    """`charge EUR 5.00 "what"` with `confirm`, `answer` and `failed`."""

    price: Money
    what: String
    confirm: Text
    answer: Pattern
    failed: Block | None = None


@dataclass(frozen=True, slots=True)
class Forward(Node):
    """`forward to +31…` or `forward to account NAME`."""

    number: Msisdn | None = None
    account: str | None = None


Action = (
    Reply | Send | Ask | Wait | WaitUntil | WaitBefore | WaitForEvent | Tag | Untag | SetAttribute | Add | Record
    | OptIn | OptOut | Start | Finish | Run | Route | Split | If | Escalate | Fetch | Notify | Email | Charge | Forward
)  # fmt: skip
