"""What the router knows when it decides: the message, and the contact as it stands under its lock.

Values only. Instants are microseconds since 1970 UTC; numbers and MSISDNs are digits without a plus (an alphanumeric
sender stays as it came). All of it was read in the one transaction that will also write what is decided.
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import lru_cache
from typing import Literal as OneOf

import msgspec

from rules.facts import Value

RunKind = OneOf["question", "confirm", "lapsed", "wait", "event", "held", "step", "sample"]
"""What a run waits for: an answer, a confirmation (`lapsed`: one that came to nothing in its time), a time, an event,
the hours in which a text may go out, its next step, the winner of a sample."""

Source = OneOf["api", "click", "undelivered", "voucher", "birthday", "inactive", "date", "join", "optout"]
ACTS: frozenset[Source] = frozenset({"api", "click", "voucher", "optout"})
"""Sources of what the contact did; the others are what we notice."""


class Part(msgspec.Struct, frozen=True, gc=False):
    """One part of a long message: `index` counts from 1 to `total`; parts with one `reference` belong together."""

    reference: int
    total: int
    index: int


class Inbound(msgspec.Struct, frozen=True, gc=False, kw_only=True):
    """A text as a connector took it from the wire, not yet acknowledged.

    `session` and `sequence` say which link carried it and under which sequence_number, `fingerprint` (63 bits, 0: none)
    is alike for PDUs that only the evidence can tell apart (router.evidence); `repeats` is the id of the text that the
    link itself recognised again, `strong_id` the identity that the peer gave it, unique in `scope`.

    `octets` and `charset` are the user data without its header, and how to read it (parts are joined as octets, since a
    character may be cut between two). `frame` is the whole PDU, kept when the message cannot be understood or acted
    upon; `unreadable` says why it cannot be read as text. `text` is then what it may say all the same: only an opt-out
    is taken from it.
    """

    id: int
    connector: str
    session: int
    sequence: int
    sender: str
    recipient: str
    text: str
    received_at: int
    octets: bytes = b""
    charset: str = ""
    part: Part | None = None
    frame: bytes = b""
    incomplete: bool = False
    unreadable: str = ""
    fingerprint: int = 0
    repeats: int = 0
    strong_id: str = ""
    scope: str = ""


class Occurrence(msgspec.Struct, frozen=True, kw_only=True):
    """Something that happened to a contact of a brand and is no text: an event that was told over the API, a click, a
    birthday.

    `address` is the contact's MSISDN. `name` is the event's, or that of the clicked link. `ref` names the transaction
    that it is about (an order, a booking). `at` is when it happened, `received_at` when we heard of it. `key`: what is
    told again under the same key is the same (empty: no key). `attributes` are what it tells of the contact.
    """

    id: int
    brand: str
    address: str
    name: str
    source: Source
    at: int
    received_at: int
    values: Mapping[str, Value] = {}
    ref: str = ""
    key: str = ""
    attributes: Mapping[str, Value] = {}


class Contact(msgspec.Struct, frozen=True, gc=False):
    """A phone. `is_new` = unknown before the message at hand; `zone` an IANA name or None for the brand's."""

    id: int
    address: str
    is_new: bool = False
    language: str | None = None
    zone: str | None = None


class Profile(msgspec.Struct, frozen=True):
    """What one brand knows of one contact; no brand sees another's.

    `consents`: since when which class of texts is allowed, by "promotional", "promotional/PROGRAMME", "transactional",
    "transactional/REF"; a negative instant: taken back then. `promoted` are the instants of the promotional texts that
    its caps still count. `number` is ours that it is written to from, where it was ever written to unasked.
    `active_at`: when the contact last did something that was no text. `hold_until`: promotional texts wait for a
    person's decision until then.
    """

    brand: str
    tags: frozenset[str] = frozenset()
    attributes: Mapping[str, Value] = {}
    opted_out_at: int | None = None
    consents: Mapping[str, int] = {}
    promoted: tuple[int, ...] = ()
    number: str = ""
    active_at: int = 0
    hold_until: int | None = None


@lru_cache(maxsize=4_096)  # brands of one node
def blank(brand: str) -> Profile:
    """What a brand knows of somebody it knows nothing of."""
    return Profile(brand)


class Thread(msgspec.Struct, frozen=True, gc=False):
    """One contact on one of our numbers: who spoke last, and how much we have answered lately.

    `replies` automatic answers went out since `replies_since`: the loop guard's count. `last_id`: the last text that
    came in.
    """

    last_brand: str | None = None
    last_in_at: int | None = None
    last_out_at: int | None = None
    replies: int = 0
    replies_since: int = 0
    last_id: int = 0


NO_THREAD = Thread()


class Run(msgspec.Struct, frozen=True, kw_only=True):
    """A chain that is suspended, and what for.

    `rule` names the rule it began in (its identity in the rulebook), `frames` the steps it stands at, outermost
    `run` first and the suspended step last; both are identities that survive editing, never an index.
    `deployment` is the hash of the rule set that the run was started under. `misses` counts answers that did not fit.
    `cause_id` is the text or occurrence that began it. `id` 0 means not stored yet.
    """

    id: int = 0
    kind: RunKind
    brand: str
    number: str
    rule: str
    frames: tuple[str, ...]
    deployment: str
    variables: Mapping[str, Value] = {}
    due_at: int | None = None
    misses: int = 0
    started_at: int = 0
    cause_id: int = 0


class Facts(msgspec.Struct, frozen=True):
    """Everything `decide` may look at: read under the contact's lock, nothing more is fetched while it decides.

    `profiles` by brand; `runs` are all the contact's open ones, newest first. `threads` are those on other numbers, by
    number.
    """

    contact: Contact
    number: str
    thread: Thread = Thread()
    profiles: Mapping[str, Profile] = {}
    runs: tuple[Run, ...] = ()
    message: Inbound | None = None
    """None when something fell due or occurred instead of a text coming in."""
    occurrence: Occurrence | None = None
    threads: Mapping[str, Thread] = {}

    def profile(self, brand: str) -> Profile:
        """What that brand knows of the contact; an empty profile when it knows nothing."""
        return self.profiles.get(brand) or blank(brand)

    def thread_on(self, number: str) -> Thread:
        """The conversation on one of our numbers."""
        return self.thread if number == self.number else self.threads.get(number, NO_THREAD)
