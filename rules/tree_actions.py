"""From the parser's rules to nodes: the actions of a block.

An action's span is its own line: from its first word to the line's end, not the blocks below it.
"""

from __future__ import annotations

from typing import Any, cast

from lark import Token

from rules import syntax as s
from rules.spelling import spoken, suggest
from rules.tree_atoms import Children
from rules.tree_patterns import TextsAndPatterns

PRIORITIES = ("low", "normal", "high", "urgent")


class Actions(TextsAndPatterns):
    """The nodes of actions."""

    def block(self, c: Children) -> s.Block:
        return tuple(c)

    def reply(self, c: Children) -> s.Reply:
        text, newline = c[1]
        return s.Reply(text, span=self.line(c[0], newline))

    def send(self, c: Children) -> s.Send:
        word, message_class, (text, newline) = c
        return s.Send(_name(message_class), text, span=self.line(word, newline))

    def tag(self, c: Children) -> s.Tag | s.Untag:
        word, name, newline = c
        make = s.Tag if word == "tag" else s.Untag
        return make(str(name), span=self.line(word, newline))

    def set_attribute(self, c: Children) -> s.SetAttribute:
        word, attribute, value, newline = c
        return s.SetAttribute(
            self.of_contact(attribute), value, span=self.line(word, newline), name_span=self.span(attribute)
        )

    def add(self, c: Children) -> s.Add:
        word, amount, attribute, newline = c
        return s.Add(amount, self.of_contact(attribute), span=self.line(word, newline), name_span=self.span(attribute))

    def record(self, c: Children) -> s.Record:
        word, once, name, value, newline = c
        return s.Record(str(name), value, once is not None, span=self.line(word, newline))

    def run(self, c: Children) -> s.Start | s.Finish | s.Run:
        word, name, newline = c
        makers: dict[str, type[s.Start] | type[s.Finish] | type[s.Run]] = {
            "start": s.Start,
            "finish": s.Finish,
            "run": s.Run,
        }
        return makers[word](str(name), span=self.line(word, newline), name_span=self.span(name))

    def route(self, c: Children) -> s.Route:
        return s.Route(c[1], span=self.line(c[0], c[2]))

    def wait(self, c: Children) -> s.Wait:
        word, duration, at, newline = c
        return s.Wait(duration, self.clock_or_none(at), span=self.line(word, newline))

    def wait_until(self, c: Children) -> s.WaitUntil:
        return s.WaitUntil(self.clock(c[1]), span=self.line(c[0], c[2]))

    def wait_before(self, c: Children) -> s.WaitBefore:
        word, duration, attribute, newline = c
        return s.WaitBefore(duration, self.of_event(attribute), span=self.line(word, newline))

    def wait_for(self, c: Children) -> s.WaitForEvent:
        word, event, within, newline, *parts = c
        blocks = self._once_each(parts)
        return s.WaitForEvent(
            str(event), within, blocks.get("then"), blocks.get("silence"), span=self.line(word, newline)
        )

    def wait_part(self, c: Children) -> tuple[Token, s.Block]:
        return c[0], c[2]

    def _once_each(self, parts: list[tuple[Token, Any]]) -> dict[str, Any]:
        """Parts by their keyword; one that stands twice is noted, the first counts."""
        found: dict[str, Any] = {}
        for word, value in parts:
            if word in found:
                self.problem(
                    "R213",
                    self.span(word),
                    f"`{word}` stands twice here.",
                    "Keep one of the two; move what both do into it.",
                )
            else:
                found[str(word)] = value
        return found

    def ask(self, c: Children) -> s.Ask:
        word, message_class, text, limit, newline, *parts = c
        return self._ask((word, newline), message_class, text, limit, parts)

    def ask_below(self, c: Children) -> s.Ask:
        word, message_class, limit, newline, *parts = c
        variants = [part for part in parts if isinstance(part, s.TextIn)]
        return self._ask((word, newline), message_class, self.variants(variants), limit, parts[len(variants) :])

    def _ask(
        self,
        ends: tuple[Token, Token],
        message_class: Token | None,
        text: s.Text,
        limit: s.Duration | tuple[s.Duration, str] | None,
        parts: list[Any],
    ) -> s.Ask:
        blocks = self._once_each([part for part in parts if not isinstance(part, s.Answer)])
        before = isinstance(limit, tuple)
        return s.Ask(
            _name(message_class),
            text,
            tuple(part for part in parts if isinstance(part, s.Answer)),
            within=None if before else cast(s.Duration | None, limit),
            until_before=cast(tuple[s.Duration, str], limit) if before else None,
            again=blocks.get("else again"),
            otherwise=blocks.get("else"),
            silence=blocks.get("silence"),
            span=self.line(*ends),
        )

    def ask_limit(self, c: Children) -> s.Duration | tuple[s.Duration, str]:
        return c[0] if len(c) == 1 else (c[0], self.of_event(c[1]))

    def answer(self, c: Children) -> s.Answer:
        word, pattern, newline, block = c
        return s.Answer(pattern, block or (), word == "choice", span=self.line(word, newline))

    def ask_otherwise(self, c: Children) -> tuple[Token, s.Block]:
        return c[0], c[2]

    def else_again(self, c: Children) -> tuple[Token, s.ElseAgain]:
        word, text, times, newline = c
        return _retyped(word, "else again"), s.ElseAgain(text, times, span=self.line(word, newline))

    def else_again_below(self, c: Children) -> tuple[Token, s.ElseAgain]:
        word, times, newline, text = c
        return _retyped(word, "else again"), s.ElseAgain(text, times, span=self.line(word, newline))

    def up_to(self, c: Children) -> int:
        return self.whole(c[0], 1, "`up to … times`")

    def if_(self, c: Children) -> s.If:
        word, condition, newline, block, *more, otherwise = c
        first = s.Branch(condition, block, span=self.line(word, newline))
        return s.If((first, *more), otherwise, span=first.span)

    def else_if(self, c: Children) -> s.Branch:
        word, condition, newline, block = c
        return s.Branch(condition, block, span=self.line(word, newline))

    def otherwise(self, c: Children) -> s.Block:
        return cast(s.Block, c[2])

    def split(self, c: Children) -> s.Split:
        word, name, measure, sample, newline, *arms = c
        by, event = measure or (None, None)
        percent, duration = sample or (None, None)
        return s.Split(str(name), tuple(arms), by, event, percent, duration, span=self.line(word, newline))

    def measure(self, c: Children) -> tuple[str, str | None]:
        return str(c[0]), str(c[1]) if len(c) > 1 else None

    def sample(self, c: Children) -> tuple[int, s.Duration]:
        return self.percent(c[0]), c[1]

    def arm(self, c: Children) -> s.Arm:
        percent, name, newline, block = c
        return s.Arm(self.percent(percent), str(name), block, span=self.line(percent, newline))

    def opt_in(self, c: Children) -> s.OptIn:
        word, message_class, programme, newline, confirm, answer = c
        return s.OptIn(str(message_class), _name(programme), confirm, answer, span=self.line(word, newline))

    def confirm(self, c: Children) -> s.Text:
        return cast(s.Text, c[1][0])

    def answer_line(self, c: Children) -> s.Pattern:
        return cast(s.Pattern, c[0])

    def opt_out(self, c: Children) -> s.OptOut:
        return s.OptOut(span=self.line(c[0], c[1]))

    def escalate(self, c: Children) -> s.Escalate:
        word, desk, *options, newline = c
        said = self._once_each(options)
        return s.Escalate(
            str(desk),
            said.get("priority"),
            said.get("within"),
            said.get("subject"),
            span=self.line(word, newline),
            name_span=self.span(desk),
        )

    def escalation(self, c: Children) -> tuple[Token, Any]:
        word, value = c
        return word, self.priority(value) if word == "priority" else value

    def priority(self, token: Token) -> str:
        """A ticket's priority; an unknown one is noted."""
        if token not in PRIORITIES:
            self.problem(
                "R413",
                self.span(token),
                f"`{token}` is not a priority.",
                suggest(token, PRIORITIES, f"Priorities are {spoken(PRIORITIES)}."),
            )
        return str(token)

    def fetch(self, c: Children) -> s.Fetch:
        word, service, path, name, newline, failed = c
        return s.Fetch(
            str(service), path, str(name), failed, span=self.line(word, newline), name_span=self.span(service)
        )

    def failed(self, c: Children) -> s.Block:
        return cast(s.Block, c[1])

    def notify(self, c: Children) -> s.Notify:
        word, service, event, *values, newline = c
        given = tuple(value for value in values if value is not None)
        return s.Notify(str(service), event, given, span=self.line(word, newline), name_span=self.span(service))

    def email(self, c: Children) -> s.Email:
        word, message_class, to, subject, body, newline = c
        return s.Email(_name(message_class), to, subject, body, span=self.line(word, newline))

    def charge(self, c: Children) -> s.Charge:
        word, price, what, newline, confirm, answer, failed = c
        return s.Charge(price, what, confirm, answer, failed, span=self.line(word, newline))

    def forward(self, c: Children) -> s.Forward:
        word, to, newline = c
        span = self.line(word, newline)
        if isinstance(to, s.Msisdn):
            return s.Forward(number=to, span=span)
        return s.Forward(account=to.value if isinstance(to, s.String) else str(to), span=span)

    def of_contact(self, token: Token) -> str:
        """The attribute in `contact.x`; `event.x` is noted: what an event brought cannot be changed."""
        owner, name = token.split(".")
        if owner != "contact":
            self.problem(
                "R414", self.span(token), f"`{token}` cannot be changed or looked up here.", f"Write contact.{name}."
            )
        return name

    def of_event(self, token: Token) -> str:
        """The field in `event.x`; `contact.x` is noted."""
        owner, name = token.split(".")
        if owner != "event":
            self.problem("R414", self.span(token), f"`{token}` is not a field of the event.", f"Write event.{name}.")
        return name


def _name(token: Token | None) -> str | None:
    return None if token is None else str(token)


def _retyped(token: Token, value: str) -> Token:
    return Token.new_borrow_pos(token.type, value, token)
