"""Texts on the wire: which segments of which claim still wait for their submit_sm_resp.

A text is settled once, when its last segment is answered. Part of it accepted and the rest refused for now: the rest is
sent again, never the whole, since the phone would get the first segments twice.
"""

from __future__ import annotations

from router.perform import Claim
from smpp.pdu import SubmitSm


class Flight:
    """One claimed text on the wire, and what its segments were answered."""

    __slots__ = ("accepted", "claim", "left", "link", "message_ids", "pdus", "refusal", "refused",
                 "stopped", "tries", "until")  # fmt: skip

    def __init__(self, claim: Claim, pdus: list[SubmitSm]) -> None:
        self.claim = claim
        self.pdus = pdus
        self.left = len(pdus)
        self.link = 0
        """Number of the link that carries it; 0: what waits of it may go over any."""
        self.until = 0.0
        """Until when, in monotonic seconds, a segment of it may be given to the kernel: its lease."""
        self.stopped = False
        """A STOP came: nothing more of it goes out."""
        self.tries = claim.attempts
        """How often it, or what was refused of it, has gone to the wire."""
        self.accepted = 0
        self.message_ids = [""] * len(pdus)
        self.refusal = 0
        """The last command_status that was not ESME_ROK."""
        self.refused: list[int] = []
        """Segments (from 0) that were refused."""

    def answer(self, index: int, command_status: int, message_id: str) -> bool:
        """One segment was answered; True when it was the last."""
        self.left -= 1
        if command_status == 0:
            self.accepted += 1
            self.message_ids[index] = message_id
        else:
            self.refusal = command_status
            self.refused.append(index)
        return not self.left

    def again(self) -> list[int]:
        """The refused segments, taken out to be sent once more, over whatever link is there then."""
        refused, self.refused = sorted(self.refused), []
        self.left = len(refused)
        self.link = 0
        self.tries += 1
        return refused
