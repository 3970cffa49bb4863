"""However the gateway is bound, texts come in, answers go out and receipts find their message."""

from pathlib import Path
from typing import Any

import pytest

from tests.support.station import PATIENCE_S, station

RULES = """\
brand "Klusser"
    numbers   4411, +3197010281234
    language  nl
    timezone  Europe/Amsterdam

keyword ZEG
    reply "{rest}"
"""


@pytest.mark.parametrize(
    ("settings", "links"),
    [
        ({"bind": "transceiver", "binds": 2}, 2),
        ({"bind": "pair"}, 2),
        ({"bind": "pair", "binds": 2}, 4),
        ({"bind": "transceiver", "window": 1}, 1),
        ({"bind": "transceiver", "rate": 200.0}, 1),
    ],
)
async def test_every_way_to_be_bound(tmp_path: Path, settings: dict[str, Any], links: int) -> None:
    async with station(tmp_path, RULES, **settings) as one:
        await one.carrier.bound(links, PATIENCE_S)
        phones = [one.phone(f"316{number:08}") for number in range(40)]
        for phone in phones:
            phone.text("4411", f"ZEG {phone.number}")
        assert [(await phone.next(PATIENCE_S)).text for phone in phones] == [phone.number for phone in phones]
        await one.until("SELECT state, count(*) FROM outbox GROUP BY state", [("delivered", 40)])
        assert len(one.carrier.seen) == 40
        await one.until_ready()
