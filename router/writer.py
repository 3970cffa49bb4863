"""Group commit without a timer: one writer per node, and a group is whatever gathered while the last one committed.

An idle writer commits at once. Causes wait in queues here, bounded by who fills them; a contact's second message waits
for the next group, so that JOIN and JA in one read come out right. When the store is away nothing is acknowledged: the
owner is told, outcomes are kept, and it is tried again.
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Callable, Collection, Iterable, Sequence
from functools import partial
from typing import Protocol, TypeVar

from router.claims import Allowance
from router.evidence import Ended, Mark
from router.faults import SetAside
from router.group import Done, Group, Interrupted
from router.messages import Inbound, Occurrence
from router.outbox import Outcome
from router.receipts import ReceiptIn
from router.store.engine import Store
from router.store.errors import StoreConflict, StoreUnavailable
from router.underway import Underway
from router.ways import Ways

GROUP = 256
"""Causes in one group: beyond it a transaction's fixed cost no longer shows, and its locks are held too long."""
OCCURRENCES = 64
"""Occurrences in one group: a quarter of a full one, so that they never hold up what comes in."""
LOOK_PAST = 1_024
"""Waiting messages looked at for one group, when many are of senders that already stand in it."""
RETRY_S = 0.25
"""Pause before a store that is away is tried again, in seconds."""
MARKS_WAIT_S = 1.0
"""How long confirmations wait for a group that they may ride along with (RELIABILITY.md 2.2, idle sessions)."""
HELD_S = 0.025
"""Pause before a text is looked at again that only another node can judge: it writes confirmations that often."""

T = TypeVar("T")


class Owner(Protocol):
    """Who fills the queues and acts on what was committed. Called on the event loop, between groups."""

    def reserve(self, outcomes: Sequence[Outcome]) -> Allowance:
        """Segments each connector may be handed by the next group, which settles these outcomes first."""

    def booked(self, done: Done) -> None:
        """A group is on disk: its outcomes have freed their slots, its claims hold theirs. `committed` follows."""

    def committed(self, done: Done, began: float) -> None:
        """Act upon what is on disk: send, answer. `began`: monotonic seconds when the group began."""

    def away(self, error: StoreUnavailable) -> None:
        """The store is away. What waits is tried again, unless the owner takes it back (`Writer.give_up`)."""


