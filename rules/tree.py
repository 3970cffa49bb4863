"""From the parser's rules to nodes: declarations and transcripts. `Tree` is what Lark calls.

A declaration's span is its first line.
"""

from __future__ import annotations

from typing import Any, cast

from lark import Token

from rules import syntax as s
from rules.tree_actions import Actions
from rules.tree_atoms import WEEKDAYS, Children, between

EVERY_DAY = "day"
"""`every day at 10:00` says all seven."""


class Tree(Actions):
    """The nodes of declarations and transcripts."""

    # --- brand

    def brand(self, c: Children) -> s.Brand:
        word, name, newline, *settings = c
        return s.Brand(name, tuple(found for found in settings if found is not None), span=self.line(word, newline))

    def numbers(self, c: Children) -> s.Setting:
        return s.Setting("numbers", tuple(c[1:-1]), span=self.line(c[0], c[-1]))

    def language(self, c: Children) -> s.Setting:
        return s.Setting("language", s.Ident(str(c[1]), span=self.span(c[1])), span=self.line(c[0], c[2]))

    def timezone(self, c: Children) -> s.Setting:
        return s.Setting("timezone", s.Ident(str(c[1]), span=self.span(c[1])), span=self.line(c[0], c[2]))

    def quiet(self, c: Children) -> s.Setting:
        word, start, end, newline = c
        value = s.Quiet(self.clock(start), self.clock(end), span=self.span(start, end))
        return s.Setting("quiet", value, span=self.line(word, newline))

    def caps(self, c: Children) -> s.Setting:
        return s.Setting("cap", tuple(c[1:-1]), span=self.line(c[0], c[-1]))

    def cap(self, c: Children) -> s.Cap:
        number, unit = c
        return s.Cap(self.whole(number, 1, "A cap"), self.period(unit), span=self.span(number, unit))

    def period(self, token: Token) -> str:
        """The unit after `per`; a plural is noted."""
        if token.endswith("s"):
            self.problem(
                "R403", self.span(token), f"`per {token}` is not how it is written.", f"Write per {token[:-1]}."
            )
        return token.removesuffix("s")

    def brand_text(self, c: Children) -> s.Setting:
        word, (text, newline) = c
        return s.Setting(cast(Any, str(word)), text, span=self.line(word, newline))

    def typos(self, c: Children) -> s.Setting:
        return s.Setting("typos", c[1] == "on", span=self.line(c[0], c[2]))

    def limit(self, c: Children) -> s.Setting:
        return s.Setting("limit", self.whole(c[1], 1, "A limit of segments"), span=self.line(c[0], c[2]))

    def budget(self, c: Children) -> s.Setting:
        word, money, unit, newline = c
        value = s.Budget(money, self.period(unit), span=between(money.span, self.span(unit)))
        return s.Setting("budget", value, span=self.line(word, newline))

    # --- other declarations

    def contact(self, c: Children) -> s.Contact:
        word, newline, *fields = c
        return s.Contact(tuple(fields), span=self.line(word, newline))

    def contact_field(self, c: Children) -> s.ContactField:
        return s.ContactField(str(c[0]), str(c[1]), span=self.line(c[0], c[2]), name_span=self.span(c[1]))

    def desk(self, c: Children) -> s.Desk:
        word, name, kind, group, newline = c
        return s.Desk(str(name), str(kind), group, span=self.line(word, newline))

    def service(self, c: Children) -> s.Service:
        word, name, url, newline = c
        return s.Service(str(name), url, span=self.line(word, newline))

    def voucher(self, c: Children) -> s.Voucher:
        word, name, from_, codes, until, newline = c
        pattern, file = (codes, None) if from_ is None else (None, codes)
        return s.Voucher(str(name), pattern, file, until, span=self.line(word, newline))

    def segment(self, c: Children) -> s.Segment:
        word, name, condition, newline = c
        return s.Segment(str(name), condition, span=self.line(word, newline))

    def keyword(self, c: Children) -> s.Keyword:
        word, pattern, on, newline, block = c
        return s.Keyword(pattern, on or (), block, span=self.line(word, newline))

    def fallback(self, c: Children) -> s.Fallback:
        word, on, newline, block = c
        return s.Fallback(on or (), block, span=self.line(word, newline))

    def on_numbers(self, c: Children) -> tuple[s.Msisdn, ...]:
        return tuple(c)

    def chain(self, c: Children) -> s.Chain:
        word, name, newline, block = c
        return s.Chain(str(name), block, span=self.line(word, newline))

    # --- on

    def on(self, c: Children) -> s.On:
        word, trigger, newline, *lines = c
        exits = [line for line in lines if isinstance(line, tuple)]
        return s.On(trigger, _flat(exits), tuple(lines[len(exits) :]), span=self.line(word, newline))

    def on_event(self, c: Children) -> s.OnEvent:
        word, event, per = c
        field = None if per is None else self.of_event(per)
        return s.OnEvent(str(event), field, span=self.span(word, event if per is None else per))

    def on_birthday(self, c: Children) -> s.OnBirthday:
        word, attribute, at = c
        clock = self.clock_or_none(at)
        span = self.span(word, attribute if at is None else at)
        return s.OnBirthday(self.of_contact(attribute), clock, span=span, name_span=self.span(attribute))

    def on_inactive(self, c: Children) -> s.OnInactive:
        return s.OnInactive(c[1], span=between(self.span(c[0]), c[1].span))

    def on_date(self, c: Children) -> s.OnDate:
        date, at, segment = c
        day = cast(s.Day, self.day([date, None]))
        return s.OnDate(day, self.clock(at), str(segment), span=self.span(date, segment), name_span=self.span(segment))

    def on_click(self, c: Children) -> s.OnClick:
        return s.OnClick(str(c[1]), span=self.span(c[0], c[1]), name_span=self.span(c[1]))

    def on_undelivered(self, c: Children) -> s.OnUndelivered:
        return s.OnUndelivered(span=self.span(c[0]))

    def on_join(self, c: Children) -> s.OnJoin:
        return s.OnJoin(str(c[1]), span=self.span(c[0], c[1]), name_span=self.span(c[1]))

    def exit_line(self, c: Children) -> tuple[s.ExitCause, ...]:
        return tuple(c[1:-1])

    def exit_cause(self, c: Children) -> s.ExitCause:
        return s.ExitCause(cast(Any, str(c[0])), str(c[1]), span=self.span(c[0], c[1]))

    # --- drip

    def drip(self, c: Children) -> s.Drip:
        word, name, message_class, newline, *lines = c
        goals = [line for line in lines if isinstance(line, s.Goal)]
        again = [line for line in lines if isinstance(line, s.Duration)]
        for extra in (*goals[1:], *again[1:]):
            self.problem(
                "R213", extra.span, "This line stands twice in the drip.", "Keep one of the two: a drip has one of it."
            )
        return s.Drip(
            str(name),
            str(message_class),
            tuple(line for line in lines if isinstance(line, s.DripStep)),
            goals[0] if goals else None,
            _flat([line for line in lines if isinstance(line, tuple)]),
            again[0] if again else None,
            span=self.line(word, newline),
        )

    def goal(self, c: Children) -> s.Goal:
        word, event, within, newline = c
        return s.Goal(str(event), within, span=self.line(word, newline))

    def drip_again(self, c: Children) -> s.Duration:
        return cast(s.Duration, c[1])

    def step(self, c: Children) -> s.DripStep:
        label, (moment, first), late, newline, block = c
        start, name = label or (first, None)
        return s.DripStep(block, name, late=late, span=self.line(start, newline), **moment)

    def label(self, c: Children) -> tuple[Token, str]:
        return c[0], str(c[1])

    def at_once(self, c: Children) -> tuple[dict[str, Any], Token]:
        return {}, c[0]

    def after(self, c: Children) -> tuple[dict[str, Any], Token]:
        word, duration, at = c
        return {"after": duration, "at": self.clock_or_none(at)}, word

    def every(self, c: Children) -> tuple[dict[str, Any], Token]:
        word, *days, at = c
        named = WEEKDAYS if days == [EVERY_DAY] else self.weekdays(days)
        return {"every": named, "at": self.clock(at)}, word

    def late(self, c: Children) -> str:
        return {"send": "late", "next": "next window", "skip": "skip"}[c[0]]

    # --- transcripts

    def transcript(self, c: Children) -> s.Transcript:
        word, title, date, clock, newline, *lines = c
        at = None if date is None else cast(s.Moment, self.day([date, clock]))
        return s.Transcript(title, tuple(lines), at, span=self.line(word, newline))

    def given_number(self, c: Children) -> s.Given:
        return s.Given("number", c[1].written, c[1], span=self.line(c[0], c[2]), name_span=c[1].span)

    def given_contact(self, c: Children) -> s.Given:
        word, name, value, newline = c
        return s.Given("contact", str(name), value, span=self.line(word, newline), name_span=self.span(name))

    def given_consent(self, c: Children) -> s.Given:
        return s.Given("consent", str(c[1]), span=self.line(c[0], c[2]))

    def given_tag(self, c: Children) -> s.Given:
        return s.Given("tag", str(c[1]), span=self.line(c[0], c[2]))

    def given_arm(self, c: Children) -> s.Given:
        word, split, arm, newline = c
        return s.Given("arm", str(split), str(arm), span=self.line(word, newline), name_span=self.span(split, arm))

    def given_answers(self, c: Children) -> s.Given:
        word, service, path, *pairs, newline = c
        span, name_span = self.line(word, newline), self.span(service)
        return s.Given("service", str(service), path=path, answers=tuple(pairs), span=span, name_span=name_span)

    def given_fails(self, c: Children) -> s.Given:
        word, service, path, newline = c
        return s.Given("service", str(service), path=path, span=self.line(word, newline), name_span=self.span(service))

    def pair(self, c: Children) -> tuple[str, s.Expression]:
        return str(c[0]), c[1]

    def says(self, c: Children) -> s.Says:
        return s.Says(_raw(c[0]), span=self.line(c[0], c[1]))

    def gets(self, c: Children) -> s.Gets:
        return s.Gets(_raw(c[0]), span=self.line(c[0], c[1]))

    def later(self, c: Children) -> s.Later:
        return s.Later(c[1], span=self.line(c[0], c[2]))

    def occurs(self, c: Children) -> s.Occurs:
        word, event, *pairs, newline = c
        given = tuple(pair for pair in pairs if pair is not None)
        return s.Occurs(str(event), given, span=self.line(word, newline))

    def clicks(self, c: Children) -> s.Clicks:
        return s.Clicks(span=self.line(c[0], c[1]))

    def receipt(self, c: Children) -> s.ReceiptArrives:
        return s.ReceiptArrives(cast(Any, str(c[1])), span=self.line(c[0], c[2]))

    def agent(self, c: Children) -> s.AgentSays:
        return s.AgentSays(c[1], span=self.line(c[0], c[2]))

    def ticket(self, c: Children) -> s.ExpectTicket:
        word, desk, priority, newline = c
        said = None if priority is None else self.priority(priority)
        return s.ExpectTicket(str(desk), said, span=self.line(word, newline), name_span=self.span(desk))

    def withheld(self, c: Children) -> s.ExpectWithheld:
        return s.ExpectWithheld(str(c[1]), span=self.line(c[0], c[2]))

    def expect_charge(self, c: Children) -> s.ExpectCharge:
        return s.ExpectCharge(c[1], span=self.line(c[0], c[2]))

    def expect_notify(self, c: Children) -> s.ExpectNotify:
        word, service, event, newline = c
        return s.ExpectNotify(str(service), event, span=self.line(word, newline), name_span=self.span(service))

    def expect_email(self, c: Children) -> s.ExpectEmail:
        return s.ExpectEmail(c[1], span=self.line(c[0], c[2]))

    def expect_check(self, c: Children) -> s.ExpectCheck:
        return s.ExpectCheck(c[1], span=self.line(c[0], c[2]))

    def nothing(self, c: Children) -> s.ExpectNothing:
        return s.ExpectNothing(span=self.line(c[0], c[1]))


def _flat(exits: list[tuple[s.ExitCause, ...]]) -> tuple[s.ExitCause, ...]:
    return tuple(cause for line in exits for cause in line)


def _raw(token: Token) -> str:
    """The rest of a `>` or `<` line: one space after the sign belongs to the sign."""
    return token[1:].removeprefix(" ")
