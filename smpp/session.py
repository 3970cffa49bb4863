"""One SMPP session, either end, without I/O: octets and the time in, events and octets out.

Rules: what may be said is the table in smpp.states. A request is in the window before its octets can be fetched. The
session answers enquire_link and unbind itself and refuses what it cannot take; all other requests are the application's
to answer. A response that nobody waits for is counted and changes nothing; one bad response never ends the session.
Whatever ends it, every request without an answer is handed back first (Unanswered), once.

The owner calls `receive` for each read, `tick` at `next_tick_at`, writes `pending()` once per turn of its loop, and
`close` when the connection is gone. Nothing is done per PDU that can be done per read.
"""

from __future__ import annotations

from collections import Counter
from typing import Any, Final

from smpp import constants as c
from smpp.codec import decode, encode_body, pack_header
from smpp.errors import LocalFault, PeerFault
from smpp.events import Answered, Bound, Event, Faulted, LinkDead, Received, Unanswered, Unbound
from smpp.framing import Framer
from smpp.pdu import BY_COMMAND_ID, EnquireLink, Pdu, Unbind
from smpp.shortest import shortest_body
from smpp.states import BIND_COMMANDS, BOUND, MAY_SAY, REFUSED, UNBINDING, Role, State
from smpp.timers import Due, Limits, Timers
from smpp.tlv import number
from smpp.window import Entry, Window

__all__ = [
    "Answered", "Bound", "Event", "Faulted", "Limits", "LinkDead", "Received", "Role", "Session", "State", "Unanswered",
    "Unbound",
]  # fmt: skip

CONTROL_WINDOW: Final = 64  # binds, unbinds and enquire_links without an answer; they do not use up the window
_CONTROL: Final = BIND_COMMANDS | {c.UNBIND, c.ENQUIRE_LINK}


