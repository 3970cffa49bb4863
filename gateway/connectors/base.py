"""What the main way asks of any connector, whatever its protocol."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from typing import Protocol

import msgspec

from router.claims import Claim
from router.evidence import Ended, Mark
from router.messages import Inbound
from router.outbox import Outcome
from router.receipts import ReceiptIn

Answer = Callable[[bool], None]
"""Acknowledges one message to whoever sent it: True, it is kept; False, try again later."""


class Read(msgspec.Struct, frozen=True, gc=False):
    """What one read of a link brought, with how each of it is answered (by the id of the message or receipt).

    `held`: texts that the evidence holds back; they come by `Exchange.release` or `Exchange.refuse`.
    """

    connector: str
    inbound: Sequence[Inbound]
    receipts: Sequence[ReceiptIn]
    answers: dict[int, Answer]
    octets: int
    held: Sequence[Inbound] = ()


class Connector(Protocol):
    """A way to and from carriers."""

    name: str

    @property
    def trouble(self) -> str:
        """What keeps it from working, as a sentence; empty when nothing does."""

    @property
    def refused(self) -> Mapping[str, int]:
        """Segments that the carrier refused since the start, by the status's name."""

    @property
    def held(self) -> int:
        """Segments that were handed over and whose outcome is not on disk yet."""

    @property
    def most(self) -> int:
        """Most segments that may be unsettled at once: the window of all its links."""

    def pace(self) -> int:
        """Segments that its rate lets go now; none while it pauses."""

    def room(self, settling: Sequence[Outcome] = ()) -> int:
        """Slots that are free once these outcomes are on disk."""

    def wait_s(self) -> float:
        """Seconds until there may be room again that nobody tells of (rate, pause); 0 when nothing of that kind holds
        texts back."""

    def hold(self, claims: Sequence[Claim]) -> None:
        """These claims are on disk: they hold their slots until they are settled."""

    def hand(self, claims: Sequence[Claim], lease_until: float) -> None:
        """Send claimed texts; `lease_until` in monotonic seconds: what is not written by then is given back."""

    def settled(self, outcomes: Sequence[Outcome]) -> None:
        """These outcomes are on disk: their slots are free."""

    @property
    def unfinished(self) -> Mapping[int, str]:
        """Claimed texts of which a part still waits to be written, with their addresses."""

    def renew(self, ids: Collection[int], until: float) -> None:
        """What waits of these texts may be written until then (monotonic seconds); 0: not for now."""

    def drop(self, ids: Collection[int]) -> None:
        """Write nothing more of these texts, and settle them by what the carrier has accepted."""

    def unwritten(self) -> set[int]:
        """Give the kernel all that is pending: the links (numbers unique in this process) that it took not all of."""

    def pause_reading(self) -> None:
        """Take nothing more in."""

    def resume_reading(self) -> None:
        """Take texts in again."""

    def refuse_new(self) -> None:
        """Have the peers keep what they send from now on, until `stop`."""

    @property
    def orphans(self) -> bool:
        """Whether texts of links that are gone are still on their way to the disk."""

    @property
    def gone(self) -> Collection[int]:
        """The sessions of those links."""

    def adopt(self, ids: Collection[int]) -> list[Ended]:
        """These texts are on disk: gives which of them are in doubt, since their link is gone."""

    def fence(self) -> None:
        """Ask for proof that the acknowledgements given so far have been read."""

    def start(self) -> None:
        """Begin to connect."""

    async def stop(self, drain_s: float) -> None:
        """Let what is on the wire finish, then disconnect."""


class Exchange(Protocol):
    """What a connector may ask of the gateway around it."""

    def take(self, read: Read) -> None:
        """Texts and receipts came in; each is answered once its group is committed."""

    def release(self, texts: Sequence[Inbound]) -> None:
        """Texts of an earlier read, held back until now, may be judged."""

    def refuse(self, ids: Collection[int]) -> None:
        """Texts that were held back come again, if at all: their peer is told to try later, where it can be."""

    def prove(self, marks: Iterable[Mark], ended: Iterable[Ended] = ()) -> None:
        """How far links are confirmed, and which are over."""

    def report(self, outcomes: Sequence[Outcome]) -> None:
        """What became of texts that were handed over."""

    def wake(self) -> None:
        """There may be room for what waits."""

    def later(self, seconds: float, act: Callable[[], None]) -> None:
        """Do something after so many seconds, unless the gateway stops before."""
