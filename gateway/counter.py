"""The counter: where commands on the same machine hand in what only the process that owns the store may write.

SQLite's file is one process's, so `kwek consent erase`, `import` and `opt-out` cannot write beside a gateway that runs.
They hand their work in here: a Unix socket beside the store (`kwek.db.sock`), which only the account that runs the
gateway can open, and whose peer is asked to be that account (or root). One order at a time (gateway.counter_orders),
and a line of JSON that says what came of it.

The work is done on the writer's thread, a slice of some milliseconds between two groups of texts, by the code that the
command runs when there is no gateway. An order that is cut off has done what its slices did, and may be given again.
What takes long and writes nothing is done on threads of its own: reading a list, and cutting the database's log off.
"""

from __future__ import annotations

import asyncio
import os
import socket
import stat
import struct
from collections.abc import AsyncIterator, Callable, Collection, Iterator
from contextlib import asynccontextmanager
from functools import partial
from itertools import islice
from pathlib import Path
from typing import Any, TypeVar

import msgspec
import structlog

from config.settings import Settings
from gateway.barrier import BARRIER_S, LOOK_S
from gateway.counter_orders import (
    LONGEST_LINE,
    AnyList,
    AnyOrder,
    BadOrderError,
    ConsentList,
    Erasing,
    OptOutList,
    read_order,
    terms_of,
)
from gateway.pools import Write
from router.consent_import import Import, Order, Told
from router.consent_rows import Consent, Refused, Unusable, rows_of
from router.erasure import Erasure
from router.optouts import OptOuts
from router.silence import settled_of
from router.store.engine import Store, file_of
from router.store.errors import StoreBroken, StoreError
from router.store.shrink import empty_log
from router.ways import Ways
from router.world import World

ORDER_S = 30.0
"""How long an order may take to come in, and its answer to be taken, in seconds."""
PIECE = 262_144
"""Octets of a list that are taken from the socket at once."""
CUTS = 20
"""Times that cutting the log off is tried: for some two seconds, which somebody's look at the database may take."""
CUT_MS = 50
"""How long one of them may wait for readers, and so hold the writer up, in milliseconds."""
ROWS_A_TURN = 16
"""Rows of a list that are taken between two groups: the least that `router.consent_import` has in a transaction."""
LONGEST_PATH = 100
"""Octets of a socket's path: the kernel takes 107."""
_PEER = struct.Struct("3i")
"""struct ucred (socket(7), SO_PEERCRED): process, account, group."""

T = TypeVar("T")
log = structlog.get_logger("kwek.counter")


def place_of(store_url: str) -> Path | None:
    """Where the counter of a store is; None where commands write to the store themselves."""
    path = file_of(store_url)
    return None if path is None else Path(f"{path}.sock")


