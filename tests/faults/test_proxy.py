"""The proxy that spoils what passes: each way of spoiling does what it says, and nothing else."""

import asyncio
import struct
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager

import pytest

from gateway.torture.postgres_proxy import At, Plan, PostgresProxy
from gateway.torture.proxy import Cut, Proxy, Tcp, Unix

PATIENCE_S = 5.0
Streams = tuple[asyncio.StreamReader, asyncio.StreamWriter]


class Server:
    """Says back what it is told; keeps the pieces as they came, and what links ended with."""

    def __init__(self) -> None:
        self.pieces: list[bytes] = []
        self.ended = asyncio.Event()

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            while octets := await reader.read(65_536):
                self.pieces.append(octets)
                writer.write(octets)
                await writer.drain()
        except OSError:
            self.pieces.append(b"(reset)")
        finally:
            writer.close()
            self.ended.set()


@asynccontextmanager
async def through(server: Server | None = None) -> AsyncIterator[tuple[Proxy, Callable[[], "asyncio.Future[Streams]"]]]:
    """A proxy before a server, and how to connect through it."""
    echo = server or Server()
    listening = await asyncio.start_server(echo.serve, "127.0.0.1", 0)
    proxy = Proxy(Tcp("127.0.0.1", listening.sockets[0].getsockname()[1]))
    await proxy.start()
    writers: list[asyncio.StreamWriter] = []

    async def connect() -> Streams:
        streams = await asyncio.open_connection("127.0.0.1", proxy.port)
        writers.append(streams[1])
        return streams

    try:
        yield proxy, lambda: asyncio.ensure_future(connect())
    finally:
        for writer in writers:
            writer.close()
        await proxy.stop()
        listening.close()
        await listening.wait_closed()


async def said(reader: asyncio.StreamReader, octets: int) -> bytes:
    return await asyncio.wait_for(reader.readexactly(octets), PATIENCE_S)


async def test_what_is_sent_comes_through_and_back() -> None:
    async with through() as (proxy, connect):
        reader, writer = await connect()
        writer.write(b"x" * 200_000)
        assert await said(reader, 200_000) == b"x" * 200_000
        assert proxy.links == 1
        writer.write_eof()
        assert await asyncio.wait_for(reader.read(), PATIENCE_S) == b""


async def test_row_53_one_octet_at_a_time() -> None:
    server = Server()
    async with through(server) as (proxy, connect):
        proxy.up.slice_octets = 1
        reader, writer = await connect()
        writer.write(b"in slices")
        assert await said(reader, 9) == b"in slices"
        assert len(server.pieces) > 1


async def test_latency_is_added_and_does_not_narrow_the_way() -> None:
    async with through() as (proxy, connect):
        proxy.up.latency_s = 0.2
        reader, writer = await connect()
        clock = asyncio.get_running_loop().time
        start = clock()
        for _ in range(10):
            writer.write(b"x" * 100)
            await writer.drain()
            await asyncio.to_thread(lambda: None)
        await said(reader, 1_000)
        assert 0.2 <= clock() - start < 1.0  # ten times over would be two seconds


async def test_a_narrow_way_takes_its_time() -> None:
    async with through() as (proxy, connect):
        proxy.down.octets_per_s = 1_000
        reader, writer = await connect()
        clock = asyncio.get_running_loop().time
        start = clock()
        writer.write(b"x" * 300)
        await said(reader, 300)
        assert clock() - start >= 0.3


async def test_a_black_hole_swallows_and_says_nothing() -> None:
    async with through() as (proxy, connect):
        reader, writer = await connect()
        writer.write(b"a")
        assert await said(reader, 1) == b"a"
        proxy.up.silent = True
        writer.write(b"swallowed")
        writer.write_eof()
        with pytest.raises(TimeoutError):
            await asyncio.wait_for(reader.read(1), 0.2)
        assert proxy.links == 1, "and nobody is told"


async def test_a_reset_is_seen_by_both() -> None:
    server = Server()
    async with through(server) as (proxy, connect):
        reader, writer = await connect()
        writer.write(b"a")
        await said(reader, 1)
        proxy.reset()
        with pytest.raises(ConnectionResetError):
            await asyncio.wait_for(reader.read(1), PATIENCE_S)
        await asyncio.wait_for(server.ended.wait(), PATIENCE_S)
        assert server.pieces == [b"a", b"(reset)"]


