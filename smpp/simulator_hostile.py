"""A message centre that does what message centres have been seen to do on their worst days, all of it within minutes:
slow, refused, doubled, stray and lost answers, receipts before, after, twice, in the wrong order and in another form of
the id, parts of long texts in any order and twice, impatient re-sends, noise, cut connections.

What it does hangs on `chance` alone, so that a run repeats from its seed as far as the timing of processes lets it.
Nothing of it excuses a gateway: none loses a text, doubles one, or writes to somebody who said STOP.
"""

from collections.abc import Callable, Sequence
from typing import Final

from smpp.codec import encode
from smpp.constants import ESME_RMSGQFUL, ESME_RSYSERR, ESME_RTHROTTLED
from smpp.pdu import SubmitSm
from smpp.receipt import State
from smpp.simulator_conduct import Conduct, Cut, Ids, Mischief, Noise, PlannedReceipt, StrayReceipt, Submit, Verdict

#: How often a message is refused for now, its answer slow, doubled, lost, or preceded by one that answers nothing.
REFUSED: Final = 0.004
SLOW: Final = 0.10
DOUBLED: Final = 0.03
LOST: Final = 0.0005
ASTRAY: Final = 0.02

#: A slow answer takes at most so long, in seconds; so does a late receipt.
SLOWEST_S: Final = 0.25

#: How often a receipt comes before the answer, twice, after an "accepted" that should have preceded it, in another form
#: of the id, and tells of a failure.
EARLY: Final = 0.10
TWICE: Final = 0.10
DISORDERED: Final = 0.05
OTHER_FORM: Final = 0.30
FAILED: Final = 0.05

#: How often parts of a long text change places, and one of them comes twice.
PERMUTED: Final = 0.50
REPEATED: Final = 0.30

#: How often a link is cut, hears noise, noise behind which it cannot go on, or a receipt for nobody, per message.
CUT: Final = 0.0003
NOISY: Final = 0.003
BROKEN: Final = 0.0001
STRAY: Final = 0.002

#: An unanswered text is sent again on the same link after so many seconds.
IMPATIENCE_S: Final = 1.5

_REFUSALS: Final = (ESME_RTHROTTLED, ESME_RMSGQFUL, ESME_RSYSERR)

#: Ids of messages that nobody submitted begin here; those of real ones stay below 2^30 and some.
_NOBODYS: Final = 0x7000_0000

#: PDUs that an ESME must refuse and live on: an unknown command, a request of the wrong direction, a deliver_sm that
#: ends in its addresses, a generic_nack of nothing.
NOISES: Final = (
    b"\x00\x00\x00\x14\x00\x00\x01\x23\x00\x00\x00\x00\x7f\xfe\x00\x01\xde\xad\xbe\xef",
    encode(SubmitSm(sequence_number=0x7FFE0002, source_addr="1", destination_addr="2", short_message=b"noise")),
    b"\x00\x00\x00\x13\x00\x00\x00\x05\x00\x00\x00\x00\x7f\xfe\x00\x03\x00\x01\x01",
    b"\x00\x00\x00\x10\x80\x00\x00\x00\x00\x00\x00\x03\x7f\xfe\x00\x04",
)

#: Lengths that no PDU has: behind them nothing can be read (SMPP 3.4 §3.2).
BREAKERS: Final = (
    b"\x00\x00\x00\x0f\x00\x00\x00\x15\x00\x00\x00\x00\x7f\xfe\x00\x05",
    b"\x7f\xff\xff\xff\x00\x00\x00\x05\x00\x00\x00\x00\x7f\xfe\x00\x06",
)


class HostileConduct(Conduct):
    """See above. `chance` gives numbers from 0 up to 1; `heal` makes it a kind centre from then on."""

    def __init__(self, chance: Callable[[], float]) -> None:
        super().__init__(again_after_s=IMPATIENCE_S)
        self._chance = chance
        self._healed = False
        self._strays = _NOBODYS

    def heal(self) -> None:
        """The worst day is over: so that what it left can be counted."""
        self._healed = True
        self.again_after_s = 0.0

    def verdict(self, submit: Submit, text: str) -> Verdict:
        """The answer to a message, or what stands in for it."""
        if self._happens(REFUSED):
            return Verdict(_REFUSALS[int(self._chance() * len(_REFUSALS))])
        delay_s = self._chance() * SLOWEST_S if self._happens(SLOW) else 0.0
        copies = 0 if self._happens(LOST) else 2 if self._happens(DOUBLED) else 1
        return Verdict(delay_s=delay_s, copies=copies, astray=self._happens(ASTRAY))

    def receipts(self, submit: Submit) -> tuple[PlannedReceipt, ...]:
        """The receipts of a message, as far as it asks for them."""
        self.outcome = State.UNDELIVERABLE if self._happens(FAILED) else State.DELIVERED
        planned = super().receipts(submit)
        if not planned or self._healed:
            return planned
        delay_s = -1.0 if self._happens(EARLY) else self._chance() * SLOWEST_S
        ids = Ids.HEX_ANSWER if self._happens(OTHER_FORM) else None
        final = PlannedReceipt(self.outcome, delay_s, planned[0].err, ids)
        accepted = PlannedReceipt(State.ACCEPTED, delay_s, "000", ids)
        return (
            final,
            *((final,) if self._happens(TWICE) else ()),
            *((accepted,) if self._happens(DISORDERED) else ()),
        )

    def order(self, parts: int) -> Sequence[int]:
        """The parts of a text as they leave."""
        places = list(range(parts))
        if parts > 1 and self._happens(PERMUTED):
            places.sort(key=lambda _: self._chance())
        if parts > 1 and self._happens(REPEATED):
            places.insert(int(self._chance() * parts), places[-1])
        return places

    def mischief(self) -> Mischief | None:
        """What befalls a link, seldom enough that work goes on."""
        if self._happens(CUT):
            return Cut()
        if self._happens(NOISY):
            return Noise(NOISES[int(self._chance() * len(NOISES))])
        if self._happens(BROKEN):
            return Noise(BREAKERS[int(self._chance() * len(BREAKERS))])
        if self._happens(STRAY):
            self._strays += 1
            return StrayReceipt(self._strays)
        return None

    def _happens(self, how_often: float) -> bool:
        return not self._healed and self._chance() < how_often
