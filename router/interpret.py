"""Running a chain for one cause: steps in, effects out, until it ends or suspends.

A `Walk` is one brand's view of one contact while one message (or one due run, or one event) is worked off. Everything
is bounded, and a bound that cuts something says so in `fault`: a text too many is withheld with its reason, never
dropped.
"""

from __future__ import annotations

from datetime import UTC
from decimal import Decimal
from hashlib import blake2b
from types import NoneType
from typing import Final, assert_never

from router.case import local_date
from router.drips import Drips
from router.messages import Run
from router.plan import RecordValue, SampleOf
from router.strand import ARM, BY_TEXT, NEW_CONTACT, Frame, Strand
from rules.actions import (
    Act,
    AddValue,
    Await,
    Call,
    Draw,
    End,
    Enlist,
    Enrol,
    Expel,
    Jump,
    Mail,
    Note,
    Pause,
    Program,
    PutTag,
    Question,
    Reroute,
    Say,
    SetValue,
    Stage,
    TakeTag,
    Turn,
    Unless,
    Withdraw,
)
from rules.expressions import holds, value_of
from rules.facts import Value
from rules.keywords import Match
from rules.rulebook import Rule
from rules.times import after
from rules.words import words_of

MOST_STEPS: Final = 1_000
"""Steps one cause may take: a chain that needs more is a mistake, and no message may hold up the others."""
MOST_ROUTES: Final = 5
"""Times one message may be handed on by `route` (LANGUAGE.md section 6)."""

NO_ARM: Final = "split {}: {!r} has won, and is none of its arms: each contact gets its own"

_ACTS: Final = (PutTag, TakeTag, SetValue, AddValue, Note, Enrol, Expel, Withdraw, Mail)


