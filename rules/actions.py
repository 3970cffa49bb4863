"""Chains as flat programs: every rule's block becomes a tuple of steps, with jumps where blocks were nested.

A step that can suspend a run (a question, a wait, a `run` of another chain) has an identity that survives editing: a
hash of what it says and of the blocks that enclose it, so steps put in before or after it do not disturb a contact
who stands there. A step whose own words were changed is another step: such a run ends in the rule set it began in.
Of equal steps at one place the second is marked `#2`, and so on. A program that runs past its last step returns to
the `run` that called it; `End` ends the whole run, callers too.
"""

from __future__ import annotations

from collections.abc import Mapping
from hashlib import blake2b
from typing import Final

import msgspec

from rules import syntax
from rules.expressions import CannotRunError, Compiled, compile_expression
from rules.keywords import Entry, Matcher
from rules.patterns import Reading
from rules.questions import answers_of, with_choices
from rules.texts import Template, Texts, template, texts

#: How often `else again` repeats where its author gave no number (LANGUAGE.md section 6).
REPEATS: Final = 2
#: How long a question stays open without `within` (LANGUAGE.md section 6).
OPEN_FOR: Final = syntax.Duration(1, "day")


class Say(msgspec.Struct, frozen=True):
    """`reply`."""

    texts: Texts
    identity: str


class Question(msgspec.Struct, frozen=True):
    """`ask`: its answers' patterns are in `matcher`, keyed by their place in `targets`, where their blocks begin.

    `again` is said `times` times to what does not fit; then `otherwise` is where the `else` block begins. `silence`
    is where the block begins that runs when nothing came in time. None: the author wrote none.
    """

    texts: Texts
    identity: str
    matcher: Matcher
    targets: tuple[int, ...]
    within: syntax.Duration
    again: Texts | None
    times: int
    otherwise: int | None
    silence: int | None


class Pause(msgspec.Struct, frozen=True):
    """`wait 3 days at 10:00`; without a duration `wait until 10:00`."""

    identity: str
    duration: syntax.Duration | None
    clock: syntax.Clock | None


class PutTag(msgspec.Struct, frozen=True):
    """`tag`."""

    tag: str


class TakeTag(msgspec.Struct, frozen=True):
    """`untag`."""

    tag: str


class SetValue(msgspec.Struct, frozen=True):
    """`set contact.x = …`."""

    attribute: str
    value: Compiled


class AddValue(msgspec.Struct, frozen=True):
    """`add … to contact.x`."""

    attribute: str
    amount: Compiled


class Note(msgspec.Struct, frozen=True):
    """`record [once] name = …`."""

    name: str
    value: Compiled
    once: bool


class Call(msgspec.Struct, frozen=True):
    """`run CHAIN`."""

    identity: str
    chain: str


class Reroute(msgspec.Struct, frozen=True):
    """`route "…"`."""

    template: Template


class Draw(msgspec.Struct, frozen=True):
    """`split`: per arm its name, the hundredth at which it ends, and where its block begins."""

    name: str
    arms: tuple[tuple[str, int, int], ...]


class Unless(msgspec.Struct, frozen=True):
    """Jumps when the condition does not hold."""

    condition: Compiled
    target: int


class Jump(msgspec.Struct, frozen=True):
    """Jumps."""

    target: int


class End(msgspec.Struct, frozen=True):
    """Ends the run, its callers too: after `else` and `silence`."""


Act = PutTag | TakeTag | SetValue | AddValue | Note
"""Steps that do something without a word and go on."""
Step = Say | Act | Question | Pause | Call | Reroute | Draw | Unless | Jump | End


class Program(msgspec.Struct, frozen=True):
    """A block that runs: its steps, and where each step that can suspend a run stands."""

    steps: tuple[Step, ...]
    places: Mapping[str, int]


class Voice(msgspec.Struct, frozen=True):
    """What a brand's patterns are compiled with: how slots are read, and whether answers forgive mistakes."""

    reading: Reading
    strict: bool = False


def compile_block(block: syntax.Block, voice: Voice) -> Program:
    """The program of a rule's block. Raises CannotRunError for an action that has no engine yet."""
    builder = _Builder(voice)
    builder.block(block, "")
    return Program(tuple(builder.steps), builder.places)


