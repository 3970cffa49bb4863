"""The n-th call to the database fails, for every n (STYLE 30): BEGIN, each statement, COMMIT; once and for ever.

The errors are the drivers' own, at the drivers' cursor, so that everything from their translation up to the group is
the real code. A scenario is run with the first call failing, then the second, until it ends without a fault. Whatever
comes of it, once the store is well again and what was left is done, the tables hold what the clean run left in them.
"""

import sqlite3
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import psycopg
import pytest
from psycopg import errors as pg

from router.group import Interrupted, together
from router.horizon import Horizon
from router.store.engine import Store, open_store
from router.store.errors import StoreBroken
from tests.support.full_group import clean_rows, full_group, reset
from tests.support.own_postgres import own_postgres
from tests.support.routing import Phones, everything

MOST_CALLS = 400
"""A scenario that is not through by then does not end."""


class Faulty:
    """A driver's cursor whose n-th call fails, and all after it when `forever`."""

    def __init__(self, plan: "Plan", cursor: Any) -> None:
        self.plan, self.cursor = plan, cursor

    def execute(self, sql: Any, *parameters: Any) -> Any:
        if self.plan.fails(sql):
            if self.plan.late and sql == "COMMIT":
                self.cursor.execute(sql)
            self.plan.break_off(self.cursor)
            raise self.plan.error()
        return self.cursor.execute(sql, *parameters)

    def fetchall(self) -> Any:
        return self.cursor.fetchall()


class Plan:
    """Which call fails, how, and what was seen."""

    def __init__(self, nth: int, error: Callable[[], Exception], forever: bool, late: bool, cuts: bool) -> None:
        self.nth, self.error, self.forever, self.late, self.cuts = nth, error, forever, late, cuts
        self.calls = 0
        self.failed: list[str] = []
        self.well = False

    def fails(self, sql: Any) -> bool:
        if self.well or sql == "ROLLBACK":  # a rollback that fails gives the connection up: shown in test_engine
            return False
        self.calls += 1
        falls_due = self.calls == self.nth or (self.forever and self.calls > self.nth)
        if falls_due:
            self.failed.append(str(sql)[:60])
        return falls_due

    def break_off(self, cursor: Any) -> None:
        """The link is gone, where the error says so."""
        if self.cuts:
            cursor.connection.close()


def sqlite_error(code: int) -> Callable[[], Exception]:
    def error() -> Exception:
        made = sqlite3.OperationalError("said SQLite")
        made.sqlite_errorcode = code
        return made

    return error


KINDS: dict[str, tuple[str, Callable[[], Exception], bool, bool]] = {
    # kind: dialect, error, COMMIT is done before it fails, the link is cut
    "sqlite busy": ("sqlite", sqlite_error(sqlite3.SQLITE_BUSY), False, False),
    "sqlite broken": ("sqlite", sqlite_error(sqlite3.SQLITE_IOERR_FSYNC), False, False),
    "postgresql deadlock": ("postgresql", lambda: pg.DeadlockDetected("deadlock"), False, False),
    "postgresql cut": ("postgresql", lambda: psycopg.OperationalError("gone"), False, True),
    "postgresql cut late": ("postgresql", lambda: psycopg.OperationalError("gone"), True, True),
    "postgresql broken": ("postgresql", lambda: pg.IoError("could not fsync file"), False, True),
}


EXPECTED: dict[tuple[str, bool], set[str]] = {
    ("sqlite busy", False): {"away"},
    ("sqlite busy", True): {"away"},
    ("sqlite broken", False): {"broken"},
    ("sqlite broken", True): {"broken"},
    ("postgresql deadlock", False): set(),  # it is run again, and nobody hears of it
    ("postgresql deadlock", True): {"away"},
    ("postgresql cut", False): {"away"},
    ("postgresql cut", True): {"away", "in doubt"},
    ("postgresql cut late", False): {"away"},
    ("postgresql cut late", True): {"away", "in doubt"},
    ("postgresql broken", False): {"broken"},
    ("postgresql broken", True): {"broken"},
}
"""What must be among the ways in which a run ended, besides a good end."""


@pytest.fixture(scope="module")
def server() -> Iterator[Callable[[], str]]:
    with own_postgres() as one:

        def empty() -> str:
            one.fresh()
            return one.url

        yield empty


@pytest.mark.parametrize("forever", [False, True], ids=["once", "for ever"])
@pytest.mark.parametrize("kind", KINDS)
def test_row_11_the_nth_call_fails_and_the_redo_comes_to_the_same(
    kind: str, forever: bool, tmp_path: Path, request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch
) -> None:
    dialect, error, late, cuts = KINDS[kind]
    url = f"sqlite:///{tmp_path / 'kwek.db'}" if dialect == "sqlite" else str(request.getfixturevalue("server")())
    store = open_store(url)
    phones = Phones(store)
    causes = full_group(phones)
    before = everything(store)
    at = phones.world.ids.next(phones.world.now())
    phones.commit(**causes)
    clean = clean_rows(store)
    nth, seen = 0, set[str]()
    while True:
        nth += 1
        assert nth < MOST_CALLS
        reset(store, before)
        phones.world.ids._last = at
        phones.ways.horizon = Horizon()  # what was looked for and done has not been
        plan = Plan(nth, error, forever, late, cuts)
        with monkeypatch.context() as patch:
            faults_in(store, plan, patch)
            outcome = run(phones, causes, plan)
        store._drop()
        seen.add(outcome)
        assert clean_rows(store) == clean, (nth, outcome, plan.failed)
        if not plan.failed:
            break
    assert nth > 30  # a group of all kinds takes so many statements
    assert "done" in seen
    assert seen & EXPECTED[kind, forever] == EXPECTED[kind, forever], seen
    store.close()


def faults_in(store: Store, plan: Plan, patch: pytest.MonkeyPatch) -> None:
    """From here on every cursor of the store is one that fails as planned."""
    store._drop()
    connect = Store._connect

    def connecting(self: Store) -> Any:
        self._cursor = Faulty(plan, connect(self))
        return self._cursor

    patch.setattr(Store, "_connect", connecting)


def run(phones: Phones, causes: dict[str, Any], plan: Plan) -> str:
    """Commit the group as the writer does; when it fails let the store be well, and do what is left."""
    try:
        phones.commit(**causes)
    except StoreBroken:  # the process ends: the peer sends again what was not acknowledged, here all of it
        plan.well = True
        phones.commit(**causes)
        return "broken"
    except Interrupted as stop:
        plan.well = True
        left = stop.left
        if stop.doubt is not None and not phones.store.committed(stop.doubt.marker):
            left = together([left, stop.doubt.piece])
        if left != together([]):
            phones.commit(**{name: getattr(left, name) for name in causes})
        return "in doubt" if stop.doubt is not None else "away"
    return "done"
