"""What the rules say is measured: a split's clicks or event, and the goal of a drip; which winner they have no more."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import tzinfo
from typing import Final, NamedTuple

from rules.actions import Draw
from rules.rulebook import BrandBook, Rulebook
from rules.syntax import Duration
from rules.times import after

CLICK: Final = "click"
"""What a split is measured by that is no event."""


@dataclass(frozen=True, slots=True)
class Goal:
    """The event that is a drip's goal, within so long from its start; a day is the brand's."""

    event: str
    within: Duration
    zone: tzinfo

    def until(self, entered_at: int) -> int:
        """The last instant at which the event counts for who entered then (microseconds since 1970 UTC)."""
        return after(entered_at, self.within, self.zone)


@dataclass(frozen=True, slots=True)
class Measures:
    """`splits`: "click" or an event's name by brand and split, where the rule says so. `goals`: by brand and drip,
    those with a time: who has had all texts by then can reach them still."""

    splits: Mapping[tuple[str, str], str] = field(default_factory=dict)
    goals: Mapping[tuple[str, str], Goal] = field(default_factory=dict)


class Won(NamedTuple):
    """The arm that has won the sample of a brand's split."""

    brand: str
    split: str
    winner: str


def without_winner(winners: Iterable[Won], book: Rulebook) -> tuple[Won, ...]:
    """The splits that still have a sample, and whose winner is none of their arms any more."""
    won = {(one.brand, one.split): one for one in winners}
    found: set[Won] = set()
    for brand, step in _splits(book):
        one = won.get((brand.name, step.name)) if step.sample else None
        if one is not None and all(name != one.winner for name, _, _ in step.arms):
            found.add(one)
    return tuple(sorted(found))


def _splits(book: Rulebook) -> Iterator[tuple[BrandBook, Draw]]:
    for brand in book.brands.values():
        for rule in (*brand.rules.values(), *brand.chains.values()):
            for step in rule.program.steps:
                if isinstance(step, Draw):
                    yield brand, step


def measures_of(book: Rulebook) -> Measures:
    """What a rule set measures."""
    splits = {(brand.name, step.name): step.measure for brand, step in _splits(book) if step.measure}
    goals = {
        (brand.name, name): Goal(drip.terms.goal, drip.terms.goal_within, brand.zone)
        for brand in book.brands.values()
        for name, drip in brand.drips.items()
        if drip.terms is not None and drip.terms.goal and drip.terms.goal_within is not None
    }
    return Measures(splits, goals)
