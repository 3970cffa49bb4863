"""Whoever tries codes that nobody gave out is made to wait, before the store is asked.

Counted by the address that a request comes from: that of the connection, or, behind a reverse proxy on this machine,
the last one that the proxy names. A window of time, not a list of the wicked: a phone behind the same address waits a
minute at most.
"""

from __future__ import annotations

from collections import OrderedDict
from ipaddress import ip_address

MOST_MISSES = 30
"""Unknown codes from one address in WINDOW_S; a person mistypes two or three. Among a million links of eight characters
of 54, one address then finds the first in some four years."""
WINDOW_S = 60.0
MOST_CLIENTS = 10_000
"""Addresses that are remembered; the longest silent is forgotten first."""


class Guesses:
    """Unknown codes by address, lately. Seconds are those of a clock that only goes forward."""

    def __init__(self) -> None:
        self._misses: OrderedDict[str, tuple[float, int]] = OrderedDict()

    def missed(self, client: str, now: float) -> None:
        """That address asked for a code that is none."""
        since, count = self._window(client, now)
        self._misses[client] = (since, count + 1)
        self._misses.move_to_end(client)
        if len(self._misses) > MOST_CLIENTS:
            self._misses.popitem(last=False)

    def must_wait(self, client: str, now: float) -> bool:
        """Whether it has asked for too many."""
        return self._window(client, now)[1] >= MOST_MISSES

    def _window(self, client: str, now: float) -> tuple[float, int]:
        since, count = self._misses.get(client, (now, 0))
        return (since, count) if now - since < WINDOW_S else (now, 0)


def client_of(peer: str | None, forwarded: str) -> str:
    """Whose request it is: `peer` is the connection's address, `forwarded` the header X-Forwarded-For."""
    last = forwarded.rpartition(",")[2].strip()
    try:
        if peer is not None and ip_address(peer).is_loopback and last:
            return network_of(str(ip_address(last)))
        return network_of(peer or "")
    except ValueError:
        return peer or ""


def network_of(address: str) -> str:
    """An address, or for IPv6 the network of 64 bits that one customer has."""
    found = ip_address(address)
    return address if found.version == 4 else found.exploded[:19]
