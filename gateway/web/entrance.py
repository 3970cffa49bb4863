"""What the web hands to the router, and how it looks things up: the two ways from a request to the store.

An occurrence goes through the writer, like a text, and is answered for after its commit. A look is a short read on a
connection and a thread of its own, so that neither holds up the other, and pages are shown while the store takes no
writes. Both are bounded: what is too much is refused at once instead of waiting.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import Protocol, TypeVar

from router.messages import Occurrence
from router.store.engine import Tx
from router.store.errors import StoreUnavailable
from router.store.reading import Reader, ReaderAtHand
from router.world import Worker

T = TypeVar("T")

LOOK_S = 2.0
"""How long a look may take, in seconds: who waits for a page has gone after more."""
MOST_LOOKS = 200
"""Looks that wait for the thread: at a millisecond each, a fifth of a second. Also those whose askers have gone: while
one stands, no more of them gather."""
STOPPING = "the gateway is stopping"


class Occurs(Protocol):
    """Who takes occurrences: the writer."""

    @property
    def trouble(self) -> str:
        """Why the store is away; empty while it is there."""

    def occur(self, occurrence: Occurrence) -> Awaitable[int]:
        """Queue one. Its id comes after the commit, however long the store is away; that of the first, where its key
        was told before. Raises SetAside when it cannot be performed, StoreUnavailable when the gateway ends before."""


class _Asker:
    """Who waits for a look: one that nobody waits for any more is not begun."""

    __slots__ = ("is_gone",)

    def __init__(self) -> None:
        self.is_gone = False


class Looks:
    """Short reads of the store for requests, one after the other on a thread of their own."""

    def __init__(self, url: str) -> None:
        self._reader = ReaderAtHand(url)
        self._worker = Worker("web")
        self._is_closed = False

    async def at(self, look: Callable[[Tx], T]) -> T:
        """What `look` reads. Raises StoreUnavailable when the store does not answer in time, or too much is asked."""
        if self._is_closed:
            raise StoreUnavailable(STOPPING)
        if self._worker.queued >= MOST_LOOKS:
            raise StoreUnavailable(f"{MOST_LOOKS} requests wait for the store already")
        asker = _Asker()
        try:
            async with asyncio.timeout(LOOK_S):
                return await self._worker.begin(lambda: self._look(look, asker))
        except TimeoutError:
            raise StoreUnavailable(f"the store did not answer in {LOOK_S:g} s") from None
        finally:
            asker.is_gone = True

    async def close(self) -> None:
        """Give the connection back and end the thread, after the look that is under way; those that wait are off."""
        self._is_closed = True
        await self._worker.end(self._reader.close)

    def _look(self, look: Callable[[Tx], T], asker: _Asker) -> T:
        if self._is_closed or asker.is_gone:
            raise StoreUnavailable(STOPPING)

        def within(reader: Reader) -> T:
            with reader.begin() as tx:
                return look(tx)

        return self._reader.use(within)
