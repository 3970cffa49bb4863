"""What happens along the paths of a chain: which names are set, how late it is, what nothing reaches.

Every block is walked once with the State that holds at its beginning. Chains that others run are walked after all of
those, with what holds at every place that runs them; a chain that runs itself, over whatever others, is an error.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace

from rules import syntax as s
from rules.check_offers import NAMED_TARGET
from rules.check_types import Types
from rules.links import read
from rules.named import BrandNames, Findings
from rules.places import inside
from rules.scopes import ANY, BUILT_IN, FIELDS, State, captured, join, refine
from rules.texts import Hole, template
from rules.walk import actions_of, strings_of

REPLY_WITHIN_MINUTES = 24 * 60
"""A reply is conversational: allowed this long after the contact's last text (LANGUAGE.md section 8)."""
MINUTES_OF = {"minute": 1, "hour": 60, "day": 1440, "week": 7 * 1440, "month": 28 * 1440, "year": 365 * 1440}
"""The least that a unit takes."""
DEFAULT_QUESTION_MINUTES = 1440
"""How long a question without `within` stays open."""
AGE_MINUTES = 10**12
"""Longer than any way through a chain."""


@dataclass(frozen=True, slots=True)
class Gain:
    """What running a chain does for what comes behind: names set, and how late it gets.

    `added` are the least minutes that pass on a way without a text from the contact, `since_text` the least since that
    text on a way with one (None: there is no such way).
    """

    names: Mapping[str, str] = field(default_factory=dict)
    maybe: Mapping[str, str] = field(default_factory=dict)
    added: int = 0
    since_text: int | None = None


NOTHING = Gain()


