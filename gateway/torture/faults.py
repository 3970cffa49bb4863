"""Which faults a trial makes, and how each wants its gateway started.

A `Fault` says what one life of the gateway is to end by. Those that need another way of starting (a preloaded library,
a proxy in front of the database, a wrapper) say so in `environment`, `wrapper` and `store`; everything else is forked.
Some kinds need more of the machine or of the store (gateway/torture/needs.py), and are made when they are asked for.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from types import MappingProxyType
from typing import Final

import msgspec

from router.world import FAULT_POINTS, TRIAL

AT_RANDOM: Final = "random"
FREEZE: Final = "freeze"
DEAF: Final = "deaf"
RECOVERY: Final = "recovery.middle"
HALF: Final = "half a long text"
LOST_WRITES: Final = "lost-writes"
DISK_FULL: Final = "disk-full"
CUT_COMMIT: Final = "cut-commit"

MOST_PASSES: Final = 20
"""A named point is passed at most so often before the process dies there: half a second of work under load."""
FEW_PASSES: Final = 4
"""Parts of the long texts that a trial begins are committed in about so many groups."""
LONGEST_LIFE_S: Final = 0.5
"""A gateway that is killed at a random moment works at most so long after it has bound."""
KILLED_AGAIN: Final = 0.2
"""How often a gateway is killed once more while it recovers."""
LONGEST_FREEZE_S: Final = 1.5
"""How long a gateway is stopped at most before it goes on and is killed; a lease is 1 s."""
DEAF_S: Final = 0.1
"""So long the centre reads nothing before the gateway is killed: a window of acknowledgements that it never sees."""

NOTHING: Mapping[str, str] = MappingProxyType({})


class Fault(msgspec.Struct, frozen=True, kw_only=True):
    """How one life of the gateway ends.

    `after_s`: killed so long after it has bound; None: it dies by itself at the point that `environment` names.
    `freeze_s`: stopped for so long first. `deaf_s`: so long before, the centre ceases to read, and never sees the
    answers that lie in its buffers by then. `half`: long texts are begun when it starts. `wrapper` is a command to be
    put before the gateway's own, `store` another URL under which it is to reach its store.
    """

    name: str
    after_s: float | None = None
    freeze_s: float = 0.0
    deaf_s: float = 0.0
    half: bool = False
    environment: Mapping[str, str] = NOTHING
    wrapper: tuple[str, ...] = ()
    store: str = ""

    @property
    def needs_a_start_of_its_own(self) -> bool:
        """Whether it cannot be forked from a process that runs already."""
        return bool(self.wrapper) or "LD_PRELOAD" in self.environment


def at_point(point: str, nth: int = 1) -> Fault:
    """It dies when it passes a named point for the nth time."""
    return Fault(name=point, environment={TRIAL: f"{point}:{nth}:kill"})


def at_random(after_s: float, freeze_s: float = 0.0) -> Fault:
    """It is killed so long after it has bound, and is stopped before for a while."""
    return Fault(name=FREEZE if freeze_s else AT_RANDOM, after_s=after_s, freeze_s=freeze_s)


def deaf(after_s: float) -> Fault:
    """It is killed after the kernel has its acknowledgements, and before the centre has read them."""
    return Fault(name=DEAF, after_s=after_s, deaf_s=DEAF_S)


def half_a_long_text(nth: int = 1) -> Fault:
    """It dies while parts of long texts arrive: each part is a group's, so between two groups a text is half there."""
    return Fault(name=HALF, half=True, environment={TRIAL: f"commit.after:{nth}:kill"})


ASKED_FOR: Final = (LOST_WRITES, DISK_FULL, CUT_COMMIT)
"""Kinds that are made only when they are named."""
USUAL: Final = (*(point for point in FAULT_POINTS if point != RECOVERY), AT_RANDOM, FREEZE, DEAF, HALF)
KINDS: Final = (*USUAL, RECOVERY, *ASKED_FOR)
"""What `--only` may name."""


def plan(kills: int, only: Sequence[str], chance: Callable[[], float]) -> list[Fault]:
    """So many kills, each of a kind that `only` names (else of USUAL, and some once more during recovery)."""
    kinds = only or USUAL
    planned: list[Fault] = []
    while len(planned) < kills:
        planned.append(_one(kinds[int(chance() * len(kinds))], chance))
        if not only and len(planned) < kills and chance() < KILLED_AGAIN:
            planned.append(at_point(RECOVERY))
    return planned


def _one(kind: str, chance: Callable[[], float]) -> Fault:
    match kind:
        case "random":
            return at_random(chance() * LONGEST_LIFE_S)
        case "freeze":
            return at_random(chance() * LONGEST_LIFE_S, chance() * LONGEST_FREEZE_S)
        case "deaf":
            return deaf(chance() * LONGEST_LIFE_S)
        case "lost-writes" | "disk-full" | "cut-commit":
            return Fault(name=kind, after_s=chance() * LONGEST_LIFE_S)
        case "half a long text":
            return half_a_long_text(1 + int(chance() * FEW_PASSES))
        case "recovery.middle":
            return at_point(kind)
        case _:
            return at_point(kind, 1 + int(chance() * MOST_PASSES))
