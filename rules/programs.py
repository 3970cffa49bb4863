"""From an author's blocks to programs: every nested block is laid out flat, with jumps where it was nested.

A step's identity is made here (see `rules.actions`): a hash of its words and of the blocks around it, or the label that
a drip's step was given.
"""

from __future__ import annotations

from hashlib import blake2b
from typing import Final, assert_never

import msgspec

from rules import syntax
from rules.actions import (
    INHERITED,
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
    Standing,
    Step,
    TakeTag,
    Turn,
    Unless,
    Withdraw,
)
from rules.conditions import NO_SEGMENTS, CannotRunError, Segments, compile_expression
from rules.expressions import DAYS, Compiled
from rules.keywords import Entry, Matcher
from rules.patterns import Reading, compile_pattern
from rules.questions import answers_of, with_choices
from rules.texts import template, texts
from rules.timeline import LABELLED, Moment

#: How often `else again` repeats where its author gave no number (LANGUAGE.md section 6).
REPEATS: Final = 2
#: How long a question stays open without `within` (LANGUAGE.md section 6).
OPEN_FOR: Final = syntax.Duration(1, "day")


class Voice(msgspec.Struct, frozen=True):
    """What a brand's blocks are compiled with: how slots are read, whether answers forgive mistakes, what its segments
    mean, and which answers are agreements and forgive none (`rules.agreeing`)."""

    reading: Reading
    strict: bool = False
    segments: Segments = NO_SEGMENTS
    agreeing: frozenset[int] = frozenset()


def compile_block(block: syntax.Block, voice: Voice) -> Program:
    """The program of a rule's block. Raises CannotRunError for an action that has no engine yet."""
    builder = _Builder(voice)
    builder.block(block, "")
    return Program(tuple(builder.steps), builder.places)


def compile_drip(drip: syntax.Drip, voice: Voice) -> Program:
    """The program of a drip. Raises CannotRunError for an action that has no engine yet."""
    builder = _Builder(voice, INHERITED)
    timeline = [builder.stage(step, place) for place, step in enumerate(drip.steps)]
    builder.steps.append(Turn())
    return Program(tuple(builder.steps), builder.places, tuple(timeline))


