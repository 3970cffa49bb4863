"""All that phones and brands' systems may ask over HTTP, put together: hosted pages, API, and what is to be done for
them now and then."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import partial

from aiohttp import web

from gateway.metrics import Metrics
from gateway.pools import Pools, Write
from gateway.web.api import Api
from gateway.web.entrance import Looks, Occurs
from gateway.web.events import NONE_DECLARED
from gateway.web.pages import Brand, Pages, Silence
from gateway.web.problems import Handler
from gateway.web.stats import Stats, Terms
from router import links
from router.messages import Occurrence
from router.store.engine import Store
from router.world import World
from rules.rulebook import Rulebook

KEEP_UP_S = 60.0
"""How often numbers that nobody waits for are written down, and pools looked at, in seconds."""


class Site:
    """The pages and the API of one gateway. `write` is how its own housekeeping reaches the store."""

    def __init__(self, world: World, store: Store, occurs: Occurs, metrics: Metrics, write: Write) -> None:
        self.pools = Pools(store, world)
        self._world = world
        self._store = store
        self._occurs = occurs
        self._metrics = metrics
        self._write = write
        self._looks = Looks(store.url)
        self._pages: Pages | None = None
        self._stats: Stats | None = None

    def routes(self, brand: Callable[[str], Brand | None], url: str) -> list[web.RouteDef]:
        """Where it answers. `brand`: what the rules in force say of one; `url`: how the outside reaches the gateway."""
        self._pages = Pages(self._world, self._looks, self._occurs, brand, url, self._silence)
        api = Api(self._world, self._looks, self._occurs, partial(_declared, brand))
        return [
            web.route(one.method, one.path, self._counted(one.path, one.handler), **one.kwargs)
            for one in (*self._pages.routes(), *api.routes())
        ]

    def figures(self, terms: Terms, book: Callable[[], Rulebook]) -> list[web.RouteDef]:
        """Where figures are told. `book`: the rules in force, which say what splits are measured by."""
        self._stats = Stats(self._world, self._looks, self._store.url, terms, book)
        return [
            web.route(one.method, one.path, self._counted(one.path, one.handler), **one.kwargs)
            for one in self._stats.routes()
        ]

    async def _silence(self, wish: Silence) -> None:
        """A contact opts out by a page: done when it is on disk and nothing more can be written."""
        evidence = {"ip": wish.ip, "forwarded": wish.forwarded, "agent": wish.agent, "page": wish.code}
        occurrence = Occurrence(
            id=self._world.ids.next(wish.at), brand=wish.brand, address=wish.address, name="optout", source="optout",
            values=evidence, at=wish.at, received_at=wish.at,
        )  # fmt: skip
        await self._occurs.occur(occurrence)

    async def keep_up(self, percent: int) -> None:
        """Write down how often links were followed again, and look how many codes the pools have left; a pool with so
        many percent of them or less is warned of."""
        clicks = self._pages.clicks if self._pages is not None else None
        again = clicks.again() if clicks is not None else {}

        if again:
            await self._write(partial(self._revisited, again))
        for pool in await self.pools.look(percent, self._write):
            self._metrics.voucher_codes(pool.brand, pool.name, pool.left)
        if clicks is not None:
            self._metrics.clicks_lost(clicks.lost)

    def _revisited(self, again: dict[str, int]) -> None:
        with self._store.begin() as tx:
            links.revisit(tx, again)

    async def close(self) -> None:
        """Nothing is asked any more."""
        if self._pages is not None:
            self._pages.close()
        if self._stats is not None:
            await self._stats.close()
        await self._looks.close()

    def _counted(self, path: str, handler: Handler) -> Handler:
        async def counted(request: web.Request) -> web.StreamResponse:
            answer = await handler(request)
            self._metrics.answered(path, answer.status)
            return answer

        return counted


def _declared(brand: Callable[[str], Brand | None], name: str) -> Mapping[str, str]:
    """The attributes that the rules in force know of a brand's contacts."""
    own = brand(name)
    return NONE_DECLARED if own is None else own.attributes
