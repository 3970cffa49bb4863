"""Statements are fixed texts for both databases, with their parameters in the caller's order and lists as one."""

from typing import Any

import pytest
from sqlalchemy import Column, Integer, MetaData, Table, Text, bindparam, select, text
from sqlalchemy.schema import CreateTable

from router.store.engine import Store, Tx
from router.store.prepared import _DECLARED
from router.store.sql import ROWS_PER_STATEMENT, Insert, Statement, _pieces, as_json, one_of
from router.store.statements import lock_absent_nodes, lock_nodes
from router.store.statements_parts import lock_sender

things = Table(
    "things", MetaData(), Column("id", Integer, primary_key=True), Column("name", Text), Column("n", Integer)
)


@pytest.fixture
def tx(store: Store) -> Any:
    with store.begin() as tx:
        tx.write("CREATE TEMP TABLE things (id INTEGER PRIMARY KEY, name TEXT, n INTEGER)")
        yield tx


def rows(tx: Tx) -> list[Any]:
    return tx.execute("SELECT id, name, n FROM things ORDER BY id")


def test_parameters_are_given_in_the_order_of_the_names(tx: Tx) -> None:
    Insert(things, ("id", "name", "n")).run(tx, [(1, "a", 10), (2, "b", 20), (3, "c", 30)])
    found = Statement(
        select(things.c.id).where(
            things.c.n > bindparam("least"), things.c.name != bindparam("name"), things.c.n >= bindparam("least")
        ),
        "name",
        "least",
    )
    assert found.rows(tx, "c", 10) == [(2,)]


def test_a_list_is_one_parameter(tx: Tx) -> None:
    Insert(things, ("id", "name", "n")).run(tx, [(number, str(number), 0) for number in range(1, 6)])
    by_id = Statement(select(things.c.name).where(one_of(things.c.id, "ids")).order_by(things.c.id), "ids")
    by_name = Statement(select(things.c.id).where(one_of(things.c.name, "names")).order_by(things.c.id), "names")
    assert by_id.rows(tx, [4, 2, 99]) == [("2",), ("4",)]
    assert by_id.rows(tx, []) == []
    assert by_name.rows(tx, ["5", "1", "x' OR 1=1 --", 'q"']) == [(1,), (5,)]
    assert as_json([1, "é"]) == '[1,"é"]'


@pytest.mark.parametrize("size", [1, 2, 3, 8, 9, 63, 64, 65, 200])
def test_a_list_is_read_whole_whatever_its_length(tx: Tx, size: int) -> None:
    Insert(things, ("id", "name", "n")).run(tx, [(number, str(number), number % 2) for number in range(250)])
    odd = Statement(
        select(things.c.id).where(one_of(things.c.id, "ids"), things.c.n == bindparam("n")).order_by(things.c.id),
        "n",
        "ids",
    )
    assert odd.rows(tx, 1, list(range(size, 0, -1))) == [(number,) for number in range(1, size + 1, 2)]


def test_a_statement_may_have_two_lists(tx: Tx) -> None:
    Insert(things, ("id", "name", "n")).run(tx, [(1, "a", 10), (2, "b", 20), (3, "c", 30)])
    two = Statement(
        select(things.c.id).where(one_of(things.c.id, "ids"), one_of(things.c.name, "names")), "ids", "names"
    )
    assert two.rows(tx, [1, 2], ["b", "c"]) == [(2,)]


def test_constants_that_core_makes_parameters_of_follow_the_callers_own(tx: Tx) -> None:
    Insert(things, ("id", "name", "n")).run(tx, [(1, "a", 10), (2, "b", 20)])
    found = Statement(select(things.c.id).where(things.c.n > bindparam("least")).limit(1).offset(1), "least")
    assert found.rows(tx, 5) == [(2,)]


def test_an_insert_is_cut_into_statements_of_a_bounded_size(tx: Tx, monkeypatch: pytest.MonkeyPatch) -> None:
    sizes: list[int] = []
    write = Tx.write

    def noted(self: Tx, sql: str, parameters: Any = ()) -> None:
        sizes.append(len(parameters) // 3)
        write(self, sql, parameters)

    monkeypatch.setattr(Tx, "write", noted)
    insert = Insert(things, ("id", "name", "n"))
    count = 2 * ROWS_PER_STATEMENT + 5
    insert.run(tx, [(number, "x", number) for number in range(count)])
    insert.run(tx, [])
    monkeypatch.undo()
    assert sizes == [ROWS_PER_STATEMENT, ROWS_PER_STATEMENT, 5]
    assert len(rows(tx)) == count


def test_a_conflict_leaves_the_old_row_or_changes_what_is_named(tx: Tx) -> None:
    keep = Insert(things, ("id", "name", "n"), conflict=("id",))
    change = Insert(things, ("id", "name", "n"), conflict=("id",), update=("n",))
    keep.run(tx, [(1, "a", 1)])
    keep.run(tx, [(1, "b", 2), (2, "b", 2)])
    assert rows(tx) == [(1, "a", 1), (2, "b", 2)]
    change.run(tx, [(1, "c", 3)])
    assert rows(tx) == [(1, "a", 3), (2, "b", 2)]


def test_an_insert_gives_back_what_it_wrote(tx: Tx) -> None:
    insert = Insert(things, ("id", "name", "n"), conflict=("id",), returning=("id", "n"))
    assert insert.rows(tx, [(1, "a", 5), (2, "b", 6)]) == [(1, 5), (2, 6)]
    assert insert.rows(tx, [(1, "a", 7), (3, "c", 8)]) == [(3, 8)]


def test_what_is_no_statement_is_refused_when_it_is_compiled() -> None:
    with pytest.raises(TypeError, match="not a statement"):
        Statement(CreateTable(things)).compile("sqlite")

    class Compiled:
        string = "INSERT INTO things SELECT 1"
        positiontup = ("id",)

    with pytest.raises(ValueError, match="not a plain insert"):
        _pieces(Compiled(), ("id",))
    assert str(text("1")) == "1"


def test_every_statement_is_understood_by_both_databases(store: Store) -> None:
    """Also those that the tests of the ways do not come by."""
    every = [one for module in _DECLARED for one in vars(module).values() if isinstance(one, Statement)]
    ours = store.dialect == "postgresql"
    declared = [one for one in every if one not in (lock_sender, lock_nodes, lock_absent_nodes) or ours]
    assert len(declared) > 50
    with store.begin() as tx:
        for number, one in enumerate(declared):
            sql = one.compile(tx.dialect)[0]
            if tx.dialect == "sqlite":
                tx.execute("EXPLAIN " + sql, [None] * sql.count("?"))
            else:
                tx.write(f"PREPARE s{number} AS " + dollars(sql))


def dollars(sql: str) -> str:
    parts = sql.split("%s")
    return "".join(part + (f"${number}" if number < len(parts) else "") for number, part in enumerate(parts, 1))
