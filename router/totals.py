"""What counting comes to (router.figures): sums over texts, over what came in, and over the arms of splits."""

from __future__ import annotations

from collections.abc import KeysView
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Final

from router.prices import Cost, Price

_COUNTS: Final = (
    "sent", "delivered", "undelivered", "unknown", "failed", "waiting", "cancelled", "answered", "clicked", "opted_out",
    "segments", "after_ids", "entered",
)  # fmt: skip


@dataclass(slots=True)
class Figures:
    """What some texts came to. Of `sent`, `undelivered` and `unknown` (never answered for) are told apart; `failed` are
    those that the carrier refused, `waiting` those that it has not been given yet.

    `billed`: segments to be paid for by price, None where the table has none. `sample_id`: the last such text.
    """

    sent: int = 0
    delivered: int = 0
    undelivered: int = 0
    unknown: int = 0
    failed: int = 0
    waiting: int = 0
    cancelled: int = 0
    withheld: dict[str, int] = field(default_factory=dict)
    answered: int = 0
    clicked: int = 0
    opted_out: int = 0
    segments: int = 0
    billed: dict[Price | None, int] = field(default_factory=dict)
    sample_id: int = 0
    after_ids: int = 0
    """Ids between each sent text and its cause, summed: how late in its chain a step is."""
    entered: int = 0
    """Of `sent` those of chains that began in the period."""

    def add(self, other: Figures) -> None:
        """Count these too."""
        for name in _COUNTS:
            setattr(self, name, getattr(self, name) + getattr(other, name))
        for reason, number in other.withheld.items():
            self.withheld[reason] = self.withheld.get(reason, 0) + number
        for price, segments in other.billed.items():
            self.billed[price] = self.billed.get(price, 0) + segments
        self.sample_id = max(self.sample_id, other.sample_id)

    @property
    def texts(self) -> int:
        """All of them, whatever became of them."""
        return self.sent + self.failed + self.waiting + self.cancelled + sum(self.withheld.values())

    @property
    def costs(self) -> tuple[Cost, ...]:
        """What they cost, by currency."""
        sums: dict[str, Decimal] = {}
        for price, segments in self.billed.items():
            if price is not None:
                sums[price.currency] = sums.get(price.currency, Decimal(0)) + price.per_segment * segments
        return tuple(Cost(amount, currency) for currency, amount in sorted(sums.items()))

    @property
    def unpriced(self) -> int:
        """Segments that the price table has no price for."""
        return self.billed.get(None, 0)


@dataclass(slots=True)
class Texted:
    """What came in for a rule: texts, and the contacts that wrote them."""

    texts: int = 0
    contacts: set[int] = field(default_factory=set)
    joined: set[int] = field(default_factory=set)
    """Those who gave a consent by one of these texts."""
    new: set[int] = field(default_factory=set)
    """Those whom nobody knew before one of these texts."""
    begun: Figures = field(default_factory=Figures)
    """Texts of the drips that these texts began; counted where it is asked for (Sent.origin)."""
    goals: int = 0
    """Goals reached in those drips."""


@dataclass(slots=True)
class Landed:
    """Who landed in an arm of a split, each with the id of the first text, and who of them clicked, answered, reached
    the goal, and met with the event that the split is measured by."""

    since: dict[int, int] = field(default_factory=dict)
    clicked: set[int] = field(default_factory=set)
    answered: set[int] = field(default_factory=set)
    converted: set[int] = field(default_factory=set)
    happened: set[int] = field(default_factory=set)

    @property
    def contacts(self) -> KeysView[int]:
        """Who landed in it."""
        return self.since.keys()


@dataclass(slots=True)
class Followed:
    """What became of a link of a step: who followed it, and how often it was followed in all."""

    contacts: set[int] = field(default_factory=set)
    times: int = 0
