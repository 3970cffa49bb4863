"""E-mails through the whole gateway: from a text to the mail server, over a restart."""

import asyncio
from pathlib import Path

from config.settings import Email, Mailbox
from config.values import Host
from gateway.exits import Exit
from tests.support.postbox import Postbox, free_port, served
from tests.support.station import PATIENCE_S, station

RULES = """brand "Klusser"
    numbers   4411
    language  nl
    timezone  Europe/Amsterdam

keyword MAIL <adres email>
    email "{adres}" subject "Welkom" body "Dag {adres}"
    reply "We mailen u."
"""


async def test_capability_81_an_email_outlives_a_restart_and_a_server_that_is_away(tmp_path: Path) -> None:
    inside, port = Postbox(), free_port()
    settings = Email(host=Host("127.0.0.1"), port=port, security="none", sender=Mailbox("noreply@klusser.example"))
    async with station(tmp_path, RULES, start=False) as one:
        await one.start()  # without a mail server: it waits
        assert await one.ask("MAIL jan@klusser.example") == "We mailen u."
        assert one.rows("SELECT state, recipient, attempts FROM emails") == [("ready", "jan@klusser.example", 0)]
        assert await one.stop() == Exit.OK
        one.email = settings
        await one.start()
        await one.until("SELECT state, attempts FROM emails", [("ready", 1)])  # it is away, and tried again later
        with served(inside, port):
            assert await one.ask("MAIL piet@klusser.example") == "We mailen u."
            await one.until("SELECT state FROM emails WHERE recipient LIKE 'piet%'", [("sent",)])
        assert [str(message["To"]) for message in inside.kept] == ["piet@klusser.example"]
        assert await asyncio.wait_for(one.stop(), PATIENCE_S) == Exit.OK
