"""The ESME side: keeps N binds to a message centre up, over failover addresses, and hands what they say to its owner.

One task per bind connects, waits while the bind holds, and waits again before the next try; everything else happens in
the transport's callbacks. A link object is one connection: answers meant for a lost one never reach its successor.
What is wrong is one sentence in `Link.trouble`, written for the operator; this file writes no log. An owner that raises
is a bug: the loop's exception handler is told at once (as asyncio tells it of what a transport's callback raises), and
who runs the client decides what becomes of it.
"""

import asyncio
import ssl
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Final, Literal, Protocol

from smpp.backoff import Backoff, Setback
from smpp.constants import (
    ESME_RALYBND,
    ESME_RINVPASWD,
    ESME_RINVSYSID,
    INTERFACE_34,
    status_name,
)
from smpp.events import Answered, Bound, Faulted, Received, Unanswered
from smpp.pdu import BindReceiver, BindTransceiver, BindTransmitter
from smpp.session import Limits, Role
from smpp.wire import Wire

BindKind = Literal["transceiver", "transmitter", "receiver", "pair"]

#: After our unbind the peer has so long to answer before we close.
UNBIND_S: Final = 2.0

#: Refusals that repeat until somebody changes a setting or another bind ends.
_LASTING: Final = {
    ESME_RINVPASWD: "the password is wrong",
    ESME_RINVSYSID: "the system_id is not known there",
    ESME_RALYBND: "this system_id is bound already",
}

_BINDS: Final = {"transceiver": BindTransceiver, "transmitter": BindTransmitter, "receiver": BindReceiver}


@dataclass(frozen=True, slots=True, kw_only=True)
class BindSettings:
    """How to reach and bind to one message centre. Durations in seconds; see smpp.session.Limits for the others.

    `addresses` are tried in turn. `bind` "pair" means a transmitter and a receiver; `binds` counts pairs as one.
    """

    name: str
    addresses: tuple[tuple[str, int], ...]
    system_id: str
    password: str = ""
    system_type: str = ""
    interface_version: int = INTERFACE_34
    addr_ton: int = 0
    addr_npi: int = 0
    address_range: str = ""
    bind: BindKind = "transceiver"
    binds: int = 1
    limits: Limits = field(default_factory=Limits)
    connect_s: float = 10.0
    reconnect_least_s: float = 1.0
    reconnect_most_s: float = 60.0
    refused_least_s: float = 30.0
    refused_most_s: float = 600.0
    tls: ssl.SSLContext | None = None


class Owner(Protocol):
    """Whoever works with the links. Calls come from the event loop and must not block."""

    def received(self, link: "Link", requests: list[Received]) -> None:
        """Requests of the centre to be answered with `link.answer`, in their order."""
        ...

    def answered(self, link: "Link", answers: list[Answered]) -> None:
        """Answers to what was sent."""
        ...

    def lost(self, link: "Link", unanswered: list[Unanswered], reason: str) -> None:
        """A link that had been bound is gone; the outcome of what it had not answered is unknown."""
        ...

    def changed(self, link: "Link") -> None:
        """Bound, unbound, congested, free again, or `trouble` is another."""
        ...


class Link(Wire):
    """One connection of a client; `name` says which bind of which connector it serves ("carrier-a/1")."""

    def __init__(self, name: str, kind: str, client: "Client") -> None:
        super().__init__(Role.ESME, client.settings.limits, client.clock)
        self.name = name
        self.kind = kind
        self.bound_at: float | None = None
        self.refusal: int | None = None
        self.settled = asyncio.Event()
        self._client = client
        self._owner = client.owner

    def on_connected(self, transport: asyncio.Transport) -> None:
        """Binds."""
        settings = self._client.settings
        bind = _BINDS[self.kind](
            system_id=settings.system_id,
            password=settings.password,
            system_type=settings.system_type,
            interface_version=settings.interface_version,
            addr_ton=settings.addr_ton,
            addr_npi=settings.addr_npi,
            address_range=settings.address_range,
        )
        self.send(bind, self)

    def on_bound(self, event: Bound) -> None:
        """The centre accepted us."""
        self.trouble = None
        self.bound_at = self._clock()
        self.settled.set()
        self._owner.changed(self)

    def on_received(self, requests: list[Received]) -> None:
        """Hands requests on."""
        self._owner.received(self, requests)

    def on_answered(self, answers: list[Answered]) -> None:
        """Hands answers on; the only one before we are bound is the refusal of the bind."""
        if self.bound_at is not None:
            self._owner.answered(self, answers)
            return
        self.refusal = answers[0].response.command_status
        self.close(_refused(self.refusal))

    def on_fault(self, event: Faulted) -> None:
        """Hands a fault on to whoever keeps what cannot be read."""
        self._client.faulted(self, event)

    def on_changed(self) -> None:
        """Tells the owner."""
        if self.bound_at is not None:
            self._owner.changed(self)

    def on_lost(self, unanswered: list[Unanswered], reason: str) -> None:
        """Hands back what was not answered."""
        self.trouble = reason
        if self.bound_at is not None:
            self._owner.lost(self, [one for one in unanswered if one.token is not self], reason)
        self.settled.set()


def _refused(status: int) -> str:
    meaning = _LASTING.get(status, "it gave no reason that we know")
    return f"refused our bind with {status_name(status)}: {meaning}"


