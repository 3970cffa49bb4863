"""What the bench of suspended runs has measured, as figures, tables and verdicts."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from statistics import median
from typing import TypeVar

from router import timers
from router.due import AT_ONCE
from tests.bench import tables

T = TypeVar("T")

STAGES = ("due", "load", "decide", "perform", "commit")
MOST = 1.5
"""Times the cost among the fewest that a tick may cost among more."""
ROUNDS = 10
"""Of each figure: its median is taken in each round, and that of the quietest counts."""


@dataclass(slots=True)
class Figures:
    """Of one store; seconds."""

    looks: list[float] = field(default_factory=list)
    later_looks: list[float] = field(default_factory=list)
    """With nothing due: first, and after all steps."""
    ticks: list[Mapping[str, float]] = field(default_factory=list)
    """Of AT_ONCE steps: by stage, with "together"."""
    texts: list[float] = field(default_factory=list)
    """Of groups of AT_ONCE texts."""
    steps: list[float] = field(default_factory=list)
    """Of ticks while much is due."""
    slices: list[float] = field(default_factory=list)
    """Of a sweep."""

    @property
    def stages_us(self) -> Mapping[str, float]:
        """Microseconds for a step, by stage, in the quietest round."""
        rounds = [
            {name: median(tick[name] for tick in ticks) / AT_ONCE * 1e6 for name in (*STAGES, "together")}
            for ticks in _rounds(self.ticks)
        ]
        return min(rounds, key=lambda stages: stages["together"])

    @property
    def step_us(self) -> float:
        """The same, together."""
        return self.stages_us["together"]

    @property
    def any_step_us(self) -> float:
        """The same in whatever round: what is read from the disk is read once."""
        return median(tick["together"] for tick in self.ticks) / AT_ONCE * 1e6

    @property
    def look_us(self) -> float:
        """Microseconds for a tick with nothing due."""
        return _quietest_us(self.looks)

    @property
    def later_look_us(self) -> float:
        """The same, after all steps."""
        return _quietest_us(self.later_looks)

    @property
    def profile_us(self) -> float:
        """Microseconds for each contact that a sweep walks past."""
        return _quietest_us(self.slices) / timers.SLICE

    @property
    def loops_per_s(self) -> float:
        """Texts of the main way; median."""
        return AT_ONCE / median(self.texts)

    @property
    def steps_per_s(self) -> float:
        """Of a backlog; median."""
        return AT_ONCE / median(self.steps)


def _rounds(values: Sequence[T]) -> list[Sequence[T]]:
    size = max(1, len(values) // ROUNDS)
    return [values[start : start + size] for start in range(0, len(values) - size + 1, size)]


def _quietest_us(seconds: Sequence[float]) -> float:
    return min(median(one) for one in _rounds(seconds)) * 1e6


def ticks_table(found: Mapping[str, Sequence[Mapping[int, Figures]]]) -> str:
    """What a tick costs, by store."""
    rows = []
    for name, (warm, *cold) in found.items():
        least = warm[min(warm)].step_us
        for size, one in warm.items():
            row = [f"{name}, {size:,}", f"{one.look_us:.0f}", f"{one.later_look_us:.0f}"]
            row += [f"{one.stages_us[stage]:.1f}" for stage in STAGES]
            row += [f"{one.step_us:.0f}", f"{one.step_us / least:.2f}", f"{one.profile_us:.0f}"]
            rows.append([*row, *(f"{each[size].any_step_us:,.0f}" for each in cold)])
    head = ["suspended", "nothing due, µs a tick", "after all steps", *STAGES, "a step, µs", "times 10,000's",
            "sweep, µs a contact", "cold, µs a step"]  # fmt: skip
    width = max(map(len, rows))
    return tables.table(head[:width], [row + [""] * (width - len(row)) for row in rows])


def rates_table(found: Mapping[str, Sequence[Mapping[int, Figures]]]) -> str:
    """Steps beside loops."""
    rows = [
        [f"{name}, {size:,}", f"{one.steps_per_s:,.0f}", f"{one.loops_per_s:,.0f}",
         f"{one.steps_per_s / one.loops_per_s:.2f}"]
        for name, (warm, *_) in found.items()
        for size, one in warm.items()
    ]  # fmt: skip
    return tables.table(["suspended", "steps a second", "loops a second, the ceiling", "steps to a loop"], rows)


def too_dear(found: Mapping[str, Sequence[Mapping[int, Figures]]]) -> list[str]:
    """Where the cost of a tick depends on more than what is due, in words."""
    return [
        f"{name}: {what} costs {cost(one):.0f} us among {size:,}, {cost(one) / cost(warm[min(warm)]):.2f} times that "
        f"among {min(warm):,}; {MOST} times is the most"
        for name, (warm, *_) in found.items()
        for size, one in warm.items()
        for what, cost in COSTS.items()
        if cost(one) > MOST * cost(warm[min(warm)])
    ]


COSTS: Mapping[str, Callable[[Figures], float]] = {
    "a tick with nothing due": lambda one: one.look_us,
    "one after all steps": lambda one: one.later_look_us,
    "a step": lambda one: one.step_us,
    "a contact that a sweep walks past": lambda one: one.profile_us,
}
