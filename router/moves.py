"""Where contacts under way go on when another rule set comes into force: what `router.routes.locate` will say of them.

There is no second truth here: each group of runs that stand at one step is located as a run of it would be, in the rule
set in force and in the new one.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from typing import Literal as OneOf
from typing import NamedTuple

import msgspec

from router.case import Books
from router.messages import Run
from router.plan import Needs
from router.routes import Located, locate
from router.step_words import moment_of, ordinal, words_of
from rules.actions import Stage
from rules.rulebook import Rulebook

Fate = OneOf["same", "moved", "own", "lost"]
"""The same step at the same place; the same step elsewhere in its chain, or for another time; the step is gone, and the
chain goes on in the rule set that it began in; neither can be had, and the chain is over when its time comes."""


class Standing(NamedTuple):
    """Runs that stand at one step: so many of one rule and deployment at these frames (router.messages.Run)."""

    brand: str
    rule: str
    frames: tuple[str, ...]
    deployment: str
    runs: int


class Place(msgspec.Struct, frozen=True):
    """A step as a reader finds it: what it says, the how-manieth of how many, and the rule's file and line."""

    words: str
    nth: int
    of: int
    file: str
    line: int


class Move(msgspec.Struct, frozen=True):
    """What becomes of the runs of one step. `was` is their place in the rule set in force (None: they stand there no
    more already, and `deployment` is the one they end in); `now` is the one in the new set, None when it has none.

    `is_new`: this deployment changes it; otherwise it is so already.
    """

    brand: str
    rule: str
    runs: int
    fate: Fate
    was: Place | None
    now: Place | None
    deployment: str
    step: str
    is_new: bool


def needed(standings: Iterable[Standing], books: Collection[Rulebook]) -> set[str]:
    """The deployments without which it cannot be said where these runs go on."""
    missing: set[str] = set()
    for standing in standings:
        for book in books:
            found = locate(_run(standing), Books(book))
            if isinstance(found, Needs):
                missing |= found.deployments
    return missing


def moves(
    standings: Iterable[Standing], current: Rulebook, new: Rulebook, older: Mapping[str, Rulebook | None]
) -> list[Move]:
    """What becomes of each group, the most grave first; runs of several deployments that share a fate are one.

    `older` has what `needed` named; None: that rule set cannot be had any more.
    """
    known = {**older, current.deployment: current}
    found: dict[Move, int] = {}
    for standing in standings:
        move = _moved(standing, current, new, known)
        found[move] = found.get(move, 0) + standing.runs
    merged = [msgspec.structs.replace(move, runs=runs) for move, runs in found.items()]
    return sorted(merged, key=lambda one: (-_GRAVITY.index(one.fate), not one.is_new, one.brand, one.rule, _nth(one)))


_GRAVITY: tuple[Fate, ...] = ("same", "moved", "own", "lost")


def _nth(move: Move) -> tuple[int, str, str]:
    place = move.was or move.now
    return (0 if place is None else place.nth, move.step, move.deployment)


def _run(standing: Standing) -> Run:
    """A run as `locate` looks at it."""
    return Run(
        kind="wait", brand=standing.brand, number="", rule=standing.rule, frames=standing.frames,
        deployment=standing.deployment,
    )  # fmt: skip


def _moved(standing: Standing, current: Rulebook, new: Rulebook, older: Mapping[str, Rulebook | None]) -> Move:
    run = _run(standing)
    was, now = locate(run, Books(current, older)), locate(run, Books(new, older))
    assert not isinstance(was, Needs), "what is needed was loaded"
    assert not isinstance(now, Needs), "what is needed was loaded"
    fate = _fate(was, now, current, new)
    before = None if was is None or was.rulebook is not current else was
    after = None if now is None or now.rulebook is not new else now
    named = was or now
    return Move(
        brand=standing.brand, rule=standing.rule.removeprefix(f"{standing.brand}/"), runs=0, fate=fate,
        was=None if before is None else _place(before), now=None if after is None else _place(after),
        deployment=standing.deployment if fate in ("own", "lost") else "",
        step=standing.frames[-1] if named is None else words_of(named),
        is_new=fate == "moved" or (fate in ("own", "lost") and _fate(was, was, current, current) != fate),
    )  # fmt: skip


def _fate(was: Located | None, now: Located | None, current: Rulebook, new: Rulebook) -> Fate:
    if now is None:
        return "lost"
    if now.rulebook is not new:
        return "own"
    if was is None or was.rulebook is not current:
        return "moved"  # the new set has the step that the one in force has not
    return "same" if _at(was) == _at(now) else "moved"


def _at(located: Located) -> tuple[object, ...]:
    """Where it stands, apart from what is said on the way: which of the steps, and when it is due."""
    moment = moment_of(located.program, located.step.identity) if isinstance(located.step, Stage) else None
    return ordinal(located)[0], moment


def _place(located: Located) -> Place:
    nth, of = ordinal(located)
    return Place(words_of(located), nth, of, located.rule.file, located.rule.line)
