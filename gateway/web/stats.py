"""GET /v1/stats: what `kwek stats` tells, of the key's own brand and of nobody else's.

Counting is bounded: one question is counted at a time, a few may wait, not all of one brand, a period has so many
days, and what takes too long is ended. A question is counted once for all who ask it at once or within a minute after.
Nobody is kept waiting for long: what is not counted by then is counted still, and told to whoever asks again.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from datetime import date
from functools import partial
from typing import Any, Final

from aiohttp import web

from gateway.measuring import Measurer, TooLongError
from gateway.periods import Days, days_of, period_of
from gateway.report import BY, Asked, report
from gateway.web.entrance import Looks
from gateway.web.holders import ProblemError, away, holder
from gateway.web.problems import problem
from router.instants import MINUTE
from router.measures import measures_of
from router.prices import Prices
from router.store.errors import StoreUnavailable
from router.world import World
from rules.rulebook import Rulebook

MOST_DAYS: Final = 92
"""Days of one question: a quarter."""
MOST_WAITING: Final = 4
"""Questions that wait for the one that is counted; who comes then is told to ask again."""
MOST_OF_BRAND: Final = 2
"""Questions of one brand at a time, counted or waiting: the other places are for others."""
REST: Final = 1.0
"""It rests as long as it works: a question takes half of one core at the most."""
WITHIN_S: Final = 20.0
"""How long one question is counted for, in seconds."""
ANSWER_S: Final = 25.0
"""How long a request waits for it, also for its turn, in seconds; proxies give up after 30 or 60."""
AGAIN: Final = MINUTE
"""For how long an answer is given again once it is counted, in microseconds."""
MOST_KEPT: Final = 50
"""Answers that are kept for that: of a hundred brands, each a few."""


@dataclass(frozen=True, slots=True)
class Terms:
    """How it is counted: what texts cost, whose days, and from how many percent of opt-outs a step is warned of."""

    prices: Prices
    zone: str
    opt_out_warning: float


class Stats:
    """What a brand may ask of its figures. `book` gives the rules in force."""

    def __init__(self, world: World, looks: Looks, url: str, terms: Terms, book: Callable[[], Rulebook]) -> None:
        self._world = world
        self._looks = looks
        self._terms = terms
        self._book = book
        self._measurer = Measurer(world, url, "stats", REST, WITHIN_S)
        self._going: dict[Asked, asyncio.Task[dict[str, Any] | None]] = {}
        self._kept: dict[Asked, tuple[int, dict[str, Any] | None]] = {}  # when, and what; None: it took too long

    def routes(self) -> list[web.RouteDef]:
        """Where it answers."""
        return [web.get("/v1/stats", self.stats, allow_head=False)]

    async def stats(self, request: web.Request) -> web.StreamResponse:
        """The report of a period, by what was asked for."""
        try:
            key = await holder(self._looks, request)
            days, by = self._meant(request)
            terms = self._terms
            asked = Asked(str(days.first), str(days.last), terms.zone, key.brand, by, terms.opt_out_warning)
            told = await self._told(asked, days)
        except ProblemError as refused:
            return refused.answer
        return web.json_response(told, headers={"Cache-Control": "no-store"})

    async def close(self) -> None:
        """Nothing is counted any more."""
        await self._measurer.close()

    def _meant(self, request: web.Request) -> tuple[Days, str]:
        """Which days, and by what. Raises ProblemError."""
        unknown = sorted(set(request.query) - {"since", "until", "by"})
        if unknown:
            raise ProblemError(problem(400, "Not understood", f"ask with since, until and by, not {unknown[0][:40]!r}"))
        by = request.query.get("by", "rule")
        if by not in BY:
            raise ProblemError(problem(400, "Not understood", f"by is one of {', '.join(BY)}"))
        try:
            since, until = _day(request, "since"), _day(request, "until")
            days = days_of(since, until, self._world.now(), self._terms.zone)
        except ValueError as fault:
            raise ProblemError(problem(400, "No period", str(fault))) from None
        if (days.last - days.first).days >= MOST_DAYS:
            raise ProblemError(problem(400, "Too long", f"a period has at most {MOST_DAYS} days; ask for it in parts"))
        return days, by

    async def _told(self, asked: Asked, days: Days) -> dict[str, Any]:
        now = self._world.now()
        self._kept = {one: kept for one, kept in self._kept.items() if now - kept[0] < AGAIN}
        told = self._kept[asked][1] if asked in self._kept else await self._counted(asked, days)
        if told is None:
            raise ProblemError(away("Too much", f"counting took longer than {WITHIN_S:g} s: ask for fewer days"))
        return told

    async def _counted(self, asked: Asked, days: Days) -> dict[str, Any] | None:
        """What a counting comes to that all share who ask the same; None: it took too long. Raises ProblemError."""
        going = self._going.get(asked) or self._begin(asked, days)
        try:
            async with asyncio.timeout(ANSWER_S):
                return await asyncio.shield(going)  # who goes away does not end it for the others
        except TimeoutError:
            raise ProblemError(away("Busy", "these figures are still being counted; ask again in a while")) from None
        except StoreUnavailable:
            raise ProblemError(
                away("Store away", "the store does not answer right now; ask again in a while")
            ) from None

    def _begin(self, asked: Asked, days: Days) -> asyncio.Task[dict[str, Any] | None]:
        of_brand = sum(one.brand == asked.brand for one in self._going)
        if len(self._going) > MOST_WAITING or of_brand >= MOST_OF_BRAND:
            raise ProblemError(away("Busy", "other figures are being counted; ask again in a while"))
        going = asyncio.create_task(self._count(asked, days))
        self._going[asked] = going
        going.add_done_callback(partial(self._done, asked))
        return going

    async def _count(self, asked: Asked, days: Days) -> dict[str, Any] | None:
        told: dict[str, Any] | None = None
        with suppress(TooLongError):
            measured = await self._measurer.measure(
                period_of(days, self._terms.zone), self._terms.prices, asked.brand, measures_of(self._book()),
                origins=asked.by == "keyword",
            )  # fmt: skip
            told = report(measured, asked)
        if len(self._kept) < MOST_KEPT:
            self._kept[asked] = self._world.now(), told
        return told

    def _done(self, asked: Asked, going: asyncio.Task[dict[str, Any] | None]) -> None:
        del self._going[asked]
        if not going.cancelled():
            going.exception()  # whoever still waits gets it; nobody else asks


def _day(request: web.Request, name: str) -> date | None:
    text = request.query.get(name)
    if text is None:
        return None
    try:
        return date.fromisoformat(text)
    except ValueError:
        raise ValueError(f"{name}={text[:20]!r} is no day: write it as 2026-05-01") from None
