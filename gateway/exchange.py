"""The main way's middle: what connectors bring goes to the writer, what the writer has committed goes back to them.

Only after the commit is anything acknowledged or sent. The queue is bounded by octets: beyond it reading pauses, so the
peers' own windows hold them back. Room on the wire is lent to one group at a time (`reserve`), and what the group did
not use is free again when it is done.
"""

from __future__ import annotations

import asyncio
from collections import defaultdict
from collections.abc import Callable, Sequence
from functools import partial
from typing import TypeVar

from gateway.connectors.base import Answer, Connector, Read
from gateway.dripper import Dripper
from gateway.metrics import Metrics
from router.group import Done, Group
from router.outbox import Outcome
from router.perform import Allowance, Claim
from router.store.errors import StoreUnavailable
from router.world import World
from router.writer import Writer

T = TypeVar("T", Claim, Outcome)

LEASE_S = 1.0
"""How long after its group began a claimed text may still be written, in monotonic seconds (RELIABILITY: STOP)."""


class Exchange:
    """Between the connectors and the writer; see gateway.connectors.base.Exchange and router.writer.Owner."""

    def __init__(self, world: World, metrics: Metrics, dripper: Dripper, most_octets: int) -> None:
        self.connectors: dict[str, Connector] = {}
        self.writer: Writer | None = None
        self.draining = False
        """The gateway stops: nothing more is handed out."""
        self._world = world
        self._metrics = metrics
        self._dripper = dripper
        self._most_octets = most_octets
        self._octets = 0
        self._paused = False
        self._answers: dict[int, tuple[Answer, int]] = {}
        self._waiting: dict[str, int] = {}
        """Connectors for which texts wait in the outbox, and the earliest instant at which one is due."""
        self._timers: set[asyncio.TimerHandle] = set()
        self._paced: set[str] = set()
        self._finished = asyncio.Event()

    # ---------------------------------------------------------------------------------- what connectors ask of it

    def take(self, read: Read) -> None:
        """Texts and receipts came in."""
        share = read.octets // max(1, len(read.answers))
        for key, answer in read.answers.items():
            self._answers[key] = (answer, share)
        self._octets += share * len(read.answers)
        self._metrics.received(read.connector, len(read.inbound), len(read.receipts))
        self._put(inbound=read.inbound, receipts=read.receipts)
        if self._octets > self._most_octets:  # each time: a link may be new
            self._paused = True
            for connector in self.connectors.values():
                connector.pause_reading()

    def report(self, outcomes: Sequence[Outcome]) -> None:
        """What became of texts that were handed over."""
        self._put(outcomes=outcomes)

    def wake(self) -> None:
        """There may be room for what waits."""
        if self._waiting:
            self._put(claim=True)

    def later(self, seconds: float, act: Callable[[], None]) -> None:
        """Do something after so many seconds."""
        handle: asyncio.TimerHandle | None = None

        def run() -> None:
            if handle is not None:
                self._timers.discard(handle)
            act()

        handle = asyncio.get_running_loop().call_later(seconds, run)
        self._timers.add(handle)

    # ----------------------------------------------------------------------------------- what the writer asks of it

    def reserve(self, outcomes: Sequence[Outcome]) -> Allowance:
        """Segments each connector may be handed by the next group, which settles these outcomes first."""
        if self.draining:
            return Allowance({})
        settled = _by_connector(outcomes)
        every = self.connectors.items()
        return Allowance(
            {name: one.room(settled.get(name, ())) for name, one in every},
            {name: one.most for name, one in every},
            {name: one.pace() for name, one in every},
        )

    def booked(self, done: Done) -> None:
        """A group is on disk: slots change hands before the next group is lent any."""
        for name, outcomes in _by_connector(done.settled).items():
            if name in self.connectors:
                self.connectors[name].settled(outcomes)
        for name, claims in _by_connector(done.claims).items():
            self.connectors[name].hold(claims)

    def committed(self, done: Done, began: float) -> None:
        """Send and acknowledge what is on disk."""
        clock = self._world.monotonic
        start = clock()
        # Before the acknowledgements: after that of a STOP nothing goes to the kernel, and this group may hold one.
        for name, claims in _by_connector(done.claims).items():
            self.connectors[name].hand(claims, began + LEASE_S)
        self._metrics.stage("send", clock() - start)
        start, answers, octets = clock(), self._answers, 0
        for kept in (done.accepted, done.receipts, [message for message, _ in done.quarantined]):
            for one in kept:
                answer, share = answers.pop(one.id, (None, 0))
                if answer is not None:
                    answer(True)
                octets += share
        self._less(octets)
        self._metrics.stage("answer", clock() - start)
        self._note(done)
        self._metrics.committed(done, self._world.monotonic() - began)
        if (done.settled or done.resent) and self._waiting:
            self._put(claim=True)
        elif self._waiting:
            self._pace()
        self._look_finished()

    def refused(self, group: Group, error: StoreUnavailable) -> None:
        """The store is away: the peers keep what they sent, and are told to try again."""
        octets = 0
        for refused in (group.inbound, group.receipts):
            for one in refused:
                answer, share = self._answers.pop(one.id, (None, 0))
                if answer is not None:
                    answer(False)
                octets += share
        self._less(octets)
        self._metrics.store_refused(len(group.inbound) + len(group.receipts))
        self._look_finished()

    # ------------------------------------------------------------------------------------------------- how it ends

    async def drain(self, seconds: float) -> float:
        """Take nothing new in, hand nothing more out, and wait until what is under way is on disk and acknowledged.

        Gives the seconds that are left of those it may take.
        """
        until = self._world.monotonic() + seconds
        self.draining = True
        for connector in self.connectors.values():
            connector.refuse_new()
        self._look_finished()
        try:
            async with asyncio.timeout(seconds):
                await self._finished.wait()
        except TimeoutError:
            return 0.0
        return max(0.0, until - self._world.monotonic())

    def _look_finished(self) -> None:
        if self.draining and not self._answers and not any(one.held for one in self.connectors.values()):
            self._finished.set()

    # -------------------------------------------------------------------------------------------------- its insides

    def close(self) -> None:
        """Nothing happens later any more."""
        for handle in self._timers:
            handle.cancel()
        self._timers.clear()

    @property
    def unanswered(self) -> int:
        """Messages and receipts that were read and not answered yet."""
        return len(self._answers)

    def _put(self, **causes: object) -> None:
        if self.writer is not None:
            self.writer.put(**causes)  # type: ignore[arg-type]

    def _less(self, octets: int) -> None:
        self._octets -= octets
        if self._paused and self._octets < self._most_octets // 2:
            self._paused = False
            for connector in self.connectors.values():
                connector.resume_reading()

    def _note(self, done: Done) -> None:
        """Remember what waits, and when something falls due."""
        if done.waiting is not None:
            self._waiting = dict(done.waiting)
        waiting = self._waiting
        for performance in done.performances:
            for connector in performance.ready:
                waiting[connector] = 0
        for outcome in done.settled:
            if outcome.state == "ready":
                waiting[outcome.connector] = min(outcome.retry_at, waiting.get(outcome.connector, outcome.retry_at))
        # What is due already waits for room, and whoever makes room wakes the writer; a timer would only spin.
        now = self._world.now()
        later = (at for at in waiting.values() if at > now)
        self._dripper.note(min((at for at in (done.next_due, *later) if at), default=None))

    def _pace(self) -> None:
        """Where a rate or a pause holds texts back, look again when there is room."""
        for name in self._waiting.keys() - self._paced:
            connector = self.connectors.get(name)
            wait_s = connector.wait_s() if connector is not None else 0.0
            if wait_s > 0:
                self._paced.add(name)
                self.later(wait_s, partial(self._paced_out, name))

    def _paced_out(self, name: str) -> None:
        self._paced.discard(name)
        self.wake()


def _by_connector(things: Sequence[T]) -> dict[str, list[T]]:
    found: dict[str, list[T]] = defaultdict(list)
    for thing in things:
        found[thing.connector].append(thing)
    return found
