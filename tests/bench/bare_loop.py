"""A bare durable loop: what storage and safety alone cost, for the gateway to be measured against.

One process on uvloop that binds to a message centre, takes each deliver_sm apart by hand, looks its first word up in a
dictionary, and answers. One transaction per batch (SQLite, WAL, synchronous=FULL, in a writer thread) holds the inbound
rows, the outbox rows, the contacts and the outcomes that came in meanwhile; acknowledgements and answers leave after
its commit, and a batch is whatever gathered while the last one was committed. It knows no rules, no contacts' locks, no
receipts, no long messages and no faults: it is a floor to compare with, not a gateway.

`python -m tests.bench.bare_loop --port 2775 --store FILE`
"""

from __future__ import annotations

import argparse
import asyncio
import json
import sqlite3
import sys
import threading
import time
from collections.abc import Callable
from pathlib import Path
from queue import SimpleQueue
from struct import Struct
from typing import cast

import uvloop

SWITCH_S = 0.0002
"""The gateway's own switch interval: see gateway.app."""
ROWS = 100
"""Rows of one multi-row statement."""
CLAIMED, SENT, FAILED = 0, 1, 2

_head = Struct(">IIII")
SUBMIT_SM, DELIVER_SM, UNBIND, ENQUIRE_LINK, BIND_TRANSCEIVER = 4, 5, 6, 0x15, 9
RESPONSE = 0x80000000
DELIVER_SM_RESP, SUBMIT_SM_RESP = DELIVER_SM | RESPONSE, SUBMIT_SM | RESPONSE

ANSWERS = {b"JOIN": b"OK you joined", b"REPAIR": b"We call you today"}
NO_KEYWORD = b"NO"

Inbound = tuple[int, int, str, str, str, int]
"""Id, sequence_number, sender, recipient, text, instant."""
Outbound = tuple[int, int, str, str, bytes]
"""Id, id of the inbound row, recipient, sender, text."""
Outcome = tuple[int, int]
"""Id of the outbox row, and SENT or FAILED."""

TABLES = """
CREATE TABLE IF NOT EXISTS inbound (id INTEGER PRIMARY KEY, sequence INTEGER, sender TEXT, number TEXT, text TEXT,
    received_at INTEGER);
CREATE TABLE IF NOT EXISTS outbox (id INTEGER PRIMARY KEY, inbound_id INTEGER, address TEXT, number TEXT, text TEXT,
    state INTEGER, created_at INTEGER);
CREATE TABLE IF NOT EXISTS contacts (address TEXT PRIMARY KEY, last_in_at INTEGER, texts INTEGER) WITHOUT ROWID;
"""
UPSERT = " ON CONFLICT (address) DO UPDATE SET last_in_at = excluded.last_in_at, texts = texts + 1"


class Batch:
    """What one transaction holds: rows to write, and the octets that leave when they are on disk."""

    def __init__(self) -> None:
        self.inbound: list[Inbound] = []
        self.outbound: list[Outbound] = []
        self.outcomes: list[Outcome] = []

    def __bool__(self) -> bool:
        return bool(self.inbound or self.outcomes)


class Storage:
    """The SQLite file; used by the writer thread alone."""

    def __init__(self, path: Path) -> None:
        self._connection = sqlite3.connect(path, isolation_level=None, check_same_thread=False, cached_statements=512)
        cursor = self._cursor = self._connection.cursor()
        cursor.execute("PRAGMA journal_mode=WAL")
        cursor.execute("PRAGMA synchronous=FULL")
        cursor.executescript(TABLES)

    def keep(self, batch: Batch) -> None:
        """Write one batch in one transaction; it is on disk when this returns."""
        execute, now = self._cursor.execute, time.time_ns() // 1000
        execute("BEGIN IMMEDIATE")
        for state in (SENT, FAILED):
            ids = [outbox_id for outbox_id, became in batch.outcomes if became == state]
            if ids:
                sql = "UPDATE outbox SET state = ? WHERE id IN (SELECT value FROM json_each(?))"
                execute(sql, (state, json.dumps(ids)))
        for start in range(0, len(batch.inbound), ROWS):
            rows = batch.inbound[start : start + ROWS]
            sent = batch.outbound[start : start + ROWS]
            count = len(rows)
            execute(_insert("inbound", 6, count), [value for row in rows for value in row])
            execute(_insert("contacts", 3, count) + UPSERT, [value for row in rows for value in (row[2], row[5], 1)])
            execute(_insert("outbox", 7, count), [value for row in sent for value in (*row, CLAIMED, now)])
        execute("COMMIT")

    def close(self) -> None:
        """Close the file."""
        self._connection.close()


def _insert(table: str, width: int, count: int, _kept: dict[tuple[str, int], str] = {}) -> str:  # noqa: B006
    """A multi-row insert, its text made once per number of rows."""
    sql = _kept.get((table, count))
    if sql is None:
        row = "(" + ", ".join("?" * width) + ")"
        sql = _kept[table, count] = f"INSERT INTO {table} VALUES " + ", ".join([row] * count)
    return sql


