"""What nothing can refer to any more is forgotten, a slice at a time: no transaction grows with the rows of a table.

No index says what is old, for it would cost every message. Where a key is ordered by time its beginning is looked at,
up to what is too young; where it is not (ids that others made) a look walks on through the table, past so many rows
that stay, and the next goes on there. Rows that go do not count, so it keeps up with however many do. Where a walk has
come is only known here: after a restart it begins anew.
"""

from __future__ import annotations

from collections import defaultdict, deque
from collections.abc import Callable, Iterable, Sequence
from typing import Final

from router import consent, emails, receipts
from router.evidence import STRONG_ID_LIFE
from router.instants import HOUR, MINUTE
from router.states import FORGET_AFTER
from router.store import statements as sql
from router.store import statements_evidence as sql_evidence
from router.store import statements_outbox as sql_outbox
from router.store import statements_parts as sql_parts
from router.store import statements_receipts as sql_receipts
from router.store.engine import Row, Tx
from router.store.sql import Statement
from router.world import first_id_at

SLICE: Final = 250
"""Rows that one statement reads, and at most deletes: no text waits for more than a few milliseconds."""
PASSED: Final = 50_000
"""Rows that stay and that one look walks past in one table: ten million are through in three and a half hours, at a
thousandth of the writer's time."""
ANEW: Final = 60
"""Looks between two that read what is ordered by time from its beginning: PostgreSQL goes past what was deleted there
until it is vacuumed away. An hour: so long may stay what could not go when a look came by."""
IN_ORDER: Final = "SET LOCAL enable_sort TO off"
"""PostgreSQL's planner, where it takes rows for few, reads all of them to sort them, slice after slice: where it has no
statistics, or those are of another hour. A slice is read in the order of an index."""
RECONCILED: Final = 10 * MINUTE
"""Strays of so long are held against awaited ids again, a minute apart: two nodes' commits overlap for seconds."""

Key = tuple[int | str, ...]
Read = Callable[[Tx, Key, int], list[Row]]
"""The next SLICE rows after a key, at an instant: key, whether the row goes, and what else `Drop` wants."""
Drop = Callable[[Tx, Sequence[Row], int], None]
"""Forgets those of a slice that go."""
Again = Callable[[Tx, int], bool]
"""Does SLICE of something that leaves its index when it is done; whether there may be more."""


class _Walk:
    """Where a table is walked. `by_time`: its key is ordered by time, and is read up to what is too young."""

    def __init__(self, start: Key, read: Read, drop: Drop, *, by_time: bool = False) -> None:
        self._start = self._after = start
        self._read = read
        self._drop = drop
        self._by_time = by_time
        self._anew = False
        self._left = 0

    def begin(self, anew: bool) -> None:
        """A look begins."""
        self._anew = anew and self._by_time
        self._left = PASSED

    def step(self, tx: Tx, now: int) -> bool:
        """One slice; whether there is more to do in this look."""
        # Where it takes too long to begin anew the next look goes on from here, and does not begin anew again.
        after, self._anew = self._start if self._anew else self._after, False
        rows = self._read(tx, after, now)
        size = len(self._start)
        gone = [row for row in rows if row[size]]
        if gone:
            self._drop(tx, gone, now)
        is_full = len(rows) == SLICE
        if is_full or self._by_time:
            self._after = rows[-1][:size] if rows else after
        else:
            self._after = self._start
        self._left -= len(rows) - len(gone)
        return is_full and self._left > 0


class _Strays:
    """Holds the strays of the last minutes against the ids that are awaited now."""

    def __init__(self) -> None:
        self._after: int | None = None
        self._until = 0

    def begin(self, anew: bool) -> None:
        """A look begins."""
        self._after = None

    def step(self, tx: Tx, now: int) -> bool:
        """One slice; whether there are more. What comes in meanwhile is left to the next look."""
        if self._after is None:
            self._after, self._until = now - RECONCILED, now
        self._after = receipts.reconcile(tx, self._after, SLICE)
        return self._after is not None and self._after < self._until


class _Leaving:
    """What leaves its index as it is dealt with: the next slice is always the first."""

    def __init__(self, some: Again) -> None:
        self.step: Again = some

    def begin(self, anew: bool) -> None:
        """Nothing is remembered between two looks."""


