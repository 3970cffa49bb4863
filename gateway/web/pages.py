"""/l/CODE leads on, /v/CODE shows a voucher, /o/CODE ends a brand's messages. Short links that stand in texts.

A code is all that is asked for: it is the secret of one contact, so there is no session, no cookie, and nothing that
another page could misuse by a browser's standing. Looking does nothing: previews and scanners follow links, so opting
out takes a POST, and one that comes from our own page. A link leads only where the author of the rules wrote.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine, Mapping
from datetime import UTC, tzinfo
from functools import partial
from typing import Any, Protocol
from urllib.parse import urlsplit

import msgspec
import structlog
from aiohttp import web

from gateway.web import html
from gateway.web.clicks import Clicks
from gateway.web.entrance import Looks, Occurs
from gateway.web.guesses import Guesses, client_of
from gateway.web.previews import is_person
from router import links
from router.faults import SetAside, plain
from router.links import Followed
from router.store import statements_offers as sql
from router.store.engine import Tx
from router.store.errors import StoreUnavailable
from router.world import World
from rules.links import is_code, is_followed

OPT_OUT_S = 5.0
"""How long a page waits until nothing more can be written after an opt-out, in seconds; later it says that it did not
work yet."""
MOST_SILENCING = 1_000
"""Opt-outs that wait for the store: as many as stand in the queue of texts for a few groups. Beyond it a page says at
once that it did not work."""
LONGEST_AGENT = 300
"""Characters of User-Agent that are kept with an opt-out, as evidence."""
RETRY_AFTER = "60"
MOST_BODY = 4_096
"""Octets of a form that is looked past."""

log = structlog.get_logger("kwek.web")


class Brand(Protocol):
    """What is shown of a brand."""

    @property
    def language(self) -> str:
        """In which it speaks to whom it knows nothing else of."""

    @property
    def zone(self) -> tzinfo:
        """Whose days its offers end with."""

    @property
    def attributes(self) -> Mapping[str, str]:
        """What its rules declare of a contact, by name with its kind."""


class Standing(msgspec.Struct, frozen=True):
    """What a page shows: the link, and the contact's standing with the brand and the voucher."""

    link: Followed
    is_out: bool = False
    code: str = ""
    until: int | None = None
    redeemed_at: int | None = None


class Silence(msgspec.Struct, frozen=True):
    """A contact opts out of a brand by its page: the link that it held, and the evidence of it."""

    brand: str
    address: str
    code: str
    at: int
    ip: str
    forwarded: str
    agent: str


OptOut = Callable[[Silence], Coroutine[Any, Any, object]]
"""Silences the brand, with its row of the ledger; done when that is on disk and nothing more can be written."""


