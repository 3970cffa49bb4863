"""From a syntax tree back to lines of text, in the one layout that `kwek fmt` gives every file.

One line per statement, four spaces per step; a text in several languages stands below its line, one language each.
Here is only what a node looks like; comments, blank lines and columns across declarations are format.py's.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from decimal import Decimal
from functools import singledispatch

from rules import syntax as s

PLAIN_NAME = re.compile(r"[a-z_][a-z0-9_]*")
ESCAPES = str.maketrans({"\\": "\\\\", '"': '\\"', "\n": "\\n"})
GAP = "  "


@dataclass(frozen=True, slots=True)
class Line:
    """One printed line. `span` is where its statement stood, None for a bare word such as `else`.

    `cells` are the columns that lines next to each other share; empty where the line stands for itself.
    """

    level: int
    text: str
    span: s.Span | None
    cells: tuple[str, ...] = ()


# --- atoms ---------------------------------------------------------------------------------------------------------


def quoted(value: str) -> str:
    """A text between straight quotes, with its escapes."""
    return f'"{value.translate(ESCAPES)}"'


def duration(value: s.Duration) -> str:
    """`1 day`, `3 days`."""
    return f"{value.count} {value.unit}{'' if value.count == 1 else 's'}"


def clock(value: s.Clock) -> str:
    """`09:30`."""
    return f"{value.hour:02}:{value.minute:02}"


def day(value: s.Day) -> str:
    """`2026-05-01`."""
    return f"{value.year:04}-{value.month:02}-{value.day:02}"


def moment(value: s.Day | s.Moment) -> str:
    """`2026-05-01` or `2026-05-01 21:30`."""
    return day(value) if isinstance(value, s.Day) else f"{day(value.day)} {clock(value.clock)}"


def money(value: s.Money) -> str:
    """`EUR 5.00`."""
    return f"{value.currency} {value.amount.quantize(Decimal('0.01')):f}"


def counted(count: int) -> str:
    """`1 time`, `2 times`."""
    return f"{count} {'time' if count == 1 else 'times'}"


# --- patterns ------------------------------------------------------------------------------------------------------


def pattern(value: s.Pattern) -> str:
    """A pattern; alternatives at the top stand without brackets."""
    match value.elements:
        case (s.Choice(alternatives, None),) if len(alternatives) > 1:
            return _alternatives(alternatives)
        case elements:
            return _sequence(elements)


def _sequence(elements: Iterable[s.Element]) -> str:
    return " ".join(element(item) for item in elements)


def _alternatives(alternatives: Iterable[Iterable[s.Element]]) -> str:
    return " | ".join(_sequence(one) for one in alternatives)


@singledispatch
def element(value: s.Element) -> str:
    """One element of a pattern."""
    raise TypeError(f"no element of a pattern: {value!r}")


@element.register
def _(value: s.Word) -> str:
    return value.text


@element.register
def _(value: s.Quoted) -> str:
    return quoted(value.text)


@element.register
def _(value: s.Affirmation) -> str:
    return value.answer


@element.register
def _(value: s.Choice) -> str:
    inner = f"({_alternatives(value.alternatives)})"
    return inner if value.name is None else f"{inner} as {value.name}"


@element.register
def _(value: s.Maybe) -> str:
    match value.elements:
        case (s.Choice(alternatives, None),) if len(alternatives) > 1:
            return f"[{_alternatives(alternatives)}]"
        case elements:
            return f"[{_sequence(elements)}]"


@element.register
def _(value: s.Slot) -> str:
    if value.kind == "range":
        return f"<{value.name} {value.low}..{value.high}>"
    if value.kind == "regex":
        escaped = value.regex.replace("/", "\\/")
        return f"<{value.name} /{escaped}/>"
    return f"<{value.name} {value.kind}>"


@element.register
def _(_value: s.Anything) -> str:
    return "..."


# --- expressions ---------------------------------------------------------------------------------------------------


@singledispatch
def expression(value: s.Expression) -> str:
    """A condition or value, with brackets only where reading needs them."""
    raise TypeError(f"no expression: {value!r}")


@expression.register
def _(value: s.String) -> str:
    return quoted(value.value)


@expression.register
def _(value: s.Number) -> str:
    return f"{value.value:f}"


@expression.register(s.Day)
@expression.register(s.Moment)
def _(value: s.Day | s.Moment) -> str:
    return moment(value)


@expression.register
def _(_value: s.Now) -> str:
    return "now"


@expression.register
def _(value: s.Ago) -> str:
    return f"{duration(value.duration)} ago"


@expression.register
def _(value: s.Name) -> str:
    return value.name


@expression.register
def _(value: s.Attribute) -> str:
    return f"{value.owner}.{value.name}"


@expression.register
def _(value: s.HasTag) -> str:
    return f"tag {value.tag}"


@expression.register
def _(value: s.HasConsent) -> str:
    return f"consent {value.message_class}"


@expression.register
def _(value: s.Happened) -> str:
    times = "" if value.times is None else f" {counted(value.times)}"
    within = "" if value.within is None else f" in {duration(value.within)}"
    return f"happened {value.event}{times}{within}"


@expression.register
def _(_value: s.Clicked) -> str:
    return "clicked"


@expression.register
def _(value: s.InSegment) -> str:
    return f"in segment {value.segment}"


@expression.register
def _(_value: s.NewContact) -> str:
    return "new contact"


@expression.register
def _(value: s.TimeIn) -> str:
    return f"time in {clock(value.start)}..{clock(value.end)}"


@expression.register
def _(value: s.DayIn) -> str:
    return f"day in {', '.join(value.days)}"


@expression.register
def _(value: s.Compare) -> str:
    return f"{expression(value.left)} {value.operator} {expression(value.right)}"


@expression.register
def _(value: s.Not) -> str:
    return f"not {_within(value.operand, s.And, s.Or)}"


@expression.register
def _(value: s.And) -> str:
    return " and ".join(_within(operand, s.And, s.Or) for operand in value.operands)


@expression.register
def _(value: s.Or) -> str:
    return " or ".join(_within(operand, s.Or) for operand in value.operands)


def _within(operand: s.Expression, *bracketed: type) -> str:
    text = expression(operand)
    return f"({text})" if isinstance(operand, bracketed) else text


# --- texts and blocks ----------------------------------------------------------------------------------------------


def variant(value: s.TextIn) -> str:
    """`"…"` or `nl "…"`."""
    text = quoted(value.string.value)
    return text if value.language is None else f"{value.language} {text}"


def with_text(line: Line, text: s.Text, after: str = "") -> Iterator[Line]:
    """A line that ends in a text: the one there is on the line, several languages below it."""
    below = len(text.variants) > 1
    words = [line.text, *([] if below else [variant(text.variants[0])]), *([after] if after else [])]
    yield replace(line, text=" ".join(words))
    if below:
        yield from (Line(line.level + 1, variant(one), one.span) for one in text.variants)


def block(actions: s.Block, level: int) -> Iterator[Line]:
    """The lines of a block."""
    for one in actions:
        yield from action(one, level)


def worded(word: str, actions: s.Block | None, level: int) -> Iterator[Line]:
    """`silence` and its like with their block; nothing where it does not stand."""
    if actions is not None:
        yield Line(level, word, None)
        yield from block(actions, level + 1)


@singledispatch
def action(value: s.Action, level: int) -> Iterator[Line]:
    """The lines of one action; print_actions.py and print_declarations.py say them kind by kind."""
    raise TypeError(f"no action: {value!r} at {level}")
