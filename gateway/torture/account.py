"""The journal, read once and put in order, so that each check of the ledger asks and does not search.

Texts are told apart by (sender, recipient, text): where every text is unique a key has one true id and matching is
exact, where phones say nothing but one word a key has many and the ledger counts. Nothing is judged here.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable
from functools import cached_property
from typing import assert_never

import msgspec

from gateway.torture.entries import (
    Answered,
    Attempted,
    Befell,
    Entry,
    Injected,
    LinkEnded,
    Receipted,
    Responded,
    Sampled,
    Submitted,
    Texted,
)

Key = tuple[str, str, str]
"""Of a text: sender, recipient, text. Of an answer: destination, source, text."""
STILL = frozenset({"freeze", "disk full", "store away", "slow store", "slow network"})
"""What befalls a gateway so that it hears no proof, or writes none down, for a while."""
At = tuple[int, int]
"""A PDU's place: link and sequence_number."""


class Try(msgspec.Struct, frozen=True, gc=False):
    """One deliver_sm and what became of it: `status` None and `answered_at` 0 when it never was answered."""

    sent: Attempted
    status: int | None
    answered_at: float

    @property
    def acknowledged(self) -> bool:
        """Whether the gateway has taken it over."""
        return self.status == 0


class Message(msgspec.Struct, frozen=True):
    """One message that arrived at the centre whole: a submit_sm, or the segments of one set."""

    key: Key
    reference: int | None
    segments: tuple[Submitted, ...]

    @property
    def at(self) -> float:
        """When the first of it arrived."""
        return min(one.at for one in self.segments)


class Account:
    """A journal in order."""

    def __init__(self, entries: Iterable[Entry]) -> None:
        self.texts: dict[int, Texted] = {}
        self.ended: dict[int, float] = {}
        self.befallen: list[Befell] = []
        self.injected: list[Injected] = []
        self.samples: dict[int, list[Sampled]] = defaultdict(list)
        self.submits: list[Submitted] = []
        self.responded: dict[At, float] = {}
        self.receipts: list[Receipted] = []
        self._sent: list[Attempted] = []
        self._answers: dict[At, Answered] = {}
        for entry in entries:
            self._take(entry)
        self.tries: dict[int, list[Try]] = defaultdict(list)
        for sent in self._sent:
            answer = self._answers.get((sent.link, sent.sequence))
            status, at = (None, 0.0) if answer is None else (answer.status, answer.at)
            self.tries[sent.id].append(Try(sent, status, at))

    def _take(self, entry: Entry) -> None:
        match entry:
            case Texted():
                self.texts[entry.id] = entry
            case Attempted():
                self._sent.append(entry)
            case Answered():
                self._answers.setdefault((entry.link, entry.sequence), entry)
            case LinkEnded():
                self.ended[entry.link] = entry.at
            case Submitted():
                self.submits.append(entry)
            case Responded():
                self.responded.setdefault((entry.link, entry.sequence), entry.at)
            case Receipted():
                self.receipts.append(entry)
            case Befell():
                self.befallen.append(entry)
            case Injected():
                self.injected.append(entry)
            case Sampled():
                self.samples[entry.process].append(entry)
            case _:
                assert_never(entry)

    # ---------------------------------------------------------------------------------------------------- texts

    @cached_property
    def by_key(self) -> dict[Key, list[Texted]]:
        """The texts of each key, in the order they were sent."""
        found: dict[Key, list[Texted]] = defaultdict(list)
        for text in self.texts.values():
            found[text.sender, text.recipient, text.text].append(text)
        return found

    def acknowledged_at(self, text: Texted) -> float | None:
        """When the gateway had taken every part of a text over; None while it has not."""
        first: dict[int, float] = {}
        for one in self.tries.get(text.id, ()):
            if one.acknowledged:
                first[one.sent.part] = min(one.answered_at, first.get(one.sent.part, one.answered_at))
        return max(first.values()) if len(first) >= text.parts else None

    def alive_after(self, one: Try) -> float:
        """How many seconds a link worked on after that answer was read; infinite while it stands.

        A gateway that stands still, or whose network or store does or creeps, confirms nothing: such time is left out.
        """
        return self._worked(one.answered_at, one.sent.link)

    @cached_property
    def _still(self) -> list[tuple[float, float]]:
        return sorted((fault.at, fault.until) for fault in self.befallen if fault.kind in STILL)

    def _worked(self, since: float, link: int) -> float:
        """How many seconds the gateway could write things down before that link ended."""
        ended = self.ended.get(link)
        if ended is None:
            return float("inf")
        still, upto = 0.0, since
        for begin, end in self._still:
            still += max(0.0, min(end, ended) - max(begin, upto))
            upto = max(upto, end)
        return ended - since - still

    def froze(self, begin: float, end: float) -> bool:
        """Whether the gateway was frozen at some time between two instants."""
        return any(fault.kind == "freeze" and fault.at < end and fault.until > begin for fault in self.befallen)

    # ------------------------------------------------------------------------------------------------- messages

    @cached_property
    def messages(self) -> list[Message]:
        """What arrived at the centre and was accepted whole, in order of arrival."""
        return self._assembled(one for one in self.submits if not one.status)

    @cached_property
    def arrivals(self) -> list[Message]:
        """All that arrived whole, also what the centre then refused."""
        return self._assembled(self.submits)

    @cached_property
    def refused(self) -> set[Key]:
        """Keys of which the centre refused something."""
        return {(one.destination, one.source, one.text) for one in self.submits if one.status}

    def _assembled(self, submits: Iterable[Submitted]) -> list[Message]:
        whole: list[Message] = []
        sets: dict[tuple[str, str, int, int], list[dict[int, Submitted]]] = defaultdict(list)
        for one in submits:
            if one.parts == 1:
                whole.append(Message((one.destination, one.source, one.text), one.reference, (one,)))
                continue
            copies = sets[one.destination, one.source, one.set_reference, one.parts]
            # A segment that came before begins another copy of its message: the sets count how often it was sent.
            copy = next((copy for copy in copies if one.part not in copy), None)
            if copy is None:
                copy = {}
                copies.append(copy)
            copy[one.part] = one
        for (destination, source, _, parts), copies in sets.items():
            for copy in copies:
                if len(copy) == parts:
                    segments = tuple(copy[number] for number in sorted(copy))
                    text = "".join(segment.text for segment in segments)
                    whole.append(Message((destination, source, text), segments[0].reference, segments))
        return sorted(whole, key=lambda message: message.at)

    @cached_property
    def acknowledged_receipts(self) -> list[Receipted]:
        """The receipts that the gateway has taken over."""
        taken: list[Receipted] = []
        for receipt in self.receipts:
            answer = self._answers.get((receipt.link, receipt.sequence))
            if answer is not None and answer.status == 0:
                taken.append(receipt)
        return taken

    def answered_for_good(self, one: Submitted, settle_s: float) -> bool:
        """Whether the gateway had so many seconds to write the answer to a submit_sm down."""
        at = self.responded.get((one.link, one.sequence))
        return at is not None and self._worked(at, one.link) >= settle_s
