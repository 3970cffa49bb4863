"""What is done for an order that came in at the counter (gateway.counter), on the writer's thread: a slice of some
milliseconds between two groups of texts, by the code that the command runs when there is no gateway.

An order that is cut off has done what its slices did, and may be given again; a slice that has not begun by then is
taken back, so that nothing is done any more once whoever asked has heard that the gateway ended. What takes long and
writes nothing is done on threads of its own: reading a list, and cutting the database's log off.
"""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable, Collection, Iterator
from functools import partial
from itertools import islice
from typing import Any, Concatenate, Generic, ParamSpec, TypeVar, assert_never

import structlog

from config.settings import Settings
from gateway.barrier import BARRIER_S, LOOK_S
from gateway.counter_orders import (
    AnyList,
    AnyOrder,
    ConsentList,
    Erasing,
    NewKey,
    OptOutList,
    RevokedKey,
    Settling,
    check_key,
    terms_of,
)
from gateway.pools import Write
from router import keys, reviews
from router.consent_import import Import, Order, Told
from router.consent_rows import Consent, Refused, rows_of
from router.erasure import Erasure
from router.optouts import OptOuts
from router.reviews import Settled
from router.silence import settled_of
from router.store.engine import Store, Tx
from router.store.errors import StoreBroken
from router.store.shrink import empty_log
from router.ways import Ways
from router.world import World

CUTS = 20
"""Times that cutting the log off is tried: for some two seconds, which somebody's look at the database may take."""
CUT_MS = 50
"""How long one of them may wait for readers, and so hold the writer up, in milliseconds."""
ROWS_A_TURN = 16
"""Rows of a list that are taken between two groups: the least that `router.consent_import` has in a transaction."""
SLICE_S = 5.0
"""How long a slice that is being written is waited for when the gateway ends, in seconds: some hundred times what it
takes, for a disk that is slow."""

T = TypeVar("T")
P = ParamSpec("P")
log = structlog.get_logger("kwek.counter")


