"""What nothing can refer to any more is forgotten, and nothing else, in slices that are small however much there is."""

import shutil
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any

import pytest

from router import housekeeping, receipts
from router.consent import CODE_LIFE
from router.emails import LIFE
from router.evidence import STRONG_ID_LIFE
from router.housekeeping import ANEW, SLICE, Housekeeping
from router.instants import DAY, HOUR, MINUTE, SECOND
from router.states import FORGET_AFTER
from router.store.engine import Store, Tx, open_store
from router.store.errors import StoreConflict, StoreUnavailable
from router.world import first_id_at
from tests.support.postgres import PostgresDatabases
from tests.support.routing import NOW, Phones

TASKS = 10
"""Slices of a look that finds nothing: one of each table."""
SLICES = 3 * SLICE + 10
"""Rows that are more than three slices."""
MANY = 20_000
INSTRUCTIONS = 150 * SLICE
"""What one slice may take of SQLite's machine: a tenth of what looking at each of so many rows would."""
ROWS_READ = 10 * SLICE
"""What one slice may read on PostgreSQL, rows and entries of indexes, to look at its rows and to delete them."""

OLD_ID, YOUNG_ID = first_id_at(NOW - STRONG_ID_LIFE - DAY), first_id_at(NOW)

ROWS: dict[str, tuple[str, int, int | str]] = {
    "awaiting_receipt": ("'carrier', 'm' || i, i, {at}, 0", NOW - FORGET_AFTER, NOW - FORGET_AFTER + 1),
    "strong_ids": ("'carrier', 's' || i, {at} + i", OLD_ID, first_id_at(NOW - STRONG_ID_LIFE)),
    "doubts": ("i, i, {at}", NOW, NOW + 1),
    "sessions": (f"{OLD_ID} + i, 'carrier', 'ams-1', 0, {{at}}", NOW - STRONG_ID_LIFE, "NULL"),
    "parts": (f"{OLD_ID} + i, 'carrier', '31', '4411', 1, 2, 1, '', '', 1, 1, {NOW}, {{at}}, i, {OLD_ID}", 1, "NULL"),
    "batches": ("{at} + i, 0", OLD_ID, first_id_at(NOW - HOUR)),
    "stray_receipts": ("'carrier', 'm' || i, i, {at}, 0, ''", NOW - FORGET_AFTER, NOW - FORGET_AFTER + 1),
    "outbox": (
        "{at} + i, i, '4411', 'carrier', 'Shop', 'otp', '123456', 'gsm', 1, 'sent', '', 1, 'r', 's', '', '',"
        " 0, 0, 1, 1, 0, '', 'ams-1', 0, 0, 0", OLD_ID, first_id_at(NOW - 2 * CODE_LIFE),
    ),
    "emails": (
        "i, i, 'Shop', 'transactional', 'a@b.example', 's', 'b', 'ready', '', i, 'r', 's', 0, {at}, 0, '', NULL, ''",
        NOW - LIFE, NOW - LIFE + 1,
    ),
}  # fmt: skip
"""Rows of each table, and {at} of those that go and of those that only just stay."""
OPEN = {"outbox": "text <> ''", "emails": "state = 'ready'"}
"""What tells the rows that housekeeping has still to deal with, in the tables whose rows it leaves there."""


def fill(store: Store, table: str, at: int | str, count: int, first: int = 1) -> None:
    last = first + count - 1
    series = {
        "sqlite": f"(WITH RECURSIVE n(i) AS (SELECT {first} UNION ALL SELECT i + 1 FROM n WHERE i < {last})"
                  f" SELECT i FROM n)",
        "postgresql": f"(SELECT i FROM generate_series({first}, {last}) AS g(i))",
    }[store.dialect]  # fmt: skip
    with store.begin() as tx:
        tx.write(f"INSERT INTO {table} SELECT {ROWS[table][0].format(at=at)} FROM {series} AS s WHERE i > 0")


def left(store: Store, table: str) -> int:
    with store.begin() as tx:
        return int(tx.execute(f"SELECT count(*) FROM {table} WHERE {OPEN.get(table, '1 = 1')}")[0][0])


