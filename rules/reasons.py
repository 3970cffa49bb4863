"""Why a condition holds, or does not: the single conditions that decided it, each with the value that it saw; pure.

Where all of several had to hold, all are told; where one was enough, the first that did.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import date, datetime
from typing import Any, Final

import msgspec

from rules.expressions import (
    DAYS,
    AgoValue,
    All,
    AnyOf,
    Comparison,
    Compiled,
    Consented,
    Constant,
    ContactAttribute,
    DayWithin,
    EventField,
    IsNew,
    LinkClicked,
    LocalMoment,
    Negation,
    NowValue,
    Occurred,
    Scope,
    Tagged,
    TimeWithin,
    Variable,
    holds,
)
from rules.facts import Value
from rules.syntax import Duration
from rules.times import back, instant, microseconds
from rules.turning import Newest

UNSET = "not set"
_OWNERS: Final[Mapping[type[Any], str]] = {ContactAttribute: "contact.", EventField: "event.", Variable: ""}


class Seen(msgspec.Struct, frozen=True):
    """A single condition as it is written, and what it saw."""

    condition: str
    value: str


def reasons(expression: Compiled, scope: Scope, newest: Newest) -> Iterator[Seen]:
    """The single conditions that made the whole one come out as it does."""
    match expression:
        case Negation(operand=operand):
            yield from reasons(operand, scope, newest)
        case All(operands=operands) | AnyOf(operands=operands):
            decides = isinstance(expression, AnyOf)
            outcomes = [(operand, holds(operand, scope)) for operand in operands]
            deciding = [operand for operand, outcome in outcomes if outcome is decides]
            for operand in deciding[:1] or operands:
                yield from reasons(operand, scope, newest)
        case _:
            yield Seen(written(expression), _saw(expression, scope, newest))


def written(expression: Compiled) -> str:
    """A single condition, or a value, as an author would write it."""
    match expression:
        case Comparison(left=left, sign=sign, right=right):
            return f"{written(left)} {sign} {written(right)}"
        case Occurred(event=event, times=times, within=within):
            often = f" {times} times" if times > 1 else ""
            return f"happened {event}{often}" + ("" if within is None else f" in {_lasting(within)}")
        case TimeWithin(start=start, end=end):
            return f"time in {_clock(start)}..{_clock(end)}"
        case DayWithin(days=days):
            return f"day in {', '.join(DAYS[day] for day in sorted(days))}"
        case _:
            return _fact(expression) or _value(expression)


def _fact(expression: Compiled) -> str:
    match expression:
        case Tagged(tag=tag):
            return f"tag {tag}"
        case Consented(message_class=message_class):
            return f"consent {message_class}"
        case LinkClicked():
            return "clicked"
        case IsNew():
            return "new contact"
        case _:
            return ""


def _value(expression: Compiled) -> str:
    match expression:
        case ContactAttribute(name=name) | EventField(name=name) | Variable(name=name):
            return _OWNERS[type(expression)] + name
        case NowValue():
            return "now"
        case AgoValue(duration=duration):
            return f"{_lasting(duration)} ago"
        case LocalMoment(naive=naive):
            return f"{naive:%Y-%m-%d %H:%M}"
        case Constant(value=value):
            return f'"{value}"' if isinstance(value, str) else _shown(value)
        case _:
            return _whole(expression)


def _whole(expression: Compiled) -> str:
    """A condition that is made of others, where a value stands."""
    match expression:
        case Negation(operand=operand):
            return f"not {written(operand)}"
        case All(operands=operands):
            return f"({' and '.join(map(written, operands))})"
        case _:
            assert isinstance(expression, AnyOf), "all others are single conditions or values"
            return f"({' or '.join(map(written, expression.operands))})"


def _saw(expression: Compiled, scope: Scope, newest: Newest) -> str:
    match expression:
        case Occurred():
            return _happened(expression, scope, newest)
        case Comparison(left=left, right=right):
            told = [side for side in (left, right) if not isinstance(side, Constant | LocalMoment)]
            return ", ".join(_shown(side.of(scope)) for side in told)
        case TimeWithin():
            return f"{scope.now:%H:%M}"
        case DayWithin():
            return DAYS[scope.now.weekday()]
        case _:
            return _shown(expression.of(scope))


def _happened(one: Occurred, scope: Scope, newest: Newest) -> str:
    since = 0 if one.within is None else microseconds(back(scope.now, one.within))
    count, last = scope.told.happened(one.event, since), newest(one.event, 1)
    if last is None:
        return "never"
    return f"{count} times, last on {instant(last).astimezone(scope.zone):%Y-%m-%d}"


def _shown(value: Value | bool | None) -> str:
    match value:
        case None | "":
            return UNSET
        case bool():
            return "yes" if value else "no"
        case datetime():
            return f"{value:%Y-%m-%d %H:%M}"
        case date():
            return value.isoformat()
        case _:
            return str(value)


def _lasting(duration: Duration) -> str:
    return f"{duration.count} {duration.unit}{'' if duration.count == 1 else 's'}"


def _clock(minute: int) -> str:
    return f"{minute // 60:02}:{minute % 60:02}"