class Clerk:
    """Performs orders. `write` does work between two groups; `ways` has the rules in force and the suppressions."""

    def __init__(self, settings: Settings, world: World, store: Store, ways: Ways, write: Write) -> None:
        self._settings = settings
        self._world = world
        self._store = store
        self._ways = ways
        self._write = write
        self._one_at_a_time = asyncio.Lock()
        """Of lists and erasures: two at once would only hold each other up. A key, or a person's decision, need not
        wait until a list of 300,000 rows is through."""

    async def perform(self, order: AnyOrder, octets: bytes) -> dict[str, Any]:
        """Do what an order says, with the list that came with it; gives what came of it. Raises BadOrderError, Unusable
        and StoreError."""
        match order:
            case Erasing():
                async with self._one_at_a_time:
                    return await self._erase(order)
            case ConsentList() | OptOutList():
                async with self._one_at_a_time:
                    return await self._take_in(order, octets)
            case NewKey():
                return await self._add_key(order)
            case RevokedKey():
                return await self._revoke_key(order)
            case Settling():
                return await self._settle(order)
            case _:
                assert_never(order)

    async def _erase(self, order: Erasing) -> dict[str, Any]:
        erasure = Erasure(self._store, self._world, self._ways.suppressions, order.by)
        everything = order.everything
        person, whole = await self._once(partial(erasure.silence, order.number, order.brands, everything=everything))
        within = within_of(self._settings)
        await self._all(erasure.take_away(person, whole, everything=everything, redelivered_within=within), 1)
        is_cut = await self._cut_off()
        log.info("a person was forgotten", by=order.by, brands=len(whole))
        return {"rows": erasure.rows, "brands": whole, "is_cut": is_cut}

    async def _cut_off(self) -> bool:
        """Cut the log off; False when somebody would not let us. The writer is held up for moments only."""
        for _ in range(CUTS):
            try:
                if await asyncio.to_thread(empty_log, self._store, CUT_MS):
                    return True
            except StoreBroken as broken:
                await self._once(partial(_raise, broken))
            await asyncio.sleep(CUT_MS / 1000)
        return False

    async def _take_in(self, order: AnyList, octets: bytes) -> dict[str, Any]:
        rows, under = await asyncio.to_thread(self._rows, order, octets)
        taking = OptOuts if isinstance(order, OptOutList) else Import
        going = taking(self._store, self._world, self._ways.suppressions, under)
        told: list[Told] = await self._all(going.run(rows), ROWS_A_TURN)
        under_way = await self._written_or_over(await asyncio.to_thread(_claimed_of, told))
        log.info("a list was taken in", by=under.actor, brand=under.brand, rows=len(told))
        return {"told": told, "under_way": under_way}

    async def _add_key(self, order: NewKey) -> dict[str, Any]:
        check_key(self._settings, order, "the kwek.toml that the gateway was started with")
        id = await self._once(partial(self._in_tx, keys.add, order.brand, order.hash, order.label, self._world))
        log.info("a key was made", brand=order.brand, key=id)
        return {"id": id}

    async def _revoke_key(self, order: RevokedKey) -> dict[str, Any]:
        is_ended = await self._once(partial(self._in_tx, keys.revoke, order.id, self._world.now()))
        if is_ended:
            log.info("a key was revoked", key=order.id)
        return {"is_ended": is_ended}

    async def _settle(self, order: Settling) -> dict[str, Any]:
        """One text after the other, each in a transaction of its own; gives whose each was, or None."""
        brands: list[str | None] = []
        claimed: list[int] = []
        for id in order.ids:
            settled = await self._once(partial(self._in_tx, self._judged, id, order))
            brands.append(settled.review.brand if settled else None)
            claimed += settled.claimed if settled else ()
        log.info(
            "texts were read by a person", by=order.by, outcome=order.outcome, texts=len(brands) - brands.count(None)
        )
        return {"brands": brands, "under_way": await self._written_or_over(claimed)}

    def _judged(self, tx: Tx, id: int, order: Settling) -> Settled | None:
        world = self._world
        judge = reviews.Judge(order.by, world.now(), world.ids, world.chance, self._ways.books.newest)
        return reviews.settle(tx, id, order.outcome, judge)

    def _in_tx(self, work: Callable[Concatenate[Tx, P], T], *given: P.args, **named: P.kwargs) -> T:
        with self._store.begin() as tx:
            return work(tx, *given, **named)

    async def _written_or_over(self, claimed: Collection[int]) -> int:
        """Wait until what was claimed for who is silenced now is settled, or its lease is over. Gives how many texts
        were written, or may have been, and are not answered for."""
        left, until = set(claimed), self._world.monotonic() + BARRIER_S
        while left and self._world.monotonic() < until:
            await asyncio.sleep(LOOK_S)
            left.difference_update(await self._once(partial(self._in_tx, settled_of, left)))
        return len(left)

    def _rows(self, order: AnyList, octets: bytes) -> tuple[Iterator[Consent | Refused], Order]:
        reading, under = terms_of(self._ways.books.newest, self._settings, order, self._world.now())
        return rows_of(octets, reading), under

    async def _once(self, work: Callable[[], T]) -> T:
        """Do one thing between two groups. What goes wrong is this order's trouble: it is not tried again by itself.
        A store that is broken is everybody's: at that the writer ends, and the process with it.

        Cancelled, it is over when the thing is done, or when it is sure never to be."""
        turn = _Turn(work)
        doing = asyncio.ensure_future(self._write(turn))
        try:
            found, fault = await asyncio.shield(doing)
        except asyncio.CancelledError:
            if not turn.take_back():
                await asyncio.wait([doing], timeout=SLICE_S)
            raise
        finally:
            doing.cancel()
        if fault is not None:
            raise fault
        assert found is not None, "it came to something, or to a fault"
        return found[0]

    async def _all(self, steps: Iterator[T], most: int) -> list[T]:
        """Take steps to their end, so many between two groups."""
        taken: list[T] = []
        while some := await self._once(lambda: list(islice(steps, most))):
            taken += some
        return taken


class _Turn(Generic[T]):
    """Work that waits for the writer's thread: begun there, or taken back before, and never both."""

    def __init__(self, work: Callable[[], T]) -> None:
        self._work = work
        self._deciding = threading.Lock()
        self._is_due = True
        self._is_under_way = False

    def __call__(self) -> tuple[tuple[T] | None, Exception | None]:
        """Do it, on the writer's thread; what it came to, or what went wrong: whoever is told of a fault by an
        exception would do it again, and half of it is done. Raises StoreBroken."""
        with self._deciding:
            self._is_under_way, self._is_due = self._is_due, False
        if not self._is_under_way:
            return None, None
        try:
            return (self._work(),), None
        except StoreBroken:
            raise
        except Exception as fault:
            return None, fault
        finally:
            self._is_under_way = False

    def take_back(self) -> bool:
        """See to it that it is not begun any more; False while it is under way."""
        with self._deciding:
            self._is_due = False
            return not self._is_under_way


def within_of(settings: Settings) -> int:
    """How long a text may be delivered again, by any connector (microseconds)."""
    return int(max((one.redelivery_s for one in settings.connectors), default=0) * 1_000_000)


def _claimed_of(told: Collection[Told]) -> set[int]:
    return {id for one in told for id in one.claimed}


def _raise(fault: Exception) -> None:
    raise fault