def look(store: Store, keeper: Housekeeping, now: int = NOW, count: Callable[[Tx], int] = lambda _: 0) -> list[int]:
    """A look to its end; gives what each of its slices added to a count."""
    keeper.begin()
    added: list[int] = []
    more = True
    while more:
        with store.begin() as tx:
            before = count(tx)
            more = keeper.step(tx, now)
            added.append(count(tx) - before)
    return added


@pytest.mark.parametrize("table", ROWS)
def test_what_is_old_goes_and_what_is_only_just_not_stays(store: Store, table: str) -> None:
    _, old, young = ROWS[table]
    fill(store, table, old, SLICES)
    fill(store, table, young, SLICES, first=SLICES + 1)
    look(store, Housekeeping())
    assert left(store, table) == SLICES


def test_the_kinds_of_rows_that_stay_whatever_their_age(store: Store) -> None:
    with store.begin() as tx:
        for table, rows in {
            "sessions": (f"1, 'carrier', 'ams-1', 0, {NOW - STRONG_ID_LIFE}", "2, 'carrier', 'ams-1', 0, NULL",
                         f"3, 'carrier', 'ams-1', 0, {NOW - STRONG_ID_LIFE + 1}"),
            "parts": tuple(f"{id}, 'carrier', '31', '4411', 1, 2, 1, '', '', 1, 1, 0, {joined}, 1, {of}"
                           for id, joined, of in ((1, 0, 1), (2, "NULL", 1), (3, "NULL", "NULL"))),
            "awaiting_receipt": (f"'a', 'm', 1, {NOW - FORGET_AFTER}, 0", f"'a', 'm', 2, {NOW}, 0",
                                 f"'b', 'm', 3, {NOW}, 0"),
            "strong_ids": (f"'a', 'x', {OLD_ID}", f"'b', 'x', {YOUNG_ID}"),
            "stray_receipts": (f"'a', 'f', 1, {NOW - FORGET_AFTER}, 0, ''", f"'a', 'g', 1, {NOW - FORGET_AFTER}, 1, ''",
                               f"'a', 'f', 2, {NOW}, 0, ''"),
        }.items():  # fmt: skip
            for row in rows:
                tx.write(f"INSERT INTO {table} VALUES ({row})")
    look(store, Housekeeping())
    with store.begin() as tx:
        assert tx.execute("SELECT session FROM sessions ORDER BY session") == [(2,), (3,)]
        assert tx.execute("SELECT id FROM parts") == [(2,)], "an open message's is still to be delivered"
        assert tx.execute("SELECT outbox_id FROM awaiting_receipt ORDER BY outbox_id") == [(2,), (3,)]
        assert tx.execute("SELECT scope FROM strong_ids") == [("b",)]
        assert tx.execute("SELECT receipt_id FROM stray_receipts") == [(2,)]


# ---- how much one slice does


def instructions_of(store: Store) -> Callable[[Tx], int]:
    """Counts those of SQLite's machine."""
    counted = 0

    def one_more() -> int:
        nonlocal counted
        counted += 1
        return 0

    cursor: Any = store._cursor
    cursor.connection.set_progress_handler(one_more, 1)
    return lambda _: counted


def rows_read(tx: Tx) -> int:
    """Those of all tables, as PostgreSQL counts them: tables read through with every row."""
    ((rows, entries),) = tx.execute(
        "SELECT (SELECT sum(seq_tup_read) + sum(idx_tup_fetch) FROM pg_stat_xact_user_tables),"
        " (SELECT sum(pg_stat_get_xact_tuples_returned(indexrelid)) FROM pg_stat_user_indexes)"
    )
    return int(rows + entries)


@pytest.fixture(params=["sqlite", "postgresql"])
def new_store(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Store]:
    """Without anything that another test has deleted, and without statistics."""
    with ExitStack() as up:
        if request.param == "sqlite":
            shutil.copy(request.getfixturevalue("sqlite_template"), tmp_path / "kwek.db")
            url = f"sqlite:///{tmp_path / 'kwek.db'}"
        else:
            postgres: PostgresDatabases = request.getfixturevalue("postgres")
            url = up.enter_context(postgres.database())
        opened = open_store(url)
        up.callback(opened.close)
        yield opened


