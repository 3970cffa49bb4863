"""One SMPP connection on asyncio, either end: a session's octets go out, what is read goes in.

Rules: nothing is done per PDU that can be done per read, so events are handed on in lists. All that was said in one
turn of the loop leaves in one write. Octets count as written when the transport took them; `buffer_empty` says that
the kernel has them all. While reading is paused no timer runs, for silence that we make ourselves is no evidence.
Reading pauses when the owner is busy, and when too many answers wait for a peer that does not read them; a peer that
takes nothing at all for a minute, or as long as it may take to answer an enquire_link, is cut, whatever it says.
"""

import asyncio
import socket
from collections.abc import Callable
from itertools import count
from typing import Any, Final, cast

from smpp.backlog import LOOKS, Backlog
from smpp.events import Answered, Bound, Event, Faulted, LinkDead, Received, Unanswered, Unbound
from smpp.pdu import Pdu, Unbind
from smpp.session import Limits, Role, Session
from smpp.states import BOUND, State

#: Every connection of this process has its own number.
_NUMBERS: Final = count(1)

#: No timer fires sooner, so that a rounding error of the clock cannot spin the loop.
_LEAST_TIMER_S: Final = 0.001

#: After reading was resumed, what lay in the kernel is read before the timers judge the peer.
_RESUME_GRACE_S: Final = 1.0
#: Least time, in seconds, before a peer that takes nothing is cut. The kernel tells late that one reads slowly: a
#: socket takes more only when a third of its buffer, which may be megabytes, is free again.
UNREAD_S: Final = 60.0

#: A peer that does not read what is left for it has so long before the connection is cut.
_CLOSING_S: Final = 2.0

# Tuples, for a member is found in them by identity, and asking is part of the main way.
_SENDING: Final = {Role.ESME: (State.BOUND_TX, State.BOUND_TRX), Role.MC: (State.BOUND_RX, State.BOUND_TRX)}
_RECEIVING: Final = {Role.ESME: (State.BOUND_RX, State.BOUND_TRX), Role.MC: (State.BOUND_TX, State.BOUND_TRX)}


#: Why nothing is read, to be added up: asked on every read, and members of an enum.Flag take their time.
_OWNER: Final = 1
_BACKLOG: Final = 2


