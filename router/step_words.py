"""A step that a run stands at, in its author's words: how `kwek plan` names it."""

from __future__ import annotations

from typing import Final, assert_never

from router.routes import Located
from rules.actions import Await, Draw, Enlist, Pause, Program, Question, Say, Stage, Standing
from rules.expressions import DAYS
from rules.printer import clock, duration, quoted
from rules.texts import Hole, Texts
from rules.timeline import LABELLED, Moment

MOST_SHOWN: Final = 40
"""Characters of a text that are shown: enough to know it by."""


def words_of(located: Located) -> str:
    """What the step says, in one line."""
    step = located.step
    match step:
        case Question():
            return f"ask {_shown(step.texts)}"
        case Say():
            return f"send {_shown(step.texts)}"
        case Pause(duration=None, before=None):
            assert step.clock is not None, "it waits for something"
            return f"wait until {clock(step.clock)}"
        case Pause():
            assert step.duration is not None, "it waits for a time"
            until = "" if step.before is None else f"until {duration(step.duration)} before event.{step.before}"
            at = "" if step.clock is None else f" at {clock(step.clock)}"
            return f"wait {until or duration(step.duration)}{at}"
        case Await(event=event, within=within):
            return f"wait for event {event} within {duration(within)}"
        case Enlist(message_class=message_class, programme=programme):
            return f"opt in {message_class}" + (f" for {programme}" if programme else "")
        case Stage(identity=identity):
            label = f"{identity}: " if identity.startswith(LABELLED) else ""
            return label + _when(moment_of(located.program, identity))
        case Draw(name=name):
            return f"split {name}"
        case _:
            assert_never(step)


def moment_of(program: Program, identity: str) -> Moment:
    """When a drip's step is due."""
    return next(one for one in program.timeline if one.identity == identity)


def ordinal(located: Located) -> tuple[int, int]:
    """Which of the program's steps that a run can stand at it is, counted from 1, and how many there are; of a drip's
    steps, the step of its time line."""
    program = located.program
    if isinstance(located.step, Stage):
        return 1 + moment_of(program, located.step.identity).place, len(program.timeline)
    places = sorted(place for place in program.places.values() if isinstance(program.steps[place], Standing))
    return 1 + places.index(located.place), len(places)


def _when(moment: Moment) -> str:
    at = "" if moment.at is None else f" at {clock(moment.at)}"
    if moment.after is not None:
        return f"after {duration(moment.after)}{at}"
    if moment.every:
        return f"every {'day' if len(moment.every) == len(DAYS) else ', '.join(DAYS[day] for day in moment.every)}{at}"
    return "at once"


def _shown(texts: Texts) -> str:
    """The first language's text as its author wrote it, cut."""
    _, template = texts.variants[0]
    text = "".join(piece if isinstance(piece, str) else _hole(piece) for piece in template.pieces)
    return quoted(text if len(text) <= MOST_SHOWN else text[: MOST_SHOWN - 1] + "…")


def _hole(hole: Hole) -> str:
    return f"{{contact.{hole.name}}}" if hole.kind == "contact" else f"{{{hole.key}}}"
