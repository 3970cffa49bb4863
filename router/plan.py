"""What is to be done about one cause: a `Plan` of effects, in order, which `perform` writes in one transaction.

A plan is a value. It says what the rules want; whether a text may go out is decided once more, under lock, at the one
gate in `perform`. The union `Effect` is closed: a new effect does not type-check until it is performed.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Literal as OneOf

import msgspec

from router.messages import Run, Source
from rules.facts import Value

MessageClass = OneOf[
    "conversational",
    "transactional",
    "promotional",
    "otp",
    "stop_confirmation",
    "start_confirmation",
    "confirmation",
    "help",
    "operator",
]
"""`confirmation`: the text that asks whether somebody really means to opt in."""
Disposition = OneOf[
    "routed",
    "unrouted",
    "opted_out",
    "opted_in",
    "helped",
    "due",
    "occurred",
    "suspected_duplicate",
    "out_of_market",
]
Outcome = OneOf[
    "answered",
    "continued",
    "silent",
    "missed",
    "replaced",
    "stopped",
    "lost",
    "declined",
    "goal",
    "exited",
    "finished",
    "failed",
]
ConsentAction = OneOf["grant", "confirm", "revoke"]


class SendText(msgspec.Struct, frozen=True, gc=False, kw_only=True):
    """A text to the contact from `number`. `brand` is None for the operator's own text.

    `encoding` is a name of `smpp.text`, `segments` how many it takes on the wire. `rule` and `step` say where it was
    written, `cause_id` what began that run, `arm` ("split=arm") which of two ways to say it. `purpose` is the
    transaction, or the programme, that a consent must be on record for.
    """

    brand: str | None
    number: str
    message_class: MessageClass
    text: str
    encoding: str
    segments: int
    rule: str = ""
    step: str = ""
    cause_id: int = 0
    arm: str = ""
    purpose: str = ""


class Withhold(msgspec.Struct, frozen=True, gc=False, kw_only=True):
    """A text that the rules themselves hold back, with its reason: recorded, never dropped in silence."""

    brand: str | None
    number: str
    message_class: MessageClass
    text: str
    reason: str
    rule: str = ""
    step: str = ""
    cause_id: int = 0
    arm: str = ""


class SendEmail(msgspec.Struct, frozen=True, gc=False, kw_only=True):
    """An e-mail, or with a `reason` one that the rules hold back. `purpose` as of a text."""

    brand: str
    message_class: MessageClass
    to: str
    subject: str
    body: str
    rule: str = ""
    step: str = ""
    cause_id: int = 0
    reason: str = ""
    purpose: str = ""


class AddTag(msgspec.Struct, frozen=True, gc=False):
    """Put a tag of the brand's on the contact."""

    brand: str
    tag: str


class RemoveTag(msgspec.Struct, frozen=True, gc=False):
    """Take it off."""

    brand: str
    tag: str


class SetAttribute(msgspec.Struct, frozen=True, gc=False):
    """Set an attribute of the contact for that brand; `add` in the rules becomes this with the sum."""

    brand: str
    name: str
    value: Value


class RecordValue(msgspec.Struct, frozen=True, gc=False, kw_only=True):
    """Write a value down for counting (NPS, votes). `once`: only the contact's first counts."""

    brand: str
    name: str
    value: Value
    once: bool = False
    rule: str = ""
    cause_id: int = 0


class Suspend(msgspec.Struct, frozen=True):
    """Keep a run until its answer comes or it falls due; a run with an id is rewritten, one without is stored."""

    run: Run


class EndRun(msgspec.Struct, frozen=True, gc=False):
    """A stored run is over: answered, silent, missed too often, replaced by a later start, or ended by an edit."""

    run_id: int
    outcome: Outcome


OPERATOR = ""
"""Whom a text without a brand speaks for, where brands are named: nobody can silence its answers, but what it has
under way ends with a STOP that means everybody."""


class OptOut(msgspec.Struct, frozen=True):
    """Silence: the brands may not write any more, what is queued is cancelled, what is open is closed.

    `level` and `evidence` are those of `rules.revocation`; empty evidence: the text is an opt-out word.
    """

    brands: tuple[str, ...]
    level: int = 1
    evidence: str = ""


class Hold(msgspec.Struct, frozen=True, gc=False):
    """A person must read the text: until then, at most ten business days, the brands send nothing promotional.

    `evidence`: what in the text raises the doubt, and the word or phrase it was taken for.
    """

    brands: tuple[str, ...]
    evidence: str


class OptIn(msgspec.Struct, frozen=True):
    """The contact takes back an opt-out."""

    brands: tuple[str, ...]


