"""A proxy on the loopback that spoils what passes: slow, in slices, in silence, cut off.

Each direction of each link has its own way (`Way`), which may be changed at any moment and holds for what comes next:

    proxy = Proxy(Tcp("127.0.0.1", 2775))
    port = await proxy.start()
    proxy.up.slice_octets = 1             # towards the server, one octet at a time
    proxy.down.silent = True              # from the server, nothing comes through any more, and nobody is told
    proxy.reset()

A `watch` sees what passes before it goes and may hold it or end the link: gateway/torture/postgres_proxy.py.
"""

from __future__ import annotations

import asyncio
import socket
import struct
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from typing import Protocol

READ_OCTETS = 65_536
"""Octets that are read at once; a way may pass them on in smaller pieces."""
UNDER_WAY = 256
"""Pieces that wait for their latency to pass, per direction; then reading waits."""
LINKS = 1_024
"""Links at once: more are refused, so that a storm of them is not the proxy's end."""


@dataclass(frozen=True, slots=True)
class Tcp:
    """A server on a port."""

    host: str
    port: int


@dataclass(frozen=True, slots=True)
class Unix:
    """A server on a socket in the file system."""

    path: str


@dataclass(slots=True)
class Way:
    """What becomes of the octets in one direction. Times in seconds."""

    latency_s: float = 0.0
    """Each piece is passed on so much later."""
    slice_octets: int = READ_OCTETS
    """A piece is at most so long: down to 1."""
    octets_per_s: float = 0.0
    """No more than so many a second; 0: as fast as it goes."""
    silent: bool = False
    """Octets are swallowed, and the links stay open: a black hole."""
    limit_octets: int | None = None
    """After so many octets of a link it is reset."""


class Cut(Exception):
    """Raised by a watch: the link is reset, and what it was shown is not passed on."""


class Watch(Protocol):
    """Sees what passes on one link. Raises Cut."""

    async def up(self, octets: bytes) -> bytes:
        """The client sent these; gives what the server is to get."""

    async def down(self, octets: bytes) -> bytes:
        """The server sent these; gives what the client is to get."""


@dataclass(eq=False, slots=True)
class _Link:
    client: asyncio.StreamWriter
    server: asyncio.StreamWriter
    passed: dict[str, int] = field(default_factory=lambda: {"up": 0, "down": 0})


