"""`kwek segment` from a shell, beside a gateway that holds the store: who is in a segment, and why."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from gateway import cli
from gateway.exits import Exit
from router import members
from router.instants import DAY
from router.messages import Occurrence
from router.store.engine import Store, open_store
from tests.support.routing import JAN, KEES, NOW, PIET, Phones, book_of
from tests.support.timed import crowd, known

RULES = """brand "Klusser"
    numbers 4411
    language nl
    timezone Europe/Amsterdam

contact
    geklikt  date
    stad     text

segment stil = not happened koop in 90 days and (not contact.geklikt or contact.geklikt < 90 days ago)
segment al_lang = not happened koop in 6 months
segment rust = (tag dagelijks and in segment stil) or (tag maandelijks and in segment al_lang)
segment slapend = consent promotional and in segment rust
segment breda = contact.stad = "Breda" and happened koop 2 times
segment niemand = tag weg

keyword DAGELIJKS
    tag dagelijks
    reply "Goed"

keyword MAANDELIJKS
    tag maandelijks
    reply "Goed"

keyword STAD <naam word>
    set contact.stad = naam
    reply "Goed"

keyword JOIN
    opt in promotional
    reply "Goed"

keyword HOI
    reply "Hoi {link tip https://klusser.example/}"

on click tip
    set contact.geklikt = now
"""


@pytest.fixture
def rules() -> str:
    return RULES


@pytest.fixture
def place(place: tuple[Path, str], monkeypatch: pytest.MonkeyPatch) -> tuple[Path, str]:
    """A kwek.toml, and the URL of its store, by the clock of the phones."""
    monkeypatch.setattr("router.world.System.now", lambda _: NOW)
    return place


@pytest.fixture
def town(place: tuple[Path, str]) -> Iterator[Phones]:
    """The gateway's own hold of the store, for as long as the test lasts."""
    store: Store = open_store(place[1])
    yield Phones(store, book_of(("klusser.rules", RULES)))
    store.close()


def kwek(config: Path, *words: str) -> Any:
    return CliRunner().invoke(cli.app, ["segment", *words, "--config", str(config)])


def happened(town: Phones, phone: str, name: str, days_ago: int, source: Any = "api") -> None:
    now = town.world.now()
    one = Occurrence(
        id=town.world.ids.next(now), brand="Klusser", address=phone, name=name, source=source,
        at=now - days_ago * DAY, received_at=now,
    )  # fmt: skip
    town.commit(occurrences=[one])


def says(town: Phones, phone: str, *texts: str) -> None:
    for text in texts:
        town.commit(inbound=[town.text(phone, text)])


def test_capability_67_inactives_are_listed_each_with_why(place: tuple[Path, str], town: Phones) -> None:
    config, _ = place
    says(town, JAN, "DAGELIJKS", "JOIN")
    happened(town, JAN, "koop", 100)
    says(town, PIET, "MAANDELIJKS", "JOIN")
    happened(town, PIET, "koop", 100)  # not so long for one who comes by the month
    says(town, KEES, "MAANDELIJKS", "JOIN")
    happened(town, KEES, "koop", 200)
    happened(town, "31600000001", "koop", 100)  # agreed to nothing
    says(town, "31600000002", "DAGELIJKS", "JOIN")
    happened(town, "31600000002", "tip", 0, "click")  # clicked today
    listed = kwek(config, "list", "Klusser", "slapend")
    assert listed.exit_code == Exit.OK, listed.stderr
    lines = listed.stdout.splitlines()
    assert lines[0] == (
        f"********{JAN[-3:]}  consent promotional: yes; tag dagelijks: yes; "
        "happened koop in 90 days: 0 times, last on 2025-09-27; contact.geklikt: not set"
    )
    assert lines[1] == (
        f"********{KEES[-3:]}  consent promotional: yes; tag maandelijks: yes; "
        "happened koop in 6 months: 0 times, last on 2025-06-19"
    )
    assert len(lines) == 2
    assert JAN not in listed.stdout
    assert kwek(config, "list", "Klusser", "slapend", "--full").stdout.startswith(f"{JAN}  consent")
    assert "31600000001" in kwek(config, "list", "Klusser", "stil", "--full").stdout


def test_capability_75_who_would_get_it_is_counted_before_anything_is_sent(
    place: tuple[Path, str], town: Phones
) -> None:  # fmt: skip
    config, _ = place
    for phone, city in ((JAN, "Breda"), (PIET, "breda"), (KEES, "Ede")):
        says(town, phone, f"STAD {city}")
        happened(town, phone, "koop", 3)
        happened(town, phone, "koop", 300)
    says(town, JAN, "JOIN")
    assert kwek(config, "count", "Klusser", "breda").stdout == (
        "2 contacts in segment breda of Klusser; 1 allow promotional texts\n"
    )
    told = json.loads(kwek(config, "count", "Klusser", "breda", "--format", "json").stdout)
    assert (told["contacts"], told["allow_promotional"]) == (2, 1)
    first, second = json.loads(kwek(config, "list", "Klusser", "breda", "--format", "json", "--full").stdout)
    assert (first["contact"], first["allows_promotional"]) == (JAN, True)
    assert first["why"] == [
        {"condition": 'contact.stad = "Breda"', "value": "Breda"},
        {"condition": "happened koop 2 times", "value": "2 times, last on 2026-01-02"},
    ]
    assert (second["contact"], second["allows_promotional"]) == (PIET, False)
    assert kwek(config, "list", "Klusser", "niemand").stdout == "nobody is in segment niemand of Klusser\n"
    assert "(no promotional texts)" in kwek(config, "list", "Klusser", "breda").stdout


def test_a_crowd_is_walked_past_in_slices(
    place: tuple[Path, str], town: Phones, monkeypatch: pytest.MonkeyPatch
) -> None:  # fmt: skip
    config, _ = place
    monkeypatch.setattr(members, "SLICE", 7)
    known(town, crowd(40))
    assert kwek(config, "count", "Klusser", "stil").stdout.startswith("40 contacts in segment stil")
    few = kwek(config, "list", "Klusser", "stil", "--most", "5").stdout.splitlines()
    assert len(few) == 6
    assert few[-1] == "… and more; --most lists more than 5"
    assert len(json.loads(kwek(config, "list", "Klusser", "stil", "--most", "5", "--format", "json").stdout)) == 5


def test_another_brand_s_contacts_are_nobody(place: tuple[Path, str], town: Phones) -> None:
    with town.store.begin() as tx:
        tx.write("INSERT INTO contacts (id, address, created_at) VALUES (1, '31600000009', 1)")
        tx.write(
            "INSERT INTO profiles (contact_id, brand, tags, attributes, consents, promoted, number, active_at) "
            "VALUES (1, 'Ander', '[]', '{}', '{}', '[]', '', 0)"
        )
    assert kwek(place[0], "count", "Klusser", "stil").stdout.startswith("0 contacts")


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("count", "Nobody", "stil"), "no brand 'Nobody'; they have Klusser"),
        (("list", "Klusser", "luid"), "no segment 'luid'; it has al_lang, breda, niemand, rust, slapend, stil"),
    ],
)
def test_what_is_not_there_is_said(place: tuple[Path, str], words: tuple[str, ...], said: str) -> None:
    refused = kwek(place[0], *words)
    assert refused.exit_code == Exit.USAGE
    assert said in refused.stderr
