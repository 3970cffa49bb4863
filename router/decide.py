"""What a cause leads to: `decide` for a text that came in, `resume` for what fell due. Pure, so that transcripts,
explain and replay run the very code that production runs.

Every instant and every fact is an argument. What cannot be known yet is asked for with `Needs`, and the same call is
made again.
"""

from __future__ import annotations

from typing import Final, assert_never

import msgspec

from router.commands import Commanded, obey
from router.interpret import Walk, said
from router.messages import Facts, Inbound, Run
from router.plan import Disposition, EndRun, Hold, Needs, Plan, SendText, Suspend, Tried
from router.routes import (
    Answered,
    Books,
    Doubtful,
    Located,
    Missed,
    Route,
    Standing,
    Started,
    Unclaimed,
    locate,
    route,
    standing,
)
from rules.actions import Pause, Question
from rules.keywords import Match
from rules.rulebook import NumberBook, Rulebook

__all__ = ["Books", "decide", "resume"]

_LOST: Final = "a suspended run stands in a rule set that cannot be had any more"


def decide(facts: Facts, books: Books, now: int, tried: list[Tried] | None = None) -> Plan | Needs:
    """The plan for `facts.message`, which must be there. `tried` collects why each step passed it over."""
    message = facts.message
    assert message is not None, "a text is decided on; what fell due is resumed"
    number = books.newest.numbers.get(facts.number)
    if number is None:
        return Plan("unrouted", deployment=books.newest.deployment)
    open_now = standing(facts, books, now)
    if isinstance(open_now, Needs):
        return open_now
    chosen = route(facts, message, number, open_now, now, tried)
    plan = _Decision(facts, message, books.newest, number, now).plan(chosen)
    return _with_lost(plan, open_now) if open_now.lost else plan


def resume(facts: Facts, run: Run, books: Books, now: int) -> Plan | Needs:
    """The plan for a run whose wait is over or whose question nobody answered in time."""
    located = locate(run, books)
    if isinstance(located, Needs):
        return located
    if located is None:
        return Plan("due", run.brand, run.rule, (EndRun(run.id, "lost"),), run.deployment, _LOST)
    walk = Walk(facts, located.rulebook, located.brand, now)
    step = located.step
    rule = run.rule
    if isinstance(step, Pause):
        walk.end(run, "continued")
        rule = walk.go_on(run, located.calls, located.program, located.place + 1)
    else:
        walk.end(run, "silent")
        if step.silence is not None:
            rule = walk.go_on(run, located.calls, located.program, step.silence)
    return _planned(walk, rule, "due")


class _Decision:
    """Acts on a route: one method for each."""

    def __init__(self, facts: Facts, message: Inbound, rulebook: Rulebook, number: NumberBook, now: int) -> None:
        self.facts = facts
        self.message = message
        self.rulebook = rulebook
        self.number = number
        self.now = now

    def plan(self, chosen: Route) -> Plan:
        """The plan of a route."""
        match chosen:
            case Started(rule, match):
                walk = Walk(self.facts, self.rulebook, self.rulebook.brands[rule.brand], self.now)
                return _planned(walk, walk.begin(rule, said(rule, match)))
            case Answered(located, match):
                return self.answered(located, match)
            case Commanded():
                return obey(self.facts, self.rulebook, self.number, chosen, self.now)
            case Doubtful(inner, brands, evidence):
                plan = self.plan(inner)
                return msgspec.structs.replace(plan, effects=(Hold(brands, evidence), *plan.effects))
            case Missed(located):
                return self.missed(located)
            case Unclaimed(brand):
                return self.unclaimed(brand)
            case _:
                assert_never(chosen)

    def answered(self, located: Located, match: Match) -> Plan:
        """The chain goes on in the answer's block."""
        step, run = located.step, located.run
        assert isinstance(step, Question)
        assert isinstance(match.key, int)
        walk = Walk(self.facts, located.rulebook, located.brand, self.now)
        walk.end(run, "answered")
        variables = {**run.variables, **match.captured, "text": self.message.text, "rest": match.rest}
        run = msgspec.structs.replace(run, variables=variables)
        return _planned(walk, walk.go_on(run, located.calls, located.program, step.targets[match.key]))

    def missed(self, located: Located) -> Plan:
        """The question again while it may; then its `else`, or the fallback with the question closed."""
        step, run = located.step, located.run
        assert isinstance(step, Question)
        walk = Walk(self.facts, located.rulebook, located.brand, self.now)
        if step.again is not None and run.misses < step.times:
            walk.scope.variables = dict(run.variables)
            walk.say(step.again, step.identity, run.rule)
            again = msgspec.structs.replace(run, misses=run.misses + 1, deployment=located.rulebook.deployment)
            walk.effects.append(Suspend(again))
            return _planned(walk, run.rule)
        if step.otherwise is None:
            return self.unclaimed(located.brand.name, run)
        walk.end(run, "missed")
        variables = {**run.variables, "text": self.message.text, "rest": self.message.text}
        run = msgspec.structs.replace(run, variables=variables)
        return _planned(walk, walk.go_on(run, located.calls, located.program, step.otherwise))

    def unclaimed(self, brand: str | None, missed: Run | None = None) -> Plan:
        """The brand's fallback, with a question that was missed too often closed; without a brand the operator's."""
        if brand is None:
            return self.neutral()
        fallback = self.number.fallbacks.get(brand)
        if fallback is None:
            effects = () if missed is None else (EndRun(missed.id, "missed"),)
            return Plan("unrouted", brand, effects=effects, deployment=self.rulebook.deployment)
        walk = Walk(self.facts, self.rulebook, self.rulebook.brands[brand], self.now)
        if missed is not None:
            walk.end(missed, "missed")
        return _planned(walk, walk.begin(fallback, {"text": self.message.text, "rest": self.message.text}))

    def neutral(self) -> Plan:
        """Nobody's text: the operator answers, and no brand sees it."""
        template, language = self.number.neutral.of(self.facts.contact.language)
        said = template.render({}, {}, language or "")
        text = SendText(
            brand=None, number=self.number.number, message_class="operator", text=said.text,
            encoding=said.encoding, segments=said.segments,
        )  # fmt: skip
        return Plan("unrouted", effects=(text,), deployment=self.rulebook.deployment)


def _planned(walk: Walk, rule: str, disposition: Disposition = "routed") -> Plan:
    return Plan(disposition, walk.brand.name, rule, tuple(walk.effects), walk.rulebook.deployment, walk.fault)


def _with_lost(plan: Plan, open_now: Standing) -> Plan:
    """Open questions that no rule set knows any more are closed with the next text."""
    ends = tuple(EndRun(run.id, "lost") for run in open_now.lost)
    return msgspec.structs.replace(plan, effects=(*ends, *plan.effects), fault=plan.fault or _LOST)
