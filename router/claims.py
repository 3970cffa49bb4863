"""What goes to the wire, and how much of it one transaction may hand there: claimed texts, and the room for them."""

from __future__ import annotations

from collections.abc import Collection, Mapping

import msgspec

from router.plan import MessageClass


class Claim(msgspec.Struct, frozen=True, gc=False):
    """A text that is committed as claimed and now goes to the wire, as `segments` pieces.

    `attempts`, `sends`, `retries` and `accepted` as in the outbox's row, this claim counted.
    """

    id: int
    connector: str
    number: str
    address: str
    text: str
    encoding: str
    segments: int
    message_class: MessageClass
    attempts: int
    sends: int = 1
    retries: int = 0
    accepted: str = ""


class Allowance:
    """What each connector may be handed by this transaction, in segments; what is taken is held until it is settled.

    `left` are free slots of its window, `most` all it has: a text longer than that takes them all, and its segments go
    out as they find room, else it would wait for ever. `pace` is what its rate lets go now; a text that begins within
    it is let go whole, and the next waits the longer. `keep` are slots that may not be taken for now. `muted` are
    addresses whose STOP is read and not kept yet: only its confirmation is claimed for them.
    """

    def __init__(
        self, slots: Mapping[str, int], most: Mapping[str, int] | None = None, pace: Mapping[str, int] | None = None
    ) -> None:
        self.left = dict(slots)
        self.pace = dict(pace or {})
        self.keep: Mapping[str, int] = {}
        self.muted: Collection[str] = ()
        self.busy = False
        """Something was passed over, for another node is at work on its contact."""
        self._most = most or {}

    def mark(self) -> tuple[dict[str, int], dict[str, int]]:
        """How it stands, for `back_to` when what was taken is rolled back."""
        return dict(self.left), dict(self.pace)

    def back_to(self, mark: tuple[dict[str, int], dict[str, int]]) -> None:
        """Nothing was taken since."""
        self.left, self.pace = dict(mark[0]), dict(mark[1])

    def take(self, connector: str, segments: int) -> bool:
        """Whether there was room for one text."""
        left = self.left.get(connector, 0)
        need = self._need(connector, segments)
        if need > left or left <= self.keep.get(connector, 0) or self.pace.get(connector, 1) <= 0:
            return False
        self.left[connector] = left - need
        if connector in self.pace:
            self.pace[connector] -= segments
        return True

    def give_back(self, connector: str, segments: int) -> None:
        """What was taken is not used after all."""
        self.left[connector] += self._need(connector, segments)
        if connector in self.pace:
            self.pace[connector] += segments

    def _need(self, connector: str, segments: int) -> int:
        return min(segments, self._most.get(connector, segments))
