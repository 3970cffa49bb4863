"""Claimed texts become submit_sm in the same turn of the loop, and their answers become outcomes; a slot is free when
its outcome is on disk, so at most a window of outcomes is unknown when everything breaks at once.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Collection, Sequence
from functools import partial

from config.settings import Connector as Settings
from gateway.connectors.base import Exchange
from gateway.connectors.flights import Flight
from gateway.connectors.mapping import Mapping
from gateway.refusals import MOST_TRIES, follows, retry_after
from gateway.throttle import Throttle
from router.instants import SECOND
from router.outbox import Outcome
from router.perform import Claim
from router.world import World
from smpp.client import Link
from smpp.constants import status_name
from smpp.errors import LocalFault
from smpp.events import Answered, Unanswered
from smpp.text import TextFault

Token = tuple[Flight, int]
LOOK_AGAIN_S = 0.1
"""How soon to look again at links that could send but for octets which the kernel has not taken: nobody tells of it."""


class Outgoing:
    """What one connector has under way. `links` gives its links as they are now."""

    def __init__(
        self, settings: Settings, links: Callable[[], Sequence[Link]], mapping: Mapping, world: World,
        exchange: Exchange,
    ) -> None:  # fmt: skip
        self.name = settings.name
        self.refused: dict[str, int] = {}
        """Segments that the centre refused, by the status's name."""
        self._settings = settings
        self._links = links
        self._mapping = mapping
        self._world = world
        self._exchange = exchange
        self._throttle = Throttle(settings.rate, world.monotonic())
        self._held: dict[int, int] = {}
        self._held_slots = 0
        self._flights: dict[int, Flight] = {}
        """Texts that were handed over and are not settled yet, by the claim's id."""
        self._about_to = 0
        """Slots of claims that are held and not yet handed over."""
        self._queue: deque[Token] = deque()
        """Segments that wait for room on a link: those beyond the window, and refused ones sent again."""

    # ------------------------------------------------------------------------------------------------ its standing

    @property
    def most(self) -> int:
        """Slots of the window on all links that may send."""
        return self._settings.window * sum(link.can_send for link in self._links())

    @property
    def held(self) -> int:
        """Slots held by texts that are not settled."""
        return self._held_slots

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

    # ------------------------------------------------------------------------------------------------------- sending

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
        several = len(self._links()) > 1
        link: Link | None = None
        for claim in claims:
            if several or link is None or not link.room:
                link = None if late else self._best_link()
            outcome: Outcome | None
            if link is None:
                outcome = self._outcome(claim, "ready", "lease_over" if late else "no_link")
            else:
                outcome = self._launch(claim, link, lease_until)
            if outcome is not None:
                self._throttle.spend(-claim.segments)
                given_back.append(outcome)
        if given_back:
            self._exchange.report(given_back)

    def flush(self) -> None:
        """Give the kernel what was sent in this turn: nothing of it may follow the acknowledgement of a STOP."""
        for link in self._links():
            link.flush()

    def _launch(self, claim: Claim, link: Link, until: float) -> Outcome | None:
        try:
            flight = self._flights[claim.id] = Flight(claim, self._mapping.to_submits(claim))
            flight.link, flight.until = link.number, until
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
        return sum(link.room for link in self._links() if link.buffer_empty)

    def _best_link(self) -> Link | None:
        """The link with most room whose octets the kernel has all taken: "written" must mean handed over."""
        best: Link | None = None
        for link in self._links():
            if link.room and link.buffer_empty and (best is None or link.room > best.room):
                best = link
        return best

    def send_queued(self, link: Link) -> None:
        """Send what waits for this link, or for any, as far as it has room and lease; the rest keeps its order."""
        if not self._queue or not link.room:
            return
        now = self._world.monotonic()
        others: deque[Token] = deque()
        while self._queue and link.room:
            flight, index = token = self._queue.popleft()
            if flight.link in (0, link.number) and now <= flight.until:
                flight.link = link.number
                link.send(flight.pdus[index], token)
            else:
                others.append(token)
        self._queue.extendleft(reversed(others))

    @property
    def unfinished(self) -> dict[int, str]:
        """Texts of which segments wait, for room or for another lease, with their addresses."""
        return {flight.claim.id: flight.claim.address for flight, _ in self._queue}

    def renew(self, ids: Collection[int], until: float) -> None:
        """What waits of these texts may be sent until then (monotonic seconds); 0: not for now."""
        for id in ids:
            if id in self._flights:
                self._flights[id].until = until
        if until:
            for link in self._links():
                self.send_queued(link)

    def drop(self, ids: Collection[int]) -> None:
        """A STOP came: nothing more of these texts goes out, and what the centre has accepted of them stays."""
        outcomes: list[Outcome] = []
        for id in ids:
            flight = self._flights.get(id)
            if flight is None:
                continue
            flight.stopped = True
            kept = deque(token for token in self._queue if token[0] is not flight)
            dropped, self._queue = len(self._queue) - len(kept), kept
            flight.left -= dropped
            outcome = self._conclude(flight) if dropped and not flight.left else None
            if outcome is not None:
                outcomes.append(outcome)
        if outcomes:
            self._exchange.report(outcomes)

    # ------------------------------------------------------------------------------------------------- what comes back

    def answered(self, link: Link, answers: Sequence[Answered]) -> None:
        """submit_sm_resp of one read."""
        self._world.fault("response.read")
        outcomes: list[Outcome] = []
        for answer in answers:
            flight, index = answer.token
            response = answer.response
            if flight.answer(index, response.command_status, getattr(response, "message_id", None) or ""):
                outcome = self._conclude(flight)
                if outcome is not None:
                    outcomes.append(outcome)
        self.send_queued(link)
        if outcomes:
            self._exchange.report(outcomes)

    def _conclude(self, flight: Flight) -> Outcome | None:
        """What the answers to all segments come to; None when some are sent again."""
        claim = flight.claim
        if not flight.refused or (flight.stopped and flight.accepted):
            self._throttle.accepted(self._world.monotonic())
            ids = self._mapping.message_ids(flight.message_ids)
            return Outcome(id=claim.id, connector=self.name, state="sent", message_ids=ids)
        status = flight.refusal
        name = status_name(status)
        self.refused[name] = self.refused.get(name, 0) + len(flight.refused)
        next_step = follows(status, self._settings.retry)
        if next_step == "fail" or (next_step == "retry" and flight.tries >= MOST_TRIES):
            return self._outcome(claim, "failed", f"refused with {name}")
        now = self._world.monotonic()
        wait = int(self._throttle.pause(now) * SECOND) if next_step == "pause" else retry_after(flight.tries)
        if flight.accepted:
            self._exchange.later(wait / SECOND, partial(self._resend, flight, flight.again()))
            return None
        return self._outcome(claim, "ready", f"refused with {name}", wait)

    def _resend(self, flight: Flight, segments: list[int]) -> None:
        if flight.stopped:
            outcome = self._conclude(flight)
            self._exchange.report([outcome] if outcome is not None else [])
            return
        self._throttle.spend(len(segments))
        self._queue.extend((flight, index) for index in segments)
        for link in self._links():
            self.send_queued(link)
        self._exchange.wake()

    def lost(self, link: Link, unanswered: Sequence[Unanswered], reason: str) -> None:
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

    def settled(self, outcomes: Sequence[Outcome]) -> None:
        """These outcomes are on disk: their slots are free."""
        held = self._held
        for outcome in outcomes:
            self._held_slots -= held.pop(outcome.id, 0)
            self._flights.pop(outcome.id, None)

    def _outcome(self, claim: Claim, state: str, reason: str, wait: int = 0) -> Outcome:
        return Outcome(
            id=claim.id, connector=self.name, state=state, reason=reason, retry_at=self._world.now() + wait,  # type: ignore[arg-type]
            message_class=claim.message_class, attempts=claim.attempts,
        )  # fmt: skip
