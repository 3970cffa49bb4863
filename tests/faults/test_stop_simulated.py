"""Rows 32 and 33 on SQLite: the real exchange, connector, group and store, whose steps interleave as a seed has it."""

import asyncio
import os
from collections.abc import Callable
from functools import partial
from itertools import permutations, product
from math import inf
from random import Random
from typing import Any

import pytest

from gateway.connectors.base import Read
from router.group import Done, Group, commit
from router.messages import Inbound
from router.perform import Claim
from router.store.engine import IN_MEMORY, Store, open_store
from smpp import constants as c
from tests.support.fake_links import FakeLink, received
from tests.support.middle import Middle
from tests.support.routing import Phones

INTERLEAVINGS = int(os.environ.get("KWEK_STOPS", "200"))
STEPS = 40
WINDOW = 1
WORDS = ("LANG", "LANG", "LANG", "JOIN", "TWEE", "STOP", "STOP", "START")


class Watched(FakeLink):
    """A link that tells of each submit_sm, and whose kernel takes everything when the play says so."""

    def __init__(self, number: int, play: "Play") -> None:
        super().__init__(number, WINDOW)
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
        if not self.buffer_empty and self.play.random.random() < 0.7:
            self.buffer_empty = True
            for claim in self.play.unwritten.pop(self.number, ()):
                self.play.given(claim)


class Play:
    """One gateway, and phones of which each says STOP in a storm of its own."""

    def __init__(self, store: Store, seed: int) -> None:
        self.random = Random(seed)
        self.router = Phones(store)
        self.unwritten: dict[int, list[Claim]] = {}
        self.middle = Middle(Watched(1, self), Watched(2, self), world=self.router.world, rate=0.0)
        self.middle.exchange.barrier.says_stop = self.router.ways.says_stop
        self.silent: set[str] = set()
        self.last: dict[str, int] = {}
        """The last STOP or START of a phone, by its id."""
        self.broken: list[str] = []
        self.stops = 0
        self.pending: tuple[Done, float] | None = None

    @property
    def links(self) -> list[FakeLink]:
        return self.middle.connector.client.links  # type: ignore[return-value]

    def given(self, claim: Claim) -> None:
        """A submit_sm is given to a link, or what stayed behind to the kernel."""
        if claim.address in self.silent and claim.message_class != "stop_confirmation":
            self.broken.append(f"{claim.address} was sent {claim.text[:20]!r}")

    def read(self, sender: str, text: str) -> None:
        """A text comes in."""
        message = self.router.text(sender, text)
        if text in ("STOP", "START"):
            self.last[sender] = message.id
            self.silent.discard(sender) if text == "START" else None
        answer = partial(self._answered, message)
        self.middle.exchange.take(Read("carrier", [message], [], {message.id: answer}, 50))

    def _answered(self, message: Inbound, kept: bool) -> None:
        if message.text == "STOP" and self.last[message.sender] == message.id:
            self.stops += kept
            if kept:
                self.silent.add(message.sender)

    def write(self) -> None:
        """The writer's loop takes one turn: what is on disk is booked, the next group begins, then it is acted upon."""
        if self.pending is None:
            self.pending = self._begin()
            return
        done, began = self.pending
        self.middle.exchange.booked(done)
        self.pending = self._begin()
        self.middle.exchange.committed(done, began)

    def _begin(self) -> tuple[Done, float] | None:
        desk, senders = self.middle.desk, set[str]()
        group = desk.group()
        first = [one for one in group.inbound if not (one.sender in senders or senders.add(one.sender))]  # type: ignore[func-returns-value]
        desk.inbound = [one for one in group.inbound if one not in first]
        claim, desk.claims = desk.claims > 0, 0
        if not (group.outcomes or first or claim or group.renew or group.watch):
            return None
        allowance = self.middle.exchange.reserve(group.outcomes)
        whole = Group(group.outcomes, (), first, claim=claim, watch=group.watch, renew=group.renew)
        return commit(self.router.store, whole, self.router.ways, allowance), self.router.world.monotonic()

    def step(self, sender: str) -> None:
        """Something happens."""
        random = self.random
        match random.choice(("read", "write", "write", "write", "answer", "answer", "flush", "wait")):
            case "read":
                self.read(sender, random.choice(WORDS))
            case "write":
                self.write()
            case "answer":
                link = random.choice(self.links)
                status = random.choice((0, 0, 0, c.ESME_RTHROTTLED))
                self._reply(link, *[status] * random.randint(0, len(link.waiting)))
            case "flush":
                random.choice(self.links).flush()
            case _:
                self.middle.timers.forward(random.choice((0.01, 0.1, 0.5, 1.1)))

    def _reply(self, link: FakeLink, *statuses: int) -> None:
        if link.buffer_empty:
            self.middle.connector.answered(link, link.replies(*statuses))  # type: ignore[arg-type]

    def settle(self) -> None:
        """Everything comes to its end."""
        for _ in range(40):
            for link in self.links:
                link.flush()
                self._reply(link, *[0] * len(link.waiting))
                self.middle.connector.answered(link, link.proofs())  # type: ignore[arg-type]
            self.middle.timers.forward(0.5)
            self.write()


