"""Row 45: rules that go round in circles are stopped, say so, and hold nobody up."""

from pathlib import Path

from smpp.constants import ESME_ROK
from smpp.pdu import SubmitSm
from tests.support.pairs import RULES, raw_pair

ROUND = """
keyword PING
    route "PONG"

keyword PONG
    route "PING"
"""
TEXTS = 40


async def test_row_45_rules_that_lead_round_in_circles_end_and_say_so(tmp_path: Path) -> None:
    async with raw_pair(tmp_path, RULES + ROUND, window=TEXTS) as (one, _, link):
        for number in range(1, TEXTS + 1):
            link.text(f"3161{number:07}", "PING" if number % 2 else f"ZEG {number}", number)
        await link.until(lambda: len(link.answered()) == TEXTS)
        assert set(link.answered().values()) == {ESME_ROK}
        await link.until(lambda: len([pdu for pdu in link.pdus if isinstance(pdu, SubmitSm)]) == TEXTS // 2)
        faults = one.rows("SELECT fault, count(*) FROM inbound GROUP BY fault ORDER BY fault")
        assert faults == [("", TEXTS // 2), ("more than 5 routes in one message", TEXTS // 2)]