@pytest.fixture
def see_that_slices_are_small(new_store: Store) -> Callable[[], int]:
    """Looks, and gives in how many slices."""
    if new_store.dialect == "sqlite":
        count, most = instructions_of(new_store), INSTRUCTIONS
    else:
        count, most = rows_read, ROWS_READ

    def look_() -> int:
        added = look(new_store, Housekeeping(), NOW, count)
        assert max(added) <= most, f"{added.index(max(added))} of {len(added)} slices"
        return len(added)

    return look_


@pytest.mark.parametrize("table", ROWS)
def test_a_slice_does_no_more_among_many_rows(
    new_store: Store, see_that_slices_are_small: Callable[[], int], table: str
) -> None:
    _, old, young = ROWS[table]
    fill(new_store, table, young, MANY)
    see_that_slices_are_small()
    fill(new_store, table, old, MANY, first=MANY + 1)
    if table == "emails":  # "state is open" would be taken to name few
        with new_store.begin() as tx:
            tx.write("ANALYZE emails")
    assert see_that_slices_are_small() > MANY / SLICE
    assert left(new_store, table) == MANY


def test_strays_are_held_against_ids_in_slices_too(
    new_store: Store, see_that_slices_are_small: Callable[[], int]
) -> None:
    """Many ids are awaited, some of them told by receipts alone, and some of these strays are about them."""
    fill(new_store, "awaiting_receipt", NOW, MANY)
    fill(new_store, "stray_receipts", f"{NOW - MINUTE} + i", SLICES, first=MANY)
    with new_store.begin() as tx:
        tx.write("UPDATE awaiting_receipt SET done = 1 WHERE mod(outbox_id, 2) = 0")
        tx.write("UPDATE stray_receipts SET rank = 9 WHERE mod(receipt_id, 3) = 0")
        tx.write(
            "INSERT INTO receipts SELECT receipt_id, connector, form, NULL, 'DELIVRD', '', received_at, ''"
            " FROM stray_receipts"
        )
    assert see_that_slices_are_small() == TASKS + MANY // SLICE + SLICES // SLICE


def test_many_strays_of_one_moment_are_looked_at_together_and_it_ends(store: Store) -> None:
    """A form more or less of one receipt must not fall between two slices."""
    fill(store, "stray_receipts", NOW - MINUTE, SLICES)
    with store.begin() as tx:
        assert receipts.reconcile(tx, NOW - HOUR, SLICE) == NOW - MINUTE
        assert receipts.reconcile(tx, NOW - MINUTE, SLICE) is None


def test_strays_that_come_in_while_it_looks_are_left_to_the_next_look(store: Store) -> None:
    fill(store, "stray_receipts", f"{NOW} + i", SLICES)
    assert len(look(store, Housekeeping())) == TASKS
    assert len(look(store, Housekeeping(), NOW + SECOND)) == TASKS + SLICES // SLICE


# ---- one look after another


def test_an_empty_store_takes_a_slice_of_each_table(store: Store) -> None:
    assert len(look(store, Housekeeping())) == TASKS


@pytest.mark.parametrize("table", ["awaiting_receipt", "doubts", "strong_ids"])
def test_a_look_goes_past_so_many_and_the_next_goes_on_there(
    store: Store, monkeypatch: pytest.MonkeyPatch, table: str
) -> None:
    monkeypatch.setattr(housekeeping, "PASSED", 2 * SLICE)
    _, old, young = ROWS[table]
    keeper = Housekeeping()
    fill(store, table, young, 1_000, first=1_000)  # all keys of as many digits: in the order of i
    fill(store, table, old, SLICE, first=2_000)
    seen = []
    for _ in range(3):
        steps = len(look(store, keeper))
        seen.append((steps - TASKS, left(store, table) - 1_000))
    assert seen == [(1, SLICE), (1, SLICE), (1, 0)]
    fill(store, table, old, 1)
    look(store, keeper)
    assert left(store, table) == 1_000, "after its end it begins at its beginning"


