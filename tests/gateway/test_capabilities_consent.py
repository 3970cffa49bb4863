"""Consents from end to end, by texts, pages, files and commands, as a compliance officer sees them: capabilities 50, 53
and 57 on both stores."""

import json
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from gateway import cli
from gateway.exits import Exit
from router.instants import DAY, HOUR, MINUTE
from router.messages import Occurrence
from router.store.engine import open_store
from tests.support.routing import JAN, KEES, NOW, PIET, Phones, book_of

RULES = """brand "Klusser"
    numbers 4411
    language nl
    timezone Europe/Amsterdam

contact
    naam  text

keyword JOIN
    opt in promotional
        confirm "Klusser: antwoord JA voor tips. STOP = uit."
        answer yes
    reply "Welkom {contact.naam|}!"
    start welkom

keyword NAAM <wie text>
    set contact.naam = wie
    reply "Dag {wie}."

on event aanbod
    send promotional "Klusser: korting! STOP = uit."

drip welkom promotional
    after 2 days
        send "Klusser: een tip. STOP = uit."
"""
ASKS = "Klusser: antwoord JA voor tips. STOP = uit."
BOX = "[x] Ja, ik wil tips van De Klusser per sms."
FORM = "Meld mij aan voor tips van De Klusser per sms."
OF_PROMOTIONS = ("--brand", "Klusser", "--class", "promotional", "--by", "crm@klusser.example")
VOICE, PAGE = "31655555511", "31655555512"


class Desk:
    """A shell beside a store, and phones that write to it meanwhile."""

    def __init__(self, config: Path, url: str) -> None:
        self.config = config
        self.url = url
        self.now = NOW

    def kwek(self, *words: str) -> Any:
        return CliRunner().invoke(cli.app, ["consent", *words, "--config", str(self.config)])

    def told(self, *words: str) -> Any:
        done = self.kwek(*words, "--format", "json")
        assert done.exit_code == Exit.OK, done.stderr
        return json.loads(done.stdout)

    def play(self, *turns: Any) -> list[dict[str, Any]]:
        """The gateway runs for a while; gives the outbox afterwards."""
        store = open_store(self.url)
        phones = Phones(store, book_of(("klusser.rules", RULES)))
        phones.world.at = self.now
        for turn in turns:
            turn(phones)
        self.now = phones.world.at + MINUTE
        rows = phones.table("outbox")
        store.close()
        return rows

    def file(self, text: str) -> str:
        path = self.config.parent / "list.csv"
        path.write_text(text)
        return str(path)


@pytest.fixture
def rules() -> str:
    return RULES


@pytest.fixture
def desk(place: tuple[Path, str], monkeypatch: pytest.MonkeyPatch) -> Desk:
    monkeypatch.setattr("gateway.commands.consent.time.sleep", lambda seconds: None)  # nobody else is at work here
    one = Desk(*place)
    monkeypatch.setattr("router.world.System.now", lambda _: one.now)
    return one


def says(phone: str, *texts: str) -> Any:
    return lambda phones: phones.write(phone, *texts)


def happens(phone: str, name: str, source: Any = "api", **values: str) -> Any:
    def happen(phones: Phones) -> None:
        now = phones.world.now()
        one = Occurrence(
            id=phones.world.ids.next(now), brand="Klusser", address=phone, name=name, source=source, at=now,
            received_at=now, values=values,
        )  # fmt: skip
        phones.commit(occurrences=[one])

    return happen


def test_capability_50_keyword_form_and_tick_box_are_one_kind_of_record(desk: Desk) -> None:
    desk.play(says(JAN, "JOIN", "JA"))
    head = "msisdn;at;wording;method;evidence\n"
    rows = (
        f"+{PIET};2025-12-01T10:00;{FORM};web;https://klusser.example/form/77\n"
        f"+{KEES};2025-12-02T11:00;{BOX};paper;scan 2025-12-02 nr 14\n"
    )
    assert desk.told("import", desk.file(head + rows), *OF_PROMOTIONS)["outcomes"]["taken"] == 2
    table = {}
    for phone in (JAN, PIET, KEES):
        (view,) = desk.told("show", phone)
        assert view["consents"]["promotional"]["state"] == "consented"
        event = view["events"][-1]
        assert event["is_what_was_committed_to"]
        table[phone] = [event[name] for name in ("message_class", "method", "wording")]
        assert {"msisdn", "brand", "at", "zone", "pack", "deployment", "wording_sha256"} <= set(event)
        assert event.get("mo_id", 0) > 0 or event["evidence_url"]
    assert table == {
        JAN: ["promotional", "keyword", ASKS],
        PIET: ["promotional", "web", FORM],
        KEES: ["promotional", "paper", BOX],
    }
    page = desk.kwek("show", JAN).stdout
    assert "grant of promotional by keyword, waiting for its confirmation" in page
    assert "confirm of promotional by keyword" in page
    assert "mo id: " in page and "mt id: " in page
    outbox = desk.play(*(happens(phone, "aanbod") for phone in (JAN, PIET, KEES)))
    offered = [row["state"] for row in outbox if row["message_class"] == "promotional"]
    assert len(offered) == 3 and "withheld" not in offered, "each of the three is enough"


