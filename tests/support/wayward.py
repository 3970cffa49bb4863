"""A simulated centre that does to each message what a test says, and a witness of what it was sent over which link."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

from smpp.concat import content_of
from smpp.simulator_conduct import Conduct, Ids, Mischief, PlannedReceipt, StrayReceipt, Submit, Verdict
from smpp.simulator_witness import Unwitnessed
from tests.support.station import Station

WELL = Verdict()


@dataclass
class Wayward(Conduct):
    """`verdicts` are used up one a message (a long text's segments count each), then all goes well. `planned` makes
    the receipts; `strays` are ids for which receipts come though nobody submitted them."""

    verdicts: list[Verdict] = field(default_factory=list)
    judge: Callable[[Submit], Verdict] | None = None
    planned: Callable[[int], Sequence[PlannedReceipt]] | None = None
    strays: list[int] = field(default_factory=list)
    asked: int = 0

    def verdict(self, submit: Submit, text: str) -> Verdict:
        """As told."""
        self.asked += 1
        if self.judge is not None:
            return self.judge(submit)
        return self.verdicts.pop(0) if self.verdicts else super().verdict(submit, text)

    def receipts(self, submit: Submit) -> tuple[PlannedReceipt, ...]:
        """As told."""
        return super().receipts(submit) if self.planned is None else tuple(self.planned(self.asked))

    def mischief(self) -> Mischief | None:
        """Receipts for nobody."""
        return StrayReceipt(self.strays.pop()) if self.strays else None


class Submits(Unwitnessed):
    """What was submitted, in its order: the link's number, the phone, the octets, the status it got."""

    def __init__(self) -> None:
        self.seen: list[tuple[int, str, bytes, int]] = []
        self.receipts_answered: list[int] = []

    def submitted(self, link: int, submit: Submit, status: int, number: int) -> None:
        """Notes it."""
        self.seen.append((link, submit.destination_addr, content_of(submit).octets, status))

    def answered(self, link: int, sequence: int, status: int) -> None:
        """Notes the status that a text or a receipt was answered with."""
        self.receipts_answered.append(status)

    def texts(self, phone: str | None = None) -> list[str]:
        """What was submitted to a phone, or to any."""
        return [octets.decode("latin-1") for _, to, octets, _ in self.seen if phone in (None, to)]


def behave(one: Station, conduct: Conduct) -> Submits:
    """Have a station's carrier behave so from now on; gives the witness of it."""
    witness = Submits()
    one.carrier.conduct = conduct
    one.carrier._witness = witness
    return witness


def mixed_ids(place: int) -> Ids:
    """One form of the id after the other."""
    return (Ids.SAME, Ids.HEX_ANSWER)[place % 2]
