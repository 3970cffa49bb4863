"""Room on the wire, and what waits for it: a group is lent the free slots, and hands over what it claimed.

Room is lent to one group at a time (`reserve`), and what the group did not use is free again when it is done. Claimed
texts go out in the turn of the loop that learns of their commit, within their lease, or not at all. Long texts whose
segments wait for room ask the store for another lease: another node may have taken a STOP meanwhile.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Collection, Mapping, Sequence
from functools import partial
from typing import TypeVar

from gateway.connectors.base import Connector
from gateway.dripper import Dripper
from router.claims import Allowance, Claim
from router.group import Done
from router.outbox import Outcome
from router.world import World

T = TypeVar("T", Claim, Outcome)

LEASE_S = 1.0
"""How long after its group began a claimed text may still be written, in monotonic seconds (RELIABILITY: STOP)."""
BUSY_S = 0.02
"""How soon to look again at what waits for a contact that another node was at work on: about a transaction's time."""
RENEW_S = 0.4
"""How often texts whose segments wait ask for another lease: soon enough for one lost answer."""


class Sender:
    """Texts between their commit and the wire. `claim` asks the writer to hand out what waits, `renew` for a lease."""

    def __init__(
        self, world: World, connectors: Mapping[str, Connector], dripper: Dripper, later: Callable[..., None],
        claim: Callable[[], None], renew: Callable[[Sequence[int]], None],
    ) -> None:  # fmt: skip
        self._world = world
        self._connectors = connectors
        self._dripper = dripper
        self._later = later
        self._claim = claim
        self._renew = renew
        self._renewing = False
        self._waiting: dict[str, int] = {}
        """Connectors for which texts wait in the outbox, and the earliest instant at which one is due."""
        self._paced: set[str] = set()

    def wake(self) -> None:
        """There may be room for what waits."""
        if self._waiting:
            self._claim()
        self._renew_soon(0.0)

    def reserve(self, outcomes: Sequence[Outcome]) -> Allowance:
        """Segments each connector may be handed by the next group, which settles these outcomes first."""
        settled = by_connector(outcomes)
        every = self._connectors.items()
        return Allowance(
            {name: one.room(settled.get(name, ())) for name, one in every},
            {name: one.most for name, one in every},
            {name: one.pace() for name, one in every},
        )

    def booked(self, done: Done) -> None:
        """A group is on disk: slots change hands before the next group is lent any."""
        for name, outcomes in by_connector(done.settled).items():
            if name in self._connectors:
                self._connectors[name].settled(outcomes)
        for name, claims in by_connector(done.claims).items():
            self._connectors[name].hold(claims)

    def hand(self, done: Done, began: float, muted: Collection[str]) -> int:
        """Give its claims to the kernel; `began`: monotonic seconds when the group began.

        Gives how many may have been written after their lease: the process stood still between look and write.
        """
        until, late = began + LEASE_S, 0
        for name, claims in by_connector(done.claims).items():
            connector = self._connectors[name]
            if muted:
                stopping = [one for one in claims if one.address in muted and one.message_class != "stop_confirmation"]
                if stopping:
                    connector.hand(stopping, 0.0)
                    claims = [one for one in claims if one not in stopping]
            in_time = self._world.monotonic() <= until
            connector.hand(claims, until)
            if in_time and self._world.monotonic() > until:
                late += len(claims)
        return late

    def renewed(self, done: Done, began: float) -> None:
        """What waits of these texts may go out for another lease; of others nothing more does."""
        for connector in self._connectors.values():
            connector.renew(done.renewed.granted, began + LEASE_S)
            connector.drop(done.renewed.over)

    def note(self, done: Done) -> None:
        """Remember what waits and when something falls due, and ask for it where there is room now."""
        if done.waiting is not None:
            self._waiting = dict(done.waiting)
        waiting = self._waiting
        for performance in done.performances:
            for connector in performance.ready:
                waiting[connector] = 0
        for outcome in done.settled:
            if outcome.state == "ready":
                waiting[outcome.connector] = min(outcome.retry_at, waiting.get(outcome.connector, outcome.retry_at))
        # What is due already waits for room, and whoever makes room wakes the writer; a timer would only spin.
        self._renew_soon(RENEW_S)
        now = self._world.now()
        later = (at for at in waiting.values() if at > now)
        self._dripper.note(min((at for at in (done.next_due, *later) if at), default=None))

    def ask(self, done: Done) -> None:
        """Have what waits handed out where there is room now; where a rate or a pause holds it back, look again."""
        if done.busy:
            self._later(BUSY_S, self._claim)
        if (done.settled or done.resent) and self._waiting:
            self._claim()
        elif self._waiting:
            for name in self._waiting.keys() - self._paced:
                connector = self._connectors.get(name)
                wait_s = connector.wait_s() if connector is not None else 0.0
                if wait_s > 0:
                    self._paced.add(name)
                    self._later(wait_s, partial(self._paced_out, name))

    def _renew_soon(self, seconds: float) -> None:
        if not self._renewing and any(connector.unfinished for connector in self._connectors.values()):
            self._renewing = True
            self._later(seconds, self._ask_to_renew)

    def _ask_to_renew(self) -> None:
        self._renewing = False
        waiting = [id for connector in self._connectors.values() for id in connector.unfinished]
        if waiting:
            self._renew(waiting)
            self._renew_soon(RENEW_S)

    def _paced_out(self, name: str) -> None:
        self._paced.discard(name)
        self.wake()


def by_connector(things: Sequence[T]) -> dict[str, list[T]]:
    """Claims or outcomes, by the connector that they belong to."""
    found: dict[str, list[T]] = defaultdict(list)
    for thing in things:
        found[thing.connector].append(thing)
    return found
