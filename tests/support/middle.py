"""The exchange between a connector on fake links and a writer that is the test."""

import asyncio
from collections.abc import Callable, Collection, Iterable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from functools import partial
from typing import Any

from gateway.connectors.base import Read
from gateway.connectors.smpp_client import SmppConnector
from gateway.dripper import Dripper
from gateway.exchange import Exchange
from gateway.metrics import Metrics
from router.claims import Claim
from router.evidence import Ended, Mark
from router.group import Done, Group
from router.messages import Inbound, Occurrence
from router.outbox import Outcome
from router.receipts import ReceiptIn
from router.silence import Renewed
from router.store.errors import StoreUnavailable
from router.world import Virtual
from tests.support.fake_links import JAN, NOW, FakeLink, Timers, connector_on

OCTETS = 1_000
AWAY = StoreUnavailable("the database does not take writes now")


class Desk:
    """A writer that keeps what is put to it until the test says what became of it."""

    def __init__(self) -> None:
        self.inbound: list[Inbound] = []
        self.receipts: list[ReceiptIn] = []
        self.outcomes: list[Outcome] = []
        self.marks: list[Mark] = []
        self.ended: list[Ended] = []
        self.due = 0
        self.claims = 0
        self.watch: Sequence[int] = ()
        self.renew: Sequence[int] = ()
        self.occurrences: list[Occurrence] = []
        self.told: dict[int, Callable[[], None]] = {}
        """How whoever waits for an occurrence is told."""

    def occur(self, occurrence: Occurrence) -> asyncio.Future[int]:
        """Notes it."""
        done: asyncio.Future[int] = asyncio.get_running_loop().create_future()
        self.occurrences.append(occurrence)
        self.told[occurrence.id] = partial(done.set_result, occurrence.id)
        return done

    def take_out(self, id: int) -> Callable[[], None] | None:
        """Leaves the telling to whoever asks."""
        return self.told.pop(id, None)

    def tell(self, done: Done) -> None:
        """Tells the others, as the writer does when the owner has acted upon a group."""
        for id in done.occurred:
            if (tell := self.take_out(id)) is not None:
                tell()

    def ask(self, *, watch: Sequence[int] = (), renew: Sequence[int] = ()) -> None:
        """Notes it."""
        self.watch, self.renew = watch or self.watch, renew or self.renew

    def put(
        self, *, inbound: Iterable[Inbound] = (), receipts: Iterable[ReceiptIn] = (), outcomes: Iterable[Outcome] = (),
        ended: Iterable[Ended] = (), due: bool = False, claim: bool = False,
    ) -> None:  # fmt: skip
        """Notes it."""
        self.ended += ended
        self.inbound += inbound
        self.receipts += receipts
        self.outcomes += outcomes
        self.due += due
        self.claims += claim

    def note(self, marks: Iterable[Mark]) -> None:
        """Notes it."""
        self.marks += marks

    def give_up(self, before: int) -> Group:
        """Hands back what came in before that instant."""
        late = Group(
            inbound=[one for one in self.inbound if one.received_at < before],
            receipts=[one for one in self.receipts if one.received_at < before],
        )
        self.inbound = [one for one in self.inbound if one.received_at >= before]
        self.receipts = [one for one in self.receipts if one.received_at >= before]
        return late

    def forget(self, sessions: Collection[int]) -> list[int]:
        """It is alone with its store: nothing is forgotten."""
        return []

    def group(self) -> Group:
        """All of it, as the next group."""
        found = Group(
            self.outcomes, self.receipts, self.inbound, watch=self.watch, renew=self.renew, occurrences=self.occurrences
        )  # fmt: skip
        self.watch = self.renew = ()
        self.inbound, self.receipts, self.outcomes, self.occurrences = [], [], [], []
        return found


class Middle:
    """An exchange with one connector on fake links, a desk for its writer, and a clock set by hand."""

    def __init__(self, *links: FakeLink, world: Virtual | None = None, **changed: Any) -> None:
        self.world = world or Virtual(NOW)
        self.timers = Timers(self.world)
        self.desk = Desk()
        self.kicks = 0
        self.exchange = Exchange(self.world, Metrics(), Dripper(self.world, self._kick), OCTETS)
        self.exchange.writer = self.desk  # type: ignore[assignment]
        self.connector: SmppConnector = connector_on(self.exchange, *links, world=self.world, **changed)
        self.exchange.connectors["carrier"] = self.connector
        self.answered: list[tuple[int, bool]] = []
        self.noted: Callable[[int], None] = lambda _: None

    def _kick(self) -> None:
        self.kicks += 1

    def read(self, *ids: int, octets: int = 100, receipts: Sequence[int] = ()) -> None:
        """One read brings texts and receipts with these ids."""
        texts = [
            Inbound(id=one, connector="carrier", session=1, sequence=one, sender=JAN, recipient="4411", text="JA",
                    received_at=self.world.now())
            for one in ids
        ]  # fmt: skip
        states = [
            ReceiptIn(id=one, connector="carrier", message_id="", forms=(), state="DELIVRD", error="",
                      received_at=self.world.now(), text="")
            for one in receipts
        ]  # fmt: skip
        answers: dict[int, Callable[[bool], None]] = {
            one: partial(self._answer, one) for one in (*ids, *receipts)
        }  # fmt: skip
        self.exchange.take(Read("carrier", texts, states, answers, octets))

    def _answer(self, id: int, kept: bool) -> None:
        self.noted(id)
        self.answered.append((id, kept))

    def commit(self, *claims: Claim, **changed: Any) -> None:
        """The group of everything at the desk is on disk, and these texts are claimed in it."""
        group = self.desk.group()
        changed = {"renewed": Renewed(granted=group.renew), **changed}
        done = Done(
            accepted=list(group.inbound), receipts=list(group.receipts), settled=list(group.outcomes),
            claims=list(claims), occurred={one.id: one.id for one in group.occurrences}, **changed,
        )  # fmt: skip
        self.act_upon(done)

    def act_upon(self, done: Done, began: float | None = None) -> None:
        """This is on disk, of a group that began then (now, unless told otherwise)."""
        self.exchange.booked(done)
        self.exchange.committed(done, self.world.monotonic() if began is None else began)
        self.desk.tell(done)

    def away(self) -> None:
        """The store is away; what is at the desk stays there."""
        self.exchange.away(AWAY)


Make = Callable[..., Middle]


@contextmanager
def middles_on_loop() -> Iterator[Make]:
    """Makes middles whose timers hang on their own clocks, as those of the loop that runs."""
    with ExitStack() as undo:

        def make(*links: FakeLink, **changed: Any) -> Middle:
            one = Middle(*links, **changed)
            undo.enter_context(one.timers.on(asyncio.get_running_loop()))
            return one

        yield make
