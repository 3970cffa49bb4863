"""Connections of the HTTP side: who sends a request octet by octet, and who holds many, keeps nobody out."""

import asyncio
import resource
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import aiohttp
import pytest
from aiohttp import web
from structlog.testing import capture_logs

from config.values import Address
from gateway.health import Health
from gateway.metrics import Metrics
from gateway.web import door
from gateway.web.door import Connection, Door
from gateway.web.server import serve_web
from tests.gateway.test_web import Middle

WAIT_S = 10.0
SOON_S = 0.05
HALF = b"GET /healthz HTTP/1.1\r\nHost: kwek\r\nX: "
WHOLE = b"GET /healthz HTTP/1.1\r\nHost: kwek\r\n\r\n"


class Client:
    """A connection, octet by octet."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.reader, self.writer = reader, writer

    async def asked(self, octets: bytes = WHOLE) -> int:
        """The status of the answer to what is sent."""
        async with asyncio.timeout(WAIT_S):
            self.writer.write(octets)
            head = await self.reader.readuntil(b"\r\n\r\n")
            length = next(line for line in head.split(b"\r\n") if line.startswith(b"Content-Length: "))
            await self.reader.readexactly(int(length.partition(b" ")[2]))
        return int(head.split(b" ")[1])

    async def ended(self) -> bool:
        """Waits until it is ended from the other side, without a word."""
        async with asyncio.timeout(WAIT_S):
            try:
                return await self.reader.read() == b""
            except ConnectionResetError:
                return True


class Served:
    """A server with an answer that is held back until `go` is set."""

    def __init__(self) -> None:
        self.go = asyncio.Event()
        self.begun = asyncio.Semaphore(0)
        self.where = ""
        self._clients: list[Client] = []

    async def held(self, _: web.Request) -> web.Response:
        self.begun.release()
        await self.go.wait()
        return web.Response(text="late")

    async def client(self, octets: bytes = b"") -> Client:
        host, _, port = self.where.removeprefix("http://").partition(":")
        one = Client(*await asyncio.open_connection(host, int(port)))
        self._clients.append(one)
        one.writer.write(octets)
        return one

    async def holding(self) -> tuple[Client, asyncio.Task[int]]:
        """A client whose answer is held back."""
        one = await self.client()
        task = asyncio.create_task(one.asked(WHOLE.replace(b"/healthz", b"/held")))
        async with asyncio.timeout(WAIT_S):
            await self.begun.acquire()
        return one, task

    def close(self) -> None:
        for one in self._clients:
            one.writer.close()


@asynccontextmanager
async def served() -> AsyncIterator[Served]:
    one = Served()
    routes = [web.get("/held", one.held), web.post("/held", one.held)]
    async with serve_web(Address("127.0.0.1", 0), Metrics(), Health(), Middle(), routes) as one.where:
        yield one
        one.go.set()
        one.close()


async def test_a_request_that_does_not_come_whole_is_not_waited_for(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(door, "HEAD_S", SOON_S)
    async with served() as server:
        assert await (await server.client(HALF)).ended()
        assert await (await server.client()).ended(), "nor one that does not begin"
        again = await server.client()
        assert await again.asked() == 200
        again.writer.write(HALF)
        assert await again.ended(), "nor a further one"


async def test_dripping_octets_buys_no_time() -> None:
    timers: list[float] = []
    loop = asyncio.get_running_loop()
    later = loop.call_later

    def called(delay: float, *rest: Any, **more: Any) -> asyncio.TimerHandle:
        timers.append(delay)
        return later(delay, *rest, **more)

    connection = Connection(Door(2))
    connection.connection_made(Transport("192.0.2.1"))
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(loop, "call_later", called)
        for octet in HALF:
            connection.data_received(bytes([octet]))
    assert timers == []
    connection.end()


async def test_an_answer_may_take_its_time_and_a_connection_is_used_again(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(door, "HEAD_S", SOON_S)
    async with served() as server:
        client, answer = await server.holding()
        assert await (await server.client(HALF)).ended(), "it came later, and its time is over"
        server.go.set()
        assert await answer == 200
        assert await client.asked() == 200


async def test_who_takes_no_answer_and_asks_nothing_more_is_let_go(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(door, "IDLE_S", SOON_S)
    async with served() as server:
        client = await server.client()
        assert await client.asked() == 200
        assert await client.ended()


async def test_many_that_ask_nothing_keep_nobody_out(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(door, "MOST_OPEN", 4)
    async with served() as server:
        with capture_logs() as lines:
            slow = [await server.client(HALF) for _ in range(12)]
            _, answer = await server.holding()
            async with aiohttp.ClientSession() as session, session.get(f"{server.where}/healthz") as response:
                assert response.status == 200
        assert [await one.ended() for one in slow[:9]] == [True] * 9, "the longest waiting first"
        server.go.set()
        assert await answer == 200, "what is being answered is"
        assert [line["most"] for line in lines] == [4], "it is told once"


async def test_where_all_are_being_answered_one_more_is_turned_away(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(door, "MOST_OPEN", 2)
    async with served() as server:
        answers = [(await server.holding())[1] for _ in range(2)]
        assert await (await server.client(WHOLE)).ended()
        server.go.set()
        assert [await one for one in answers] == [200, 200]


async def test_who_goes_away_amid_an_answer_leaves_its_place(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(door, "MOST_OPEN", 2)
    async with served() as server:
        for _ in range(5):
            client, answer = await server.holding()
            client.writer.close()
            await asyncio.wait([answer], timeout=WAIT_S)
            assert answer.exception() is not None
        server.go.set()
        assert await (await server.client()).asked() == 200


# ---- by address


class Transport(asyncio.Transport):
    """One end of nothing, from an address."""

    def __init__(self, host: str) -> None:
        super().__init__({"peername": (host, 50_000) if host else None})
        self.is_aborted = False

    def abort(self) -> None:
        self.is_aborted = True


def arrive(at: Door, *hosts: str) -> list[Transport]:
    transports = [Transport(host) for host in hosts]
    for transport in transports:
        at().connection_made(transport)
    return transports


async def test_one_address_has_half_of_them_and_takes_from_its_own() -> None:
    at = Door(6)
    mine = arrive(at, *["192.0.2.1"] * 3)
    (other,) = arrive(at, "192.0.2.2")
    (more,) = arrive(at, "192.0.2.1")
    assert [one.is_aborted for one in (*mine, other, more)] == [True, False, False, False, False]


async def test_one_address_that_keeps_coming_is_told_once_a_minute() -> None:
    at = Door(6)
    with capture_logs() as lines:
        arrive(at, *["192.0.2.1"] * 300)
    told = [(line["event"], line["open"], line["most"]) for line in lines]
    assert told == [("as many HTTP connections of one address as may be", 3, 3)]


async def test_a_customer_of_ipv6_is_one_address_and_this_machine_none() -> None:
    at = Door(6)
    network = arrive(at, *(f"2001:db8::{last}" for last in range(1, 5)))
    assert [one.is_aborted for one in network] == [True, False, False, False]
    here = arrive(Door(6), *["127.0.0.1", "::1", "", "127.0.0.1", "::1", ""])
    assert not any(one.is_aborted for one in here)


async def test_a_place_is_free_again_once() -> None:
    at = Door(2)
    ends: list[Connection] = []
    for _ in range(3):
        connection = at()
        connection.connection_made(Transport("192.0.2.1"))
        ends.append(connection)
        connection.end()
        connection.connection_lost(None)
    (left,) = arrive(at, "192.0.2.1")
    assert not left.is_aborted


@pytest.mark.parametrize(
    ("soft", "most", "queue"),
    [(1_024, 512, 128), (150, 75, 18), (1, 2, 1), (1_048_576, 1_000, 128), (resource.RLIM_INFINITY, 1_000, 128)],
)
def test_the_system_s_limit_leaves_half_of_its_descriptors(
    monkeypatch: pytest.MonkeyPatch, soft: int, most: int, queue: int
) -> None:
    monkeypatch.setattr(resource, "getrlimit", lambda _: (soft, soft))
    assert door.room() == most
    assert Door(most).queue == queue
