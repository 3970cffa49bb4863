"""From an author's conditions and values to the structs that run (`rules.expressions`); a segment is written out."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date, datetime
from typing import Final

from rules import syntax
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
    Tagged,
    TimeWithin,
    Variable,
)


class CannotRunError(Exception):
    """What cannot run came to be compiled; `check` refuses it first, with the words to say so."""

    def __init__(self, node: syntax.Node) -> None:
        super().__init__(type(node).__name__)
        self.node = node


Segments = Mapping[str, syntax.Expression]
"""The conditions of a brand's segments, by name."""
NO_SEGMENTS: Final[Segments] = {}


def compile_expression(node: syntax.Expression, segments: Segments = NO_SEGMENTS) -> Compiled:
    """The form that runs; a segment is its condition, written out. Raises CannotRunError for a segment that is not
    known, or that names itself."""
    simple = _compile_atom(node)
    if simple is not None:
        return simple
    match node:
        case syntax.Compare(left=left, operator=sign, right=right):
            return Comparison(compile_expression(left, segments), sign, compile_expression(right, segments))
        case syntax.Not(operand=operand):
            return Negation(compile_expression(operand, segments))
        case syntax.And(operands=operands):
            return All(tuple(compile_expression(operand, segments) for operand in operands))
        case syntax.Or(operands=operands):
            return AnyOf(tuple(compile_expression(operand, segments) for operand in operands))
        case syntax.InSegment(segment=name) if name in segments:
            others = {other: condition for other, condition in segments.items() if other != name}
            return compile_expression(segments[name], others)
        case syntax.TimeIn(start=start, end=end):
            return TimeWithin(start.hour * 60 + start.minute, end.hour * 60 + end.minute)
        case syntax.DayIn(days=days):
            return DayWithin(frozenset(DAYS.index(day) for day in days))
        case _:
            raise CannotRunError(node)


def _compile_atom(node: syntax.Expression) -> Compiled | None:
    match node:
        case syntax.Name(name=name):
            return Variable(name)
        case syntax.Attribute(owner=owner, name=name):
            return ContactAttribute(name) if owner == "contact" else EventField(name)
        case syntax.HasTag(tag=tag):
            return Tagged(tag)
        case syntax.Now():
            return NowValue()
        case syntax.Ago(duration=duration):
            return AgoValue(duration)
        case syntax.NewContact():
            return IsNew()
        case _:
            return _compile_past(node) or _compile_literal(node)


def _compile_past(node: syntax.Expression) -> Compiled | None:
    """What the contact did, and what it allows."""
    match node:
        case syntax.HasConsent(message_class=message_class):
            return Consented(message_class)
        case syntax.Happened(event=event, times=times, within=within):
            return Occurred(event, times or 1, within)
        case syntax.Clicked():
            return LinkClicked()
        case _:
            return None


def _compile_literal(node: syntax.Expression) -> Compiled | None:
    match node:
        case syntax.String(value=text):
            return Constant(text)
        case syntax.Number(value=number):
            return Constant(int(number) if number == int(number) else number)
        case syntax.Day(year=year, month=month, day=day):
            return Constant(date(year, month, day))
        case syntax.Moment(day=on, clock=at):
            return LocalMoment(datetime(on.year, on.month, on.day, at.hour, at.minute))  # noqa: DTZ001 -- zone later
        case _:
            return None