class Pages:
    """The hosted pages. `brand` gives what the rules in force say of one; None: nothing any more. There is a page
    to opt out where somebody performs it: `silence`."""

    def __init__(
        self, world: World, looks: Looks, occurs: Occurs, brand: Callable[[str], Brand | None], url: str,
        silence: OptOut | None = None,
    ) -> None:  # fmt: skip
        self.clicks = Clicks(occurs)
        self._world = world
        self._looks = looks
        self._silence = silence
        self._brand = brand
        self._host = urlsplit(url).netloc.lower()
        self._guesses = Guesses()
        self._silencing: dict[tuple[str, str], asyncio.Task[object]] = {}
        """Opt-outs that are not done yet, by brand and address: whoever presses again waits for the same."""

    def routes(self) -> list[web.RouteDef]:
        """Where they answer."""
        routes = [web.get("/l/{code}", self.follow), web.get("/v/{code}", self.voucher)]
        if self._silence is not None:
            routes += [web.get("/o/{code}", self.optout), web.post("/o/{code}", self.opt_out)]
        return routes

    def close(self) -> None:
        """Nobody waits any more; what was handed over is done all the same, if it can be."""
        self.clicks.close()
        for pending in list(self._silencing.values()):
            pending.cancel()

    # ----------------------------------------------------------------------------------------------------- links

    async def follow(self, request: web.Request) -> web.StreamResponse:
        """Lead on; the first time a person does, it is a click."""
        found = await self._find(request)
        if isinstance(found, web.StreamResponse):
            return found
        link = found.link
        if link.kind == "url":
            target = link.target if is_followed(link.target) else ""
        elif link.kind == "voucher":
            target = f"../v/{link.code}"
        else:
            target = f"../o/{link.code}" if self._silence is not None else ""
        if not target:
            return self._unknown(request)
        if is_person(request.method, request.headers):
            now = self._world.now()
            await self.clicks.count(link, self._world.ids.next(now), now)
        return web.Response(
            status=302,
            headers={
                "Location": target, "Cache-Control": "no-store", "Referrer-Policy": "no-referrer",
                "X-Robots-Tag": "noindex, nofollow",
            },
        )  # fmt: skip

    # ----------------------------------------------------------------------------------------------------- pages

    async def voucher(self, request: web.Request) -> web.StreamResponse:
        """The contact's code, and whether it still counts."""
        found = await self._find(request, "voucher")
        if isinstance(found, web.StreamResponse):
            return found
        brand = self._brand(found.link.brand)
        zone = brand.zone if brand else UTC
        language = self._language(found.link)
        is_over = found.until is not None and self._world.now() >= found.until
        return html.page(
            "voucher.html", language, brand=found.link.brand, code=found.code,
            is_gone=found.redeemed_at is not None or is_over, standing=_standing(found, is_over, zone, language),
        )  # fmt: skip

    async def optout(self, request: web.Request) -> web.StreamResponse:
        """A button, or that it is done."""
        found = await self._find(request, "optout")
        if isinstance(found, web.StreamResponse):
            return found
        pending = self._silencing.get(_of(found.link))
        if found.is_out and pending is not None and not await self._silenced(pending):
            return self._away(found.link)  # it is on disk, and something may still be written
        return self._optout(found)

    async def opt_out(self, request: web.Request) -> web.StreamResponse:
        """The button was pressed. Shown again as a page of its own, so that loading it anew does nothing."""
        found = await self._find(request, "optout")
        if isinstance(found, web.StreamResponse):
            return found
        language = self._language(found.link)
        if not self._is_ours(request) or (request.content_length or 0) > MOST_BODY:
            return html.message("refused", language, 403)
        pending = self._silencing.get(_of(found.link))
        if pending is None and not found.is_out:
            pending = self._begin(request, found.link)
            if pending is None:
                log.warning("opt-outs wait for the store, and one more may not", waiting=len(self._silencing))
                return self._away(found.link)
        if pending is not None and not await self._silenced(pending):
            return self._away(found.link)
        return web.Response(status=303, headers={"Location": found.link.code, "Cache-Control": "no-store"})

    def _begin(self, request: web.Request, link: Followed) -> asyncio.Task[object] | None:
        """Hand an opt-out over, whoever waits for it; None when so many wait already."""
        if self._silence is None or len(self._silencing) >= MOST_SILENCING:
            return None
        wish = Silence(
            link.brand, link.address, link.code, self._world.now(), request.remote or "",
            _evident(request, "X-Forwarded-For"), _evident(request, "User-Agent"),
        )  # fmt: skip
        pending: asyncio.Task[object] = asyncio.create_task(self._silence(wish))
        self._silencing[_of(link)] = pending
        pending.add_done_callback(partial(self._over, _of(link)))
        return pending

    def _over(self, whose: tuple[str, str], pending: asyncio.Task[object]) -> None:
        del self._silencing[whose]
        if not pending.cancelled():
            pending.exception()  # whoever still waits gets it; nobody else asks

    async def _silenced(self, pending: asyncio.Task[object]) -> bool:
        """Whether an opt-out is done in time; it may still be, and the phone is told to try again."""
        try:
            async with asyncio.timeout(OPT_OUT_S):
                await asyncio.shield(pending)
        except (TimeoutError, StoreUnavailable) as fault:
            log.warning("an opt-out waits for the store", why=str(fault))
            return False
        except SetAside as fault:
            log.error("an opt-out cannot be performed", why=str(fault))
            return False
        return True

    def _away(self, link: Followed) -> web.Response:
        return html.message("away", self._language(link), 503, **{"Retry-After": RETRY_AFTER})

    def _optout(self, found: Standing) -> web.Response:
        return html.page("optout.html", self._language(found.link), brand=found.link.brand, is_out=found.is_out)

    # --------------------------------------------------------------------------------------------------- finding

    async def _find(self, request: web.Request, kind: str = "") -> Standing | web.StreamResponse:
        """The link of a request, with what its page shows; else the page that says why not."""
        code = request.match_info["code"]
        client = client_of(request.remote, request.headers.get("X-Forwarded-For", ""))
        seconds = self._world.monotonic()
        if self._guesses.must_wait(client, seconds):
            return html.message("slow", _asked(request), 429, **{"Retry-After": RETRY_AFTER})
        found = None
        if is_code(code):
            try:
                found = await self._looks.at(lambda tx: _look(tx, code, kind))
            except StoreUnavailable:
                known = None if kind else self.clicks.recall(code)
                if known is None:
                    return html.message("away", _asked(request), 503, **{"Retry-After": RETRY_AFTER})
                return Standing(known)
        if found is None:
            self.clicks.forget(code)
            self._guesses.missed(client, seconds)
            return self._unknown(request)
        self.clicks.learn(found.link)
        return found

    def _unknown(self, request: web.Request) -> web.Response:
        return html.message("unknown", _asked(request), 404)

    def _language(self, link: Followed) -> str:
        brand = self._brand(link.brand)
        return html.spoken(link.language, brand.language if brand else None)

    def _is_ours(self, request: web.Request) -> bool:
        """Whether a POST comes from our own page, by what browsers say of it. Sec-Fetch-Site is their own judgement and
        settles it; without it Origin must name our host. Where neither is said it is no browser of today."""
        site = request.headers.get("Sec-Fetch-Site")
        if site is not None:
            return site == "same-origin"
        origin = request.headers.get("Origin")
        return origin is None or urlsplit(origin).netloc.lower() in (self._host, request.host.lower())


