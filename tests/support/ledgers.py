"""A short run told step by step, for tests of the ledger: a journal and the rows of a database."""

import msgspec

from gateway.torture.entries import (
    Answered,
    Attempted,
    Books,
    ConsentRow,
    Entry,
    InboundRow,
    LinkEnded,
    OutboxRow,
    PartRow,
    QuarantineRow,
    Receipted,
    ReceiptRow,
    Responded,
    Submitted,
    Texted,
    Word,
)
from gateway.torture.ledger import Bounds, Verdict, examine

PHONE, NUMBER = "31600000001", "4411"
NOW = 1_800_000_000_000_000


class Run:
    """A short run, told step by step: a journal and the rows of a database."""

    def __init__(self) -> None:
        self.entries: list[Entry] = []
        self.inbound: list[InboundRow] = []
        self.outbox: list[OutboxRow] = []
        self.receipts: list[ReceiptRow] = []
        self.quarantine: list[QuarantineRow] = []
        self.parts: list[PartRow] = []
        self.consents: list[ConsentRow] = []
        self.events: tuple[int, ...] = ()
        self.integrity: tuple[str, ...] = ()
        self.at = 0.0
        self.sequence = 0

    def text(self, id: int, text: str = "", parts: int = 1, word: Word = "", answers: int | None = None) -> None:
        self.entries.append(
            Texted(at=self.at, id=id, sender=PHONE, recipient=NUMBER, text=text or f"STEM {id}", parts=parts, word=word,
                   answers=answers)
        )  # fmt: skip

    def send(self, id: int, link: int = 1, part: int = 1, status: int | None = 0) -> None:
        """A deliver_sm, and its answer a tenth of a second later."""
        self.sequence += 1
        self.at += 0.1
        self.entries.append(Attempted(at=self.at, id=id, link=link, sequence=self.sequence, part=part))
        if status is not None:
            self.at += 0.1
            self.entries.append(Answered(at=self.at, link=link, sequence=self.sequence, status=status))

    def end(self, link: int = 1, after: float = 0.0) -> None:
        self.at += after
        self.entries.append(LinkEnded(at=self.at, link=link))

    def row(self, id: int, text: str = "", state: str = "routed") -> None:
        self.inbound.append(InboundRow(id=id, sender=PHONE, recipient=NUMBER, text=text or f"STEM {id}", state=state))

    def consent(self, mo_id: int, action: str = "revoke", brand: str = "Shop") -> None:
        self.consents.append(ConsentRow(brand=brand, action=action, mo_id=mo_id))

    def out(self, id: int, text: str = "Dank.", state: str = "sent", **more: object) -> None:
        row = OutboxRow(id=id, number=NUMBER, address=PHONE, text=text, message_class="conversational", state=state,
                        attempts=1)  # fmt: skip
        self.outbox.append(msgspec.structs.replace(row, **more))

    def submit(self, text: str = "Dank.", link: int = 1, responded: bool = True, **more: object) -> int:
        self.sequence += 1
        self.at += 0.1
        entry = Submitted(at=self.at, link=link, sequence=self.sequence, source=NUMBER, destination=PHONE, text=text,
                          message_id=f"{self.sequence}")  # fmt: skip
        self.entries.append(msgspec.structs.replace(entry, **more))
        if responded:
            self.entries.append(Responded(at=self.at, link=link, sequence=self.sequence))
        return self.sequence

    def receipt(self, message_id: int, state: str = "DELIVRD", status: int = 0, reference: int | None = None) -> None:
        self.sequence += 1
        self.entries += (
            Receipted(at=self.at, link=1, sequence=self.sequence, message_id=str(message_id), told=f"{message_id:x}",
                      state=state, reference=reference),
            Answered(at=self.at, link=1, sequence=self.sequence, status=status),
        )  # fmt: skip

    def verdict(self, bounds: Bounds | None = None) -> Verdict:
        books = Books(
            taken_at=NOW, inbound=tuple(self.inbound), outbox=tuple(self.outbox), receipts=tuple(self.receipts),
            quarantine=tuple(self.quarantine), parts=tuple(self.parts), consents=tuple(self.consents),
            events=self.events, integrity=self.integrity,
        )  # fmt: skip
        return examine(self.entries, books, bounds or Bounds())


def broken(verdict: Verdict) -> list[str]:
    return [line.name for line in verdict.broken]
