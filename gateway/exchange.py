"""The main way's middle: what connectors bring goes to the writer, what the writer has committed goes back to them.

Only after the commit is anything acknowledged or sent, in this order: claims to the wire, acknowledgements, fences.
`gateway.intake` keeps what waits for its answer, `gateway.sender` what waits for the wire.
"""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Awaitable, Callable, Collection, Iterable, Sequence
from functools import partial

import structlog

from gateway.barrier import Barrier
from gateway.connectors.base import Answer, Connector, Read
from gateway.dripper import Dripper
from gateway.intake import Intake
from gateway.metrics import Metrics
from gateway.sender import Sender
from router.claims import Allowance
from router.evidence import Ended, Mark
from router.group import Done
from router.messages import Inbound, Occurrence
from router.outbox import Outcome
from router.store.errors import StoreUnavailable
from router.world import World
from router.writer import Writer

log = structlog.get_logger("kwek")


class Exchange:
    """Between the connectors and the writer; see gateway.connectors.base.Exchange and router.writer.Owner."""

    def __init__(self, world: World, metrics: Metrics, dripper: Dripper, most_octets: int) -> None:
        self.connectors: dict[str, Connector] = {}
        self.writer: Writer | None = None
        self.draining = False
        """The gateway stops: nothing more is handed out."""
        self._world = world
        self._metrics = metrics
        self._intake = Intake(world, metrics, self.connectors, self.later, most_octets)
        self._intake.emptied = self._look_finished
        self._sender = Sender(world, self.connectors, dripper, self.later, self._claim, self._renew)
        self.barrier = Barrier(world, metrics, self.connectors, self.later, self._watch, self._freed)
        self._timers: set[asyncio.TimerHandle] = set()
        self._finished = asyncio.Event()

    # ---------------------------------------------------------------------------------- what connectors ask of it

    def take(self, read: Read) -> None:
        """Texts and receipts came in."""
        self.barrier.read(read)
        self._intake.take(read, self.writer)

    def release(self, texts: Sequence[Inbound]) -> None:
        """Texts that the evidence held back may be judged now."""
        self._intake.release(texts, self.writer)

    def refuse(self, ids: Collection[int]) -> None:
        """Texts that the evidence held back come again: nobody waits for their answer any more."""
        self._intake.refuse(ids)

    def prove(self, marks: Iterable[Mark], ended: Iterable[Ended] = ()) -> None:
        """How far links are confirmed, and which are over."""
        if self.writer is not None:
            self.writer.note(marks)
            ended = list(ended)
            if ended:
                self.writer.put(ended=ended)
                self._forget({one.session for one in ended})

    def report(self, outcomes: Sequence[Outcome]) -> None:
        """What became of texts that were handed over."""
        if self.writer is not None:
            self.writer.put(outcomes=outcomes)

    def wake(self) -> None:
        """There may be room for what waits."""
        self._sender.wake()

    def later(self, seconds: float, act: Callable[[], None]) -> None:
        """Do something after so many seconds."""
        handle: asyncio.TimerHandle | None = None

        def run() -> None:
            if handle is not None:
                self._timers.discard(handle)
            act()

        handle = asyncio.get_running_loop().call_later(seconds, run)
        self._timers.add(handle)

    # --------------------------------------------------------------------------------------- what pages ask of it

    @property
    def trouble(self) -> str:
        """Why the store is away; empty while it is there."""
        return self.writer.trouble if self.writer is not None else ""

    def occur(self, occurrence: Occurrence) -> Awaitable[int]:
        """Something happened: its id when it is on disk, and of an opt-out when nothing more can be written either."""
        assert self.writer is not None, "pages are served while the writer runs"
        self.barrier.occurs(occurrence)
        return self.writer.occur(occurrence)

    # ----------------------------------------------------------------------------------- what the writer asks of it

    def reserve(self, outcomes: Sequence[Outcome]) -> Allowance:
        """Segments each connector may be handed by the next group, which settles these outcomes first."""
        allowance = Allowance({}) if self.draining else self._sender.reserve(outcomes)
        allowance.muted = self.barrier.muted
        return allowance

    def booked(self, done: Done) -> None:
        """A group is on disk: slots change hands, and what came over a link that is gone by now is in doubt."""
        self.barrier.booked(done)
        self._sender.booked(done)
        for connector in self.connectors.values():
            if connector.orphans:
                self._forget(connector.gone)
                kept = (*done.accepted, *(message for message, _ in done.quarantined))
                self.prove((), connector.adopt([message.id for message in kept]))

    def committed(self, done: Done, began: float) -> None:
        """Send and acknowledge what is on disk."""
        world, metrics = self._world, self._metrics
        self._intake.store_back()
        start = world.monotonic()
        if done.claims:
            # Before the acknowledgements: after that of a STOP nothing goes to the kernel, and this group may hold one.
            world.fault("claims.before")
            if late := self._sender.hand(done, began, self.barrier.muted):
                metrics.written_late(late)
            world.fault("claims.after")
            metrics.stage("send", world.monotonic() - start)
        self._sender.renewed(done, began)
        start = world.monotonic()
        self.barrier.committed(done, self._take_out)
        world.fault("answers.before")
        self._intake.answer(done.accepted)
        self._intake.answer(done.receipts)
        if done.quarantined:
            self._intake.answer([message for message, _ in done.quarantined])
        for connector in self.connectors.values():
            connector.fence()
        asyncio.get_running_loop().call_soon(world.fault, "answers.after")  # behind the links' own writing
        metrics.stage("answer", world.monotonic() - start)
        self._sender.note(done)
        _warn(done)
        metrics.committed(done, world.monotonic() - began)
        self._sender.ask(done)
        self._look_finished()

    def away(self, error: StoreUnavailable) -> None:
        """The store is away: the peers keep what they have, and what has waited too long goes back to them."""
        self._intake.store_away(self.writer)

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

    def close(self) -> None:
        """Nothing happens later any more."""
        for handle in self._timers:
            handle.cancel()
        self._timers.clear()

    @property
    def unanswered(self) -> int:
        """Messages and receipts that were read and not answered yet."""
        return self._intake.unanswered + self.barrier.waiting

    def _take_out(self, id: int) -> Answer | None:
        """Whoever is to be answered for a text, or waits for an occurrence."""
        answer = self._intake.take_out(id)
        if answer is None and self.writer is not None:
            tell = self.writer.take_out(id)
            answer = None if tell is None else partial(_told, tell)
        return answer

    def _forget(self, sessions: Collection[int]) -> None:
        """Texts of links that are gone are left to the peer, where another node may get them (Writer.forget)."""
        if self.writer is not None:
            self._intake.refuse(self.writer.forget(sessions))

    def _claim(self) -> None:
        if self.writer is not None:
            self.writer.put(claim=True)

    def _renew(self, ids: Sequence[int]) -> None:
        if self.writer is not None:
            self.writer.ask(renew=ids)

    def _watch(self, ids: Sequence[int]) -> None:
        if self.writer is not None:
            self.writer.ask(watch=ids)

    def _freed(self) -> None:
        """STOPs are acknowledged, or a number is heard again."""
        self._sender.wake()
        self._look_finished()

    def _look_finished(self) -> None:
        if self.draining and not self.unanswered and not any(one.held for one in self.connectors.values()):
            self._finished.set()


def _told(tell: Callable[[], None], kept: bool) -> None:
    """What is held back is on disk: it is kept."""
    tell()


def _warn(done: Done) -> None:
    """Of causes that were not performed as their rules say, and of budgets that are nearly spent."""
    for what, times in Counter(done.faults).items():
        log.warning("what fell due or was told was not performed, or cut short", what=what, times=times)
    for performance in done.performances:
        for charge in performance.near_budget:
            log.warning(
                "a budget is nearly spent; once it is, promotional texts are withheld", brand=charge.brand,
                period=charge.period, spent=charge.millionths / 1_000_000, budget=charge.budget / 1_000_000,
            )  # fmt: skip
