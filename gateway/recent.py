"""What the texts of the last day came to, by rule and class, for /metrics: looked up now and then, beside the main way.

The figures are those of `kwek stats` (docs/statistics.md), of the whole store and thus the same on each of its nodes.
Labels are bounded: the rules with the most texts have names, all others together are "other"; of the reasons for which
a rule's texts were withheld, the most frequent ones. So what a brand writes into its rules cannot fill the memory of
whoever scrapes. Each look replaces the one before: a rule that sends nothing any more is gone a day later.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final

import structlog

from gateway.measuring import Measurer, TooLongError
from gateway.metrics import Metrics
from gateway.tally import OTHER
from router.counted import Key
from router.instants import DAY, SECOND
from router.measure import Period
from router.prices import Prices
from router.store.errors import StoreUnavailable
from router.totals import Figures
from router.world import World

MOST_RULES: Final = 20
"""Rules (with a class each) that have names of their own: what a graph can show, times a dozen series each."""
MOST_REASONS: Final = 5
"""Reasons of one rule that have names of their own."""
REST: Final = 9.0
"""Nine tenths of the time a look rests: it takes a tenth of one core at the most."""
WITHIN_S: Final = 600.0
"""A look of a day, in seconds: a million texts take 150 at that pace."""
PERIOD: Final = DAY

Labels = tuple[str, ...]

log = structlog.get_logger("kwek.recent")


def recent(figures: Iterable[tuple[Key, Figures]]) -> dict[str, dict[Labels, int]]:
    """Figures, as few as may be told, by the series of gateway.metrics and its labels: brand, rule, class, and an
    outcome, a reason or what contacts did."""
    found: dict[Labels, Figures] = {}
    for key, one in figures:
        rule = key.rule.removeprefix(f"{key.brand}/")
        found.setdefault((key.brand, rule, key.message_class), Figures()).add(one)
    ranked = sorted(found.items(), key=lambda item: (-item[1].texts, item[0]))
    named = dict(ranked[:MOST_RULES])
    for (_, _, message_class), one in ranked[MOST_RULES:]:
        named.setdefault((OTHER, OTHER, message_class), Figures()).add(one)
    texts: dict[Labels, int] = {}
    withheld: dict[Labels, int] = {}
    reactions: dict[Labels, int] = {}
    for labels, one in named.items():
        for outcome, count in (
            ("sent", one.sent), ("delivered", one.delivered), ("undelivered", one.undelivered), ("failed", one.failed),
            ("waiting", one.waiting),
        ):  # fmt: skip
            texts[*labels, outcome] = count
        for reaction, count in (("answered", one.answered), ("clicked", one.clicked), ("opted_out", one.opted_out)):
            reactions[*labels, reaction] = count
        often = sorted(one.withheld.items(), key=lambda item: (-item[1], item[0]))
        for place, (reason, count) in enumerate(often):
            label = (*labels, reason if place < MOST_REASONS else OTHER)
            withheld[label] = withheld.get(label, 0) + count
    return {"recent_texts": texts, "recent_withheld": withheld, "recent_reactions": reactions}


class Lookout:
    """Looks at the last day, and tells the metrics."""

    def __init__(self, world: World, url: str, metrics: Metrics) -> None:
        self._world = world
        self._metrics = metrics
        self._measurer = Measurer(world, url, "recent", REST, WITHIN_S)

    async def look(self) -> None:
        """One look. What hinders is logged, and the figures stay as they were, with their age: no text waits for them,
        and no fault in counting ends the gateway."""
        now = self._world.now()
        try:
            measured = await self._measurer.measure(Period(now - PERIOD, now), Prices())
        except (StoreUnavailable, TooLongError) as fault:
            log.warning("figures by rule could not be looked up", why=str(fault))
            return
        except Exception as fault:
            log.error("figures by rule cannot be counted", exc_info=fault)
            return
        self._metrics.recent(recent(measured.counting.figures.items()), now / SECOND)

    async def close(self) -> None:
        """Look no more."""
        await self._measurer.close()
