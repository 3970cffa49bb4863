"""Drips: which step comes next, whether it may be performed now, who enters and what ends it early."""

from __future__ import annotations

from collections.abc import Callable
from typing import Final, assert_never

from router.asking import Asking
from router.messages import Run
from router.plan import Answer, Enrolled, Enter, Outcome, Suspend
from router.routes import rules_of
from router.senders import number_for
from router.strand import FREE, OF_A_DRIP, PURPOSE, Strand
from router.walking import HELD
from rules.actions import Program
from rules.hours import ALWAYS
from rules.rulebook import Rule, Terms
from rules.timeline import Perform, Planned, Skip, Wait, behind, is_in_time, next_moment, when_due
from rules.times import after

SKIPPED: Final = -1
"""Instead of a place: the step is left out."""
MOST_WITHIN: Final = 16
"""Drips begun one within the other by one cause: each begins the next at once, and nobody means so many."""
REFUSED: Final = "refused"
"""How the enrolment ended of a contact that has not allowed the drip's texts: it was none."""


class Drips(Asking):
    """The time line of drips, and how contacts come into them and out of them."""

    __slots__ = ()

    def turn(self, program: Program) -> int | None:
        """Where the drip's next step begins, when it is due now; else the run waits for it, or is over."""
        case, strand = self.case, self.here
        while True:
            found = next_moment(program.timeline, strand.started_at, strand.cursor, case.zone)
            if found is None:
                self.finish("finished")
                return None
            strand.plan(found)
            onward = self.stage(program, found)
            if onward != SKIPPED:
                return onward

    def go_on_stage(self, run: Run, rule: Rule, program: Program, identity: str) -> None:
        """The drip's step at hand falls due."""
        variables = {name: value for name, value in run.variables.items() if name != HELD}
        if run.variables.get(HELD) and run.due_at is not None:
            variables[FREE] = run.due_at  # the question's end, or when it was seen
        self.enter(Strand.of(run, rule, (), variables))
        moment = next(one for one in program.timeline if one.identity == identity)
        onward = self.stage(program, self.here.planned(moment))
        if onward == SKIPPED:
            onward = self.turn(program)
        if onward is not None:
            self.follow(self.run(program, onward))

    def stage(self, program: Program, planned: Planned) -> int | None:
        """Where the block of a step begins that may be performed now; None: it waits; SKIPPED: it is left out."""
        case, strand = self.case, self.here
        identity = planned.moment.identity
        if planned.at > case.now:
            self.suspend("step", identity, planned.at)
            return None
        promotional = strand.drip_class == "promotional"
        if promotional and (open_until := self._open_question()) is not None:
            strand.variables[HELD] = int(is_in_time(planned, case.now, case.zone, case.hours, strand.started_at))
            self.suspend("step", identity, open_until)
            return None
        hours = case.hours if promotional else ALWAYS
        match when_due(planned, case.now, case.zone, hours, strand.started_at):
            case Perform():
                strand.cursor = behind(strand.cursor, planned, strand.started_at, case.zone)
                return program.places[identity]
            case Wait(until=until):
                self.suspend("step", identity, max(until, (promotional and case.opens_at()) or until))
                return None
            case Skip(reason=reason):
                strand.cursor = behind(strand.cursor, planned, strand.started_at, case.zone)
                if reason != "superseded":  # of a recurring step only the newest time counts
                    self.leave_out(identity, f"step_{reason}")
                return SKIPPED
            case due:
                assert_never(due)

    def _open_question(self) -> int | None:
        """When the brand's open question to the contact closes, the first of them; None: there is none. What the cause
        at hand has asked is open too."""
        case = self.case
        open_until = [
            run.due_at
            for run in (*case.facts.runs, *(one.run for one in case.effects if isinstance(one, Suspend)))
            if run.kind in ("question", "confirm") and run.brand == case.brand.name and run.id not in self._ended
            and run.due_at is not None and run.due_at > case.now
        ]  # fmt: skip
        return min(open_until, default=None)

    def enrol(self, name: str) -> None:
        """`start`: the contact enters a drip, if it may, and gets what is due at once."""
        case, upper = self.case, self.here
        brand, rule = case.brand.name, case.brand.drips[name]
        terms = rule.terms
        assert terms is not None, "a drip has terms"
        last = case.know(Enrolled(case.facts.contact.id, brand, name))
        if name in self._entered or not self._may_enter(last, terms):
            return
        if len(self._above) >= MOST_WITHIN:
            case.fault = f"more than {MOST_WITHIN} drips begun one within the other"
            return
        known = {key: value for key, value in upper.variables.items() if key not in OF_A_DRIP}
        strand = Strand(rule, known, number_for(case), upper.cause_id, case.now)
        purpose = strand.purpose
        if not case.allows(strand.drip_class, purpose):
            purpose = name  # a consent for a programme may bear the drip's name
        if case.profile.opted_out_at is not None or not case.allows(strand.drip_class, purpose):
            self._refuse(name, strand)
            return
        strand.variables[PURPOSE] = purpose
        self._entered |= {name}
        case.effects.append(Enter(brand, name, strand.cause_id))
        self._above = (*self._above, upper)
        self.enter(strand)
        self.follow(self.run(rule.program, 0))
        self.back_to(upper)

    def _refuse(self, drip: str, strand: Strand) -> None:
        """Recorded once: a contact that may not enter is asked for again and again, perhaps."""
        case = self.case
        last = case.know(Enrolled(case.facts.contact.id, case.brand.name, drip))
        reason = f"no_consent({strand.drip_class})"
        if last is None:
            case.effects.append(Enter(case.brand.name, drip, strand.cause_id, reason))
            upper, self.strand = self.strand, strand
            self.leave_out("", reason)
            self.strand = upper

    def expel(self, name: str) -> None:
        """`finish`: the contact leaves a drip."""
        rule = self.case.brand.drips[name]
        for run in self.case.facts.runs:
            if run.rule == rule.identity and run.id not in self._ended:
                self.leave(run, rule, "exited")
        self.recall(rule, "exited")
        self.finish_those(lambda one: one is rule, "exited")

    def withdraw(self) -> None:
        """`opt out`: the brand's promotional drips end, this one too; any other chain goes on."""
        self.case.permit("revoke", "promotional", "")
        self._end_all(_is_promotional, "stopped")

    def exits_by_tag(self, tag: str) -> None:
        """What a tag ends early: stored runs, those just begun, and the one under way."""
        self._end_all(lambda terms: tag in terms.exit_tags, "exited")

    def _end_all(self, wanted: Callable[[Terms], bool], outcome: Outcome) -> None:
        """End those whose terms are wanted, each by the terms of the rules that it goes on by. Raises Unknown."""
        case = self.case
        stored = [run for run in case.facts.runs if run.id not in self._ended]
        begun = [effect.run for effect in case.effects if isinstance(effect, Suspend) and not effect.run.id]
        own = [run for run in (*stored, *begun) if run.brand == case.brand.name]
        for run, rule in rules_of(own, case.books):
            if rule.terms is None or not wanted(rule.terms):
                continue
            if run.id:
                self.leave(run, rule, outcome)
            else:
                self.recall(rule, outcome)
        self.finish_those(lambda one: one.terms is not None and wanted(one.terms), outcome)

    def _may_enter(self, last: Answer, terms: Terms) -> bool:
        """Whoever is under way does not enter again, whoever is through only `again after` so long."""
        if not isinstance(last, tuple):
            return True
        entered_at, outcome = last
        if outcome == REFUSED:
            return True
        return (
            bool(outcome)
            and terms.again is not None
            and (after(entered_at, terms.again, self.case.zone) <= self.case.now)
        )


def _is_promotional(terms: Terms) -> bool:
    return terms.message_class == "promotional"
