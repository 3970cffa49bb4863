"""Bad input for what kwek keeps of time and consent, each by its own way in: a list of consents with wrong rows, events
that cannot be right, a pool of codes that is empty, a clock that is set wrong. Each comes to an outcome that is on
record and told in a sentence, and nothing is lost.
"""

import asyncio
import json
import sqlite3
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager, closing
from pathlib import Path
from typing import Any

import aiohttp
import pytest
from typer.testing import CliRunner

from gateway import cli
from gateway.exits import Exit
from gateway.web.keys import mint
from router import keys
from router.instants import DAY, HOUR, MINUTE, SECOND
from router.store.engine import open_store
from rules.times import instant
from smpp.constants import ESME_RTHROTTLED
from smpp.simulator_conduct import Refusal
from tests.support.process import write_config
from tests.support.station import Station, station
from tests.support.wrong_clock import NOON, WrongClock

JAN, PIET, KEES = "31612345678", "31622222222", "31633333333"

RULES = """\
brand "Klusser"
    numbers   4411
    language  nl
    timezone  Europe/Amsterdam
    stop      "Klusser: u bent afgemeld."

contact
    naam  text

voucher beurs from "codes.csv"

keyword BEURS
    reply "Uw code: {voucher beurs}"

keyword ACTIE
    reply "Uw code: {voucher beurs|op is op}"

keyword KLUS
    ask "Wat is er stuk?" within 1 hour
        answer <wat text>
            reply "Genoteerd: {wat}."
        silence
            tag stil
            reply "Bent u daar nog?"

keyword TIPS
    start tips

drip tips promotional
    at once
        send "Klusser: tip 1. STOP = uit."
    after 1 day at 11:30
        send "Klusser: tip 2. STOP = uit."
    after 2 days at 11:30
        send "Klusser: tip 3. STOP = uit."

keyword WIE
    reply "U bent {contact.naam|onbekend}."

on event mand
    exit on event betaald
    wait 1 hour
    if not happened betaald in 1 day
        send promotional "Klusser: u vergat iets. STOP = uit."
"""
HEAD = ("msisdn", "at", "wording", "method", "evidence", "contact.naam")
PROVEN = ("2025-03-01", "Ja graag tips", "web", "https://f.example/1")
ROWS = (
    ("0612345678", *PROVEN, "Zoë"),
    ("+31622222222", *PROVEN, "Renée"),
    ("12", *PROVEN, "Wie"),
    ("geen nummer", *PROVEN, "Wie"),
    ("0655555556", "2025-03-01", "Ja graag tips", "web", "", "Wie"),
    ("0655555557", "2025-03-01", "", "", "", "Wie"),
    ("0655555558", "2025-03-01", "Ja graag tips", "duif", "u", "Wie"),
    ("0655555559", "2125-03-01", "Ja graag tips", "web", "u", "Wie"),
    ("0655555560", "ooit", "Ja graag tips", "web", "u", "Wie"),
    ("0655555561", "2025-03-01", "Ja graag tips", "web", "u", "Wie", "te veel"),
    ("0612345678", *PROVEN, "Zoë"),
)
"""Lines 2 to 12 of a list."""
WITHOUT_CODE = ("withheld", "voucher_empty", "Uw code: ")
REFUSED = [
    (4, "not a number", "no phone can have that number"),
    (5, "not a number", "no phone can have that number"),
    (6, "no proof", "evidence must be told"),
    (7, "no proof", "wording and method and evidence must be told"),
    (8, "no proof", "the method is none of agent, api, keyword, paper, voice, web"),
    (9, "in the future", "a consent cannot lie after the import"),
    (10, "unreadable", "`at` is no date or time in ISO 8601 since 1970"),
    (11, "unreadable", "it has 7 cells, and the head 6"),
]


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> WrongClock:
    """A clock that shows Monday noon when a test begins."""
    return WrongClock(monkeypatch)


# ---------------------------------------------------------------------------------------------------- lists of consents


def table(rows: tuple[tuple[str, ...], ...], separator: str = ";") -> str:
    return "".join(separator.join(row) + "\n" for row in (HEAD, *rows))


