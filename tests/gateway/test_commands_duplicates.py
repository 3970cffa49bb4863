"""What was taken for a re-delivery is kept, visible and replayable."""

import json
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from gateway import cli
from gateway.commands import duplicates
from gateway.exits import Exit
from router.evidence import Ended
from router.instants import HOUR
from router.store.engine import open_store
from tests.support.process import write_config
from tests.support.routing import JAN, RULES, Phones

BRAND = RULES.replace('brand "Shop"', 'brand "Klusser"')


def suspects(url: str, count: int) -> list[int]:
    """Votes that came again over another link, as many as that; gives their ids, the oldest first."""
    store = open_store(url)
    phones = Phones(store)
    again = []
    for _ in range(count):
        first = phones.text(JAN, "STEM a", session=1, fingerprint=7)
        phones.commit(inbound=[first], ended=[Ended(1, [], 0)])
        phones.commit(ended=[Ended(1, [first.id], phones.world.now() + HOUR)])
        again.append(phones.text(JAN, "STEM a", session=2, fingerprint=7))
        phones.commit(inbound=[again[-1]])
    assert [row["state"] for row in phones.table("inbound")].count("suspected_duplicate") == count
    store.close()
    return [text.id for text in again]


def kwek(config: Path, *words: str) -> Any:
    return CliRunner().invoke(cli.app, ["duplicates", *words, "--config", str(config)])


def test_they_are_listed_the_newest_first_with_what_they_repeat(place: tuple[Path, str]) -> None:
    config, url = place
    assert kwek(config, "list").stdout == "no text is suspected to be a duplicate\n"
    older, newer = suspects(url, 2)
    lines = kwek(config, "list").stdout.splitlines()
    assert [line.split()[0] for line in lines] == [str(newer), str(older)]
    assert f"{JAN} to 4411: 'STEM a' repeats " in lines[0]
    (one,) = json.loads(kwek(config, "list", "--most", "1", "--format", "json").stdout)
    assert (one["id"], one["from"], one["to"], one["text"]) == (newer, JAN, "4411", "STEM a")
    assert one["repeats"] < newer
    assert one["first_received_at"] == one["received_at"] == "2026-01-05T12:00:00.000+00:00"


def test_a_replay_has_its_effects_once(place: tuple[Path, str]) -> None:
    config, url = place
    first, second = suspects(url, 2)
    done = kwek(config, "replay", str(first))
    assert (done.exit_code, done.stdout) == (Exit.OK, f"{first}: routed\n")
    again = kwek(config, "replay", str(first), "5", str(second))
    assert (again.exit_code, again.stdout) == (Exit.FAILED, f"{second}: routed\n")
    assert again.stderr.splitlines() == [
        f"{id} is no suspected duplicate, or has been replayed already" for id in (first, 5)
    ]
    store = open_store(url)
    phones = Phones(store)
    assert len(phones.table("records")) == 4
    assert sorted(row["state"] for row in phones.table("inbound")) == ["replayed"] * 2 + ["routed"] * 4
    store.close()
    assert kwek(config, "list").stdout == "no text is suspected to be a duplicate\n"


def test_a_store_that_a_gateway_owns_is_not_touched(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("KWEK_TEST_PASSWORD", "secret")
    url = f"sqlite:///{tmp_path / 'kwek.db'}"
    config = write_config(tmp_path, 2775, BRAND, url)
    owner = open_store(url)
    refused = kwek(config, "replay", "5")
    owner.close()
    assert refused.exit_code == Exit.STORE
    assert "another" in refused.stderr


def test_a_suspect_whose_first_is_forgotten_is_shown_without_its_time() -> None:
    from router.duplicates import Suspect

    one = Suspect(9, JAN, "4411", "carrier", "JA", 0, 3, None)
    assert duplicates.as_line(one).endswith("'JA' repeats 3")
    assert duplicates.as_json(one)["first_received_at"] is None
