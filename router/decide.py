"""What a cause leads to: `decide` for a text that came in, `resume` for what fell due. Pure, so that transcripts,
explain and replay run the very code that production runs.

Every instant and every fact is an argument. What cannot be known yet is asked for with `Needs`, and the same call is
made again.
"""

from __future__ import annotations

from typing import Final, assert_never

import msgspec

from router.case import Books
from router.commands import Commanded, obey, stranded
from router.interpret import Walk, said
from router.messages import Facts, Inbound, Run
from router.plan import (
    Disposition,
    Effect,
    EndRun,
    Hold,
    Leave,
    Needs,
    Outcome,
    Plan,
    SendText,
    Tried,
    Unknown,
    Waiting,
)
from router.routes import (
    NOTHING_OPEN,
    Answered,
    Declined,
    Doubtful,
    Located,
    Missed,
    Open,
    Route,
    Started,
    Unclaimed,
    is_turned_away,
    locate,
    number_of,
    open_questions,
    route,
)
from router.strand import BY_TEXT, with_text
from router.walking import look_again
from rules.actions import Await, Enlist, Pause, Question, Stage
from rules.keywords import Match
from rules.rulebook import BrandBook, NumberBook, Rulebook

__all__ = ["Books", "decide", "resume"]

_LOST: Final = "a suspended run stands in a rule set that cannot be had any more"


def decide(facts: Facts, books: Books, now: int, tried: list[Tried] | None = None) -> Plan | Needs:
    """The plan for `facts.message`, which must be there. `tried` collects why each step passed it over."""
    message = facts.message
    assert message is not None, "a text is decided on; what fell due is resumed"
    number = books.newest.numbers.get(facts.number)
    if number is None:
        return _nobodys(facts, message, books, now)
    open_now = open_questions(facts, books, now)
    if isinstance(open_now, Needs):
        return open_now
    chosen = route(facts, message, number, open_now, now, tried)
    if is_turned_away(chosen, number, facts.contact.address):
        return Plan("out_of_market", deployment=books.newest.deployment)
    try:
        plan = _Decision(facts, message, books, number, now).plan(chosen)
    except Unknown as unknown:
        return unknown.needs
    return _with_lost(plan, open_now, facts, now) if open_now.lost else plan


def _nobodys(facts: Facts, message: Inbound, books: Books, now: int) -> Plan | Needs:
    """A number that no rules have, or none any more: nobody gets its texts, yet a brand that has spoken there, or still
    does, is silenced by a STOP to it, and given back by what the confirmation offers."""
    number, plan = number_of(books.newest, facts.number), Plan("unrouted", deployment=books.newest.deployment)
    chosen = route(facts, message, number, NOTHING_OPEN, now, None)
    if not isinstance(chosen, Commanded) or chosen.reserved.kind == "help":
        return plan
    deciding = _Decision(facts, message, books, number, now)
    try:
        is_meant = chosen.reserved.kind == "start" or bool(deciding.left(chosen))
        return deciding.plan(chosen) if is_meant else plan
    except Unknown as unknown:
        return unknown.needs


def resume(facts: Facts, run: Run, books: Books, now: int) -> Plan | Needs:
    """The plan for a run whose wait is over, whose question nobody answered in time, whose step falls due."""
    located = locate(run, books)
    if isinstance(located, Needs):
        return located
    if located is None:
        return Plan("due", run.brand, run.rule, ended(run, "lost"), run.deployment, _LOST)
    walk = Walk(facts, books, located.rulebook, located.brand, now)
    try:
        _resumed(walk, located)
    except Unknown as unknown:
        return unknown.needs
    return planned(walk, run.rule, "due")


def _resumed(walk: Walk, located: Located) -> None:
    run, step = located.run, located.step
    match step:
        case Question(silence=silence) | Await(silence=silence) if run.kind in ("question", "event"):
            walk.end(run, "silent")
            if silence is None:
                walk.over(run, located.rule)
            else:
                if isinstance(step, Question):  # nobody's answer agrees to nothing that it leads to
                    run = msgspec.structs.replace(run, variables={**run.variables, BY_TEXT: 0})
                walk.go_on(run, located.rule, located.calls, located.program, silence)
        case Enlist() if run.kind == "confirm":
            walk.lapse(run)
        case Enlist():
            walk.end(run, "silent")
        case Stage(identity=identity):
            walk.end(run, "continued")
            walk.go_on_stage(run, located.rule, located.program, identity)
        case _:
            walk.end(run, "continued")
            onward = located.place + 1 if isinstance(step, Pause) else located.place  # a text that was held is said now
            walk.go_on(run, located.rule, located.calls, located.program, onward)


