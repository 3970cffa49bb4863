"""Hot statements: declared with SQLAlchemy Core, compiled once for the dialect in use, run as fixed text with tuples.

A multi-row insert repeats its row of placeholders as often as there are rows; the text per row count is kept, so the
driver finds its prepared statement again. Lists are one parameter on PostgreSQL (`= ANY`). On SQLite a short one has a
placeholder for each item, and its text is kept by their number; a long one is JSON (`json_each`), whose virtual table
costs 10 to 15 microseconds before it has read anything.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from functools import cache
from itertools import chain
from typing import Any

import msgspec
from sqlalchemy import BindParameter, Boolean, ColumnElement, Table, bindparam, case
from sqlalchemy.dialects import sqlite
from sqlalchemy.engine import Dialect
from sqlalchemy.ext.compiler import compiles
from sqlalchemy.sql.compiler import SQLCompiler
from sqlalchemy.sql.elements import ClauseElement

from router.store.engine import Row, Tx

ROWS_PER_STATEMENT = 64
"""Rows of one multi-row insert: beyond it a statement's fixed cost no longer shows, and fewer texts are kept."""
LONGEST_SPELLED = 64
"""Items of a list that have placeholders of their own on SQLite; there is a text for each power of two up to it."""
NEVER: Mapping[str, Callable[[Any], ColumnElement[bool]]] = {}
"""No column is kept that is to be overwritten."""
_JSON_LIST = "(SELECT value FROM json_each(?))"


@cache
def _dialect(name: str) -> Dialect:
    if name == "sqlite":
        return sqlite.dialect(paramstyle="qmark")
    from sqlalchemy.dialects.postgresql.psycopg import PGDialect_psycopg  # noqa: PLC0415  (slow to import)

    return PGDialect_psycopg(paramstyle="format")  # type: ignore[no-untyped-call]


def _insert(table: Table, dialect: str) -> Any:
    if dialect == "sqlite":
        return sqlite.insert(table)
    from sqlalchemy.dialects import postgresql  # noqa: PLC0415  (slow to import)

    return postgresql.insert(table)


class OneOf(ColumnElement[bool]):
    """`column` is one of a list that comes as one parameter."""

    inherit_cache = False
    type = Boolean()

    def __init__(self, column: ColumnElement[Any], name: str) -> None:
        self.column = column
        self.items: BindParameter[Any] = bindparam(name)

    def self_group(self, against: Any = None) -> OneOf:
        """Stand as it is: SQLite would otherwise be asked whether it `= 1`, which no index answers."""
        return self


@compiles(OneOf, "sqlite")
def _one_of_sqlite(element: OneOf, compiler: SQLCompiler, **kw: Any) -> str:
    column, items = compiler.process(element.column, **kw), compiler.process(element.items, **kw)
    return f"{column} IN (SELECT value FROM json_each({items}))"


@compiles(OneOf, "postgresql")
def _one_of_postgresql(element: OneOf, compiler: SQLCompiler, **kw: Any) -> str:
    column, items = compiler.process(element.column, **kw), compiler.process(element.items, **kw)
    return f"{column} = ANY({items})"


def one_of(column: ColumnElement[Any], name: str) -> ColumnElement[bool]:
    """`column` is one of the list given as parameter `name`."""
    return OneOf(column, name)


class Statement:
    """A fixed statement. Its parameters are given in the order of `names`; lists may be among them."""

    def __init__(self, statement: ClauseElement, *names: str) -> None:
        self._statement = statement
        self._names = names
        self._texts: dict[str, tuple[str, tuple[int, ...], Row]] = {}
        self._is_spelled = False
        """Whether its one list may have placeholders of its own (SQLite)."""
        self._spelled: dict[int, str] = {}

    def compile(self, dialect: str) -> tuple[str, tuple[int, ...], Row]:
        """Its text for a dialect, the order of its parameters, and its constants."""
        compiled = self._statement.compile(dialect=_dialect(dialect))
        if not isinstance(compiled, SQLCompiler):
            raise TypeError(f"not a statement: {self._statement}")
        # Constants that Core makes parameters of (an OFFSET 0) follow the caller's own.
        constants = {name: value for name, value in compiled.params.items() if name not in self._names}
        every = (*self._names, *constants)
        order = tuple(every.index(name) for name in compiled.positiontup or ())
        self._is_spelled = _JSON_LIST in compiled.string and compiled.string.count("json_each") == 1
        made = self._texts[dialect] = (compiled.string, order, tuple(constants.values()))
        return made

    def rows(self, tx: Tx, *arguments: Any) -> list[Row]:
        """Run it and give its rows."""
        text, parameters = self._bound(tx, arguments)
        return tx.execute(text, parameters)

    def run(self, tx: Tx, *arguments: Any) -> None:
        """Run it for what it writes."""
        text, parameters = self._bound(tx, arguments)
        tx.write(text, parameters)

    def _bound(self, tx: Tx, arguments: tuple[Any, ...]) -> tuple[str, Sequence[Any]]:
        text, order, constants = self._texts.get(tx.dialect) or self.compile(tx.dialect)
        arguments += constants
        if tx.dialect != "sqlite":
            return text, [arguments[i] for i in order]
        values: list[Any] = []
        for place in order:
            value = arguments[place]
            if not isinstance(value, list):
                values.append(value)
            elif self._is_spelled and 0 < len(value) <= LONGEST_SPELLED:
                size = 1 << (len(value) - 1).bit_length()
                text = self._spelled.get(size) or self._spell(text, size)
                values += value
                values += value[-1:] * (size - len(value))
            else:
                values.append(as_json(value))
        return text, values

    def _spell(self, text: str, size: int) -> str:
        spelled = self._spelled[size] = text.replace(_JSON_LIST, f"({', '.join('?' * size)})", 1)
        return spelled


