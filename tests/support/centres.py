"""What tests of SMPP connections share: an owner that notes everything, a simulated centre, one that says anything."""

import asyncio
import random
import time
from collections.abc import AsyncIterator, Callable, Coroutine
from contextlib import asynccontextmanager
from datetime import datetime
from typing import Any

from smpp.client import BindSettings, Client, Link
from smpp.codec import encode
from smpp.events import Answered, Faulted, Received, Unanswered
from smpp.pdu import Pdu
from smpp.session import Limits
from smpp.simulator import Account, Settings, Simulator

ACCOUNT = Account("kwek", "secret")
PATIENCE_S = 10.0


def today() -> datetime:
    """The date that receipts of these tests tell."""
    return datetime(2026, 11, 22, 6, 53)  # noqa: DTZ001 - receipts tell no zone


class Recorder:
    """An owner of links that notes what it is told and answers each request with `status` (None: never)."""

    def __init__(self, status: int | None = 0) -> None:
        self.status = status
        self.received_pdus: list[Any] = []
        self.requests: list[Received] = []
        self.answers: list[Answered] = []
        self.unanswered: list[Unanswered] = []
        self.reasons: list[str] = []
        self.faults: list[Faulted] = []
        self.troubles: list[str | None] = []
        self._change = asyncio.Event()

    def received(self, link: Any, requests: list[Received]) -> None:
        """Notes and answers."""
        for request in requests:
            self.requests.append(request)
            self.received_pdus.append(request.pdu)
            if self.status is not None:
                link.answer(request, self.status)
        self._change.set()

    def answered(self, link: Any, answers: list[Answered]) -> None:
        """Notes."""
        self.answers += answers
        self._change.set()

    def lost(self, link: Any, unanswered: list[Unanswered], reason: str) -> None:
        """Notes."""
        self.unanswered += unanswered
        self.reasons.append(reason)
        self._change.set()

    def changed(self, link: Any) -> None:
        """Notes."""
        self.troubles.append(link.trouble)
        self._change.set()

    def faulted(self, link: Any, event: Faulted) -> None:
        """Notes."""
        self.faults.append(event)
        self._change.set()

    async def until(self, condition: Callable[[], object], seconds: float = PATIENCE_S) -> None:
        """Waits until something that was noted makes the condition true; raises TimeoutError."""
        async with asyncio.timeout(seconds):
            while not condition():
                self._change.clear()
                await self._change.wait()


@asynccontextmanager
async def simulated(
    settings: Settings | None = None, accounts: tuple[Account, ...] = (ACCOUNT,)
) -> AsyncIterator[Simulator]:
    """A simulated centre on a free port, stopped at the end."""
    simulator = Simulator(0, accounts, time.monotonic, random.Random(1).random, today, settings)
    await simulator.start()
    try:
        yield simulator
    finally:
        await simulator.stop()


def bind_settings(port: int, **changes: Any) -> BindSettings:
    """Settings that bind to a simulated centre, and come back quickly."""
    values: dict[str, Any] = {
        "name": "carrier",
        "addresses": (("127.0.0.1", port),),
        "system_id": "kwek",
        "password": "secret",
        "reconnect_least_s": 0.02,
        "reconnect_most_s": 0.1,
        "limits": Limits(window=50),
    }
    return BindSettings(**(values | changes))


@asynccontextmanager
async def connected(owner: Recorder, port: int, **changes: Any) -> AsyncIterator[Client]:
    """A client of its own, stopped at the end without draining."""
    client = Client(bind_settings(port, **changes), owner, time.monotonic, random.Random(2).random, owner.faulted)
    client.start()
    try:
        yield client
    finally:
        await client.stop(0.0)


async def bound_link(owner: Recorder, client: Client) -> Link:
    """The client's first link, once it is bound."""
    await owner.until(lambda: client.links and all(link.bound for link in client.links))
    return client.links[0]


Talk = Callable[[asyncio.StreamReader, asyncio.StreamWriter], Coroutine[Any, Any, None]]


@asynccontextmanager
async def scripted(talk: Talk) -> AsyncIterator[int]:
    """A server that says whatever `talk` says to each connection; gives its port."""
    writers: list[asyncio.StreamWriter] = []

    async def connection(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writers.append(writer)
        try:
            await talk(reader, writer)
        except (ConnectionError, asyncio.IncompleteReadError):
            writer.close()

    server = await asyncio.start_server(connection, "127.0.0.1", 0)
    try:
        yield server.sockets[0].getsockname()[1]
    finally:
        server.close()
        for writer in writers:
            writer.transport.abort()


async def read_frame(reader: asyncio.StreamReader) -> bytes:
    """One PDU's octets."""
    length = await reader.readexactly(4)
    return length + await reader.readexactly(int.from_bytes(length) - 4)


async def accept_bind(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    """Answers a bind_transceiver as a centre that admits anybody."""
    frame = await read_frame(reader)
    body = b"centre\0"
    head = (16 + len(body)).to_bytes(4) + (0x80000009).to_bytes(4) + bytes(4) + frame[12:16]
    writer.write(head + body)
    await writer.drain()


def say(writer: asyncio.StreamWriter, pdu: Pdu) -> None:
    """Writes a PDU."""
    writer.write(encode(pdu))
