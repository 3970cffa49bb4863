"""What a tick costs while many runs are suspended, and steps a second beside the main way's loops.

    python -m tests.bench.suspended [--only sqlite,postgresql] [--most 10000000] [--steps 20000]
                                    [--server postgresql://…] [--cold] [--write-docs]

Stores with 10,000 and 1,000,000 suspended runs, and on PostgreSQL 10,000,000, take turns: each round is one group of
texts and one tick on each of them, so that a slow minute of the machine meets all. Both go through
`router.group.commit`, in this process and on one thread, to COMMIT with everything on disk; there is no carrier, and
what it would answer comes with the next group. Of PostgreSQL, what serves these stores runs on this process's core. A
loop is a text of a new phone, kept, matched, tagged and answered; a step is a contact's run resumed at its instant, its
text written and claimed, and its next step suspended.

Ends with 1 when a tick costs more than 1.5 times what it costs among 10,000. `--server`: databases of that server are
filled, kept, and used again; else a server of its own is started, and removed. `--cold`: the pages are out of memory
first (its own server alone), and what is due is read from the disk.
"""

from __future__ import annotations

import argparse
import gc
import os
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from pathlib import Path

import psycopg
from sqlalchemy.engine import make_url

from router import due
from router.claims import Allowance
from router.due import AT_ONCE
from router.group import Done
from router.store.checkpoint import Checkpointer
from router.store.engine import open_store
from tests.bench import tables
from tests.bench.crowd import TABLES, Crowd, fill
from tests.bench.load import ROOT
from tests.bench.suspended_figures import ROUNDS, STAGES, Figures, rates_table, ticks_table, too_dear
from tests.support.own_postgres import OwnPostgres, own_postgres

SIZES = {"sqlite": (10_000, 1_000_000), "postgresql": (10_000, 1_000_000, 10_000_000)}
LOOKS = 50
"""Ticks of each store in a round, with nothing due."""
TICKS = 8
"""Ticks of each store in a round, with AT_ONCE steps due and no more."""
SLICES = 20
"""Steps of a sweep past contacts, of each store in a round."""
KEPT = 1_000_000
"""From so many on, a database of a server that is not its own is used again."""
SETTINGS = {
    "max_wal_size": "8GB",
    "checkpoint_timeout": "30min",
    "maintenance_work_mem": "512MB",
    "shared_buffers": f"{int(0.6 * os.sysconf('SC_PHYS_PAGES') * os.sysconf('SC_PAGE_SIZE')) >> 20}MB",
}
"""Of the server of its own: room for what is loaded, on disk and, where the machine has 24 GB, in its own memory. What
the system holds of files besides is not ours to say: some machines take back at once what was not read for seconds."""


