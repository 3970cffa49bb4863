"""The counter: where commands on the same machine hand in what only the process that owns the store may write.

SQLite's file is one process's, so `kwek consent erase`, `import` and `opt-out`, `kwek key new` and `revoke`, and `kwek
reviews settle` cannot write beside a gateway that runs. They hand their work in here: a Unix socket beside the store
(`kwek.db.sock`), which only the account that runs the gateway can open, and whose peer is asked to be that account (or
root). An order is a line (gateway.counter_orders), perhaps with a list behind it; the clerk does it
(gateway.counter_clerk), and a line of JSON says what came of it.
"""

from __future__ import annotations

import asyncio
import os
import socket
import stat
import struct
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import msgspec
import structlog

from gateway.counter_clerk import Clerk
from gateway.counter_orders import LONGEST_LINE, BadOrderError, ConsentList, OptOutList, read_order
from router.consent_rows import Unusable
from router.store.engine import file_of
from router.store.errors import StoreError

ORDER_S = 30.0
"""How long an order may take to come in, and its answer to be taken, in seconds."""
PIECE = 262_144
"""Octets of a list that are taken from the socket at once."""
LONGEST_PATH = 100
"""Octets of a socket's path: the kernel takes 107."""
_PEER = struct.Struct("3i")
"""struct ucred (socket(7), SO_PEERCRED): process, account, group."""

log = structlog.get_logger("kwek.counter")


def place_of(store_url: str) -> Path | None:
    """Where the counter of a store is; None where commands write to the store themselves."""
    path = file_of(store_url)
    return None if path is None else Path(f"{path}.sock")


def is_too_long(path: Path) -> bool:
    """Whether no socket can be there, a gateway or none."""
    return len(os.fsencode(path)) > LONGEST_PATH


class Counter:
    """Takes orders in for the store at that URL, and hands them to the clerk."""

    def __init__(self, store_url: str, clerk: Clerk) -> None:
        self._store_url = store_url
        self._clerk = clerk
        self._serving: set[asyncio.Task[None]] = set()

    @asynccontextmanager
    async def open(self) -> AsyncIterator[None]:
        """Take orders until left. A path that is too long, or on which something else stands, is warned of."""
        path = place_of(self._store_url)
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
            octets = await _list_of(reader, order.octets) if isinstance(order, ConsentList | OptOutList) else b""
        try:
            done = await self._clerk.perform(order, octets)
            return await asyncio.to_thread(_encoded, {"done": done})
        except (BadOrderError, Unusable) as fault:
            return _encoded({"refused": str(fault)})
        except StoreError as fault:
            return _encoded({"away": str(fault)})
        except Exception as fault:  # of this order; texts go on
            log.error("an order failed by a fault of kwek", exc_info=fault)
            return _encoded({"fault": "a fault of kwek; the gateway's log tells more"})


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


def _encoded(answer: dict[str, Any]) -> bytes:
    return msgspec.json.encode(answer)


def _listening(path: Path) -> socket.socket | None:
    """A socket that only this account can open. What a dead process left is taken away: the store's lock is ours."""
    if is_too_long(path):
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