class Wire(asyncio.Protocol):
    """What a client's link and a server's link share. Subclasses say what becomes of the events (`on_…`).

    `number` is unique among the connections of this process. `trouble` is one sentence about what is wrong, or None.
    `parted`: the peer has answered our unbind, and so has read everything before it.
    """

    def __init__(self, role: Role, limits: Limits, clock: Callable[[], float]) -> None:
        self.number = next(_NUMBERS)
        self.trouble: str | None = None
        self.parted = False
        self.gone = asyncio.Event()
        self.drained = asyncio.Event()
        self._role = role
        self._sending = _SENDING[role]
        self._receiving = _RECEIVING[role]
        self._limits = limits
        self._clock = clock
        self._session = Session(role, limits, clock())
        self._loop = asyncio.get_running_loop()
        self._transport: asyncio.Transport | None = None
        self._reason = ""
        self._flush_wanted = False
        self._writing_paused = False
        self._paused = 0
        self._backlog = Backlog()
        self._draining = False
        self._unanswered: list[Unanswered] = []
        self._timer: asyncio.TimerHandle | None = None
        self._timer_at = 0.0
        self._look: asyncio.TimerHandle | None = None
        self._unread_s = max(UNREAD_S, limits.enquire_answer_s)

    # What the owner may ask

    @property
    def connected(self) -> bool:
        """Whether there is a connection, bound or not."""
        return self._transport is not None

    @property
    def bound(self) -> bool:
        """Whether a bind is in force and nobody has unbound."""
        return self._session.state in BOUND

    @property
    def can_send(self) -> bool:
        """Whether messages may go out here: by the kind of the bind, and while nobody stops or the peer cannot read."""
        return self._session.state in self._sending and not self._draining

    @property
    def can_receive(self) -> bool:
        """Whether messages may come in here."""
        return self._session.state in self._receiving

    @property
    def room(self) -> int:
        """How many requests may be sent now: free slots of the window, none while the peer does not read."""
        session = self._session
        if self._writing_paused or self._draining or session.state not in self._sending:
            return 0
        return self._limits.window - session.outstanding

    @property
    def buffer_empty(self) -> bool:
        """Whether the transport holds nothing that the kernel has not taken."""
        return self._transport is not None and not self._transport.get_write_buffer_size()

    @property
    def session(self) -> Session:
        """The protocol's state, for counters and versions."""
        return self._session

    # What the owner may do

    def send(self, pdu: Pdu, token: Any = None) -> int:
        """Sends a request with the loop's next write; returns its sequence_number.

        Raises LocalFault if the state forbids it, the window is full, or the PDU cannot be encoded.
        """
        sequence = self._session.send(pdu, self._clock(), token)
        self._flush_soon()
        return sequence

    def answer(self, request: Received, response: Pdu | int) -> bool:
        """Answers a request of the peer with a response PDU or a command_status.

        False if the connection is gone or the session over (then the answer is lost, and the peer will ask again), and
        for what has no answer (alert_notification). Raises LocalFault for a response that does not fit the request.
        """
        if self._transport is None or request.pdu.response is None:
            return False
        self._flush_soon()
        return self._session.answer(request.pdu, response, self._clock())

    def flush(self) -> None:
        """Writes what is pending; done by itself at the end of this turn of the loop."""
        self._flush_wanted = False
        octets = self._session.pending()
        if octets and self._transport is not None:
            self._backlog.written += len(octets)
            self._transport.write(octets)
            if self._writing_paused and self._backlog.is_full(self._transport.get_write_buffer_size()):
                self._pause(_BACKLOG)
        elif self._timer is not None:  # nothing was said since: what is due first is known
            return
        self._arm()

    def pause_reading(self) -> None:
        """Takes nothing more from the peer until `resume_reading`: how a busy owner pushes back."""
        self._pause(_OWNER)

    def resume_reading(self) -> None:
        """Undoes `pause_reading`."""
        self._resume(_OWNER)

    def unbind(self) -> None:
        """Says unbind; the connection closes when the peer has answered."""
        if self.bound:
            self._session.send(Unbind(), self._clock())
            self.flush()

    def close(self, reason: str) -> None:
        """Closes the connection once what is pending is written; `lost` follows with this reason."""
        self._reason = self._reason or reason
        if self._transport is not None:
            self.flush()
            self._transport.close()
            self._loop.call_later(_CLOSING_S, self.abort, reason)

    def abort(self, reason: str) -> None:
        """Closes the connection at once, unwritten octets and all."""
        self._reason = self._reason or reason
        if self._transport is not None:
            self._transport.abort()

    def stop_sending(self) -> None:
        """From now on `can_send` is False and there is no room; what is on the way goes on."""
        self._draining = True

    async def drain(self, seconds: float, unbind_s: float) -> None:
        """Sends nothing new, waits at most `seconds` for open answers, unbinds, and closes within `unbind_s` more."""
        self.stop_sending()
        self._note_drained()
        if self.bound:
            await _at_most(self.drained, seconds)
            self.unbind()
            await _at_most(self.gone, unbind_s)
        await self.cut("we stopped")

    async def cut(self, reason: str) -> None:
        """Aborts, and returns when the connection is gone; at once if there is none."""
        if self._transport is not None:
            self.abort(reason)
            await self.gone.wait()

    # What asyncio calls

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """The connection is there; the session's clocks start."""
        self._transport = made = cast(asyncio.Transport, transport)
        connection = transport.get_extra_info("socket")
        if connection is not None:  # a transport in memory has none
            connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self._session = Session(self._role, self._limits, self._clock())
        self.on_connected(made)
        self._flush_soon()

    def data_received(self, data: bytes) -> None:
        """Octets were read."""
        self._take(self._session.receive(data, self._clock()))

    def pause_writing(self) -> None:
        """The peer does not read: no room until it does, and it is watched whether it takes anything."""
        self._writing_paused = True
        self._backlog.begin(self._waiting)
        self._look_later()
        self.on_changed()

    def resume_writing(self) -> None:
        """The peer reads again."""
        self._writing_paused = False
        self._look_no_more()
        self._resume(_BACKLOG)
        self.on_changed()

    def connection_lost(self, exc: Exception | None) -> None:
        """The connection is gone; what was not answered is handed back."""
        self._disarm()
        self._look_no_more()
        reason = self._reason or (f"the connection broke: {exc}" if exc else "the peer closed the connection")
        self._transport = None
        try:
            self._take(self._session.close(self._clock()))
            unanswered, self._unanswered = self._unanswered, []
            self.on_lost(unanswered, reason)
        finally:  # an owner that raises keeps nobody waiting
            self.drained.set()
            self.gone.set()

    # What subclasses say

    def on_connected(self, transport: asyncio.Transport) -> None:
        """The connection is there, nothing is bound yet."""

    def on_bound(self, event: Bound) -> None:
        """The peer accepted our bind."""

    def on_received(self, requests: list[Received]) -> None:
        """Requests of the peer, in their order."""

    def on_answered(self, answers: list[Answered]) -> None:
        """Answers to our requests."""

    def on_fault(self, event: Faulted) -> None:
        """The peer broke SMPP."""

    def on_changed(self) -> None:
        """Bound, unbound, congested or free again."""

    def on_lost(self, unanswered: list[Unanswered], reason: str) -> None:
        """The connection is gone."""

    # Inside

    def _take(self, events: list[Event]) -> None:
        received: list[Received] = []
        answered: list[Answered] = []
        ending = ""
        for event in events:
            if isinstance(event, Received):
                received.append(event)
            elif isinstance(event, Answered):
                answered.append(event)
            elif isinstance(event, Unanswered):
                self._unanswered.append(event)
            else:
                ending = self._turn(event) or ending
        if answered:
            self.on_answered(answered)
        if received:
            self.on_received(received)
        if ending:
            self.on_changed()
            self.close(ending)
        elif self._transport is not None:
            self._note_drained()
            if self._session.has_pending:
                self._flush_soon()
            else:
                self._arm()

    def _turn(self, event: Bound | Unbound | LinkDead | Faulted) -> str:
        """What a rarer event means; a sentence if it ends the connection."""
        if isinstance(event, Bound):
            self.on_bound(event)
            return ""
        if isinstance(event, Unbound):
            self.parted = not event.by_peer
            return "the peer unbound" if event.by_peer else "we unbound"
        if isinstance(event, LinkDead):
            return event.reason
        self.on_fault(event)
        return ""

    @property
    def _waiting(self) -> int:
        return 0 if self._transport is None else self._transport.get_write_buffer_size()

    def _pause(self, why: int) -> None:
        if self._transport is None:
            return
        if not self._paused:
            self._transport.pause_reading()
            self._disarm()
        self._paused |= why

    def _resume(self, why: int) -> None:
        if self._transport is None or not self._paused & why:
            return
        self._paused &= ~why
        if not self._paused:
            self._transport.resume_reading()
            self._timer_in(_RESUME_GRACE_S)

    def _look_later(self) -> None:
        self._look = self._loop.call_later(self._unread_s / LOOKS, self._look_whether_stuck)

    def _look_no_more(self) -> None:
        if self._look is not None:
            self._look.cancel()
            self._look = None

    def _look_whether_stuck(self) -> None:
        if self._backlog.is_stuck(self._waiting):
            self.abort(f"the peer has read nothing for {self._unread_s:g} s")
        else:
            self._look_later()

    def _note_drained(self) -> None:
        if self._draining and not self._session.outstanding:
            self.drained.set()

    def _flush_soon(self) -> None:
        if not self._flush_wanted:
            self._flush_wanted = True
            self._loop.call_soon(self.flush)

    def _arm(self) -> None:
        """Sees to it that the session is asked when its next timer is due."""
        due = None if self._transport is None or self._paused else self._session.next_tick_at()
        if due is not None and (self._timer is None or due < self._timer_at):
            self._timer_in(due - self._clock())

    def _timer_in(self, seconds: float) -> None:
        self._disarm()
        seconds = max(seconds, _LEAST_TIMER_S)
        self._timer_at = self._clock() + seconds
        self._timer = self._loop.call_later(seconds, self._on_time)

    def _disarm(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None

    def _on_time(self) -> None:
        self._timer = None
        self._take(self._session.tick(self._clock()))


async def _at_most(event: asyncio.Event, seconds: float) -> None:
    try:
        async with asyncio.timeout(seconds):
            await event.wait()
    except TimeoutError:
        return