def test_what_could_not_go_in_time_goes_when_a_look_begins_anew(store: Store) -> None:
    keeper = Housekeeping()
    fill(store, "parts", "NULL", 1)
    fill(store, "parts", NOW, SLICE, first=2)
    look(store, keeper)
    assert left(store, "parts") == 1
    with store.begin() as tx:
        tx.write(f"UPDATE parts SET joined_at = {NOW}")
    seen = []
    for _ in range(ANEW):
        look(store, keeper)
        seen.append(left(store, "parts"))
    assert seen == [1] * (ANEW - 1) + [0]


def test_where_it_takes_too_long_to_begin_anew_it_goes_on_where_it_was(
    store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    keeper = Housekeeping()
    fill(store, "batches", OLD_ID, SLICE)
    look(store, keeper)
    fill(store, "batches", OLD_ID, 5, first=SLICE + 1)
    read_from = []
    original = Tx.execute

    def slow_from_the_beginning(tx: Tx, sql: str, parameters: Any = ()) -> list[tuple[Any, ...]]:
        if "FROM batches" in sql:
            read_from.append(parameters[0])
            if parameters[0] == 0:
                raise StoreUnavailable("statement timeout")
        return original(tx, sql, parameters)

    monkeypatch.setattr(Tx, "execute", slow_from_the_beginning)
    monkeypatch.setattr(keeper, "_looks", ANEW)
    with pytest.raises(StoreUnavailable):
        look(store, keeper)
    look(store, keeper)
    monkeypatch.undo()
    assert read_from == [0, OLD_ID + SLICE]
    assert left(store, "batches") == 0


@contextmanager
def broken(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """The first of its tasks always fails."""

    def fails(*_: Any) -> None:
        raise StoreConflict("deadlock")

    with monkeypatch.context() as patch:
        patch.setattr(receipts, "reconcile", fails)
        yield


def test_a_task_that_fails_does_not_keep_the_others_from_their_turn(
    store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    for table, (_, old, _) in ROWS.items():
        fill(store, table, old, 10)
    keeper = Housekeeping()
    with broken(monkeypatch):
        for _ in range(2):
            with pytest.raises(StoreConflict):
                look(store, keeper)
        assert {table: left(store, table) for table in ROWS} == dict.fromkeys(ROWS, 0)
    assert len(look(store, keeper)) == TASKS


def test_what_a_commit_did_not_keep_comes_with_the_next_walk(store: Store) -> None:
    fill(store, "awaiting_receipt", 1, SLICES)
    keeper = Housekeeping()
    keeper.begin()
    more, slices = True, 0
    while more:
        try:
            with store.begin() as tx:
                more = keeper.step(tx, NOW)
                slices += 1
                if slices % 2:
                    raise StoreUnavailable("the disk is full")
        except StoreUnavailable:
            continue
    assert 0 < left(store, "awaiting_receipt") < SLICES
    look(store, keeper)
    assert left(store, "awaiting_receipt") == 0


def test_a_clock_that_is_set_back_forgets_nothing_and_a_look_ends(store: Store) -> None:
    keeper = Housekeeping()
    for table, (_, old, _) in ROWS.items():
        fill(store, table, old, SLICES)
    keeper.begin()
    for _ in range(TASKS):
        with store.begin() as tx:
            assert keeper.step(tx, NOW)
    before = {table: left(store, table) for table in ROWS}
    look(store, keeper, NOW - 9 * DAY)
    assert {table: left(store, table) for table in ROWS} == before
    for _ in range(ANEW):
        look(store, keeper)
    assert {table: left(store, table) for table in ROWS} == dict.fromkeys(ROWS, 0)


def test_two_nodes_that_look_at_once_do_each_other_no_harm(two_nodes: tuple[Phones, Phones]) -> None:
    stores = [one.store for one in two_nodes]
    for table, (_, old, young) in ROWS.items():
        fill(stores[0], table, old, SLICES)
        fill(stores[0], table, young, SLICES, first=SLICES + 1)
    with ThreadPoolExecutor(2) as threads:
        slices = list(threads.map(lambda store: len(look(store, Housekeeping())), stores))
    assert {table: left(stores[0], table) for table in ROWS} == dict.fromkeys(ROWS, SLICES)
    assert max(slices) < 10 * TASKS