class Turns:
    """Stores of several sizes on one database system; each does the same in turn."""

    def __init__(self, crowds: Mapping[int, Crowd], keepers: Sequence[Checkpointer]) -> None:
        self.crowds = crowds
        self.figures = {size: Figures() for size in crowds}
        self._keepers = keepers

    def look(self, times: int, *, later: bool) -> None:
        """Ticks with nothing due."""
        for crowd in self.crowds.values():
            while crowd.sent(crowd.steps()()):
                continue
        for _ in range(times):
            for size, crowd in self.crowds.items():
                took = self.figures[size].later_looks if later else self.figures[size].looks
                with crowd.store.begin() as tx:
                    began = time.perf_counter()
                    due.look(tx, crowd.ways, Allowance({}))
                    took.append(time.perf_counter() - began)

    def tick(self, times: int) -> None:
        """Ticks that each have so much to do as one may, of contacts that stand anywhere."""
        for number in range(times):
            for size, crowd in self.crowds.items():
                crowd.await_due(AT_ONCE)
                done, took = _timed(crowd.steps())
                assert crowd.sent(done) == AT_ONCE, done.faults
                stages = {name: done.stages.get(name, 0.0) for name in STAGES}
                self.figures[size].ticks.append({**stages, "together": took})
            self._keep(number)

    def work_off(self, steps: int) -> None:
        """So many steps that are all due, each tick after a group of as many texts."""
        left = dict.fromkeys(self.crowds, steps)
        number = 0
        while any(count > 0 for count in left.values()):
            for size, crowd in self.crowds.items():
                if left[size] <= 0:
                    continue
                done, took = _timed(crowd.texts())
                assert crowd.sent(done, "texts") == AT_ONCE, done.faults
                self.figures[size].texts.append(took)
                done, took = _timed(crowd.steps())
                if did := crowd.sent(done):
                    left[size] -= did
                if did == AT_ONCE:
                    self.figures[size].steps.append(took)
                else:
                    crowd.await_due(min(max(left[size], AT_ONCE), size // 2))
            number += 1
            self._keep(number)

    def sweep(self, times: int) -> None:
        """Steps of a sweep, as after the deployment of a first rule that the clock starts: contacts get timers."""
        for crowd in self.crowds.values():
            crowd.deploy_timed()
        for number in range(times):
            for size, crowd in self.crowds.items():
                _, took = _timed(crowd.steps())
                self.figures[size].slices.append(took)
            self._keep(number)

    def _keep(self, number: int) -> None:
        """What another thread of the gateway does meanwhile."""
        if number % 20 == 0:
            for keeper in self._keepers:
                keeper.look()


def _timed(work: Callable[[], Done]) -> tuple[Done, float]:
    began = time.perf_counter()
    done = work()
    return done, time.perf_counter() - began


@contextmanager
def one_core(crowds: Sequence[Crowd]) -> Iterator[None]:
    """Keep this process, and what serves its stores on a PostgreSQL of its own, on one core.

    They take turns anyway. Left alone, the kernel has each server process either on the client's core or on another
    one, for seconds or minutes: a round trip takes 75 us or 140 there, whatever is asked, and a look is nine of them.
    The size whose process happens to be elsewhere then costs twice the other, which says nothing about sizes.
    """
    ours, *others = [0, *(crowd.ask("SELECT pg_backend_pid()")[0][0] for crowd in crowds)]
    cores = os.sched_getaffinity(ours)
    for process in (ours, *others):
        os.sched_setaffinity(process, {min(cores)})
    try:
        yield
    finally:
        os.sched_setaffinity(ours, cores)


@contextmanager
def turns(urls: Mapping[int, str], *, on_one_core: bool = False) -> Iterator[Turns]:
    """Routers on stores that are filled."""
    with ExitStack() as up:
        crowds = {}
        for size, url in urls.items():
            store = open_store(url)
            up.callback(store.close)
            crowds[size] = Crowd(store)
            up.callback(crowds[size].close)
        keepers = [keeper for url in urls.values() if (keeper := Checkpointer.of(url)) is not None]
        for keeper in keepers:
            up.callback(keeper.close)
        if on_one_core:
            up.enter_context(one_core(list(crowds.values())))
        gc.freeze()
        up.callback(gc.unfreeze)
        yield Turns(crowds, keepers)


def fill_sqlite(url: str, size: int) -> None:
    """On the store's own connection, and the log kept short."""
    store, keeper = open_store(url), Checkpointer.of(url)
    assert keeper is not None
    crowd = Crowd(store)

    def write(statement: str) -> None:
        with store.begin() as tx:
            tx.write(statement)
        keeper.look()

    _said(fill(crowd, size, write), size)
    crowd.close()
    keeper.close()
    store.close()


def fill_postgresql(url: str, size: int) -> None:
    """On a connection that may take its time; then what autovacuum would do in its own time: VACUUM and ANALYZE."""
    store = open_store(url)
    crowd = Crowd(store)
    with psycopg.connect(url, autocommit=True) as connection:
        if not crowd.ask("SELECT 1 FROM runs LIMIT 1"):
            _said(fill(crowd, size, lambda statement: connection.execute(statement.encode())), size)
        began = time.perf_counter()
        for table in TABLES:
            connection.execute(f"VACUUM (ANALYZE) {table}".encode())
        connection.execute("CHECKPOINT")
        print(f"  vacuumed in {time.perf_counter() - began:.0f} s", flush=True)
    crowd.close()
    store.close()


def _said(filling: Iterator[int], size: int) -> None:
    began = time.perf_counter()
    for number, made in enumerate(filling, 1):
        if number % 4 == 0 or made == size:
            print(f"  {made:>10,} suspended after {time.perf_counter() - began:.0f} s", flush=True)


def forget_pages(folder: Path) -> None:
    """Have the system drop what it holds of a folder's files."""
    os.sync()
    for path in folder.rglob("*"):
        if path.is_file():
            handle = os.open(path, os.O_RDONLY)
            os.posix_fadvise(handle, 0, 0, os.POSIX_FADV_DONTNEED)
            os.close(handle)


def measure(urls: Mapping[int, str], steps: int, *, on_one_core: bool = False) -> Mapping[int, Figures]:
    """Everything of one database system."""
    with turns(urls, on_one_core=on_one_core) as taking:
        taking.tick(3)
        taking.work_off(3 * AT_ONCE)
        taking.figures = {size: Figures() for size in urls}
        for _ in range(ROUNDS):
            taking.look(LOOKS, later=False)
            taking.tick(TICKS)
        taking.work_off(steps)
        taking.look(LOOKS * ROUNDS, later=True)
        taking.sweep(SLICES * ROUNDS)
        return taking.figures


def measure_cold(urls: Mapping[int, str]) -> Mapping[int, Figures]:
    """Ticks of which nothing is in memory but what the tick before has read."""
    with turns(urls) as taking:
        taking.tick(2 * ROUNDS)
        return taking.figures


def on_sqlite(sizes: Sequence[int], steps: int, cold: bool) -> Iterator[Mapping[int, Figures]]:
    """Files in a folder of their own."""
    with tempfile.TemporaryDirectory(prefix="kwek-suspended-") as name:
        urls = {size: f"sqlite:///{name}/{size}.db" for size in sizes}
        for size, url in urls.items():
            fill_sqlite(url, size)
        yield measure(urls, steps)
        if cold:
            forget_pages(Path(name))
            yield measure_cold(urls)


def on_postgresql(sizes: Sequence[int], steps: int, cold: bool, url: str) -> Iterator[Mapping[int, Figures]]:
    """Databases of that server, or of one of its own."""
    with ExitStack() as up:
        own: OwnPostgres | None = None
        if not url:
            own = up.enter_context(own_postgres())
            own.restart("fast", **SETTINGS)
            url = own.url
        urls = {
            size: make_url(url).set(database=f"kwek_suspended_{size}").render_as_string(hide_password=False)
            for size in sizes
        }
        with psycopg.connect(url, autocommit=True) as connection:
            there = {row[0] for row in connection.execute("SELECT datname FROM pg_database").fetchall()}
            for size in sizes:
                if size < KEPT:  # the steps of its drip would soon be used up
                    connection.execute(f"DROP DATABASE IF EXISTS kwek_suspended_{size}".encode())
                if size < KEPT or f"kwek_suspended_{size}" not in there:
                    connection.execute(f"CREATE DATABASE kwek_suspended_{size}".encode())
        for size, one in urls.items():
            fill_postgresql(one, size)
        yield measure(urls, steps, on_one_core=own is not None and hasattr(os, "sched_setaffinity"))
        if cold and own is not None:
            own.stop("fast")
            forget_pages(own.folder)
            own.start()
            yield measure_cold(urls)


def main(arguments: Sequence[str]) -> int:
    """Fill, measure, print, write; gives the exit code."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--only", default="sqlite,postgresql")
    parser.add_argument("--most", type=int, default=10_000_000, help="the largest store")
    parser.add_argument("--steps", type=int, default=20_000, help="how many are done on each store")
    parser.add_argument("--server", default="", help="a server's URL, of a user who may create databases")
    parser.add_argument("--cold", action="store_true")
    parser.add_argument("--write-docs", action="store_true", help="put the tables into docs/performance.md")
    chosen = parser.parse_args(arguments)
    found: dict[str, list[Mapping[int, Figures]]] = {}
    for name in chosen.only.split(","):
        sizes = [size for size in SIZES[name] if size <= chosen.most]
        print(f"-- {name}", flush=True)
        on = (
            on_sqlite(sizes, chosen.steps, chosen.cold)
            if name == "sqlite"
            else on_postgresql(sizes, chosen.steps, chosen.cold, chosen.server)
        )
        found[{"sqlite": "SQLite", "postgresql": "PostgreSQL"}[name]] = list(on)
    pages = {"suspended": ticks_table(found), "steps": rates_table(found)}
    for text in pages.values():
        print(f"\n{text}")
    if chosen.write_docs:
        tables.write(ROOT / "docs" / "performance.md", pages)
    dear = too_dear(found)
    print("\n".join(dear), file=sys.stderr, end="\n" if dear else "")
    return 1 if dear else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
