"""Capability 71: the page to opt out writes to the same ledger as STOP, and nothing promotional follows."""

import json
from pathlib import Path

import aiohttp

from tests.support.station import station

RULES = """\
brand "Klusser"
    numbers   4411
    language  nl
    timezone  Europe/Amsterdam

keyword TIP
    reply "Uit? {link optout}"

keyword NOG
    reply "Nog een tip."

fallback
    reply "Dat begrijpen we niet."
"""
JAN = "31612345678"


async def test_capability_71_who_opts_out_by_the_page_is_silenced_as_by_stop(tmp_path: Path) -> None:
    async with station(tmp_path, RULES) as one, aiohttp.ClientSession() as browser:
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
