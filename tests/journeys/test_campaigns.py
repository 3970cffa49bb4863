"""Campaigns through the whole gateway: events come in over the API, texts leave over SMPP, and figures are asked."""

import asyncio
import json
import threading
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace
from decimal import Decimal
from functools import partial
from pathlib import Path
from typing import Any
from urllib.error import HTTPError
from urllib.request import Request, urlopen

import aiohttp
import pytest
from structlog.testing import capture_logs

from config.settings import Country, Digits, Number, Price, Settings, Statistics
from config.values import Money
from gateway.web.keys import mint
from router import keys
from router.consent_import import Import, Order
from router.consent_rows import Consent
from router.store.engine import open_store
from router.store.errors import StoreUnavailable
from router.suppression import Suppressions
from router.world import System
from tests.support.station import PATIENCE_S, Station, fetch

NL, DE, BE = "3197010281234", "4915735991234", "32460123456"
HEAD = f"""\
brand "Shop"
    numbers 4411, +{NL}, +{DE}, +{BE}
    language nl
    timezone Europe/Amsterdam
"""
BROWSER = "Mozilla/5.0 (Linux; Android 14) Chrome/126"


@dataclass
class Shop(Station):
    """A station with numbers in three countries, prices, and a key for the shop's own systems."""

    key: str = ""

    def settings(self) -> Settings:
        def number(digits: str, country: str) -> Number:
            kind: Any = "short-code" if len(digits) < 7 else "long-number"
            return Number(number=Digits(digits), kind=kind, country=Country(country), brands=("Shop",), via="carrier")

        numbers = tuple(number(*one) for one in (("4411", "NL"), (NL, "NL"), (DE, "DE"), (BE, "BE")))
        price = Price(connector="carrier", segment=Money("EUR", Decimal("0.10")))
        return replace(super().settings(), numbers=numbers, prices=(price,), statistics=Statistics(recent_s=1))

    def prepare(self, addresses: Sequence[str]) -> None:
        """Before the start: a key, and consents on paper."""
        store, world, key = open_store(self.store_url), System(), mint()
        with store.begin() as tx:
            keys.write(tx, 5, "Shop", key.hash, "shop", world.now())
        at = world.now() - 1_000_000
        rows = [Consent(line, one, at, "Ja, ik wil tips", "paper", "scan", "") for line, one in enumerate(addresses, 2)]
        order = Order("Shop", "promotional", "", "crm@shop.example")
        assert {one.outcome for one in Import(store, world, Suppressions(), order).run(rows)} <= {"taken"}
        store.close()
        world.close()
        self.key = key.text(5)

    async def call(self, path: str, **body: Any) -> tuple[int, Any]:
        """What the API answers: to a body, or to a question without one."""
        headers = {"Authorization": f"Bearer {self.key}", "Content-Type": "application/json"}
        data = json.dumps(body).encode() if body else None

        def call() -> tuple[int, Any]:
            try:
                with urlopen(Request(f"{self.where}{path}", data, headers), timeout=PATIENCE_S) as answer:
                    return int(answer.status), json.load(answer)
            except HTTPError as refused:
                return refused.code, json.load(refused)

        return await asyncio.to_thread(call)

    async def happen(self, address: str, name: str, **more: Any) -> None:
        """An event of one phone."""
        status, _ = await self.call("/v1/events", contact=f"+{address}", name=name, **more)
        assert status == 202

    async def gets(self, address: str) -> tuple[str, str]:
        """The next text that a phone gets, and from which number."""
        sms = await self.phone(address).next(PATIENCE_S)
        return sms.sender, sms.text

    async def metric(self, line: str) -> None:
        """Wait until /metrics has that line."""
        async with asyncio.timeout(PATIENCE_S):
            while line not in (await fetch(f"{self.where}/metrics"))[1].splitlines():
                await asyncio.to_thread(partial(int))


