"""The main way end to end: a phone texts over a real SMPP connection, rules decide, the answer comes back."""

import asyncio
import json
from itertools import count
from pathlib import Path
from typing import Any

import pytest

from smpp.concat import Method
from smpp.constants import ESME_RSYSERR, ESME_RTHROTTLED
from smpp.simulator_conduct import Refusal
from smpp.text import Encoding
from tests.support.station import LONG_NUMBER, SHORT_CODE, fetch, station

KLUSSER = """\
brand "Klusser"
    numbers   4411, +3197010281234
    language  nl
    timezone  Europe/Amsterdam
    stop      "Klusser: u bent afgemeld."

keyword REPAIR (KEUKEN | BAD) as unit
    tag reparatie
    reply "Onze monteur voor uw {unit} belt."

keyword TWEE
    reply "Een."
    reply "Twee."

keyword ZEG
    reply "{rest}"

keyword NPS <score 0..10>
    record nps = score
    if score <= 6
        ask "Wat ging er mis?" within 1 day
            answer <klacht text>
                record klacht = klacht
                reply "Dank u."
    else
        reply "Fijn!"

fallback
    reply "Stuur HELP."
"""
OTHER = """\
brand "Burger"
    numbers   4411
    language  nl
    timezone  Europe/Amsterdam

keyword FREEBURGER
    reply "Gratis!"
"""
LONG = "Dit is een lange tekst met een euro van € 5 erin. " * 5


async def test_a_keyword_is_answered_and_kept(tmp_path: Path, store_url: str) -> None:
    async with station(tmp_path, KLUSSER, store_url=store_url) as one:
        assert await one.ask("repair  keuken!!") == "Onze monteur voor uw keuken belt."
        assert one.rows("SELECT state, brand, text FROM inbound") == [("routed", "Klusser", "repair  keuken!!")]
        assert one.rows("SELECT tags FROM profiles") == [('["reparatie"]',)]
        await one.until("SELECT state, attempts FROM outbox", [("delivered", 1)])
        assert one.rows("SELECT state FROM receipts") == [("DELIVRD",)]


async def test_the_answer_leaves_from_the_number_that_was_texted(tmp_path: Path) -> None:
    async with station(tmp_path, KLUSSER) as one:
        assert await one.ask("REPAIR BAD", to=LONG_NUMBER) == "Onze monteur voor uw bad belt."
        await one.ask("REPAIR BAD")
        long_number, short_code = one.carrier.seen
        assert (long_number.source_addr, long_number.source_addr_ton, long_number.source_addr_npi) == (
            LONG_NUMBER,
            1,
            1,
        )
        assert (short_code.source_addr, short_code.source_addr_ton) == (SHORT_CODE, 3)


async def test_long_messages_both_ways(tmp_path: Path, store_url: str) -> None:
    async with station(tmp_path, KLUSSER, store_url=store_url) as one:
        phone = one.phone()
        for method in (Method.UDH_8, Method.UDH_16, Method.SAR, Method.PAYLOAD):
            for encoding in (Encoding.GSM7, Encoding.UCS2):
                await phone.text(SHORT_CODE, f"ZEG {LONG}", encoding, method)
                answer = await phone.next()
                assert answer.text == LONG.strip()
                assert answer.parts == 2
        emoji = "Geregeld 👍 " * 20
        assert await one.ask(f"ZEG {emoji}") == emoji.strip()
        assert one.rows("SELECT count(*) FROM parts WHERE joined_at IS NULL") == [(0,)]


@pytest.mark.parametrize("limits", [{"window": 1}, {"window": 3}, {"window": 50, "rate": 20.0}])
async def test_a_text_of_more_segments_than_there_is_ever_room_for_goes_out(tmp_path: Path, limits: Any) -> None:
    async with station(tmp_path, KLUSSER, **limits) as one:
        longest = (LONG * 3).strip()
        assert await one.ask(f"ZEG {longest}") == longest
        phone = one.phone("31600000009")
        for text in (f"ZEG {longest}", "ZEG kort"):  # the second waits for the first, and is claimed later
            phone.text(SHORT_CODE, text)
        assert [(await phone.next(20)).text for _ in range(2)] == [longest, "kort"]


async def test_two_texts_for_one_message_arrive_in_order(tmp_path: Path, store_url: str) -> None:
    async with station(tmp_path, KLUSSER, store_url=store_url) as one:
        assert await one.ask("TWEE") == "Een."
        assert (await one.phone().next()).text == "Twee."


async def test_texts_of_one_phone_in_one_read_are_taken_in_order(tmp_path: Path, store_url: str) -> None:
    async with station(tmp_path, KLUSSER, store_url=store_url) as one:
        phone = one.phone()
        for text in ("NPS 3", "het lekt nog", "NPS 9"):
            phone.text(SHORT_CODE, text)
        assert [(await phone.next()).text for _ in range(3)] == ["Wat ging er mis?", "Dank u.", "Fijn!"]
        assert one.rows("SELECT name, value FROM records ORDER BY id") == [
            ("nps", '{"value":3}'),
            ("klacht", '{"value":"het lekt nog"}'),
            ("nps", '{"value":9}'),
        ]


