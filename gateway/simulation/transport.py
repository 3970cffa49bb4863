"""One end of a connection in memory, with the manners of asyncio's own socket transport.

What the kernel does not take waits in the write buffer; beyond the high mark the protocol is told to pause, and below
the low mark to go on. `close` writes what waits first; `abort` forgets it. What the kernel has taken goes its way even
if the process dies; then the kernel ends the connection, with a reset if anything was left unread.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterable
from contextvars import Context
from typing import TYPE_CHECKING, Any, cast

from gateway.simulation.process import owner_of

if TYPE_CHECKING:
    from gateway.simulation.network import Address, Network, Pipe

HIGH_OCTETS = 64 * 1024
LOW_OCTETS = 16 * 1024
"""asyncio's own marks."""


class MemoryTransport(asyncio.Transport):
    """One end; `closed` says that its kernel has no socket for it any more."""

    def __init__(
        self, network: Network, incoming: Pipe, outgoing: Pipe, names: tuple[Address, Address], context: Context
    ) -> None:
        super().__init__({"sockname": names[0], "peername": names[1]})
        self.context = context
        self.closed = False
        self.reads_apart = False
        """Whether what was written at several times is read in several turns."""
        self._loop = network.loop
        self._in = incoming
        self._out = outgoing
        self._protocol: asyncio.Protocol | None = None
        self._buffer = bytearray()
        self._marks = (LOW_OCTETS, HIGH_OCTETS)
        self._writing_paused = False
        self._reading = True
        self._closing = False
        self._read_wanted = False
        self._owner = owner_of(context)
        incoming.reader = outgoing.writer = self
        if self._owner is not None:
            self._owner.sockets[self] = None

    def begin(self, factory: Callable[[], asyncio.BaseProtocol]) -> None:
        """The connection is there."""
        self._protocol = cast(asyncio.Protocol, factory())
        self._protocol.connection_made(self)
        self.arrived()

    # ---------------------------------------------------------------------------------------------- what asyncio has

    def is_closing(self) -> bool:
        """Whether it is closed, or about to be."""
        return self._closing

    def is_reading(self) -> bool:
        """Whether the protocol gets what arrives."""
        return self._reading and not self._closing

    def pause_reading(self) -> None:
        """Leave what arrives to the kernel."""
        self._reading = False

    def resume_reading(self) -> None:
        """Take it from there."""
        if not self._reading:
            self._reading = True
            self.arrived()

    def get_write_buffer_size(self) -> int:
        """Octets that the kernel has not taken."""
        return len(self._buffer)

    def get_write_buffer_limits(self) -> tuple[int, int]:
        """The low and the high mark."""
        return self._marks

    def set_write_buffer_limits(self, high: int | None = None, low: int | None = None) -> None:
        """Set the marks, as asyncio derives one from the other."""
        high = (HIGH_OCTETS if low is None else 4 * low) if high is None else high
        self._marks = (high // 4 if low is None else low, high)

    def can_write_eof(self) -> bool:
        """Half-closing is not simulated."""
        return False

    def set_protocol(self, protocol: asyncio.BaseProtocol) -> None:
        """Whom it serves from now on."""
        self._protocol = cast(asyncio.Protocol, protocol)

    def get_protocol(self) -> asyncio.BaseProtocol:
        """Whom it serves."""
        return cast(asyncio.BaseProtocol, self._protocol)

    def write(self, data: Any) -> None:
        """Octets for the kernel; what it does not take waits here."""
        if self._closing or self._is_dead():
            return
        if self._in.ended == "reset":
            self._force_close(_reset())
            return
        self._buffer += data
        self._push()
        if len(self._buffer) > self._marks[1] and not self._writing_paused:
            self._writing_paused = True
            self._served.pause_writing()

    def writelines(self, list_of_data: Iterable[Any]) -> None:
        """The same, joined."""
        self.write(b"".join(list_of_data))

    def close(self) -> None:
        """Close once what waits is written."""
        if self._closing or self._is_dead():
            return
        self._closing = True
        if not self._buffer:
            self._loop.call_soon(self._lose, None, context=self.context)

    def abort(self) -> None:
        """Close now; what waits is forgotten."""
        if not self._is_dead():
            self._force_close(None)

    # -------------------------------------------------------------------------------------------- what the kernel does

    @property
    def waits(self) -> bool:
        """Whether octets wait for room in the kernel."""
        return bool(self._buffer)

    def arrived(self) -> None:
        """There is something to read: octets, or the end."""
        if self._closing and self._in.ended == "reset":
            self._force_close(_reset())
        if self._read_wanted or not self._reading or self._closing or self._protocol is None:
            return
        if self._in.arrived or self._in.ended:
            self._read_wanted = True
            self._loop.call_soon(self._read, context=self.context)

    def drain(self) -> None:
        """The kernel has room again."""
        if not self.closed:
            self._loop.call_soon(self._drain, context=self.context)

    def reset(self) -> None:
        """The other end's kernel does not know this connection."""
        if not self.closed and not self._in.ended:
            self._in.ended = "reset"
            self.arrived()

    def orphaned(self) -> None:
        """The process is gone: the kernel closes the socket."""
        if not self.closed:
            self.closed = True
            self._buffer.clear()
            self._end()

    # --------------------------------------------------------------------------------------------------- its insides

    @property
    def _served(self) -> asyncio.Protocol:
        return cast(asyncio.Protocol, self._protocol)

    def _is_dead(self) -> bool:
        return self._owner is not None and not self._owner.alive

    def _read(self) -> None:
        self._read_wanted = False
        if not self._reading or self._closing:
            return
        octets = self._in.take(self.reads_apart)
        if octets:
            self._served.data_received(octets)
        elif self._in.ended == "reset":
            self._force_close(_reset())
        elif self._in.ended and not self._served.eof_received():
            self.close()
            return
        else:
            return
        self.arrived()

    def _push(self) -> None:
        octets = bytes(self._buffer[: max(0, self._out.room)])
        if octets:
            del self._buffer[: len(octets)]
            self._out.send(octets)

    def _drain(self) -> None:
        self._push()
        if self._writing_paused and len(self._buffer) <= self._marks[0]:
            self._writing_paused = False
            self._served.resume_writing()
        if self._closing and not self._buffer and not self.closed:
            self._lose(None)

    def _force_close(self, error: Exception | None) -> None:
        if not self.closed:
            self._buffer.clear()
            self._closing = True
            self._loop.call_soon(self._lose, error, context=self.context)

    def _end(self) -> None:
        if self._in.ended != "reset":  # then there is nobody to tell
            self._out.end("reset" if self._in.arrived else "fin")

    def _lose(self, error: Exception | None) -> None:
        if self.closed:
            return
        self.closed = True
        if self._owner is not None:
            self._owner.sockets.pop(self, None)
        try:
            self._served.connection_lost(error)
        finally:
            self._end()


def _reset() -> ConnectionResetError:
    return ConnectionResetError(104, "Connection reset by peer")