class Flow:
    """The paths of one brand's chains."""

    def __init__(self, brand: BrandNames, findings: Findings) -> None:
        self.brand = brand
        self.findings = findings
        self.types = Types(brand, findings)
        self.chains = {one.name: one for one in brand.whole if isinstance(one, s.Chain)}
        self.entries: dict[str, list[State]] = {}
        self.gains: dict[str, Gain | None] = {}
        self.event = False
        self.in_drip = False

    def check(self) -> None:
        """Tells of everything that goes wrong on some path."""
        order = self._callers_first()
        for declaration in self.brand.whole:
            self._root(declaration)
        for name in order:
            entry = join(self.entries.get(name, []))
            if entry is None or self.brand.partial or self.brand.lenient:
                if entry is None and not self.brand.partial:
                    self.findings.warning(
                        "R512",
                        self.chains[name].span,
                        f"Nothing runs the chain `{name}`.",
                        f"Write `run {name}` where it is meant to run, or delete it.",
                    )
                entry = replace(entry or State(minutes=0), everything=True)
            self.event, self.in_drip = True, False
            self._block(self.chains[name].block, entry)

    def _root(self, declaration: s.Declaration) -> None:
        self.event, self.in_drip = False, isinstance(declaration, s.Drip)
        match declaration:
            case s.Keyword(pattern=pattern, block=block):
                self._block(block, State().with_names(BUILT_IN).with_names(*captured(pattern)))
            case s.Fallback(block=block):
                self._block(block, State().with_names(BUILT_IN))
            case s.On(trigger=trigger, block=block):
                self.event = isinstance(trigger, s.OnEvent)
                self._block(block, State(minutes=None))
            case s.Drip(steps=steps):
                self.event = True
                for step in steps:
                    self._block(step.block, State(minutes=None))

    # --- blocks

    def _block(self, block: s.Block, state: State | None) -> State | None:
        for number, action in enumerate(block):
            if state is None:
                above = block[number - 1]
                self.findings.error(
                    "R503",
                    action.span,
                    "Nothing reaches this line: the chain ends above it.",
                    f"Delete it, or move it above line {above.span.line}.",
                )
                return None
            state = self._action(action, state)
        return state

    def _action(self, action: s.Action, state: State) -> State | None:
        """The state behind an action; None where the chain ends with it."""
        self._strings(action, state)
        match action:
            case s.Ask():
                return self._ask(action, state)
            case s.If():
                return self._if(action, state)
            case s.Split(arms=arms):
                return join([self._block(arm.block, state) for arm in arms])
            case s.Route():
                return None
            case s.Run(chain=name):
                return self._run(name, state)
            case s.Wait() | s.WaitForEvent() | s.WaitBefore():
                return self._wait(action, state)
            case _:
                return self._simple(action, state)

    def _simple(self, action: s.Action, state: State) -> State:
        """The state behind an action that every path leaves at its end."""
        match action:
            case s.Reply():
                help = 'Use `send`, which goes out under a consent: send transactional "…".'
                return self._in_time(action, state, "reply", help)
            case s.SetAttribute() | s.Add() | s.Record() | s.Notify():
                self._values(action, state)
            case s.Escalate():
                return state.with_names({"ticket": "text"})
            case s.Fetch(name=name, failed=failed):
                self._block(failed or (), state)
                return state.with_names({name: FIELDS})
            case s.OptIn() | s.Charge():
                if isinstance(action, s.Charge):
                    self._block(action.failed or (), state)
                return replace(state, minutes=0)
        return state

    def _ask(self, ask: s.Ask, state: State) -> State | None:
        if ask.message_class is None and not self.in_drip:
            state = self._in_time(ask, state, "ask", 'Ask earlier, or name a class: ask transactional "…".')
        if ask.until_before is not None and not self.event:
            self.types.no_event(ask.span, f"event.{ask.until_before[1]}")
        asked = replace(state, minutes=0)
        ends = [
            self._block(answer.block, asked.with_names(BUILT_IN).with_names(*captured(answer.pattern)))
            for answer in ask.answers
        ]
        self._block(ask.otherwise or (), asked.with_names(BUILT_IN))
        open_for = DEFAULT_QUESTION_MINUTES if ask.within is None else _least(ask.within)
        self._block(ask.silence or (), state.after(0 if ask.until_before else open_for))
        return join(ends) if ends else asked

    def _if(self, action: s.If, state: State) -> State | None:
        ends = []
        for branch in action.branches:
            self.types.condition(branch.condition, state, self.event)
            ends.append(self._block(branch.block, refine(state, branch.condition, True)))
            state = refine(state, branch.condition, False)
        ends.append(self._block(action.otherwise or (), state))
        return join(ends)

    def _wait(self, action: s.Wait | s.WaitForEvent | s.WaitBefore, state: State) -> State | None:
        if isinstance(action, s.WaitForEvent):
            late = state.after(_least(action.within))
            return join([self._block(action.then or (), state), self._block(action.silence or (), late)])
        if isinstance(action, s.WaitBefore):
            if not self.event:
                self.types.no_event(action.span, f"event.{action.event_field}")
            return state
        least = _least(action.duration)
        return state.after(least if action.at is None else max(0, least - MINUTES_OF["day"]))

    def _values(self, action: s.SetAttribute | s.Add | s.Record | s.Notify, state: State) -> None:
        attributes = self.brand.attributes
        if isinstance(action, s.SetAttribute):
            kind = self.types.value(action.value, state, self.event)
            wanted = attributes.get(action.attribute, ANY)
            self.types.fits(wanted, action.value, kind, f"contact.{action.attribute} holds")
        elif isinstance(action, s.Add):
            self.types.fits("number", action.amount, self.types.value(action.amount, state, self.event), "`add` takes")
            kind = attributes.get(action.attribute, "number")
            if kind != "number":
                self.findings.error(
                    "R425",
                    action.span,
                    f"contact.{action.attribute} is of type {kind}; only a number can be added to.",
                    f"Use `set contact.{action.attribute} = …`, or make it a number in the block of `contact`.",
                )
        else:
            for value in action.values if isinstance(action, s.Notify) else (action.value,):
                self.types.value(value, state, self.event)

    def _in_time(self, action: s.Action, state: State, word: str, help: str) -> State:
        """Tells of what answers a text too late; told once on a path."""
        if state.everything:
            return state
        if state.minutes is None:
            message = f"`{word}` answers a text, and no text started this chain."
        elif state.minutes > REPLY_WITHIN_MINUTES:
            message = f"`{word}` is reached only when the contact's last text is more than 24 hours ago."
        else:
            return state
        self.findings.error("R502", action.span, message, help)
        return replace(state, minutes=0)

    def _strings(self, action: s.Action, state: State) -> None:
        known = state.with_names({"price": "text"}) if isinstance(action, s.Charge) else state
        for string in strings_of(action):
            for hole in template(string.value).holes:
                place = inside(string, hole.start, hole.end)
                if hole.kind == "name":
                    self.types.hole(hole.name, place, known, hole.default)
                elif hole.kind == "field":
                    self.types.hole(hole.name.split(".")[0], place, known, hole.default)
                elif hole.kind == "event":
                    self._told_by_event(f"event.{hole.name}", place)
                elif hole.kind == "link":
                    self._link(hole, place, known)

    def _link(self, hole: Hole, place: s.Span, known: State) -> None:
        """A link may lead to what a name stands for."""
        target = read(hole.name).target
        if target.startswith("event."):
            self._told_by_event(target, place)
        elif target and "." not in target and NAMED_TARGET.fullmatch(target) and read(hole.name).kind == "url":
            self.types.hole(target, place, known, hole.default)

    def _told_by_event(self, name: str, place: s.Span) -> None:
        if not self.event:
            self.types.no_event(place, name)

    # --- chains that are run

    def _run(self, name: str, state: State) -> State | None:
        self.entries.setdefault(name, []).append(state)
        if name not in self.chains:
            return replace(state, everything=True)
        gain = self.gains.get(name, NOTHING)
        if gain is None:
            return None
        behind = state.with_names(gain.names, gain.maybe)
        if state.minutes is None:
            return replace(behind, minutes=gain.since_text)
        if gain.since_text is None:
            return behind.after(gain.added)
        return replace(behind, minutes=min(state.minutes + gain.added, gain.since_text))

    def _callers_first(self) -> list[str]:
        """The chains in an order in which each comes after all that run it; tells of circles."""
        finished: list[str] = []
        open_chains: list[str] = []

        def visit(name: str) -> None:
            open_chains.append(name)
            for action in actions_of(self.chains[name]):
                if not isinstance(action, s.Run) or action.chain not in self.chains:
                    continue
                if action.chain in open_chains:
                    circle = [*open_chains[open_chains.index(action.chain) :], action.chain]
                    self.findings.error(
                        "R506",
                        action.span,
                        f"The chain `{action.chain}` runs itself: {' runs '.join(circle)}.",
                        "A chain must come to an end: take one of these `run` lines out.",
                    )
                elif action.chain not in finished:
                    visit(action.chain)
            open_chains.pop()
            finished.append(name)
            self.gains[name] = self._gain(name)

        for name in self.chains:
            if name not in finished:
                visit(name)
        return finished[::-1]

    def _gain(self, name: str) -> Gain | None:
        """What a chain does for whatever runs it; None where it never comes back."""
        block = self.chains[name].block
        quiet = Flow(self.brand, Findings())
        quiet.gains, quiet.event = self.gains, True
        # Begun an age ago, the shortest way back is one with a text on it; begun an age ahead, one without.
        late = quiet._block(block, State(everything=True, minutes=AGE_MINUTES))
        early = quiet._block(block, State(everything=True, minutes=-AGE_MINUTES))
        if late is None or early is None or late.minutes is None or early.minutes is None:
            return None
        since_text = late.minutes if late.minutes < AGE_MINUTES // 2 else None
        return Gain(late.names, late.maybe, min(early.minutes, 0) + AGE_MINUTES, since_text)


def _least(duration: s.Duration) -> int:
    return duration.count * MINUTES_OF[duration.unit]
