"""Claimed texts become submit_sm in the same turn of the loop, and their answers become outcomes; a slot is free when
its outcome is on disk, so at most a window of outcomes is unknown when everything breaks at once.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Collection, Sequence
from typing import Literal

from config.connectors import Connector as Settings
from config.values import Refusal
from gateway.connectors.base import Exchange
from gateway.connectors.flights import Flight
from gateway.connectors.mapping import Mapping
from gateway.refusals import MOST_HANDINGS, MOST_TRIES, follows, retry_after
from gateway.throttle import Throttle
from router.claims import Claim
from router.faults import reason_of
from router.instants import SECOND
from router.outbox import Outcome
from router.world import World
from smpp.client import Link
from smpp.constants import status_name
from smpp.errors import LocalFault
from smpp.events import Answered, Unanswered
from smpp.text import TextFault

Token = tuple[Flight, int]
State = Literal["failed", "unknown", "ready"]
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
        """Segments that wait for room on a link: those beyond the window."""

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
        """Send a claimed text; gives its outcome when that cannot be."""
        try:
            flight = self._flights[claim.id] = Flight(claim, self._mapping.to_submits(claim))
        except Exception as fault:  # of this text: the others of the group go out
            return self._spoilt(claim, fault)
        flight.link, flight.until = link.number, until
        for index in flight.to_send:
            if not link.room:
                self._queue.append((flight, index))
            elif not self._send(link, flight, index):
                break
        return None if flight.left else self._conclude(flight)

    def _send(self, link: Link, flight: Flight, index: int) -> bool:
        try:
            link.send(flight.pdus[index], (flight, index))
        except Exception as fault:  # what is out of it already is still answered for
            flight.cut(fault)
            return False
        flight.flying += 1
        return True

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
        spoilt: list[Flight] = []
        while self._queue and link.room:
            flight, index = token = self._queue.popleft()
            if flight.fault is not None:
                continue
            if flight.link in (0, link.number) and now <= flight.until:
                flight.link = link.number
                if not self._send(link, flight, index) and not flight.left:
                    spoilt.append(flight)
            else:
                others.append(token)
        self._queue.extendleft(reversed(others))
        if spoilt:
            self._exchange.report([self._conclude(flight) for flight in spoilt])

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
            if dropped and not flight.left:
                outcomes.append(self._conclude(flight))
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
                outcomes.append(self._conclude(flight))
        self.send_queued(link)
        if outcomes:
            self._exchange.report(outcomes)

    def _conclude(self, flight: Flight) -> Outcome:
        """What the answers to all segments come to."""
        claim, now = flight.claim, self._world.monotonic()
        if flight.accepted:
            self._throttle.accepted(now, len(flight.accepted))
        if flight.fault is not None:
            return self._spoilt(claim, flight.fault, flight)
        if not flight.refused and len(flight.before) + len(flight.accepted) == len(flight.pdus):
            return self._sent(flight)
        if flight.stopped and (flight.before or flight.accepted):
            return self._sent(flight)
        for status in flight.refused.values():
            name = status_name(status)
            self.refused[name] = self.refused.get(name, 0) + 1
        step, status = self._worst(flight)
        reason = f"refused with {status_name(status)}" if flight.refused else "stopped"
        if step == "fail" or (step == "retry" and claim.retries + 1 >= MOST_TRIES):
            return self._outcome(claim, "failed", reason, flight=flight)
        if step == "retry":
            return self._outcome(claim, "ready", reason, retry_after(claim.retries + 1), flight, retried=True)
        wait = int(self._throttle.pause(now) * SECOND) if step == "pause" else 0
        return self._outcome(claim, "ready", reason, wait, flight)

    def _worst(self, flight: Flight) -> tuple[Refusal | None, int]:
        """What follows the gravest refusal of its segments, and its status."""
        steps = {follows(status, self._settings.retry): status for status in flight.refused.values()}
        return next(((step, steps[step]) for step in ("fail", "retry", "pause") if step in steps), (None, 0))

    def _sent(self, flight: Flight) -> Outcome:
        claim = flight.claim
        ids = self._mapping.message_ids(flight.message_ids, claim.address)
        # One id for all (message_payload), none where the centre gave none, more where the text had to be cut smaller.
        less = claim.segments - len(ids) - len(flight.before) if self._settings.receipts else 0
        return Outcome(
            id=claim.id, connector=self.name, state="sent", message_ids=ids, without_receipt=less,
            message_class=claim.message_class,
        )  # fmt: skip

    def _spoilt(self, claim: Claim, fault: Exception, flight: Flight | None = None) -> Outcome:
        """Its own text or address cannot be sent, which does not change; or a fault nobody foresaw, which may pass."""
        known = isinstance(fault, (TextFault, LocalFault))
        reason = str(fault) if known else reason_of(fault)
        if known or claim.retries + 1 >= MOST_HANDINGS:
            return self._outcome(claim, "failed", reason, flight=flight)
        return self._outcome(claim, "ready", reason, retry_after(claim.retries + 1), flight, retried=True)

    def lost(self, link: Link, unanswered: Sequence[Unanswered], reason: str) -> None:
        """A link is gone: whatever it had not answered is of unknown outcome; what had not begun to go out waits."""
        flights: dict[int, Flight] = {}
        for one in unanswered:
            if isinstance(one.token, tuple):
                flights[one.token[0].claim.id] = one.token[0]
        unknown = flights.keys() - ()
        waiting, self._queue = self._queue, deque()
        for token in waiting:
            if token[0].link == link.number:
                flights[token[0].claim.id] = token[0]
            else:
                self._queue.append(token)
        if flights:
            self._exchange.report(
                [
                    self._outcome(flight.claim, "unknown" if id in unknown else "ready", reason, flight=flight)
                    for id, flight in flights.items()
                ]
            )

    def settled(self, outcomes: Sequence[Outcome]) -> None:
        """These outcomes are on disk: their slots are free."""
        held = self._held
        for outcome in outcomes:
            self._held_slots -= held.pop(outcome.id, 0)
            self._flights.pop(outcome.id, None)

    def _outcome(
        self, claim: Claim, state: State, reason: str, wait: int = 0, flight: Flight | None = None, *,
        retried: bool = False,
    ) -> Outcome:  # fmt: skip
        """Not sent, or not all of it: what the centre has accepted is kept all the same."""
        ids = self._mapping.message_ids(flight.message_ids, claim.address) if flight is not None else ()
        return Outcome(
            id=claim.id, connector=self.name, state=state, reason=reason, retry_at=self._world.now() + wait,
            message_class=claim.message_class, sends=claim.sends, retried=retried, message_ids=ids,
            accepted=flight.told() if flight is not None else "",
        )  # fmt: skip
