"""What commands find that are tested on both databases: a store, rules, and a kwek.toml that names them; and the hosted
pages and API on a port, with one contact."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from tests.support.hosted import Site
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


@pytest.fixture
async def site(tmp_path: Path) -> AsyncIterator[Site]:
    """What is served over HTTP, with a writer that keeps what it is given."""
    one = Site(tmp_path)
    await one.open()
    one.contact()
    yield one
    await one.close()
