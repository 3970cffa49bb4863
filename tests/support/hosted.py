"""A store with links, codes and keys, and somebody who takes occurrences as the writer does: in order, each with its
commit, once for a key."""

import asyncio
from collections.abc import Awaitable, Mapping
from datetime import tzinfo
from pathlib import Path
from random import Random
from typing import Any
from zoneinfo import ZoneInfo

import msgspec
from aiohttp import web
from aiohttp.test_utils import TestClient, TestServer

from gateway.web import keys as secret
from gateway.web.api import Api
from gateway.web.entrance import Looks
from gateway.web.pages import Pages, Silence
from gateway.web.problems import problems
from router import hosted, keys, links, offers
from router.messages import Occurrence
from router.store.engine import Store, open_store
from router.store.errors import StoreUnavailable
from router.world import Virtual
from rules.links import read
from rules.vouchers import Voucher

NOW = 1_767_614_400_000_000
"""2026-01-05, 12:00 UTC."""
JAN = "31612345678"
SHOP = "Shop & Zoon <b>"
BROWSER = (
    "Mozilla/5.0 (Linux; Android 14; CUBOT X20) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/126 Mobile Safari/537"
)


class Writer:
    """Takes occurrences. Until `back` is set none is answered; they wait."""

    def __init__(self, store: Store) -> None:
        self.store = store
        self.trouble = ""
        self.taken: list[Occurrence] = []
        self.silenced: list[Silence] = []
        self.back = asyncio.Event()
        self.back.set()
        self.arrived = asyncio.Event()
        self.fails = False
        self._by_key: dict[tuple[str, str, str], int] = {}

    def occur(self, occurrence: Occurrence) -> Awaitable[int]:
        return self._occur(occurrence)

    async def _occur(self, one: Occurrence) -> int:
        await self._ready()
        key = (one.brand, one.source, one.key)
        if one.key and key in self._by_key:
            return self._by_key[key]
        with self.store.begin() as tx:
            hosted.settle(tx, [one])
        self.taken.append(one)
        self._by_key[key] = one.id
        return one.id

    async def silence(self, wish: Silence) -> None:
        """Opt a contact out, as a page asks for it."""
        await self._ready()
        with self.store.begin() as tx:
            tx.write(
                "INSERT INTO profiles (contact_id, brand, tags, attributes, opted_out_at) "
                f"SELECT id, '{wish.brand}', '[]', '{{}}', {wish.at} FROM contacts WHERE address = '{wish.address}'"
            )
        self.silenced.append(wish)

    async def _ready(self) -> None:
        self.arrived.set()
        await self.back.wait()
        if self.fails:
            raise StoreUnavailable("the writer has ended")


class Brand(msgspec.Struct, frozen=True):
    language: str = "nl"
    zone: tzinfo = ZoneInfo("Europe/Amsterdam")
    attributes: Mapping[str, str] = {}


class Site:
    """Pages and API on a store of their own, in a test's folder."""

    def __init__(self, folder: Path) -> None:
        self.url = f"sqlite:///{folder / 'kwek.db'}"
        self.store = open_store(self.url)
        self.world = Virtual(NOW)
        self.looks = Looks(self.url)
        self.writer = Writer(self.store)
        self.brands: dict[str, Brand] = {SHOP: Brand()}
        self.declared: Mapping[str, str] = {}
        """Attributes that the rules declare."""
        self.pages = Pages(
            self.world, self.looks, self.writer, self.brands.get, "https://sms.example", self.writer.silence
        )
        self.api = Api(self.world, self.looks, self.writer, lambda _: self.declared)
        self._chance = Random(7).random

    def application(self) -> web.Application:
        app = web.Application(middlewares=[problems])
        app.add_routes([*self.pages.routes(), *self.api.routes()])
        return app

    async def open(self) -> TestClient[Any, Any]:
        """A client that follows nothing by itself and calls itself a phone's browser."""
        self.client: TestClient[Any, Any] = TestClient(
            TestServer(self.application()), headers={"User-Agent": BROWSER, "Accept-Language": "fr"}
        )
        await self.client.start_server()
        return self.client

    async def close(self) -> None:
        await self.client.close()
        self.pages.close()
        await self.looks.close()
        self.store.close()

    def contact(self, id: int = 1, language: str | None = None, address: str = JAN) -> None:
        with self.store.begin() as tx:
            tx.write(
                "INSERT INTO contacts (id, address, language, created_at) VALUES (?, ?, ?, 0) ON CONFLICT DO NOTHING",
                (id, address, language),
            )

    def link(self, hole: str, contact: int = 1, brand: str = SHOP) -> str:
        """Make a link for a contact; gives its code."""
        with self.store.begin() as tx:
            (code,) = links.fresh(tx, 1, self._chance)
            links.write(tx, [links.make(code, read(hole), contact, brand, (77, "Shop/keyword TIP", "reply 1"), NOW)])
        return code

    def voucher(self, contact: int = 1, brand: str = SHOP, **more: Any) -> str:
        """Give a contact its code of the voucher `zomer`."""
        voucher = Voucher("zomer", pattern="ZOMER-####-####", **more)
        with self.store.begin() as tx:
            offers.declare(tx, [(brand, voucher)])
            code = offers.codes(tx, [offers.Want(contact, brand, voucher)], NOW, self._chance)[contact, brand, "zomer"]
        assert code is not None
        return code

    def key(self, brand: str = SHOP, id: int = 5) -> dict[str, str]:
        """Make a key of a brand; gives the header that shows it."""
        minted = secret.mint()
        with self.store.begin() as tx:
            keys.write(tx, id, brand, minted.hash, "till", NOW)
        return {"Authorization": f"Bearer {minted.text(id)}"}

    def rows(self, sql: str) -> list[Any]:
        with self.store.begin() as tx:
            return tx.execute(sql)
