"""What the message centre's journal says, and what a gateway's database says: the two sides of the ledger.

Values only. The journal is written by whoever plays the centre (a process of its own, or the simulation in memory);
its instants are monotonic seconds of that one clock. `Texted.id` is the hidden true id of a text: the gateway never
sees it, so only the centre knows which of two equal texts is which. Numbers are digits without a plus.
"""

from __future__ import annotations

from typing import Literal as OneOf

import msgspec

Word = OneOf["", "stop", "start"]


class Texted(msgspec.Struct, frozen=True, gc=False, tag=True, kw_only=True):
    """A phone has texted. `word`: whether it asks for silence or ends it. `answers`: rows of the outbox that one text
    acted upon must leave, None where that is not known."""

    at: float
    id: int
    sender: str
    recipient: str
    text: str
    parts: int = 1
    word: Word = ""
    answers: int | None = None


class Attempted(msgspec.Struct, frozen=True, gc=False, tag=True, kw_only=True):
    """A deliver_sm with part `part` (from 1) of a text left on a link of the centre under a sequence_number."""

    at: float
    id: int
    link: int
    sequence: int
    part: int = 1


class Answered(msgspec.Struct, frozen=True, gc=False, tag=True, kw_only=True):
    """The gateway has answered the deliver_sm of that link and sequence_number with a command_status."""

    at: float
    link: int
    sequence: int
    status: int


class LinkEnded(msgspec.Struct, frozen=True, gc=False, tag=True, kw_only=True):
    """A link is gone, whoever ended it."""

    at: float
    link: int


class Submitted(msgspec.Struct, frozen=True, gc=False, tag=True, kw_only=True):
    """A submit_sm has arrived, and the centre means to answer it with `status`.

    `reference` is its user_message_reference, `message_id` the centre's own number for it (empty when refused). A
    segment of a long text is `part` of `parts` of the set `set_reference`, and `text` is what it alone carries.
    """

    at: float
    link: int
    sequence: int
    source: str
    destination: str
    text: str
    status: int = 0
    message_id: str = ""
    reference: int | None = None
    part: int = 1
    parts: int = 1
    set_reference: int = 0


class Responded(msgspec.Struct, frozen=True, gc=False, tag=True, kw_only=True):
    """The submit_sm_resp for that link and sequence_number has left; without this entry it was withheld."""

    at: float
    link: int
    sequence: int


class Receipted(msgspec.Struct, frozen=True, gc=False, tag=True, kw_only=True):
    """A receipt left as the deliver_sm of that link and sequence_number; `Answered` says what became of it.

    `message_id` is the centre's number as in `Submitted`, `told` the form in which the receipt writes it, `state` the
    receipt's word (DELIVRD, …), `reference` the user_message_reference that it carries.
    """

    at: float
    link: int
    sequence: int
    message_id: str
    told: str
    state: str
    reference: int | None = None


class Befell(msgspec.Struct, frozen=True, gc=False, tag=True, kw_only=True):
    """A fault that was made: `kill`, `freeze` (until `until`), `cut`, …; `detail` says where."""

    at: float
    kind: str
    until: float = 0.0
    detail: str = ""


class Injected(msgspec.Struct, frozen=True, gc=False, tag=True, kw_only=True):
    """Something that no honest centre sends: a garbage PDU, a receipt for an id that nobody was given (`told`)."""

    at: float
    kind: str
    frame: bytes = b""
    told: str = ""


class Sampled(msgspec.Struct, frozen=True, gc=False, tag=True, kw_only=True):
    """What a gateway's process used: resident octets, open file descriptors, tasks (0 where nobody counts them)."""

    at: float
    process: int
    resident: int
    descriptors: int
    tasks: int = 0


Entry = (
    Texted | Attempted | Answered | LinkEnded | Submitted | Responded | Receipted | Befell | Injected | Sampled
)  # fmt: skip


class InboundRow(msgspec.Struct, frozen=True, gc=False, kw_only=True):
    """A row of `inbound`, with its sender's number in place of the contact."""

    id: int
    sender: str
    recipient: str
    text: str
    state: str
    brand: str | None = None
    session: int = 0
    sequence: int = 0
    duplicate_of: int | None = None


class OutboxRow(msgspec.Struct, frozen=True, gc=False, kw_only=True):
    """A row of `outbox`. `attempts` counts claims, `sends` those that went to the wire, for all we know; `due_at` in
    microseconds since 1970; `reference` is the user_message_reference of its submit_sm, None where none is sent."""

    id: int
    number: str
    address: str
    text: str
    message_class: str
    state: str
    attempts: int
    segments: int = 1
    sends: int = 1
    cause_id: int = 0
    due_at: int = 0
    brand: str | None = None
    reference: int | None = None


class ReceiptRow(msgspec.Struct, frozen=True, gc=False, kw_only=True):
    """A row of `receipts`; `outbox_id` is None for a stray."""

    id: int
    message_id: str
    state: str
    outbox_id: int | None = None


class QuarantineRow(msgspec.Struct, frozen=True, gc=False, kw_only=True):
    """A row of `quarantine`; sender, recipient and text as far as its frame can be read."""

    id: int
    frame: bytes
    reason: str
    sender: str = ""
    recipient: str = ""
    text: str = ""


class PartRow(msgspec.Struct, frozen=True, gc=False, kw_only=True):
    """A row of `parts` that still waits for others of its set."""

    sender: str
    recipient: str
    total: int
    part: int


class ConsentRow(msgspec.Struct, frozen=True, gc=False, kw_only=True):
    """An event of the consent ledger that a text brought about: whose, which, and the text's id."""

    brand: str
    action: str
    mo_id: int


class Books(msgspec.Struct, frozen=True, kw_only=True):
    """What the database says when the run is over. `taken_at` in microseconds since 1970, by the gateway's clock.

    `integrity` holds what the database's own check complains of, and what is wrong with the chains of the consent
    ledger; `doubts` are tokens that nobody has consumed; `events` are ids of what happened beside texts.
    """

    taken_at: int
    inbound: tuple[InboundRow, ...] = ()
    outbox: tuple[OutboxRow, ...] = ()
    receipts: tuple[ReceiptRow, ...] = ()
    quarantine: tuple[QuarantineRow, ...] = ()
    parts: tuple[PartRow, ...] = ()
    consents: tuple[ConsentRow, ...] = ()
    events: tuple[int, ...] = ()
    doubts: int = 0
    integrity: tuple[str, ...] = ()
