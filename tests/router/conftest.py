"""A store for each test, once on SQLite and once on PostgreSQL, and a router that runs on it by a clock set by hand."""

import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest

from router.store.engine import Store, make_engine, open_store
from tests.support.postgres import PostgresDatabases, postgres_databases
from tests.support.routing import Phones

DIALECTS = ("sqlite", "postgresql")


@pytest.fixture(scope="session")
def postgres() -> Iterator[PostgresDatabases]:
    with postgres_databases() as databases:
        yield databases


@pytest.fixture(scope="session")
def sqlite_template(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A database file with the tables: copying it is quicker than migrating one for each test."""
    path = tmp_path_factory.mktemp("store") / "template.db"
    open_store(f"sqlite:///{path}").close()
    return path


@pytest.fixture(scope="session")
def postgres_url(postgres: PostgresDatabases) -> Iterator[str]:
    """One database that is emptied after each test: making one takes longer than most tests."""
    with postgres.database() as url:
        yield url


@pytest.fixture(params=DIALECTS)
def store_url(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[str]:
    """A database with the tables and nothing in them."""
    if request.param == "sqlite":
        shutil.copy(request.getfixturevalue("sqlite_template"), tmp_path / "kwek.db")
        yield f"sqlite:///{tmp_path / 'kwek.db'}"
    else:
        url = request.getfixturevalue("postgres_url")
        yield url
        request.getfixturevalue("postgres").empty(url)


@pytest.fixture
def store(store_url: str) -> Iterator[Store]:
    opened = open_store(store_url)
    yield opened
    opened.close()


@pytest.fixture
def two_nodes(postgres: PostgresDatabases, postgres_url: str) -> Iterator[tuple[Phones, Phones]]:
    """Two nodes on one database. On PostgreSQL alone: one process owns a SQLite file."""
    stores = [Store(postgres_url, make_engine(postgres_url), None) for _ in range(2)]
    yield Phones(stores[0], node="ams-1"), Phones(stores[1], node="ams-2")
    for one in stores:
        one.close()
    postgres.empty(postgres_url)


@pytest.fixture
def phones(store: Store) -> Phones:
    return Phones(store)