def _of(link: Followed) -> tuple[str, str]:
    return link.brand, link.address


def _evident(request: web.Request, name: str) -> str:
    """A header as it can be kept: its octets need not be UTF-8."""
    return plain(request.headers.get(name, ""))[:LONGEST_AGENT]


def _asked(request: web.Request) -> str:
    return html.accepted(request.headers.get("Accept-Language", ""))


def _look(tx: Tx, code: str, kind: str) -> Standing | None:
    """What a page of that kind shows; none but links of the kind have one."""
    link = links.find(tx, code)
    if link is None or (kind and link.kind != kind):
        return None
    if kind == "optout":
        rows = sql.standing_of.rows(tx, link.contact_id, link.brand)
        return Standing(link, is_out=bool(rows) and rows[0][0] is not None)
    if kind == "voucher":
        for own, redeemed_at, until in sql.voucher_of.rows(tx, link.contact_id, link.brand, link.target):
            return Standing(link, code=own, redeemed_at=redeemed_at, until=until)
    return Standing(link)


def _standing(found: Standing, is_over: bool, zone: tzinfo, language: str) -> str:
    """The sentence under a voucher's code."""
    if not found.code:
        return html.say(language, "voucher_none")
    if found.redeemed_at is not None:
        return html.say(language, "voucher_used", day=html.day(found.redeemed_at, zone, language))
    if found.until is None:
        return ""
    if is_over:
        return html.say(language, "voucher_over", moment=html.moment(found.until, zone, language))
    last = html.last_day(found.until, zone, language)
    if last:
        return html.say(language, "voucher_day", day=last)
    return html.say(language, "voucher_moment", moment=html.moment(found.until, zone, language))
