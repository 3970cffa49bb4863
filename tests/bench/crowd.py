"""A store with many contacts in a drip, each suspended until its next step, and a router on it whose clock is set by
hand.

One contact really comes in: it writes, confirms, and gets the drip's first text. What that leaves of it in the tables
of contacts is copied by the database itself, with ids, phones and instants of its own for each copy: rows as long as
real ones. They come in over eight hours of a day in an order that has nothing to do with that of their ids, so those
whose step is due in the same second stand anywhere in the tables.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping
from itertools import count
from pathlib import Path
from typing import Any

from gateway.connectors.mapping import decode
from router import outbox, timers
from router.claims import Allowance
from router.due import AT_ONCE
from router.group import Done, Group, commit
from router.instants import DAY, HOUR, SECOND
from router.messages import Inbound
from router.outbox import Outcome
from router.store.engine import Store, Tx
from router.ways import Ways
from router.world import System
from rules.compiler import compile_sources
from rules.diagnostics import Source
from rules.rulebook import Grants, NumberGrant, Rulebook

MORNING = 1_767_607_200 * SECOND
"""2026-01-05, 10:00 in London: when the first of them came in."""
SPREAD = 8 * HOUR
"""They came in until 18:00, all outside the quiet hours."""
TABLES = ("contacts", "threads", "profiles", "enrolments", "runs")
NEW = "449000000000"
"""Phones beyond it are not in the crowd."""
ROOM = 4 * AT_ONCE
"""Segments that the connector takes at once: whatever a group writes goes out."""
CHUNK = 250_000
"""Contacts of one insert."""
INACTIVE = """
on inactive 90 days
    send promotional "Bench: we miss you. STOP to end."
"""
RULES = Path(__file__).with_name("suspended.rules")

_APART = 1 << 10
"""Between the ids of one copy and the next: four in the least time that ids tell apart."""
_INSTANT = re.compile(r"\b17\d{14}\b")
"""Microseconds since 1970 of these years, within JSON."""
_ORDER = 7_368_787
"""Shuffles the instants: prime, and no divisor of any size that is measured."""


def _book(rules: str) -> Rulebook:
    grants = Grants((NumberGrant("2345", "short-code", "GB", ("Bench",), "bench"),))
    book = compile_sources([Source("suspended.rules", rules)], grants).book
    assert book is not None
    return book


class Clock(System):
    """The system's world, with a clock that is set by hand; what it takes is measured by the real one."""

    def __init__(self) -> None:
        super().__init__()
        self.at = MORNING

    def now(self) -> int:
        """The instant it was set to."""
        return self.at


class Crowd:
    """A router on a store, with causes of both kinds in groups of equal size: texts from new phones, and due steps.

    The texts that a group sends are answered by the centre with the next one of its kind.
    """

    def __init__(self, store: Store) -> None:
        self.store = store
        self.clock = Clock()
        self.ways = Ways(self.clock, "bench", _book(RULES.read_text()), decode, lambda _: None)
        ((last,),) = self.ask(f"SELECT max(address) FROM contacts WHERE address >= '{NEW}'")
        self._new = map(str, count(int(last or NEW) + 1))
        self._numbers = count(1)
        self._answers: dict[str, list[Outcome]] = {"texts": [], "steps": []}
        with store.begin() as tx:
            self.clock.ids.go_on_after(outbox.highest_id(tx))
            timers.enlist(tx, self.ways.books.newest, self.clock.at)

    def close(self) -> None:
        """End the world's thread, which nothing here used."""
        self.clock.close()

    def texts(self, size: int = AT_ONCE) -> Callable[[], Done]:
        """The main way: so many new phones text a keyword. What is given commits it."""
        inbound = [self._text(next(self._new), "JOIN 000123") for _ in range(size)]
        return self._group("texts", inbound=inbound)

    def steps(self) -> Callable[[], Done]:
        """A tick: what is due, at most AT_ONCE. What is given commits it."""
        return self._group("steps", due=True)

    def deploy_timed(self) -> None:
        """Have a rule more, which the clock starts: everybody who is there gets a timer for it, by a sweep."""
        book = _book(RULES.read_text() + INACTIVE)
        self.ways.adopt(book)
        with self.store.begin() as tx:
            timers.enlist(tx, book, self.clock.at)

    def sent(self, done: Done, kind: str = "steps") -> int:
        """The centre takes what that group sends; how many texts that was."""
        self._answers[kind] = [
            Outcome(id=claim.id, connector="bench", state="sent", message_ids=(f"{next(self._numbers):010x}",))
            for claim in done.claims
        ]
        return len(done.claims)

    def await_due(self, steps: int) -> None:
        """Set the clock to where so many steps are due, fewer where there are fewer runs."""
        query = f"SELECT max(due_at) FROM (SELECT due_at FROM runs ORDER BY due_at LIMIT {steps}) AS first"
        self.clock.at = max(self.clock.at, self.ask(query)[0][0])

    def ask(self, sql: str) -> list[Any]:
        """The rows of a query."""
        with self.store.begin() as tx:
            return tx.execute(sql)

    def _group(self, kind: str, **causes: Any) -> Callable[[], Done]:
        group = Group(outcomes=self._answers[kind], **causes)
        self._answers[kind] = []
        return lambda: commit(self.store, group, self.ways, Allowance({"bench": ROOM}))

    def _text(self, sender: str, text: str) -> Inbound:
        now = self.clock.now()
        return Inbound(
            id=self.clock.ids.next(now), connector="bench", session=1, sequence=next(self._numbers), sender=sender,
            recipient="2345", text=text, received_at=now, octets=text.encode(), charset="gsm7",
        )  # fmt: skip

    def first(self) -> None:
        """The contact that is copied comes into the drip."""
        for text in ("NEWS", "YES"):
            done = commit(
                self.store, Group(inbound=[self._text("447000000000", text)]), self.ways, Allowance({"bench": ROOM})
            )
            self.sent(done)
            self.sent(self.steps()())
            self.clock.at += 10 * SECOND
        self.clock.at = MORNING + DAY - HOUR


