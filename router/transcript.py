"""Playing the `test` blocks of rules files (LANGUAGE.md section 12): done lines act, expected lines take what came.

Strict: what the phone gets and what is withheld must be listed, in order, before the next thing is done. `nothing`
says that nothing came since the last thing done. A failure is a value with its place, what was expected and what came;
the first one ends its test, since all that follows would only repeat it.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import lru_cache
from typing import Final, assert_never

import msgspec

from router.interpret import arm_of
from router.messages import Profile
from router.rehearsal import Got, Kept, Mailed, Output, Stage
from rules import syntax
from rules.actions import Draw
from rules.compiler import compile_sources
from rules.conditions import CannotRunError, compile_expression
from rules.declared import BrandFiles
from rules.diagnostics import Source
from rules.expressions import Scope, holds, value_of
from rules.facts import Value
from rules.rulebook import BrandBook, Grants, Rulebook
from rules.texts import printed
from rules.times import after, microseconds

START: Final = syntax.Moment(syntax.Day(2026, 1, 5), syntax.Clock(12, 0))
"""When a test begins that does not say so: a Monday at noon, on the brand's clock."""
MOST_PHONES: Final = 20_000
"""Phones looked through for one that falls into the arms a test asks for: enough for five splits in two."""
FIRST_PHONE: Final = 31_600_000_001


@dataclass(frozen=True, slots=True)
class Failure:
    """Where a conversation came out otherwise: what the test says, and what came instead."""

    span: syntax.Span
    expected: str
    came: str


@dataclass(frozen=True, slots=True)
class TestResult:
    """One `test` block: passed when there is no failure."""

    __test__ = False

    brand: str
    title: str
    span: syntax.Span
    failure: Failure | None


def run_tests(sources: Sequence[Source], grants: Grants | None) -> list[TestResult]:
    """Play every `test` of a set of sources, in the order of the files.

    A set that does not compile has one result, which says so; `compile_sources` has the diagnostics.
    """
    compiled = compile_sources(sources, grants)
    if compiled.book is None:
        first = next(one for one in compiled.diagnostics if one.severity == "error")
        failure = Failure(first.span, "rules without errors", f"{first.code}: {first.message}")
        return [TestResult("", "the rules can be loaded", first.span, failure)]
    brands = [brand for brand in compiled.brands if brand.transcripts]
    if not brands:
        return []
    stage = Stage(compiled.book, "", 0)
    try:
        results = [_played(test, brand, compiled.book, stage) for brand in brands for test in brand.transcripts]
    finally:
        stage.close()
    order = {source.file: place for place, source in enumerate(sources)}
    return sorted(results, key=lambda result: (order[result.span.file], result.span.line))


def _played(test: syntax.Transcript, files: BrandFiles, book: Rulebook, stage: Stage) -> TestResult:
    brand = book.brands[files.name]
    begins = test.at or START
    day, clock = begins.day, begins.clock
    local = datetime(day.year, day.month, day.day, clock.hour, clock.minute, tzinfo=brand.zone)
    now = microseconds(local.astimezone(UTC))
    play = Play(test, brand, stage)
    try:
        stage.again(_phone_for(test, brand), now)
        for line in test.lines:
            play.line(line)
        play.is_all_told(None)
    except Otherwise as otherwise:
        return TestResult(brand.name, test.title.value, test.span, otherwise.failure)
    return TestResult(brand.name, test.title.value, test.span, None)


class Otherwise(Exception):
    """A conversation came out otherwise than written."""

    def __init__(self, span: syntax.Span, expected: str, came: str) -> None:
        super().__init__(expected)
        self.failure = Failure(span, expected, came)


