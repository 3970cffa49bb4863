"""The work of a tick depends on what is due, not on how many runs are suspended; counted, not timed.

SQLite counts the instructions of its own machine, PostgreSQL the rows that a transaction has read. What they take is
measured by `python -m tests.bench.suspended`.
"""

import shutil
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pytest

from router import due, outbox
from router.claims import Allowance
from router.store.engine import Store, Tx, open_store
from tests.bench.crowd import ROOM, TABLES, Crowd, fill
from tests.support.postgres import PostgresDatabases

FEW, MANY = 200, 20_000
DUE = 8
MOST = 1.5
"""Times the work among few that a tick among many may be."""

CrowdOf = Callable[[int], Crowd]


@pytest.fixture
def sqlite(sqlite_template: Path, tmp_path: Path) -> Iterator[CrowdOf]:
    """Makes crowds, each in a file of its own."""
    with ExitStack() as up:

        def make(size: int) -> Crowd:
            path = tmp_path / f"{size}.db"
            shutil.copy(sqlite_template, path)
            return filled(up, open_store(f"sqlite:///{path}"), size)

        yield make


@pytest.fixture
def postgresql(postgres: PostgresDatabases) -> Iterator[CrowdOf]:
    """Makes crowds, each in a database of its own, of which the planner knows nothing yet."""
    with ExitStack() as up:
        yield lambda size: filled(up, open_store(up.enter_context(postgres.database())), size)


def filled(up: ExitStack, store: Store, size: int) -> Crowd:
    up.callback(store.close)
    crowd = Crowd(store)
    up.callback(crowd.close)

    def write(statement: str) -> None:
        with store.begin() as tx:
            if store.dialect == "postgresql":
                tx.write("SET LOCAL statement_timeout TO 0")
            tx.write(statement)

    assert list(fill(crowd, size, write))[-1:] in ([], [size])
    assert crowd.ask("SELECT count(*) FROM runs WHERE due_at IS NOT NULL") == [(size,)]
    return crowd


class Seen(Exception):
    """Takes a tick back, once what it read is counted."""


def work_of(crowd: Crowd, count: Callable[[Tx], int]) -> int:
    """By how much that count rises with a tick of the steps that are due."""
    before = after = 0
    try:
        with crowd.store.begin() as tx:
            before = count(tx)
            outbox.resolve_unknown(tx, crowd.clock.now())
            due.look(tx, crowd.ways, Allowance({"bench": ROOM}))
            after = count(tx)
            assert tx.execute("SELECT count(*) FROM outbox WHERE state = 'claimed'")[0][0] in (0, DUE)
            raise Seen
    except Seen:
        return after - before


def instructions_of(crowd: Crowd) -> Callable[[Tx], int]:
    """Counts those of SQLite's machine."""
    counted = 0

    def one_more() -> int:
        nonlocal counted
        counted += 1
        return 0

    cursor: Any = crowd.store._cursor
    cursor.connection.set_progress_handler(one_more, 1)
    return lambda _: counted


def rows_read(tx: Tx) -> int:
    """Those of the crowd's tables, as the server counts them; many more than there are for each table that is read from
    end to end."""
    names = ", ".join(f"'{name}'" for name in TABLES)
    ((scans, rows),) = tx.execute(
        f"SELECT sum(seq_scan), sum(idx_tup_fetch) FROM pg_stat_xact_user_tables WHERE relname IN ({names})"
    )
    return int(scans * 100 * MANY + rows)


def test_on_sqlite_a_tick_among_many_suspended_runs_is_the_work_of_one_among_few(sqlite: CrowdOf) -> None:
    crowds = few, many = sqlite(FEW), sqlite(MANY)
    counts = {crowd: instructions_of(crowd) for crowd in crowds}
    idle_few, idle_many = (work_of(crowd, counts[crowd]) for crowd in crowds)
    assert 0 < idle_many <= MOST * idle_few
    for crowd in crowds:
        crowd.await_due(DUE)
    busy_few, busy_many = (work_of(crowd, counts[crowd]) for crowd in crowds)
    assert idle_many < busy_many <= MOST * busy_few
    assert few.ask("SELECT count(*) FROM runs") < many.ask("SELECT count(*) FROM runs")


def test_on_postgresql_too_whether_the_planner_knows_of_them_or_not(postgresql: CrowdOf) -> None:
    crowd = postgresql(MANY)
    for _ in ("before ANALYZE", "after it"):
        ((first,),) = crowd.ask("SELECT min(due_at) FROM runs")
        crowd.clock.at = first - 1
        # The next run, what was deleted before it, and the ends of the index, at which the planner looks.
        assert work_of(crowd, rows_read) <= 6
        crowd.await_due(DUE)
        assert DUE < work_of(crowd, rows_read) <= 10 * DUE
        with crowd.store.begin() as tx:
            tx.write("ANALYZE")


def test_postgresql_plans_nothing_anew_in_a_look_that_finds_nothing(postgresql: CrowdOf) -> None:
    """What a plan costs goes by the table: its statistics are read, and the ends of its index, with what has ended
    there. A plan that is kept costs nothing; the server keeps one after five."""
    crowd = postgresql(MANY)
    with crowd.store.begin() as tx:
        tx.write("ANALYZE")

    def plans() -> tuple[int, int]:
        query = (
            "SELECT sum(custom_plans), sum(generic_plans) FROM pg_prepared_statements "
            "WHERE strpos(statement, 'pg_prepared_statements') = 0"
        )
        ((made, kept),) = crowd.ask(query)
        return made, kept

    def look() -> None:
        with crowd.store.begin() as tx:
            assert due.look(tx, crowd.ways, Allowance({})).performances == []

    for _ in range(10):
        look()
    made, kept = plans()
    for _ in range(10):
        look()
    assert plans()[0] == made
    assert plans()[1] >= kept + 10


def test_the_highest_id_is_found_at_the_heads_of_the_ledgers_chains(sqlite: CrowdOf) -> None:
    """A start reads the ends of indexes: the ledger, which has none by id, may have a hundred million rows."""
    crowd = sqlite(1)
    count = instructions_of(crowd)
    ((position, last, commitment),) = crowd.ask(
        "SELECT position, id, commitment FROM ledger WHERE brand = 'Bench' ORDER BY position DESC LIMIT 1"
    )

    def highest() -> tuple[int, int]:
        with crowd.store.begin() as tx:
            before = count(tx)
            return outbox.highest_id(tx), count(tx) - before

    _, work = highest()
    new = last + (1 << 40)
    with crowd.store.begin() as tx:
        for number in range(1, 1_000):
            row = ("Bench", position + number, new + number, commitment, commitment)
            tx.write("INSERT INTO ledger (brand, position, id, commitment, hash) VALUES (?, ?, ?, ?, ?)", row)
        tx.write("UPDATE ledger_heads SET position = ? WHERE brand = 'Bench'", (position + 999,))
    assert highest() == (new + 999, work)


def test_postgresql_is_told_to_vacuum_runs_sooner_than_other_tables(postgresql: CrowdOf) -> None:
    """Ended ones stand before those that are due until then, and every look goes past them."""
    asked = "SELECT reloptions FROM pg_class WHERE oid = 'runs'::regclass"
    assert postgresql(1).ask(asked) == [(["autovacuum_vacuum_scale_factor=0.01"],)]
