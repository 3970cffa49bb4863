"""Clicks on their way to the store: each a person's first on a link, handed to the writer like a text.

A redirect waits for the commit of its click, but not longer than CLICK_S: then it goes through, and the click is kept
when the store is back. So many may wait and no more; what comes beyond them, or is under way when the process dies, is
a click lost, and counted as that. How often a link is followed again is only a number: it is written now and then.
"""

from __future__ import annotations

import asyncio
from collections import OrderedDict

import structlog

from gateway.web.entrance import Occurs
from router.links import Followed
from router.messages import Occurrence

CLICK_S = 0.25
"""How long a redirect waits for its click to be on disk, in seconds."""
MOST_WAITING = 10_000
"""Clicks that wait for the store: about 10 MB, and the clicks of a large campaign for minutes."""
MOST_KNOWN = 20_000
"""Links that were followed lately: they lead on while the store is away, and no click of theirs counts again."""

log = structlog.get_logger("kwek.web")


class Clicks:
    """The clicks of one gateway, and the links that it knows by heart."""

    def __init__(self, occurs: Occurs) -> None:
        self.lost = 0
        """Clicks that nobody will know of."""
        self._occurs = occurs
        self._waiting: set[asyncio.Task[None]] = set()
        self._known: OrderedDict[str, Followed] = OrderedDict()
        self._counted: OrderedDict[str, None] = OrderedDict()
        self._again: dict[str, int] = {}

    @property
    def waiting(self) -> int:
        """Clicks that are not on disk yet."""
        return len(self._waiting)

    def learn(self, link: Followed) -> None:
        """A link was found in the store."""
        self._known[link.code] = link
        self._known.move_to_end(link.code)
        if len(self._known) > MOST_KNOWN:
            self._known.popitem(last=False)

    def recall(self, code: str) -> Followed | None:
        """A link that was found before, for when the store is away."""
        return self._known.get(code)

    def forget(self, code: str) -> None:
        """The store has that link no more."""
        self._known.pop(code, None)

    async def count(self, link: Followed, new_id: int, at: int) -> None:
        """A person follows a link. Returns when that is on disk, or cannot be waited for."""
        if link.clicked_at is not None or link.code in self._counted:
            if len(self._again) < MOST_WAITING or link.code in self._again:
                self._again[link.code] = self._again.get(link.code, 0) + 1
            return
        if len(self._waiting) >= MOST_WAITING:
            self.lost += 1
            return
        self._counted[link.code] = None
        if len(self._counted) > MOST_KNOWN:
            self._counted.popitem(last=False)
        task = asyncio.create_task(self._hand(occurrence_of(link, new_id, at)))
        self._waiting.add(task)
        task.add_done_callback(self._waiting.discard)
        await asyncio.wait([task], timeout=CLICK_S)

    def again(self) -> dict[str, int]:
        """How often links were followed again since this was asked last, by code: for the store."""
        again, self._again = self._again, {}
        return again

    def close(self) -> None:
        """What waits is lost; the writer has committed what it was handed before it stopped."""
        self.lost += len(self._waiting)
        for task in self._waiting:
            task.cancel()

    async def _hand(self, click: Occurrence) -> None:
        try:
            await self._occurs.occur(click)
        except Exception as fault:  # whatever became of it, the phone goes where the link leads
            self.lost += 1
            log.warning("a click is lost", why=str(fault))


def occurrence_of(link: Followed, new_id: int, at: int) -> Occurrence:
    """The click as the router takes it; its key lets it count once, whichever nodes and processes saw it."""
    return Occurrence(
        id=new_id, brand=link.brand, address=link.address, name=link.name, source="click",
        values={"link": link.name, "rule": link.rule, "step": link.step},
        ref=str(link.cause_id), at=at, received_at=at, key=link.code,
    )  # fmt: skip
