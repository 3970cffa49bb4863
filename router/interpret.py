"""Running a chain for one cause: steps in, effects out, until it ends or suspends.

A `Walk` is one brand's view of one contact while one message (or one due run) is worked off. What a chain changes it
sees at once: tags and attributes are copies that every later step reads. Everything is bounded, and a bound that cuts
something says so in `fault`: a text too many is withheld with its reason, never dropped.
"""

from __future__ import annotations

from datetime import date, datetime, tzinfo
from decimal import Decimal
from functools import lru_cache
from hashlib import blake2b
from types import NoneType
from typing import Final, assert_never
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from router.messages import Facts, Run, RunKind
from router.plan import (
    AddTag,
    Effect,
    EndRun,
    Outcome,
    RecordValue,
    RemoveTag,
    SendText,
    SetAttribute,
    Suspend,
    Withhold,
)
from rules.actions import (
    Act,
    AddValue,
    Call,
    Draw,
    End,
    Jump,
    Note,
    Pause,
    Program,
    PutTag,
    Question,
    Reroute,
    Say,
    SetValue,
    TakeTag,
    Unless,
)
from rules.expressions import Scope, holds, value_of
from rules.facts import Value
from rules.keywords import Match
from rules.rulebook import BrandBook, NumberBook, Rule, Rulebook
from rules.texts import Texts
from rules.times import after, next_clock
from rules.words import words_of

MOST_STEPS: Final = 1_000
"""Steps one cause may take: a chain that needs more is a mistake, and no message may hold up the others."""
MOST_TEXTS: Final = 5
"""Texts one inbound message (or one due run) may cause: each costs money and the contact's patience."""
MOST_ROUTES: Final = 5
"""Times one message may be handed on by `route` (LANGUAGE.md section 6)."""

NEW_CONTACT: Final = "new contact"
"""Where a run keeps that its contact was unknown when it began; no author's name has a space in it."""

Frame = tuple[Program, int, str]
"""A program that waits for the chain it called: where it goes on, and the identity of its `run`."""