@asynccontextmanager
async def shop(folder: Path, rules: str, *agreed: str, codes: str = "") -> AsyncIterator[Shop]:
    """A shop that runs, with phones that have agreed, and codes of a voucher's file."""
    (folder / "brands").mkdir()
    (folder / "brands" / "codes.csv").write_text(codes)
    (folder / "brands" / "shop.rules").write_text(HEAD + rules)
    one = Shop(folder, ("Shop",))
    one.prepare(agreed)
    await one.carrier.start()
    try:
        await one.start()
        assert one.exit_code is None, "the gateway did not start"
        yield one
    finally:
        if one._task is not None and not one._task.done():
            await one.stop()
        await one.carrier.stop()


DRIP = """
keyword HALLO
    reply "Dag!"

drip welkom promotional
    at once
        send "Shop: welkom. STOP = uit."

on event signup
    start welkom

on event offer
    send promotional "Shop: korting. STOP = uit."
"""


async def test_capability_04_a_drip_leaves_from_the_contacts_own_country_and_always_will(tmp_path: Path) -> None:
    places = {"4915112345678": DE, "32470123456": BE, "31612345678": NL}
    async with shop(tmp_path, DRIP, *places) as one:
        for address, number in places.items():
            await one.happen(address, "signup")
            assert await one.gets(address) == (number, "Shop: welkom. STOP = uit.")
        german = "4915112345678"
        assert await one.ask("HALLO", german, NL) == "Dag!"  # on holiday: the answer leaves from the number texted
        await one.happen(german, "offer")
        assert await one.gets(german) == (DE, "Shop: korting. STOP = uit.")
        await one.stop()
        await one.start()
        await one.happen(german, "offer")
        assert await one.gets(german) == (DE, "Shop: korting. STOP = uit.")


VOUCHER = """
voucher beurs from "codes.csv"

drip beurs promotional
    goal event voucher_redeemed within 14 days
    at once
        send "Shop: uw code is {voucher beurs}. STOP = uit."

keyword BEURS
    start beurs
"""