class Counter:
    """Performs orders. `write` does work between two groups; `ways` has the rules in force and the suppressions."""

    def __init__(self, settings: Settings, world: World, store: Store, ways: Ways, write: Write) -> None:
        self._settings = settings
        self._world = world
        self._store = store
        self._ways = ways
        self._write = write
        self._one_at_a_time = asyncio.Lock()
        self._serving: set[asyncio.Task[None]] = set()

    @asynccontextmanager
    async def open(self) -> AsyncIterator[None]:
        """Take orders until left. A path that is too long, or on which something else stands, is warned of."""
        path = place_of(self._store.url)
        listening = None if path is None else _listening(path)
        if path is None or listening is None:
            yield
            return
        server = await asyncio.start_unix_server(self._greet, sock=listening, limit=LONGEST_LINE)
        try:
            yield
        finally:
            server.close()
            for task in self._serving:  # whoever asks is told that nobody is there any more
                task.cancel()
            await asyncio.gather(*self._serving, return_exceptions=True)
            await server.wait_closed()
            path.unlink(missing_ok=True)

    def _greet(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Somebody comes. The task is ours, not asyncio's: that one's end is looked at in a way that takes a cancelled
        one for a fault."""
        task = asyncio.create_task(self._serve(reader, writer), name="counter")
        self._serving.add(task)
        task.add_done_callback(self._serving.discard)

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            if _is_ours(writer.get_extra_info("socket")):
                answer = await self._answer(reader)
                async with asyncio.timeout(ORDER_S):
                    writer.write(answer + b"\n")
                    await writer.drain()
                    writer.close()
                    await writer.wait_closed()
        except (OSError, ValueError) as fault:  # TimeoutError is one; whoever asked is gone, or sends no end of a line
            log.warning("an order was cut off", why=str(fault))
        finally:
            writer.transport.abort()  # whoever does not read is not waited for

    async def _answer(self, reader: asyncio.StreamReader) -> bytes:
        """Take an order and do it; what is to be told of that. Raises OSError and ValueError when it does not come."""
        async with asyncio.timeout(ORDER_S):
            line = await reader.readline()
            try:
                order = read_order(line)
            except BadOrderError as fault:
                return _encoded({"refused": str(fault)})
            octets = b"" if isinstance(order, Erasing) else await _list_of(reader, order.octets)
        try:
            async with self._one_at_a_time:
                done = await self.perform(order, octets)
            return await asyncio.to_thread(_encoded, {"done": done})
        except (BadOrderError, Unusable) as fault:
            return _encoded({"refused": str(fault)})
        except StoreError as fault:
            return _encoded({"away": str(fault)})
        except Exception as fault:  # of this order; texts go on
            log.error("an order failed by a fault of kwek", exc_info=fault)
            return _encoded({"fault": "a fault of kwek; the gateway's log tells more"})

    async def perform(self, order: AnyOrder, octets: bytes) -> dict[str, Any]:
        """Do what an order says, with the list that came with it; gives what came of it. Raises BadOrderError, Unusable
        and StoreError."""
        match order:
            case Erasing():
                return await self._erase(order)
            case ConsentList() | OptOutList():
                return await self._take_in(order, octets)

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

    async def _written_or_over(self, claimed: Collection[int]) -> int:
        """Wait until what was claimed for who is silenced now is settled, or its lease is over. Gives how many texts
        were written, or may have been, and are not answered for."""
        left, until = set(claimed), self._world.monotonic() + BARRIER_S
        while left and self._world.monotonic() < until:
            await asyncio.sleep(LOOK_S)
            left.difference_update(await self._once(partial(self._settled_of, left)))
        return len(left)

    def _settled_of(self, ids: Collection[int]) -> list[int]:
        with self._store.begin() as tx:
            return settled_of(tx, ids)

    def _rows(self, order: AnyList, octets: bytes) -> tuple[Iterator[Consent | Refused], Order]:
        reading, under = terms_of(self._ways.books.newest, self._settings, order, self._world.now())
        return rows_of(octets, reading), under

    async def _once(self, work: Callable[[], T]) -> T:
        """Do one thing between two groups. What goes wrong is this order's trouble: it is not tried again by itself.
        A store that is broken is everybody's: at that the writer ends, and the process with it."""
        found, fault = await self._write(partial(_tried, work))
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


def within_of(settings: Settings) -> int:
    """How long a text may be delivered again, by any connector (microseconds)."""
    return int(max((one.redelivery_s for one in settings.connectors), default=0) * 1_000_000)


async def _list_of(reader: asyncio.StreamReader, octets: int) -> bytes:
    """So many octets, piece by piece. Raises ValueError when they end before."""
    pieces: list[bytes] = []
    while octets:
        piece = await reader.read(min(octets, PIECE))
        if not piece:
            raise ValueError("the list ends before its end")
        pieces.append(piece)
        octets -= len(piece)
    return b"".join(pieces)


def _claimed_of(told: Collection[Told]) -> set[int]:
    return {id for one in told for id in one.claimed}


def _encoded(answer: dict[str, Any]) -> bytes:
    return msgspec.json.encode(answer)


def _raise(fault: Exception) -> None:
    raise fault


def _tried(work: Callable[[], T]) -> tuple[tuple[T] | None, Exception | None]:
    try:
        return (work(),), None
    except StoreBroken:
        raise
    except Exception as fault:  # the writer would do it again, and half of it is done
        return None, fault


def _listening(path: Path) -> socket.socket | None:
    """A socket that only this account can open. What a dead process left is taken away: the store's lock is ours."""
    if len(os.fsencode(path)) > LONGEST_PATH:
        log.warning("commands cannot reach the gateway: the store's path is too long for a socket", path=str(path))
        return None
    try:
        if stat.S_ISSOCK(path.lstat().st_mode):
            path.unlink()
    except FileNotFoundError:
        pass
    listening = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    before = os.umask(0o177)
    try:
        listening.bind(os.fsencode(path))
    except OSError as fault:
        listening.close()
        log.warning("commands cannot reach the gateway", path=str(path), why=str(fault))
        return None
    finally:
        os.umask(before)
    return listening


def _is_ours(connected: socket.socket) -> bool:
    """Whether the process at the other end runs under our account, or root's."""
    if not hasattr(socket, "SO_PEERCRED"):
        return True  # elsewhere than on Linux the socket's own rights keep others out
    _, account, _ = _PEER.unpack(connected.getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, _PEER.size))
    return account in (os.geteuid(), 0)
