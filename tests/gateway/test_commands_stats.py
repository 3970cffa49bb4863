"""`kwek stats` and `kwek draw` on a store that the router wrote, on both databases and beside an open gateway."""

import asyncio
import hashlib
import json
import sqlite3
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from gateway import cli
from gateway.exits import Exit
from router.instants import DAY, HOUR, MINUTE
from router.outbox import Outcome
from router.store.engine import Store, open_store
from tests.support.process import write_config
from tests.support.routing import JAN, KEES, PIET, ROOS, Phones, book_of
from tests.support.station import station

RULES = """\
brand "Klusser"
    numbers 4411
    language nl
    timezone Europe/Amsterdam

keyword REPAIR
    ask "Wat is er stuk?" within 1 day
        answer (KEUKEN | BAD) as unit
            reply "We bellen u over uw {unit}."

keyword NPS <score 0..10>
    record nps = score
    reply "Dank u."

keyword STEM <keuze word>
    record once keuze = keuze
    reply "Uw stem telt."

keyword WIN
    record once actie = "ja"
"""
MORE = """
[[price]]
connector = "carrier"
prefix = "316"
segment = "EUR 0.0725"

[statistics]
zone = "Europe/Amsterdam"
opt_out_warning = 20.0
"""
DAYS = ("--since", "2026-01-05", "--until", "2026-01-06")