def _keep_nothing(link: Link, event: Faulted) -> None:
    """Faults are counted by the session; an owner that keeps the octets passes its own function."""


class Client:
    """Keeps the binds of one connector up. `clock` gives monotonic seconds, `chance` numbers from 0 up to 1."""

    def __init__(
        self,
        settings: BindSettings,
        owner: Owner,
        clock: Callable[[], float],
        chance: Callable[[], float],
        faulted: Callable[[Link, Faulted], None] = _keep_nothing,
    ) -> None:
        self.settings = settings
        self.owner = owner
        self.clock = clock
        self.faulted = faulted
        self._chance = chance
        self._links: dict[str, Link] = {}
        self._tasks: list[asyncio.Task[None]] = []
        self._stopping = asyncio.Event()

    @property
    def links(self) -> tuple[Link, ...]:
        """The newest link of each bind, whatever its state."""
        return tuple(self._links.values())

    def start(self) -> None:
        """Begins to connect; returns at once."""
        kinds = ("transmitter", "receiver") if self.settings.bind == "pair" else (self.settings.bind,)
        for index in range(1, self.settings.binds + 1):
            for kind in kinds:
                suffix = f"{index}-{kind}" if len(kinds) > 1 else str(index)
                name = f"{self.settings.name}/{suffix}"
                task = asyncio.create_task(self._keep(name, kind), name=name)
                task.add_done_callback(_tell)
                self._tasks.append(task)

    async def stop(self, drain_s: float) -> None:
        """Sends nothing new, waits at most `drain_s` for open answers, unbinds and closes every link."""
        self._stopping.set()
        for link in self.links:
            link.stop_sending()
        async with asyncio.TaskGroup() as stopping:
            for link in self.links:
                stopping.create_task(link.drain(drain_s, UNBIND_S))
        for task in self._tasks:
            task.cancel()  # those that were still connecting
        await asyncio.gather(*self._tasks, return_exceptions=True)  # what they died of was told when they did
        for link in self.links:
            await link.cut("we stopped")

    async def _keep(self, name: str, kind: str) -> None:
        """The life of one bind: connect, hold, wait, again."""
        settings = self.settings
        backoff = Backoff(
            settings.reconnect_least_s,
            settings.reconnect_most_s,
            settings.refused_least_s,
            settings.refused_most_s,
            self._chance,
        )
        turn = 0
        while not self._stopping.is_set():
            link = self._links[name] = Link(name, kind, self)
            setback = await self._hold(link, *settings.addresses[turn % len(settings.addresses)])
            if setback is not Setback.LOST:
                turn += 1
            if setback is not Setback.UNREACHED or turn % len(settings.addresses) == 0:
                # Otherwise the next address may answer at once.
                held_s = 0.0 if link.bound_at is None else self.clock() - link.bound_at
                await self._pause(link, backoff.after(setback, held_s))

    async def _hold(self, link: Link, host: str, port: int) -> Setback:
        """Connects and binds, then waits until the link is gone; says what ended it."""
        where = f"{host}:{port}"
        try:
            await asyncio.wait_for(self._open(link, host, port), self.settings.connect_s)
        except TimeoutError:
            await link.cut("we gave up")
            link.trouble = f"{where} did not answer within {self.settings.connect_s:g} s"
            return Setback.UNREACHED
        except OSError as error:
            link.trouble = f"cannot reach {where}: {_plain(error)}"
            return Setback.UNREACHED
        except ValueError as error:  # a name that cannot even be asked for, say of two dots in a row
            link.trouble = f"cannot reach {where}: nobody can be asked for such a name ({error})"
            return Setback.UNREACHED
        await link.gone.wait()
        link.trouble = f"{where}: {link.trouble}"
        if link.bound_at is not None:
            return Setback.LOST
        return Setback.REFUSED if link.refusal in _LASTING else Setback.UNREACHED

    async def _open(self, link: Link, host: str, port: int) -> None:
        """Connects and waits for the answer to our bind, good or bad."""
        loop = asyncio.get_running_loop()
        await loop.create_connection(lambda: link, host, port, ssl=self.settings.tls)
        await link.settled.wait()

    async def _pause(self, link: Link, seconds: float) -> None:
        """Tells the owner what is wrong, and waits unless we stop."""
        if self._stopping.is_set():
            return
        link.trouble = f"{link.trouble}; next try in {seconds:.1f} s"
        self.owner.changed(link)
        try:
            async with asyncio.timeout(seconds):
                await self._stopping.wait()
        except TimeoutError:
            return


def _tell(task: asyncio.Task[None]) -> None:
    """Says at once that a bind is not kept up any more; nobody waits for these tasks before the end."""
    error = None if task.cancelled() else task.exception()
    if error is not None:
        message = f"bind {task.get_name()} is not kept up any more"
        task.get_loop().call_exception_handler({"message": message, "exception": error})


def _plain(error: OSError) -> str:
    """What an operator understands of an operating system's error."""
    if isinstance(error, ConnectionRefusedError):
        return "nothing listens there (connection refused)"
    if isinstance(error, ssl.SSLCertVerificationError):
        return f"its certificate is not to be trusted ({error.verify_message})"
    if isinstance(error, ssl.SSLError):
        return f"it does not speak TLS as we do ({error.reason or error})"
    return str(error.strerror or error)


__all__ = ["Answered", "BindSettings", "Client", "Link", "Owner", "Received", "Unanswered"]
