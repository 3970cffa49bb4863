"""Texts on the wire: which segments of which claim still wait for their submit_sm_resp.

A text is settled once, when its last segment is answered. Part of it accepted and the rest refused for now: the row
goes back to wait and says what was accepted, and the next claim sends the rest, never the whole, since the phone would
get the first segments twice. Nothing of a text waits here for another try, so a stop or a crash meanwhile loses no
knowledge.
"""

from __future__ import annotations

from router.claims import Claim
from smpp.pdu import SubmitSm

_NONE: frozenset[int] = frozenset()


class Flight:
    """One claimed text on the wire, and what its segments (counted from 0) were answered."""

    __slots__ = ("accepted", "before", "claim", "fault", "flying", "left", "link", "pdus", "refused", "stopped",
                 "until")  # fmt: skip

    def __init__(self, claim: Claim, pdus: list[SubmitSm]) -> None:
        self.claim = claim
        self.pdus = pdus
        self.before = _accepted_before(claim.accepted, len(pdus))
        """Segments that the centre accepted at an earlier try: they do not go out again."""
        self.left = len(pdus) - len(self.before)
        """Segments that are not answered: on the wire, or waiting for room."""
        self.flying = 0
        """Those on the wire."""
        self.link = 0
        """Number of the link that carries it; 0: what waits of it may go over any."""
        self.until = 0.0
        """Until when, in monotonic seconds, a segment of it may be given to the kernel: its lease."""
        self.stopped = False
        """A STOP came: nothing more of it goes out."""
        self.fault: Exception | None = None
        """Why nothing more of it can be sent."""
        self.accepted: dict[int, str] = {}
        """Segments that were accepted now, with their message ids."""
        self.refused: dict[int, int] = {}
        """Segments that were refused, with the command_status."""

    @property
    def to_send(self) -> list[int]:
        """The segments that this try is for."""
        every = range(len(self.pdus))
        return [index for index in every if index not in self.before] if self.before else list(every)

    @property
    def message_ids(self) -> list[str]:
        """The message ids that were given now, in the order of the segments."""
        return [self.accepted[index] for index in sorted(self.accepted)]

    def answer(self, index: int, command_status: int, message_id: str) -> bool:
        """One segment was answered; True when it was the last."""
        self.left -= 1
        self.flying -= 1
        if command_status == 0:
            self.accepted[index] = message_id
        else:
            self.refused[index] = command_status
        return not self.left

    def cut(self, fault: Exception) -> None:
        """Nothing more of it can be sent; what is on the wire is still waited for."""
        self.fault = fault
        self.left = self.flying

    def told(self) -> str:
        """What the centre has accepted in all, as the outbox keeps it ("0,2/3"); empty for nothing."""
        every = sorted({*self.before, *self.accepted})
        return f"{','.join(map(str, every))}/{len(self.pdus)}" if every else ""


def _accepted_before(accepted: str, segments: int) -> frozenset[int]:
    """Which of so many segments are out already; none when the text is cut otherwise now: then all of it goes."""
    if not accepted:
        return _NONE
    indexes, _, total = accepted.partition("/")
    return frozenset(map(int, indexes.split(","))) if total == str(segments) else _NONE