def fill(crowd: Crowd, size: int, write: Callable[[str], object]) -> Iterator[int]:
    """Have so many contacts wait in the drip of an empty store; gives how many there are after each insert.

    `write` runs a statement, in a transaction of its own or not: whoever wants it quick has its own connection.
    """
    crowd.first()
    with crowd.store.begin() as tx:
        copies = [(table, *_one_row(tx, table)) for table in TABLES]
    made = 1
    while made < size:
        upto = min(size, made + CHUNK)
        for table, columns, row in copies:
            values = ", ".join(_copied(table, name, value, size) for name, value in zip(columns, row, strict=True))
            write(f"INSERT INTO {table} ({', '.join(columns)}) SELECT {values} FROM {_series(crowd, made, upto)}")
        made = upto
        yield made


def _one_row(tx: Tx, table: str) -> tuple[list[str], tuple[Any, ...]]:
    columns = [str(row[0]) for row in tx.execute(_COLUMNS[tx.dialect].format(table))]
    (row,) = tx.execute(f"SELECT {', '.join(columns)} FROM {table}")
    return columns, row


_COLUMNS: Mapping[str, str] = {
    "sqlite": "SELECT name FROM pragma_table_info('{}')",
    "postgresql": "SELECT column_name FROM information_schema.columns WHERE table_name = '{}' "
                  "AND table_schema = current_schema() ORDER BY ordinal_position",
}  # fmt: skip


def _series(crowd: Crowd, first: int, end: int) -> str:
    if crowd.store.dialect == "sqlite":
        counted = f"SELECT {first} UNION ALL SELECT i + 1 FROM n WHERE i < {end - 1}"
        return f"(WITH RECURSIVE n(i) AS ({counted}) SELECT i FROM n) AS s"
    return f"generate_series({first}::bigint, {end - 1}::bigint) AS s(i)"


def _copied(table: str, name: str, value: object, size: int) -> str:
    """What the copy number `i` has in a column, as SQL."""
    if name in ("contact_id", "id", "cause_id", "last_id"):
        return f"{value} + i * {_APART}"
    if name == "address":
        return "'44' || (7000000000 + i)"
    if value is None:
        return "NULL"
    remainder = f"(i * {_ORDER} - i * {_ORDER} / {size} * {size})"  # % is a driver's own sign
    later = f"{remainder} * {SPREAD // size}"
    if isinstance(value, int):
        return f"{value} + {later}" if _INSTANT.fullmatch(str(value)) else str(value)
    quoted = "'" + str(value).replace("'", "''") + "'"
    return _INSTANT.sub(lambda found: f"' || ({found[0]} + {later}) || '", quoted)