class _Builder:
    """Appends steps; a jump forward is put in as `End` and replaced once its target is known."""

    def __init__(self, voice: Voice) -> None:
        self.voice = voice
        self.steps: list[Step] = []
        self.places: dict[str, int] = {}

    def block(self, block: syntax.Block, path: str) -> None:
        for action in block:
            self.action(action, path)

    def action(self, action: syntax.Action, path: str) -> None:
        match action:
            case syntax.If():
                self.condition(action, path)
            case syntax.Split(sample_percent=None):
                self.split(action, path)
            case syntax.Ask(message_class=None, until_before=None):
                self.ask(action, path)
            case syntax.Run(chain=chain):
                self.place(Call(self.identity(path, "run", chain), chain))
            case syntax.Wait(duration=duration, at=at):
                self.place(Pause(self.identity(path, "wait", action), duration, at))
            case syntax.WaitUntil(at=at):
                self.place(Pause(self.identity(path, "wait", action), None, at))
            case _:
                self.steps.append(self.plain(action, path))

    def plain(self, action: syntax.Action, path: str) -> Step:
        match action:
            case syntax.Reply(text=text):
                return Say(texts(text), _identity(path, "reply", text))
            case syntax.Tag(tag=tag):
                return PutTag(tag)
            case syntax.Untag(tag=tag):
                return TakeTag(tag)
            case syntax.SetAttribute(attribute=attribute, value=value):
                return SetValue(attribute, compile_expression(value))
            case syntax.Add(amount=amount, attribute=attribute):
                return AddValue(attribute, compile_expression(amount))
            case syntax.Record(name=name, value=value, once=once):
                return Note(name, compile_expression(value), once)
            case syntax.Route(text=text):
                return Reroute(template(text.value))
            case _:
                raise CannotRunError(action)

    def condition(self, action: syntax.If, path: str) -> None:
        ends: list[int] = []
        for branch in action.branches:
            test = self.gap()
            self.block(branch.block, f"{path}if {branch.condition!r}/")
            ends.append(self.gap())
            self.steps[test] = Unless(compile_expression(branch.condition), len(self.steps))
        self.block(action.otherwise or (), f"{path}else/")
        for end in ends:
            self.steps[end] = Jump(len(self.steps))

    def split(self, action: syntax.Split, path: str) -> None:
        draw = self.gap()
        arms: list[tuple[str, int, int]] = []
        ends: list[int] = []
        until = 0
        for arm in action.arms:
            until += arm.percent
            arms.append((arm.name, until, len(self.steps)))
            self.block(arm.block, f"{path}split {action.name} {arm.name}/")
            ends.append(self.gap())
        self.steps[draw] = Draw(action.name, tuple(arms))
        for end in ends:
            self.steps[end] = Jump(len(self.steps))

    def ask(self, action: syntax.Ask, path: str) -> None:
        text, again = with_choices(action)
        identity = self.identity(path, "ask", (action.text, [answer.pattern for answer in action.answers]))
        here = self.gap()
        self.places[identity] = here
        targets: list[int] = []
        ends: list[int] = []
        for answer in action.answers:
            targets.append(len(self.steps))
            self.block(answer.block, f"{path}{identity}/answer {answer.pattern!r}/")
            ends.append(self.gap())
        otherwise = self.ending(action.otherwise, f"{path}{identity}/else/")
        silence = self.ending(action.silence, f"{path}{identity}/silence/")
        for end in ends:
            self.steps[end] = Jump(len(self.steps))
        times = REPEATS if action.again is not None and action.again.times is None else 0
        self.steps[here] = Question(
            texts=texts(text),
            identity=identity,
            matcher=self.matcher(action),
            targets=tuple(targets),
            within=action.within or OPEN_FOR,
            again=texts(again) if again is not None else None,
            times=(action.again.times or times) if action.again is not None else 0,
            otherwise=otherwise,
            silence=silence,
        )

    def matcher(self, action: syntax.Ask) -> Matcher:
        patterns = answers_of(action, self.voice.reading)
        return Matcher(Entry(pattern, key, self.voice.strict) for key, pattern in enumerate(patterns))

    def ending(self, block: syntax.Block | None, path: str) -> int | None:
        """A block after which the chain ends; where it begins."""
        if block is None:
            return None
        start = len(self.steps)
        self.block(block, path)
        self.steps.append(End())
        return start

    def gap(self) -> int:
        self.steps.append(End())
        return len(self.steps) - 1

    def place(self, step: Call | Pause) -> None:
        self.places[step.identity] = len(self.steps)
        self.steps.append(step)

    def identity(self, path: str, kind: str, content: object) -> str:
        first = identity = _identity(path, kind, content)
        count = 1
        while identity in self.places:
            count += 1
            identity = f"{first}#{count}"
        return identity


def _identity(path: str, kind: str, content: object) -> str:
    """Nodes print without their places, so this changes with what is said and where, not with the lines above it."""
    return f"{kind}-{blake2b(f'{path}{content!r}'.encode(), digest_size=8).hexdigest()}"
