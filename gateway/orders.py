"""How `kwek deploy` and `kwek rollback` reach gateways that run: an order is a row that each of them looks at.

On SQLite nobody else may write the store while a gateway runs: there the order is a file beside it, put in its place
all at once, that the gateway makes a row of in the transaction in which it takes the rules over; then the file goes.
Whoever may write in the store's folder could put another store there, so the file needs no secret.
"""

from __future__ import annotations

import asyncio
import os
import stat
import tempfile
from collections.abc import Awaitable, Callable
from contextlib import suppress
from pathlib import Path

import msgspec
import structlog

from gateway.pools import Write
from router import rulings
from router.rulings import Kept, Order
from router.store.engine import Store, file_of
from rules.diagnostics import Source
from rules.rulebook import deployment_of

LOOK_S = 0.5
"""Between two looks for an order, in seconds."""
MOST_OCTETS = 268_435_456
"""Of an order: the largest rule sets are a tenth of it; a file that comes by mistake does not fill memory."""

Heed = Callable[[Order], Awaitable[None]]
Tick = Callable[[float], Awaitable[None]]

log = structlog.get_logger("kwek.rules")


class UnreadableOrderError(Exception):
    """A file that is no order; the message is a sentence."""


class Orders:
    """The orders that a node has not heeded yet."""

    def __init__(self, store: Store, node: str) -> None:
        self._store = store
        self._node = node
        self._path = order_path(store.url)
        self._taken = None if self._path is None else self._path.with_name(f"{self._path.name}.taken")
        self._heeded = 0
        self._hindrance = ""

    def kept(self) -> Kept:
        """What a node that starts has to know, an order that was given while none ran too. On the store's thread."""
        with self._store.begin() as tx:
            kept = rulings.kept(tx, self._node)
        self._heeded = 0 if kept.standing is None else kept.standing.ruling_id
        order = self._from_file()
        if order is not None and (kept.order is None or order.ruling.id > kept.order.ruling.id):
            kept = msgspec.structs.replace(kept, order=order)
        if kept.order is not None:
            self._heeded = kept.order.ruling.id
        return kept

    async def watch(self, heed: Heed, write: Write, tick: Tick = asyncio.sleep) -> None:
        """Hands each new order to `heed`, which takes it over or says why not; `write` works on the store's thread."""
        while True:
            order = await self._look(write)
            if order is not None:
                await heed(order)
                await write(lambda: None)  # what heeding it comes to is on disk
                self._heeded = order.ruling.id
                self._be_done()
            await tick(LOOK_S)

    async def _look(self, write: Write) -> Order | None:
        if self._path is None:
            return await write(self._from_store)
        return await asyncio.to_thread(self._from_file)

    def _from_store(self) -> Order | None:
        with self._store.begin() as tx:
            return rulings.newest(tx, self._heeded)

    def _from_file(self) -> Order | None:
        """The order in the file, which is taken aside first: a newer one may be put in its place at any time.

        One that cannot be had (its permissions, a fault of the disk) is told of and stays for the next look."""
        if self._path is None or self._taken is None:
            return None
        hindrance = ""
        try:
            with suppress(FileNotFoundError):  # as a rule there is none
                self._path.replace(self._taken)
        except OSError as fault:
            hindrance = f"{self._path}: {fault.strerror or fault}"
        order = None
        try:
            order = read_order(self._taken)
        except UnreadableOrderError as fault:
            aside = put_aside(self._path)
            with suppress(OSError):
                self._taken.replace(aside)
            log.error("an order that cannot be read is put aside", file=str(aside), why=str(fault))
        except OSError as fault:
            hindrance = f"{self._taken}: {fault.strerror or fault}"
        if hindrance and hindrance != self._hindrance:
            log.error("an order cannot be had; it is tried again", why=hindrance)
        self._hindrance = hindrance
        if order is not None and order.ruling.id <= self._heeded:
            self._be_done()
            return None
        return order

    def _be_done(self) -> None:
        """The order that was taken aside is heeded, or overtaken."""
        if self._taken is not None:
            with suppress(OSError):
                self._taken.unlink()


def order_path(url: str) -> Path | None:
    """Where an order for the gateway on that store lies; None on a server, where it is a row at once."""
    path = file_of(url)
    return None if path is None else path.resolve().with_name(f"{path.resolve().name}.order")


def put_aside(path: Path) -> Path:
    """Where the gateway puts what it found at an order's place and what is none."""
    return path.with_name(f"{path.name}.unreadable")


def is_put_aside(path: Path, inode: int) -> bool:
    """Whether that is what became of the order that `write_order` gave this number."""
    try:
        return put_aside(path).lstat().st_ino == inode
    except OSError:
        return False


def write_order(path: Path, order: Order) -> int:
    """Put an order beside a SQLite store, for whoever may read that; gives the file's inode, which is the same wherever
    it is moved to. Raises OSError.

    Others may write in that folder, and root may give the order: the new file's name is nobody's before."""
    store = path.with_name(path.name.removesuffix(".order")).stat()
    handle, name = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.")
    new = Path(name)
    try:
        with os.fdopen(handle, "wb") as opened:
            opened.write(msgspec.json.encode(order))
            _belong(opened.fileno(), store)
            opened.flush()
            os.fsync(opened.fileno())
            inode = os.fstat(opened.fileno()).st_ino
        new.replace(path)
    except BaseException:
        with suppress(OSError):
            new.unlink()
        raise
    folder = os.open(path.parent, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(folder)
    finally:
        os.close(folder)
    return inode


def _belong(handle: int, store: os.stat_result) -> None:
    """Let whoever may read the store read the file, too, and nobody else. Raises OSError."""
    if os.geteuid() == 0:
        os.fchown(handle, store.st_uid, store.st_gid)
    elif os.fstat(handle).st_gid != store.st_gid:
        os.fchown(handle, -1, store.st_gid)
    os.fchmod(handle, stat.S_IMODE(store.st_mode) & 0o666)


def read_order(path: Path) -> Order | None:
    """The order that lies there; None when none does. Raises UnreadableOrderError where something else does, OSError
    where it cannot be had now."""
    try:
        with path.open("rb") as opened:
            octets = opened.read(MOST_OCTETS + 1)
    except FileNotFoundError:
        return None
    except IsADirectoryError as fault:
        raise UnreadableOrderError("it is a folder") from fault
    if len(octets) > MOST_OCTETS:
        raise UnreadableOrderError(f"it has more than {MOST_OCTETS} octets")
    try:
        order = msgspec.json.decode(octets, type=Order)
    except (msgspec.DecodeError, RecursionError) as fault:
        raise UnreadableOrderError(f"it is no order: {fault}") from fault
    if deployment_of([Source(file, text) for file, text in order.sources.items()]) != order.ruling.deployment:
        raise UnreadableOrderError("its rules are not those that it names")
    return order