def run(play: Callable[[Play], None], seed: int) -> Play:
    """A play on a store in memory."""

    async def course() -> Play:
        store = open_store(IN_MEMORY)
        try:
            one = Play(store, seed)
            with one.middle.timers.on(asyncio.get_running_loop()):
                play(one)
            return one
        finally:
            store.close()

    return asyncio.run(course())


def storms(one: Play) -> None:
    """Phone after phone."""
    for number in range(INTERLEAVINGS):
        sender = f"316{number:08}"
        one.read(sender, "JOIN")
        for _ in range(STEPS):
            one.step(sender)
        one.read(sender, "STOP")
        one.settle()
        assert one.middle.exchange.unanswered == 0
        if one.broken:
            return


def test_row_32_no_interleaving_on_sqlite_writes_after_the_acknowledgement() -> None:
    one = run(storms, int(os.environ.get("SEED", "1")))
    assert one.broken == []
    assert one.stops >= INTERLEAVINGS
    print(f"{one.stops} STOPs acknowledged in {INTERLEAVINGS} interleavings")


@pytest.mark.parametrize("missing", ["drop", "unwritten"])
def test_row_32_without_the_barrier_something_is_written(monkeypatch: pytest.MonkeyPatch, missing: str) -> None:
    def sabotaged(storm: Play) -> None:
        connector = storm.middle.connector
        instead: Any = {"drop": lambda ids: connector.renew(ids, inf), "unwritten": set}[missing]
        monkeypatch.setattr(connector, missing, instead)
        storms(storm)

    assert run(sabotaged, 1).broken != []


@pytest.mark.parametrize("links", sorted(product((0, 1), repeat=3)))
@pytest.mark.parametrize(
    "order", sorted({*permutations(("STOP", "STOP", "START")), *permutations(("START", "START", "STOP"))})
)
def test_row_33_of_stop_start_stop_the_last_received_wins_and_the_trail_shows_the_order(
    order: tuple[str, ...], links: tuple[int, ...]
) -> None:
    """By way of two binds, within 100 ms. One equal to the first waits for the proof, what came later for that one."""

    def play(one: Play) -> None:
        connector = one.middle.connector
        for link in one.links:
            connector.changed(link)  # type: ignore[arg-type]
        for sequence, (text, place) in enumerate(zip(("JOIN", *order), (0, *links), strict=True), 1):
            connector.received(one.links[place], [received(sequence, text.encode())])  # type: ignore[arg-type]
            one.middle.timers.forward(0.03)
            one.write()
        one.settle()
        (profile,) = [row for row in one.router.table("profiles") if row["brand"] == "Shop"]
        trail = sorted(one.router.table("inbound"), key=lambda row: row["received_at"])
        assert [row["text"] for row in trail] == ["JOIN", *order]
        assert [status for link in one.links for _, status in link.answers] == [0] * 4
        assert (profile["opted_out_at"] is not None) == (order[-1] == "STOP")

    run(play, 1)