class Walk:
    """One cause under way. Give it a rule to `begin`, or a suspended run to `go_on`; then read `effects`, `fault`."""

    __slots__ = (
        "_calls", "_ended", "_rule", "_started_at", "_steps", "_texts", "brand", "effects", "facts", "fault", "now",
        "number", "rulebook", "scope",
    )  # fmt: skip

    def __init__(self, facts: Facts, rulebook: Rulebook, brand: BrandBook, now: int) -> None:
        profile = facts.profile(brand.name)
        zone = zone_of(facts, brand)
        self.facts = facts
        self.rulebook = rulebook
        self.brand = brand
        self.now = now
        self.number: NumberBook | None = rulebook.numbers.get(facts.number)
        self.scope = Scope({}, dict(profile.attributes), set(profile.tags), facts.contact.is_new, now, zone)
        self.effects: list[Effect] = []
        self.fault = ""
        self._ended: set[int] = set()
        self._rule = ""
        self._calls: list[Frame] = []
        self._started_at = now
        self._steps = 0
        self._texts = 0

    def end(self, run: Run, outcome: Outcome) -> None:
        """A stored run is over; said once."""
        if run.id not in self._ended:
            self._ended.add(run.id)
            self.effects.append(EndRun(run.id, outcome))

    def begin(self, rule: Rule, variables: dict[str, Value]) -> str:
        """Run a rule from its first step; an earlier run of it ends. Gives the rule it came to by `route`."""
        return self._follow(self._start(rule, variables))

    def go_on(self, run: Run, calls: tuple[Frame, ...], program: Program, place: int) -> str:
        """Run on at a place of a suspended run's program. Gives the rule it came to by `route`."""
        self._rule, self._calls, self._started_at = run.rule, list(calls), run.started_at
        self.scope.variables = dict(run.variables)
        self.scope.is_new = NEW_CONTACT in run.variables
        return self._follow(self._run(program, place))

    def _start(self, rule: Rule, variables: dict[str, Value]) -> str | None:
        for run in self.facts.runs:
            if run.rule == rule.identity:
                self.end(run, "replaced")
        self._rule, self._calls, self._started_at = rule.identity, [], self.now
        self.scope.variables = variables
        return self._run(rule.program, 0)

    def _follow(self, text: str | None) -> str:
        """Go wherever `route` hands the message on to."""
        routes = 0
        while text is not None:
            routes += 1
            if routes > MOST_ROUTES:
                self.fault = f"more than {MOST_ROUTES} routes in one message"
                break
            onward = self._route(text)
            if onward is None:
                self.fault = f"nothing of {self.brand.name} takes the route {text!r}"
                break
            text = self._start(*onward)
        return self._rule

    def _route(self, text: str) -> tuple[Rule, dict[str, Value]] | None:
        """The brand's rule for a text of its own: a keyword that fits, else its fallback."""
        if self.number is None:
            return None
        words = words_of(text)
        match = self.number.matcher.match(words, local_date(self.now, self.number.zone), self.facts.contact.language)
        if match is not None and isinstance(match.key, Rule) and match.key.brand == self.brand.name:
            return match.key, said(match.key, match)
        fallback = self.number.fallbacks.get(self.brand.name)
        return None if fallback is None else (fallback, {"text": text, "rest": text})

    def _run(self, program: Program, place: int) -> str | None:
        """Steps until the chain ends or suspends; the text of a `route` that hands the message on."""
        while True:
            if place >= len(program.steps):
                if not self._calls:
                    return None
                program, place, _ = self._calls.pop()
                continue
            self._steps += 1
            if self._steps > MOST_STEPS:
                self.fault = f"more than {MOST_STEPS} steps in one message"
                return None
            step = program.steps[place]
            place += 1
            if isinstance(step, Say):  # most steps are
                self.say(step.texts, step.identity)
                continue
            match step:
                case Jump():
                    place = step.target
                case Unless():
                    place = place if holds(step.condition, self.scope) else step.target
                case Draw():
                    place = arm_of(self.facts.contact.address, self.brand.name, step)[1]
                case Call():
                    self._calls.append((program, place, step.identity))
                    program, place = self.brand.chains[step.chain].program, 0
                case Question() | Pause():
                    self._wait(step)
                    return None
                case Reroute():
                    return step.template.text(self.scope.variables, self.scope.attributes, self.brand.language)
                case End():
                    return None
                case _:
                    self._act(step)

    def _wait(self, step: Question | Pause) -> None:
        now, zone = self.now, self.scope.zone
        if isinstance(step, Question):
            # What was never asked is not open: who has silenced the brand gets no question, now or after AAN.
            if self.say(step.texts, step.identity) and self.facts.profile(self.brand.name).opted_out_at is None:
                self._suspend("question", step.identity, after(now, step.within, zone))
            return
        if step.duration is not None:
            due_at = after(now, step.duration, zone, step.clock)
        else:
            assert step.clock is not None
            due_at = next_clock(now, step.clock, zone)
        self._suspend("wait", step.identity, due_at)

    def _act(self, step: Act) -> None:
        brand, scope = self.brand.name, self.scope
        match step:
            case PutTag(tag=tag):
                if tag not in scope.tags:
                    scope.tags.add(tag)
                    self.effects.append(AddTag(brand, tag))
            case TakeTag(tag=tag):
                if tag in scope.tags:
                    scope.tags.discard(tag)
                    self.effects.append(RemoveTag(brand, tag))
            case SetValue():
                self._set(step.attribute, value_of(step.value, scope))
            case AddValue():
                self._set(step.attribute, _sum(scope.attributes.get(step.attribute), value_of(step.amount, scope)))
            case Note():
                value = value_of(step.value, scope)
                if value is not None:
                    self.effects.append(
                        RecordValue(brand=brand, name=step.name, value=value, once=step.once, rule=self._rule)
                    )
            case _:
                assert_never(step)

    def say(self, texts: Texts, step: str, rule: str = "") -> bool:
        """Send a text (of the rule under way, unless named), or withhold it with its reason when a bound forbids.

        Gives whether it is sent as far as the rules go; the gate is asked under lock.
        """
        rule = rule or self._rule
        contact = self.facts.contact
        template, language = texts.of(contact.language, self.brand.language)
        said = template.fixed or template.render(
            self.scope.variables, self.scope.attributes, language or contact.language or self.brand.language
        )
        self._texts += 1
        reason = ""
        if self._texts > MOST_TEXTS:
            reason = "too_many_texts"
            self.fault = f"more than {MOST_TEXTS} texts for one message"
        elif self.brand.limit is not None and said.segments > self.brand.limit:
            reason = "too_long"
        elif not said.text:
            reason = "empty_text"
        if reason:
            self.effects.append(
                Withhold(
                    brand=self.brand.name, number=self.facts.number, message_class="conversational", text=said.text,
                    reason=reason, rule=rule, step=step,
                )
            )  # fmt: skip
            return False
        self.effects.append(
            SendText(
                brand=self.brand.name, number=self.facts.number, message_class="conversational", text=said.text,
                encoding=said.encoding, segments=said.segments, rule=rule, step=step,
            )
        )  # fmt: skip
        return True

    def _set(self, name: str, value: Value | None) -> None:
        if value is not None:
            self.scope.attributes[name] = value
            self.effects.append(SetAttribute(self.brand.name, name, value))

    def _suspend(self, kind: RunKind, identity: str, due_at: int) -> None:
        variables = self.scope.variables
        if self.scope.is_new:
            variables = {**variables, NEW_CONTACT: 1}
        message = self.facts.message
        self.effects.append(
            Suspend(
                Run(
                    kind=kind,
                    brand=self.brand.name,
                    number=self.facts.number,
                    rule=self._rule,
                    frames=(*(call for _, _, call in self._calls), identity),
                    deployment=self.rulebook.deployment,
                    variables=variables,
                    due_at=due_at,
                    started_at=self._started_at,
                    inbound_id=message.id if message is not None else 0,
                )
            )
        )


