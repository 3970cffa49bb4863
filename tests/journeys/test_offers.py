"""Vouchers and short links through the whole gateway: capabilities 28, 29, 70 and 71."""

import asyncio
import json
import sqlite3
from contextlib import closing
from pathlib import Path
from urllib.error import HTTPError
from urllib.request import Request, urlopen

import aiohttp

from gateway.web.keys import mint
from router.store.engine import open_store
from tests.support.station import station

RULES = """\
brand "Shop"
    numbers 4411, +3197010281234
    language nl
    timezone Europe/Amsterdam

voucher beurs from "codes.csv"

keyword BEURS
    reply "Uw code: {voucher beurs|op is op}"

keyword PAGINA
    reply "Uw code staat op {link voucher beurs|niets}"

keyword TIP
    reply "Kijk op {link tip1 https://shop.example/tip}"
"""


def redeem(where: str, key: str, code: str) -> int:
    body = json.dumps({"code": code}).encode()
    headers = {"Authorization": f"Bearer {key}", "Content-Type": "application/json"}
    try:
        with urlopen(Request(f"{where}/v1/vouchers/redeem", body, headers), timeout=10) as answer:
            return int(answer.status)
    except HTTPError as refused:
        return refused.code


async def test_capabilities_28_29_a_code_of_a_pool_is_told_and_redeemed_once(tmp_path: Path) -> None:
    async with station(tmp_path, RULES, brands=("Shop",), start=False) as one:
        (one.rules / "codes.csv").write_text("code\nB-1\n")
        open_store(one.store_url).close()
        key = mint()
        with closing(sqlite3.connect(tmp_path / "kwek.db")) as store, store:
            store.execute("INSERT INTO api_keys VALUES (5, 'Shop', ?, 'till', 0, NULL)", (key.hash,))
        await one.start()
        assert [await one.ask("BEURS") for _ in range(2)] == ["Uw code: B-1"] * 2
        assert await one.ask("BEURS", "31622222222") == "Uw code: op is op"
        where = one.where
        statuses = [await asyncio.to_thread(redeem, where, key.text(5), code) for code in ("B-1", "B-1", "B-2")]
        assert statuses == [200, 409, 404]
        assert one.rows("SELECT name, source FROM events") == [("voucher_redeemed", "voucher")]


async def test_capability_70_a_link_in_a_text_is_followed_and_counted_once(tmp_path: Path) -> None:
    async with station(tmp_path, RULES, brands=("Shop",)) as one:
        code = (await one.ask("TIP")).rpartition("/")[2]
        async with aiohttp.ClientSession(headers={"User-Agent": "Mozilla/5.0 (Linux; Android 14) Chrome/126"}) as phone:
            for _ in range(2):
                async with phone.get(f"{one.where}/l/{code}", allow_redirects=False) as answer:
                    assert (answer.status, answer.headers["Location"]) == (302, "https://shop.example/tip")
        await one.until("SELECT name, source FROM events", [("tip1", "click")])


async def test_capability_71_the_page_of_a_voucher_shows_the_code_that_its_link_has_taken(tmp_path: Path) -> None:
    async with station(tmp_path, RULES, brands=("Shop",), start=False) as one, aiohttp.ClientSession() as browser:
        (one.rules / "codes.csv").write_text("code\nB-1\n")
        await one.start()
        code = (await one.ask("PAGINA")).rpartition("/")[2]
        async with browser.get(f"{one.where}/l/{code}") as page:
            assert (page.status, "B-1" in await page.text()) == (200, True)
        assert await one.ask("BEURS") == "Uw code: B-1", "a contact has one code, however it is told"
        assert await one.ask("PAGINA", "31622222222") == "Uw code staat op niets", "no page without a code"
