"""Texts that may be opt-outs wait for a person, who decides; the ledger says who that was."""

import json
import time
from functools import partial
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from gateway import cli
from gateway.commands.books import load_book
from gateway.exits import Exit
from router.claims import Claim
from router.instants import DAY
from router.outbox import highest_id
from router.store.engine import open_store
from rules.editions import edition
from tests.support.process import write_config
from tests.support.promotions import RULES, agree, happen, promoting
from tests.support.routing import JAN, PIET, Phones

BRAND = RULES.replace("    {more}\n", "")
OWN = {'"Klusser"': '"Shop"'}
DOUBT = "We moeten deze wet STOP zetten!"


@pytest.fixture
def rules() -> str:
    return BRAND


@pytest.fixture
def place(place: tuple[Path, str]) -> tuple[Path, str]:
    """A kwek.toml, and the URL of its store, in which two who agreed have raised a doubt each, one of them twice."""
    config, url = place
    doubts(url)
    return write_config(config.parent, 2775, BRAND, url, **OWN), url


def doubts(url: str) -> None:
    store = open_store(url)
    phones = Phones(store, promoting())
    assert agree(phones, JAN, PIET) == ["taken", "taken"]
    phones.write(JAN, DOUBT)
    phones.later(1_000_000)
    phones.write(PIET, DOUBT, DOUBT)
    assert happen(phones, "offer", JAN, PIET).claims == []
    store.close()


def kwek(config: Path, *words: str) -> Any:
    return CliRunner().invoke(cli.app, ["reviews", *words, "--config", str(config)])


def waiting(config: Path) -> list[dict[str, Any]]:
    return list(json.loads(kwek(config, "list", "--format", "json").stdout))


def rows(url: str, table: str) -> list[dict[str, Any]]:
    store = open_store(url)
    found = Phones(store, promoting()).table(table)
    store.close()
    return found


def offers(url: str, *addresses: str) -> list[str]:
    """Who gets the brand's promotions."""
    store = open_store(url)
    phones = Phones(store, promoting())
    phones.later(DAY)
    with store.begin() as tx:
        phones.world.ids.go_on_after(highest_id(tx))
    got = [claim.address for claim in happen(phones, "offer", *addresses).claims]
    store.close()
    return got


def test_they_are_listed_with_what_raises_the_doubt(place: tuple[Path, str]) -> None:
    config, _ = place
    first, *_ = waiting(config)
    assert (first["from"], first["to"], first["brand"], first["text"]) == (JAN, "4411", "Shop", DOUBT)
    assert first["due_at"] == "2026-01-19T12:00:00.000+00:00"
    assert kwek(config, "list", "--most", "1").stdout == (
        f"{first['id']}  by {first['due_at']}  {JAN} to 4411 (Shop): {DOUBT!r}, for {first['evidence']!r}\n"
    )


def test_an_opt_out_is_written_down_with_who_decided(place: tuple[Path, str]) -> None:
    config, url = place
    jan, *_ = waiting(config)
    done = kwek(config, "settle", str(jan["id"]), "--as", "opt-out", "--by", "ann")
    assert (done.exit_code, done.stdout) == (Exit.OK, f"{jan['id']}: opt out of Shop\n")
    last = json.loads(rows(url, "ledger_details")[-1]["details"])
    assert {name: last[name] for name in ("action", "method", "actor", "wording", "number")} == {
        "action": "revoke", "method": "agent", "actor": "ann", "wording": DOUBT, "number": "4411"
    }  # fmt: skip
    under = load_book([config.parent / "brands"], config).deployment
    assert (last["deployment"], last["zone"], last["pack"]) == (under, "Europe/Amsterdam", edition("NL"))
    (profile,) = [row for row in rows(url, "profiles") if row["opted_out_at"] is not None]
    assert profile["hold_until"] is None
    assert json.loads(profile["consents"])["promotional"] < 0
    assert offers(url, JAN) == []
    again = kwek(config, "settle", str(jan["id"]), "--as", "no-opt-out", "--by", "bob")
    assert again.exit_code == Exit.FAILED
    assert again.stderr == f"{jan['id']} waits for nobody, or has been settled already\n"