async def test_capabilities_28_29_a_pool_that_runs_low_is_warned_of_and_a_redemption_is_a_conversion(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("gateway.app.KEEP_UP_S", 0.1)
    phones = [f"316000000{place:02}" for place in range(9)]
    codes = "".join(f"B-{place}\n" for place in range(10))
    with capture_logs() as logs:
        async with shop(tmp_path, VOUCHER, *phones, codes=codes) as one:
            await one.metric('kwek_voucher_codes{brand="Shop",voucher="beurs"} 10.0')
            texts = [await one.ask("BEURS", phone) for phone in phones]
            await one.metric('kwek_voucher_codes{brand="Shop",voucher="beurs"} 1.0')
            await one.until("SELECT count(*) FROM offers WHERE warned_at IS NOT NULL", [(1,)])
            code = texts[3].split()[4].rstrip(".")
            assert (await one.call("/v1/vouchers/redeem", code=code))[0] == 200
            assert (await one.call("/v1/vouchers/redeem", code=code))[0] == 409
            told = (await one.call("/v1/stats?by=keyword"))[1]
    (warning,) = [line for line in logs if line["event"] == "a voucher runs out of codes"]
    assert (warning["brand"], warning["voucher"], warning["left"], warning["of"]) == ("Shop", "beurs", 1, 10)
    assert told["total"]["converted"] == 1
    (keyword,) = told["rows"]
    assert (keyword["keyword"], keyword["contacts"], keyword["sent"], keyword["converted"]) == ("BEURS", 9, 9, 1)


SALE = """
voucher flits "FLITS-####-####" until {until}

keyword FLITS
    reply "Uw code: {{voucher flits}}"

on event korting
    send promotional "Shop: vanavond nog korting met {{voucher flits}}. STOP = uit."
"""


async def test_capability_30_a_sale_that_is_over_is_neither_sent_nor_redeemed(tmp_path: Path) -> None:
    phone = "31612345678"
    async with shop(tmp_path, SALE.format(until="2099-01-01"), phone) as one:
        code = (await one.ask("FLITS", phone)).removeprefix("Uw code: ")
        (one.rules / "shop.rules").write_text(HEAD + SALE.format(until="2026-01-01"))
        await one.until("SELECT count(DISTINCT hash) FROM deployments", [(2,)])
        await one.happen(phone, "korting")
        await one.until("SELECT state, reason FROM outbox WHERE state = 'withheld'", [("withheld", "offer_expired")])
        status, told = await one.call("/v1/vouchers/redeem", code=code)
        assert (status, told["title"]) == (410, "Expired")
        assert one.rows("SELECT redeemed_at FROM vouchers") == [(None,)]


LINK = """
on event nieuws
    send promotional "Shop: lees het {link nieuws https://shop.example/nieuws} STOP = uit."
"""


async def test_capability_70_previews_are_not_counted_and_a_person_is_once_in_the_figures(tmp_path: Path) -> None:
    phones = ("31611111111", "31622222222")
    async with shop(tmp_path, LINK, *phones) as one:
        codes = []
        for phone in phones:
            await one.happen(phone, "nieuws")
            codes.append((await one.gets(phone))[1].rpartition("/l/")[2].split()[0])
        for agent, code, times in (("WhatsApp/2.23", codes[0], 2), ("facebookexternalhit/1.1", codes[1], 1),
                                   (BROWSER, codes[1], 2)):  # fmt: skip
            async with aiohttp.ClientSession(headers={"User-Agent": agent}) as web:
                for _ in range(times):
                    async with web.get(f"{one.where}/l/{code}", allow_redirects=False) as answer:
                        assert answer.status == 302
        await one.until("SELECT name, source FROM events WHERE source = 'click'", [("nieuws", "click")])
        told = (await one.call("/v1/stats?by=link"))[1]
        (link,) = told["rows"]
        assert (link["rule"], link["link"], link["sent"], link["clicked"]) == ("on event nieuws", "nieuws", 2, 1)
        assert told["total"]["clicked"] == 1
        labels = 'brand="Shop",class="promotional",reaction="clicked",rule="on event nieuws"'
        await one.metric(f"kwek_recent_reactions{{{labels}}} 1.0")
        labels = 'brand="Shop",class="promotional",outcome="sent",rule="on event nieuws"'
        await one.metric(f"kwek_recent_texts{{{labels}}} 2.0")


BUDGET = """    budget EUR 0.50 per month

on event offer
    send promotional "Shop: korting. STOP = uit."

on event order
    send transactional "Shop: uw bestelling is er. STOP = uit."
"""


async def test_texts_do_not_wait_for_figures(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    begun, goes_on = threading.Event(), threading.Event()

    def slow(*_: Any, **__: Any) -> Any:
        begun.set()
        assert goes_on.wait(PATIENCE_S)
        raise StoreUnavailable("enough")

    monkeypatch.setattr("gateway.measuring.measure", slow)
    async with shop(tmp_path, DRIP, "31612345678") as one:
        assert await asyncio.to_thread(begun.wait, PATIENCE_S)  # the look at figures by rule
        asked = asyncio.ensure_future(one.call("/v1/stats"))
        assert await one.ask("HALLO") == "Dag!"
        await one.happen("31612345678", "signup")
        assert (await one.gets("31612345678"))[1] == "Shop: welkom. STOP = uit."
        goes_on.set()
        assert (await asked)[0] == 503


async def test_capability_88_a_budget_warns_at_80_percent_and_stops_promotions_at_100(tmp_path: Path) -> None:
    phone = "31612345678"
    with capture_logs() as logs:
        async with shop(tmp_path, BUDGET, phone) as one:
            for text in range(1, 6):
                await one.happen(phone, "offer")
                assert (await one.gets(phone))[1] == "Shop: korting. STOP = uit."
                warned = [line for line in logs if "budget" in line["event"]]
                assert len(warned) == (text >= 4)
            await one.metric('kwek_budgets_warned_total{brand="Shop"} 1.0')
            await one.happen(phone, "offer")
            await one.until("SELECT reason FROM outbox WHERE state = 'withheld'", [("budget",)])
            await one.happen(phone, "order", values={"consent": "transactional"}, ref="7")
            assert (await one.gets(phone))[1] == "Shop: uw bestelling is er. STOP = uit."
            labels = 'brand="Shop",class="promotional",reason="budget",rule="on event offer"'
            await one.metric(f"kwek_recent_withheld{{{labels}}} 1.0")
            assert (await one.call("/v1/stats"))[1]["total"]["cost"] == {"EUR": "0.60"}
