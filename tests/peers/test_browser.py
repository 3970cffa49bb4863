"""A real browser on the hosted pages: what it sends with a form depends on the page's own headers, and no client that
is written by hand shows that."""

from collections.abc import Callable
from pathlib import Path
from urllib.parse import urlsplit

import pytest

from tests.support.browser import NAME, browser
from tests.support.rules_files import OPT_OUT_LINK
from tests.support.station import station

JAN = "31612345678"


@pytest.mark.parametrize("host", ["127.0.0.1", NAME], ids=["told by Sec-Fetch-Site", "told by Origin alone"])
async def test_who_presses_the_button_in_a_browser_is_silenced(
    peer: Callable[[str], str], tmp_path: Path, host: str
) -> None:
    program = peer("chromium")
    async with station(tmp_path, OPT_OUT_LINK) as one, browser(program, tmp_path / "profile") as tab:
        link = (await one.ask("TIP", JAN)).rsplit("/", 1)[1]
        await tab.open(f"http://{host}:{urlsplit(one.where).port}/l/{link}")
        assert "Wilt u geen berichten meer van Klusser?" in await tab.text()
        assert one.rows("SELECT count(*) FROM ledger_details") == [(0,)]
        await tab.press("button")
        assert "U bent afgemeld en krijgt geen berichten meer van Klusser." in await tab.text()
        assert one.rows("SELECT opted_out_at IS NOT NULL FROM profiles") == [(1,)]
        one.carrier.phone(JAN).text("4411", "NOG")
        await one.until("SELECT reason FROM outbox WHERE state = 'withheld'", [("opted_out",)])
