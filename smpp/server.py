"""The message centre's side: listens, lets those bind whom its owner admits, and hands on what they say.

Who may bind is the owner's to decide, when it likes (a password hash takes its time): the bind request is handed to
`bind_asked`, and the link answers it by `admit` or `refuse`. A connection that has not bound in time is closed by its
session's timer. The simulator and the gateway's SMPP server are owners.
"""

import asyncio
import ssl
from collections.abc import Callable
from typing import Any, Final, Protocol

from smpp.constants import INTERFACE_34, TAG_SC_INTERFACE_VERSION
from smpp.events import Answered, Faulted, Received, Unanswered
from smpp.pdu import BindReceiver, BindTransceiver, BindTransmitter
from smpp.session import Limits, Role
from smpp.wire import Wire

#: Connections that wait to be accepted; more of them at once are refused by the kernel.
_BACKLOG: Final = 256

#: After our unbind a peer has so long to answer before we close.
UNBIND_S: Final = 2.0

BindRequest = BindReceiver | BindTransmitter | BindTransceiver


class Owner(Protocol):
    """Whoever works with the links. Calls come from the event loop and must not block."""

    def bind_asked(self, link: "ServerLink", request: Received) -> None:
        """Somebody wants to bind: `link.admit` or `link.refuse`, now or later."""
        ...

    def received(self, link: "ServerLink", requests: list[Received]) -> None:
        """Requests of an ESME to be answered with `link.answer`, in their order."""
        ...

    def answered(self, link: "ServerLink", answers: list[Answered]) -> None:
        """Answers to what was sent."""
        ...

    def lost(self, link: "ServerLink", unanswered: list[Unanswered], reason: str) -> None:
        """A link is gone; whether the ESME acted on what it had not answered is unknown."""
        ...

    def changed(self, link: "ServerLink") -> None:
        """Bound, unbound, congested or free again."""
        ...


class ServerLink(Wire):
    """One connection of an ESME. `system_id` is empty until it was admitted; `peer` is its address and port."""

    def __init__(self, server: "Server") -> None:
        super().__init__(Role.MC, server.limits, server.clock)
        self.system_id = ""
        self.peer: tuple[str, int] = ("", 0)
        self._server = server
        self._owner = server.owner

    def admit(self, request: Received, centre: str) -> bool:
        """Accepts a bind in the name of a centre; False if the connection is gone meanwhile."""
        bind: Any = request.pdu
        version = ((TAG_SC_INTERFACE_VERSION, bytes((INTERFACE_34,))),)
        if not self.answer(request, bind.response(system_id=centre, tlvs=version)):
            return False
        self.system_id = bind.system_id
        self._owner.changed(self)
        return True

    def refuse(self, request: Received, status: int) -> bool:
        """Refuses a bind with a command_status, and closes; False if the connection is gone meanwhile."""
        was_there = self.answer(request, status)
        self.close("we refused the bind")
        return was_there

    def on_connected(self, transport: asyncio.Transport) -> None:
        """Takes the peer's address down."""
        self.peer = tuple(transport.get_extra_info("peername")[:2])
        self._server.links.add(self)

    def on_received(self, requests: list[Received]) -> None:
        """Hands requests on, binds apart."""
        binds = [request for request in requests if isinstance(request.pdu, BindRequest)]
        for request in binds:
            self._owner.bind_asked(self, request)
        others = [request for request in requests if not isinstance(request.pdu, BindRequest)] if binds else requests
        if others:
            self._owner.received(self, others)

    def on_answered(self, answers: list[Answered]) -> None:
        """Hands answers on."""
        self._owner.answered(self, answers)

    def on_fault(self, event: Faulted) -> None:
        """Hands a fault on to whoever keeps what cannot be read."""
        self._server.faulted(self, event)

    def on_changed(self) -> None:
        """Tells the owner."""
        self._owner.changed(self)

    def on_lost(self, unanswered: list[Unanswered], reason: str) -> None:
        """Hands back what was not answered."""
        self.trouble = reason
        self._server.links.discard(self)
        if self.system_id:
            self._owner.lost(self, unanswered, reason)


def _keep_nothing(link: ServerLink, event: Faulted) -> None:
    """Faults are counted by the session; an owner that keeps the octets passes its own function."""


class Server:
    """Listens for ESMEs. `clock` gives monotonic seconds; `links` are the connections that are open now.

    `link` makes one for a new connection.
    """

    def __init__(
        self,
        owner: Owner,
        limits: Limits,
        clock: Callable[[], float],
        *,
        tls: ssl.SSLContext | None = None,
        faulted: Callable[[ServerLink, Faulted], None] = _keep_nothing,
        link: Callable[["Server"], ServerLink] = ServerLink,
    ) -> None:
        self.owner = owner
        self.limits = limits
        self.clock = clock
        self.faulted = faulted
        self.links: set[ServerLink] = set()
        self._tls = tls
        self._link = link
        self._listener: asyncio.Server | None = None

    async def start(self, host: str, port: int) -> int:
        """Listens; returns the port, which the system chooses for port 0. Raises OSError where it cannot listen."""
        loop = asyncio.get_running_loop()
        self._listener = await loop.create_server(
            lambda: self._link(self), host, port, backlog=_BACKLOG, ssl=self._tls, reuse_address=True
        )
        return int(self._listener.sockets[0].getsockname()[1])

    async def stop(self, drain_s: float) -> None:
        """Accepts nobody new, waits at most `drain_s` for open answers, unbinds and closes every link."""
        if self._listener is not None:
            self._listener.close()
        async with asyncio.TaskGroup() as stopping:
            for link in tuple(self.links):
                stopping.create_task(link.drain(drain_s, UNBIND_S))