class Housekeeping:
    """One node's. `begin` a look, then `step` until it says that the look is over, each in a transaction of its own."""

    def __init__(self) -> None:
        self._tasks: deque[_Walk | _Strays | _Leaving] = deque((
            _Strays(),
            _Leaving(_forget_codes),
            _Leaving(lambda tx, now: emails.expire(tx, now) == emails.EXPIRED_AT_ONCE),
            _Walk((0,), _strays, _forget_strays, by_time=True),
            _Walk((0,), _parts, _by_ids(sql_parts.forget_parts), by_time=True),
            _Walk((0,), _batches, _by_ids(sql.forget_batches), by_time=True),
            _Walk((0,), _sessions, _forget_sessions, by_time=True),
            _Walk((0,), _doubts, _forget_doubts),
            _Walk(("", "", 0), _awaited, _forget_awaited),
            _Walk(("", ""), _strong_ids, _forget_strong_ids),
        ))  # fmt: skip
        self._looks = 0
        self._left = 0
        """Tasks that this look has still to do; the first of them is under way."""

    def begin(self) -> None:
        """A look begins. What cut the one before it short does not keep the others from their turn."""
        if self._left:
            self._tasks.rotate(-1)
        for task in self._tasks:
            task.begin(self._looks % ANEW == 0)
        self._looks += 1
        self._left = len(self._tasks)

    def step(self, tx: Tx, now: int) -> bool:
        """Do one slice of one table; False: the look is over. What it passed over in a transaction that then failed
        comes with the next walk from the beginning."""
        if tx.dialect == "postgresql":
            tx.write(IN_ORDER)
        if not self._tasks[0].step(tx, now):
            self._tasks.rotate(-1)
            self._left -= 1
        return self._left > 0


def _by_ids(forget: Statement) -> Drop:
    return lambda tx, rows, now: forget.run(tx, [row[0] for row in rows])


def _by_first(rows: Iterable[Row]) -> dict[str, list[str]]:
    """The second part of keys by their first."""
    found: dict[str, list[str]] = defaultdict(list)
    for first, second, *_ in rows:
        found[first].append(second)
    return found


def _forget_codes(tx: Tx, now: int) -> bool:
    old = sql_outbox.old_codes.rows(tx, first_id_at(now - 2 * consent.CODE_LIFE), SLICE)
    if old:
        sql_outbox.forget_codes.run(tx, [row[0] for row in old])
    return len(old) == SLICE


def _strays(tx: Tx, after: Key, now: int) -> list[Row]:
    return sql_receipts.old_strays.rows(tx, *after, now - FORGET_AFTER, SLICE)


def _forget_strays(tx: Tx, rows: Sequence[Row], now: int) -> None:
    sql_receipts.delete_strays.run(tx, [row[2] for row in rows])


def _parts(tx: Tx, after: Key, now: int) -> list[Row]:
    return sql_parts.old_parts.rows(tx, *after, first_id_at(now - HOUR), SLICE)


def _batches(tx: Tx, after: Key, now: int) -> list[Row]:
    return sql.old_batches.rows(tx, *after, first_id_at(now - HOUR), SLICE)


def _sessions(tx: Tx, after: Key, now: int) -> list[Row]:
    before = now - STRONG_ID_LIFE
    return sql_evidence.old_sessions.rows(tx, *after, first_id_at(before), before, SLICE)


def _forget_sessions(tx: Tx, rows: Sequence[Row], now: int) -> None:
    sql_evidence.forget_sessions.run(tx, [row[0] for row in rows], now - STRONG_ID_LIFE)


def _doubts(tx: Tx, after: Key, now: int) -> list[Row]:
    return sql_evidence.doubts_slice.rows(tx, *after, now, SLICE)


def _forget_doubts(tx: Tx, rows: Sequence[Row], now: int) -> None:
    sql_evidence.forget_doubts.run(tx, [row[0] for row in rows], now)


def _awaited(tx: Tx, after: Key, now: int) -> list[Row]:
    return sql_receipts.awaiting_slice.rows(tx, *after, now - FORGET_AFTER, SLICE)


def _forget_awaited(tx: Tx, rows: Sequence[Row], now: int) -> None:
    for connector, ids in _by_first(rows).items():
        sql_receipts.forget_awaiting.run(tx, connector, ids, now - FORGET_AFTER)


def _strong_ids(tx: Tx, after: Key, now: int) -> list[Row]:
    return sql_evidence.strong_ids_slice.rows(tx, *after, first_id_at(now - STRONG_ID_LIFE), SLICE)


def _forget_strong_ids(tx: Tx, rows: Sequence[Row], now: int) -> None:
    for scope, ids in _by_first(rows).items():
        sql_evidence.forget_strong_ids.run(tx, scope, ids, first_id_at(now - STRONG_ID_LIFE))