def said(rule: Rule, match: Match) -> dict[str, Value]:
    """The names that a text sets for the rule it starts; `{rest}` only where it may be read."""
    if rule.reads_rest:
        return {**match.captured, "text": match.text, "rest": match.rest}
    return {**match.captured, "text": match.text}


def local_date(at: int, zone: tzinfo) -> date:
    """The day it is in a zone at an instant (microseconds since 1970 UTC)."""
    return _date_in(at // 1_000_000, zone)


@lru_cache(maxsize=64)  # a group has one instant and few zones
def _date_in(second: int, zone: tzinfo) -> date:
    return datetime.fromtimestamp(second, zone).date()


def zone_of(facts: Facts, brand: BrandBook) -> tzinfo:
    """The contact's zone where it is known, else the brand's."""
    name = facts.contact.zone
    return brand.zone if name is None else _zone(name) or brand.zone


@lru_cache(maxsize=600)  # the world has fewer zones
def _zone(name: str) -> tzinfo | None:
    try:
        return ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError):
        return None


def arm_of(address: str, brand: str, draw: Draw) -> tuple[str, int]:
    """The arm of a contact, and where its block begins: the same for ever, and drawn anew for each split's name."""
    digest = blake2b(f"{brand}\0{draw.name}\0{address}".encode("utf-8", "surrogatepass"), digest_size=8).digest()
    hundredth = int.from_bytes(digest, "big") % 100
    for name, until, target in draw.arms:
        if hundredth < until:
            return name, target
    return draw.arms[-1][0], draw.arms[-1][2]


def _sum(held: Value | None, amount: Value | None) -> Value | None:
    """What `add` makes of an attribute: one that is not set counts from 0, what is no number stays."""
    if not isinstance(amount, (int, Decimal)) or not isinstance(held, (int, Decimal, NoneType)):
        return None
    return (held or 0) + amount
