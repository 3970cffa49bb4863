"""`kwek consent` from a shell: what it prints, what it writes, and its exit codes."""

import json
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from gateway import cli
from gateway.commands import consent, consent_pages
from gateway.exits import Exit
from router.instants import MINUTE
from router.store.engine import Store, open_store
from router.store.errors import StoreUnavailable
from tests.support.consents import WORDING, append, record
from tests.support.process import write_config
from tests.support.routing import JAN, NOW, PIET, RULES, Phones, book_of

BRAND = RULES.replace('brand "Shop"', 'brand "Klusser"')
OF_PROMOTIONS = ("--class", "promotional", "--by", "me")
HEAD = "msisdn;at;wording;method;evidence;contact.naam\n"


@pytest.fixture
def place(place: tuple[Path, str], monkeypatch: pytest.MonkeyPatch) -> tuple[Path, str]:
    """A kwek.toml, and the URL of its store."""
    monkeypatch.setattr("gateway.commands.consent.time.sleep", lambda seconds: None)  # nobody else is at work here
    return place


def kwek(config: Path, *words: str) -> Any:
    return CliRunner().invoke(cli.app, ["consent", *words, "--config", str(config)])


def live(url: str) -> Store:
    """Jan has agreed to tips and stopped them; Piet has written something."""
    store = open_store(url)
    phones = Phones(store, book_of(("klusser.rules", BRAND)))
    phones.write(JAN, "NAAM Zevenboom")
    phones.write(PIET, "JOIN")
    with store.begin() as tx:
        ((jan,),) = tx.execute(f"SELECT id FROM contacts WHERE address = '{JAN}'")
    everything = {"message_class": "", "programme": "", "wording": ""}
    stopped = record(jan, JAN, brand="Klusser", action="revoke", at=NOW + 60_000_000, **everything)
    append(store, [record(jan, JAN, brand="Klusser"), stopped])
    store.close()
    return store


def test_a_number_is_shown_and_its_standing_proved(place: tuple[Path, str]) -> None:
    config, url = place
    live(url)
    shown = kwek(config, "show", f"+{JAN}")
    assert shown.exit_code == Exit.OK, shown.stderr
    assert "Opted out of everything since 2026-01-05T12:01:00.000+00:00." in shown.stdout
    assert "promotional/TIPS: revoked since" in shown.stdout
    proof = kwek(config, "prove", JAN, "--at", "2026-01-05T12:00:30Z", "--brand", "Klusser").stdout
    assert "promotional/TIPS: consented since 2026-01-05T12:00:00.000+00:00." in proof
    assert f"wording: {WORDING}" in proof
    assert "1. 2026-01-05T12:00:00.000+00:00  grant of promotional/TIPS by keyword" in proof
    assert "revoke" not in proof
    assert "NOT WHAT IS TOLD" not in proof


def test_the_proof_for_programs_can_be_reckoned_again(place: tuple[Path, str]) -> None:
    from hashlib import sha256

    config, url = place
    live(url)
    (proof,) = json.loads(kwek(config, "prove", JAN, "--at", "2026-01-05T12:00:30", "--format", "json").stdout)
    assert proof["consents"] == {"promotional/TIPS": {"state": "consented", "since": "2026-01-05T12:00:00.000+00:00"}}
    (event,) = proof["events"]
    assert sha256(bytes.fromhex(event["salt"]) + event["committed_to"].encode()).hexdigest() == event["commitment"]
    first = sha256(b"Klusser").digest() + event["id"].to_bytes(8, "big") + bytes.fromhex(event["commitment"])
    assert sha256(first).hexdigest() == event["hash"]
    assert event["is_what_was_committed_to"] is True
    assert json.loads(event["committed_to"])["msisdn"] == JAN


