"""Codes of vouchers that come in a file next to the rules: read when a rule set comes into force, written in slices
between the groups of texts, and watched for running out.

A file that is as it was is not read into the store again. Codes that are new are added, free ones that are gone from
the file are taken out, and what a contact has stays. A file that is missing or holds nothing leaves what there is; that
is told, and no reason to refuse the rules.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Iterable, Sequence
from functools import partial
from hashlib import sha256
from pathlib import Path
from typing import Protocol, TypeVar

import msgspec
import structlog

from router import offers
from router.offers import SLICE, Pool
from router.store.engine import Store
from router.store.reading import open_reader
from router.world import World
from rules.vouchers import MOST_OCTETS, Codes, Voucher, file_fault, read_codes

T = TypeVar("T")

log = structlog.get_logger("kwek.vouchers")


class Write(Protocol):
    """Does work on the thread that the store is written on, and gives what it came to: the world's `offload` before the
    writer runs, `in_turn` from then on."""

    def __call__(self, work: Callable[[], T]) -> Awaitable[T]:
        """Do it."""


class Between(Protocol):
    """Who does errands between two groups: the writer."""

    def between(self, errand: Callable[[], None]) -> None:
        """Have it done, as often as it takes until the store is there."""


def in_turn(writer: Between) -> Write:
    """Work is done between two groups of texts, however long the store is away."""

    async def write(work: Callable[[], T]) -> T:
        loop = asyncio.get_running_loop()
        done: asyncio.Future[T] = loop.create_future()

        def tell(result: T) -> None:
            if not done.done():  # nobody waits any more
                done.set_result(result)

        def errand() -> None:
            result = work()
            loop.call_soon_threadsafe(tell, result)

        writer.between(errand)
        return await done

    return write


class _Load(msgspec.Struct, frozen=True):
    """One file that is being loaded, under the number that its codes bear."""

    brand: str
    voucher: Voucher
    path: Path
    digest: str
    number: int


class Pools:
    """The pools of codes of one gateway."""

    def __init__(self, store: Store, world: World) -> None:
        self._store = store
        self._world = world

    async def deploy(self, declared: Iterable[tuple[str, Voucher]], write: Write) -> list[str]:
        """A rule set comes into force: write down its vouchers, by brand, and load the files that have changed. Gives
        what hinders, a sentence each."""
        every = list(declared)
        await write(lambda: self._declare(every))
        troubles = [await self._file(brand, voucher, write) for brand, voucher in every if voucher.file]
        for trouble in filter(None, troubles):
            log.error("vouchers", what=trouble)
        return [trouble for trouble in troubles if trouble]

    async def look(self, percent: int, write: Write) -> list[Pool]:
        """How the pools stand. One that begins to have so many percent or less is warned of, once for all nodes."""
        pools = await asyncio.to_thread(self._standing)
        for pool in pools:
            if pool.is_low(percent) and not pool.is_warned:
                if await write(partial(self._warn, pool)):
                    log.warning(
                        "a voucher runs out of codes", brand=pool.brand, voucher=pool.name, left=pool.left,
                        of=pool.total,
                    )  # fmt: skip
            elif pool.is_warned and not pool.is_low(percent):
                await write(partial(self._calm, pool))
        return pools

    async def _file(self, brand: str, voucher: Voucher, write: Write) -> str:
        """Load one file, unless it is in force; why not, in a sentence."""
        named = f"voucher {voucher.name} of {brand}"
        fault = file_fault(voucher.file)
        if fault:
            return f"{named}: {voucher.file!r}: {fault}"
        path = Path(voucher.beside).parent / voucher.file
        try:
            octets = await asyncio.to_thread(_octets, path)
        except OSError as error:
            return f"{named}: {path} cannot be read: {error.strerror or error}"
        load = _Load(
            brand, voucher, path, sha256(octets).hexdigest(), self._world.ids.next(self._world.now())
        )  # fmt: skip
        if not await write(lambda: self._is_new(load)):
            return ""
        read = await asyncio.to_thread(read_codes, octets)
        for sentence in read.told:
            log.warning("codes of a voucher", file=str(path), what=sentence)
        if not read.codes:
            return f"{named}: {path} holds no codes; those that were loaded before stay in use"
        await self._fill(load, read, write)
        return ""

    async def _fill(self, load: _Load, read: Codes, write: Write) -> None:
        elsewhere = 0
        codes = sorted(read.codes)  # in the order of the index: a million at random would touch every page for each
        for start in range(0, len(read.codes), SLICE):
            elsewhere += await write(partial(self._put, load, codes[start : start + SLICE]))
        more = True
        while more:
            more = await write(lambda: self._withdraw(load))
        await write(lambda: self._in_force(load, len(read.codes) - elsewhere))
        log.info("codes are loaded", brand=load.brand, voucher=load.voucher.name, codes=len(read.codes) - elsewhere)
        if elsewhere:
            log.warning(
                "codes that another voucher of the brand has stay with it", file=str(load.path), codes=elsewhere
            )

    def _standing(self) -> list[Pool]:
        reader = open_reader(self._store.url)
        try:
            with reader.begin() as tx:
                return offers.standing(tx)
        finally:
            reader.close()

    # ------------------------------------------------------------------------------------- on the writer's thread

    def _warn(self, pool: Pool) -> bool:
        with self._store.begin() as tx:
            return offers.warn(tx, pool, self._world.now())

    def _calm(self, pool: Pool) -> None:
        with self._store.begin() as tx:
            offers.calm(tx, pool)

    def _declare(self, declared: Iterable[tuple[str, Voucher]]) -> None:
        with self._store.begin() as tx:
            offers.declare(tx, declared)

    def _is_new(self, load: _Load) -> bool:
        with self._store.begin() as tx:
            return offers.to_load(tx, load.brand, load.voucher.name, load.digest, load.number) != 0

    def _put(self, load: _Load, codes: Sequence[str]) -> int:
        """Write one slice; gives how many of its codes are another voucher's."""
        with self._store.begin() as tx:
            return len(offers.load(tx, load.brand, load.voucher.name, codes, load.number).elsewhere)

    def _withdraw(self, load: _Load) -> bool:
        with self._store.begin() as tx:
            return offers.withdraw(tx, load.brand, load.voucher.name, load.number)

    def _in_force(self, load: _Load, total: int) -> None:
        with self._store.begin() as tx:
            offers.in_force(tx, load.brand, load.voucher, load.digest, load.number, total)


def _octets(path: Path) -> bytes:
    with path.open("rb") as opened:
        return opened.read(MOST_OCTETS + 1)
