"""A network in memory: who listens where, the connections there are, and what befalls them.

A connection is two `Pipe`s, one each way. A pipe is both kernels and the wire between: it takes as many octets as its
buffers hold, carries them with a seeded delay and in seeded pieces, never out of order, and may stall (for a while or
for ever: a black hole without FIN), lose all that comes after a moment (a cut) and end with FIN or reset.
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Callable
from contextvars import copy_context
from dataclasses import dataclass
from math import inf
from random import Random
from typing import TYPE_CHECKING, Any

from gateway.simulation.process import owner_of
from gateway.simulation.transport import MemoryTransport

if TYPE_CHECKING:
    from gateway.simulation.loop import VirtualLoop

FIRST_FREE_PORT = 40_000
KERNEL_OCTETS = 128 * 1024
"""What the kernels of both ends hold of one direction."""
FEW_OCTETS = 300
"""Longer writes are not cut into single octets: that would show nothing more and take its time."""
GAP_S = 0.000_05
"""Mean time between two pieces of one write, in seconds: about a turn of the loop."""
PIECES = 6
"""Most pieces of a longer write that is cut."""

Address = tuple[str, int]


@dataclass(slots=True)
class Weather:
    """How the network is just now; durations in seconds."""

    latency_s: float = 0.000_3
    jitter_s: float = 0.000_2
    sliced: float = 0.05
    """Share of writes that arrive in pieces,"""
    octet_by_octet: float = 0.1
    """and of those, short ones that arrive octet by octet."""
    refuses: bool = False
    """Nobody listens: connecting is refused."""
    swallows: bool = False
    """Connecting gets no answer at all."""


class Pipe:
    """One direction of a connection. `writer` and `reader` are the transports at its ends."""

    def __init__(self, network: Network, stream: int) -> None:
        self.writer: MemoryTransport | None = None
        self.reader: MemoryTransport | None = None
        self.arrived: deque[tuple[float, bytes]] = deque()
        """What the reader's kernel holds and its process has not read, with when it left the writer."""
        self.ended: str = ""
        """"fin" or "reset", once that has arrived."""
        self._network = network
        self._stream = stream
        self._held = 0
        self._last_at = 0.0
        self._stalled_until = 0.0
        self._cut_at = inf

    @property
    def room(self) -> int:
        """Octets that the kernels take now."""
        return KERNEL_OCTETS - self._held

    def send(self, octets: bytes) -> None:
        """Octets that the writer's kernel has taken."""
        self._held += len(octets)
        now = self._network.loop.time()
        for place, piece in enumerate(self._network.pieces(octets)):
            if place:
                self._last_at += self._network.gap()
            self._carry(self._arrive, now, piece)

    def end(self, how: str) -> None:
        """FIN, behind what was sent; or a reset, which overtakes nothing either on this wire."""
        self._carry(self._finish, how)

    def stall(self, until: float) -> None:
        """What is sent from now on arrives after that time; infinity: never."""
        self._stalled_until = max(self._stalled_until, until)

    def cut(self, at: float) -> None:
        """What would arrive after that time is lost; the reader's kernel learns of the cut then."""
        if self._cut_at == inf:
            self._cut_at = at
            self._network.loop.kernel_at(at, self._stream, self._finish, "reset")

    def take(self, apart: bool) -> bytes:
        """What has arrived (`apart`: of one write); the writer's kernel has room again a moment later."""
        if not self.arrived:
            return b""
        taken: list[bytes] = []
        network, first = self._network, self.arrived[0][0]
        while self.arrived and (not apart or self.arrived[0][0] == first):
            network.left_at, piece = self.arrived.popleft()
            taken.append(piece)
        octets = b"".join(taken)
        self._held -= len(octets)
        if self.writer is not None and self.writer.waits:
            self._network.after_latency(self._stream, self.writer.drain)
        return octets

    def _carry(self, act: Callable[..., None], *arguments: Any) -> None:
        loop = self._network.loop
        at = max(self._last_at, loop.time() + self._network.latency(), self._stalled_until)
        if at == inf:
            return
        self._last_at = at
        loop.kernel_at(at, self._stream, act, *arguments)

    def _arrive(self, left_at: float, piece: bytes) -> None:
        if self.ended or self._network.loop.time() > self._cut_at:
            return
        if self.reader is None or self.reader.closed:
            # Octets for a socket that is closed: its kernel answers with a reset, and so it does if they are many.
            if self.writer is not None:
                self._network.after_latency(self._stream, self.writer.reset)
            return
        self._network.trace("octets", self._stream, piece)
        self.arrived.append((left_at, piece))
        self.reader.arrived()

    def _finish(self, how: str) -> None:
        if not self.ended:
            self.ended = how
            self._network.trace(how, self._stream, b"")
            if self.reader is not None and not self.reader.closed:
                self.reader.arrived()


class Connection:
    """Two ends: `near` asked for it, `far` listened."""

    def __init__(self, there: Pipe, back: Pipe, near: MemoryTransport, far: MemoryTransport) -> None:
        self.there = there
        self.back = back
        self.near = near
        self.far = far

    @property
    def closed(self) -> bool:
        """Whether neither end has it open any more."""
        return self.near.closed and self.far.closed