async def test_stop_silences_the_brand_and_is_confirmed_once(tmp_path: Path, store_url: str) -> None:
    async with station(tmp_path, KLUSSER, store_url=store_url) as one:
        await one.ask("NPS 1")
        assert await one.ask("Stop!") == "Klusser: u bent afgemeld."
        await one.phone().text(SHORT_CODE, "STOP")
        await one.phone().text(SHORT_CODE, "REPAIR KEUKEN")
        await one.until("SELECT count(*) FROM inbound", [(4,)])
        assert one.phone().inbox.empty()
        assert one.rows("SELECT state, reason FROM outbox WHERE state = 'withheld'") == [("withheld", "opted_out")]
        assert one.rows("SELECT count(*) FROM runs") == [(0,)], "STOP closes open questions"


async def test_a_shared_number_shows_no_brand_what_is_not_its_own(tmp_path: Path) -> None:
    async with station(tmp_path, KLUSSER, OTHER, brands=("Klusser", "Burger")) as one:
        assert await one.ask("freeburger", "31600000001") == "Gratis!"
        assert await one.ask("REPAIR BAD", "31600000002") == "Onze monteur voor uw bad belt."
        neutral = await one.ask("hallo?", "31600000003")
        assert "Klusser" not in neutral and "Burger" not in neutral
        assert one.rows("SELECT state, brand FROM inbound ORDER BY id") == [
            ("routed", "Burger"), ("routed", "Klusser"), ("unrouted", None),
        ]  # fmt: skip


async def test_a_killed_connection_loses_nothing(tmp_path: Path, store_url: str) -> None:
    async with station(tmp_path, KLUSSER, store_url=store_url) as one:
        for round_ in range(5):
            answered = one.phone().text(SHORT_CODE, f"ZEG ronde {round_}")
            one.carrier.drop()
            await asyncio.wait_for(answered, 10)
            assert (await one.phone().next(10)).text == f"ronde {round_}"


async def test_what_waits_while_nobody_is_bound_is_sent_later(tmp_path: Path) -> None:
    async with station(tmp_path, KLUSSER, rate=0.0) as one:
        one.carrier.conduct.refusals = (Refusal(ESME_RTHROTTLED, times=2), Refusal(ESME_RSYSERR, text="nooit", times=0))
        assert await one.ask("REPAIR KEUKEN") == "Onze monteur voor uw keuken belt."
        await one.until("SELECT state, attempts FROM outbox", [("delivered", 3)])


async def test_a_restart_goes_on_where_it_stopped(tmp_path: Path, store_url: str) -> None:
    async with station(tmp_path, KLUSSER, store_url=store_url) as one:
        await one.ask("NPS 2")
        assert await one.stop() == 0
        await one.start()
        assert await one.ask("te laat gekomen") == "Dank u."


async def test_rules_are_reloaded_and_a_broken_set_changes_nothing(tmp_path: Path) -> None:
    async with station(tmp_path, KLUSSER) as one:
        rules = one.rules / "0.rules"
        rules.write_text(KLUSSER.replace("Fijn!", "Heel fijn!"))
        async with asyncio.timeout(20):
            numbers = count(31600000001)  # one phone would run into the loop guard
            while await one.ask("NPS 9", str(next(numbers))) != "Heel fijn!":
                pass
        rules.write_text(KLUSSER.replace("keyword NPS", "keyword nps"))
        async with asyncio.timeout(20):
            while (await fetch(f"{one.where}/readyz"))[0] != 503:
                pass
        assert await one.ask("NPS 9") == "Heel fijn!"
        assert await one.stop() == 0
        await one.start()
        assert await one.ask("NPS 9") == "Heel fijn!", "the last good set is kept across a restart"
        status, said = await fetch(f"{one.where}/readyz")
        assert status == 503
        assert "rules" in json.loads(said)["detail"]


async def test_health_and_metrics(tmp_path: Path) -> None:
    async with station(tmp_path, KLUSSER) as one:
        await one.ask("NPS 9")
        await one.until("SELECT state FROM outbox", [("delivered",)])
        async with asyncio.timeout(10):
            while (await fetch(f"{one.where}/readyz"))[0] != 200:
                pass
        assert (await fetch(f"{one.where}/healthz"))[0] == 200
        page = (await fetch(f"{one.where}/metrics"))[1]
        assert 'kwek_texts_kept_total{connector="carrier"} 1.0' in page
        assert 'kwek_decisions_total{disposition="routed"} 1.0' in page
        assert 'kwek_settled_total{connector="carrier",outcome="sent"} 1.0' in page