def test_what_somebody_changed_is_told_in_the_proof_and_by_verify(place: tuple[Path, str]) -> None:
    config, url = place
    live(url)
    assert kwek(config, "verify").stdout.startswith("Klusser: 2 rows hold, 0 of them erased; the last is ")
    before = kwek(config, "verify", "--format", "json").stdout
    (config.parent / "anchors.json").write_text(before)
    assert kwek(config, "verify", "--anchors", str(config.parent / "anchors.json")).exit_code == Exit.OK
    store = open_store(url)
    with store.begin() as tx:
        tx.write("UPDATE ledger_details SET details = replace(details, 'TIPS', 'ALLES') WHERE position = 1")
    store.close()
    shown = kwek(config, "show", JAN)
    assert "NOT WHAT IS TOLD" in shown.stdout
    assert (shown.exit_code, shown.stderr) == (Exit.FAILED, "row 1 of Klusser is not what was committed to\n")
    broken = kwek(config, "verify")
    assert broken.exit_code == Exit.FAILED
    assert "Klusser: BROKEN at row 1: its details" in broken.stdout
    assert broken.stderr == "the ledger is broken\n"
    (told,) = json.loads(kwek(config, "verify", "--format", "json").stdout)
    assert told["broken_at"] == 1


@pytest.mark.parametrize(
    ("details", "what"),
    [("{broken", "1. CANNOT BE READ: {broken"), ("[1]", "1. CANNOT BE READ: [1]"), ("", "1. CANNOT BE READ: "),
     ('{"brand": "Klusser"}', "1. CANNOT BE READ: "),
     ('{"brand": "Klusser", "action": "grant", "method": "web", "at": 1000000000000000000000}',
      "1. 1000000000000000000000 us  grant of everything by web")],
)  # fmt: skip
def test_what_somebody_made_unreadable_is_told_and_the_rest_shown(
    place: tuple[Path, str], details: str, what: str
) -> None:
    config, url = place
    live(url)
    store = open_store(url)
    with store.begin() as tx:
        tx.write(f"UPDATE ledger_details SET details = '{details}' WHERE position = 1")
    store.close()
    shown = kwek(config, "show", JAN)
    assert what in shown.stdout
    assert "NOT WHAT IS TOLD HERE" in shown.stdout
    assert "2. 2026-01-05T12:01:00.000+00:00  revoke of everything" in shown.stdout
    assert "Opted out of everything since" in shown.stdout
    assert (shown.exit_code, shown.stderr) == (Exit.FAILED, "row 1 of Klusser is not what was committed to\n")
    proof = kwek(config, "prove", JAN, "--at", "2026-01-05T12:02:30", "--format", "json")
    assert proof.exit_code == Exit.FAILED
    changed, whole = json.loads(proof.stdout)[0]["events"]
    assert (changed["position"], changed["is_what_was_committed_to"]) == (1, False)
    assert whole["is_what_was_committed_to"] is True
    exported = json.loads(kwek(config, "export", JAN).stdout)
    assert exported["consents"][0]["events"][0]["is_what_was_committed_to"] is False


def test_an_export_has_every_text_in_and_out(place: tuple[Path, str]) -> None:
    config, url = place
    live(url)
    store = open_store(url)
    phones = Phones(store, book_of(("klusser.rules", BRAND)))
    phones.later(MINUTE)
    phones.commit(inbound=[phones.text(JAN, "", unreadable="no such charset", frame=b"\x00" + JAN.encode() + b"\xff")])
    phones.commit(inbound=[phones.text(PIET, "", unreadable="no such charset", frame=b"\x00" + PIET.encode())])
    phones.write(JAN, "STOP")
    store.close()
    assert "What the gateway goes by now:" in kwek(config, "prove", JAN, "--at", "2026-01-05T12:00:30Z").stdout
    exported = json.loads(kwek(config, "export", JAN).stdout)
    assert [row["text"] for row in exported["inbound"]] == ["NAAM Zevenboom", "STOP"]
    assert exported["outbox"][0]["text"] == "Dag Zevenboom."
    assert [row["frame"] for row in exported["quarantine"]] == ["00" + JAN.encode().hex() + "ff"]
    assert exported["profiles"][0]["attributes"] == {"naam": "Zevenboom"}
    assert exported["records"][0]["value"] == {"value": "Zevenboom"}
    assert [row["address"] for row in exported["contacts"]] == [JAN]
    assert [len(one["events"]) for one in exported["consents"]] == [3]
    assert PIET not in json.dumps(exported)