class Writer:
    """Group commit without a timer: while one batch is committed in a thread, the next one gathers."""

    def __init__(self, storage: Storage, committed: Callable[[Batch], None]) -> None:
        self.gathering = Batch()
        self._storage = storage
        self._committed = committed
        self._loop = asyncio.get_running_loop()
        self._busy = False
        self._queue: SimpleQueue[Batch | None] = SimpleQueue()
        self._thread = threading.Thread(target=self._work, name="writer")
        self._thread.start()

    def kick(self) -> None:
        """There is something to write."""
        if not self._busy and self.gathering:
            self._busy = True
            batch, self.gathering = self.gathering, Batch()
            self._queue.put(batch)

    def close(self) -> None:
        """End the thread when what it has begun is done."""
        self._queue.put(None)
        self._thread.join()
        self._storage.close()

    def _work(self) -> None:
        while (batch := self._queue.get()) is not None:
            self._storage.keep(batch)
            self._loop.call_soon_threadsafe(self._done, batch)

    def _done(self, batch: Batch) -> None:
        self._busy = False
        self.kick()
        self._committed(batch)


class Esme(asyncio.Protocol):
    """The one connection: PDUs by hand, answers after the commit."""

    def __init__(self, storage: Storage, system_id: str, password: str) -> None:
        self.gone = asyncio.Event()
        self.writer = Writer(storage, self._committed)
        self._bind = system_id.encode() + b"\0" + password.encode() + b"\0\0\x34\0\0\0"
        self._transport: asyncio.Transport | None = None
        self._rest = b""
        self._sequence = 1
        self._last_id = time.time_ns() // 1000
        self._on_the_wire: dict[int, int] = {}

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast(asyncio.Transport, transport)  # uvloop's own class does not say so
        self._transport.write(_pdu(BIND_TRANSCEIVER, 1, self._bind))

    def connection_lost(self, exc: Exception | None) -> None:
        self._transport = None
        self.gone.set()

    def data_received(self, data: bytes) -> None:
        data = self._rest + data if self._rest else data
        at, size, now, batch = 0, len(data), time.time_ns() // 1000, self.writer.gathering
        while size - at >= 16:
            length, command, status, sequence = _head.unpack_from(data, at)
            if size - at < length:
                break
            if command == DELIVER_SM:
                self._deliver(data, at, sequence, now, batch)
            elif command == SUBMIT_SM_RESP:
                batch.outcomes.append((self._on_the_wire.pop(sequence), FAILED if status else SENT))
            else:
                self._other(command, status, sequence)
            at += length
        self._rest = data[at:]
        self.writer.kick()

    def _deliver(self, data: bytes, at: int, sequence: int, now: int, batch: Batch) -> None:
        """Take a deliver_sm apart and decide its answer (SMPP 3.4 §4.6.1)."""
        index = data.index
        start = index(0, at + 16) + 3
        end = index(0, start)
        sender = data[start:end].decode("latin-1")
        start = end + 3
        end = index(0, start)
        number = data[start:end].decode("latin-1")
        end = index(0, index(0, end + 4) + 1)  # past esm_class, protocol_id, priority_flag and the two times
        text = data[end + 6 : end + 6 + data[end + 5]]
        word, _, _ = text.partition(b" ")
        answer = ANSWERS.get(word.upper(), NO_KEYWORD)
        self._last_id = own = max(self._last_id + 2, now)
        batch.inbound.append((own, sequence, sender, number, text.decode("latin-1"), now))
        batch.outbound.append((own + 1, own, sender, number, answer))

    def _other(self, command: int, status: int, sequence: int) -> None:
        assert self._transport is not None
        if command in (ENQUIRE_LINK, UNBIND):
            self._transport.write(_pdu(command | RESPONSE, sequence, b""))
        elif command == BIND_TRANSCEIVER | RESPONSE and status:
            print(f"bind refused with {status:#x}", file=sys.stderr)
            self._transport.close()

    def _committed(self, batch: Batch) -> None:
        """A batch is on disk: acknowledge all of it, then answer."""
        if self._transport is None:
            return
        pieces = [_head.pack(17, DELIVER_SM_RESP, 0, row[1]) + b"\0" for row in batch.inbound]
        sequence, on_the_wire = self._sequence, self._on_the_wire
        for outbox_id, _, phone, number, text in batch.outbound:
            sequence += 1
            on_the_wire[sequence] = outbox_id
            body = b"\0\0\1%b\0\1\1%b\0\0\0\0\0\0\1\0\0\0%c%b" % (
                number.encode("latin-1"), phone.encode("latin-1"), len(text), text,
            )  # fmt: skip
            pieces.append(_head.pack(16 + len(body), SUBMIT_SM, 0, sequence) + body)
        self._sequence = sequence
        self._transport.write(b"".join(pieces))


def _pdu(command: int, sequence: int, body: bytes) -> bytes:
    return _head.pack(16 + len(body), command, 0, sequence) + body


async def run(port: int, store: Path, system_id: str, password: str) -> None:
    """Bind to the centre on that port and answer until it is gone."""
    loop = asyncio.get_running_loop()
    esme = Esme(Storage(store), system_id, password)
    try:
        await loop.create_connection(lambda: esme, "127.0.0.1", port)
        await esme.gone.wait()
    finally:
        esme.writer.close()


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--port", type=int, default=2775)
    parser.add_argument("--store", type=Path, required=True)
    parser.add_argument("--system-id", default="bare")
    parser.add_argument("--password", default="bare")
    chosen = parser.parse_args()
    sys.setswitchinterval(SWITCH_S)
    uvloop.run(run(chosen.port, chosen.store, chosen.system_id, chosen.password))


if __name__ == "__main__":
    main()