class _Decision:
    """Acts on a route: one method for each."""

    def __init__(self, facts: Facts, message: Inbound, books: Books, number: NumberBook, now: int) -> None:
        self.facts = facts
        self.message = message
        self.books = books
        self.rulebook = books.newest
        self.number = number
        self.now = now

    def plan(self, chosen: Route) -> Plan:
        """The plan of a route."""
        match chosen:
            case Started(rule, match):
                walk = self.walk(self.rulebook, self.rulebook.brands[rule.brand])
                walk.begin(rule, said(rule, match))
                return planned(walk)
            case Answered(located, match):
                return self.answered(located, match)
            case Declined(located):
                walk = self.walk(located.rulebook, located.brand)
                walk.end(located.run, "declined")
                return planned(walk, located.run.rule)
            case Commanded():
                return obey(self.facts, self.rulebook, self.number, chosen, self.now, self.left(chosen))
            case Doubtful(inner, brands, evidence):
                plan = self.plan(inner)
                return msgspec.structs.replace(plan, effects=(Hold(brands, evidence), *plan.effects))
            case Missed(located):
                return self.missed(located)
            case Unclaimed(brand):
                return self.unclaimed(brand)
            case _:
                assert_never(chosen)

    def left(self, command: Commanded) -> tuple[str, ...]:
        """The brands that a STOP finds on the number and not in the rules for it. Raises Unknown where it must be asked
        what is under way."""
        if command.reserved.kind != "stop" or (command.brand is not None and self.number.shared):
            return ()
        contact, waiting = self.facts.contact, frozenset[str]()
        if not contact.is_new:
            need = Waiting(contact.id, self.facts.number)
            if need not in self.books.known:
                raise Unknown(need)
            waiting = self.books.known[need]  # type: ignore[assignment]
        return stranded(self.facts, self.number, waiting)

    def answered(self, located: Located, match: Match) -> Plan:
        """The chain goes on in the answer's block."""
        step, run = located.step, located.run
        walk = self.walk(located.rulebook, located.brand)
        walk.end(run, "answered")
        if isinstance(step, Enlist):
            run = msgspec.structs.replace(run, variables=with_text(located.rule, run.variables))
            if run.kind == "lapsed":
                walk.confirm_again(run, located.rule, located.calls, step)
            else:
                walk.confirmed(run, located.rule, located.calls, step, located.program, located.place + 1)
            return planned(walk)
        assert isinstance(step, Question)
        assert isinstance(match.key, int)
        variables = {**run.variables, **match.captured, "text": self.message.text, "rest": match.rest}
        run = msgspec.structs.replace(run, variables=with_text(located.rule, variables))
        walk.go_on(run, located.rule, located.calls, located.program, step.targets[match.key])
        return planned(walk)

    def walk(self, rulebook: Rulebook, brand: BrandBook) -> Walk:
        """A chain of that brand's to be run for the text."""
        return Walk(self.facts, self.books, rulebook, brand, self.now)

    def missed(self, located: Located) -> Plan:
        """The question again while it may; then its `else`, or the fallback with the question closed."""
        step, run = located.step, located.run
        assert isinstance(step, Question)
        walk = self.walk(located.rulebook, located.brand)
        if step.again is not None and run.misses < step.times:
            walk.repeat(run, located.rule, located.calls, step)
            return planned(walk)
        if step.otherwise is None:
            return self.unclaimed(located.brand.name, run)
        walk.end(run, "missed")
        variables = {**run.variables, "text": self.message.text, "rest": self.message.text}
        run = msgspec.structs.replace(run, variables=with_text(located.rule, variables))
        walk.go_on(run, located.rule, located.calls, located.program, step.otherwise)
        return planned(walk)

    def unclaimed(self, brand: str | None, missed: Run | None = None) -> Plan:
        """The brand's fallback, with a question that was missed too often closed; without a brand the operator's."""
        if brand is None:
            return self.neutral()
        fallback = self.number.fallbacks.get(brand)
        if fallback is None:
            effects = () if missed is None else _closed(self.facts, missed, "missed", self.now)
            return Plan("unrouted", brand, effects=effects, deployment=self.rulebook.deployment)
        walk = self.walk(self.rulebook, self.rulebook.brands[brand])
        if missed is not None:
            walk.end(missed, "missed")
            walk.case.effects.extend(ended(missed, "missed")[1:])
        walk.begin(fallback, {"text": self.message.text, "rest": self.message.text})
        return planned(walk)

    def neutral(self) -> Plan:
        """Nobody's text: the operator answers, and no brand sees it."""
        template, language = self.number.neutral.of(self.facts.contact.language)
        said = template.render({}, {}, language or "")
        text = SendText(
            brand=None, number=self.number.number, message_class="operator", text=said.text,
            encoding=said.encoding, segments=said.segments,
        )  # fmt: skip
        return Plan("unrouted", effects=(text,), deployment=self.rulebook.deployment)


def ended(run: Run, outcome: Outcome) -> tuple[Effect, ...]:
    """A stored run is over, by whatever is left of its rule; whoever was in a drip has left it."""
    end, head = EndRun(run.id, outcome), run.rule.removeprefix(f"{run.brand}/")
    drip = head.removeprefix("drip ")
    return (end,) if drip == head else (end, Leave(run.brand, drip, outcome))


def planned(walk: Walk, rule: str = "", disposition: Disposition = "routed") -> Plan:
    """What a walk comes to; `rule` names the rule where none ran."""
    case = walk.case
    return Plan(
        disposition, case.brand.name, walk.rule or rule, tuple(case.effects), case.rulebook.deployment, case.fault
    )


def _closed(facts: Facts, run: Run, outcome: Outcome, now: int) -> tuple[Effect, ...]:
    """A question is over without a chain that goes on; what waited for its end waits no more."""
    return (*ended(run, outcome), *look_again(facts, run.brand, now))


def _with_lost(plan: Plan, open_now: Open, facts: Facts, now: int) -> Plan:
    """Open questions that no rule set knows any more are closed with the next text."""
    ends = tuple(effect for run in open_now.lost for effect in _closed(facts, run, "lost", now))
    return msgspec.structs.replace(plan, effects=(*ends, *plan.effects), fault=plan.fault or _LOST)
