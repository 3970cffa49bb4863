"""Rows 18 to 20, 24 to 26 and 44 of the fault matrix: a text goes out as often as its class allows, and no oftener."""

import asyncio
import sqlite3
import time
from collections import Counter
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from gateway.connectors.mapping import Mapping
from router.instants import SECOND
from smpp import constants as c
from smpp.receipt import State
from smpp.session import Session
from smpp.simulator_conduct import Conduct, PlannedReceipt, Submit, Verdict
from smpp.states import Role
from tests.support.station import PATIENCE_S, Station, station
from tests.support.wayward import WELL, Wayward, behave

RULES = """\
brand "Klusser"
    numbers   4411
    language  nl
    timezone  Europe/Amsterdam
    stop      "Klusser: u bent afgemeld."

keyword ZEG
    reply "{rest}"

keyword TWEE
    reply "Een."
    reply "Twee."

fallback
    reply "Stuur HELP."
"""
JAN, PIET = "31612345678", "31622222222"
LONG = " ".join(f"Dit is zin {n} van een lange tekst." for n in range(10))
"""Three segments, each unlike the others."""
LOST = Verdict(copies=0)
RESPONSE_S = 0.2
OUTBOX = "SELECT state, attempts, sends FROM outbox"


@pytest.fixture
def soon(monkeypatch: pytest.MonkeyPatch) -> None:
    """What takes half a minute takes a fraction of a second, so that a test need not wait."""
    monkeypatch.setattr("router.states.RESEND_AFTER", SECOND // 2)
    monkeypatch.setattr("gateway.dripper.LOOK_ROUND_S", 0.1)
    monkeypatch.setattr("gateway.refusals.FIRST_RETRY", SECOND // 20)


async def text(one: Station, words: str, phone: str = JAN) -> None:
    """A phone texts, and the gateway has acknowledged it."""
    assert await asyncio.wait_for(one.phone(phone).text("4411", words), PATIENCE_S) == c.ESME_ROK


async def until(true: Any) -> None:
    """Wait until something is so."""
    async with asyncio.timeout(PATIENCE_S):
        while not true():
            await asyncio.to_thread(lambda: None)


# ------------------------------------------------------------------------------------------ answers that go astray


async def test_row_18_answers_to_nobody_and_doubled_ones_are_ignored_and_counted(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    sessions: list[Session] = []

    class Noted(Session):
        def __init__(self, *arguments: Any) -> None:
            super().__init__(*arguments)
            sessions.append(self)

    monkeypatch.setattr("smpp.wire.Session", Noted)
    async with station(tmp_path, RULES) as one:
        witness = behave(one, Wayward(verdicts=[Verdict(copies=2, astray=True)] * 10))
        (link,) = one.carrier.links
        for n in range(10):
            assert await one.ask(f"ZEG {n}", f"3161000000{n}") == str(n)
        await one.until(f"{OUTBOX} GROUP BY state, attempts, sends", [("delivered", 1, 1)])
        assert sorted(witness.texts()) == [str(n) for n in range(10)]
        assert one.carrier.links == (link,), "one odd answer never drops the link"
        ours = sum((s.counters for s in sessions if s.role is Role.ESME), Counter[str]())
        assert ours["unknown_response"] == 20


@pytest.mark.usefixtures("soon")
async def test_row_19_an_answer_that_never_comes_the_link_is_asked_then_closed_and_the_text_sent_once_more(
    tmp_path: Path,
) -> None:
    async with station(tmp_path, RULES, response_s=RESPONSE_S) as one:
        witness = behave(one, Wayward(verdicts=[LOST], planned=lambda asked: [] if asked == 1 else [
            PlannedReceipt(State.DELIVERED, 0.0)]))  # fmt: skip
        await text(one, "ZEG een")
        await one.until("SELECT state, reason FROM outbox", [
            ("unknown", "a request stayed unanswered for twice the response timer")])  # fmt: skip
        assert len(witness.seen) == 1, "never a second time on a live session"
        await one.until(OUTBOX, [("delivered", 2, 2)])
        (first, *_), (second, *_) = witness.seen
        assert first != second, "the second time went over another link"
        assert witness.texts() == ["een", "een"]


@pytest.mark.usefixtures("soon")
async def test_row_19_what_goes_out_once_at_most_is_not_sent_again(tmp_path: Path) -> None:
    async with station(tmp_path, RULES, response_s=RESPONSE_S) as one:
        witness = behave(one, Wayward(verdicts=[LOST], planned=lambda _: []))
        await text(one, "STOP")
        await one.until("SELECT state, message_class FROM outbox", [("unknown", "stop_confirmation")])
        await one.carrier.bound(1, PATIENCE_S)
        behave(one, Conduct())
        assert await one.ask("ZEG hallo", PIET) == "hallo"
        await one.until("SELECT state FROM outbox ORDER BY id", [("unknown",), ("delivered",)])
        assert witness.texts() == ["Klusser: u bent afgemeld."]


@pytest.mark.usefixtures("soon")
@pytest.mark.parametrize("delay_s", [-1.0, 0.0, 0.5])
async def test_row_19_a_receipt_settles_it_by_its_reference_and_it_is_not_sent_again(
    tmp_path: Path, delay_s: float, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Before the link is given up, or after: the receipt bears an id that nobody told us, and our reference."""
    monkeypatch.setattr("router.states.RESEND_AFTER", 2 * SECOND)
    async with station(tmp_path, RULES, response_s=RESPONSE_S) as one:
        witness = behave(one, Wayward(verdicts=[LOST], planned=lambda _: [PlannedReceipt(State.DELIVERED, delay_s)]))
        await text(one, "ZEG een")
        await one.until(OUTBOX, [("delivered", 1, 1)])
        await one.until("SELECT count(*) FROM stray_receipts", [(0,)])
        behave(one, Conduct())
        assert await one.ask("ZEG twee", JAN) in ("een", "twee")
        assert witness.texts() == ["een"]


@pytest.mark.usefixtures("soon")
async def test_row_19_a_text_cut_in_the_middle_keeps_what_was_accepted_and_sends_the_rest(tmp_path: Path) -> None:
    async with station(tmp_path, RULES, response_s=RESPONSE_S) as one:
        witness = behave(one, Wayward(verdicts=[WELL, LOST], planned=lambda asked: [] if asked == 2 else [
            PlannedReceipt(State.DELIVERED, 0.0)]))  # fmt: skip
        await text(one, "ZEG " + LONG)
        await one.until("SELECT state, accepted, receipts_left FROM outbox", [("unknown", "0,2/3", 1)])
        await one.until(OUTBOX, [("delivered", 2, 2)])
        sizes = Counter(octets for _, _, octets, _ in witness.seen)
        assert (len(witness.seen), sorted(sizes.values())) == (4, [1, 1, 2]), "only what had no answer went again"


async def test_row_20_an_answer_after_our_timer_is_accepted_while_the_session_lives(tmp_path: Path) -> None:
    async with station(tmp_path, RULES, response_s=1.0) as one:
        witness = behave(one, Wayward(verdicts=[Verdict(delay_s=1.3)]))
        (link,) = one.carrier.links
        begun = time.monotonic()
        assert await one.ask("ZEG laat") == "laat"
        await one.until(OUTBOX, [("delivered", 1, 1)])
        assert time.monotonic() - begun > 1.2
        assert one.carrier.links == (link,)
        assert witness.texts() == ["laat"]


# -------------------------------------------------------------------------------------------------------- refusals


@pytest.mark.parametrize("status", [c.ESME_RTHROTTLED, c.ESME_RMSGQFUL])
async def test_row_24_a_centre_that_bears_so_much_gets_all_of_it_in_order(tmp_path: Path, status: int) -> None:
    """Twenty a second; what is more is refused. Nothing is lost, and no phone gets its second text first."""
    taken: list[float] = []

    def judge(submit: Submit) -> Verdict:
        now = time.monotonic()
        taken[:] = [at for at in taken if now - at < 0.5]
        if len(taken) >= 10:
            return Verdict(status)
        taken.append(now)
        return WELL

    phones = [f"3161000{n:04}" for n in range(20)]
    async with station(tmp_path, RULES) as one:
        witness = behave(one, Wayward(judge=judge))
        await asyncio.gather(*(text(one, "TWEE", phone) for phone in phones))
        await one.until("SELECT state, count(*) FROM outbox GROUP BY state", [("delivered", 40)])
        for phone in phones:
            accepted = [octets for _, to, octets, status in witness.seen if to == phone and not status]
            assert accepted == [b"Een.", b"Twee."]
        assert one.rows("SELECT sum(retries), max(sends) FROM outbox") == [(0, 1)], (
            "a pause is neither a try nor a send"
        )
        refused = sum(bool(status) for *_, status in witness.seen)
        assert 0 < refused < 40, "it does not run against the wall again and again"


@pytest.mark.usefixtures("soon")
@pytest.mark.parametrize("status", [c.ESME_RSYSERR, c.ESME_RX_T_APPN])
async def test_row_25_a_passing_fault_is_tried_again(tmp_path: Path, status: int) -> None:
    async with station(tmp_path, RULES) as one:
        witness = behave(one, Wayward(verdicts=[Verdict(status)] * 2))
        assert await one.ask("ZEG hoi") == "hoi"
        await one.until("SELECT state, attempts, sends, retries FROM outbox", [("delivered", 3, 1, 2)])
        assert witness.texts() == ["hoi"] * 3


@pytest.mark.usefixtures("soon")
async def test_row_25_and_not_for_ever(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("gateway.connectors.smpp_out.MOST_TRIES", 3)
    async with station(tmp_path, RULES) as one:
        witness = behave(one, Wayward(judge=lambda submit: Verdict(
            c.ESME_RSYSERR if submit.destination_addr == JAN else 0)))  # fmt: skip
        await text(one, "ZEG nee")
        assert await one.ask("ZEG ja", PIET) == "ja", "others flow"
        await one.until("SELECT state, reason FROM outbox ORDER BY id", [
            ("failed", "refused with ESME_RSYSERR"), ("delivered", "DELIVRD")])  # fmt: skip
        assert len(witness.texts(JAN)) == 3


@pytest.mark.parametrize("status", [c.ESME_RINVDSTADR, c.ESME_RSUBMITFAIL, 0x0400])
async def test_row_26_a_lasting_refusal_fails_once_and_is_seen(tmp_path: Path, status: int) -> None:
    async with station(tmp_path, RULES) as one:
        witness = behave(one, Wayward(verdicts=[Verdict(status)]))
        await text(one, "ZEG nee")
        name = c.status_name(status)
        await one.until("SELECT state, reason, attempts FROM outbox", [("failed", f"refused with {name}", 1)])
        assert await one.ask("ZEG ja") == "ja"
        assert witness.texts() == ["nee", "ja"]


async def test_row_26_what_was_accepted_of_a_text_that_fails_keeps_its_receipts(tmp_path: Path) -> None:
    async with station(tmp_path, RULES) as one:
        behave(one, Wayward(verdicts=[WELL, Verdict(c.ESME_RINVDSTADR), WELL]))
        await text(one, "ZEG " + LONG)
        await one.until("SELECT state, receipts_left, accepted FROM outbox", [("failed", 1, "0,2/3")])
        await one.until("SELECT count(*) FROM receipts WHERE outbox_id IS NOT NULL", [(2,)])
        assert one.rows("SELECT count(*) FROM stray_receipts") == [(0,)]


async def test_a_stop_while_refused_segments_wait_leaves_the_text_waiting_and_the_rest_goes_out_later(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("gateway.refusals.FIRST_RETRY", 2 * SECOND)
    async with station(tmp_path, RULES) as one:
        witness = behave(one, Wayward(verdicts=[WELL, Verdict(c.ESME_RSYSERR), WELL]))
        await text(one, "ZEG " + LONG)
        await one.until("SELECT state, accepted FROM outbox", [("ready", "0,2/3")])
        assert await one.stop() == 0
        assert one.rows("SELECT state, sends FROM outbox") == [("ready", 0)]
        await one.start()
        await one.until("SELECT state, sends FROM outbox", [("delivered", 1)])
        accepted = [octets for _, _, octets, status in witness.seen if not status]
        assert (len(witness.seen), len(accepted), len(set(accepted))) == (4, 3, 3)


# ---------------------------------------------------------------------------------------------------------- poison


async def test_row_44_a_row_that_cannot_be_dealt_with_is_put_off_then_fails_and_others_flow(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("router.outbox.PUT_OFF", SECOND // 20)
    monkeypatch.setattr("gateway.dripper.LOOK_ROUND_S", 0.1)
    async with station(tmp_path, RULES) as one:
        behave(one, Wayward(judge=lambda _: Verdict(c.ESME_RTHROTTLED)))
        await text(one, "ZEG arm")
        await text(one, "ZEG rijk", PIET)
        await one.until("SELECT state FROM outbox", [("ready",), ("ready",)])
        assert await one.stop() == 0
        with closing(sqlite3.connect(tmp_path / "kwek.db")) as base, base:
            (contact,) = base.execute("SELECT id FROM contacts WHERE address = ?", (JAN,)).fetchone()
            base.execute(
                "INSERT INTO profiles (contact_id, brand, tags, attributes) VALUES (?, 'Klusser', 'no JSON', '{}')",
                (contact,),
            )
        behave(one, Conduct())
        await one.start()
        assert (await one.phone(PIET).next(PATIENCE_S)).text == "rijk"
        await one.until("SELECT state FROM outbox ORDER BY id", [("failed",), ("delivered",)])
        ((reason, retries),) = one.rows("SELECT reason, retries FROM outbox WHERE state = 'failed'")
        assert (reason.startswith("DecodeError"), retries) == (True, 3)
        ((shown,),) = one.rows("SELECT reason FROM quarantine")
        assert shown.endswith(reason), "an operator sees it"


@pytest.mark.usefixtures("soon")
async def test_row_44_a_text_that_cannot_be_handed_over_does_not_stop_the_others(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    real = Mapping.to_submits

    def spoilt(self: Mapping, claim: Any) -> Any:
        if claim.text == "arm":
            raise ZeroDivisionError("a bug")
        return real(self, claim)

    monkeypatch.setattr(Mapping, "to_submits", spoilt)
    async with station(tmp_path, RULES) as one:
        await text(one, "ZEG arm")
        assert await one.ask("ZEG rijk", PIET) == "rijk"
        await one.until("SELECT state, reason, retries FROM outbox ORDER BY id LIMIT 1", [
            ("failed", "ZeroDivisionError: a bug", 3)])  # fmt: skip
        assert await one.ask("ZEG weer") == "weer", "and the phone's next text goes out"
