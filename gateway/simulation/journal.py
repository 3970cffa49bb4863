"""The simulated centre's journal, in memory, with two clocks.

When something arrived tells what the centre knew; when its octets left the gateway for the kernel tells what the
gateway may be blamed for. Silence after STOP is judged by the latter: two links, or an old one whose octets linger,
overtake one another on the way.
"""

from __future__ import annotations

from collections.abc import Callable

import msgspec

from gateway.simulation.brands import meaning
from gateway.torture.entries import Answered, Entry, LinkEnded, Submitted
from gateway.torture.journal import Journal


class TwoClocks(Journal):
    """A journal in memory; `left_at` tells when the octets that are being read had left their sender."""

    def __init__(self, clock: Callable[[], float], left_at: Callable[[], float]) -> None:
        super().__init__(None, clock, meaning)
        self._left_at = left_at
        self._departures: dict[int, float] = {}
        """By place in the entries: when the gateway had handed it to its kernel."""
        self._hung: dict[int, tuple[float, float]] = {}

    def note(self, entry: Entry) -> None:
        """Take an entry."""
        if isinstance(entry, Answered | Submitted):
            self._departures[len(self.entries)] = self._left_at()
        if isinstance(entry, LinkEnded) and entry.link in self._hung:
            since, until = self._hung.pop(entry.link)
            if entry.at < until:
                entry = msgspec.structs.replace(entry, at=since)
        super().note(entry)

    def hangs(self, link: int, since: float, until: float) -> None:
        """Nothing arrives on a link in between: if it ends meanwhile, it had ended when that began."""
        self._hung[link] = (self._hung[link][0] if link in self._hung else since, until)

    def by_departure(self) -> list[Entry]:
        """The journal as the gateway's kernel would have kept it: what the gateway said counts from there."""
        entries = list(self.entries)
        for place, at in self._departures.items():
            entries[place] = msgspec.structs.replace(entries[place], at=at)
        return entries
