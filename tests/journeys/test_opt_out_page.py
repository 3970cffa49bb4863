"""Capability 71: links lead to pages of the brand with the contact's voucher, to its survey, and to one to opt out,
which writes to the same ledger as STOP."""

import asyncio
import json
import re
from contextlib import closing
from pathlib import Path

import aiohttp

from router.store.engine import open_store
from tests.support.rules_files import OPT_OUT_LINK
from tests.support.station import station

PAGES = """\
brand "Klusser"
    numbers   4411
    language  nl
    timezone  Europe/Amsterdam

voucher zomer "ZOMER-######" until 2099-12-31

keyword MEER
    reply "Code: {link voucher zomer} Enquete: {link enquete https://klusser.example/e} Uit: {link optout}"

on click enquete
    tag meegedaan
    record enquete = "begonnen"
"""
JAN, HANS = "31612345678", "31622222222"
BROWSER = {"User-Agent": "Mozilla/5.0 (Linux; Android 14) Chrome/126"}


async def test_capability_71_who_opts_out_by_the_page_is_silenced_as_by_stop(tmp_path: Path) -> None:
    async with station(tmp_path, OPT_OUT_LINK) as one, aiohttp.ClientSession() as browser:
        said = await one.ask("TIP", JAN)
        code = said.rsplit("/", 1)[1]
        async with browser.get(f"{one.where}/o/{code}") as page:
            assert page.status == 200, "looking changes nothing: previews look"
        assert one.rows("SELECT count(*) FROM ledger_details") == [(0,)]
        async with browser.post(f"{one.where}/o/{code}") as page:
            assert page.status == 200
        ((details,),) = one.rows("SELECT details FROM ledger_details")
        told = json.loads(details)
        assert (told["action"], told["method"], told["brand"]) == ("revoke", "web", "Klusser")
        assert told["ip"]
        one.carrier.phone(JAN).text("4411", "NOG")
        await one.until("SELECT reason FROM outbox WHERE state = 'withheld'", [("opted_out",)])


async def test_capability_71_links_of_a_text_open_the_brands_pages(tmp_path: Path) -> None:
    async with station(tmp_path, PAGES) as one, aiohttp.ClientSession(headers=BROWSER) as browser:

        async def opened(code: str) -> tuple[str, str]:
            """Where a link leads, and what stands there."""
            async with browser.get(f"{one.where}/l/{code}") as page:
                return str(page.url), await page.text()

        said = await one.ask("MEER", JAN)
        voucher, survey, optout = re.findall(r"/l/(\w+)", said)
        where, page = await opened(voucher)
        assert where == f"{one.where}/v/{voucher}"
        assert '<html lang="nl">' in page
        assert "Uw code van Klusser" in page
        ((code,),) = one.rows("SELECT code FROM vouchers WHERE contact_id > 0")
        assert code in page, "the contact's own, and no other's"
        assert "Geldig tot en met 31 december 2099." in page
        async with browser.get(f"{one.where}/l/{survey}", allow_redirects=False) as answer:
            assert answer.headers["Location"] == "https://klusser.example/e"
        await one.until("SELECT name, value FROM records", [("enquete", '{"value":"begonnen"}')])
        where, page = await opened(optout)
        assert where == f"{one.where}/o/{optout}"
        assert "Wilt u geen berichten meer van Klusser?" in page
        counted = one.rows("SELECT kind, clicked_at IS NOT NULL FROM links ORDER BY kind")
        assert counted == [("optout", 1), ("url", 1), ("voucher", 1)], "each page is counted as opened"
        async with browser.post(f"{one.where}/o/{optout}") as answer:
            assert "U bent afgemeld" in await answer.text()
        ((details,),) = one.rows("SELECT details FROM ledger_details")
        assert (json.loads(details)["method"], json.loads(details)["evidence_url"]) == ("web", optout)


async def test_pages_speak_the_contacts_language(tmp_path: Path) -> None:
    async with station(tmp_path, PAGES, start=False) as one, aiohttp.ClientSession(headers=BROWSER) as browser:
        with closing(open_store(one.store_url)) as store, store.begin() as tx:
            tx.write(f"INSERT INTO contacts (id, address, language, created_at) VALUES (5, '{HANS}', 'de', 1)")
        await one.start()
        voucher, *_ = re.findall(r"/l/(\w+)", await one.ask("MEER", HANS))
        async with browser.get(f"{one.where}/v/{voucher}") as page:
            text = await page.text()
        assert '<html lang="de">' in text
        assert "Ihr Code von Klusser" in text


async def test_capability_71_a_phone_whose_headers_are_no_utf_8_opts_out_like_any_other(tmp_path: Path) -> None:
    async with station(tmp_path, OPT_OUT_LINK) as one:
        code = (await one.ask("TIP", JAN)).rsplit("/", 1)[1]
        host, port = one.where.removeprefix("http://").split(":")
        reader, writer = await asyncio.open_connection(host, int(port))
        writer.write(f"POST /o/{code} HTTP/1.1\r\nHost: {host}\r\n".encode())
        writer.write(b"User-Agent: T\xe9l\xe9phone\r\nX-Forwarded-For: \xff\r\n\r\n")
        assert (await reader.readline()).startswith(b"HTTP/1.1 303 ")
        writer.close()
        ((details,),) = one.rows("SELECT details FROM ledger_details")
        assert json.loads(details)["user_agent"] == r"T\udce9l\udce9phone"
        assert await one.ask("TIP", HANS), "the gateway goes on"
