"""Links without a network, a clock that is set by hand with the timers that hang on it, and who notes what is asked."""

import asyncio
from collections import deque
from collections.abc import Callable, Collection, Iterable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any

from config.connectors import Connector
from config.values import Secret
from gateway.binding import habits_of
from gateway.connectors.base import Read
from gateway.connectors.mapping import Mapping
from gateway.connectors.smpp_client import SmppConnector
from gateway.witness import Fence, Witness
from router.claims import Claim
from router.evidence import Ended, Mark
from router.instants import SECOND
from router.messages import Inbound
from router.outbox import Outcome
from router.world import Virtual
from smpp.client import BindSettings
from smpp.codec import encode
from smpp.errors import LocalFault
from smpp.events import Answered, Received, Unanswered
from smpp.pdu import DeliverSm, EnquireLink, EnquireLinkResp, GenericNack, SubmitSm, SubmitSmResp

NOW = 1_767_614_400 * SECOND
"""2026-01-05, 12:00 UTC."""
JAN = "31612345678"


class FakeLink:
    """A link whose peer is the test: what was sent waits in `waiting` until `reply` or `lose`."""

    def __init__(self, number: int = 1, window: int = 10, *, can_send: bool = True, can_receive: bool = True) -> None:
        self.number = number
        self.window = window
        self.bound = True
        self.can_send = can_send
        self.can_receive = can_receive
        self.buffer_empty = True
        self.trouble: str | None = None
        self.reading = True
        self.parted = False
        self.waiting: deque[tuple[SubmitSm, Any]] = deque()
        self.fences: deque[tuple[EnquireLink, Fence]] = deque()
        self.sent: list[SubmitSm] = []
        self.answers: list[tuple[int, int]] = []

    @property
    def connected(self) -> bool:
        """Whether the connection is there."""
        return self.bound

    @property
    def room(self) -> int:
        """Free slots."""
        return self.window - len(self.waiting) if self.can_send else 0

    def send(self, pdu: SubmitSm | EnquireLink, token: Any = None) -> int:
        """Takes a request as a real link does: a submit_sm must fit the window and be encodable."""
        if isinstance(pdu, EnquireLink):
            if not self.bound:
                raise LocalFault("the link is gone")
            self.fences.append((pdu, token))
            return len(self.sent)
        if self.room <= 0:
            raise LocalFault("the window is full")
        encode(pdu)
        self.waiting.append((pdu, token))
        self.sent.append(pdu)
        return len(self.sent)

    def answer(self, request: Received, status: int) -> bool:
        """Notes the answer by the request's sequence number; a link that is gone takes none."""
        self.answers.append((request.pdu.sequence_number, status))
        return self.bound

    def pause_reading(self) -> None:
        """Notes it."""
        self.reading = False

    def resume_reading(self) -> None:
        """Notes it."""
        self.reading = True

    def replies(self, *statuses: int) -> list[Answered]:
        """Answers to the oldest waiting requests; a negative status is a generic_nack."""
        answers = []
        for status in statuses:
            pdu, token = self.waiting.popleft()
            response = (
                GenericNack(command_status=-status)
                if status < 0
                else SubmitSmResp(command_status=status, message_id="" if status else f"m{len(self.sent)}-{id(pdu)}")
            )
            answers.append(Answered(token, pdu, response))
        return answers

    def flush(self) -> None:
        """The kernel takes everything at once here."""
        self.buffer_empty = True

    def proofs(self) -> list[Answered]:
        """Answers to the enquire_links that wait."""
        answers = [Answered(token, pdu, EnquireLinkResp()) for pdu, token in self.fences]
        self.fences.clear()
        return answers

    def end(self) -> list[Unanswered]:
        """The connection is gone: what was not answered."""
        self.bound = self.can_send = self.can_receive = False
        lost = [Unanswered(token, pdu, "gone") for pdu, token in self.waiting]
        lost += [Unanswered(token, pdu, "gone") for pdu, token in self.fences]
        self.waiting.clear()
        self.fences.clear()
        return lost


class FakeClient:
    """Links that the test puts there."""

    def __init__(self, *links: FakeLink) -> None:
        self.links = list(links)
        self.started = False
        self.stopped_within: float | None = None

    def start(self) -> None:
        """Notes it."""
        self.started = True

    async def stop(self, drain_s: float) -> None:
        """Notes it."""
        self.stopped_within = drain_s


