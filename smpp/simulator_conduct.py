"""How a simulated message centre behaves: what it answers, when, and which receipts follow.

`Conduct` is a kind centre with settings; smpp.simulator_hostile has one that is not. Nothing else of the simulator
decides about behaviour.
"""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from enum import StrEnum

from smpp.constants import ESME_ROK
from smpp.pdu import DataSm, SubmitSm
from smpp.receipt import State

#: registered_delivery bits 1–0 (SMPP 3.4 §5.2.17): which receipts the ESME wants.
_WANTED_BITS = 0x03
_WANTED_ALWAYS = 0x01
_WANTED_ON_FAILURE = 0x02

Submit = SubmitSm | DataSm


class Ids(StrEnum):
    """How a message id is written in the answer and in the receipt; the values are what the command line takes."""

    SAME = "same"
    HEX_ANSWER = "hex-answer"
    HEX_RECEIPT = "hex-receipt"

    def in_answer(self, number: int) -> str:
        """The id as submit_sm_resp tells it."""
        return f"{number:010}" if self is Ids.HEX_RECEIPT else f"{number:X}"

    def in_receipt(self, number: int) -> str:
        """The id as the receipt tells it."""
        return f"{number:010}" if self is Ids.HEX_ANSWER else f"{number:X}"


@dataclass(frozen=True, slots=True)
class Refusal:
    """An error for messages to numbers that begin with `to` and hold `text`; only for the first `times` if not None."""

    status: int
    to: str = ""
    text: str = ""
    times: int | None = None


@dataclass(frozen=True, slots=True)
class Verdict:
    """What becomes of a submitted message: the status of its answer, and how many seconds later it leaves.

    The answer leaves `copies` times (0: never); with `astray` another one goes before it that answers nothing.
    """

    status: int = ESME_ROK
    delay_s: float = 0.0
    copies: int = 1
    astray: bool = False


@dataclass(frozen=True, slots=True)
class PlannedReceipt:
    """A receipt `delay_s` after the answer; below 0 it leaves before it. `ids`: another form than the conduct's."""

    state: State
    delay_s: float
    err: str = "000"
    ids: Ids | None = None


@dataclass(frozen=True, slots=True)
class Cut:
    """The connection is cut without a word."""


@dataclass(frozen=True, slots=True)
class Noise:
    """Octets that are no PDU, or none that an ESME expects."""

    octets: bytes


@dataclass(frozen=True, slots=True)
class StrayReceipt:
    """A receipt for a message that nobody submitted, with this number."""

    number: int


Mischief = Cut | Noise | StrayReceipt


@dataclass(slots=True)
class Conduct:
    """A kind message centre. Delays in seconds; `outcome` is the final state that receipts tell.

    `receipt_delay_s` below 0 sends the receipt before the answer (SMPP.md quirk 7). `accepted_first` sends an ACCEPTD
    before the final one, `receipt_tlvs` adds receipted_message_id and message_state, `receipt_text` False leaves the
    text out, and `by_data_sm` sends receipts as data_sm. A text that is not answered within `again_after_s` is sent
    once more on the same link, under a new sequence_number; 0: never.
    """

    answer_delay_s: float = 0.0
    refusals: tuple[Refusal, ...] = ()
    ids: Ids = Ids.SAME
    outcome: State = State.DELIVERED
    receipt_delay_s: float = 0.0
    accepted_first: bool = False
    receipt_tlvs: bool = False
    receipt_text: bool = True
    by_data_sm: bool = False
    again_after_s: float = 0.0
    _used: Counter[Refusal] = field(default_factory=Counter)

    def verdict(self, submit: Submit, text: str) -> Verdict:
        """The answer to a message; the first refusal that fits decides."""
        for refusal in self.refusals:
            fits = submit.destination_addr.startswith(refusal.to) and refusal.text in text
            if fits and (refusal.times is None or self._used[refusal] < refusal.times):
                self._used[refusal] += 1
                return Verdict(refusal.status, self.answer_delay_s)
        return Verdict(delay_s=self.answer_delay_s)

    def receipts(self, submit: Submit) -> tuple[PlannedReceipt, ...]:
        """The receipts of a message that was accepted, as far as it asks for them."""
        wanted = submit.registered_delivery & _WANTED_BITS
        is_failure = self.outcome is not State.DELIVERED
        planned: tuple[PlannedReceipt, ...] = ()
        if wanted == _WANTED_ALWAYS or (wanted == _WANTED_ON_FAILURE and is_failure):
            planned = (PlannedReceipt(self.outcome, self.receipt_delay_s, "001" if is_failure else "000"),)
        if planned and self.accepted_first:
            planned = (PlannedReceipt(State.ACCEPTED, min(self.receipt_delay_s, 0.0)), *planned)
        return planned

    def order(self, parts: int) -> Sequence[int]:
        """In which order the parts of a text leave, by their place from 0; one may leave more than once."""
        return range(parts)

    def mischief(self) -> Mischief | None:
        """What else befalls the link over which a message has just come."""
        return None
