"""Notices that rules files have changed: a look at names, sizes and times now and then, no event for each write.

A change counts once two looks in a row see the same, so that a file half written, or a set half copied, is not read.
Looking is bounded: however many files there are, it takes at most a small share of one core.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from pathlib import Path
from time import monotonic

from gateway.rules_loader import Fingerprint, fingerprint

LOOK_S = 0.5
"""Between two looks, in seconds: who has saved a file sees it in force about a second later."""
SHARE = 0.02
"""Most of the time that is spent looking: with thousands of files the looks are further apart."""

Tick = Callable[[float], Awaitable[None]]


class Watcher:
    """The files below some paths. `seen` is what they looked like when the rules in force were read."""

    def __init__(self, paths: Sequence[Path], seen: Fingerprint) -> None:
        self._paths = paths
        self._read = seen
        self._last = seen
        self._took_s = 0.0

    async def changes(self, tick: Tick = asyncio.sleep) -> AsyncIterator[None]:
        """Comes round each time the files have changed and come to rest; `tick` waits for so many seconds."""
        while True:
            await tick(max(LOOK_S, self._took_s / SHARE))
            began = monotonic()
            now = await asyncio.to_thread(fingerprint, self._paths)
            self._took_s = monotonic() - began
            if self._has_settled(now):
                yield

    def _has_settled(self, now: Fingerprint) -> bool:
        """Whether this look is the second in a row that sees the same, and that is not what was read last."""
        rests = now == self._last
        self._last = now
        if not rests or now == self._read:
            return False
        self._read = now
        return True