class Listener:
    """What create_server gives."""

    def __init__(self, network: Network, address: Address, factory: Callable[[], asyncio.BaseProtocol]) -> None:
        self.address = address
        self.factory = factory
        self.context = copy_context()
        self.sockets = (self,)
        self._network = network
        self._owner = owner_of(None)
        if self._owner is not None:
            self._owner.sockets[self] = None

    def getsockname(self) -> Address:
        """Where it listens."""
        return self.address

    def close(self) -> None:
        """Listen no more; what is connected stays so."""
        self._network.listeners.pop(self.address, None)

    def orphaned(self) -> None:
        """Its process is gone."""
        self.close()

    def is_serving(self) -> bool:
        """Whether it listens."""
        return self.address in self._network.listeners

    async def wait_closed(self) -> None:
        """Nothing is left to wait for."""


class Network:
    """All listeners and connections of one loop, and how octets fare between them."""

    def __init__(self, loop: VirtualLoop, random: Random) -> None:
        self.loop = loop
        self.weather = Weather()
        self.listeners: dict[Address, Listener] = {}
        self.left_at = 0.0
        """When the octets that are being read left their sender."""
        self.trace: Callable[[str, int, bytes], None] = _untold
        """Told of everything that arrives: what, on which stream, its octets."""
        self._random = random
        self._streams = 0
        self._connections: list[Connection] = []

    @property
    def connections(self) -> list[Connection]:
        """Those that are open at one end at least, the oldest first."""
        self._connections = [one for one in self._connections if not one.closed]
        return self._connections

    def listen(self, factory: Callable[[], asyncio.BaseProtocol], host: str, port: int) -> Listener:
        """Listen at an address; port 0: the next free one. Raises OSError where somebody listens already."""
        if not port:
            port = FIRST_FREE_PORT + len(self.listeners)
        if (host, port) in self.listeners:
            raise OSError(98, f"address {host}:{port} is in use")
        listener = self.listeners[host, port] = Listener(self, (host, port), factory)
        return listener

    async def connect(
        self, factory: Callable[[], asyncio.BaseProtocol], host: str, port: int
    ) -> tuple[MemoryTransport, asyncio.BaseProtocol]:
        """Connect, in the caller's process. Raises ConnectionRefusedError where nobody listens; waits for ever where
        the network swallows what is sent."""
        await asyncio.sleep(2 * self.latency())
        if self.weather.swallows:
            await self.loop.create_future()
        listener = self.listeners.get((host, port))
        if listener is None or self.weather.refuses:
            raise ConnectionRefusedError(111, "Connection refused")
        self._streams += 2
        there, back = Pipe(self, self._streams), Pipe(self, self._streams + 1)
        here = ("10.0.0.1", FIRST_FREE_PORT + self._streams % 20_000)
        near = MemoryTransport(self, back, there, (here, (host, port)), copy_context())
        far = MemoryTransport(self, there, back, ((host, port), here), listener.context.copy())
        far.reads_apart = True
        self._connections.append(Connection(there, back, near, far))
        protocol = factory()
        self.loop.call_soon(far.begin, listener.factory, context=far.context)
        near.begin(lambda: protocol)
        return near, protocol

    def latency(self) -> float:
        """Seconds that the next octets take."""
        weather = self.weather
        return weather.latency_s + weather.jitter_s * self._random.expovariate(1.0)

    def gap(self) -> float:
        """Seconds between two pieces of one write: now and then they are read apart."""
        return GAP_S * self._random.expovariate(1.0)

    def after_latency(self, stream: int, act: Callable[[], None]) -> None:
        """The other end's kernel learns of something."""
        self.loop.kernel_at(self.loop.time() + self.latency(), stream, act)

    def pieces(self, octets: bytes) -> list[bytes]:
        """How octets written at once arrive."""
        random, weather = self._random, self.weather
        if len(octets) < 2 or random.random() >= weather.sliced:
            return [octets]
        if len(octets) <= FEW_OCTETS and random.random() < weather.octet_by_octet:
            return [octets[place : place + 1] for place in range(len(octets))]
        cuts = sorted({random.randrange(1, len(octets)) for _ in range(random.randint(1, PIECES - 1))})
        return [octets[start:end] for start, end in zip([0, *cuts], [*cuts, len(octets)], strict=True)]

    # ------------------------------------------------------------------------------------------------- what befalls

    def cut(self, connection: Connection) -> None:
        """Both kernels learn, one after the other, that the connection is gone; some of what flies arrives before."""
        now, longest = self.loop.time(), 3 * self.weather.latency_s + 0.05
        for pipe in (connection.there, connection.back):
            pipe.cut(now + longest * self._random.random())

    def hang(self, connection: Connection, seconds: float = inf) -> None:
        """Nothing arrives any more, in either direction, for so long; with no FIN and no reset."""
        for pipe in (connection.there, connection.back):
            pipe.stall(self.loop.time() + seconds)


def _untold(what: str, stream: int, octets: bytes) -> None:
    """Nobody listens."""
