"""What every part of running a chain stands on: the strand under way, what ends, what is suspended."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator
from typing import Final

import msgspec

from router import consent
from router.case import Books, Case
from router.messages import Facts, Run, RunKind
from router.plan import Clicked, EndRun, Happened, Leave, Outcome, Suspend
from router.saying import Speaker
from router.segments import TOLD
from router.strand import NEW_CONTACT, Strand
from rules.actions import Program
from rules.expressions import Scope
from rules.rulebook import BrandBook, NumberBook, Rule, Rulebook

HELD: Final = "for question"
"""Where a drip's run keeps that it waits for the end of an open question: 1, or 0 where it was late already."""


class Walking(ABC):
    """One cause under way: `case` is what it comes to, `strand` the chain that runs now.

    Nothing it holds may point back at it: a ring per text is garbage that only the collector finds, and its pauses are
    what every other text would wait for.
    """

    __slots__ = ("_above", "_ended", "_entered", "_left", "_steps", "case", "is_new", "number", "speaker", "strand")

    def __init__(self, facts: Facts, books: Books, rulebook: Rulebook, brand: BrandBook, now: int) -> None:
        self.case = case = Case(facts, books, rulebook, brand, now)
        self.number: NumberBook | None = rulebook.numbers.get(facts.number)
        self.is_new = facts.contact.is_new
        self.speaker = Speaker(case)
        self.strand: Strand | None = None
        self._ended: frozenset[int] = frozenset()
        self._entered: frozenset[str] = frozenset()
        self._above: tuple[Strand, ...] = ()
        """Chains that go on when the one that they began has ended or waits, outermost first."""
        self._left = False
        self._steps = 0

    @abstractmethod
    def run(self, program: Program, place: int) -> str | None:
        """Steps until the chain ends or suspends; the text of a `route` that hands the message on."""

    @abstractmethod
    def follow(self, text: str | None) -> None:
        """Go wherever `route` hands the message on to."""

    def go_by(self, rulebook: Rulebook, brand: BrandBook) -> None:
        """Go by these rules from here on: a run by those that it began in, what begins by the newest."""
        self.case.go_by(rulebook, brand)
        self.number = rulebook.numbers.get(self.case.facts.number)

    @property
    def scope(self) -> Scope:
        """What the chain's conditions and values see: the contact as it stands now."""
        case = self.case
        profile = case.profile
        seen = Scope(self.here.variables, profile.attributes, profile.tags, self.is_new, case.now, lambda: case.zone)
        seen.told = self
        return seen

    def happened(self, event: str, since: int) -> int:
        """How often an event happened since; the run's own trigger does not count (rules.expressions.Told), what is
        happening now does, though it stands in no table yet."""
        case, but = self.case, self.here.cause_id
        answer = case.know(Happened(case.facts.contact.id, case.brand.name, event, since, but))
        times = answer if isinstance(answer, int) else 0
        now = case.facts.occurrence
        if now is not None and now.source in TOLD and now.name == event and now.id != but and now.at >= since:
            times += 1
        return times

    def clicked(self) -> bool:
        """Whether a link of the run was clicked."""
        strand = self.here
        return bool(self.case.know(Clicked(self.case.facts.contact.id, strand.cause_id, strand.rule.identity)))

    def consents(self, message_class: str) -> bool:
        """Whether texts of that class are allowed, for whatever programme or transaction."""
        return consent.is_allowed(self.case.profile, message_class)

    @property
    def here(self) -> Strand:
        """The chain that runs now."""
        assert self.strand is not None, "a chain is under way"
        return self.strand

    def end(self, run: Run, outcome: Outcome) -> None:
        """A stored run is over; said once."""
        if run.id not in self._ended:
            self._ended |= {run.id}
            self.case.effects.append(EndRun(run.id, outcome))
            if run.kind in ("question", "confirm"):
                self._wake_those_held()

    def is_over(self, run: Run) -> bool:
        """Whether a stored run was ended by the cause at hand."""
        return run.id in self._ended

    def _wake_those_held(self) -> None:
        case = self.case
        woken = look_again(case.facts, case.brand.name, case.now)
        case.effects.extend(one for one in woken if one.run.id not in self._ended)

    def enter(self, strand: Strand) -> None:
        """Make this the chain that runs now."""
        self.strand = strand
        self._left = False

    def leave(self, run: Run, rule: Rule, outcome: Outcome) -> None:
        """A stored run of a drip, or of a chain that something ends early, is over."""
        self.end(run, outcome)
        self._out_of(rule, outcome)

    def recall(self, rule: Rule, outcome: Outcome) -> None:
        """A run that the cause at hand began, and that waits already, is over too."""
        effects = self.case.effects
        kept = [
            effect
            for effect in effects
            if not (isinstance(effect, Suspend) and not effect.run.id and effect.run.rule == rule.identity)
        ]
        if len(kept) < len(effects):
            effects[:] = kept
            self._out_of(rule, outcome)

    def finish(self, outcome: Outcome) -> None:
        """The chain under way is over, whatever stands below."""
        self._left = True
        self._out_of(self.here.rule, outcome)

    def finish_those(self, wanted: Callable[[Rule], bool], outcome: Outcome) -> None:
        """The same for every chain under way that is wanted, whatever it has begun that goes on."""
        for strand in self._above:
            if wanted(strand.rule):
                self._above = tuple(one for one in self._above if one is not strand)
                self._out_of(strand.rule, outcome)
        if wanted(self.here.rule):
            self.finish(outcome)

    def back_to(self, upper: Strand) -> None:
        """The chain within has ended or waits: the one that began it goes on, unless something within ended that."""
        self.enter(upper)
        if self._above and self._above[-1] is upper:
            self._above = self._above[:-1]
        else:
            self._left = True

    def _out_of(self, rule: Rule, outcome: Outcome) -> None:
        if rule.terms is not None and rule.terms.message_class:
            self.case.effects.append(Leave(self.case.brand.name, rule.head.removeprefix("drip "), outcome))

    def suspend(self, kind: RunKind, identity: str, due_at: int) -> None:
        """Keep the chain under way at a step until it falls due."""
        strand = self.here
        variables = strand.variables
        if self.is_new:
            variables = {**variables, NEW_CONTACT: 1}
        if secrets := self.case.brand.secrets:  # a code is kept nowhere
            kept = {f"event.{field}" for field in secrets}
            variables = {name: value for name, value in variables.items() if name not in kept}
        self.case.effects.append(
            Suspend(
                Run(
                    kind=kind,
                    brand=self.case.brand.name,
                    number=strand.number,
                    rule=strand.rule.identity,
                    frames=(*(call for _, _, call in strand.calls), identity),
                    deployment=self.case.rulebook.deployment,
                    variables=variables,
                    due_at=due_at,
                    started_at=strand.started_at,
                    cause_id=strand.cause_id,
                )
            )
        )


def look_again(facts: Facts, brand: str, now: int) -> Iterator[Suspend]:
    """Drips of a brand's that waited for the end of a question look again at once."""
    for run in facts.runs:
        if HELD in run.variables and run.brand == brand:
            yield Suspend(msgspec.structs.replace(run, due_at=now))
