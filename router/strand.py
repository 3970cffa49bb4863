"""One chain under way within a cause: where it began, what it has captured, on which of our numbers it speaks.

A cause may have several: a keyword's chain that starts a drip, say. What a run must remember beyond its author's names
stands among its variables too, under names with a space in them, which no author can write.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

import msgspec

from router.messages import Run
from router.plan import MessageClass
from rules.actions import Program
from rules.facts import Value
from rules.rulebook import Rule
from rules.timeline import Cursor, Moment, Planned

NEW_CONTACT: Final = "new contact"
"""That the contact was unknown when the run began."""
PLANNED: Final = "planned at"
"""When the drip's step at hand was due by its time line, in microseconds since 1970 UTC."""
SHOWN: Final = "planned shown"
"""What the contact's clock was meant to show then, counted like that."""
FREE: Final = "planned free"
"""Until when an open question held the drip's step at hand, which is not late for that, counted like that."""
CURSOR: Final = "drip cursor"
"""Behind which step of the drip the contact stands."""
PURPOSE: Final = "for purpose"
"""The programme or transaction that its texts are sent for."""
ASKED_BY: Final = "asked by"
"""The text (its row of the outbox) that asked whether an opt-in is meant; written where it becomes a row."""
BY_TEXT: Final = "by a text"
"""1: a text of the contact has led there, though an event or a drip began the run; 0: none has, though a keyword's rule
runs. Kept only where the rule says otherwise."""
ARM: Final = "in arm"
"""The arm of the last split it went through, "split=arm"."""

OF_A_DRIP: Final = frozenset({PLANNED, SHOWN, FREE, CURSOR, ARM, BY_TEXT})
"""Names by which a run remembers where it stands itself: what it begins does not stand there."""

Frame = tuple[Program, int, str]
"""A program that waits for the chain it called: where it goes on, and the identity of its `run`."""


class Strand:
    """A chain under way."""

    __slots__ = ("calls", "cause_id", "number", "rule", "started_at", "variables")

    def __init__(self, rule: Rule, variables: dict[str, Value], number: str, cause_id: int, started_at: int) -> None:
        self.rule = rule
        self.variables = variables
        self.number = number
        self.cause_id = cause_id
        self.started_at = started_at
        self.calls: list[Frame] = []

    @classmethod
    def of(cls, run: Run, rule: Rule, calls: tuple[Frame, ...], variables: Mapping[str, Value]) -> Strand:
        """A stored run that goes on."""
        strand = cls(rule, dict(variables), run.number, run.cause_id, run.started_at)
        strand.calls = list(calls)
        return strand

    @property
    def cursor(self) -> Cursor | None:
        """Behind which step of the drip the contact stands; None before the first."""
        kept = self.variables.get(CURSOR)
        return msgspec.json.decode(kept, type=Cursor) if isinstance(kept, str) else None

    @cursor.setter
    def cursor(self, cursor: Cursor) -> None:
        self.variables[CURSOR] = msgspec.json.encode(cursor).decode()

    def planned(self, moment: Moment) -> Planned:
        """When the drip's step at hand was due by its time line."""
        at, shown, free_at = self.variables[PLANNED], self.variables[SHOWN], self.variables.get(FREE, 0)
        assert isinstance(at, int)
        assert isinstance(shown, int)
        assert isinstance(free_at, int)
        return Planned(at, moment, shown, free_at)

    def plan(self, planned: Planned) -> None:
        """A step of the drip is at hand."""
        self.variables |= {PLANNED: planned.at, SHOWN: planned.shown}
        self.variables.pop(FREE, None)

    @property
    def drip_class(self) -> MessageClass:
        """The class of a text that names none: its drip's."""
        terms = self.rule.terms
        return "promotional" if terms is not None and terms.message_class == "promotional" else "transactional"

    @property
    def purpose(self) -> str:
        """The programme or transaction that its texts are sent for."""
        kept = self.variables.get(PURPOSE)
        return kept if isinstance(kept, str) else ""

    @property
    def by_text(self) -> bool:
        """Whether a text of the contact has led there: without one nobody agrees to anything."""
        return by_text(self.rule, self.variables)

    @property
    def arm(self) -> str:
        """The arm of the last split it went through."""
        kept = self.variables.get(ARM)
        return kept if isinstance(kept, str) else ""


def by_text(rule: Rule, variables: Mapping[str, Value]) -> bool:
    """Whether a text of the contact has led to where a run stands: only drips and `on …` chains have terms."""
    return bool(variables.get(BY_TEXT, rule.terms is None))


def with_text(rule: Rule, variables: Mapping[str, Value]) -> Mapping[str, Value]:
    """A run's names once the contact has texted it."""
    return variables if by_text(rule, variables) else {**variables, BY_TEXT: 1}
