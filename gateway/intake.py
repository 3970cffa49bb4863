"""What came in and waits for its commit: who is to be answered, how much of it there is, and when to stop reading.

The queue is bounded by octets: beyond it reading pauses, so the peers' own windows hold them back. So it does when the
store goes away; for a short absence that is all. What has waited for longer than a peer can be kept waiting is given
back with "try again later", and while the store stays away everything is, so that links live and are heard.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Mapping, Sequence

from gateway.connectors.base import Answer, Connector, Read
from gateway.metrics import Metrics
from router.group import Group
from router.instants import SECOND
from router.messages import Inbound
from router.receipts import ReceiptIn
from router.world import World
from router.writer import Writer

ANSWER_WITHIN_S = 1.5
"""A text that no group has begun with by then is given back (RELIABILITY.md: peers wait from 2 to 120 s)."""
PAUSE_S = 1.0
"""How long reading pauses; what is read after it is refused until there is room again: enquire_link must be read."""
LOOK_S = 0.25
"""How often is looked whether something has waited too long."""


class Intake:
    """Texts and receipts between their reading and their answer."""

    def __init__(
        self, world: World, metrics: Metrics, connectors: Mapping[str, Connector], later: Callable[..., None],
        most_octets: int,
    ) -> None:  # fmt: skip
        self._world = world
        self._metrics = metrics
        self._connectors = connectors
        self._later = later
        self._most_octets = most_octets
        self._octets = 0
        self._away = False
        """The store does not take writes."""
        self._held_up_since: float | None = None
        """Since when there is a reason not to read: the store is away, or too much waits (monotonic seconds)."""
        self._looking = False
        self._answers: dict[int, tuple[Answer, int]] = {}
        self.emptied: Callable[[], None] = _unheard
        """Told when something was given back: the last may have been."""

    @property
    def unanswered(self) -> int:
        """Messages and receipts that were read and not answered yet."""
        return len(self._answers)

    def take(self, read: Read, writer: Writer | None) -> None:
        """Texts and receipts came in."""
        share = read.octets // max(1, len(read.answers))
        for key, answer in read.answers.items():
            self._answers[key] = (answer, share)
        self._octets += share * len(read.answers)
        self._metrics.received(read.connector, len(read.inbound), len(read.receipts))
        if self._refusing:
            again = [one for one in read.inbound if one.repeats]  # what becomes of the first, becomes of its repeat
            self.refuse(read.answers.keys() - {one.id for one in again})
            self.release(again, writer)
            return
        if writer is not None:
            writer.put(inbound=read.inbound, receipts=read.receipts)
            self._look_soon(writer)
        if self._octets > self._most_octets:
            self._stop_reading(writer)

    def release(self, texts: Sequence[Inbound], writer: Writer | None) -> None:
        """Texts that were held back may be judged now."""
        if texts and writer is not None:
            writer.put(inbound=texts)

    def answer(self, kept: Iterable[Inbound | ReceiptIn]) -> None:
        """These are on disk: acknowledge them."""
        answers, octets = self._answers, 0
        for one in kept:
            answer, share = answers.pop(one.id, (None, 0))
            if answer is not None:
                answer(True)
            octets += share
        self._less(octets)

    def take_out(self, id: int) -> Answer | None:
        """Whoever is to be answered for a message, for one that answers later."""
        answer, share = self._answers.pop(id, (None, 0))
        self._less(share)
        return answer

    def store_away(self, writer: Writer | None) -> None:
        """The store does not take writes: stop reading, and look what cannot wait any longer."""
        self._away = True
        self._stop_reading(writer)

    def store_back(self) -> None:
        """It does again."""
        if self._away:
            self._away = False
            self._ease()

    # ------------------------------------------------------------------------------------------------- its insides

    @property
    def _refusing(self) -> bool:
        since = self._held_up_since
        return since is not None and self._world.monotonic() - since >= PAUSE_S

    def _stop_reading(self, writer: Writer | None) -> None:
        if self._held_up_since is None:
            self._held_up_since = self._world.monotonic()
        if not self._refusing:  # each time: a link may be new
            for connector in self._connectors.values():
                connector.pause_reading()
        self._look_soon(writer)

    @property
    def _has_room(self) -> bool:
        return not self._away and self._octets < self._most_octets // 2

    def _ease(self) -> None:
        """No reason is left. Looked at now and then only: a flood makes room for a moment again and again."""
        if self._held_up_since is not None and self._has_room:
            self._held_up_since = None
            self._read_on()

    def _read_on(self) -> None:
        for connector in self._connectors.values():
            connector.resume_reading()

    def _less(self, octets: int) -> None:
        self._octets -= octets
        if self._held_up_since is not None and self._has_room:
            self._read_on()

    def _look_soon(self, writer: Writer | None) -> None:
        if not self._looking and writer is not None:
            self._looking = True
            self._later(LOOK_S, lambda: self._look(writer))

    def _look(self, writer: Writer) -> None:
        """Give back what has waited too long and is in no group."""
        self._looking = False
        late: Group = writer.give_up(self._world.now() - int(ANSWER_WITHIN_S * SECOND))
        self.refuse([one.id for one in late.inbound] + [one.id for one in late.receipts])
        self._ease()
        if self._refusing:
            self._read_on()
        if self._held_up_since is not None or self._answers:
            self._look_soon(writer)

    def refuse(self, ids: Collection[int]) -> None:
        """Have the peers of these try again later."""
        octets = 0
        for id in list(ids):
            answer, share = self._answers.pop(id, (None, 0))
            if answer is not None:
                answer(False)
            octets += share
        self._less(octets)
        if ids:
            self._metrics.store_refused(len(ids))
            self.emptied()


def _unheard() -> None:
    """Nobody wants to know."""