class Walk(Drips):
    """One cause under way. Give it a rule to `begin`, or a suspended run to `go_on`; then read `case`, `rule`."""

    __slots__ = ()

    @property
    def rule(self) -> str:
        """The identity of the rule it came to, by `route` perhaps; empty where none ran."""
        return "" if self.strand is None else self.strand.rule.identity

    def begin(self, rule: Rule, variables: dict[str, Value]) -> None:
        """Run a rule from its first step; an earlier run of it ends, unless it has one per value of a field."""
        self.follow(self._start(rule, variables))

    def go_on(self, run: Run, rule: Rule, calls: tuple[Frame, ...], program: Program, place: int) -> None:
        """Run on at a place of a suspended run's program."""
        self.enter(Strand.of(run, rule, calls, run.variables))
        self.is_new = NEW_CONTACT in run.variables
        self.follow(self.run(program, place))

    def _start(self, rule: Rule, variables: dict[str, Value]) -> str | None:
        facts = self.case.facts
        if rule.terms is None or not rule.terms.per:
            for run in facts.runs:
                if run.rule == rule.identity and run.number == facts.number:
                    self.end(run, "replaced")
        self.enter(Strand(rule, variables, facts.number, self.case.cause_id, self.case.now))
        return self.run(rule.program, 0)

    def follow(self, text: str | None) -> None:
        """Go wherever `route` hands the message on to."""
        routes = 0
        while text is not None:
            routes += 1
            if routes > MOST_ROUTES:
                self.case.fault = f"more than {MOST_ROUTES} routes in one message"
                break
            onward = self._route(text)
            if onward is None:
                self.case.fault = f"nothing of {self.case.brand.name} takes the route {text!r}"
                break
            rule, variables = onward
            text = self._start(rule, variables if self.here.by_text else {**variables, BY_TEXT: 0})

    def _route(self, text: str) -> tuple[Rule, dict[str, Value]] | None:
        """The brand's rule for a text of its own: a keyword that fits, else its fallback."""
        number, brand = self.number, self.case.brand.name
        if number is None:
            return None
        words = words_of(text)
        match = number.matcher.match(words, local_date(self.case.now, number.zone), self.case.facts.contact.language)
        if match is not None and isinstance(match.key, Rule) and match.key.brand == brand:
            return match.key, said(match.key, match)
        fallback = number.fallbacks.get(brand)
        return None if fallback is None else (fallback, {"text": text, "rest": text})

    def run(self, program: Program, place: int) -> str | None:
        """Steps until the chain ends or suspends; the text of a `route` that hands the message on."""
        strand = self.here
        while True:
            if place >= len(program.steps):
                if not strand.calls:
                    return None
                program, place, _ = strand.calls.pop()
                continue
            self._steps += 1
            if self._steps > MOST_STEPS:
                self.case.fault = f"more than {MOST_STEPS} steps in one message"
                self.finish("failed")
                return None
            step = program.steps[place]
            place += 1
            if isinstance(step, Say) and step.message_class == "conversational":  # most steps are
                self.speaker.say(strand, step.texts, step.identity)
                continue
            if isinstance(step, _ACTS):
                self._act(step)
                if self._left:
                    return None
                continue
            match step:
                case Jump() | Unless() | Draw() | Call() | Turn() | Stage():
                    onward = self._onward(step, program, place)
                    if onward is None:
                        return None
                    program, place = onward
                case Say() | Enlist() | Question() | Pause() | Await():
                    if self._stands_at(step):
                        return None
                case Reroute():
                    self.finish("finished")
                    return step.template.text(strand.variables, self.case.profile.attributes, self.case.brand.language)
                case End():
                    self.finish("finished")
                    return None
                case _:
                    assert_never(step)

    def _onward(
        self, step: Jump | Unless | Draw | Call | Turn | Stage, program: Program, place: int
    ) -> tuple[Program, int] | None:  # fmt: skip
        """Where the chain goes on; None where it waits, or a drip is over."""
        target: int | None
        match step:
            case Jump():
                target = step.target
            case Unless():
                target = place if holds(step.condition, self.scope) else step.target
            case Call():
                self.here.calls.append((program, place, step.identity))
                return self.case.brand.chains[step.chain].program, 0
            case Draw():
                target = self._drawn(step)
            case Turn():
                target = self.turn(program)
            case Stage():  # its block follows
                target = place
            case _:
                assert_never(step)
        return None if target is None else (program, target)

    def _stands_at(self, step: Say | Enlist | Question | Pause | Await) -> bool:
        """Do a step that a run may stand at; gives whether it does, or ends there."""
        match step:
            case Say():
                return self.held(step)
            case Enlist():
                return self.asked(step)
            case _:
                self.wait(step)
                return True

    def _drawn(self, step: Draw) -> int | None:
        """Where the contact's arm begins; None when it waits for the winner of a sample."""
        case, strand = self.case, self.here
        address, brand = case.facts.contact.address, case.brand.name
        arm, target = arm_of(address, brand, step)
        if step.sample:
            ends_at, winner = self._sample(step)
            if hundredth_of(address, brand, f"{step.name} sample") >= step.sample:
                if winner is None:
                    self.suspend("sample", step.identity, ends_at)
                    return None
                won = next((at for name, _, at in step.arms if name == winner), None)
                if won is None:  # renamed since, or taken out
                    case.fault = NO_ARM.format(step.name, winner)
                else:
                    arm, target = winner, won
        strand.variables[ARM] = f"{step.name}={arm}"
        return target

    def _sample(self, step: Draw) -> tuple[int, str | None]:
        """When the sample ends that the arms are tried on, and which one won."""
        assert step.sample_for is not None, "the grammar wants both"
        arms = tuple(name for name, _, _ in step.arms)
        answer = self.case.know(
            SampleOf(self.case.brand.name, step.name, step.measure, arms, after(0, step.sample_for, UTC))
        )
        assert isinstance(answer, tuple)
        return answer

    def _act(self, step: Act | Withdraw) -> None:
        case = self.case
        match step:
            case PutTag(tag=tag):
                case.tag(tag)
                self.exits_by_tag(tag)
            case TakeTag(tag=tag):
                case.untag(tag)
            case SetValue():
                case.set(step.attribute, value_of(step.value, self.scope))
            case AddValue():
                held = case.profile.attributes.get(step.attribute)
                case.set(step.attribute, _sum(held, value_of(step.amount, self.scope)))
            case Note():
                value = value_of(step.value, self.scope)
                if value is not None:
                    case.effects.append(
                        RecordValue(
                            brand=case.brand.name, name=step.name, value=value, once=step.once,
                            rule=self.here.rule.identity, cause_id=self.here.cause_id,
                        )
                    )  # fmt: skip
            case Enrol(drip=drip):
                self.enrol(drip)
            case Expel(drip=drip):
                self.expel(drip)
            case Withdraw():
                self.withdraw()
            case Mail():
                self.speaker.mail(self.here, step)
            case _:
                assert_never(step)


def said(rule: Rule, match: Match) -> dict[str, Value]:
    """The names that a text sets for the rule it starts; `{rest}` only where it may be read."""
    if rule.reads_rest:
        return {**match.captured, "text": match.text, "rest": match.rest}
    return {**match.captured, "text": match.text}


def arm_of(address: str, brand: str, draw: Draw) -> tuple[str, int]:
    """The arm of a contact, and where its block begins: the same for ever, and drawn anew for each split's name."""
    hundredth = hundredth_of(address, brand, draw.name)
    for name, until, target in draw.arms:
        if hundredth < until:
            return name, target
    return draw.arms[-1][0], draw.arms[-1][2]


def hundredth_of(address: str, brand: str, name: str) -> int:
    """Where a contact stands among a hundred, drawn anew for each name."""
    digest = blake2b(f"{brand}\0{name}\0{address}".encode("utf-8", "surrogatepass"), digest_size=8).digest()
    return int.from_bytes(digest, "big") % 100


def _sum(held: Value | None, amount: Value | None) -> Value | None:
    """What `add` makes of an attribute: one that is not set counts from 0, what is no number stays."""
    if not isinstance(amount, (int, Decimal)) or not isinstance(held, (int, Decimal, NoneType)):
        return None
    return (held or 0) + amount
