"""What a peer has not read of what we wrote, and how one that does not read is told from one that reads slowly.

Pure: octets written and octets that still wait go in, verdicts come out. Requests of ours need no bound here, for none
is sent while much waits (`Wire.room`). What a peer can make grow are the answers to what it says meanwhile; its own
window bounds them, if it keeps one.
"""

from __future__ import annotations

from typing import Final

#: Octets of answers that may wait for a peer, and beyond it what one turn of the loop reads: 60,000 of the shortest
#: answers, so a peer with a window never comes near.
MOST_ANSWERS: Final = 1024 * 1024

#: So many looks without progress, one after the other: a process that was frozen itself finds none at the first.
LOOKS: Final = 2


class Backlog:
    """Of one connection, whose owner counts all it writes in `written`."""

    __slots__ = ("_idle", "_since", "_taken", "written")

    def __init__(self) -> None:
        self.written = 0
        self._since = 0
        self._taken = 0
        self._idle = 0

    def begin(self, waiting: int) -> None:
        """So many octets wait that no request is sent any more; what is written from now on are answers."""
        self._since = self.written
        self._taken = self.written - waiting
        self._idle = 0

    def is_full(self, waiting: int) -> bool:
        """Whether so many answers wait that nothing more may be read."""
        return min(waiting, self.written - self._since) > MOST_ANSWERS

    def is_stuck(self, waiting: int) -> bool:
        """A look, to be taken at even intervals: whether at the last ones nothing had been taken since the one before.

        Octets that the kernel takes are progress: it does so as the peer reads.
        """
        taken = self.written - waiting
        self._idle = 0 if taken > self._taken else self._idle + 1
        self._taken = taken
        return self._idle >= LOOKS
