"""What happened, as a hash of everything and the last of it in words: the same seed gives the same hash."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from hashlib import blake2b

LAST = 400
"""Events that are kept in words."""
SHOWN_OCTETS = 24


class Trace:
    """Every event goes into the hash; octets go in whole and are shown in part."""

    def __init__(self, clock: Callable[[], float]) -> None:
        self.events = 0
        self._clock = clock
        self._hash = blake2b(digest_size=16)
        self._last: deque[tuple[float, str, str, bytes]] = deque(maxlen=LAST)

    def octets(self, what: str, stream: int, octets: bytes) -> None:
        """Something arrived on a stream of the network."""
        self._add(what, f"stream {stream}", octets)

    def note(self, what: str, detail: str = "") -> None:
        """Something happened."""
        self._add(what, detail, b"")

    @property
    def digest(self) -> str:
        """The hash of all that happened so far, in hexadecimal."""
        return self._hash.hexdigest()

    def last(self, events: int) -> list[str]:
        """The last events, a line each."""
        return [_line(*event) for event in list(self._last)[-events:]]

    def _add(self, what: str, detail: str, octets: bytes) -> None:
        at = self._clock()
        self.events += 1
        self._hash.update(f"{at:.9f} {what} {detail}\n".encode() + octets)
        self._last.append((at, what, detail, octets))


def _line(at: float, what: str, detail: str, octets: bytes) -> str:
    shown = octets[:SHOWN_OCTETS].hex() + ("…" if len(octets) > SHOWN_OCTETS else "")
    return f"{at:14.6f} s  {what:14} {detail} {shown}".rstrip()
