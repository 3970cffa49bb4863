"""What each action looks like on paper, kind by kind."""

from __future__ import annotations

from collections.abc import Iterator

from rules import syntax as s
from rules.printer import (
    PLAIN_NAME,
    Line,
    action,
    block,
    clock,
    counted,
    duration,
    expression,
    money,
    pattern,
    quoted,
    with_text,
    worded,
)


def _optional(word: str, value: str | None) -> str:
    return "" if value is None else f" {word} {value}"


def _class(value: str | None) -> str:
    return "" if value is None else f" {value}"


@action.register
def _(value: s.Reply, level: int) -> Iterator[Line]:
    return with_text(Line(level, "reply", value.span), value.text)


@action.register
def _(value: s.Send, level: int) -> Iterator[Line]:
    return with_text(Line(level, f"send{_class(value.message_class)}", value.span), value.text)


@action.register
def _(value: s.Ask, level: int) -> Iterator[Line]:
    limit = ""
    if value.within is not None:
        limit = f"within {duration(value.within)}"
    elif value.until_before is not None:
        before, field = value.until_before
        limit = f"until {duration(before)} before event.{field}"
    yield from with_text(Line(level, f"ask{_class(value.message_class)}", value.span), value.text, limit)
    for answer in value.answers:
        word = "choice" if answer.numbered else "answer"
        yield Line(level + 1, f"{word} {pattern(answer.pattern)}", answer.span)
        yield from block(answer.block, level + 2)
    if value.again is not None:
        times = "" if value.again.times is None else f"up to {counted(value.again.times)}"
        yield from with_text(Line(level + 1, "else again", value.again.span), value.again.text, times)
    yield from worded("else", value.otherwise, level + 1)
    yield from worded("silence", value.silence, level + 1)


@action.register
def _(value: s.Wait, level: int) -> Iterator[Line]:
    at = None if value.at is None else clock(value.at)
    yield Line(level, f"wait {duration(value.duration)}{_optional('at', at)}", value.span)


@action.register
def _(value: s.WaitUntil, level: int) -> Iterator[Line]:
    yield Line(level, f"wait until {clock(value.at)}", value.span)


@action.register
def _(value: s.WaitBefore, level: int) -> Iterator[Line]:
    yield Line(level, f"wait until {duration(value.duration)} before event.{value.event_field}", value.span)


@action.register
def _(value: s.WaitForEvent, level: int) -> Iterator[Line]:
    yield Line(level, f"wait for event {value.event} within {duration(value.within)}", value.span)
    yield from worded("then", value.then, level + 1)
    yield from worded("silence", value.silence, level + 1)


@action.register
def _(value: s.Tag, level: int) -> Iterator[Line]:
    yield Line(level, f"tag {value.tag}", value.span)


@action.register
def _(value: s.Untag, level: int) -> Iterator[Line]:
    yield Line(level, f"untag {value.tag}", value.span)


@action.register
def _(value: s.SetAttribute, level: int) -> Iterator[Line]:
    yield Line(level, f"set contact.{value.attribute} = {expression(value.value)}", value.span)


@action.register
def _(value: s.Add, level: int) -> Iterator[Line]:
    yield Line(level, f"add {expression(value.amount)} to contact.{value.attribute}", value.span)


@action.register
def _(value: s.Record, level: int) -> Iterator[Line]:
    once = " once" if value.once else ""
    yield Line(level, f"record{once} {value.name} = {expression(value.value)}", value.span)


@action.register
def _(value: s.OptIn, level: int) -> Iterator[Line]:
    yield Line(level, f"opt in {value.message_class}{_optional('for', value.programme)}", value.span)
    if value.confirm is not None and value.answer is not None:
        yield from _confirmation(value.confirm, value.answer, level + 1)


@action.register
def _(value: s.OptOut, level: int) -> Iterator[Line]:
    yield Line(level, "opt out", value.span)


@action.register
def _(value: s.Start, level: int) -> Iterator[Line]:
    yield Line(level, f"start {value.drip}", value.span)


@action.register
def _(value: s.Finish, level: int) -> Iterator[Line]:
    yield Line(level, f"finish {value.drip}", value.span)


@action.register
def _(value: s.Run, level: int) -> Iterator[Line]:
    yield Line(level, f"run {value.chain}", value.span)


@action.register
def _(value: s.Route, level: int) -> Iterator[Line]:
    yield Line(level, f"route {quoted(value.text.value)}", value.span)


@action.register
def _(value: s.Split, level: int) -> Iterator[Line]:
    words = [f"split {value.name}"]
    if value.measure is not None:
        words.append("by click" if value.event is None else f"by event {value.event}")
    if value.sample_percent is not None and value.sample_for is not None:
        words.append(f"sample {value.sample_percent}% for {duration(value.sample_for)}")
    yield Line(level, " ".join(words), value.span)
    for arm in value.arms:
        yield Line(level + 1, f"{arm.percent}% {arm.name}", arm.span)
        yield from block(arm.block, level + 2)


@action.register
def _(value: s.If, level: int) -> Iterator[Line]:
    for number, branch in enumerate(value.branches):
        word = "else if" if number else "if"
        yield Line(level, f"{word} {expression(branch.condition)}", branch.span)
        yield from block(branch.block, level + 1)
    yield from worded("else", value.otherwise, level)


@action.register
def _(value: s.Escalate, level: int) -> Iterator[Line]:
    within = None if value.within is None else duration(value.within)
    subject = None if value.subject is None else quoted(value.subject.value)
    options = _optional("priority", value.priority) + _optional("within", within) + _optional("subject", subject)
    yield Line(level, f"escalate to {value.desk}{options}", value.span)


@action.register
def _(value: s.Fetch, level: int) -> Iterator[Line]:
    yield Line(level, f"fetch {value.service} {quoted(value.path.value)} as {value.name}", value.span)
    yield from worded("failed", value.failed, level + 1)


@action.register
def _(value: s.Notify, level: int) -> Iterator[Line]:
    values = f" with {', '.join(expression(one) for one in value.values)}" if value.values else ""
    yield Line(level, f"notify {value.service} {quoted(value.event.value)}{values}", value.span)


@action.register
def _(value: s.Email, level: int) -> Iterator[Line]:
    to, subject, body = (quoted(part.value) for part in (value.to, value.subject, value.body))
    yield Line(level, f"email{_class(value.message_class)} {to} subject {subject} body {body}", value.span)


@action.register
def _(value: s.Charge, level: int) -> Iterator[Line]:
    yield Line(level, f"charge {money(value.price)} {quoted(value.what.value)}", value.span)
    yield from _confirmation(value.confirm, value.answer, level + 1)
    yield from worded("failed", value.failed, level + 1)


@action.register
def _(value: s.Forward, level: int) -> Iterator[Line]:
    if value.number is not None:
        yield Line(level, f"forward to {value.number.written}", value.span)
    else:
        name = value.account or ""
        written = name if PLAIN_NAME.fullmatch(name) else quoted(name)
        yield Line(level, f"forward to account {written}", value.span)


def _confirmation(confirm: s.Text, answer: s.Pattern, level: int) -> Iterator[Line]:
    yield from with_text(Line(level, "confirm", None), confirm)
    yield Line(level, f"answer {pattern(answer)}", answer.span)