class Notes:
    """An exchange that notes what a connector asks of it."""

    def __init__(self) -> None:
        self.reads: list[Read] = []
        self.outcomes: list[Outcome] = []
        self.released: list[Inbound] = []
        self.dropped: list[int] = []
        self.marks: list[Mark] = []
        self.ended: list[Ended] = []
        self.wakes = 0
        self.timers: list[tuple[float, Callable[[], None]]] = []

    def take(self, read: Read) -> None:
        """Notes it."""
        self.reads.append(read)

    def release(self, texts: Sequence[Inbound]) -> None:
        """Notes it."""
        self.released += texts

    def refuse(self, ids: Collection[int]) -> None:
        """Notes it."""
        self.dropped += ids

    def prove(self, marks: Iterable[Mark], ended: Iterable[Ended] = ()) -> None:
        """Notes it."""
        self.marks += marks
        self.ended += ended

    def report(self, outcomes: Sequence[Outcome]) -> None:
        """Notes it."""
        self.outcomes += outcomes

    def wake(self) -> None:
        """Notes it."""
        self.wakes += 1

    def later(self, seconds: float, act: Callable[[], None]) -> None:
        """Notes it; the test says when."""
        self.timers.append((seconds, act))

    def told(self) -> list[tuple[int, str, str]]:
        """Outcomes since the last look: id, state, reason."""
        found, self.outcomes = self.outcomes, []
        return [(one.id, one.state, one.reason) for one in found]


class Timers:
    """`loop.call_later` by the world's clock: nothing fires until the clock is moved."""

    def __init__(self, world: Virtual) -> None:
        self.world = world
        self.handles: list[tuple[int, asyncio.TimerHandle]] = []

    @contextmanager
    def on(self, loop: asyncio.AbstractEventLoop) -> Iterator[None]:
        """Take the place of a loop's timers."""
        real = loop.call_later
        loop.call_later = self._call_later  # type: ignore[method-assign, assignment]
        try:
            yield
        finally:
            loop.call_later = real  # type: ignore[method-assign]

    def _call_later(self, seconds: float, act: Callable[..., object], *arguments: Any) -> asyncio.TimerHandle:
        at = self.world.at + max(0, round(seconds * SECOND))
        handle = asyncio.TimerHandle(at, act, arguments, asyncio.get_running_loop())
        self.handles.append((at, handle))
        return handle

    @property
    def due(self) -> list[float]:
        """Seconds until each timer that was not cancelled, soonest first."""
        return sorted((at - self.world.at) / SECOND for at, handle in self.handles if not handle.cancelled())

    def forward(self, seconds: float) -> None:
        """Move the clock on, firing what falls due on the way, each at its instant."""
        until = self.world.at + round(seconds * SECOND)
        while True:
            ahead = [one for one in self.handles if not one[1].cancelled() and one[0] <= until]
            if not ahead:
                break
            first = min(ahead, key=lambda one: one[0])
            self.handles.remove(first)
            self.world.at = max(self.world.at, first[0])
            first[1]._run()
        self.world.at = until


def settings(**changed: Any) -> Connector:
    """A connector's settings."""
    basic: dict[str, Any] = {"name": "carrier", "host": "smsc.example", "system_id": "kwek", "password": Secret("", "")}
    return Connector(**{**basic, **changed})


def connector_on(
    exchange: Any,
    *links: FakeLink,
    world: Virtual | None = None,
    short_codes: Sequence[str] = ("4411",),
    witness: Witness | None = None,
    **changed: Any,
) -> SmppConnector:
    """A connector on fake links; `changed` are its settings. Two that are given one `witness` are of one group."""
    own = settings(**{"window": links[0].window if links else 10, **changed})
    binding = BindSettings(name=own.name, addresses=((own.host, own.port),), system_id=own.system_id)
    connector = SmppConnector(
        own, binding, Mapping(own, short_codes), witness or Witness(habits_of(own)), world or Virtual(NOW), exchange
    )
    connector.client = FakeClient(*links)  # type: ignore[assignment]
    return connector


def hand(connector: SmppConnector, claims: Sequence[Claim], lease_until: float) -> None:
    """These claims are on disk and handed over, as the exchange does it."""
    connector.hold(claims)
    connector.hand(claims, lease_until)


def claim(id: int = 1, text: str = "Hallo", segments: int = 1, **changed: Any) -> Claim:
    """A claimed text to Jan."""
    basic: dict[str, Any] = {
        "id": id, "connector": "carrier", "number": "4411", "address": JAN, "text": text, "encoding": "gsm7",
        "segments": segments, "message_class": "conversational", "attempts": 1,
    }  # fmt: skip
    return Claim(**{**basic, **changed})


def long_text(segments: int) -> str:
    """A text of so many GSM segments."""
    return "lang " * (153 * segments // 5)


def received(sequence: int, text: bytes = b"JA", **changed: Any) -> Received:
    """A deliver_sm of Jan's."""
    pdu = DeliverSm(
        sequence_number=sequence, source_addr="31612345678", destination_addr="4411", short_message=text, **changed
    )
    return Received(pdu, b"frame%d" % sequence)