class Consent(msgspec.Struct, frozen=True, kw_only=True):
    """What the contact lets the brand send, or no longer. `purpose` is a programme or a transaction, empty for the
    brand's own; `wording` what the contact was shown, in `language`; `cause_id` the text or event by which it was done.
    `pending`: it was asked whether that is meant, and nothing is allowed yet. `asked_by`: the text that a confirmation
    answers, where that is known.
    """

    action: ConsentAction
    brand: str
    message_class: MessageClass
    purpose: str = ""
    wording: str = ""
    language: str = ""
    method: OneOf["keyword", "api", "web"] = "keyword"
    cause_id: int = 0
    asked_by: int = 0
    pending: bool = False


class Enter(msgspec.Struct, frozen=True, gc=False):
    """The contact enters a drip, or may not for want of consent (`refused`): said once."""

    brand: str
    drip: str
    cause_id: int
    refused: str = ""


class Leave(msgspec.Struct, frozen=True, gc=False):
    """The contact is through with a drip."""

    brand: str
    drip: str
    outcome: Outcome


class Arm(msgspec.Struct, frozen=True, gc=False):
    """An occurrence of the contact's to come, at an instant."""

    brand: str
    source: Source
    name: str
    due_at: int


Effect = (
    SendText | Withhold | AddTag | RemoveTag | SetAttribute | RecordValue | Suspend | EndRun | OptOut | OptIn | Hold
    | Consent | Enter | Leave | Arm | SendEmail
)  # fmt: skip


class Tried(msgspec.Struct, frozen=True, gc=False):
    """One step of "who gets a message" (LANGUAGE.md section 5) and what came of it, for `explain`."""

    step: str
    what: str
    outcome: str


class Plan(msgspec.Struct, frozen=True):
    """What a cause leads to. `rule` is the identity of the rule that took it."""

    disposition: Disposition
    brand: str | None = None
    rule: str = ""
    effects: tuple[Effect, ...] = ()
    deployment: str = ""
    fault: str = ""
    """What cut the plan short (a bound on steps or messages), for the trace; empty as a rule."""


class Happened(msgspec.Struct, frozen=True):
    """How often an event happened at `since` or later, the one with id `but` aside."""

    contact_id: int
    brand: str
    event: str
    since: int
    but: int


class Learnt(msgspec.Struct, frozen=True):
    """Which attributes events of a name told of their contact that happened at `since` or later, the one with id `but`
    aside: names with commas between them, `*` for any."""

    contact_id: int
    brand: str
    event: str
    since: int
    but: int


class Clicked(msgspec.Struct, frozen=True):
    """Whether a link of a run was clicked: 1 or 0."""

    contact_id: int
    cause_id: int
    rule: str


class Enrolled(msgspec.Struct, frozen=True):
    """When the contact last entered a drip, and how that ended (empty: not yet); None: never."""

    contact_id: int
    brand: str
    drip: str


class CodeOf(msgspec.Struct, frozen=True):
    """The contact's code of a voucher; None: there is none left."""

    contact_id: int
    brand: str
    voucher: str


class LinkOf(msgspec.Struct, frozen=True):
    """The contact's own short address for a link of a text."""

    contact_id: int
    brand: str
    cause_id: int
    rule: str
    step: str
    name: str
    target: str
    kind: OneOf["url", "voucher", "optout"]


class SpentBy(msgspec.Struct, frozen=True):
    """What a brand has spent on promotional texts in a period, in millionths of its budget's currency."""

    brand: str
    period: str


class SampleOf(msgspec.Struct, frozen=True):
    """When a split's sample ends, and the arm that won (None: not known yet). It begins when it is first asked for, and
    lasts so many microseconds; `measure` is "click" or the name of an event."""

    brand: str
    split: str
    measure: str
    arms: tuple[str, ...]
    lasts: int


class Waiting(msgspec.Struct, frozen=True):
    """The brands of which a text to a contact from a number is under way: it waits, is claimed or may be sent again."""

    contact_id: int
    number: str


Need = Happened | Learnt | Clicked | Enrolled | CodeOf | LinkOf | SpentBy | SampleOf | Waiting
Answer = int | str | tuple[int, str] | tuple[int, str | None] | frozenset[str] | None
Known = Mapping[Need, Answer]


class Needs(msgspec.Struct, frozen=True):
    """What `decide` cannot know yet: it is loaded for the whole group in one query per kind and `decide` runs again.

    `deployments` are hashes of rule sets in which suspended runs began and whose steps the newest no longer has.
    """

    deployments: frozenset[str] = frozenset()
    asked: frozenset[Need] = frozenset()


class Unknown(Exception):
    """Raised while deciding where something must be known first; `decide` answers with what it `needs`."""

    def __init__(self, *asked: Need, deployments: Iterable[str] = ()) -> None:
        super().__init__(asked, deployments)
        self.needs = Needs(frozenset(deployments), frozenset(asked))
