"""The network in memory: what asyncio's transports promise, and everything that may befall a connection."""

import asyncio
from collections.abc import Awaitable, Callable
from random import Random
from typing import Any

import pytest

from gateway.simulation.loop import VirtualLoop
from gateway.simulation.network import KERNEL_OCTETS, Weather
from gateway.simulation.process import Process

PORT = 2775


class Peer(asyncio.Protocol):
    """Keeps what it is told."""

    def __init__(self) -> None:
        self.got = bytearray()
        self.reads = 0
        self.told: list[str] = []
        self.transport: asyncio.Transport
        self.lost = asyncio.Event()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        self.transport = transport

    def data_received(self, data: bytes) -> None:
        self.got += data
        self.reads += 1

    def eof_received(self) -> None:
        self.told.append("eof")

    def pause_writing(self) -> None:
        self.told.append("pause")

    def resume_writing(self) -> None:
        self.told.append("resume")

    def connection_lost(self, exc: Exception | None) -> None:
        self.told.append(type(exc).__name__ if exc else "closed")
        self.lost.set()


class Pair:
    """Two peers that are connected; the near one lives in a process of its own."""

    def __init__(self, loop: VirtualLoop) -> None:
        self.loop = loop
        self.near = Peer()
        self.far: Peer
        self.process = Process("near")
        loop.network.weather = Weather(sliced=0.0)

    def _accept(self) -> Peer:
        self.far = Peer()
        return self.far

    async def connect(self) -> "Pair":
        await self.loop.create_server(self._accept, "centre", PORT)
        await self.process.start(self.loop, self.loop.create_connection(lambda: self.near, "centre", PORT))
        await asyncio.sleep(1.0)
        return self


def play(main: Callable[[Pair], Awaitable[None]], seed: int = 1) -> None:
    loop = VirtualLoop(Random(seed))

    async def course() -> None:
        await main(await Pair(loop).connect())

    with asyncio.Runner(loop_factory=lambda: loop) as runner:
        runner.run(course())


def test_octets_arrive_later_in_their_order() -> None:
    async def main(pair: Pair) -> None:
        pair.near.transport.write(b"one ")
        pair.near.transport.writelines([b"two ", b"three"])
        assert pair.far.got == b""
        await asyncio.sleep(1.0)
        assert pair.far.got == b"one two three"
        assert pair.near.transport.get_extra_info("peername") == ("centre", PORT)

    play(main)


@pytest.mark.parametrize("seed", range(5))
def test_however_writes_are_cut_the_octets_are_the_same(seed: int) -> None:
    async def main(pair: Pair) -> None:
        pair.loop.network.weather = Weather(sliced=1.0, octet_by_octet=0.5)
        sent = b"".join(bytes([number]) * number for number in range(200))
        for place in range(0, len(sent), 100):
            pair.near.transport.write(sent[place : place + 100])
            await asyncio.sleep(0.05 if place % 1_000 else 0.0)
        await asyncio.sleep(5.0)
        assert pair.far.got == sent
        assert pair.far.reads > 2 * len(sent) / 100

    play(main, seed)


def test_what_the_kernel_does_not_take_waits_and_the_writer_is_told() -> None:
    async def main(pair: Pair) -> None:
        pair.far.transport.pause_reading()
        pair.near.transport.write(b"x" * (KERNEL_OCTETS + 100_000))
        assert pair.near.transport.get_write_buffer_size() == 100_000
        assert pair.near.told == ["pause"]
        pair.near.transport.close()
        pair.near.transport.write(b"too late")
        await asyncio.sleep(60.0)
        assert pair.near.told == ["pause"]
        pair.far.transport.resume_reading()
        await asyncio.sleep(1.0)
        assert len(pair.far.got) == KERNEL_OCTETS + 100_000
        assert pair.near.told == ["pause", "resume", "closed"]
        assert pair.far.told == ["eof", "closed"]

    play(main)


def test_abort_forgets_what_waits_and_not_what_the_kernel_has() -> None:
    async def main(pair: Pair) -> None:
        pair.far.transport.pause_reading()
        pair.near.transport.write(b"x" * (KERNEL_OCTETS + 100_000))
        pair.near.transport.abort()
        await pair.near.lost.wait()
        pair.far.transport.resume_reading()
        await pair.far.lost.wait()
        assert len(pair.far.got) == KERNEL_OCTETS

    play(main)


