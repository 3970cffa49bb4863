"""Conditions and values as small structs that are asked over a `Scope`; `rules.conditions` makes them.

Three rules. A comparison with a value that is not set is false, whatever the operator. A bare name holds when it is
set (an empty text is not). Texts are compared without regard to capitals, for a phone writes `Jan` or `JAN` as it
likes. A date without a time of day compares by the day; what cannot be ordered (a text and a number) is false.
"""

from __future__ import annotations

import operator
from collections.abc import Callable, Mapping
from collections.abc import Set as AbstractSet
from datetime import date, datetime, tzinfo
from typing import Final, Protocol

import msgspec

from rules import syntax
from rules.facts import Value
from rules.times import back, instant, microseconds

DAYS: Final = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")


class Told(Protocol):
    """Who answers what stands in no scope: what a contact did, and what it allows."""

    def happened(self, event: str, since: int) -> int:
        """How often an event happened to the contact at `since` (microseconds since 1970 UTC) or later."""

    def clicked(self) -> bool:
        """Whether a link of this run was clicked."""

    def consents(self, message_class: str) -> bool:
        """Whether the contact lets the brand send texts of that class."""


class Nobody:
    """Answers where nothing can have happened."""

    def happened(self, event: str, since: int) -> int:
        """Never."""
        return 0

    def clicked(self) -> bool:
        """Never."""
        return False

    def consents(self, message_class: str) -> bool:
        """Nothing is allowed."""
        return False


NOBODY: Final = Nobody()


class Scope:
    """What an expression may look at: one brand's view of one contact at one instant, changed as a chain runs.

    `now_at` is in microseconds since 1970 UTC, `zone` the contact's else the brand's (or who tells it: few conditions
    ask); `told` answers for what the contact did.
    """

    __slots__ = ("_zone", "attributes", "is_new", "now_at", "tags", "told", "variables")

    def __init__(
        self,
        variables: dict[str, Value],
        attributes: Mapping[str, Value],
        tags: AbstractSet[str],
        is_new: bool,
        now_at: int,
        zone: tzinfo | Callable[[], tzinfo],
    ) -> None:
        self.variables = variables
        self.attributes = attributes
        self.tags = tags
        self.is_new = is_new
        self.now_at = now_at
        self._zone = zone
        self.told: Told = NOBODY

    @property
    def zone(self) -> tzinfo:
        """The contact's zone, else the brand's."""
        return self._zone if isinstance(self._zone, tzinfo) else self._zone()

    @property
    def now(self) -> datetime:
        """The instant as the contact's clock shows it."""
        return instant(self.now_at).astimezone(self.zone)


class Constant(msgspec.Struct, frozen=True):
    """A text, number, date or moment as written."""

    value: Value

    def of(self, scope: Scope) -> Value | None:
        """The value."""
        return self.value


class LocalMoment(msgspec.Struct, frozen=True):
    """`2026-05-01 21:30` on the contact's clock."""

    naive: datetime

    def of(self, scope: Scope) -> Value | None:
        """The instant in the scope's zone."""
        return self.naive.replace(tzinfo=scope.zone)


class Variable(msgspec.Struct, frozen=True):
    """A captured name."""

    name: str

    def of(self, scope: Scope) -> Value | None:
        """Its value, None when not set."""
        return scope.variables.get(self.name)


class ContactAttribute(msgspec.Struct, frozen=True):
    """`contact.x`."""

    name: str

    def of(self, scope: Scope) -> Value | None:
        """Its value, None when not set."""
        return scope.attributes.get(self.name)


class NowValue(msgspec.Struct, frozen=True):
    """`now`."""

    def of(self, scope: Scope) -> Value | None:
        """The contact's clock."""
        return scope.now


class AgoValue(msgspec.Struct, frozen=True):
    """`30 days ago`."""

    duration: syntax.Duration

    def of(self, scope: Scope) -> Value | None:
        """The instant that long ago; calendar units on the contact's calendar."""
        return back(scope.now, self.duration)


class EventField(msgspec.Struct, frozen=True):
    """`event.total`: a value of the event that began the run."""

    name: str

    def of(self, scope: Scope) -> Value | None:
        """Its value, None when the event had none."""
        return scope.variables.get(f"event.{self.name}")


class Occurred(msgspec.Struct, frozen=True):
    """`happened purchase 2 times in 30 days`; without `in` ever."""

    event: str
    times: int
    within: syntax.Duration | None

    def of(self, scope: Scope) -> bool:
        """Whether it happened so often; the run's own trigger does not count."""
        since = 0 if self.within is None else microseconds(back(scope.now, self.within))
        return scope.told.happened(self.event, since) >= self.times