class Proxy:
    """Listens on a port of the loopback and passes on to a server; see the head of this file."""

    def __init__(self, server: Tcp | Unix, watch: Callable[[], Watch] | None = None) -> None:
        self.server = server
        self.up, self.down = Way(), Way()
        self.refusing = False
        """New links are reset at once, as where nobody listens."""
        self.port = 0
        self._watch = watch
        self._listening: asyncio.Server | None = None
        self._links: set[_Link] = set()
        self._tasks: set[asyncio.Task[None]] = set()

    async def start(self) -> int:
        """Listen; gives the port."""
        self._listening = await asyncio.start_server(self._accepted, "127.0.0.1", self.port, limit=READ_OCTETS)
        self.port = self._listening.sockets[0].getsockname()[1]
        return self.port

    async def stop(self) -> None:
        """Reset every link and listen no more."""
        if self._listening is not None:
            self._listening.close()
        self.reset()
        for task in tuple(self._tasks):
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        if self._listening is not None:
            await self._listening.wait_closed()

    @property
    def links(self) -> int:
        """Links that are open."""
        return len(self._links)

    def reset(self) -> None:
        """End every link with a reset: what is under way is lost."""
        for link in tuple(self._links):
            _reset(link.client)
            _reset(link.server)

    def half_close(self) -> None:
        """Tell every client that the server has nothing more to say; the other direction goes on."""
        for link in self._links:
            if link.client.can_write_eof():
                link.client.write_eof()

    # -------------------------------------------------------------------------------------------------- its insides

    async def _accepted(self, reader: asyncio.StreamReader, client: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        self._tasks.add(task)
        try:
            if self.refusing or len(self._links) >= LINKS:
                _reset(client)
                return
            try:
                back, server = await self._connect()
            except OSError:  # the server is away: so is the proxy
                _reset(client)
                return
            await self._pass(_Link(client, server), reader, back)
        except asyncio.CancelledError:  # the proxy stops; the streams' own task may end quietly
            _reset(client)
        finally:
            self._tasks.discard(task)

    async def _connect(self) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
        if isinstance(self.server, Unix):
            return await asyncio.open_unix_connection(self.server.path, limit=READ_OCTETS)
        return await asyncio.open_connection(self.server.host, self.server.port, limit=READ_OCTETS)

    async def _pass(self, link: _Link, reader: asyncio.StreamReader, back: asyncio.StreamReader) -> None:
        watch = self._watch() if self._watch is not None else None
        self._links.add(link)
        ways = (
            self._carry(link, reader, "up", watch.up if watch else None),
            self._carry(link, back, "down", watch.down if watch else None),
        )
        running = [asyncio.create_task(one) for one in ways]
        try:
            await asyncio.gather(*running)
        except (OSError, Cut):
            _reset(link.client)
            _reset(link.server)
        finally:
            for one in running:
                one.cancel()
            await asyncio.gather(*running, return_exceptions=True)
            self._links.discard(link)
            link.client.close()
            link.server.close()

    async def _carry(
        self, link: _Link, reader: asyncio.StreamReader, name: str, see: Callable[[bytes], Awaitable[bytes]] | None
    ) -> None:
        """Pass on what comes from one side until it ends. Raises OSError where the other is gone, and Cut."""
        way, writer = (self.up, link.server) if name == "up" else (self.down, link.client)
        clock = asyncio.get_running_loop().time
        late = asyncio.Queue[tuple[float, bytes | Exception]](UNDER_WAY)

        async def read() -> None:
            """Ends with b"", or with what went wrong."""
            octets: bytes | Exception = b" "
            while octets and not isinstance(octets, Exception):
                try:
                    octets = await reader.read(READ_OCTETS)
                    if octets and see is not None and not (octets := await see(octets)):
                        octets = b" "  # the watch keeps them; that is not the end
                        continue
                except (OSError, Cut) as fault:
                    octets = fault
                await late.put((clock() + way.latency_s, octets))

        reading = asyncio.create_task(read())
        try:
            while True:
                due, octets = await late.get()
                if isinstance(octets, Exception):
                    raise octets
                if not octets:
                    break
                if due > clock():
                    await asyncio.sleep(due - clock())
                await self._write(link, writer, name, octets)
        finally:
            reading.cancel()
        if not way.silent and writer.can_write_eof():
            writer.write_eof()

    async def _write(self, link: _Link, writer: asyncio.StreamWriter, name: str, octets: bytes) -> None:
        way, at = self.up if name == "up" else self.down, 0
        while at < len(octets):
            piece = octets[at : at + max(1, way.slice_octets)]
            at += len(piece)
            if way.octets_per_s:
                await asyncio.sleep(len(piece) / way.octets_per_s)
            if way.silent:
                continue
            left = None if way.limit_octets is None else max(0, way.limit_octets - link.passed[name])
            writer.write(piece if left is None else piece[:left])
            link.passed[name] += len(piece)
            await writer.drain()
            if left is not None and left <= len(piece):
                raise Cut(f"{way.limit_octets} octets have passed")
            if way.slice_octets < READ_OCTETS:
                await asyncio.sleep(0)  # the kernel is to see slices, not one write


def _reset(writer: asyncio.StreamWriter) -> None:
    """Close with RST, as a machine that died and came back answers."""
    connection = writer.get_extra_info("socket")
    if connection is not None and connection.family != socket.AF_UNIX and not writer.is_closing():
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    writer.transport.abort()
