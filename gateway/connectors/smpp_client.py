"""A message centre that we bind to: the main way's two ends on SMPP.

In: one read of a link becomes one `Read`, answered with deliver_sm_resp after its commit. Out: claimed texts become
submit_sm in the same turn of the loop, and their answers become outcomes; a slot is free when its outcome is on disk,
so at most a window of outcomes is unknown when everything breaks at once.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Sequence
from functools import partial

from config.settings import Connector as Settings
from gateway.connectors.base import Answer, Exchange, Read
from gateway.connectors.flights import Flight
from gateway.connectors.mapping import Mapping, Origin
from gateway.refusals import MOST_TRIES, follows, retry_after
from gateway.throttle import Throttle
from router.instants import SECOND
from router.messages import Inbound
from router.outbox import Outcome
from router.perform import Claim
from router.receipts import ReceiptIn
from router.world import World
from smpp.client import BindSettings, Client, Link
from smpp.constants import ESME_RINVCMDID, ESME_ROK, ESME_RX_T_APPN, status_name
from smpp.errors import LocalFault
from smpp.events import Answered, Faulted, Received, Unanswered
from smpp.pdu import DataSm, DeliverSm
from smpp.text import TextFault

Token = tuple[Flight, int]
FORGOTTEN_SESSIONS = 1 << 20
"""Links are numbered from 1 in each process: the second of its start is put above that, so no two are alike."""
LOOK_AGAIN_S = 0.1
"""How soon to look again at links that could send but for octets which the kernel has not taken: nobody tells of it."""


class SmppConnector:
    """One `[[connector]]` of kind smpp."""

    def __init__(
        self, settings: Settings, binding: BindSettings, mapping: Mapping, world: World, exchange: Exchange
    ) -> None:
        self.name = settings.name
        self.settings = settings
        self.client = Client(binding, self, world.monotonic, world.chance, self._faulted)
        self.refused: dict[str, int] = {}
        """Segments that the centre refused, by the status's name."""
        self._mapping = mapping
        self._world = world
        self._exchange = exchange
        self._throttle = Throttle(settings.rate, world.monotonic())
        self._held: dict[int, int] = {}
        self._held_slots = 0
        self._about_to = 0
        """Slots of claims that are held and not yet handed over."""
        self._queue: deque[Token] = deque()
        """Segments that wait for room on a link: those beyond the window, and refused ones sent again."""
        self._session_base = world.now() // SECOND * FORGOTTEN_SESSIONS
        self._closing = False

    # ------------------------------------------------------------------------------------------------ its standing

    @property
    def trouble(self) -> str:
        """Why nothing can be sent or received, as a sentence; empty while a link is bound."""
        links = self.client.links
        if any(link.bound for link in links):
            return ""
        said = next((link.trouble for link in links if link.trouble), None)
        return said or f"not bound to {self.settings.host}:{self.settings.port} yet"

    @property
    def most(self) -> int:
        """Slots of the window on all links that may send."""
        return self.settings.window * sum(link.can_send for link in self.client.links)

    def pace(self) -> int:
        """Segments that its rate lets go now; none while it pauses."""
        return self._throttle.room(self._world.monotonic())

    def room(self, settling: Sequence[Outcome] = ()) -> int:
        """Slots that are free once these outcomes are on disk: held by nothing unsettled then, on links that can be
        written to, and not lent already to claims that are about to be handed over."""
        held = self._held_slots - sum([self._held.get(outcome.id, 0) for outcome in settling])
        return max(0, min(self.most - held, self._writable() - self._about_to))

    def wait_s(self) -> float:
        """Seconds until the rate or a pause leaves room again, or until links whose octets linger are looked at."""
        wait_s = self._throttle.wait_s(self._world.monotonic())
        if not wait_s and self._held_slots < self.most and not self._writable():
            return LOOK_AGAIN_S
        return wait_s

    @property
    def held(self) -> int:
        """Slots held by texts that are not settled."""
        return self._held_slots

    def pause_reading(self) -> None:
        """Take nothing more in from any link."""
        for link in self.client.links:
            link.pause_reading()

    def resume_reading(self) -> None:
        """Undo it."""
        for link in self.client.links:
            link.resume_reading()

    def refuse_new(self) -> None:
        """We are about to stop: the centre keeps what it sends from now on."""
        self._closing = True

    def start(self) -> None:
        """Begin to connect; keeps trying for as long as it takes."""
        self.client.start()

    async def stop(self, drain_s: float) -> None:
        """Wait for open answers, unbind, close."""
        await self.client.stop(drain_s)

    # ------------------------------------------------------------------------------------------------------- in

    def received(self, link: Link, requests: list[Received]) -> None:
        """Texts and receipts of one read."""
        now, next_id, session = self._world.now(), self._world.ids.next, self._session_base + link.number
        inbound: list[Inbound] = []
        receipts: list[ReceiptIn] = []
        answers: dict[int, Answer] = {}
        octets = 0
        for request in requests:
            pdu = request.pdu
            if not isinstance(pdu, (DeliverSm, DataSm)):
                link.answer(request, ESME_RINVCMDID)
                continue
            if self._closing:
                link.answer(request, ESME_RX_T_APPN)
                continue
            new_id = next_id(now)
            origin = Origin(new_id, session, now)
            if self._mapping.is_receipt(pdu):
                receipts.append(self._mapping.to_receipt(pdu, request.frame, origin))
            else:
                inbound.append(self._mapping.to_inbound(pdu, request.frame, origin))
            answers[new_id] = partial(_answer, link, request)
            octets += len(request.frame)
        if answers:
            self._exchange.take(Read(self.name, inbound, receipts, answers, octets))

    def _faulted(self, link: Link, event: Faulted) -> None:
        """A PDU that could not be read was refused by the session; its octets are kept all the same."""
        if event.fault.salvage is not None:
            return  # tolerated: the PDU itself follows, with its octets
        now = self._world.now()
        new_id = self._world.ids.next(now)
        kept = Inbound(
            id=new_id, connector=self.name, session=self._session_base + link.number, sequence=0, sender=f"?{new_id}",
            recipient="", text="", received_at=now, frame=event.frame, unreadable=str(event.fault),
        )  # fmt: skip
        self._exchange.take(Read(self.name, [kept], [], {new_id: _unanswerable}, len(event.frame)))

    # ------------------------------------------------------------------------------------------------------ out

    def hold(self, claims: Sequence[Claim]) -> None:
        """These claims are on disk and will be handed over in this turn of the loop: they hold their slots."""
        most = max(1, self.most)
        for claim in claims:
            slots = self._held[claim.id] = min(claim.segments, most)
            self._held_slots += slots
            self._about_to += slots
            self._throttle.spend(claim.segments)

    def hand(self, claims: Sequence[Claim], lease_until: float) -> None:
        """Send claimed texts. What cannot be written within its lease goes back to wait; nothing is sent later."""
        self._about_to = 0
        given_back: list[Outcome] = []
        late = self._world.monotonic() > lease_until
        several = len(self.client.links) > 1
        link: Link | None = None
        for claim in claims:
            if several or link is None or not link.room:
                link = None if late else self._best_link()
            outcome: Outcome | None
            if link is None:
                outcome = self._outcome(claim, "ready", "lease_over" if late else "no_link")
            else:
                outcome = self._launch(claim, link)
            if outcome is not None:
                self._throttle.spend(-claim.segments)
                given_back.append(outcome)
        if given_back:
            self._exchange.report(given_back)

    def _launch(self, claim: Claim, link: Link) -> Outcome | None:
        try:
            flight = Flight(claim, self._mapping.to_submits(claim))
            flight.link = link.number
            for index, pdu in enumerate(flight.pdus):
                if link.room:
                    link.send(pdu, (flight, index))
                else:
                    self._queue.append((flight, index))
        except (TextFault, LocalFault) as fault:
            return self._outcome(claim, "failed", str(fault))
        return None

    def _writable(self) -> int:
        """Requests that links may be given now whose octets the kernel has all taken."""
        return sum(link.room for link in self.client.links if link.buffer_empty)

    def _best_link(self) -> Link | None:
        """The link with most room whose octets the kernel has all taken: "written" must mean handed over."""
        best: Link | None = None
        for link in self.client.links:
            if link.room and link.buffer_empty and (best is None or link.room > best.room):
                best = link
        return best

    def answered(self, link: Link, answers: list[Answered]) -> None:
        """submit_sm_resp of one read."""
        outcomes: list[Outcome] = []
        for answer in answers:
            flight, index = answer.token
            response = answer.response
            if flight.answer(index, response.command_status, getattr(response, "message_id", None) or ""):
                outcome = self._conclude(flight)
                if outcome is not None:
                    outcomes.append(outcome)
        self._send_queued(link)
        if outcomes:
            self._exchange.report(outcomes)

    def _conclude(self, flight: Flight) -> Outcome | None:
        """What the answers to all segments come to; None when some are sent again."""
        claim = flight.claim
        if not flight.refused:
            self._throttle.accepted(self._world.monotonic())
            ids = self._mapping.message_ids(flight.message_ids)
            return Outcome(id=claim.id, connector=self.name, state="sent", message_ids=ids)
        status = flight.refusal
        name = status_name(status)
        self.refused[name] = self.refused.get(name, 0) + len(flight.refused)
        next_step = follows(status, self.settings.retry)
        if next_step == "fail" or (next_step == "retry" and flight.tries >= MOST_TRIES):
            return self._outcome(claim, "failed", f"refused with {name}")
        now = self._world.monotonic()
        wait = int(self._throttle.pause(now) * SECOND) if next_step == "pause" else retry_after(flight.tries)
        if flight.accepted:
            self._exchange.later(wait / SECOND, partial(self._resend, flight, flight.again()))
            return None
        return self._outcome(claim, "ready", f"refused with {name}", wait)

    def _resend(self, flight: Flight, segments: list[int]) -> None:
        self._throttle.spend(len(segments))
        self._queue.extend((flight, index) for index in segments)
        for link in self.client.links:
            self._send_queued(link)

    def _send_queued(self, link: Link) -> None:
        """Send what waits for this link, or for any, as far as it has room; the rest keeps its order."""
        if not self._queue or not link.room:
            return
        others: deque[Token] = deque()
        while self._queue and link.room:
            flight, index = token = self._queue.popleft()
            if flight.link in (0, link.number):
                flight.link = link.number
                link.send(flight.pdus[index], token)
            else:
                others.append(token)
        self._queue.extendleft(reversed(others))

    def lost(self, link: Link, unanswered: list[Unanswered], reason: str) -> None:
        """A link is gone: whatever it had not answered is of unknown outcome."""
        flights: dict[int, Flight] = {}
        for one in unanswered:
            if isinstance(one.token, tuple):
                flights[one.token[0].claim.id] = one.token[0]
        waiting, self._queue = self._queue, deque()
        for token in waiting:
            if token[0].link == link.number:
                flights[token[0].claim.id] = token[0]
            else:
                self._queue.append(token)
        if flights:
            self._exchange.report([self._outcome(flight.claim, "unknown", reason) for flight in flights.values()])

    def changed(self, link: Link) -> None:
        """Bound, unbound, or the peer reads again: there may be room."""
        self._send_queued(link)
        self._exchange.wake()

    def settled(self, outcomes: Sequence[Outcome]) -> None:
        """These outcomes are on disk: their slots are free."""
        held = self._held
        for outcome in outcomes:
            self._held_slots -= held.pop(outcome.id, 0)

    def _outcome(self, claim: Claim, state: str, reason: str, wait: int = 0) -> Outcome:
        return Outcome(
            id=claim.id, connector=self.name, state=state, reason=reason, retry_at=self._world.now() + wait,  # type: ignore[arg-type]
            message_class=claim.message_class, attempts=claim.attempts,
        )  # fmt: skip


def _answer(link: Link, request: Received, kept: bool) -> None:
    link.answer(request, ESME_ROK if kept else ESME_RX_T_APPN)


def _unanswerable(kept: bool) -> None:
    """The session has answered it already."""