@pytest.mark.parametrize("vacuum", [False, True])
def test_an_erasure_leaves_the_silence_and_the_chain(place: tuple[Path, str], vacuum: bool) -> None:
    config, url = place
    live(url)
    done = kwek(config, "erase", JAN, "--all", "--by", "privacy", *(["--vacuum"] if vacuum else []))
    assert done.exit_code == Exit.OK, done.stderr
    assert "1 row of inbound" in done.stdout and "suppressed for Klusser" in done.stdout
    assert ("--vacuum clears it" in done.stdout) is not vacuum
    assert kwek(config, "verify").exit_code == Exit.OK
    shown = kwek(config, "show", JAN)
    assert "Erased: the brand may not write to it, since " in shown.stdout
    assert "Zevenboom" not in kwek(config, "export", JAN).stdout
    again = kwek(config, "erase", JAN, "--brand", "Klusser", "--by", "privacy")
    assert "nothing was held" in again.stdout


def test_consents_are_brought_in_and_every_row_is_told(place: tuple[Path, str]) -> None:
    config, url = place
    live(url)
    assert kwek(config, "erase", PIET, "--all", "--by", "privacy").exit_code == Exit.OK
    rows = [
        "0655555555;2025-03-01;Ja;web;https://f.example/1;Kees", f"+{PIET};2025-03-01;Ja;web;u;",
        "12;2025-03-01;Ja;web;u;", "0655555556;2025-03-01;Ja;web;;",
        "0655555557;2125-03-01;Ja;web;u;", "0655555558;ooit;Ja;web;u;",
    ]  # fmt: skip
    file = config.parent / "list.csv"
    file.write_text(HEAD + "\n".join(rows), encoding="cp1252")
    words = ("import", str(file), "--brand", "Klusser", "--class", "promotional", "--programme", "TIPS", "--by", "crm")
    brought = kwek(config, *words, "--format", "json")
    assert brought.exit_code == Exit.FAILED
    told = json.loads(brought.stdout)
    assert told["outcomes"] == {
        "taken": 1, "already": 0, "suppressed": 1, "no proof": 1, "not a number": 1, "in the future": 1, "unreadable": 1
    }  # fmt: skip
    assert [one["line"] for one in told["refused"]] == [3, 4, 5, 6, 7]
    again = kwek(config, *words)
    assert "6 rows in " in again.stdout and "1 already, 1 suppressed" in again.stdout
    assert "line 5: no proof: evidence must be told" in again.stdout
    assert "promotional/TIPS: consented" in kwek(config, "show", "31655555555").stdout
    file.write_text(HEAD + rows[0])
    assert kwek(config, *words).exit_code == Exit.OK