class Play:
    """One test under way: the number texted to, and what came and is not yet told."""

    def __init__(self, test: syntax.Transcript, brand: BrandBook, stage: Stage) -> None:
        self.test = test
        self.brand = brand
        self.stage = stage
        self.number = brand.numbers[0] if brand.numbers else ""
        self.profile = Profile(brand.name)
        self.untold: list[Output] = []
        """What came of the last thing done and no line has told yet."""
        self.came: list[Output] = []
        """All that came of it."""
        self.mailed: list[Mailed] = []
        """The e-mails that went out with it and no line has told: they may go unmentioned."""

    def line(self, line: syntax.TestLine) -> None:
        """Do one line, or hold it against what came. Raises Otherwise."""
        match line:
            case syntax.Says() | syntax.Later() | syntax.ReceiptArrives() | syntax.Occurs() | syntax.Clicks():
                self.is_all_told(line)
                came = self.done(line)
                self.mailed = [one for one in came if isinstance(one, Mailed)]
                self.untold = [one for one in came if not isinstance(one, Mailed)]
                self.came = list(self.untold)
            case syntax.Gets(text=text):
                self.next_is(line, f"< {text}", lambda output: isinstance(output, Got) and _fits(text, output.text))
            case syntax.ExpectWithheld(reason=reason):
                self.next_is(
                    line, f"withheld {reason}", lambda output: isinstance(output, Kept) and _fits(reason, output.reason)
                )
            case syntax.ExpectEmail(to=to):
                self.was_mailed(line, to.value)
            case syntax.ExpectNothing():
                if self.came:
                    raise Otherwise(line.span, "nothing", _shown(self.came))
            case syntax.ExpectCheck(condition=condition):
                self.check(line, condition)
            case syntax.Given():
                self.given(line)
            case _:
                raise Otherwise(line.span, "a line that this version can play", f"`{_word(line)}`")

    def done(self, line: Done) -> list[Output]:
        """Act, and give what came of it."""
        match line:
            case syntax.Says(text=text):
                return self.stage.text(self.number, text)
            case syntax.Later(duration=duration):
                return self.stage.until(after(self.stage.world.at, duration, self.brand.zone))
            case syntax.ReceiptArrives(outcome=outcome):
                return self.stage.receipt(outcome)
            case syntax.Occurs(event=name, values=values):
                return self.stage.occur(self.brand.name, name, self.values(values))
            case syntax.Clicks():
                return self.stage.click()
            case _:
                assert_never(line)

    def values(self, pairs: Sequence[tuple[str, syntax.Expression]]) -> dict[str, Value]:
        """What an event brings along, as the test writes it."""
        scope = self.scope({}, {}, set())
        found = {name: value_of(compile_expression(node), scope) for name, node in pairs}
        return {name: value for name, value in found.items() if value is not None}

    def is_all_told(self, line: syntax.TestLine | None) -> None:
        """Everything that came is listed before the next thing is done (None: before the test ends)."""
        if self.untold:
            span = self.test.span if line is None else line.span
            raise Otherwise(span, "nothing more" if line is None else f"nothing before `{_word(line)}`",
                             _shown(self.untold))  # fmt: skip

    def next_is(self, line: syntax.TestLine, expected: str, fits: Callable[[Output], bool]) -> None:
        """The next thing that came is the expected one."""
        if not self.untold or not fits(self.untold[0]):
            raise Otherwise(line.span, expected, _shown(self.untold))
        del self.untold[0]

    def was_mailed(self, line: syntax.TestLine, to: str) -> None:
        """An e-mail went to that address; each is told once."""
        for letter in self.mailed:
            if _fits(to, letter.to):
                self.mailed.remove(letter)
                return
        came = ", ".join(f'email "{letter.to}"' for letter in self.mailed)
        raise Otherwise(line.span, f'email "{to}"', came or "nothing")

    def check(self, line: syntax.TestLine, condition: syntax.Expression) -> None:
        """A condition over what is known of the phone now; a recorded name is its newest value."""
        facts = self.stage.facts(self.number)
        profile = facts.profile(self.brand.name)
        scope = self.scope(self.stage.recorded(self.brand.name), dict(profile.attributes), set(profile.tags))
        try:
            true = holds(compile_expression(condition), scope)
        except CannotRunError as cannot:
            raise Otherwise(line.span, "a condition that this version can check", str(cannot)) from None
        if not true:
            raise Otherwise(line.span, "the condition holds", _known(scope, self.brand.language))

    def given(self, line: syntax.Given) -> None:
        """What holds beforehand; arms were seen to when the phone was chosen."""
        if line.kind == "arm":
            return
        match line:
            case syntax.Given(kind="number", value=syntax.Msisdn() as number):
                self.number = number.digits
            case syntax.Given(kind="consent", name=name):
                consents = {**self.profile.consents, name: self.stage.world.at}
                self.know(msgspec.structs.replace(self.profile, consents=consents))
            case syntax.Given(kind="tag", name=name):
                self.know(msgspec.structs.replace(self.profile, tags=self.profile.tags | {name}))
            case syntax.Given(
                kind="contact", name=name,
                value=syntax.String() | syntax.Number() | syntax.Day() | syntax.Moment() | syntax.Now() as node,
            ):  # fmt: skip
                value = value_of(compile_expression(node), self.scope({}, {}, set()))
                kept = {} if value is None else {name: value}
                self.know(msgspec.structs.replace(self.profile, attributes={**self.profile.attributes, **kept}))
            case _:
                raise Otherwise(line.span, "something that this version can suppose", f"`given {line.kind}`")

    def know(self, profile: Profile) -> None:
        """The brand knows this of the phone from here on."""
        self.profile = profile
        self.stage.prepare(self.brand.name, profile)

    def scope(self, variables: dict[str, Value], attributes: dict[str, Value], tags: set[str]) -> Scope:
        """What an expression of this test looks at now."""
        scope = Scope(variables, attributes, tags, False, self.stage.world.at, self.brand.zone)
        scope.told = self.stage.told(self.brand.name)
        return scope


