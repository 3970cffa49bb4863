"""From the parser's smallest rules to nodes: quoted texts, times, numbers, expressions.

Lark calls the method that bears a rule's name as soon as the rule is read. What is well formed but cannot be meant
(25:00, 2026-02-30, `Repair` for a phone's word) is noted as a problem and read on with something near it, so that one
reading of a declaration tells all of them.
"""

from __future__ import annotations

import re
from datetime import date
from decimal import Decimal
from typing import Any, cast

from lark import Token

from rules import syntax as s
from rules.diagnostics import Diagnostic
from rules.spelling import spoken, suggest

Children = list[Any]

ESCAPE = re.compile(r"\\(.)", re.DOTALL)
ESCAPES = {"n": "\n", '"': '"', "\\": "\\"}
NUMBER_MOST_DIGITS = 15
"""Digits of an author's number: more than any money, count or score needs, and exact everywhere it is stored."""
DURATION_MOST_DAYS = 55_000
"""Days, 150 years: longer than anybody lives; keeps every calendar sum inside what dates can hold."""
MSISDN_DIGITS = range(3, 16)
"""A short code has three digits or more; E.164 numbers have fifteen at most."""
DAYS_OF_UNIT = {"minute": 0, "hour": 0, "day": 1, "week": 7, "month": 31, "year": 366}
WEEKDAYS = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")


def between(first: s.Span, last: s.Span) -> s.Span:
    """From where one span begins to where another ends."""
    return s.Span(first.file, first.line, first.column, last.end_line, last.end_column)