class _Builder:
    """Appends steps; a jump forward is put in as `End` and replaced once its target is known."""

    def __init__(self, voice: Voice, asks_as: str = "conversational") -> None:
        self.voice = voice
        self.asks_as = asks_as
        self.steps: list[Step] = []
        self.places: dict[str, int] = {}

    def stage(self, step: syntax.DripStep, place: int) -> Moment:
        """One step of a drip, named by its label, else by when it is due: its texts may be edited while contacts wait
        for it."""
        when = (step.after, step.every, step.at)
        identity = f"{LABELLED}{step.label}" if step.label is not None else self.identity("", "step", when)
        self.steps.append(Turn())
        self.place(Stage(identity))
        self.block(step.block, f"{identity}/")
        every = tuple(DAYS.index(day) for day in step.every)
        return Moment(identity, place, step.after, step.at, every, step.late or "next window")

    def block(self, block: syntax.Block, path: str) -> None:
        for action in block:
            self.action(action, path)

    def action(self, action: syntax.Action, path: str) -> None:
        match action:
            case syntax.If():
                self.condition(action, path)
            case syntax.Split():
                self.split(action, path)
            case syntax.Ask():
                self.ask(action, path)
            case syntax.WaitForEvent():
                self.wait_for(action, path)
            case syntax.Run(chain=chain):
                self.place(Call(self.identity(path, "run", chain), chain))
            case syntax.Wait() | syntax.WaitUntil() | syntax.WaitBefore():
                self.place(self.pause(action, self.identity(path, "wait", action)))
            case syntax.Send(message_class=message_class, text=text):
                self.place(Say(texts(text), self.identity(path, "send", text), message_class or INHERITED))
            case syntax.OptIn():
                self.place(self.enlist(action, self.identity(path, "opt in", action)))
            case syntax.Email():
                self.steps.append(self.mail(action, _identity(path, "email", action)))
            case _:
                self.steps.append(self.plain(action, path))

    def pause(self, action: syntax.Wait | syntax.WaitUntil | syntax.WaitBefore, identity: str) -> Pause:
        match action:
            case syntax.Wait(duration=duration, at=at):
                return Pause(identity, duration, at)
            case syntax.WaitUntil(at=at):
                return Pause(identity, None, at)
            case syntax.WaitBefore(duration=duration, event_field=field):
                return Pause(identity, duration, None, field)
            case _:
                assert_never(action)

    def mail(self, action: syntax.Email, identity: str) -> Mail:
        to, subject, body = (template(part.value) for part in (action.to, action.subject, action.body))
        return Mail(to, subject, body, identity, action.message_class or self.asks_as)

    def enlist(self, action: syntax.OptIn, identity: str) -> Enlist:
        answer, matcher = action.answer, None
        if answer is None and action.message_class == "promotional":  # a market may demand that it is asked for
            answer = syntax.Pattern((syntax.Affirmation("yes", span=action.span),), span=action.span)
        if answer is not None:
            pattern = compile_pattern(answer, self.voice.reading)
            matcher = Matcher([Entry(pattern, 0, strict=True)])  # consent is never a guess
        confirm = None if action.confirm is None else texts(action.confirm)
        return Enlist(identity, action.message_class, action.programme or "", confirm, matcher)

    def wait_for(self, action: syntax.WaitForEvent, path: str) -> None:
        identity = self.identity(path, "wait for", (action.event, action.within))
        here = self.gap()
        self.places[identity] = here
        self.block(action.then or (), f"{path}{identity}/then/")
        end = self.gap()
        silence = self.ending(action.silence, f"{path}{identity}/silence/")
        self.steps[end] = Jump(len(self.steps))
        self.steps[here] = Await(identity, action.event, action.within, here + 1, silence)

    def plain(self, action: syntax.Action, path: str) -> Step:
        match action:
            case syntax.Reply(text=text):
                return Say(texts(text), _identity(path, "reply", text))
            case syntax.Tag(tag=tag):
                return PutTag(tag)
            case syntax.Untag(tag=tag):
                return TakeTag(tag)
            case syntax.SetAttribute(attribute=attribute, value=value):
                return SetValue(attribute, self.compiled(value))
            case syntax.Add(amount=amount, attribute=attribute):
                return AddValue(attribute, self.compiled(amount))
            case syntax.Record(name=name, value=value, once=once):
                return Note(name, self.compiled(value), once)
            case syntax.Route(text=text):
                return Reroute(template(text.value))
            case _:
                return _bare(action)

    def compiled(self, expression: syntax.Expression) -> Compiled:
        return compile_expression(expression, self.voice.segments)

    def condition(self, action: syntax.If, path: str) -> None:
        ends: list[int] = []
        for branch in action.branches:
            test = self.gap()
            self.block(branch.block, f"{path}if {branch.condition!r}/")
            ends.append(self.gap())
            self.steps[test] = Unless(self.compiled(branch.condition), len(self.steps))
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
        identity = self.identity(path, "split", action.name)
        self.places[identity] = draw
        measure = "click" if action.measure == "click" else action.event or ""
        self.steps[draw] = Draw(
            action.name, tuple(arms), identity, measure, action.sample_percent or 0, action.sample_for
        )
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
        until, field = action.until_before or (action.within or OPEN_FOR, None)
        self.steps[here] = Question(
            texts=texts(text),
            identity=identity,
            matcher=self.matcher(action),
            targets=tuple(targets),
            within=until,
            message_class=action.message_class or self.asks_as,
            before=field,
            again=texts(again) if again is not None else None,
            times=(action.again.times or times) if action.again is not None else 0,
            otherwise=otherwise,
            silence=silence,
        )

    def matcher(self, action: syntax.Ask) -> Matcher:
        patterns = answers_of(action, self.voice.reading)
        strict = [self.voice.strict or id(answer) in self.voice.agreeing for answer in action.answers]
        return Matcher(Entry(pattern, key, strict[key]) for key, pattern in enumerate(patterns))

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

    def place(self, step: Standing | Call) -> None:
        self.places[step.identity] = len(self.steps)
        self.steps.append(step)

    def identity(self, path: str, kind: str, content: object) -> str:
        first = identity = _identity(path, kind, content)
        count = 1
        while identity in self.places:
            count += 1
            identity = f"{first}#{count}"
        return identity


def _bare(action: syntax.Action) -> Step:
    """Actions that have no words of their own."""
    match action:
        case syntax.Start(drip=drip):
            return Enrol(drip)
        case syntax.Finish(drip=drip):
            return Expel(drip)
        case syntax.OptOut():
            return Withdraw()
        case _:
            raise CannotRunError(action)


def _identity(path: str, kind: str, content: object) -> str:
    """Nodes print without their places, so this changes with what is said and where, not with the lines above it."""
    return f"{kind}-{blake2b(f'{path}{content!r}'.encode(), digest_size=8).hexdigest()}"