class LinkClicked(msgspec.Struct, frozen=True):
    """`clicked`: any link of this run."""

    def of(self, scope: Scope) -> bool:
        """Whether one was."""
        return scope.told.clicked()


class Consented(msgspec.Struct, frozen=True):
    """`consent promotional`."""

    message_class: str

    def of(self, scope: Scope) -> bool:
        """Whether it stands now."""
        return scope.told.consents(self.message_class)


class Tagged(msgspec.Struct, frozen=True):
    """`tag klant`."""

    tag: str

    def of(self, scope: Scope) -> bool:
        """Whether the contact carries it."""
        return self.tag in scope.tags


class IsNew(msgspec.Struct, frozen=True):
    """`new contact`."""

    def of(self, scope: Scope) -> bool:
        """Whether nobody knew the contact before the message that started the run."""
        return scope.is_new


class TimeWithin(msgspec.Struct, frozen=True):
    """`time in 22:00..06:00`: minutes of the day, the end exclusive; a range may pass midnight."""

    start: int
    end: int

    def of(self, scope: Scope) -> bool:
        """Whether the contact's clock is in it."""
        now = scope.now
        minute = now.hour * 60 + now.minute
        if self.start <= self.end:
            return self.start <= minute < self.end
        return minute >= self.start or minute < self.end


class DayWithin(msgspec.Struct, frozen=True):
    """`day in mon, tue`; Monday is 0."""

    days: frozenset[int]

    def of(self, scope: Scope) -> bool:
        """Whether it is such a day for the contact."""
        return scope.now.weekday() in self.days


class Comparison(msgspec.Struct, frozen=True):
    """`score >= 9`."""

    left: Compiled
    sign: str
    right: Compiled

    def of(self, scope: Scope) -> bool:
        """Whether it holds; false when either side is not set."""
        left, right = self.left.of(scope), self.right.of(scope)
        return left is not None and right is not None and _compare(left, self.sign, right)


class Negation(msgspec.Struct, frozen=True):
    """`not …`."""

    operand: Compiled

    def of(self, scope: Scope) -> bool:
        """Whether the operand does not hold."""
        return not holds(self.operand, scope)


class All(msgspec.Struct, frozen=True):
    """`a and b`."""

    operands: tuple[Compiled, ...]

    def of(self, scope: Scope) -> bool:
        """Whether all hold."""
        return all(holds(operand, scope) for operand in self.operands)


class AnyOf(msgspec.Struct, frozen=True):
    """`a or b`."""

    operands: tuple[Compiled, ...]

    def of(self, scope: Scope) -> bool:
        """Whether one holds."""
        return any(holds(operand, scope) for operand in self.operands)


Compiled = (
    Constant | LocalMoment | Variable | ContactAttribute | EventField | NowValue | AgoValue | Tagged | Occurred
    | LinkClicked | Consented | IsNew | TimeWithin | DayWithin | Comparison | Negation | All | AnyOf
)  # fmt: skip


def holds(expression: Compiled, scope: Scope) -> bool:
    """An expression as a condition: a bare value holds when it is set."""
    value = expression.of(scope)
    return value if isinstance(value, bool) else value is not None and value != ""


def value_of(expression: Compiled, scope: Scope) -> Value | None:
    """An expression as a value to be kept: a condition counts 1 or 0, an instant is its day, an empty text is none."""
    value = expression.of(scope)
    if isinstance(value, bool):
        return int(value)
    if isinstance(value, datetime):
        return value.date()
    return None if value == "" else value


_SIGNS: Final[dict[str, Callable[..., bool]]] = {
    "=": operator.eq,
    "!=": operator.ne,
    "<": operator.lt,
    "<=": operator.le,
    ">": operator.gt,
    ">=": operator.ge,
}


def _compare(left: Value, sign: str, right: Value) -> bool:
    if isinstance(left, str) and isinstance(right, str):
        return _SIGNS[sign](left.casefold(), right.casefold())
    if isinstance(left, date) and isinstance(right, date):
        left, right = _same_kind(left, right)
    try:
        return _SIGNS[sign](left, right)
    except TypeError:
        return False


def _same_kind(left: date, right: date) -> tuple[date, date]:
    """Two instants, or two days."""
    if isinstance(left, datetime) and isinstance(right, datetime):
        return left, right
    return _day(left), _day(right)


def _day(value: date) -> date:
    return value.date() if isinstance(value, datetime) else value