class Atoms:
    """Where the parser is, what it found wrong there, and the small nodes."""

    def __init__(self) -> None:
        self.file = ""
        self.lines_before = 0
        self.problems: list[Diagnostic] = []

    def begin(self, file: str, lines_before: int) -> None:
        """Gets ready for a declaration of `file` that has `lines_before` lines above it."""
        self.file = file
        self.lines_before = lines_before
        self.problems = []

    def span(self, first: Token, last: Token | None = None) -> s.Span:
        """From the start of one token to the end of another, or over the one."""
        base = self.lines_before
        last = first if last is None else last
        return s.Span(self.file, first.line + base, first.column, last.end_line + base, last.end_column)  # type: ignore[operator, arg-type]

    def line(self, first: Token, newline: Token) -> s.Span:
        """From a token to the end of its line."""
        base = self.lines_before
        return s.Span(self.file, first.line + base, first.column, newline.line + base, newline.column)  # type: ignore[operator, arg-type]

    def problem(self, code: str, span: s.Span, message: str, help: str) -> None:
        """Notes an author's fault that does not keep the rest from being read."""
        self.problems.append(Diagnostic(code, "error", span, message, help))

    # --- atoms

    def string(self, c: Children) -> s.String:
        token: Token = c[0]
        raw = token[1:-1]
        span = self.span(token)
        value = raw
        if "\\" in raw:
            value = ESCAPE.sub(lambda found: self._escape(found, span), raw)
        return s.String(value, raw, span=span)

    def _escape(self, found: re.Match[str], span: s.Span) -> str:
        sign = found[1]
        if sign in ESCAPES:
            return ESCAPES[sign]
        column = span.column + 1 + found.start()
        place = s.Span(span.file, span.line, column, span.line, column + 2)
        self.problem(
            "R103",
            place,
            f"`\\{sign}` means nothing in a text.",
            'Write \\n for a new line, \\" for a quote, \\\\ for a backslash; other characters stand for themselves.',
        )
        return sign

    def day(self, c: Children) -> s.Day | s.Moment:
        token, clock = c
        year, month, day = (int(part) for part in token.split("-"))
        span = self.span(token)
        try:
            date(year, month, day)
        except ValueError:
            self.problem(
                "R402",
                span,
                f"The date {token} does not exist.",
                "Write a date of the calendar as year-month-day, 2026-05-01.",
            )
            year, month, day = 2026, 1, 1
        written = s.Day(year, month, day, span=span)
        if clock is None:
            return written
        at = self.clock(clock)
        return s.Moment(written, at, span=between(span, at.span))

    def clock(self, token: Token) -> s.Clock:
        """A CLOCK token's time of day."""
        hour, minute = (int(part) for part in token.split(":"))
        span = self.span(token)
        if hour > 23 or minute > 59 or len(token) - token.index(":") < 3:
            self.problem(
                "R401",
                span,
                f"{token} is not a time of day.",
                "Times go from 00:00 to 23:59, with two digits after the colon.",
            )
            hour, minute = 0, 0
        return s.Clock(hour, minute, span=span)

    def clock_or_none(self, token: Token | None) -> s.Clock | None:
        return None if token is None else self.clock(token)

    def duration(self, c: Children) -> s.Duration:
        number, unit = c
        span = self.span(number, unit)
        told = len(self.problems)
        count = self.whole(number, 1, "A duration")
        name = unit.removesuffix("s")
        right = name if count == 1 else name + "s"
        if unit != right and len(self.problems) == told:
            self.problem(
                "R403", span, f"`{number} {unit}` is not how a duration is written.", f"Write `{count} {right}`."
            )
        if count * DAYS_OF_UNIT[name] > DURATION_MOST_DAYS or len(number) > 6:
            self.problem("R404", span, f"{number} {unit} is longer than a duration can be.", "150 years is the most.")
            count = 1
        return s.Duration(count, cast(Any, name), span=span)

    def money(self, c: Children) -> s.Money:
        currency, number = c
        span = self.span(currency, number)
        amount = self.decimal(number)
        if amount <= 0 or cast(int, amount.as_tuple().exponent) < -2:
            self.problem(
                "R405",
                span,
                f"{currency} {number} is not an amount.",
                "Write an amount above zero with at most two decimals, EUR 5.00.",
            )
            amount = Decimal(1)
        return s.Money(str(currency), amount, span=span)

    def msisdn(self, c: Children) -> s.Msisdn:
        token: Token = c[0]
        span = self.span(token)
        if len(token.removeprefix("+")) not in MSISDN_DIGITS:
            self.problem(
                "R406",
                span,
                f"{token} cannot be a phone number or short code.",
                "A short code has 3 digits or more, a full number up to 15 with + in front: 4411, +3197010281234.",
            )
        return s.Msisdn(str(token), span=span)

    def decimal(self, token: Token) -> Decimal:
        """A NUMBER token's value; one that is too long is noted and read as 0."""
        if sum(character.isdigit() for character in token) > NUMBER_MOST_DIGITS:
            self.problem(
                "R407", self.span(token), f"{token} has too many digits.", f"{NUMBER_MOST_DIGITS} digits are the most."
            )
            return Decimal(0)
        return Decimal(token)

    def whole(self, token: Token, least: int, what: str) -> int:
        """A NUMBER token's value where only a whole number from `least` up will do."""
        value = self.decimal(token)
        if value != value.to_integral_value() or "." in token or value < least:
            self.problem(
                "R408",
                self.span(token),
                f"{what} takes a whole number, {least} or more.",
                f"Write a whole number instead of {token}.",
            )
            return least
        return int(value)

    def percent(self, token: Token) -> int:
        """A PERCENT token's value."""
        number = token.removesuffix("%").rstrip()
        if not number.isdigit() or not 1 <= int(number[:4]) <= 100:
            self.problem(
                "R409", self.span(token), f"{token} is not a share.", "Percentages are whole numbers from 1% to 100%."
            )
            return 1
        return int(number)

    # --- expressions

    def name(self, c: Children) -> s.Name:
        return s.Name(str(c[0]), span=self.span(c[0]))

    def attribute(self, c: Children) -> s.Attribute:
        owner, name = c[0].split(".")
        return s.Attribute(owner, name, span=self.span(c[0]))

    def number(self, c: Children) -> s.Number:
        return s.Number(self.decimal(c[0]), span=self.span(c[0]))

    def now(self, c: Children) -> s.Now:
        return s.Now(span=self.span(c[0]))

    def ago(self, c: Children) -> s.Ago:
        duration, ago = c
        return s.Ago(duration, span=between(duration.span, self.span(ago)))

    def compare(self, c: Children) -> s.Compare:
        left, operator, right = c
        return s.Compare(left, cast(Any, str(operator)), right, span=between(left.span, right.span))

    def has_tag(self, c: Children) -> s.HasTag:
        return s.HasTag(str(c[1]), span=self.span(c[0], c[1]))

    def has_consent(self, c: Children) -> s.HasConsent:
        return s.HasConsent(str(c[1]), span=self.span(c[0], c[1]))

    def happened(self, c: Children) -> s.Happened:
        word, event, number, within = c
        times = None if number is None else self.whole(number, 1, "A count of times")
        last = event if number is None else number
        span = self.span(word, last) if within is None else between(self.span(word), within.span)
        return s.Happened(str(event), times, within, span=span)

    def clicked(self, c: Children) -> s.Clicked:
        return s.Clicked(span=self.span(c[0]))

    def in_segment(self, c: Children) -> s.InSegment:
        return s.InSegment(str(c[1]), span=self.span(c[0], c[1]), name_span=self.span(c[1]))

    def new_contact(self, c: Children) -> s.NewContact:
        return s.NewContact(span=self.span(c[0]))

    def time_in(self, c: Children) -> s.TimeIn:
        word, start, end = c
        return s.TimeIn(self.clock(start), self.clock(end), span=self.span(word, end))

    def day_in(self, c: Children) -> s.DayIn:
        word, *days = c
        return s.DayIn(self.weekdays(days), span=self.span(word, days[-1]))

    def weekdays(self, tokens: list[Token]) -> tuple[str, ...]:
        """Names of days as their tokens say them; an unknown one is noted."""
        for token in tokens:
            if token not in WEEKDAYS:
                self.problem(
                    "R412",
                    self.span(token),
                    f"`{token}` is not a day of the week.",
                    suggest(token, WEEKDAYS, f"Days are {spoken(WEEKDAYS)}."),
                )
        return tuple(str(token) for token in tokens)

    def not_(self, c: Children) -> s.Not:
        return s.Not(c[1], span=between(self.span(c[0]), c[1].span))

    def and_(self, c: Children) -> s.And:
        return s.And(tuple(c), span=between(c[0].span, c[-1].span))

    def or_(self, c: Children) -> s.Or:
        return s.Or(tuple(c), span=between(c[0].span, c[-1].span))
