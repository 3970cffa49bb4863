"""Fixtures of folders whose tests run once on SQLite and once on PostgreSQL; their conftest.py imports them."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support.postgres import PostgresDatabases, postgres_databases


@pytest.fixture(scope="session")
def postgres() -> Iterator[PostgresDatabases]:
    with postgres_databases() as databases:
        yield databases


@pytest.fixture(params=["sqlite", "postgresql"])
def store_url(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[str]:
    """Where the gateway keeps its truth: a new file, or a database that is dropped afterwards."""
    if request.param == "sqlite":
        yield f"sqlite:///{tmp_path / 'kwek.db'}"
        return
    databases: PostgresDatabases = request.getfixturevalue("postgres")
    with databases.database() as url:
        yield url
