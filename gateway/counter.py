"""The counter: where commands on the same machine hand in what only the process that owns the store may write.

SQLite's file is one process's, so `kwek consent erase`, `import` and `opt-out` cannot write beside a gateway that runs.
They hand their work in here: a Unix socket beside the store (`kwek.db.sock`), which only the account that runs the
gateway can open, and whose peer is asked to be that account (or root). One order at a time, a line of JSON each way.

The work is done on the writer's thread, a slice of some milliseconds between two groups of texts, by the code that the
command runs when there is no gateway. An order that is cut off has done what its slices did, and may be given again.
"""

from __future__ import annotations

import asyncio
import base64
import json
import os
import socket
import stat
import struct
from collections.abc import AsyncIterator, Callable, Collection, Iterator, Mapping
from contextlib import asynccontextmanager, suppress
from functools import partial
from itertools import islice
from pathlib import Path
from typing import Any, TypeVar

import structlog

from config.settings import Settings
from gateway.barrier import BARRIER_S, LOOK_S
from gateway.pools import Write
from router.consent_import import Import, Order, Told
from router.consent_rows import Consent, Reading, Refused, Unusable, rows_of
from router.erasure import Erasure
from router.optouts import OptOuts
from router.silence import settled_of
from router.store.engine import Store, file_of
from router.store.errors import StoreError
from router.store.shrink import empty_log
from router.ways import Ways
from router.world import World
from rules.editions import edition
from rules.packs import market_of

MOST_OCTETS = 64 * 1_048_576
"""Of one order: a list of some 300,000 consents in base64."""
ORDER_S = 30.0
"""How long an order may take to come in, in seconds."""
ROWS_A_TURN = 16
"""Rows of a list that are taken between two groups: the least that `router.consent_import` has in a transaction."""
LONGEST_PATH = 100
"""Octets of a socket's path: the kernel takes 107."""
_PEER = struct.Struct("3i")
"""struct ucred (socket(7), SO_PEERCRED): process, account, group."""

T = TypeVar("T")
log = structlog.get_logger("kwek.counter")


class BadOrderError(Exception):
    """What is wrong with an order, in a sentence."""


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
        server = await asyncio.start_unix_server(self._serve, sock=listening, limit=MOST_OCTETS)
        try:
            yield
        finally:
            server.close()
            for task in self._serving:  # whoever asks is told that nobody is there any more
                task.cancel()
            await asyncio.gather(*self._serving, return_exceptions=True)
            await server.wait_closed()
            path.unlink(missing_ok=True)

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None, "a server runs each connection in a task"
        self._serving.add(task)
        task.add_done_callback(self._serving.discard)
        try:
            if _is_ours(writer.get_extra_info("socket")):
                async with asyncio.timeout(ORDER_S):
                    line = await reader.readline()
                answer = await self._answer(line)
                writer.write(json.dumps(answer).encode() + b"\n")
                await writer.drain()
        except (OSError, ValueError) as fault:  # TimeoutError is one; whoever asked is gone, or sends no end of a line
            log.warning("an order was cut off", why=str(fault))
        finally:
            writer.close()
            with suppress(OSError):
                await writer.wait_closed()

    async def _answer(self, line: bytes) -> dict[str, Any]:
        try:
            order = json.loads(line)
            async with self._one_at_a_time:
                return {"done": await self.perform(order)}
        except (BadOrderError, Unusable) as fault:
            return {"refused": str(fault)}
        except StoreError as fault:
            return {"away": str(fault)}
        except (ValueError, KeyError, TypeError) as fault:
            return {"refused": f"this is no order of this version: {fault!r}"}

    async def perform(self, order: Mapping[str, Any]) -> dict[str, Any]:
        """Do what an order says; gives what came of it. Raises BadOrderError, Unusable and StoreError."""
        match order["do"]:
            case "erase":
                return await self._erase(order)
            case "import" | "opt-out":
                return await self._take_in(order)
            case _:
                raise BadOrderError(f"this gateway knows no order {order['do']!r}")

    async def _erase(self, order: Mapping[str, Any]) -> dict[str, Any]:
        erasure = Erasure(self._store, self._world, self._ways.suppressions, str(order["by"]))
        everything = bool(order["everything"])
        person, whole = await self._once(
            partial(erasure.silence, str(order["number"]), list(order["brands"]), everything=everything)
        )
        within = within_of(self._settings)
        await self._all(erasure.take_away(person, whole, everything=everything, redelivered_within=within), 1)
        is_cut = await self._once(partial(empty_log, self._store))
        log.info("a person was forgotten", by=str(order["by"]), brands=len(whole))
        return {"rows": erasure.rows, "brands": list(whole), "is_cut": is_cut}

    async def _take_in(self, order: Mapping[str, Any]) -> dict[str, Any]:
        opt_outs = order["do"] == "opt-out"
        rows, under = self._list(order, opt_outs=opt_outs)
        going = (OptOuts if opt_outs else Import)(self._store, self._world, self._ways.suppressions, under)
        told: list[Told] = await self._all(going.run(rows), ROWS_A_TURN)
        under_way = await self._written_or_over({id for one in told for id in one.claimed})
        log.info("a list was taken in", by=under.actor, brand=under.brand, rows=len(told))
        return {"told": [[one.line, one.outcome, one.why] for one in told], "under_way": under_way}

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

    def _list(self, order: Mapping[str, Any], *, opt_outs: bool) -> tuple[Iterator[Consent | Refused], Order]:
        book, brand = self._ways.books.newest, str(order["brand"])
        own = book.brands.get(brand)
        if own is None:
            raise BadOrderError(f"the rules in force have no brand {brand!r}")
        granted = next((one.country for one in self._settings.numbers if brand in one.brands), None)
        market = granted or market_of(str(own.zone))
        reading = Reading(market, own.zone, own.language, own.attributes, self._world.now(), opt_outs=opt_outs)
        under = Order(
            brand, str(order["class"]), str(order["programme"]), str(order["by"]), str(own.zone), edition(market),
            book.deployment,
        )  # fmt: skip
        return rows_of(base64.b64decode(order["file"]), reading), under

    async def _once(self, work: Callable[[], T]) -> T:
        """Do one thing between two groups. What goes wrong is this order's trouble: it is not tried again by itself."""
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


def _tried(work: Callable[[], T]) -> tuple[tuple[T] | None, Exception | None]:
    try:
        return (work(),), None
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