def test_a_process_that_dies_is_heard_of_as_an_end_or_a_reset_if_it_left_octets_unread() -> None:
    async def unread(pair: Pair) -> None:
        pair.near.transport.pause_reading()
        pair.far.transport.write(b"never read")
        pair.near.transport.write(b"last words")
        await asyncio.sleep(1.0)
        pair.loop.kill(pair.process)
        await pair.far.lost.wait()
        assert (bytes(pair.far.got), pair.far.told) == (b"last words", ["ConnectionResetError"])

    async def read(pair: Pair) -> None:
        pair.near.transport.write(b"last words")
        pair.loop.kill(pair.process)
        pair.near.transport.write(b"nothing more")
        await pair.far.lost.wait()
        assert (bytes(pair.far.got), pair.far.told) == (b"last words", ["eof", "closed"])
        assert pair.near.told == []

    play(unread)
    play(read)


def test_writing_to_who_is_gone_is_answered_with_a_reset() -> None:
    async def main(pair: Pair) -> None:
        (connection,) = pair.loop.network.connections
        connection.there.stall(float("inf"))  # nobody over there learns of the end
        pair.loop.kill(pair.process)
        await asyncio.sleep(60.0)
        assert pair.far.told == []
        pair.far.transport.write(b"are you there?")
        await pair.far.lost.wait()
        assert pair.far.told == ["ConnectionResetError"]

    play(main)


def test_a_cut_connection_loses_an_end_of_what_flies_and_both_hear_of_it() -> None:
    async def main(pair: Pair) -> None:
        pair.loop.network.weather = Weather(latency_s=0.1, jitter_s=0.0, sliced=0.0)
        for number in range(100):
            pair.near.transport.write(bytes([number]))
            await asyncio.sleep(0.01)
        (connection,) = pair.loop.network.connections
        pair.loop.network.cut(connection)
        await pair.near.lost.wait()
        await pair.far.lost.wait()
        assert pair.far.got == bytes(range(len(pair.far.got)))
        assert 0 < len(pair.far.got) < 100
        assert pair.near.told[-1:] == pair.far.told[-1:] == ["ConnectionResetError"]
        assert pair.loop.network.connections == []

    play(main)


def test_a_connection_that_hangs_says_nothing_and_goes_on_later() -> None:
    async def main(pair: Pair) -> None:
        (connection,) = pair.loop.network.connections
        pair.loop.network.hang(connection, 30.0)
        pair.near.transport.write(b"late")
        await asyncio.sleep(29.0)
        assert pair.far.got == b""
        await asyncio.sleep(2.0)
        assert pair.far.got == b"late"
        pair.loop.network.hang(connection)
        pair.near.transport.write(b"never")
        pair.near.transport.close()
        await asyncio.sleep(3_600.0)
        assert (bytes(pair.far.got), pair.far.told) == (b"late", [])

    play(main)


def test_connecting_to_nobody_is_refused_or_never_answered() -> None:
    async def main(pair: Pair) -> None:
        network, loop = pair.loop.network, pair.loop
        with pytest.raises(ConnectionRefusedError):
            await loop.create_connection(Peer, "elsewhere", PORT)
        with pytest.raises(OSError, match="in use"):
            await loop.create_server(Peer, "centre", PORT)
        network.weather = Weather(refuses=True)
        with pytest.raises(ConnectionRefusedError):
            await loop.create_connection(Peer, "centre", PORT)
        network.weather = Weather(swallows=True)
        with pytest.raises(TimeoutError):
            await asyncio.wait_for(loop.create_connection(Peer, "centre", PORT), 5.0)

    play(main)


def test_when_octets_left_their_sender_is_known_to_who_reads_them_write_by_write() -> None:
    seen: list[tuple[bytes, float]] = []

    class Clerk(Peer):
        def data_received(self, data: bytes) -> None:
            loop: Any = asyncio.get_running_loop()
            seen.append((data, loop.network.left_at))

    async def main(pair: Pair) -> None:
        pair.loop.network.weather = Weather(latency_s=1.0, sliced=0.0)
        pair.far.transport.set_protocol(Clerk())
        pair.far.transport.pause_reading()
        left = []
        for octets in (b"a", b"b"):
            left.append((octets, pair.loop.time()))
            pair.near.transport.write(octets)
            await asyncio.sleep(0.5)
        await asyncio.sleep(5.0)
        pair.far.transport.resume_reading()
        await asyncio.sleep(1.0)
        assert seen == left

    play(main)
