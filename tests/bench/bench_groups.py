"""What one group costs: microseconds of processor time for groups of 1 to 50 causes, and what its fixed part is.

`python -m tests.bench.bench_groups` prints, for new and for known contacts, the cost of a group and of a text in it
with the number of statements and of pages of log, and the share of each statement. A group is so many texts and the
outcomes of the group before, through `router.group.commit` on a real SQLite file with synchronous=FULL. Processor time
(user and system), not the clock on the wall: what the disk and the neighbours make us wait is not in it.
"""

from __future__ import annotations

import gc
import resource
import sqlite3
import tempfile
import time
from collections import defaultdict
from collections.abc import Callable, Iterator, Mapping
from contextlib import closing, contextmanager
from functools import cache
from itertools import count, cycle, islice
from pathlib import Path
from statistics import median
from typing import Any, Literal

from gateway.connectors.mapping import decode
from router.claims import Allowance
from router.group import Group, commit
from router.messages import Inbound
from router.outbox import Outcome
from router.store.checkpoint import Checkpointer
from router.store.engine import Store, open_store
from router.ways import Ways
from router.world import System
from rules.compiler import compile_sources
from rules.diagnostics import Source
from rules.rulebook import Grants, NumberGrant
from tests.bench import tables

SIZES = (1, 2, 5, 10, 25, 50)
KNOWN = 30_000
"""Contacts that are there before the known ones are asked for."""
WINDOW = 200
FRAME = 4096 + 24
"""Octets of one page in the write-ahead log, with its head."""
RULES = Path(__file__).with_name("bench.rules")

Phones = Literal["new", "known"]