class Session:
    """A session of one connection; `now` is always monotonic seconds.

    `state`, `counters` (what went wrong or was odd, by name), `peer_version` (its interface_version, None until it
    says) and `congestion_state` (SMPP 5.0 §4.8.4.18: 0 to 99, the peer's last word, None if none) may be read at any
    time; `last_sequence` is the sequence_number allocated last. Without `now` the session-init timer starts at the
    first call that brings the time.
    """

    def __init__(self, role: Role, limits: Limits, now: float | None = None) -> None:
        self.role = role
        self.limits = limits
        self.counters: Counter[str] = Counter()
        self.peer_version: int | None = None
        self.congestion_state: int | None = None
        self.last_sequence = 0
        self._wrapped = False
        self._started = now is not None
        self._timers = Timers(limits, now or 0.0)
        self._framer = Framer(limits.max_pdu_octets)
        self._window = Window(limits.window)
        self._control = Window(CONTROL_WINDOW)
        self._debt = 0
        self._out: list[bytes] = []
        self._move(State.OPEN)

    @property
    def room(self) -> int:
        """How many requests may be sent now; 0 unless bound."""
        return self._window.room if self.state in BOUND else 0

    @property
    def outstanding(self) -> int:
        """How many requests of ours wait for their answers."""
        return len(self._window)

    # ------------------------------------------------------------------------------------------------------- out

    def send(self, pdu: Pdu, now: float, token: Any = None) -> int:
        """Queue a request and return its sequence_number.

        Raises LocalFault when the state forbids it, the window is full or a field cannot be written; nothing has
        changed then.
        """
        command_id = pdu.command_id
        after = self._says.get(command_id)
        if after is None or command_id & c.RESPONSE_BIT:
            raise LocalFault(f"{self.role.value} cannot send {pdu.command} in state {self.state.value}")
        control = command_id in _CONTROL
        window = self._control if control else self._window
        body = encode_body(pdu)
        sequence = self.last_sequence + 1
        if self._wrapped or sequence > c.MAX_SEQUENCE:
            sequence = self._free_sequence()
        if pdu.response is not None:
            window.put(sequence, Entry(token, pdu, now + self.limits.response_s))
        self.last_sequence = sequence
        self._out.append(pack_header(c.HEADER_OCTETS + len(body), command_id, pdu.command_status, sequence) + body)
        if not self._started:
            self._start(now)
        timers = self._timers
        if command_id != c.ENQUIRE_LINK:
            timers.active_at = now
        elif timers.asked_at is None:
            timers.asked_at = now
        if after is not self.state:
            self._move(after)
        return sequence

    def answer(self, request: Pdu, response: Pdu | int, now: float) -> bool:
        """Queue the answer to a received request: a response PDU, or a command_status for the shortest one there is.

        The request's sequence_number is echoed. False when the session is over meanwhile, which is nobody's fault.
        Raises LocalFault for a request that has no response, a response of another kind, or one the state forbids.
        """
        kind = request.response
        if kind is None:
            raise LocalFault(f"{request.command} has no response")
        if isinstance(response, int):
            command_id, status, body = kind.command_id, response, shortest_body(kind, response)
        else:
            if type(response) is not kind and response.command_id != c.GENERIC_NACK:
                raise LocalFault(f"{response.command} does not answer {request.command}")
            command_id, status, body = response.command_id, response.command_status, encode_body(response)
        if self.state is State.CLOSED:
            self.counters["answers_too_late"] += 1
            return False
        after = self._says.get(command_id)
        if after is None:
            raise LocalFault(f"{self.role.value} cannot send {kind.command} in state {self.state.value}")
        self._out.append(pack_header(c.HEADER_OCTETS + len(body), command_id, status, request.sequence_number) + body)
        self._timers.active_at = now
        if status:
            after = REFUSED.get((self.state, self.role, command_id), after)
        if after is not self.state:
            self._move(after)
        return True

    @property
    def has_pending(self) -> bool:
        """Whether there are octets that are to be written."""
        return bool(self._out)

    def pending(self) -> bytes:
        """Take all octets that are to be written."""
        if not self._out:
            return b""
        octets = b"".join(self._out)
        self._out.clear()
        return octets

    # -------------------------------------------------------------------------------------------------------- in

    def receive(self, data: bytes, now: float) -> list[Event]:
        """What the octets of one read mean; nothing any more once the session is over."""
        events: list[Event] = []
        if self.state is State.CLOSED:
            return events
        if not self._started:
            self._start(now)
        self._timers.heard_at = now
        self._timers.asked_at = None
        try:
            frames = self._framer.feed(data)
        except PeerFault as fault:
            self._lose_position(fault, data, events)
            return events
        debt = self._debt
        self._take_in(frames, events)
        refused = self._debt - debt
        self._debt = max(0, debt + refused - (len(frames) - refused))
        if events:
            self._timers.active_at = now
        if self._framer.fault is not None:
            self._lose_position(self._framer.fault, data, events)
        return events

    def _take_in(self, frames: list[bytes], events: list[Event]) -> None:
        """Turn frames into events, in their order, until the session ends."""
        peek, take = self._window.peek, self._window.take
        for frame in frames:
            try:
                pdu = decode(frame)
            except PeerFault as fault:
                self._note(fault, frame, events)
                if fault.salvage is None:
                    self._refuse(fault, events)
                    if self.state is State.CLOSED:
                        return
                    continue
                pdu = fault.salvage
            command_id = pdu.command_id
            after = self._hears.get(command_id)
            if after is not None and command_id & c.RESPONSE_BIT:
                entry = peek(pdu.sequence_number)
                if entry is not None and entry.request.response is pdu.__class__:
                    take(pdu.sequence_number)
                    events.append(Answered(entry.token, entry.request, pdu))
                    if pdu.tlvs:
                        self._note_congestion(pdu)
                    continue
                self._take_other_response(pdu, frame, events)
            elif after is self.state and command_id not in _CONTROL:
                events.append(Received(pdu, frame))
                continue
            else:
                self._take_other(pdu, frame, after, events)
            if self.state is State.CLOSED:
                return

    def _take_other(self, pdu: Pdu, frame: bytes, after: State | None, events: list[Event]) -> None:
        """What the session answers itself, what moves its state, and what the table does not allow now."""
        if after is None:
            self._take_out_of_state(pdu, frame, events)
        elif pdu.command_id == c.ENQUIRE_LINK:
            self._out.append(pack_header(c.HEADER_OCTETS, c.ENQUIRE_LINK_RESP, 0, pdu.sequence_number))
        elif pdu.command_id == c.UNBIND:
            self._take_unbind(pdu, after, events)
        else:  # a bind or an outbind
            self.peer_version = getattr(pdu, "interface_version", None)
            events.append(Received(pdu, frame))
            self._move(after)

    def _take_unbind(self, pdu: Pdu, after: State, events: list[Event]) -> None:
        """Answer the peer's unbind at once. If we were unbinding too, our own answer is still to come."""
        self._move(after)
        self._out.append(pack_header(c.HEADER_OCTETS, c.UNBIND_RESP, 0, pdu.sequence_number))
        self._move(self._says[c.UNBIND_RESP])
        if self.state is State.CLOSED:
            events += self._hand_back("the peer unbound")
            events.append(Unbound(by_peer=True))

    def _take_out_of_state(self, pdu: Pdu, frame: bytes, events: list[Event]) -> None:
        """A PDU that the table does not allow its sender now."""
        if pdu.is_response:
            self.counters["unknown_response"] += 1
            return
        again = pdu.command_id in BIND_COMMANDS and self.state in BOUND
        message = f"{pdu.command} in state {self.state.value}"
        status = c.ESME_RALYBND if again else c.ESME_RINVBNDSTS
        fault = PeerFault(message, status, (pdu.command_id, pdu.sequence_number), "bad_state")
        self._note(fault, frame, events)
        self._refuse(fault, events)

    def _take_other_response(self, pdu: Pdu, frame: bytes, events: list[Event]) -> None:
        """A response that does not simply answer something in the window: to our own requests, a nack, a stray."""
        nack = pdu.command_id == c.GENERIC_NACK
        for window in (self._window, self._control):
            entry = window.peek(pdu.sequence_number)
            if entry is not None and (nack or entry.request.response is type(pdu)):
                window.take(pdu.sequence_number)
                self._take_control_answer(entry, pdu, events)
                return
        if not nack:
            self.counters["unknown_response"] += 1
            return
        message = "the peer could not read something of ours and does not say what"
        head = (c.GENERIC_NACK, pdu.sequence_number)
        self._note(PeerFault(message, pdu.command_status, head, "stray_nack"), frame, events)

    def _take_control_answer(self, entry: Entry, response: Pdu, events: list[Event]) -> None:
        """The answer to a bind, an unbind or an enquire_link, or a nack of anything."""
        command_id = entry.request.command_id
        if command_id == c.UNBIND:
            self._move(State.CLOSED)
            events += self._hand_back("unbound")
            events.append(Unbound(by_peer=False))
        elif command_id in BIND_COMMANDS:
            key = (self.state, self.role.other, response.command_id)
            refused = response.command_status and REFUSED.get(key)
            self._move(refused or self._hears[response.command_id])
            if self.state not in BOUND:
                events.append(Answered(entry.token, entry.request, response))
                return
            self.peer_version = number(response.tlvs, c.TAG_SC_INTERFACE_VERSION)
            self._note_congestion(response)
            events.append(Bound(entry.token, entry.request, response, self.peer_version))
        elif command_id != c.ENQUIRE_LINK or entry.token is not None:
            events.append(Answered(entry.token, entry.request, response))

    def _note_congestion(self, response: Pdu) -> None:
        state = number(response.tlvs, c.TAG_CONGESTION_STATE)
        if state is not None:
            self.congestion_state = state

    # ---------------------------------------------------------------------------------------------------- faults

    def _note(self, fault: PeerFault, frame: bytes, events: list[Event]) -> None:
        fault.forget_frames()
        self.counters[fault.kind] += 1
        events.append(Faulted(fault, frame))

    def _refuse(self, fault: PeerFault, events: list[Event]) -> None:
        """Answer what cannot be taken: a known request by its own response, others by generic_nack, responses never."""
        self._debt += 1
        if self._debt > self.limits.nack_budget:
            events += self._die(f"more than {self.limits.nack_budget} faults, the last: {fault}")
            return
        command_id, sequence = fault.head or (c.GENERIC_NACK, 0)
        if command_id & c.RESPONSE_BIT:
            return
        known = BY_COMMAND_ID.get(command_id)
        kind = known.response if known is not None else None
        body = b"" if kind is None else shortest_body(kind, fault.status)
        answer = c.GENERIC_NACK if kind is None else kind.command_id
        self._out.append(pack_header(c.HEADER_OCTETS + len(body), answer, fault.status, sequence) + body)

    def _lose_position(self, fault: PeerFault, data: bytes, events: list[Event]) -> None:
        """The stream cannot be cut into PDUs any more: nack once (sequence_number 0, §4.3.1), then it is over."""
        if self.state is State.CLOSED:
            return
        self._note(fault, data, events)
        self._out.append(pack_header(c.HEADER_OCTETS, c.GENERIC_NACK, fault.status, 0))
        self._move(State.CLOSED)
        events += self._hand_back(str(fault))
        events.append(LinkDead(str(fault)))

    # ------------------------------------------------------------------------------------------------------ time

    def tick(self, now: float) -> list[Event]:
        """What the time asks for; to be called at `next_tick_at` or whenever convenient."""
        events: list[Event] = []
        if self.state is State.CLOSED:
            return events
        if not self._started:
            self._start(now)
        for entry in self._control.take_expired(now):
            self.counters["control_unanswered"] += 1
            if entry.request.command_id != c.ENQUIRE_LINK:
                return [*events, *self._die(f"no answer to {entry.request.command}")]
            if entry.token is not None:
                events.append(Unanswered(entry.token, entry.request, "no answer to enquire_link"))
        if self.state in UNBINDING:
            return events
        due = self._timers.due(now, self.state in BOUND, self._window.oldest)
        if due is Due.PROBE:
            self._probe(now)
        elif due is Due.UNBIND:
            self.counters["idle"] += 1
            self.send(Unbind(), now)
        elif due is not Due.NOTHING:
            events += self._die(due.value)
        return events

    def next_tick_at(self) -> float | None:
        """When `tick` may next have something to do (0.0: at once), or None once the session is over."""
        if self.state is State.CLOSED:
            return None
        if not self._started:
            return 0.0
        answer_by = self._control.oldest
        if self.state in UNBINDING and answer_by is not None:
            return answer_by
        at = self._timers.next_at(self.state in BOUND, self._window.oldest)
        return at if answer_by is None else min(at, answer_by)

    def close(self, now: float) -> list[Event]:
        """The connection is gone, or will be: the requests without an answer, handed back. `send(Unbind(), now)` is the
        polite way before it."""
        if self.state is State.CLOSED:
            return []
        self._timers.active_at = now
        self._move(State.CLOSED)
        return self._hand_back("the connection closed")

    def _probe(self, now: float) -> None:
        """Ask whether the link lives; if so many questions are out already, they are the question."""
        self.counters["probes"] += 1
        self._timers.asked_at = now
        if self._control.room:
            self.send(EnquireLink(), now)

    def _start(self, now: float) -> None:
        self._started = True
        self._timers = Timers(self.limits, now)

    def _die(self, reason: str) -> list[Event]:
        """End the session: an unbind for a peer that may still listen (some hold a half-dead bind against the next)."""
        if self.state in BOUND:
            self._out.append(pack_header(c.HEADER_OCTETS, c.UNBIND, 0, self._free_sequence()))
        self._move(State.CLOSED)
        return [*self._hand_back(reason), LinkDead(reason)]

    def _hand_back(self, reason: str) -> list[Event]:
        lost = self._window.take_all()
        lost += [entry for entry in self._control.take_all() if entry.token is not None]
        self.counters["unanswered"] += len(lost)
        return [Unanswered(entry.token, entry.request, reason) for entry in lost]

    def _free_sequence(self) -> int:
        """The next sequence_number that waits for no answer; after 0x7FFFFFFF comes 1 (§5.1.4)."""
        sequence = self.last_sequence
        while True:
            if sequence >= c.MAX_SEQUENCE:
                sequence, self._wrapped = 0, True
            sequence += 1
            if sequence not in self._window and sequence not in self._control:
                return sequence

    def _move(self, state: State) -> None:
        self.state = state
        self._says = MAY_SAY[state, self.role]
        self._hears = MAY_SAY[state, self.role.other]