def _phone_for(test: syntax.Transcript, brand: BrandBook) -> str:
    """A phone that the splits put where the test says: whoever is sent there, is sent there by the same hash."""
    wanted = {
        line.name: (line, str(line.value))
        for line in test.lines
        if isinstance(line, syntax.Given) and line.kind == "arm"
    }
    draws = {draw.name: draw for draw in _draws(brand) if draw.name in wanted}
    for phone in map(str, range(FIRST_PHONE, FIRST_PHONE + MOST_PHONES)):
        if all(arm_of(phone, brand.name, draws[name])[0] == arm for name, (_, arm) in wanted.items()):
            return phone
    arms = ", ".join(f"{name} {arm}" for name, (_, arm) in wanted.items())
    raise Otherwise(next(iter(wanted.values()))[0].span, f"a phone in {arms}", f"none among {MOST_PHONES}")


def _draws(brand: BrandBook) -> Iterator[Draw]:
    for rule in (*brand.rules.values(), *brand.chains.values()):
        for step in rule.program.steps:
            if isinstance(step, Draw):
                yield step


def _fits(pattern: str, text: str) -> bool:
    return _compiled(pattern).fullmatch(text) is not None


@lru_cache(maxsize=1024)  # a test file seldom has more lines
def _compiled(pattern: str) -> re.Pattern[str]:
    """`*` is anything, `\\*` a star, `\\n` a line break."""
    parts = {"*": ".*", r"\*": r"\*", r"\n": r"\n"}
    pieces = re.split(r"(\\\*|\\n|\*)", pattern)
    return re.compile("".join(parts.get(piece) or re.escape(piece) for piece in pieces), re.DOTALL)


def _shown(outputs: Sequence[Output]) -> str:
    """What came, as a test would list it."""
    if not outputs:
        return "nothing"
    return "\n".join(
        f"< {_escaped(output.text)}" if isinstance(output, Got)
        else f"withheld {output.reason}" if isinstance(output, Kept)
        else f'email "{output.to}"' if isinstance(output, Mailed)
        else f"a fault: {output.reason}"
        for output in outputs
    )  # fmt: skip


def _escaped(text: str) -> str:
    return text.replace("*", r"\*").replace("\n", r"\n")


def _known(scope: Scope, language: str) -> str:
    """What is known of the phone, to be read beside a condition that did not hold."""
    values = {**{f"contact.{name}": value for name, value in scope.attributes.items()}, **scope.variables}
    lines = [f"{name} = {printed(value, language)}" for name, value in sorted(values.items())]
    return ", ".join([*lines, *(f"tag {tag}" for tag in sorted(scope.tags))]) or "nothing is known"


Done = syntax.Says | syntax.Later | syntax.ReceiptArrives | syntax.Occurs | syntax.Clicks
"""Lines of a test that do something."""

_WORDS: Final[Mapping[type, str]] = {
    syntax.Says: ">", syntax.Later: "later", syntax.ReceiptArrives: "receipt", syntax.Occurs: "event",
    syntax.Clicks: "click", syntax.AgentSays: "agent", syntax.ExpectTicket: "ticket", syntax.ExpectCharge: "charge",
    syntax.ExpectNotify: "notify", syntax.ExpectEmail: "email",
}  # fmt: skip


def _word(line: syntax.TestLine) -> str:
    return _WORDS[type(line)]
