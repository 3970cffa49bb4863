"""A `test` and its lines: what is given, done and expected."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal as OneOf

from rules.syntax_expressions import Expression, Moment
from rules.syntax_nodes import Duration, Money, Msisdn, Naming, Node, String


@dataclass(frozen=True, slots=True)
class Given(Naming):
    """What holds before a test begins: `number`, `contact`, `consent`, `tag`, `arm`, `service`."""

    kind: OneOf["number", "contact", "consent", "tag", "arm", "service"]
    name: str
    value: Expression | Msisdn | str | None = None
    path: String | None = None
    answers: tuple[tuple[str, Expression], ...] | None = None
    """For a service: the fields it answers; None when it `fails`."""


@dataclass(frozen=True, slots=True)
class Says(Node):
    """`> text`: what the phone sends."""

    text: str


@dataclass(frozen=True, slots=True)
class Gets(Node):
    """`< text`: what the phone gets; `*` stands for anything, `\\*` for a star, `\\n` for a line break."""

    text: str


@dataclass(frozen=True, slots=True)
class Later(Node):
    """`later 1 day`."""

    duration: Duration


@dataclass(frozen=True, slots=True)
class Occurs(Node):
    """`event NAME with a = value`."""

    event: str
    values: tuple[tuple[str, Expression], ...] = ()


@dataclass(frozen=True, slots=True)
class Clicks(Node):
    """`click`."""


@dataclass(frozen=True, slots=True)
class ReceiptArrives(Node):
    """`receipt delivered|undelivered|expired`."""

    outcome: OneOf["delivered", "undelivered", "expired"]


@dataclass(frozen=True, slots=True)
class AgentSays(Node):
    """`agent "…"`."""

    text: String


@dataclass(frozen=True, slots=True)
class ExpectTicket(Naming):
    """`ticket DESK PRIORITY`."""

    desk: str
    priority: str | None = None


@dataclass(frozen=True, slots=True)
class ExpectWithheld(Node):
    """`withheld REASON`; `*` stands for anything."""

    reason: str


@dataclass(frozen=True, slots=True)
class ExpectCharge(Node):
    """`charge EUR 5.00`."""

    price: Money


@dataclass(frozen=True, slots=True)
class ExpectNotify(Naming):
    """`notify SERVICE "name"`."""

    service: str
    event: String


@dataclass(frozen=True, slots=True)
class ExpectEmail(Node):
    """`email "to"`."""

    to: String


@dataclass(frozen=True, slots=True)
class ExpectCheck(Node):
    """`check expr`."""

    condition: Expression


@dataclass(frozen=True, slots=True)
class ExpectNothing(Node):
    """`nothing`."""


TestLine = (
    Given | Says | Gets | Later | Occurs | Clicks | ReceiptArrives | AgentSays | ExpectTicket | ExpectWithheld
    | ExpectCharge | ExpectNotify | ExpectEmail | ExpectCheck | ExpectNothing
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Transcript(Node):
    """`test "…" [at DATE TIME]` and its lines."""

    title: String
    lines: tuple[TestLine, ...]
    at: Moment | None = None