@pytest.fixture
def bring(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[..., Any]:
    """`kwek consent import` of a file with these octets, into the store of the test's station."""
    monkeypatch.setenv("KWEK_TEST_PASSWORD", "secret")
    (tmp_path / "desk").mkdir()
    config = write_config(tmp_path / "desk", 2775, RULES, f"sqlite:///{tmp_path / 'kwek.db'}")

    def run(octets: bytes, *words: str) -> Any:
        (tmp_path / "list.csv").write_bytes(octets)
        order = ["--brand", "Klusser", "--class", "promotional", "--by", "crm", "--config", str(config), *words]
        return CliRunner().invoke(cli.app, ["consent", "import", str(tmp_path / "list.csv"), *order])

    return run


@pytest.mark.parametrize(
    ("encoding", "separator"),
    [("utf-8", ";"), ("utf-8-sig", ","), ("utf-16", "\t"), ("utf-16-le", ";"), ("utf-16-be", ","), ("cp1252", ";")],
)
async def test_of_a_list_with_wrong_numbers_and_no_proof_each_row_is_told_and_the_good_ones_count(
    encoding: str, separator: str, bring: Callable[..., Any], tmp_path: Path, clock: WrongClock
) -> None:
    done = bring(table(ROWS, separator).encode(encoding), "--format", "json")
    assert done.exit_code == Exit.FAILED
    told = json.loads(done.stdout)
    assert (told["rows"], told["outcomes"]["taken"], told["outcomes"]["already"]) == (len(ROWS), 2, 1)
    assert [(one["line"], one["outcome"], one["why"]) for one in told["refused"]] == REFUSED
    assert not any(row[0] in done.stdout for row in ROWS if len(row[0]) > 2), (
        "what is refused is told without the number"
    )
    async with station(tmp_path, RULES) as one:
        assert [await one.ask("WIE", phone) for phone in (JAN, PIET)] == ["U bent Zoë.", "U bent Renée."]
        assert [await one.ask("TIPS", phone) for phone in (JAN, PIET)] == ["Klusser: tip 1. STOP = uit."] * 2
        await one.phone("31655555556").text("4411", "TIPS")
        await one.until("SELECT reason FROM outbox WHERE state = 'withheld'", [("no_consent(promotional)",)])
        assert one.rows("SELECT count(*) FROM ledger") == [(2,)]


def test_a_row_in_another_encoding_than_its_file_is_told_and_the_others_are_taken(bring: Callable[..., Any]) -> None:
    octets = table(ROWS[:2]).encode() + ";".join(("0677777777", *PROVEN, "Zoë")).encode("latin-1") + b"\n"
    done = bring(octets)
    assert done.exit_code == Exit.FAILED
    assert "3 rows in " in done.stdout and "2 taken, 1 unreadable" in done.stdout
    assert "line 4: unreadable: it has characters that are none in the file's encoding" in done.stdout


@pytest.mark.parametrize(
    ("octets", "why"),
    [
        (b"", "its first line must name the columns, and does not name msisdn, at, wording, method, evidence"),
        (bytes(range(256)) * 40, "its first line must name the columns"),
        (b"msisdn;at;wording\n0612345678;2025-03-01;Ja\n", "does not name method, evidence"),
        (";".join((*HEAD, "kleur")).encode(), "there is no column 'kleur'"),
        (";".join((*HEAD, "contact.kleur")).encode(), "the brand's rules declare no contact.kleur"),
    ],
)
def test_a_file_that_is_no_list_is_refused_with_what_it_lacks(
    octets: bytes, why: str, bring: Callable[..., Any], tmp_path: Path
) -> None:
    open_store(f"sqlite:///{tmp_path / 'kwek.db'}").close()  # the command may refuse before it opens one
    done = bring(octets)
    assert done.exit_code == Exit.USAGE
    assert why in " ".join(done.stderr.replace("│", " ").split())
    with closing(sqlite3.connect(tmp_path / "kwek.db")) as store:
        assert store.execute("SELECT count(*) FROM ledger").fetchall() == [(0,)]


# --------------------------------------------------------------------------------------------------------------- events


@asynccontextmanager
async def shop(folder: Path) -> AsyncIterator[tuple[Station, Callable[..., Any]]]:
    """A gateway with codes in its pool, and what tells it of events as the brand's own systems do: gives status and
    answer."""
    key = mint()
    async with station(folder, RULES, start=False) as one:
        (one.rules / "codes.csv").write_text("code\nB-1\n")
        with closing(open_store(one.store_url)) as store, store.begin() as tx:
            keys.write(tx, 5, "Klusser", key.hash, "shop", NOON)
        await one.start()

        async def tell(name: str, contact: str = JAN, path: str = "/v1/events", **more: Any) -> tuple[int, Any]:
            headers = {"Authorization": f"Bearer {key.text(5)}"}
            body = {"contact": contact, "name": name, **more} if path == "/v1/events" else more
            async with (
                aiohttp.ClientSession(headers=headers) as session,
                session.post(f"{one.where}{path}", json=body) as answer,
            ):
                return answer.status, json.loads(await answer.read())

        yield one, tell


def iso(at: int) -> str:
    return instant(at).isoformat()


async def test_an_event_of_somebody_unknown_is_kept_and_what_it_leads_to_is_withheld_with_its_reason(
    tmp_path: Path, clock: WrongClock
) -> None:
    async with shop(tmp_path) as (one, tell):
        status, answer = await tell("mand", f"+{KEES}")
        assert (status, answer["outcome"]) == (202, "taken")
        event = "SELECT e.id, c.address, e.name, e.fault FROM events e JOIN contacts c ON c.id = e.contact_id"
        assert one.rows(event) == [(int(answer["id"]), KEES, "mand", "")]
        clock.ahead += HOUR + SECOND
        await one.until("SELECT state, reason FROM outbox", [("withheld", "no_consent(promotional)")])
        assert one.rows("SELECT opted_out_at FROM profiles") == [(None,)]
        status, answer = await tell("mand", "0612345678")
        assert (status, answer["title"]) == (422, "Not an event")
        assert "write it with its country" in answer["detail"]


async def test_an_event_told_twice_counts_once_by_its_key_and_twice_without(tmp_path: Path, clock: WrongClock) -> None:
    async with shop(tmp_path) as (one, tell):
        answers = [await tell("mand", key="m-1") for _ in range(3)]
        answers += await asyncio.gather(*(tell("mand", key="m-1") for _ in range(5)))
        assert all(answer == answers[0] for answer in answers)
        assert one.rows("SELECT count(*) FROM events") == [(1,)]
        assert one.rows("SELECT count(*) FROM runs") == [(1,)]
        other = await asyncio.gather(tell("mand", f"+{PIET}", key="m-2"), tell("mand", f"+{KEES}", key="m-2"))
        assert [status for status, _ in other] == [202, 202]
        assert len({answer["id"] for _, answer in other}) == 1, "one key is one event, whomever it names"
        assert one.rows("SELECT count(*) FROM events") == [(2,)]
        assert [(await tell("kijkt"))[0] for _ in range(2)] == [202, 202]
        assert one.rows("SELECT count(*) FROM events WHERE name = 'kijkt'") == [(2,)]


async def test_events_out_of_order_count_by_when_they_happened(tmp_path: Path, clock: WrongClock) -> None:
    async with shop(tmp_path) as (one, tell):
        now = clock.now()
        assert (await tell("betaald", at=iso(now - 10 * MINUTE)))[0] == 202
        assert (await tell("mand", at=iso(now - 20 * MINUTE)))[0] == 202  # left before it was paid for, told after it
        kept = one.rows("SELECT name, received_at - at > 0 FROM events ORDER BY at")
        assert kept == [("mand", 1), ("betaald", 1)]
        clock.ahead += HOUR + SECOND
        await one.until("SELECT count(*) FROM runs", [(0,)])
        assert one.rows("SELECT * FROM outbox") == [], "it was paid for"


async def test_an_event_from_the_future_is_refused_and_one_by_a_clock_that_is_off_counts_as_now(
    tmp_path: Path, clock: WrongClock
) -> None:
    async with shop(tmp_path) as (one, tell):
        status, answer = await tell("mand", at=iso(clock.now() + 2 * DAY), key="m-1")
        assert (status, answer["title"]) == (422, "Not an event")
        assert answer["detail"].startswith("`at` is more than a day ahead of this gateway's clock")
        assert one.rows("SELECT count(*) FROM events") == [(0,)]
        status, answer = await tell("mand", at=iso(clock.now() + 2 * HOUR), key="m-1")
        assert (status, answer["outcome"]) == (202, "taken"), "what was refused may be told again under its key"
        assert one.rows("SELECT at = received_at FROM events") == [(1,)]
        status, answer = await tell("mand", at="1999-12-31T12:00:00Z")
        assert (status, answer["detail"]) == (422, "`at` is before the year 2000")


# ----------------------------------------------------------------------------------------------------------- empty pool


async def test_an_empty_pool_withholds_the_text_or_says_what_the_author_wrote_until_codes_come(
    tmp_path: Path, clock: WrongClock
) -> None:
    async with shop(tmp_path) as (one, _):
        assert await one.ask("BEURS", JAN) == "Uw code: B-1"
        assert await one.ask("ACTIE", PIET) == "Uw code: op is op"
        await one.phone(KEES).text("4411", "BEURS")
        await one.until("SELECT state, reason, text FROM outbox WHERE state = 'withheld'", [WITHOUT_CODE])
        assert one.rows("SELECT count(*) FROM inbound WHERE state = 'routed'") == [(3,)]
        (one.rules / "codes.csv").write_text("code\nB-1\nB-2\n")
        await one.stop()
        await one.start()
        assert await one.ask("BEURS", KEES) == "Uw code: B-2"
        assert await one.ask("BEURS", JAN) == "Uw code: B-1"


async def test_what_cannot_be_performed_is_answered_so_and_can_be_told_again(
    tmp_path: Path, clock: WrongClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with shop(tmp_path) as (one, tell):
        assert await one.ask("BEURS", JAN) == "Uw code: B-1"
        with monkeypatch.context() as broken:

            def fault(*_: object, **__: object) -> None:
                raise ZeroDivisionError("a fault of ours")

            broken.setattr("router.hosted.settle", fault)
            asked = [await tell("", path="/v1/vouchers/redeem", code="B-1"), await tell("mand", key="m-1")]
        assert [(status, answer["title"]) for status, answer in asked] == [(500, "Not performed")] * 2
        assert "nothing came of it" in asked[0][1]["detail"]
        faults = [
            ("voucher_redeemed", "ZeroDivisionError: a fault of ours"),
            ("mand", "ZeroDivisionError: a fault of ours"),
        ]
        assert one.rows("SELECT name, fault FROM events ORDER BY id") == faults
        assert one.rows("SELECT count(*) FROM quarantine") == [(2,)]
        assert one.rows("SELECT count(*) FROM runs") == [(0,)]
        statuses = [(await tell("", path="/v1/vouchers/redeem", code="B-1"))[0] for _ in range(2)]
        assert statuses == [200, 409]
        assert (await tell("mand", key="m-1"))[0] == 202
        assert one.rows("SELECT count(*) FROM runs") == [(1,)]


# ------------------------------------------------------------------------------------------------ a clock that is wrong


def tips(one: Station) -> list[str]:
    """The tips that were sent, in the order that they were made."""
    return [text[9:14] for (text,) in one.rows("SELECT text FROM outbox WHERE text LIKE '%tip%' ORDER BY id")]


async def test_a_clock_that_jumps_a_day_on_and_back_sends_nothing_twice_and_loses_nothing(
    tmp_path: Path, clock: WrongClock, bring: Callable[..., Any]
) -> None:
    bring(table(ROWS[:1]).encode())
    async with station(tmp_path, RULES) as one:
        assert await one.ask("TIPS", JAN) == "Klusser: tip 1. STOP = uit."
        assert await one.ask("KLUS", JAN) == "Wat is er stuk?"
        clock.ahead += DAY  # the question is not answered in time, and tip 2 was due half an hour ago
        assert (await one.phone(JAN).next()).text == "Klusser: tip 2. STOP = uit."
        await one.until("SELECT tags FROM profiles", [('["stil"]',)])
        await one.until("SELECT reason FROM outbox WHERE text LIKE 'Bent u%'", [("no_recent_text",)])
        assert await one.ask("KLUS", PIET) == "Wat is er stuk?"
        clock.ahead -= DAY  # back to where it was
        assert await one.ask("een kraan", PIET) == "Genoteerd: een kraan.", "what was asked tomorrow is answered today"
        assert await one.ask("WIE", JAN) == "U bent Zoë.", "whoever writes is answered"
        clock.ahead += DAY
        assert await one.ask("WIE", JAN) == "U bent Zoë."
        assert tips(one) == ["tip 1", "tip 2"], "once each"
        clock.ahead += DAY
        assert (await one.phone(JAN).next()).text == "Klusser: tip 3. STOP = uit."
        await one.until("SELECT count(*) FROM runs", [(0,)])
        assert tips(one) == ["tip 1", "tip 2", "tip 3"]
        assert one.rows("SELECT count(*) FROM inbound") == [(6,)]
        assert one.rows("SELECT count(*) FROM quarantine") == [(0,)]


async def test_what_waits_to_be_sent_when_the_clock_is_set_back_does_not_wait_for_a_day(
    tmp_path: Path, clock: WrongClock
) -> None:
    async with station(tmp_path, RULES) as one:
        one.carrier.conduct.refusals = (Refusal(ESME_RTHROTTLED, to=JAN, times=1),)
        clock.ahead += DAY
        await one.phone(JAN).text("4411", "WIE")
        await one.until("SELECT state FROM outbox", [("ready",)])
        clock.ahead -= DAY
        assert (await one.phone(JAN).next()).text == "U bent onbekend."