class Groups:
    """Groups of so many texts, each with the outcomes of the one before."""

    def __init__(self, store: Store) -> None:
        grants = Grants((NumberGrant("2345", "short-code", "GB", ("Bench",), "bench"),))
        book = compile_sources([Source("bench.rules", RULES.read_text())], grants).book
        assert book is not None
        self._world = System()
        self._ways = Ways(self._world, "bench", book, decode, lambda _: None)
        self._store = store
        self._new = map(str, count(447_000_000_000))
        self._known = cycle([f"31{place * 7_919 % 1_000_003:09}" for place in range(KNOWN)])
        self._ids = count(1)
        self._outcomes: list[Outcome] = []

    def acquaint(self) -> None:
        """Have every known contact text once."""
        for _ in range(KNOWN // 100):
            self.do(self.next("known", 100))

    def next(self, phones: Phones, size: int) -> Group:
        """The next group; made outside of what is measured."""
        senders = islice(self._new if phones == "new" else self._known, size)
        return Group(outcomes=self._outcomes, inbound=[self._text(sender) for sender in senders])

    def do(self, group: Group) -> None:
        """Commit it, and have its answers come back."""
        done = commit(self._store, group, self._ways, Allowance({"bench": WINDOW}))
        assert len(done.claims) == len(group.inbound), done.faults
        self._outcomes = [
            Outcome(id=claim.id, connector="bench", state="sent", message_ids=(f"{next(self._ids):010x}",))
            for claim in done.claims
        ]

    def close(self) -> None:
        """End the world's thread, which nothing here used."""
        self._world.close()

    def _text(self, sender: str) -> Inbound:
        now = self._world.now()
        return Inbound(
            id=self._world.ids.next(now), connector="bench", session=1, sequence=next(self._ids), sender=sender,
            recipient="2345", text="JOIN 000123", received_at=now, octets=b"JOIN 000123", charset="gsm7",
        )  # fmt: skip


class Watch:
    """A driver's cursor that says what each statement costs, in seconds of this thread's processor time."""

    def __init__(self, cursor: Any) -> None:
        self._cursor = cursor
        self.fetchall: Callable[[], list[Any]] = cursor.fetchall
        self.seconds: dict[str, float] = defaultdict(float)
        self.calls: dict[str, int] = defaultdict(int)

    def execute(self, sql: str, parameters: Any = ()) -> object:
        """Run it and note what it took."""
        began = time.thread_time()
        try:
            return self._cursor.execute(sql, parameters)
        finally:
            name = _name(sql)
            self.seconds[name] += time.thread_time() - began
            self.calls[name] += 1


@cache
def _name(sql: str) -> str:
    """A statement's verb and table."""
    words = sql.replace(",", " ").split()
    verb = words[0]
    if verb not in {"INSERT", "UPDATE", "DELETE", "SELECT"}:
        return verb
    place = {"INSERT": "INTO", "UPDATE": "UPDATE", "DELETE": "FROM", "SELECT": "FROM"}[verb]
    return f"{verb} {words[words.index(place) + 1]}"


@contextmanager
def groups() -> Iterator[tuple[Groups, Store, Checkpointer, Path]]:
    """Groups on a store of their own."""
    with tempfile.TemporaryDirectory(prefix="kwek-groups-") as folder:
        url = f"sqlite:///{folder}/bench.db"
        store = open_store(url)
        checkpointer = Checkpointer.of(url)
        assert checkpointer is not None
        one = Groups(store)
        one.acquaint()
        yield one, store, checkpointer, Path(folder, "bench.db-wal")
        one.close()
        checkpointer.close()
        store.close()


def cost(one: Groups, checkpointer: Checkpointer, phones: Phones, size: int, rounds: int) -> float:
    """Microseconds of processor time for one group: the median."""
    took = []
    for number in range(rounds):
        if number % 20 == 0:
            checkpointer.look()
        group = one.next(phones, size)
        began = time.process_time_ns()
        one.do(group)
        took.append((time.process_time_ns() - began) / 1000)
    return median(took)


def shares(one: Groups, store: Store, phones: Phones, size: int, rounds: int) -> tuple[Mapping[str, float], float]:
    """Microseconds of each statement in one group, and of the Python around them."""
    watch = Watch(store._cursor)
    store._cursor = watch
    began = time.thread_time()
    for _ in range(1000):
        time.thread_time()
    clock = (time.thread_time() - began) / 1000
    whole = 0.0
    for _ in range(rounds):
        group = one.next(phones, size)
        began = time.thread_time()
        one.do(group)
        whole += time.thread_time() - began
    store._cursor = watch._cursor
    each = {name: (seconds - clock * watch.calls[name]) / rounds * 1e6 for name, seconds in watch.seconds.items()}
    calls = sum(watch.calls.values())
    return each, (whole - 2 * clock * calls) / rounds * 1e6 - sum(each.values())


def pages(one: Groups, log: Path, phones: Phones, size: int, rounds: int) -> float:
    """Pages that one group writes to the log, which is empty before and not copied away meanwhile."""
    with closing(sqlite3.connect(log.with_name(log.name.removesuffix("-wal")))) as other:
        other.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    for _ in range(rounds):
        one.do(one.next(phones, size))
    return log.stat().st_size / FRAME / rounds


def main(rounds: int = 300) -> None:
    """Print the tables."""
    with groups() as (one, store, checkpointer, log):
        gc.freeze()
        for phones in ("new", "known"):
            rows = []
            each: dict[str, list[str]] = defaultdict(list)
            for size in SIZES:
                cost(one, checkpointer, phones, size, 30)
                took = min(cost(one, checkpointer, phones, size, rounds) for _ in range(3))
                used = resource.getrusage(resource.RUSAGE_SELF)
                cost(one, checkpointer, phones, size, rounds)
                now = resource.getrusage(resource.RUSAGE_SELF)
                system = (now.ru_stime - used.ru_stime) / rounds * 1e6
                checkpointer.look()
                found, python = shares(one, store, phones, size, rounds)
                for name, value in (*found.items(), ("Python around", python)):
                    each[name].append(f"{value:.0f}")
                rows.append([str(size), f"{took:.0f}", f"{took / size:.0f}", f"{system:.0f}", str(len(found)),
                             f"{pages(one, log, phones, size, 50):.1f}"])  # fmt: skip
            print(f"\n{phones} contacts\n")
            print(tables.table(["causes", "µs a group", "µs a text", "system", "statements", "pages"], rows))
            print()
            print(
                tables.table(
                    ["statement, µs a group", *map(str, SIZES)], [[name, *values] for name, values in each.items()]
                )
            )


if __name__ == "__main__":
    main()
