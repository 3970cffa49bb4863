"""Keys of the API: made for a brand, shown once, listed, revoked."""

import json
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from gateway import cli
from gateway.exits import Exit
from gateway.web.keys import opens, presented
from router import keys
from router.store.engine import open_store
from tests.support.process import write_config
from tests.support.routing import RULES

BRAND = RULES.replace('brand "Shop"', 'brand "Klusser"')


def kwek(config: Path, *words: str) -> Any:
    return CliRunner().invoke(cli.app, ["key", *words, "--config", str(config)])


def test_a_key_is_made_listed_and_revoked(place: tuple[Path, str]) -> None:
    config, url = place
    texts = [kwek(config, "new", "--brand", "Klusser", "--label", label).stdout.strip() for label in ("till 1", "")]
    shown = presented(f"Bearer {texts[0]}")
    assert shown is not None
    store = open_store(url)
    with store.begin() as tx:
        assert opens(keys.find(tx, shown.id), shown)
    store.close()
    lines = kwek(config, "list").stdout.splitlines()
    assert len(lines) == 2
    assert lines[0].startswith(f"{shown.id}  20")
    assert lines[0].endswith("  Klusser  till 1")
    assert texts[0].split("_", 2)[2] not in lines[0]
    assert kwek(config, "revoke", str(shown.id)).stdout == f"{shown.id} is revoked\n"
    again = kwek(config, "revoke", str(shown.id))
    assert again.exit_code == Exit.FAILED
    listed = json.loads(kwek(config, "list", "--format", "json").stdout)
    assert [(one["brand"], one["label"], one["revoked_at"] is None) for one in listed] == [
        ("Klusser", "till 1", False), ("Klusser", "", True),
    ]  # fmt: skip
    assert "  revoked 20" in kwek(config, "list").stdout
    store = open_store(url)
    with store.begin() as tx:
        assert not opens(keys.find(tx, shown.id), shown)
    store.close()


def test_only_a_brand_that_has_a_number(place: tuple[Path, str]) -> None:
    config, _ = place
    refused = kwek(config, "new", "--brand", "Kluser")
    assert refused.exit_code == Exit.USAGE
    assert "it names" in refused.stderr
    assert kwek(config, "new", "--brand", "Klusser", "--label", "x" * 101).exit_code == Exit.USAGE
    assert kwek(config, "new", "--brand", "Klusser", "--label", "a\nb").exit_code == Exit.USAGE


def test_a_store_without_keys_says_so(place: tuple[Path, str]) -> None:
    config, url = place
    open_store(url).close()
    assert kwek(config, "list").stdout == "there are no keys\n"


def test_a_store_that_cannot_be_opened_is_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("KWEK_TEST_PASSWORD", "secret")
    config = write_config(tmp_path, 2775, BRAND, f"sqlite:///{tmp_path / 'none' / 'kwek.db'}")
    assert kwek(config, "list").exit_code == Exit.STORE
    assert kwek(config, "new", "--brand", "Klusser").exit_code == Exit.STORE
    assert kwek(config, "revoke", "5").exit_code == Exit.STORE