def as_json(value: Any) -> str:
    """The JSON text of a list parameter."""
    return msgspec.json.encode(value).decode()


class Insert:
    """A multi-row insert of `columns`, with what to do on a conflict.

    `conflict`: None (an error), or the columns that collide; `update`: the columns then overwritten (none: the old
    row stays); `unless`: what is said of the old row where it keeps a column all the same, by column, given the new
    row; `returning`: columns given back for the rows that were written.
    """

    def __init__(
        self, table: Table, columns: Sequence[str], *, conflict: Sequence[str] = (), update: Sequence[str] = (),
        unless: Mapping[str, Callable[[Any], ColumnElement[bool]]] = NEVER, returning: Sequence[str] = (),
    ) -> None:  # fmt: skip
        self._table = table
        self._columns = columns
        self._conflict = conflict
        self._update = update
        self._unless = unless
        self._returning = returning
        self._texts: dict[str, dict[int, str]] = {}
        self._pieces: dict[str, tuple[str, str, str]] = {}

    def compile(self, dialect: str) -> dict[int, str]:
        """Its pieces for a dialect; gives the texts made of them, by number of rows."""
        table = self._table
        statement = _insert(table, dialect).values(
            {name: bindparam(name, type_=table.c[name].type) for name in self._columns}
        )
        if self._conflict and self._update:
            changes = {name: self._change(name, statement.excluded) for name in self._update}
            statement = statement.on_conflict_do_update(index_elements=list(self._conflict), set_=changes)
        elif self._conflict:
            statement = statement.on_conflict_do_nothing()
        if self._returning:
            statement = statement.returning(*(table.c[name] for name in self._returning))
        self._pieces[dialect] = _pieces(statement.compile(dialect=_dialect(dialect)), self._columns)
        texts: dict[int, str] = self._texts.setdefault(dialect, {})
        return texts

    def _change(self, name: str, new: Any) -> Any:
        keeps = self._unless.get(name)
        return new[name] if keeps is None else case((keeps(new), self._table.c[name]), else_=new[name])

    def run(self, tx: Tx, rows: Sequence[Row]) -> None:
        """Insert the rows, each a tuple in the order of the columns."""
        if 0 < len(rows) <= ROWS_PER_STATEMENT:  # as in most groups: no generator
            tx.write(self._text(tx.dialect, len(rows)), list(chain.from_iterable(rows)))
            return
        for text, parameters in self._chunks(tx, rows):
            tx.write(text, parameters)

    def rows(self, tx: Tx, rows: Sequence[Row]) -> list[Row]:
        """The same, giving the `returning` columns."""
        return [row for text, parameters in self._chunks(tx, rows) for row in tx.execute(text, parameters)]

    def _chunks(self, tx: Tx, rows: Sequence[Row]) -> Iterable[tuple[str, list[Any]]]:
        for start in range(0, len(rows), ROWS_PER_STATEMENT):
            chunk = rows[start : start + ROWS_PER_STATEMENT]
            yield self._text(tx.dialect, len(chunk)), list(chain.from_iterable(chunk))

    def _text(self, dialect: str, count: int) -> str:
        texts = self._texts.get(dialect)
        if texts is None:
            texts = self.compile(dialect)
        text = texts.get(count)
        if text is None:
            head, row, tail = self._pieces[dialect]
            text = texts[count] = head + ", ".join([row] * count) + tail
        return text


def _pieces(compiled: Any, columns: Sequence[str]) -> tuple[str, str, str]:
    """Head, row of placeholders and tail of a compiled one-row insert."""
    found = re.match(r"(?s)(.* VALUES )(\([^()]*(?:\([^()]*\)[^()]*)*\))(.*)", compiled.string)
    if found is None or tuple(compiled.positiontup) != tuple(columns):
        raise ValueError(f"not a plain insert of {columns}: {compiled.string}")
    return found[1], found[2], found[3]