@pytest.mark.parametrize(
    ("words", "code", "said"),
    [
        (("show", "31600000000"), Exit.FAILED, "nothing is known of 31600000000"),
        (("show", JAN, "--brand", "Nobody"), Exit.FAILED, f"nothing is known of {JAN} and Nobody"),
        (("export", "31600000000"), Exit.FAILED, "nothing is known of"),
        (("prove", JAN, "--at", "once"), Exit.USAGE, "no date or time"),
        (("show", "jan"), Exit.USAGE, "is no number"),
        (("erase", JAN, "--by", "me"), Exit.USAGE, "either --brand NAME or --all"),
        (("erase", JAN, "--by", "me", "--all", "--brand", "Klusser"), Exit.USAGE, "either --brand NAME or --all"),
        (("erase", JAN, "--by", "me", "--brand", "Nobody"), Exit.USAGE, "there are Klusser"),
        (("erase", JAN, "--all"), Exit.USAGE, "--by"),
        (("import", "CSV", "--brand", "Nobody", *OF_PROMOTIONS), Exit.USAGE, "no brand 'Nobody'"),
        (("import", "CSV", "--brand", "Klusser", *OF_PROMOTIONS), Exit.USAGE, "first line must name the columns"),
        (("import", "CSV", "--brand", "Klusser", "--class", "otp", "--by", "me"), Exit.USAGE, "--class"),
        (("verify", "--anchors", "CSV"), Exit.USAGE, "is not what"),
    ],
)  # fmt: skip
def test_what_cannot_be_done_is_said(
    words: tuple[str, ...], code: Exit, said: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("KWEK_TEST_PASSWORD", "secret")
    url = f"sqlite:///{tmp_path / 'kwek.db'}"
    config = write_config(tmp_path, 2775, BRAND, url)
    live(url)
    file = tmp_path / "list.csv"
    file.write_text("nothing,here\n")
    done = kwek(config, *(str(file) if word == "CSV" else word for word in words))
    assert done.exit_code == code, done.stdout + done.stderr
    plain = " ".join(done.stderr.replace("│", " ").split())
    assert said in plain


def test_readers_run_beside_the_gateway_and_writers_do_not(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("KWEK_TEST_PASSWORD", "secret")
    url = f"sqlite:///{tmp_path / 'kwek.db'}"
    config = write_config(tmp_path, 2775, BRAND, url)
    assert kwek(config, "verify").exit_code == Exit.STORE  # there is no store yet
    live(url)
    owner = open_store(url)
    with owner.begin() as tx:  # in the middle of a transaction, too
        tx.write("DELETE FROM records")
        assert kwek(config, "show", JAN).exit_code == Exit.OK
        assert kwek(config, "export", JAN).exit_code == Exit.OK
        assert kwek(config, "verify").exit_code == Exit.OK
    refused = kwek(config, "erase", JAN, "--all", "--by", "me")
    owner.close()
    assert refused.exit_code == Exit.STORE
    assert "in use by another kwek" in refused.stderr


def test_the_key_of_the_settings_is_the_one_that_counts(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("KWEK_TEST_PASSWORD", "secret")
    monkeypatch.setenv("CONSENT", "a key")
    url = f"sqlite:///{tmp_path / 'kwek.db'}"
    config = write_config(tmp_path, 2775, BRAND, url)
    plain = config.read_text()
    config.write_text(plain + '\n[consent]\nkey = "env:CONSENT"\n')
    live(url)
    assert kwek(config, "erase", JAN, "--all", "--by", "me").exit_code == Exit.OK
    assert kwek(config, "verify").exit_code == Exit.OK
    assert kwek(config, "show", JAN).exit_code == Exit.OK
    config.write_text(plain)
    lost = kwek(config, "verify")
    assert lost.exit_code == Exit.FAILED
    assert "suppressions under a key that [consent] does not give" in lost.stderr
    assert kwek(config, "show", JAN).exit_code == Exit.FAILED


def test_a_store_that_fails_in_the_middle_is_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("KWEK_TEST_PASSWORD", "secret")
    url = f"sqlite:///{tmp_path / 'kwek.db'}"
    config = write_config(tmp_path, 2775, BRAND, url)
    live(url)

    def away(*_: object, **__: object) -> None:
        raise StoreUnavailable("the disk is full")

    monkeypatch.setattr("router.consent_views.views_of", away)
    monkeypatch.setattr("router.erasure.Erasure.silence", away)
    for words in (("show", JAN), ("erase", JAN, "--all", "--by", "me")):
        done = kwek(config, *words)
        assert (done.exit_code, done.stderr) == (Exit.STORE, "the disk is full\n")


def test_an_empty_ledger_is_whole(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("KWEK_TEST_PASSWORD", "secret")
    url = f"sqlite:///{tmp_path / 'kwek.db'}"
    config = write_config(tmp_path, 2775, BRAND, url)
    open_store(url).close()
    empty = kwek(config, "verify")
    assert (empty.exit_code, empty.stdout) == (Exit.OK, "the ledger is empty\n")


def test_a_long_list_of_refusals_is_cut_short() -> None:
    from router.consent_import import Told

    lines = list(consent_pages.report_as_page({"no proof": 60}, [Told(n, "no proof") for n in range(60)], 1.0))
    assert len(lines) == 52
    assert lines[-1].startswith("… and 10 more")


def test_hints_say_where_traces_may_still_be() -> None:
    told = list(consent._hints("postgresql", vacuum=True, is_cut=False))
    assert any("pg_wal" in hint for hint in told)
    assert any("its log still holds" in hint for hint in told)
