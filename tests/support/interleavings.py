"""The real exchange, connector, group and store, whose steps interleave as a seed has it, and phones that say STOP in
their midst. A test says what happens, and what may not."""

import asyncio
from abc import ABC, abstractmethod
from collections.abc import Callable
from functools import partial
from random import Random
from typing import Any, TypeVar

from gateway.connectors.base import Read
from router.group import Done, Group, commit
from router.messages import Inbound
from router.perform import Claim
from router.store.engine import IN_MEMORY, Store, open_store
from smpp import constants as c
from tests.support.fake_links import FakeLink
from tests.support.middle import Middle
from tests.support.routing import Phones


class Watched(FakeLink):
    """A link that tells of each submit_sm, and whose kernel takes everything when the play says so."""

    def __init__(self, number: int, play: "Play") -> None:
        super().__init__(number, play.window)
        self.play = play

    def send(self, pdu: Any, token: Any = None) -> int:
        """Tells of it; its octets may stay behind."""
        if isinstance(token, tuple):
            self.play.given(token[0].claim)
            self.play.unwritten.setdefault(self.number, []).append(token[0].claim)
            self.buffer_empty = False
        return super().send(pdu, token)

    def flush(self) -> None:
        """The kernel takes all or nothing."""
        if not self.buffer_empty and self.play.random.random() < self.play.takes:
            self.buffer_empty = True
            for claim in self.play.unwritten.pop(self.number, ()):
                self.play.given(claim)


class Play(ABC):
    """One gateway with two links. What is given to a link, or from there to the kernel, is `given`."""

    window = 1
    """Of each link."""
    takes = 0.7
    """How often the kernel takes what was left of a link's octets when it is asked."""

    def __init__(self, router: Phones, seed: int) -> None:
        self.random = Random(seed)
        self.router = router
        self.unwritten: dict[int, list[Claim]] = {}
        self.middle = Middle(Watched(1, self), Watched(2, self), world=self.router.world, rate=0.0)
        self.middle.exchange.barrier.says_stop = self.router.ways.says_stop
        self.broken: list[str] = []
        self.stops = 0
        """STOPs that were acknowledged."""
        self.pending: tuple[Done, float] | None = None

    @property
    def links(self) -> list[FakeLink]:
        return self.middle.connector.client.links  # type: ignore[return-value]

    @abstractmethod
    def given(self, claim: Claim) -> None:
        """A submit_sm is given to a link, or what stayed behind to the kernel."""

    @abstractmethod
    def answered(self, message: Inbound, kept: bool) -> None:
        """A text is acknowledged, or given back."""

    def read(self, sender: str, text: str) -> Inbound:
        """A text comes in."""
        message = self.router.text(sender, text)
        self.middle.exchange.take(
            Read("carrier", [message], [], {message.id: partial(self.answered, message)}, 50)
        )  # fmt: skip
        return message

    def write(self) -> None:
        """The writer's loop takes one turn: what is on disk is booked, the next group begins, then it is acted upon."""
        if self.pending is None:
            self.pending = self._begin()
            return
        done, began = self.pending
        self.middle.exchange.booked(done)
        self.pending = self._begin()
        self.middle.exchange.committed(done, began)
        self.middle.desk.tell(done)

    def _begin(self) -> tuple[Done, float] | None:
        desk = self.middle.desk
        group = desk.group()
        first = {one.sender: one for one in reversed(group.inbound)}
        happened = {one.address: one for one in reversed(group.occurrences)}
        desk.inbound = [one for one in group.inbound if first[one.sender] is not one]
        desk.occurrences = [one for one in group.occurrences if happened[one.address] is not one]
        claim, desk.claims, due, desk.due = desk.claims > 0, 0, desk.due > 0, 0
        if not (group.outcomes or first or happened or claim or due or group.renew or group.watch):
            return None
        allowance = self.middle.exchange.reserve(group.outcomes)
        whole = Group(
            group.outcomes, (), [one for one in group.inbound if first[one.sender] is one], due=due, claim=claim,
            watch=group.watch, renew=group.renew,
            occurrences=[one for one in group.occurrences if happened[one.address] is one],
        )  # fmt: skip
        done = commit(self.router.store, whole, self.router.ways, allowance)
        self.on_disk(done)
        return done, self.router.world.monotonic()

    @abstractmethod
    def on_disk(self, done: Done) -> None:
        """A group is committed, and nothing of it acted upon."""

    def reply(self) -> None:
        """The centre answers some of what it has on one link."""
        link = self.random.choice(self.links)
        status = self.random.choice((0, 0, 0, c.ESME_RTHROTTLED))
        self._reply(link, *[status] * self.random.randint(0, len(link.waiting)))

    def flush(self) -> None:
        """The kernel of one link may take what is left."""
        self.random.choice(self.links).flush()

    def _reply(self, link: FakeLink, *statuses: int) -> None:
        if link.buffer_empty:
            self.middle.connector.answered(link, link.replies(*statuses))  # type: ignore[arg-type]

    def settle(self, turns: int = 40) -> None:
        """Everything comes to its end."""
        for _ in range(turns):
            for link in self.links:
                link.flush()
                self._reply(link, *[0] * len(link.waiting))
                self.middle.connector.answered(link, link.proofs())  # type: ignore[arg-type]
            self.middle.timers.forward(0.5)
            self.write()


Some = TypeVar("Some", bound=Play)


def played(make: Callable[[Store], Some], course: Callable[[Some], None]) -> Some:
    """A play on a store in memory."""

    async def whole() -> Some:
        store = open_store(IN_MEMORY)
        try:
            one = make(store)
            with one.middle.timers.on(asyncio.get_running_loop()):
                course(one)
            return one
        finally:
            store.close()

    return asyncio.run(whole())