class Writer:
    """The queues of causes and the loop that commits them, group by group."""

    def __init__(self, store: Store, ways: Ways, owner: Owner) -> None:
        self._store = store
        self._ways = ways
        self._owner = owner
        self._outcomes: deque[Outcome] = deque()
        self._receipts: deque[ReceiptIn] = deque()
        self._inbound: deque[Inbound] = deque()
        self._held: set[str] = set()
        """Senders whose first text in the queue is to wait a moment."""
        self._marks: dict[int, Mark] = {}
        self._marks_due = False
        self._ended: deque[Ended] = deque()
        self._occurrences: deque[Occurrence] = deque()
        self._told: dict[int, asyncio.Future[int]] = {}
        """Who waits for an occurrence to be on disk, by its id."""
        self._errands: deque[Callable[[], None]] = deque()
        self._watch: Sequence[int] = ()
        self._renew: Sequence[int] = ()
        self._due = False
        self._claim = False
        self._work = asyncio.Event()
        self._stopping = False
        self.trouble = ""
        """Why the store is away, empty while it is there."""

    @property
    def waiting(self) -> int:
        """Messages and receipts in the queues."""
        return len(self._inbound) + len(self._receipts)

    def put(
        self, *, inbound: Iterable[Inbound] = (), receipts: Iterable[ReceiptIn] = (), outcomes: Iterable[Outcome] = (),
        ended: Iterable[Ended] = (), due: bool = False, claim: bool = False,
    ) -> None:  # fmt: skip
        """Queue causes; the next group takes them in this order within each kind."""
        self._ended.extend(ended)
        self._inbound.extend(inbound)
        self._receipts.extend(receipts)
        self._outcomes.extend(outcomes)
        self._due |= due
        self._claim |= claim
        self._work.set()

    def occur(self, occurrence: Occurrence) -> asyncio.Future[int]:
        """Queue something that happened. The future gives its id once it is on disk, or the id of the first where it
        was told before under the same key; SetAside when it cannot be performed, StoreUnavailable when the gateway ends
        before."""
        told: asyncio.Future[int] = asyncio.get_running_loop().create_future()
        self._told[occurrence.id] = told
        self._occurrences.append(occurrence)
        self._work.set()
        return told

    def take_out(self, id: int) -> Callable[[], None] | None:
        """Whoever waits for an occurrence, for an owner that tells it later than at the end of `committed`."""
        told = self._told.pop(id, None)
        return None if told is None else partial(_tell, told, id)

    def ask(self, *, watch: Sequence[int] = (), renew: Sequence[int] = ()) -> None:
        """Have the next group look whether these texts are settled, or give them another lease (Done.watched, renewed).

        It is tried once: a group that fails answers neither.
        """
        self._watch = watch or self._watch
        self._renew = renew or self._renew
        self._work.set()

    def note(self, marks: Iterable[Mark]) -> None:
        """Let confirmations ride along with the next group; one that nothing else asks for begins in a while."""
        if not self._marks:
            asyncio.get_running_loop().call_later(MARKS_WAIT_S, self._flush_marks)
        self._marks.update((mark.session, mark) for mark in marks)

    def give_up(self, before: int) -> Group:
        """Take back the messages and receipts that came in before that instant and that no group has begun with.

        A repeat shares the fate of the text that it repeats: it is taken back with it, or not at all.
        """
        late = {message.id for message in self._inbound if message.received_at < before and not message.repeats}
        inbound = [message for message in self._inbound if message.id in late or message.repeats in late]
        receipts = [receipt for receipt in self._receipts if receipt.received_at < before]
        if inbound or receipts:
            gone = late.union(message.id for message in inbound)
            self._inbound = deque(message for message in self._inbound if message.id not in gone)
            self._receipts = deque(receipt for receipt in self._receipts if receipt.received_at >= before)
        return Group(inbound=inbound, receipts=receipts)

    def forget(self, sessions: Collection[int]) -> list[int]:
        """Where other nodes write to the store, take back the texts of sessions that are over and that no group has
        begun with: the peer delivers them again, perhaps to another node, which cannot know of ours. Gives their ids.

        A node that is alone keeps them: should they be delivered again, it knows.
        """
        if self._store.dialect == "sqlite":
            return []
        gone = [message.id for message in self._inbound if message.session in sessions]
        if gone:
            self._inbound = deque(message for message in self._inbound if message.session not in sessions)
        return gone

    def between(self, errand: Callable[[], None]) -> None:
        """Have `errand` done on the writer's thread between two groups: what must not change within one."""
        self._errands.append(errand)
        self._work.set()

    def stop(self) -> None:
        """Commit what is queued, then end `run`."""
        self._stopping = True
        self._marks_due = True
        self._work.set()

    async def run(self) -> None:
        """Commit groups until stopped. Raises StoreBroken, at which the process must end.

        On PostgreSQL what has gathered by the end of a group begins at once, and what the group came to is acted upon
        meanwhile. On SQLite it is acted upon first: both are this thread's work, and its COMMIT could not begin before.
        """
        try:
            await self._run()
        finally:
            for told in self._told.values():
                if not told.done():
                    told.set_exception(StoreUnavailable("the gateway ended before it was on disk"))

    async def _run(self) -> None:
        begun: Underway | None = None
        while True:
            if begun is None:
                await self._do_errands()
                begun = self._begin()
            if begun is None:
                if self._stopping:
                    return
                self._work.clear()
                await self._work.wait()
                continue
            under_way, began = begun, begun.began
            begun = None
            try:
                done = await under_way.result()
            except Interrupted as stop:
                if not await self._interrupted(stop, began):
                    return
            else:
                self.trouble = ""
                self._book(done)
                if under_way.is_elsewhere and not self._errands:
                    begun = self._begin()
                self._committed(done, began)

    def _begin(self) -> Underway | None:
        """Start the next group; None when nothing waits."""
        group = self._gather()
        if group is None:
            return None
        return Underway(self._store, group, self._ways, self._owner.reserve(group.outcomes))

    async def _do_errands(self) -> None:
        while self._errands:
            try:
                await self._ways.world.offload(self._errands[0])
            except (StoreUnavailable, StoreConflict) as error:
                self.trouble = str(error)
                asyncio.get_running_loop().call_later(RETRY_S, self._work.set)
                return  # what waits is tried meanwhile, and the errand again in the next turn
            self._errands.popleft()

    async def _interrupted(self, stop: Interrupted, began: float) -> bool:
        """The store went away: whether to go on. What may be committed is neither acknowledged nor refused before the
        store has said so."""
        self.trouble = str(stop)
        if stop.done != Done():
            self._act_upon(stop.done, began)
        self._put_back(stop.left)
        self._owner.away(stop)
        while not self._stopping:
            await asyncio.sleep(RETRY_S)
            doubt = stop.doubt
            if doubt is None:
                return True
            try:
                held = await self._ways.world.offload(partial(self._store.committed, doubt.marker))
            except StoreUnavailable as error:
                self.trouble = str(error)
                continue
            if held:
                self._act_upon(doubt.done, began)
            else:
                self._put_back(doubt.piece)
            return True
        return False

    def _act_upon(self, done: Done, began: float) -> None:
        self._book(done)
        self._committed(done, began)

    def _book(self, done: Done) -> None:
        if done.held:
            self._hold(done.held)
        self._owner.booked(done)

    def _committed(self, done: Done, began: float) -> None:
        self._owner.committed(done, began)
        for occurrence_id, first in done.occurred.items():
            told = self._told.pop(occurrence_id, None)
            if told is not None and occurrence_id in done.aside:
                _refuse(told, done.aside[occurrence_id])
            elif told is not None:
                _tell(told, first)

    def _gather(self) -> Group | None:
        outcomes = _take(self._outcomes, GROUP)
        receipts = _take(self._receipts, GROUP)
        inbound = self._one_per_sender()
        ended = _take(self._ended, GROUP)
        occurrences = self._one_per_contact()
        due, claim = self._due, self._claim
        self._due = self._claim = False
        watch, renew = self._watch, self._renew
        self._watch = self._renew = ()
        causes = outcomes or receipts or inbound or due or claim or ended or watch or renew or occurrences
        if not causes and not (self._marks_due and self._marks):
            return None
        marks, self._marks, self._marks_due = list(self._marks.values()), {}, False
        return Group(
            outcomes, receipts, inbound, due, claim, marks=marks, ended=ended, watch=watch, renew=renew,
            occurrences=occurrences,
        )  # fmt: skip

    def _flush_marks(self) -> None:
        self._marks_due = True
        self._work.set()

    def _hold(self, held: Sequence[Inbound]) -> None:
        """Put texts back in front of whatever else their senders wrote, and leave them for a moment."""
        self._inbound.extendleft(reversed(held))
        self._held |= {message.sender for message in held}
        asyncio.get_running_loop().call_later(HELD_S, self._let_go)

    def _let_go(self) -> None:
        self._held.clear()
        self._work.set()

    def _one_per_sender(self) -> list[Inbound]:
        queue = self._inbound
        taken: dict[str, Inbound] = {}
        later: list[Inbound] = []
        while queue and len(taken) < GROUP and len(later) < LOOK_PAST:
            message = queue.popleft()
            if message.sender in taken or message.sender in self._held:
                later.append(message)
            else:
                taken[message.sender] = message
        queue.extendleft(reversed(later))
        return list(taken.values())

    def _one_per_contact(self) -> list[Occurrence]:
        taken: dict[str, Occurrence] = {}
        later: list[Occurrence] = []
        while self._occurrences and len(taken) < OCCURRENCES and len(later) < LOOK_PAST:
            one = self._occurrences.popleft()
            if one.address in taken:
                later.append(one)
            else:
                taken[one.address] = one
        self._occurrences.extendleft(reversed(later))
        return list(taken.values())

    def _put_back(self, group: Group) -> None:
        """What was not committed is tried again before everything that came later."""
        self._marks = {mark.session: mark for mark in group.marks} | self._marks
        self._ended.extendleft(reversed(group.ended))
        self._outcomes.extendleft(reversed(group.outcomes))
        self._receipts.extendleft(reversed(group.receipts))
        self._inbound.extendleft(reversed(group.inbound))
        self._occurrences.extendleft(reversed(group.occurrences))
        self._due |= group.due
        self._claim |= group.claim


def _tell(told: asyncio.Future[int], first: int) -> None:
    if not told.done():  # whoever asked may be gone
        told.set_result(first)


def _refuse(told: asyncio.Future[int], reason: str) -> None:
    if not told.done():
        told.set_exception(SetAside(reason))


def _take(queue: deque[T], most: int) -> list[T]:
    return [queue.popleft() for _ in range(min(most, len(queue)))]
