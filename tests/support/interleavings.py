"""The real exchange, connector, group and store, whose steps interleave as a seed has it, and phones that say STOP in
their midst. A test says what happens, and what may not."""

import asyncio
from abc import ABC, abstractmethod
from collections.abc import Callable
from functools import partial
from random import Random
from typing import Any, TypeVar

from gateway.connectors.base import Read
from router.claims import Claim
from router.group import Done, Group, commit
from router.messages import Inbound
from router.store.engine import IN_MEMORY, Store, open_store
from router.world import Virtual
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
            if self.play.takes < 1.0:
                self.play.unwritten.setdefault(self.number, []).append(token[0].claim)
                self.buffer_empty = False
        return super().send(pdu, token)

    def flush(self) -> None:
        """The kernel takes all or nothing."""
        if not self.buffer_empty and self.play.random.random() < self.play.takes:
            self.buffer_empty = True
            for claim in self.play.unwritten.pop(self.number, ()):
                self.play.given(claim)


class Node:
    """One gateway with two links; its writer's loop is `write`."""

    def __init__(self, play: "Play", router: Phones, number: int) -> None:
        self.play = play
        self.router = router
        links = (Watched(2 * number + 1, play), Watched(2 * number + 2, play))
        self.middle = Middle(*links, world=router.world, rate=0.0)
        self.middle.exchange.barrier.says_stop = router.ways.says_stop
        self.pending: tuple[Done, float] | None = None

    @property
    def links(self) -> list[FakeLink]:
        return self.middle.connector.client.links  # type: ignore[return-value]

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
        began = self.router.world.monotonic()
        done = commit(self.router.store, whole, self.router.ways, allowance)
        self.play.on_disk(done)
        return done, began

    def answers(self, link: FakeLink, *statuses: int) -> None:
        """The centre answers the oldest that it has, once it has read it."""
        if link.buffer_empty:
            self.middle.connector.answered(link, link.replies(*statuses))  # type: ignore[arg-type]


class Play(ABC):
    """One gateway, or several on one store and by one clock. What is given to a link, or from there to the kernel, is
    `given`."""

    window = 1
    """Of each link."""
    takes = 0.7
    """How often the kernel takes what was left of a link's octets when it is asked; 1: it takes all at once."""

    def __init__(self, seed: int, *routers: Phones) -> None:
        self.random = Random(seed)
        self.router = routers[0]
        self.unwritten: dict[int, list[Claim]] = {}
        self.nodes = [Node(self, router, number) for number, router in enumerate(routers)]
        self.timers = self.nodes[0].middle.timers
        self.broken: list[str] = []
        self.stops = 0
        """STOPs that were acknowledged."""

    @property
    def middle(self) -> Middle:
        """The only node's."""
        (node,) = self.nodes
        return node.middle

    @property
    def links(self) -> list[FakeLink]:
        return [link for node in self.nodes for link in node.links]

    @abstractmethod
    def given(self, claim: Claim) -> None:
        """A submit_sm is given to a link, or what stayed behind to the kernel."""

    @abstractmethod
    def answered(self, message: Inbound, kept: bool) -> None:
        """A text is acknowledged, or given back."""

    @abstractmethod
    def on_disk(self, done: Done) -> None:
        """A group is committed, and nothing of it acted upon."""

    def read(self, sender: str, text: str) -> Inbound:
        """A text comes in, by way of one node or another."""
        node = self.random.choice(self.nodes)
        message = node.router.text(sender, text)
        node.middle.exchange.take(Read("carrier", [message], [], {message.id: partial(self.answered, message)}, 50))
        return message

    def write(self) -> None:
        """A node's writer takes one turn."""
        self.random.choice(self.nodes).write()

    def reply(self) -> None:
        """The centre answers some of what it has on one link."""
        node = self.random.choice(self.nodes)
        link = self.random.choice(node.links)
        status = self.random.choice((0, 0, 0, c.ESME_RTHROTTLED))
        node.answers(link, *[status] * self.random.randint(0, len(link.waiting)))

    def flush(self) -> None:
        """The kernel of one link may take what is left."""
        self.random.choice(self.links).flush()

    def settle(self, turns: int = 40) -> None:
        """Everything comes to its end."""
        for _ in range(turns):
            for node in self.nodes:
                for link in node.links:
                    link.flush()
                    node.answers(link, *[0] * len(link.waiting))
                    node.middle.connector.answered(link, link.proofs())  # type: ignore[arg-type]
            self.timers.forward(0.5)
            for node in self.nodes:
                node.write()


class Beside(Virtual):
    """The world of another node, which goes by the same clock."""

    def __init__(self, other: Virtual) -> None:
        super().__init__(other.at)
        self._other = other

    def now(self) -> int:
        """The other's."""
        return self._other.now()

    def monotonic(self) -> float:
        """The other's too."""
        return self._other.monotonic()


Some = TypeVar("Some", bound=Play)


def played(make: Callable[[], Some], course: Callable[[Some], None]) -> Some:
    """A play on a loop whose timers go by its clock."""

    async def whole() -> Some:
        one = make()
        with one.timers.on(asyncio.get_running_loop()):
            course(one)
        return one

    return asyncio.run(whole())


def played_in_memory(make: Callable[[Store], Some], course: Callable[[Some], None]) -> Some:
    """A play on a store in memory."""
    store = open_store(IN_MEMORY)
    try:
        return played(partial(make, store), course)
    finally:
        store.close()
