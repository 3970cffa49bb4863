"""Chains as flat programs: every rule's block becomes a tuple of steps, with jumps where blocks were nested.

A step that can suspend a run (a question, a wait, a `run` of another chain) has an identity that survives editing: a
hash of what it says and of the blocks that enclose it, so steps put in before or after it do not disturb a contact
who stands there. A step whose own words were changed is another step: such a run ends in the rule set it began in.
Of equal steps at one place the second is marked `#2`, and so on. A program that runs past its last step returns to
the `run` that called it; `End` ends the whole run, callers too.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

import msgspec

from rules import syntax
from rules.expressions import Compiled
from rules.keywords import Matcher
from rules.texts import Template, Texts
from rules.timeline import Moment

INHERITED: Final = ""
"""The class of a text that takes its drip's."""


class Say(msgspec.Struct, frozen=True):
    """`reply`, `send`. A promotional one waits for the hours in which it may go out, so a run may stand at it."""

    texts: Texts
    identity: str
    message_class: str = "conversational"


class Question(msgspec.Struct, frozen=True):
    """`ask`: its answers' patterns are in `matcher`, keyed by their place in `targets`, where their blocks begin.

    `again` is said `times` times to what does not fit; then `otherwise` is where the `else` block begins. `silence`
    is where the block begins that runs when nothing came in time. None: the author wrote none. `before` is the field
    of the event that says until when it is open: `within` before that.
    """

    texts: Texts
    identity: str
    matcher: Matcher
    targets: tuple[int, ...]
    within: syntax.Duration
    again: Texts | None
    times: int
    otherwise: int | None
    silence: int | None
    message_class: str = "conversational"
    before: str | None = None


class Pause(msgspec.Struct, frozen=True):
    """`wait 3 days at 10:00`; without a duration `wait until 10:00`; with `before` that long before a field's time."""

    identity: str
    duration: syntax.Duration | None
    clock: syntax.Clock | None
    before: str | None = None


class Await(msgspec.Struct, frozen=True):
    """`wait for event paid within 2 days`; `then` and `silence` are where their blocks begin."""

    identity: str
    event: str
    within: syntax.Duration
    then: int
    silence: int | None


class Enlist(msgspec.Struct, frozen=True):
    """`opt in promotional for club`. With a confirmation (`texts`) the run stands here until it is given: `matcher`
    takes the answer, which must be the whole text. Without one doing it is all, unless the contact's market demands
    that what is promotional be confirmed: then it is asked for in words not the author's (`BrandBook.confirm`)."""

    identity: str
    message_class: str
    programme: str
    texts: Texts | None = None
    matcher: Matcher | None = None


class Withdraw(msgspec.Struct, frozen=True):
    """`opt out`: silent."""


class Enrol(msgspec.Struct, frozen=True):
    """`start DRIP`."""

    drip: str


class Expel(msgspec.Struct, frozen=True):
    """`finish DRIP`."""

    drip: str


class Turn(msgspec.Struct, frozen=True):
    """A drip's next step is looked for: it stands before the first step and behind each."""


class Stage(msgspec.Struct, frozen=True):
    """A step of a drip begins; its block follows."""

    identity: str


class Mail(msgspec.Struct, frozen=True):
    """`email`. Nothing waits for it: it goes to the mail server by its own way."""

    to: Template
    subject: Template
    body: Template
    identity: str
    message_class: str = "conversational"


class PutTag(msgspec.Struct, frozen=True):
    """`tag`."""

    tag: str


class TakeTag(msgspec.Struct, frozen=True):
    """`untag`."""

    tag: str


class SetValue(msgspec.Struct, frozen=True):
    """`set contact.x = …`."""

    attribute: str
    value: Compiled


class AddValue(msgspec.Struct, frozen=True):
    """`add … to contact.x`."""

    attribute: str
    amount: Compiled


class Note(msgspec.Struct, frozen=True):
    """`record [once] name = …`."""

    name: str
    value: Compiled
    once: bool


class Call(msgspec.Struct, frozen=True):
    """`run CHAIN`."""

    identity: str
    chain: str


class Reroute(msgspec.Struct, frozen=True):
    """`route "…"`."""

    template: Template


class Draw(msgspec.Struct, frozen=True):
    """`split`: per arm its name, the hundredth at which it ends, and where its block begins.

    `measure` is what a sample is judged by: "click", the name of an event, or empty. `sample` is the share of contacts,
    in percent, that the arms are tried on for `sample_for`; the others wait here for the winner.
    """

    name: str
    arms: tuple[tuple[str, int, int], ...]
    identity: str = ""
    measure: str = ""
    sample: int = 0
    sample_for: syntax.Duration | None = None


class Unless(msgspec.Struct, frozen=True):
    """Jumps when the condition does not hold."""

    condition: Compiled
    target: int


class Jump(msgspec.Struct, frozen=True):
    """Jumps."""

    target: int


class End(msgspec.Struct, frozen=True):
    """Ends the run, its callers too: after `else` and `silence`."""


Act = PutTag | TakeTag | SetValue | AddValue | Note | Enrol | Expel | Mail
"""Steps that do something without a word and go on."""
Standing = Question | Pause | Await | Enlist | Stage | Say | Draw
"""Steps that a suspended run can stand at."""
Step = Act | Standing | Call | Reroute | Unless | Jump | Withdraw | Turn | End


class Program(msgspec.Struct, frozen=True):
    """A block that runs: its steps, and where each step that can suspend a run stands."""

    steps: tuple[Step, ...]
    places: Mapping[str, int]
    timeline: tuple[Moment, ...] = ()
    """A drip's."""