def test_where_it_was_none_promotions_go_on_once_no_other_doubt_is_left(place: tuple[Path, str]) -> None:
    config, url = place
    _, one, other = waiting(config)
    before = len(rows(url, "ledger"))
    assert kwek(config, "settle", str(one["id"]), "--as", "no-opt-out", "--by", "ann").exit_code == Exit.OK
    assert offers(url, PIET) == []
    assert kwek(config, "settle", str(other["id"]), "--as", "no-opt-out", "--by", "ann").exit_code == Exit.OK
    assert offers(url, PIET) == [PIET]
    assert len(rows(url, "ledger")) == before
    assert [row["outcome"] for row in rows(url, "reviews")] == ["", "no opt out", "no opt out"]


def test_what_waited_in_the_outbox_ends_with_the_opt_out(place: tuple[Path, str]) -> None:
    config, url = place
    store = open_store(url)
    phones = Phones(store, promoting())
    phones.commit(inbound=[phones.text(JAN, "HOI")], room=0)
    store.close()
    jan, *_ = waiting(config)
    kwek(config, "settle", str(jan["id"]), "--as", "opt-out", "--by", "ann")
    assert [row["state"] for row in rows(url, "outbox") if row["message_class"] == "conversational"][-1] == "cancelled"


def under_way(url: str) -> tuple[Phones, Claim]:
    """A gateway that has a text to the first phone on the wire, and more to come; its store is open."""
    phones = Phones(open_store(url), promoting())
    with phones.store.begin() as tx:
        phones.world.ids.go_on_after(highest_id(tx))
    (on_the_wire,) = phones.write(JAN, "HOI")
    phones.write(JAN, "JOIN", room=0)
    return phones, on_the_wire


def test_what_was_on_the_wire_is_told_and_nothing_follows_it(place: tuple[Path, str]) -> None:
    config, url = place
    gateway, on_the_wire = under_way(url)
    jan, *_ = waiting(config)
    if url.startswith("sqlite"):  # one process owns the file
        gateway.store.close()
        done = kwek(config, "settle", str(jan["id"]), "--as", "opt-out", "--by", "ann")
        assert done.stdout == f"{jan['id']}: opt out of Shop\n"
        gateway = Phones(open_store(url), promoting())
    else:
        done = kwek(config, "settle", str(jan["id"]), "--as", "opt-out", "--by", "ann")
        assert done.stdout == (
            f"{jan['id']}: opt out of Shop\non their way before that, and perhaps yet to arrive: 1 text(s)\n"
        )
    assert [row["state"] for row in gateway.table("outbox") if row["brand"] == "Shop"][-2:] == ["claimed", "cancelled"]
    assert gateway.table("runs") == []
    assert gateway.commit(renew=[on_the_wire.id]).renewed.over == [on_the_wire.id], "nor may the rest of it be written"
    assert gateway.commit(claim=True, due=True).claims == []
    gateway.store.close()


def test_it_does_not_wait_for_what_is_answered_for(place: tuple[Path, str], monkeypatch: pytest.MonkeyPatch) -> None:
    config, url = place
    gateway, on_the_wire = under_way(url)
    if url.startswith("sqlite"):
        gateway.store.close()
    else:
        answered = partial(gateway.commit, outcomes=[gateway.sent(on_the_wire)])
        monkeypatch.setattr(time, "sleep", lambda _: answered())
    jan, *_ = waiting(config)
    done = kwek(config, "settle", str(jan["id"]), "--as", "opt-out", "--by", "ann")
    assert done.stdout == f"{jan['id']}: opt out of Shop\n"
    gateway.store.close()


def test_nothing_to_read_is_said_and_a_store_that_is_not_there_too(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("KWEK_TEST_PASSWORD", "secret")
    url = f"sqlite:///{tmp_path / 'kwek.db'}"
    config = write_config(tmp_path, 2775, BRAND, url, **OWN)
    owner = open_store(url)
    assert kwek(config, "list").stdout == "no text waits to be read\n"
    refused = kwek(config, "settle", "5", "--as", "opt-out", "--by", "ann")
    owner.close()
    assert refused.exit_code == Exit.STORE
    gone = write_config(tmp_path, 2775, BRAND, f"sqlite:///{tmp_path / 'away' / 'kwek.db'}", **OWN)
    assert kwek(gone, "list").exit_code == Exit.STORE