async def test_a_half_closed_link_still_carries_the_other_way() -> None:
    server = Server()
    async with through(server) as (proxy, connect):
        reader, writer = await connect()
        writer.write(b"a")
        await said(reader, 1)
        proxy.half_close()
        assert await asyncio.wait_for(reader.read(), PATIENCE_S) == b""
        writer.write(b"still")
        writer.write_eof()
        await asyncio.wait_for(server.ended.wait(), PATIENCE_S)
        assert b"".join(server.pieces).startswith(b"astill")


@pytest.mark.parametrize("limit", [0, 5, 10])
async def test_a_link_ends_after_so_many_octets(limit: int) -> None:
    server = Server()
    async with through(server) as (proxy, connect):
        proxy.up.limit_octets = limit
        _, writer = await connect()
        writer.write(b"0123456789")
        await asyncio.wait_for(server.ended.wait(), PATIENCE_S)
        # A reset may overtake what was sent just before it; more than the limit never comes.
        assert b"0123456789"[:limit].startswith(b"".join(server.pieces).replace(b"(reset)", b""))


@pytest.mark.parametrize("why", ["refusing", "away"])
async def test_where_nobody_is_links_are_refused(why: str) -> None:
    proxy = Proxy(Unix("/nowhere/at/all"))
    proxy.refusing = why == "refusing"
    await proxy.start()
    reader, writer = await asyncio.open_connection("127.0.0.1", proxy.port)
    with pytest.raises(ConnectionResetError):
        await asyncio.wait_for(reader.read(1), PATIENCE_S)
    writer.close()
    await proxy.stop()


# ---- PostgreSQL's protocol


def message(letter: bytes, body: bytes) -> bytes:
    return letter + struct.pack(">I", len(body) + 4) + body


START = struct.pack(">II", 12, 196_608) + b"user"
PARSE = message(b"P", b"_pg_1\0COMMIT\0\0\0")
BIND = message(b"B", b"\0_pg_1\0\0\0\0\0\0\0")
EXECUTE = message(b"E", b"\0\0\0\0\0")
OTHER = message(b"P", b"_pg_2\0SELECT 1\0\0\0") + message(b"B", b"\0_pg_2\0\0\0\0\0\0\0") + EXECUTE
DONE = message(b"C", b"COMMIT\0") + message(b"Z", b"I")


async def shown(plan: Plan, *octets: bytes) -> int:
    """How many pieces a client gets to the server before the link is cut."""
    proxy = PostgresProxy(Unix("/nowhere"))
    proxy.plan = plan
    watch = proxy._watching()
    for passed, piece in enumerate(octets):
        try:
            assert await watch.up(piece) == piece
        except Cut:
            return passed
    return len(octets)


@pytest.mark.parametrize("commit", [(message(b"Q", b"COMMIT\0"),), (PARSE + BIND + EXECUTE,), (PARSE, BIND, EXECUTE)])
async def test_a_commit_is_known_however_it_is_sent(commit: tuple[bytes, ...]) -> None:
    seen: list[int] = []
    plan = Plan(seen=lambda: seen.append(1))
    await shown(plan, START, OTHER, *commit, OTHER)
    assert seen == [1]
    assert await shown(Plan(cut=At.BEFORE), START, OTHER, *commit, OTHER) == 1 + len(commit)


async def test_a_commit_in_slices_is_known() -> None:
    octets = START + OTHER + PARSE + BIND + EXECUTE
    plan = Plan(cut=At.BEFORE)
    assert await shown(plan, *(octets[at : at + 1] for at in range(len(octets)))) == len(octets) - 1
    assert (plan.cut, plan.cuts) == (None, 1)


async def test_some_commits_may_pass_first() -> None:
    commit = message(b"Q", b"COMMIT\0")
    assert await shown(Plan(cut=At.BEFORE, skip=2), START, commit, commit, commit) == 3


async def test_after_a_commit_the_answer_is_kept_until_it_is_whole() -> None:
    proxy = PostgresProxy(Unix("/nowhere"))
    watch = proxy._watching()
    await watch.up(START)
    assert await watch.down(b"greeting") == b"greeting"
    proxy.plan.cut = At.AFTER
    await watch.up(message(b"Q", b"COMMIT\0"))
    assert await watch.down(DONE[:-6]) == b""
    with pytest.raises(Cut):
        await watch.down(DONE[-6:])
