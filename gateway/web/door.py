"""Who may hold a connection of the HTTP side, and for how long: nobody can keep others out by holding many, or by
sending octet after octet of a request that never comes.

The head of a request has HEAD_S to come in, whole; handlers bound what they wait for themselves; an answer is taken,
and a connection used again, within IDLE_S. There are never more connections than descriptors can be spared for, and no
address has more than half of them, but for this machine's own: a proxy speaks for everybody. One more than that takes
the place of the one that has waited longest for a request, and is turned away when all are being answered.
"""

from __future__ import annotations

import asyncio
import resource
from collections import Counter
from collections.abc import Callable
from ipaddress import ip_address
from typing import Any, cast

import structlog
from aiohttp import web

from gateway.web.guesses import network_of
from gateway.web.problems import Handler

HEAD_S = 10.0
"""From the connection, or the first octet of a further request, until its head is whole, in seconds: a phone with bad
reception sends a few hundred octets again within that."""
IDLE_S = 130.0
"""From an answer until the first octet of a further request, in seconds. Longer than proxies keep a connection that
nothing is sent on (nginx 60 s, Caddy 120 s): it is they who close it, and no POST meets one that is just closing."""
MOST_OPEN = 1_000
"""Connections at once. A page takes some milliseconds, so this is more than any campaign's phones hold; a thousand that
drip a request take 5 MB."""
MOST_QUEUED = 128
"""Connections that the system takes for us at most until we come to them: they are admitted or ended one batch at a
time, and a batch has descriptors, too."""
SHARE = 2
"""Of the descriptors that the process may have, and of the connections for one address, one in so many: the other half
is for carriers, the store and files, and for other addresses."""

TOLD_S = 60.0
"""Between two lines of the log about connections that were one too many, in seconds."""

log = structlog.get_logger("kwek.web")


def room() -> int:
    """Connections that may be open at once, by what the system lets the process have."""
    soft, _ = resource.getrlimit(resource.RLIMIT_NOFILE)
    return MOST_OPEN if soft == resource.RLIM_INFINITY else max(SHARE, min(MOST_OPEN, soft // SHARE))


class Door:
    """The connections of one server, as a factory of their protocols. `most` may be open at once."""

    def __init__(self, most: int) -> None:
        self._most = most
        self._protocol: Callable[[], asyncio.Protocol] = asyncio.Protocol
        self._by_protocol: dict[object, Connection] = {}
        self._of: Counter[str] = Counter()
        """How many each address has; this machine's own are not counted."""
        self._waiting: dict[Connection, None] = {}
        """Those that no request is answered on, the one that waits longest first."""
        self._told_at = -TOLD_S

    @property
    def queue(self) -> int:
        """How many may wait until they are admitted: two batches are in hand at once, one of them being ended."""
        return max(1, min(MOST_QUEUED, self._most // 4))

    def lead_to(self, protocol: Callable[[], asyncio.Protocol]) -> None:
        """Whose connections they are from now on: what speaks HTTP on each."""
        self._protocol = protocol

    def __call__(self) -> Connection:
        """The protocol of a new connection."""
        return Connection(self)

    @web.middleware
    async def attend(self, request: web.Request, handler: Handler) -> web.StreamResponse:
        """The outermost middleware: the head has come whole, and the answer is being made."""
        protocol = request.protocol
        connection = self._by_protocol.get(protocol)
        if connection is None:  # ended already
            return await handler(request)
        del self._waiting[connection]
        connection.is_asked()
        try:
            return await handler(request)
        finally:
            if protocol in self._by_protocol:  # not gone meanwhile
                self._waiting[connection] = None
                connection.is_answered()

    def admit(self, connection: Connection) -> asyncio.Protocol | None:
        """What speaks HTTP on a new connection; None when there is no room for it."""
        if not self._make_room(connection.client):
            return None
        protocol = self._protocol()
        self._by_protocol[protocol] = connection
        self._waiting[connection] = None
        if connection.client:
            self._of[connection.client] += 1
        return protocol

    def release(self, connection: Connection) -> None:
        """A connection has ended, or is being ended."""
        if self._by_protocol.pop(connection.protocol, None) is None:
            return
        self._waiting.pop(connection, None)
        if connection.client:
            self._of[connection.client] -= 1
            if not self._of[connection.client]:
                del self._of[connection.client]

    def _make_room(self, client: str) -> bool:
        """For one more connection of that address."""
        is_share = self._of[client] >= self._most // SHARE
        if not is_share and len(self._by_protocol) < self._most:
            return True
        now = asyncio.get_running_loop().time()
        if now - self._told_at >= TOLD_S:
            self._told_at = now
            most = self._most // SHARE if is_share else self._most
            whose = "of one address" if is_share else "in all"
            log.warning(f"as many HTTP connections {whose} as may be", open=len(self._by_protocol), most=most)
        waiting = (one for one in self._waiting if not is_share or one.client == client)
        longest = next(waiting, None)
        if longest is not None:
            longest.end()
        return longest is not None


class Connection(asyncio.Protocol):
    """One connection: passes everything on to what speaks HTTP, and ends it when its time is over."""

    def __init__(self, door: Door) -> None:
        self.client = ""
        """Whose it is; empty for this machine's own, which are not counted by address."""
        self.protocol: asyncio.Protocol = asyncio.Protocol()
        self._door = door
        self._transport: asyncio.Transport | None = None
        self._deadline: asyncio.TimerHandle | None = None
        self._is_idle = False

    def is_asked(self) -> None:
        """A request has come in; whoever answers it says how long that may take."""
        self._end_in(None)
        self._is_idle = False

    def is_answered(self) -> None:
        """The answer is on its way."""
        self._end_in(IDLE_S)
        self._is_idle = True

    def end(self) -> None:
        """End it, whatever is still to be sent."""
        self._end_in(None)
        self._door.release(self)
        if self._transport is not None:
            self._transport.abort()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Pass it on, if it is admitted."""
        self._transport = cast(asyncio.Transport, transport)
        self.client = _client(transport.get_extra_info("peername"))
        protocol = self._door.admit(self)
        if protocol is None:
            self._transport.abort()
            return
        self.protocol = protocol
        protocol.connection_made(transport)
        self._end_in(HEAD_S)

    def data_received(self, data: bytes) -> None:
        """Pass it on; the first octets after an answer are those of a head."""
        if self._is_idle:
            self._is_idle = False
            self._end_in(HEAD_S)
        self.protocol.data_received(data)

    def eof_received(self) -> bool | None:
        """Pass it on."""
        return self.protocol.eof_received()

    def pause_writing(self) -> None:
        """Pass it on."""
        self.protocol.pause_writing()

    def resume_writing(self) -> None:
        """Pass it on."""
        self.protocol.resume_writing()

    def connection_lost(self, exc: Exception | None) -> None:
        """Its place is free."""
        self._end_in(None)
        self._door.release(self)
        self.protocol.connection_lost(exc)

    def _end_in(self, seconds: float | None) -> None:
        if self._deadline is not None:
            self._deadline.cancel()
        self._deadline = None if seconds is None else asyncio.get_running_loop().call_later(seconds, self.end)


def _client(peer: Any) -> str:
    try:
        address = ip_address(peer[0])
    except (TypeError, IndexError, ValueError):  # gone already, or no address of the internet
        return ""
    return "" if address.is_loopback else network_of(peer[0])
