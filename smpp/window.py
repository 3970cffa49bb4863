"""What was asked and not answered yet: requests and answers meet here by number, and the lost are handed back.

Entries lie in the order of asking, and all wait equally long, so the oldest is the first due. Nothing leaves silently:
answered ones by `take`, late ones by `take_expired`, those of a dead link by `take_all` (their outcome is unknown).
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import msgspec

from smpp.errors import LocalFault

if TYPE_CHECKING:  # pragma: no cover
    from smpp.pdu import Pdu


class Entry(msgspec.Struct, frozen=True, gc=False):
    """One request on the wire: what the asker knows it by, the request, and the instant its answer is late."""

    token: Any
    request: Pdu
    answer_by: float


class Window:
    """At most `size` requests that wait for their answers; instants are monotonic seconds."""

    def __init__(self, size: int) -> None:
        self.size = size
        self._entries: dict[int, Entry] = {}
        self.peek = self._entries.get  # the entry with that sequence_number, or None; it stays

    def __len__(self) -> int:
        return len(self._entries)

    def __contains__(self, sequence: int) -> bool:
        return sequence in self._entries

    @property
    def room(self) -> int:
        """How many more requests may be put."""
        return self.size - len(self._entries)

    @property
    def oldest(self) -> float | None:
        """The instant the first answer is late, or None when nothing waits."""
        for entry in self._entries.values():
            return entry.answer_by
        return None

    def put(self, sequence: int, entry: Entry) -> None:
        """Remember a request before it is written; raises LocalFault when the window is full or the number in use."""
        entries = self._entries
        if len(entries) >= self.size:
            raise LocalFault(f"the window of {self.size} requests is full", field="window", limit=self.size)
        if sequence in entries:
            raise LocalFault(f"sequence_number {sequence} still waits for its answer", field="sequence_number")
        entries[sequence] = entry

    def take(self, sequence: int) -> Entry | None:
        """Remove and return the request that this number answers, or None."""
        return self._entries.pop(sequence, None)

    def take_expired(self, now: float) -> list[Entry]:
        """Remove and return the requests whose answer is late at `now`, oldest first."""
        late = []
        for sequence, entry in self._entries.items():
            if entry.answer_by > now:
                break
            late.append((sequence, entry))
        for sequence, _ in late:
            del self._entries[sequence]
        return [entry for _, entry in late]

    def take_all(self) -> list[Entry]:
        """Remove and return all requests, oldest first."""
        entries = list(self._entries.values())
        self._entries.clear()
        return entries