def test_capability_53_whoever_wants_no_more_gets_no_more_however_it_is_said(desk: Desk) -> None:
    everybody = (JAN, PIET, PAGE, VOICE)
    joins = [says(phone, "JOIN", "JA") for phone in everybody]
    desk.play(*joins)
    desk.play(
        says(JAN, "Stop."),
        says(JAN, "STOP"),
        says(PIET, "stuur me geen berichten meer aub"),
        happens(PAGE, "optout", "optout", ip="203.0.113.7", agent="Firefox", page="k3xMq9Za"),
    )
    list_of = f"msisdn,wording,method,evidence\n+{VOICE},Wil niet meer,voice,call 8812\n12,,,\n"
    refused = desk.kwek("opt-out", desk.file(list_of), "--brand", "Klusser", "--by", "helpdesk")
    assert refused.exit_code == Exit.FAILED, "a row of it is no number, and that is told"
    assert "1 taken" in refused.stdout and "line 3: not a number" in refused.stdout
    on_its_way = "on their way before that, and perhaps yet to arrive: 1 text(s)" in refused.stdout
    assert on_its_way == desk.url.startswith("postgresql"), "who owns SQLite's file knows that nobody writes"
    again = desk.kwek("opt-out", desk.file(list_of.replace("12,,,\n", "")), "--brand", "Klusser", "--by", "helpdesk")
    assert again.exit_code == Exit.OK and "1 already" in again.stdout
    before = len(desk.play())
    outbox = desk.play(*(happens(phone, "aanbod") for phone in everybody), lambda phones: phones.later(3 * DAY),
                       lambda phones: phones.commit(due=True, room=100))  # fmt: skip
    later = outbox[before:]
    assert [(row["state"], row["reason"]) for row in later] == [("withheld", "opted_out")] * 4, "no drip goes on either"
    confirmations = [row["contact_id"] for row in outbox if row["message_class"] == "stop_confirmation"]
    assert len(confirmations) == len(set(confirmations)) == 2, "one for each who texted, none for page and voice"
    said = {phone: desk.told("show", phone)[0]["events"][-1] for phone in everybody}
    assert [said[phone]["method"] for phone in everybody] == ["keyword", "keyword", "web", "voice"]
    assert {one["action"] for one in said.values()} == {"revoke"}
    assert said[PIET]["wording"] == "stuur me geen berichten meer aub"
    assert (said[PAGE]["ip"], said[PAGE]["evidence_url"]) == ("203.0.113.7", "k3xMq9Za")
    assert (said[VOICE]["actor"], said[VOICE]["evidence_url"]) == ("helpdesk", "call 8812")
    outbox = desk.play(says(VOICE, "AAN"), happens(VOICE, "aanbod"))
    assert outbox[-1]["state"] != "withheld", "and the person alone takes it back"


def test_capability_57_a_person_is_told_all_forgotten_and_the_proof_stays(desk: Desk) -> None:
    desk.play(says(JAN, "NAAM Zevenboom", "JOIN", "JA"), says(PIET, "JOIN", "JA"))
    given = desk.now
    proof = desk.told("prove", JAN, "--at", "2026-01-05T12:30:00Z")
    assert proof[0]["consents"]["promotional"]["state"] == "consented"
    assert [event["action"] for event in proof[0]["events"]] == ["grant", "confirm"]
    exported = json.loads(desk.kwek("export", JAN).stdout)
    assert [row["text"] for row in exported["inbound"]] == ["NAAM Zevenboom", "JOIN", "JA"]
    assert exported["profiles"][0]["attributes"] == {"naam": "Zevenboom"}
    desk.now = given + HOUR
    erased = desk.kwek("erase", JAN, "--all", "--by", "privacy officer, request 2026-14")
    assert erased.exit_code == Exit.OK, erased.stderr
    assert "it is suppressed for Klusser" in erased.stdout
    left = desk.kwek("export", JAN)
    assert left.exit_code == Exit.OK, "that it is suppressed is known"
    assert "Zevenboom" not in left.stdout and "inbound" not in json.loads(left.stdout)
    assert desk.kwek("verify").exit_code == Exit.OK, "the chain holds without him"
    store = open_store(desk.url)
    with store.begin() as tx:
        details = [json.loads(row[0]) for row in tx.execute("SELECT details FROM ledger_details ORDER BY position")]
    store.close()
    (order,) = [one for one in details if one["action"] == "erase" and one.get("erased")]
    assert (order["actor"], order["erased"]) == ("privacy officer, request 2026-14", [1, 2])
    row = f"msisdn;at;wording;method;evidence\n+{JAN};2025-12-01;{FORM};web;u\n"
    again = desk.kwek("import", desk.file(row), *OF_PROMOTIONS)
    assert (again.exit_code, "1 suppressed" in again.stdout) == (Exit.FAILED, True)
    optout = desk.kwek("opt-out", desk.file(f"msisdn\n{JAN}\n"), "--brand", "Klusser", "--by", "me")
    assert "1 already" in optout.stdout
    desk.now += MINUTE
    outbox = desk.play(happens(JAN, "aanbod"), happens(PIET, "aanbod"))
    offered = [row["reason"] for row in outbox if row["message_class"] == "promotional"]
    assert offered == ["opted_out", ""]
    (piet,) = desk.told("show", PIET)
    assert all(event["is_what_was_committed_to"] for event in piet["events"]), "others' proof is as it was"
