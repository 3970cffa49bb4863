"""What each declaration and each line of a test looks like on paper, kind by kind."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from functools import singledispatch

from rules import print_actions  # noqa: F401  (the actions' printers register themselves)
from rules import syntax as s
from rules.printer import (
    GAP,
    Line,
    block,
    clock,
    day,
    duration,
    expression,
    moment,
    money,
    pattern,
    quoted,
    with_text,
)
from rules.tree_atoms import WEEKDAYS


def _padded(words: Iterable[str]) -> dict[str, str]:
    """Each word filled up to the longest of them, and a gap."""
    listed = list(words)
    width = max(map(len, listed), default=0)
    return {word: word.ljust(width) + " " for word in listed}


@singledispatch
def declaration(value: s.Declaration) -> Iterator[Line]:
    """The lines of a declaration."""
    raise TypeError(f"no declaration: {value!r}")


@declaration.register
def _(value: s.Brand) -> Iterator[Line]:
    yield Line(0, f"brand {quoted(value.name.value)}", value.span)
    column = _padded(setting.keyword for setting in value.settings)
    for setting in value.settings:
        line = Line(1, column[setting.keyword], setting.span)
        if isinstance(setting.value, s.Text):
            below = len(setting.value.variants) > 1
            word = setting.keyword if below else line.text
            yield from with_text(Line(1, word, setting.span), setting.value)
        else:
            yield Line(1, f"{line.text} {_setting(setting.value)}", setting.span)


def _setting(value: tuple[s.Msisdn, ...] | tuple[s.Cap, ...] | s.Ident | s.Quiet | s.Budget | s.String | int) -> str:
    match value:
        case tuple():
            return ", ".join(_listed(one) for one in value)
        case s.Ident() | s.String():
            return value.name if isinstance(value, s.Ident) else quoted(value.value)
        case s.Quiet(start, end):
            return f"{clock(start)}..{clock(end)}"
        case s.Budget(amount, unit):
            return f"{money(amount)} per {unit}"
        case bool():
            return "on" if value else "off"
        case _:
            return f"{value} {'segment' if value == 1 else 'segments'}"


def _listed(value: s.Msisdn | s.Cap) -> str:
    return value.written if isinstance(value, s.Msisdn) else f"{value.count} per {value.unit}"


@declaration.register
def _(value: s.Contact) -> Iterator[Line]:
    yield Line(0, "contact", value.span)
    column = _padded(field.name for field in value.fields)
    for field in value.fields:
        yield Line(1, f"{column[field.name]} {field.type}", field.span)


def _one_line(span: s.Span, *cells: str) -> Iterator[Line]:
    """A declaration of one line, in columns that it shares with its neighbours."""
    yield Line(0, " ".join(cells), span, cells)


@declaration.register
def _(value: s.Desk) -> Iterator[Line]:
    group = "" if value.group is None else f"{GAP}group {quoted(value.group.value)}"
    return _one_line(value.span, "desk", value.name, value.kind + group)


@declaration.register
def _(value: s.Service) -> Iterator[Line]:
    return _one_line(value.span, "service", value.name, quoted(value.url.value))


@declaration.register
def _(value: s.Voucher) -> Iterator[Line]:
    codes = quoted(value.pattern.value) if value.pattern is not None else ""
    if value.file is not None:
        codes = f"from {quoted(value.file.value)}"
    until = "" if value.until is None else f" until {moment(value.until)}"
    return _one_line(value.span, "voucher", value.name, codes + until)


@declaration.register
def _(value: s.Segment) -> Iterator[Line]:
    return _one_line(value.span, "segment", f"{value.name} = {expression(value.condition)}")


def _numbers(on: tuple[s.Msisdn, ...]) -> str:
    return f" on {', '.join(number.written for number in on)}" if on else ""


@declaration.register
def _(value: s.Keyword) -> Iterator[Line]:
    yield Line(0, f"keyword {pattern(value.pattern)}{_numbers(value.on)}", value.span)
    yield from block(value.block, 1)


@declaration.register
def _(value: s.Fallback) -> Iterator[Line]:
    yield Line(0, f"fallback{_numbers(value.on)}", value.span)
    yield from block(value.block, 1)


@declaration.register
def _(value: s.Chain) -> Iterator[Line]:
    yield Line(0, f"chain {value.name}", value.span)
    yield from block(value.block, 1)


# --- chains that something else starts -----------------------------------------------------------------------------


def trigger(value: s.Trigger) -> str:
    """What stands behind `on`."""
    match value:
        case s.OnEvent(event, per):
            return f"event {event}" + ("" if per is None else f" per event.{per}")
        case s.OnBirthday(attribute, at):
            return f"birthday of contact.{attribute}" + ("" if at is None else f" at {clock(at)}")
        case s.OnInactive(silence):
            return f"inactive {duration(silence)}"
        case s.OnDate(date, at, segment):
            return f"{day(date)} at {clock(at)} for segment {segment}"
        case s.OnClick(link):
            return f"click {link}"
        case s.OnUndelivered():
            return "undelivered"
    return f"join {value.segment}"


def _causes(exits: tuple[s.ExitCause, ...]) -> str:
    return ", ".join(f"{cause.kind} {cause.name}" for cause in exits)


@declaration.register
def _(value: s.On) -> Iterator[Line]:
    yield Line(0, f"on {trigger(value.trigger)}", value.span)
    if value.exits:
        yield Line(1, f"exit on {_causes(value.exits)}", value.exits[0].span)
    yield from block(value.block, 1)


@declaration.register
def _(value: s.Drip) -> Iterator[Line]:
    yield Line(0, f"drip {value.name} {value.message_class}", value.span)
    lines: list[tuple[str, str, s.Span]] = []
    if value.goal is not None:
        within = "" if value.goal.within is None else f" within {duration(value.goal.within)}"
        lines.append(("goal", f"event {value.goal.event}{within}", value.goal.span))
    if value.exits:
        lines.append(("exit on", _causes(value.exits), value.exits[0].span))
    if value.again is not None:
        lines.append(("again after", duration(value.again), value.again.span))
    column = _padded(word for word, _, _ in lines)
    for word, rest, span in lines:
        yield Line(1, f"{column[word]} {rest}", span)
    for step in value.steps:
        yield Line(1, _step(step), step.span)
        yield from block(step.block, 2)


def _step(step: s.DripStep) -> str:
    at = "" if step.at is None else f" at {clock(step.at)}"
    if step.after is not None:
        words = f"after {duration(step.after)}{at}"
    elif step.every:
        words = f"every {'day' if step.every == WEEKDAYS else ', '.join(step.every)}{at}"
    else:
        words = "at once"
    label = "" if step.label is None else f"step {step.label}: "
    late = "" if step.late is None else f", {'send late' if step.late == 'late' else step.late}"
    return label + words + late


# --- transcripts ---------------------------------------------------------------------------------------------------


@declaration.register
def _(value: s.Transcript) -> Iterator[Line]:
    at = "" if value.at is None else f" at {moment(value.at)}"
    yield Line(0, f"test {quoted(value.title.value)}{at}", value.span)
    for line in value.lines:
        yield Line(1, line_of_test(line), line.span)


def _pairs(pairs: tuple[tuple[str, s.Expression], ...]) -> str:
    return ", ".join(f"{name} = {expression(value)}" for name, value in pairs)


@singledispatch
def line_of_test(value: s.TestLine) -> str:
    """One line of a test."""
    raise TypeError(f"no line of a test: {value!r}")


@line_of_test.register
def _(value: s.Given) -> str:
    match value:
        case s.Given(kind="contact", name=name, value=set_to) if not isinstance(set_to, s.Msisdn | str | None):
            return f"given contact {name} = {expression(set_to)}"
        case s.Given(kind="arm", name=name, value=arm):
            return f"given arm {name} {arm}"
        case s.Given(kind="service", name=name, path=s.String(path), answers=answers):
            outcome = "fails" if answers is None else f"answers {_pairs(answers)}"
            return f"given service {name} {quoted(path)} {outcome}"
        case _:
            return f"given {value.kind} {value.name}"


@line_of_test.register
def _(value: s.Says) -> str:
    return f"> {value.text}".rstrip()


@line_of_test.register
def _(value: s.Gets) -> str:
    return f"< {value.text}".rstrip()


@line_of_test.register
def _(value: s.Later) -> str:
    return f"later {duration(value.duration)}"


@line_of_test.register
def _(value: s.Occurs) -> str:
    return f"event {value.event}" + (f" with {_pairs(value.values)}" if value.values else "")


@line_of_test.register
def _(_value: s.Clicks) -> str:
    return "click"


@line_of_test.register
def _(value: s.ReceiptArrives) -> str:
    return f"receipt {value.outcome}"


@line_of_test.register
def _(value: s.AgentSays) -> str:
    return f"agent {quoted(value.text.value)}"


@line_of_test.register
def _(value: s.ExpectTicket) -> str:
    return f"ticket {value.desk}" + ("" if value.priority is None else f" {value.priority}")


@line_of_test.register
def _(value: s.ExpectWithheld) -> str:
    return f"withheld {value.reason}"


@line_of_test.register
def _(value: s.ExpectCharge) -> str:
    return f"charge {money(value.price)}"


@line_of_test.register
def _(value: s.ExpectNotify) -> str:
    return f"notify {value.service} {quoted(value.event.value)}"


@line_of_test.register
def _(value: s.ExpectEmail) -> str:
    return f"email {quoted(value.to.value)}"


@line_of_test.register
def _(value: s.ExpectCheck) -> str:
    return f"check {expression(value.condition)}"


@line_of_test.register
def _(_value: s.ExpectNothing) -> str:
    return "nothing"
