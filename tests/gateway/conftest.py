"""What commands find that are tested on both databases: a store, rules, and a kwek.toml that names them."""

from pathlib import Path

import pytest

from tests.support.process import write_config
from tests.support.routing import RULES
from tests.support.stores import postgres, store_url

__all__ = ["place", "postgres", "rules", "store_url"]


@pytest.fixture
def rules() -> str:
    """What the brand's file says; a module may have its own."""
    return RULES.replace('brand "Shop"', 'brand "Klusser"')


@pytest.fixture
def place(rules: str, store_url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> tuple[Path, str]:
    """A kwek.toml, and the URL of its store."""
    monkeypatch.setenv("KWEK_TEST_PASSWORD", "secret")
    return write_config(tmp_path, 2775, rules, store_url), store_url