@pytest.fixture
def place(store_url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[tuple[Path, Store]]:
    """A kwek.toml, and its store, which stays open as a gateway's does."""
    monkeypatch.setenv("KWEK_TEST_PASSWORD", "secret")
    store = open_store(store_url)
    yield with_prices(tmp_path, store_url), store
    store.close()


def with_prices(folder: Path, url: str) -> Path:
    config = write_config(folder, 2775, RULES, url)
    config.write_text(config.read_text() + MORE)
    return config


def kwek(command: str, config: Path, *words: str) -> Any:
    return CliRunner().invoke(cli.app, [command, "--config", str(config), *words])


def told(config: Path, *words: str) -> Any:
    done = kwek("stats", config, *words, "--format", "json")
    assert done.exit_code == Exit.OK, done.output
    return json.loads(done.stdout)


def conversations(store: Store) -> None:
    """Two days of four phones: repairs, scores, votes, a contest, and a STOP."""
    phones = Phones(store, book_of(("klusser.rules", RULES)))

    def write(sender: str, *texts: str) -> None:
        for text in texts:
            phones.later(MINUTE)
            for claim in phones.write(sender, text):
                mid = f"m{claim.id}"
                phones.commit(outcomes=[phones.sent(claim, mid)])
                phones.later(MINUTE)
                phones.commit(receipts=[phones.receipt(mid, "UNDELIV" if sender == ROOS else "DELIVRD")])

    write(JAN, "REPAIR", "KEUKEN", "NPS 10", "STEM a", "STEM b", "WIN")
    write(PIET, "REPAIR", "BAD", "NPS 3", "NPS 9", "STEM a", "WIN", "WIN")
    write(ROOS, "REPAIR", "STEM b", "REPARATIE AUB")
    phones.later(DAY)
    write(KEES, "REPAIR")
    (refused,) = phones.write(KEES, "NPS 7")
    phones.commit(outcomes=[Outcome(id=refused.id, connector="carrier", state="failed", reason="no")])
    phones.later(HOUR)
    write(KEES, "STOP")


def test_an_empty_period_says_so(place: tuple[Path, Store]) -> None:
    config, _ = place
    done = kwek("stats", config, *DAYS)
    assert done.exit_code == Exit.OK
    assert done.stdout.splitlines() == [
        "Statistics of all brands, 2026-01-05 to 2026-01-06 (days of Europe/Amsterdam)",
        "",
        "Nothing went out and nothing came in.",
    ]
    assert kwek("stats", config).stdout.endswith("Nothing went out and nothing came in.\n")


def test_the_page_as_a_marketer_reads_it(place: tuple[Path, Store]) -> None:
    config, store = place
    conversations(store)
    done = kwek("stats", config, *DAYS, "--brand", "Klusser", "--by", "step")
    assert done.exit_code == Exit.OK, done.output
    lines = done.stdout.splitlines()
    assert lines[:9] == [
        "Statistics of Klusser, 2026-01-05 to 2026-01-06 (days of Europe/Amsterdam)",
        "",
        "Sent        14 texts: 12 delivered (85.7 %), 2 not delivered",
        "Not sent    1 refused by the carrier",
        "Answered    13 texts (92.9 %)",
        "Clicked     0 texts (0.0 %)",
        "Opted out   1 text (7.1 %), 1 contact in all",
        "Cost        14 segments: EUR 1.0150",
        "",
    ]
    assert lines[9].split() == ["rule", "text", "after", "days", "sent", "delivered", "failed", "answered", "opted",
                                "out", "segments", "cost"]  # fmt: skip
    asked = next(line for line in lines if "Wat is er stuk?" in line)
    assert asked.split() == ["keyword", "REPAIR", '"Wat', "is", "er", 'stuk?"', "0.0", "4", "75.0", "%", "1", "100.0",
                             "%", "25.0", "%", "4", "EUR", "0.2900"]  # fmt: skip
    assert "Votes keuze of Klusser: 3 numbers, one vote each" in lines
    assert lines[-1] == (
        'warning: 25.0 % opted out after "Wat is er stuk?" (keyword REPAIR, Klusser): 1 of 4 texts, likely 4.6 to '
        "69.9 %; the limit is 20 %"
    )


def test_figures_by_rule(place: tuple[Path, Store]) -> None:
    config, store = place
    conversations(store)
    found = told(config, *DAYS)
    rows = {row["rule"]: row for row in found["rows"]}
    repair = rows["keyword REPAIR"]
    assert {name: repair[name] for name in ("sent", "delivered", "undelivered", "answered", "opted_out")} == {
        "sent": 6, "delivered": 5, "undelivered": 1, "answered": 6, "opted_out": 1,
    }  # fmt: skip
    assert repair["cost"] == {"EUR": "0.4350"}
    assert rows["keyword NPS <score 0..10>"]["failed"] == 1
    assert found["total"]["contacts_opted_out"] == 1
    (nps,) = found["nps"]
    assert (nps["score"], nps["count"], nps["promoters"], nps["passives"]) == (66.7, 3, 2, 1)
    assert {vote["name"]: [(one["value"], one["votes"]) for one in vote["choices"]] for vote in found["votes"]} == {
        "actie": [("ja", 2)], "keuze": [("a", 2), ("b", 1)],
    }  # fmt: skip


def test_figures_by_keyword_class_and_arm(place: tuple[Path, Store]) -> None:
    config, store = place
    conversations(store)
    keywords = {row["keyword"]: row for row in told(config, *DAYS, "--by", "keyword")["rows"]}
    assert (keywords["REPAIR"]["texts_in"], keywords["REPAIR"]["contacts"]) == (6, 4)
    assert (keywords["WIN"]["texts_in"], keywords["WIN"]["contacts"], keywords["WIN"]["sent"]) == (3, 2, 0)
    classes = {row["class"]: row for row in told(config, *DAYS, "--by", "class")["rows"]}
    assert classes["stop_confirmation"]["sent"] == 1
    assert classes["conversational"]["opted_out"] == 1
    assert told(config, *DAYS, "--by", "arm")["rows"] == []
    assert "No text belongs to any arm." in kwek("stats", config, *DAYS, "--by", "arm").stdout
    for by in ("keyword", "class", "rule"):
        assert kwek("stats", config, *DAYS, "--by", by).exit_code == Exit.OK


def test_a_day_is_the_zones_and_a_stop_of_the_next_day_is_credited(place: tuple[Path, Store]) -> None:
    config, store = place
    conversations(store)
    first, second = (
        told(config, "--since", "2026-01-05", "--until", "2026-01-05"),
        told(config, *("--since", "2026-01-06", "--until", "2026-01-06")),
    )
    both = told(config, *DAYS)
    for name in ("sent", "answered", "opted_out", "texts", "segments"):
        assert first["total"][name] + second["total"][name] == both["total"][name]
    assert second["total"]["texts"] > 0
    assert told(config, "--since", "2026-01-04", "--until", "2026-01-04")["total"]["texts"] == 0


def test_capability_74_a_draw_can_be_repeated_by_anybody(place: tuple[Path, Store]) -> None:
    config, store = place
    conversations(store)
    words = ("--brand", "Klusser", "--record", "actie", *DAYS)
    done = kwek("draw", config, *words, "--seed", "zomer", "--winners", "2")
    assert done.exit_code == Exit.OK, done.output
    drawn = json.loads(done.stdout)
    ranks = sorted((hashlib.sha256(f"zomer\n{number}".encode()).hexdigest(), number) for number in (JAN, PIET))
    assert [(one["rank"], one["number"]) for one in drawn["winners"]] == ranks
    assert (drawn["seed"], drawn["entries"]) == ("zomer", 2)
    chance = json.loads(kwek("draw", config, *words).stdout)
    assert len(chance["seed"]) == 32
    assert json.loads(kwek("draw", config, *words, "--seed", chance["seed"]).stdout) == chance
    nobody = kwek("draw", config, "--brand", "Klusser", "--record", "niets", *DAYS)
    assert (nobody.exit_code, nobody.stderr) == (
        Exit.FAILED, "no contact of Klusser has a record 'niets' from 2026-01-05 to 2026-01-06\n",
    )  # fmt: skip
    assert kwek("draw", config, *words, "--seed", "a\nb").exit_code == Exit.USAGE


async def test_it_reads_beside_a_gateway_that_runs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("KWEK_TEST_PASSWORD", "secret")
    (tmp_path / "desk").mkdir()
    async with station(tmp_path, RULES) as one:
        assert await one.ask("REPAIR") == "Wat is er stuk?"
        assert await one.ask("BAD") == "We bellen u over uw bad."
        await one.until("SELECT count(*) FROM outbox WHERE state IN ('sent', 'delivered')", [(2,)])
        config = with_prices(tmp_path / "desk", one.store_url)
        found = await asyncio.to_thread(told, config)
        assert (found["total"]["sent"], found["total"]["answered"], found["total"]["segments"]) == (2, 1, 2)
        assert found["total"]["cost"] == {"EUR": "0.1450"}
        assert await one.ask("NPS 9") == "Dank u."


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("--since", "gisteren"), "'gisteren' is no day: write it as 2026-05-01"),
        (("--since", "2026-02-30"), "'2026-02-30' is no day"),
        (("--since", "2026-05-02", "--until", "2026-05-01"), "since 2026-05-02 is after until 2026-05-01: give"),
        (("--since", "1300-05-02"), "1300-05-02 is no day of this century"),
        (("--by", "weekday"), "'weekday' is not one of"),
        (("--brand", "Kluser"), "grants no number to a brand 'Kluser'; did you mean \"Klusser\"?"),
        (("--brand", "Xyz"), "grants no number to a brand 'Xyz'; brands here: Klusser"),
        (("--format", "xml"), "'xml' is not one of"),
    ],
)
def test_what_is_wrong_is_said(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, words: tuple[str, ...], said: str
) -> None:
    monkeypatch.setenv("KWEK_TEST_PASSWORD", "secret")
    monkeypatch.setenv("COLUMNS", "300")
    url = f"sqlite:///{tmp_path / 'kwek.db'}"
    open_store(url).close()
    done = kwek("stats", with_prices(tmp_path, url), *words)
    assert done.exit_code == Exit.USAGE
    assert said in " ".join(done.stderr.split())


def test_a_store_that_is_not_there_or_not_ours(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("KWEK_TEST_PASSWORD", "secret")
    config = with_prices(tmp_path, f"sqlite:///{tmp_path / 'kwek.db'}")
    assert kwek("stats", config).exit_code == Exit.STORE
    assert not (tmp_path / "kwek.db").exists()
    sqlite3.connect(tmp_path / "kwek.db").close()
    done = kwek("stats", config)
    assert done.exit_code == Exit.STORE
    assert done.stderr
