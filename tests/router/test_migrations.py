"""The migrations make the declared tables, and what the main way asks of them never reads a table through."""

import hashlib
import json
import re
import sqlite3
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory

import router.store.migrations
from router.housekeeping import IN_ORDER
from router.instants import DAY, HOUR
from router.outbox import Outcome, recover
from router.store import engine
from router.store.engine import Store, Tx, make_engine, open_store
from router.store.migrate import upgrade
from router.store.statements_timers import arm, due_timers_of, move
from router.store.tables import REVISION, metadata
from router.world import first_id_at
from tests.support.postgres import PostgresDatabases
from tests.support.routing import JAN, KEES, NOW, PIET, Phones

ROWS = 5_000
PARTIAL = frozenset(
    index.name
    for table in metadata.sorted_tables
    for index in table.indexes
    if index.dialect_options["sqlite"].get("where") is not None
)
"""Indexes that settled rows leave: walking one through costs what is open, not what is stored."""
SMALL = {"deployments", "alembic_version", "batches", "ledger_heads", "suppressions", "sweeps"}


@pytest.fixture(params=["sqlite", "postgresql"])
def empty_url(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[str]:
    if request.param == "sqlite":
        yield f"sqlite:///{tmp_path / 'new.db'}"
    else:
        postgres: PostgresDatabases = request.getfixturevalue("postgres")
        with postgres.database("template1") as url:
            yield url


def test_migrated_and_declared_tables_agree(empty_url: str) -> None:
    store = open_store(empty_url)
    with store.engine.connect() as connection:
        context = MigrationContext.configure(connection, opts={"compare_type": True})
        assert compare_metadata(context, metadata) == []
    store.close()


def test_the_indexes_are_the_declared_ones_with_their_conditions(empty_url: str) -> None:
    """compare_metadata looks past the condition of a partial index."""
    query = {
        "sqlite": "SELECT sql FROM sqlite_schema WHERE type = 'index' AND sql IS NOT NULL",
        "postgresql": "SELECT indexdef FROM pg_indexes WHERE schemaname = 'public'",
    }
    store = open_store(empty_url)
    with store.begin() as tx:
        found = {row[0] for row in tx.execute(query[store.dialect])}
    partial = {text for text in found if " WHERE " in text}
    assert {re.search(r"INDEX (\w+)", text)[1] for text in partial} == PARTIAL  # type: ignore[index]
    store.close()


def test_a_second_start_finds_nothing_to_migrate(empty_url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    open_store(empty_url).close()
    monkeypatch.setattr("router.store.migrate.command.upgrade", lambda *_: pytest.fail("it migrated"))
    open_store(empty_url).close()


def test_a_node_that_comes_second_finds_the_tables_there(store: Store) -> None:
    upgrade(store.engine)
    with store.begin() as tx:
        assert tx.execute("SELECT version_num FROM alembic_version") == [(REVISION,)]


def test_the_declared_revision_is_the_last_migration() -> None:
    folder = Path(router.store.migrations.__file__).parent
    assert ScriptDirectory(str(folder)).get_heads() == [REVISION]


# ---- stores of earlier versions

MADE = {
    "0001": "689687bbef2b09f3",
    "0002": "1e44ed3a01c07515",
    "0003": "c6e5b705e1a466d2",
    "0004": "c8a07dd6a2d7123a",
    "0006": "d97434abf730560b",
    "0007": "1d99b5fe160806fd",
    "0008": "0585f424d54af501",
    "0009": "372752a8efc07aea",
    "0010": "dd571a73f856f239",
    "0011": "2c83f13b45f966c1",
    "0012": "5fbae5bcdda02b9a",
    "0013": "e89eaf533fbc2e53",
}
"""What a new store on SQLite is made of at each revision, as a digest. A store has applied these: what it lacks is a
new migration's to add. The newest may change until another comes."""


def test_what_stores_have_applied_does_not_change(tmp_path: Path) -> None:
    folder = Path(router.store.migrations.__file__).parent
    revisions = [one.revision for one in reversed(list(ScriptDirectory(str(folder)).walk_revisions()))]
    assert {*revisions} - {*MADE} <= {REVISION}
    path = tmp_path / "new.db"
    made = {}
    for revision in revisions:
        upgrade(make_engine(f"sqlite:///{path}"), revision)
        made[revision] = digest_of(path)
    assert {revision: made[revision] for revision in MADE} == MADE


def digest_of(path: Path) -> str:
    connection = sqlite3.connect(path)
    rows = connection.execute("SELECT sql FROM sqlite_schema WHERE sql IS NOT NULL ORDER BY name").fetchall()
    connection.close()
    return hashlib.sha256(" ".join(" ".join(row[0].split()) for row in rows).encode()).hexdigest()[:16]


@pytest.mark.parametrize("revision", ["0008", "0012", "between"])
def test_a_store_of_an_earlier_version_gets_what_a_new_one_has(empty_url: str, revision: str) -> None:
    """`between`: for a while the first migrations made columns that 0013 adds."""
    older = make_engine(empty_url)
    upgrade(older, "0012" if revision == "between" else revision)
    with older.connect() as connection:
        for statement in (
            "INSERT INTO runs VALUES (1, 1, '4411', 'question', 'Shop', 'r', '[]', 'd', '{}', 5, 0, 1, 1)",
            "INSERT INTO timers VALUES (1, 'Shop', 'inactive', 'r', 5, NULL)",
        ):
            connection.exec_driver_sql(statement)
        if revision == "between":
            for column in ("runs ADD tries INTEGER DEFAULT 0 NOT NULL", "timers ADD planned_at BIGINT",
                           "timers ADD tries INTEGER DEFAULT 0 NOT NULL"):  # fmt: skip
                connection.exec_driver_sql(f"ALTER TABLE {column}")
    store = open_store(empty_url)
    with store.engine.connect() as connection:
        assert compare_metadata(MigrationContext.configure(connection, opts={"compare_type": True}), metadata) == []
    with store.begin() as tx:
        assert tx.execute("SELECT due_at, tries FROM runs") == [(5, 0)]
        assert due_timers_of.rows(tx, [1], 9) == [(1, "Shop", "inactive", "r", 5, None)]
        arm.run(tx, [(1, "Shop", "inactive", "r", 7)])
        move.run(tx, [(1, "Shop", "inactive", "r", 8, 7)])
        assert tx.execute("SELECT due_at, last_at, planned_at, tries FROM timers") == [(8, 7, None, 0)]
    store.close()


def test_postgresql_vacuums_ended_runs_early(postgres: PostgresDatabases) -> None:
    with postgres.database("template1") as url:
        store = open_store(url)
        with store.begin() as tx:
            options = tx.execute("SELECT reloptions FROM pg_class WHERE relname = 'runs'")
        store.close()
    assert options == [(["autovacuum_vacuum_scale_factor=0.01"],)]


# ---- no statement of the main way reads a table through


def fill(store: Store) -> None:
    """Thousands of settled rows behind the few that matter."""
    series = {
        "sqlite": f"(WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < {ROWS}) SELECT i FROM n)",
        "postgresql": f"(SELECT i FROM generate_series(1, {ROWS}) AS g(i))",
    }[store.dialect]
    old, late = NOW - 2 * DAY, first_id_at(NOW + 9 * DAY)
    rows = {
        "contacts": f"i, '3161' || (1000000 + i), NULL, NULL, {old}",
        "threads": f"i, '4411', 'Shop', {old}, {old}, 0, 0, 0",
        "profiles": "i, 'Shop', '[]', '{}', NULL, '{}', '[]', '', 0, NULL",
        "inbound": f"i, i, '4411', 'carrier', 1, 1, 'JOIN', {old}, 'routed', 'Shop', 'r', 'd', '', i, NULL",
        "sessions": f"9 + i, 'carrier', 'ams-1', 0, {NOW}",
        "doubts": f"i, i, {NOW + 9 * DAY}",
        "strong_ids": f"'carrier', 'strong' || i, {late}",
        "outbox": f"i, i, '4411', 'carrier', 'Shop', 'conversational', 't', 'gsm', 1, 'delivered', '', i, 'r', 's', '',"
                  f" '', {old}, {old}, 1, 1, 0, '', 'ams-1', {old}, 0, 0",
        "awaiting_receipt": f"'carrier', 'old' || i, i, {NOW}, 0",
        "receipts": f"i, 'carrier', 'm' || i, i, 'DELIVRD', '', {old}, ''",
        "stray_receipts": f"'carrier', 'stray' || i, i, {NOW}, 0, ''",
        "parts": f"{late} + i, 'carrier', '3161' || (1000000 + i), '4411', 1, 2, 1, '', '', 1, 1, {NOW} - i, {NOW}, i, "
                 f"{late} + i",
        "runs": f"i, i, '4411', 'question', 'Shop', 'r', '[]', 'd', '{{}}', {NOW + DAY} + i, 0, {old}, i, 0",
        "enrolments": f"i, 'Shop', 'reeks', {old}, i, {old}, 'done'",
        "timers": f"i, 'Shop', 'inactive', 'r', {NOW + DAY} + i, NULL, NULL, 0",
        "emails": f"i, i, 'Shop', 'transactional', 'a@b.example', 's', 'b', 'sent', '', i, 'r', 's', {old}, {old}, 1,"
                  f" '', {old}, ''",
        "records": f"i, i, 'Shop', 'n', '{{}}', {'0' if store.dialect == 'sqlite' else 'false'}, 'r', i, {old}",
    }  # fmt: skip
    with store.begin() as tx:
        for table, values in rows.items():
            tx.write(f"INSERT INTO {table} SELECT {values} FROM {series} AS s WHERE i > 0")
        tx.write("ANALYZE")


def main_way(phones: Phones) -> None:
    """Everything the three ways do, once."""
    joined = phones.write(JAN, "JOIN")
    quiz = phones.write(PIET, "QUIZ")
    phones.commit(outcomes=[phones.sent(joined[0], "a1"), phones.unknown(quiz[0])])
    phones.commit(receipts=[phones.receipt("a1"), phones.receipt("nobody")])
    phones.write(JAN, "TWEE", "NAAM Jan", "LATER")
    phones.commit(inbound=[phones.part(KEES, b"JO", 1, 2)])
    phones.commit(inbound=[phones.part(KEES, b"IN", 2, 2)])
    phones.commit(inbound=[phones.part(KEES, b"STEM", 1, 2, reference=10)])
    phones.later(2 * HOUR)
    phones.commit(due=True, claim=True)
    phones.commit(outcomes=[Outcome(id=1, connector="carrier", state="failed", reason="no")])
    phones.commit(inbound=[phones.text(JAN, "STOP")])
    phones.later(2 * DAY)
    phones.commit(due=True, claim=True)
    with phones.store.begin() as tx:
        recover(tx, "ams-1", phones.world.now())
    phones.housekeep()
    phones.later(4 * DAY)
    phones.commit(due=True, claim=True)


@pytest.fixture
def filled(empty_url: str) -> Iterator[Store]:
    store = open_store(empty_url)
    fill(store)
    yield store
    store.close()


def test_no_statement_of_the_main_way_reads_a_table_through(filled: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    phones = Phones(filled)
    seen: dict[str, Any] = {}
    for name in ("execute", "write"):
        original = getattr(Tx, name)

        def noted(tx: Tx, sql: str, parameters: Any = (), original: Any = original) -> Any:
            if sql != IN_ORDER:  # which reads nothing
                seen.setdefault(sql, parameters)
            return original(tx, sql, parameters)

        monkeypatch.setattr(Tx, name, noted)
    main_way(phones)
    monkeypatch.undo()
    assert len(seen) > 40
    with filled.begin() as tx:
        through = {sql: found for sql, parameters in seen.items() if (found := read_through(tx, sql, parameters))}
    assert through == {}


def read_through(tx: Tx, sql: str, parameters: Any) -> list[str]:
    """The tables that a statement reads row by row, the small ones and partial indexes aside."""
    if tx.dialect == "sqlite":
        plan = [row[3] for row in tx.execute("EXPLAIN QUERY PLAN " + sql, parameters)]
        scans = [re.match(r"SCAN ([a-z_]+)(?: USING (?:COVERING )?INDEX (\w+))?", line) for line in plan]
        return [scan[1] for scan in scans if scan and scan[2] not in PARTIAL and scan[1] not in {*SMALL, "json_each"}]
    explained = tx.execute("EXPLAIN (FORMAT JSON) " + sql, parameters)[0][0]
    tree = explained if isinstance(explained, list) else json.loads(explained)
    return list(scans_of(tree[0]["Plan"]))


def scans_of(node: dict[str, Any], under: str = "") -> Iterator[str]:
    table, kind = node.get("Relation Name"), node["Node Type"]
    if table is not None and table not in SMALL:
        walks = kind in ("Index Scan", "Index Only Scan") and (
            "Index Cond" in node or node["Index Name"] in PARTIAL or under == "Limit"
        )
        if not walks and kind not in ("Bitmap Heap Scan", "ModifyTable"):
            yield f"{table} by {kind}"
    if kind == "Bitmap Index Scan" and "Index Cond" not in node and node["Index Name"] not in PARTIAL:
        yield node["Index Name"]
    for inner in node.get("Plans", ()):
        yield from scans_of(inner, kind)


def test_the_check_above_sees_a_table_read_through(filled: Store) -> None:
    with filled.begin() as tx:
        assert read_through(tx, "SELECT * FROM outbox WHERE text = 'x'", ())
        assert read_through(tx, "SELECT count(*) FROM contacts WHERE language = 'nl'", ())
        assert not read_through(tx, "SELECT * FROM outbox WHERE id = 5", ())


def test_a_look_at_the_parts_does_not_walk_past_the_joined_ones(store: Store) -> None:
    """A partial index again: joined parts stay for an hour, and no look may walk past them."""
    with store.begin() as tx:
        where = {"sqlite": "SELECT sql FROM sqlite_schema WHERE name = 'parts_age'",
                 "postgresql": "SELECT indexdef FROM pg_indexes WHERE indexname = 'parts_age'"}  # fmt: skip
        assert "joined_at IS NULL" in tx.execute(where[tx.dialect])[0][0]


def test_settings_are_made_for_each_connection(store: Store) -> None:
    assert set(engine._SETTINGS) == {"sqlite", "postgresql"}
    with store.begin() as tx:
        if tx.dialect == "sqlite":
            assert tx.execute("PRAGMA synchronous") == [(2,)]
            assert tx.execute("PRAGMA wal_autocheckpoint") == [(0,)]
        else:
            for name in ("lock_timeout", "statement_timeout", "idle_in_transaction_session_timeout"):
                assert tx.execute(f"SHOW {name}") == [("2s",)]
            assert tx.execute("SHOW synchronous_commit") == [("on",)]
