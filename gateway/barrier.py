"""Silence after STOP (RELIABILITY.md 2.4): its acknowledgement waits until nothing more can be written to the phone. So
does the answer to whoever opts out by a page.

When a STOP is on disk this node has written its own claims (they go out before acknowledgements) and drops segments
that still waited. Three things may be left, and the acknowledgement waits for each: octets that the kernel has not
taken, until they are gone or their link is; texts that other nodes had claimed, until they are settled or their lease
is surely over; and no text is claimed for the number from the moment its STOP was read, whether it can be kept or not.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from functools import partial
from itertools import chain

from gateway.connectors.base import Answer, Connector, Read
from gateway.metrics import Metrics
from router.group import Done
from router.messages import Occurrence
from router.silence import Stop
from router.world import World

BARRIER_S = 1.2
"""How long a STOP waits at most for what another node has claimed: longer than a lease (gateway.sender.LEASE_S), so no
clock is compared with another."""
LOOK_S = 0.025
"""How often is looked whether they are settled: one query for all STOPs that wait."""
MUTED_S = 60.0
"""How long a number stays muted here after its STOP was given back: its peer sends it again meanwhile, to us or to
another node, whose store then says so."""
MOST_MUTED = 10_000
"""Numbers muted after a refusal; beyond it the first come first off: the store says no to them all the same."""


class _Held:
    """A STOP whose acknowledgement waits."""

    __slots__ = ("address", "answers", "elsewhere", "links", "since", "until")

    def __init__(self, stop: Stop, links: set[int], now: float) -> None:
        self.address = stop.address
        self.answers: list[Answer] = []
        self.elsewhere = set(stop.elsewhere)
        """Texts that other nodes may still write."""
        self.links = links
        """Numbers of links with octets that the kernel has not taken."""
        self.since = now
        self.until = now + BARRIER_S


class Barrier:
    """STOPs of one node, from their reading to their acknowledgement.

    `says_stop(recipient, text)` tells whether a text is one; `watch` has the store asked whether texts are settled, and
    `freed` is told when acknowledgements were given.
    """

    def __init__(
        self, world: World, metrics: Metrics, connectors: Mapping[str, Connector], later: Callable[..., None],
        watch: Callable[[Sequence[int]], None], freed: Callable[[], None],
    ) -> None:  # fmt: skip
        self.says_stop: Callable[[str, str], bool] = _never
        self._world = world
        self._metrics = metrics
        self._connectors = connectors
        self._later = later
        self._watch = watch
        self._freed = freed
        self._saying: dict[int, str] = {}
        """Texts that say STOP, and opt-outs by a page, that are not kept yet, with whose they are."""
        self._refused: dict[str, int] = {}
        """Numbers whose STOP was given back, and how often."""
        self._held: list[_Held] = []
        self._looking = False

    @property
    def waiting(self) -> int:
        """Acknowledgements that are held back."""
        return sum(len(held.answers) for held in self._held)

    @property
    def muted(self) -> Collection[str]:
        """Numbers that nothing is claimed for: they have said STOP, and it is not kept yet."""
        return frozenset(self._saying.values()).union(self._refused) if self._saying or self._refused else ()

    # ------------------------------------------------------------------------------------------------ while it is read

    def read(self, read: Read) -> None:
        """Mute whoever says STOP, from now until it is kept; also where the evidence holds it back for now."""
        for message in chain(read.inbound, read.held):
            if not self.says_stop(message.recipient, message.text):
                continue
            read.answers[message.id] = partial(self._answered, message.id, read.answers[message.id])
            self._mute(message.id, message.sender)

    def occurs(self, occurrence: Occurrence) -> None:
        """Mute whoever opts out by a page, from now until it is kept."""
        if occurrence.source == "optout":
            self._mute(occurrence.id, occurrence.address)

    def _mute(self, id: int, address: str) -> None:
        self._saying[id] = address
        for connector in self._connectors.values():
            connector.renew([one for one, to in connector.unfinished.items() if to == address], 0.0)

    def _answered(self, id: int, answer: Answer, kept: bool) -> None:
        address = self._saying.pop(id, None)
        if address is not None and not kept:
            self._refused[address] = self._refused.get(address, 0) + 1
            if len(self._refused) > MOST_MUTED:
                del self._refused[next(iter(self._refused))]
            self._later(MUTED_S, partial(self._heard_again, address))
        answer(kept)

    def _heard_again(self, address: str) -> None:
        left = self._refused.pop(address, 0) - 1
        if left > 0:
            self._refused[address] = left
        self._freed()

    # --------------------------------------------------------------------------------------------- when it is on disk

    def booked(self, done: Done) -> None:
        """A group is on disk: from the next one on the store itself says who is silenced."""
        if self._saying:
            for message in (*done.accepted, *(message for message, _ in done.quarantined)):
                self._saying.pop(message.id, None)
            for id in done.occurred:
                self._saying.pop(id, None)
        for stop in done.stops:
            self._refused.pop(stop.address, None)

    def committed(self, done: Done, take_out: Callable[[int], Answer | None]) -> None:
        """Drop what waits for the silenced, and hold their acknowledgements back while anything may be written.

        Call when this group's claims are handed over and nothing of it is acknowledged. `take_out` gives whoever is to
        be answered for a text or an occurrence, and leaves the answering to us.
        """
        for held in self._held if done.watched else ():
            held.elsewhere.difference_update(done.watched)
        for stop in done.stops:
            self._hold(stop, take_out)
        if self._held:
            # What a held one says again is not acknowledged sooner.
            by_address = {held.address: held for held in self._held}
            for message in done.accepted:
                held_one = by_address.get(message.sender)
                answer = take_out(message.id) if held_one is not None else None
                if held_one is not None and answer is not None:
                    held_one.answers.append(answer)
            self._look()

    def _hold(self, stop: Stop, take_out: Callable[[int], Answer | None]) -> None:
        links: set[int] = set()
        for connector in self._connectors.values():
            connector.drop(stop.mine)
            links |= connector.unwritten()
        if not links and not stop.elsewhere:
            self._metrics.stopped(0.0, expired=False)
            return
        held = _Held(stop, links, self._world.monotonic())
        answer = take_out(stop.cause_id)
        if answer is not None:
            held.answers.append(answer)
        self._held.append(held)

    def _look(self) -> None:
        """Acknowledge what nothing holds back any more; ask and look again for the rest."""
        now, links = self._world.monotonic(), set[int]()
        if any(held.links for held in self._held):
            links = {number for connector in self._connectors.values() for number in connector.unwritten()}
        free = [held for held in self._held if self._is_free(held, links, now)]
        if free:
            self._held = [held for held in self._held if held not in free]
            for held in free:
                for answer in held.answers:
                    answer(True)
            for connector in self._connectors.values():
                connector.fence()
            self._freed()
        if self._held and not self._looking:
            self._looking = True
            self._later(LOOK_S, self._look_again)

    def _is_free(self, held: _Held, links: set[int], now: float) -> bool:
        held.links &= links
        expired = bool(held.elsewhere) and now >= held.until
        if held.links or (held.elsewhere and not expired):
            return False
        self._metrics.stopped(now - held.since, expired=expired)
        return True

    def _look_again(self) -> None:
        self._looking = False
        elsewhere = {id for held in self._held for id in held.elsewhere}
        if elsewhere:
            self._watch(sorted(elsewhere))
        self._look()


def _never(recipient: str, text: str) -> bool:
    """Nobody has said yet what a STOP is."""
    return False
