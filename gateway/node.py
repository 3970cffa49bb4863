"""What a node is made of once there is a store, a rule set and settings: ways, exchange, writer, connectors, dripper.

The gateway (`gateway.app`) and the simulation build it here, from the same parts and in the same order, so that what
the simulation finds is true of the gateway. Nothing here knows a file, a signal, a web server or a real clock.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from functools import partial
from typing import Final, NamedTuple

import structlog

from config.settings import Settings
from gateway.binding import bind_of, consent_secrets, habits_of, prices_of, redelivery_of
from gateway.connectors.mapping import Mapping as Translation
from gateway.connectors.mapping import decode
from gateway.connectors.smpp_client import SmppConnector
from gateway.dripper import Dripper
from gateway.exchange import Exchange
from gateway.lifecycle import Supervisor, every
from gateway.metrics import Metrics
from gateway.pools import in_turn
from gateway.wallclock import WallClock
from gateway.witness import Witness
from router import deployments, evidence, nodes, outbox, rulings, timers
from router.emails import undelivered
from router.housekeeping import Housekeeping
from router.instants import SECOND
from router.others import Others
from router.rulings import Order, Taken
from router.spending import unpriced
from router.store.engine import Store, Tx
from router.store.errors import StoreConflict, StoreUnavailable
from router.store.prepared import prepare
from router.suppression import Suppressions
from router.ways import Revive, Ways
from router.world import World
from router.writer import Writer
from rules.hours import SPREAD
from rules.rulebook import Rulebook

HOUSEKEEPING_S = 60.0
"""Between two looks at what others have left and for what nothing can refer to any more, in seconds."""
SLICES_APART_S = 0.02
"""Between two slices of the latter, in seconds: what comes in meanwhile is committed first."""

FORWARD: Final = "what fell due meanwhile is done now: what is late by its rule's own measure goes by that rule"
BACK: Final = "texts that waited to be sent wait no longer for that; what has a time of day waits until it is that time"

BY_ITSELF: Final = Taken()
"""Nobody told it to."""

log = structlog.get_logger("kwek")


def begin(
    store: Store, world: World, settings: Settings, book: Rulebook, sources: Mapping[str, str], taken: Taken = BY_ITSELF
) -> None:
    """Before the first message, on the writer's thread: ids go on above the stored ones, what a dead process had
    claimed is of unknown outcome, and what it had acknowledged without proof is in doubt."""
    store.own(settings.gateway.node)
    prepare(store.dialect)
    node, horizons = settings.gateway.node, _horizons(settings)
    with store.begin() as tx:
        world.ids.be(nodes.number_of(tx, node, world.now()))
        world.ids.go_on_after(outbox.highest_id(tx))
        doubtful = evidence.recover(tx, node, world.now(), horizons)
        world.fault("recovery.middle")
        unknown = outbox.recover(tx, node, world.now())
        outbox.set_back(tx, horizons, world.now())
        _rule(tx, node, world.now(), InForce(book, sources, taken))
    if unknown or doubtful:
        log.warning("since the last process ended", outcomes_unknown=unknown, acknowledgements_in_doubt=doubtful)


class InForce(NamedTuple):
    """A rule set that comes into force, with its sources by file name, and by whose word."""

    book: Rulebook
    sources: Mapping[str, str]
    taken: Taken


def _rule(tx: Tx, node: str, now: int, rules: InForce) -> None:
    """Write down that a rule set is in force at a node from now on, and what it starts by the clock."""
    deployments.record(tx, rules.book.deployment, rules.sources, now)
    rulings.take(tx, node, rules.book.deployment, rules.taken, now)
    timers.enlist(tx, rules.book, now)


def _horizons(settings: Settings) -> dict[str, int]:
    """How long the peer of each connector may deliver again, in microseconds."""
    return {one.name: redelivery_of(one) for one in settings.connectors}


class Node:
    """One node's parts, put together; `begin` comes before it, `writing` then `connected` set it going."""

    def __init__(
        self, settings: Settings, world: World, store: Store, book: Rulebook, revive: Revive, metrics: Metrics
    ) -> None:
        self.store = store
        self.ways = Ways(world, settings.gateway.node, book, decode, revive)
        self.ways.outfit(
            settings.gateway.url, SPREAD, Suppressions(consent_secrets(settings)), prices_of(settings).price_of
        )
        self._currencies = {one.segment.currency for one in settings.prices}
        self._has_mail = bool(settings.email.host)
        self._told: set[str] = set()
        self._look_at_rules(book)
        self.dripper = Dripper(world, self._look_round)
        self.exchange = Exchange(world, metrics, self.dripper, settings.limits.inbound_octets)
        self.exchange.barrier.says_stop = self.ways.says_stop
        self.writer = self.exchange.writer = Writer(store, self.ways, self.exchange)
        self._world = world
        self._clock = WallClock(world)
        self._drain_s = settings.gateway.drain_s
        self._horizons = _horizons(settings)
        self._others = Others(settings.gateway.node)
        self._forgetting = Housekeeping()
        short_codes = {number.number for number in settings.numbers if number.kind == "short-code"}
        witnesses: dict[str, Witness] = {}
        for one in settings.connectors:
            witness = witnesses.setdefault(one.group or one.name, Witness(habits_of(one)))
            self.exchange.connectors[one.name] = SmppConnector(
                one, bind_of(one, settings), Translation(one, short_codes), witness, world, self.exchange
            )

    def adopt(self, rules: InForce) -> None:
        """Let a new rule set rule from the next group on. Call on the event loop."""
        loop = asyncio.get_running_loop()

        def errand() -> None:
            self._adopt(rules)
            loop.call_soon_threadsafe(self._look_round)  # contacts that are there already may be swept

        self.writer.between(errand)

    def refuse(self, order: Order, fault: str) -> None:
        """Write down why an order cannot be taken over; what is in force stays."""
        self.writer.between(partial(self._refuse, order, fault))

    @asynccontextmanager
    async def writing(self, supervisor: Supervisor) -> AsyncIterator[None]:
        """The writer's loop, with its housekeeping; at the end what is queued is committed."""
        self.writer.between(self._look_after)
        task = supervisor.start(self.writer.run(), "writer")
        try:
            async with (
                supervisor.running(every(HOUSEKEEPING_S, self._housekeep), "housekeeping"),
                supervisor.running(every(HOUSEKEEPING_S, self._forget), "forgetting"),
            ):
                yield
        finally:
            self.writer.stop()
            await asyncio.wait([task])

    @asynccontextmanager
    async def connected(self, supervisor: Supervisor) -> AsyncIterator[None]:
        """The connectors, up; at the end nothing new is sent or taken, what is under way is finished, then unbind."""
        self.dripper.start()
        for connector in self.exchange.connectors.values():
            connector.start()
        try:
            yield
        finally:
            self.dripper.stop()
            # After a fault nobody commits any more: there is nothing to wait for.
            left_s = await self.exchange.drain(0.0 if supervisor.fault else self._drain_s)
            await asyncio.gather(*(connector.stop(left_s) for connector in self.exchange.connectors.values()))
            self.exchange.close()

    def _look_round(self) -> None:
        set_by = self._clock.set_by()
        if set_by:
            log.warning("the clock was set", by_s=round(set_by / SECOND), what=FORWARD if set_by > 0 else BACK)
        if set_by < 0:
            self.writer.between(self._catch_up)
        self.writer.put(due=True, claim=True)

    def _catch_up(self) -> None:
        with self.store.begin() as tx:
            outbox.set_back(tx, self._horizons, self._world.now())

    def _adopt(self, rules: InForce) -> None:
        with self.store.begin() as tx:
            _rule(tx, self.ways.node, self._world.now(), rules)
        self.ways.adopt(rules.book)
        self._look_at_rules(rules.book)

    def _refuse(self, order: Order, fault: str) -> None:
        with self.store.begin() as tx:
            rulings.refuse(tx, self.ways.node, order, fault)

    def _look_at_rules(self, book: Rulebook) -> None:
        """Tell once of each budget that cannot work, and of e-mails that have nowhere to go."""
        for sentence in (*unpriced(book, self._currencies), *undelivered(book, self._has_mail)):
            if sentence not in self._told:
                log.warning("rules", what=sentence)
                self._told.add(sentence)

    async def _housekeep(self) -> None:
        self.writer.between(self._look_after)

    async def _forget(self) -> None:
        """Forget what nothing can refer to any more, however long that takes: nothing else waits for it."""
        self._forgetting.begin()
        write = in_turn(self.writer)
        more = True
        while more:
            await asyncio.sleep(SLICES_APART_S)
            more = await write(self._forget_some)

    def _forget_some(self) -> bool:
        """A slice of it; whether the look goes on. What cannot be done now is left to the next one, and it need not be
        what the store is found to be away by."""
        try:
            with self.store.begin() as tx:
                return self._forgetting.step(tx, self._world.now())
        except (StoreUnavailable, StoreConflict):
            return False

    def _look_after(self) -> None:
        with self.store.begin() as tx:
            outbox.catch_up(tx, self._horizons, self._world.now())
            self.ways.memory.counted(tx)
            doubtful, unknown = self._among_others(tx) if tx.dialect != "sqlite" else (0, 0)
        if unknown or doubtful:
            log.warning("another node is dead", outcomes_unknown=unknown, acknowledgements_in_doubt=doubtful)

    def _among_others(self, tx: Tx) -> tuple[int, int]:
        """Keep our number, and settle what dead nodes have left: texts in doubt, outcomes unknown."""
        now = self._world.now()
        self._world.ids.be(nodes.number_of(tx, self.ways.node, now))
        return self._others.recover(tx, now, self._world.monotonic(), self._horizons)
