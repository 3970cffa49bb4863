"""What recorded texts would do under another rule set: pure, by the very `router.routes.route` that decides them.

What a contact had been asked when a text came is not kept once it is answered, but the record says which rule took it.
Where that rule takes the text only as an answer, the question is one of that rule's: the one that takes it is asked
again, and stands in the new set wherever `locate` finds it.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Literal as OneOf
from typing import NamedTuple, assert_never

import msgspec

from router.case import Books, local_date
from router.commands import Commanded
from router.messages import Contact, Facts, Inbound, Run
from router.routes import (
    NOTHING_OPEN,
    Answered,
    Claimed,
    Declined,
    Doubtful,
    Located,
    Missed,
    Open,
    Route,
    Started,
    Unclaimed,
    is_turned_away,
    locate,
    route,
)
from rules.actions import Call, Enlist, Program, Question
from rules.rulebook import BrandBook, Rulebook

How = OneOf["keyword", "answer", "else", "fallback", "command", "nobody", "no number", "out of market"]

MOST_CASES = 50_000
"""Different texts whose routes are kept while a week is replayed: most texts are said by many."""


class Heard(NamedTuple):
    """A recorded text: to which of our numbers, by whom, and the identity of the rule that took it."""

    sender: str
    number: str
    text: str
    received_at: int
    rule: str


class Goes(msgspec.Struct, frozen=True):
    """Who gets a text, and how: `rule` is its head, or the command's word; `read`: a person reads it besides."""

    how: How
    brand: str
    rule: str
    read: bool = False


class Difference(msgspec.Struct, frozen=True):
    """Texts that go elsewhere: how many, from where to where, and the newest of them."""

    texts: int
    was: Goes
    now: Goes
    number: str
    example: Heard


class Replayed(msgspec.Struct, frozen=True):
    """What became of a replay: so many texts, and those that go elsewhere, the most first."""

    texts: int
    differences: tuple[Difference, ...]

    @property
    def elsewhere(self) -> int:
        """How many texts go elsewhere."""
        return sum(one.texts for one in self.differences)


def replay(heard: Iterable[Heard], current: Rulebook, new: Rulebook) -> Replayed:
    """Route every text by both rule sets; the texts come newest first."""
    routed: dict[tuple[object, ...], tuple[Goes, Goes]] = {}
    found: dict[tuple[str, Goes, Goes], tuple[int, Heard]] = {}
    texts = 0
    for one in heard:
        texts += 1
        number = current.numbers.get(one.number) or new.numbers.get(one.number)
        day = None if number is None else local_date(one.received_at, number.zone)
        key = (one.number, one.text, one.rule, day, *(_is_served(one, book) for book in (current, new)))
        both = routed.get(key)
        if both is None:
            both = _both(one, current, new)
            if len(routed) < MOST_CASES:
                routed[key] = both
        if both[0] != both[1]:
            count, example = found.get((one.number, *both), (0, one))
            found[one.number, *both] = (count + 1, example)
    differences = [Difference(n, was, now, number, one) for (number, was, now), (n, one) in found.items()]
    return Replayed(texts, tuple(sorted(differences, key=lambda one: -one.texts)))


def _is_served(heard: Heard, book: Rulebook) -> bool:
    number = book.numbers.get(heard.number)
    return number is None or number.serves(heard.sender)


def _both(heard: Heard, current: Rulebook, new: Rulebook) -> tuple[Goes, Goes]:
    was = _goes(heard, current, NOTHING_OPEN)
    asked = _asked(heard, was, current)
    if asked is None:
        return was, _goes(heard, new, NOTHING_OPEN)
    now = locate(asked.run, Books(new, {current.deployment: current}))
    open_now = Open((now,), ()) if isinstance(now, Located) else NOTHING_OPEN
    return _goes(heard, current, Open((asked,), ())), _goes(heard, new, open_now)


def _asked(heard: Heard, was: Goes, current: Rulebook) -> Located | None:
    """The question of the recorded rule that takes the text, where the rule takes it only so: an answer before an
    `else`."""
    brand = next((one for one in current.brands.values() if heard.rule in one.rules), None)
    if brand is None or (was.brand, was.rule) == (brand.name, brand.rules[heard.rule].head):
        return None
    missed: Located | None = None
    for frames in _questions(brand, brand.rules[heard.rule].program):
        run = Run(
            kind="question", brand=brand.name, number=heard.number, rule=heard.rule, frames=frames,
            deployment=current.deployment,
        )  # fmt: skip
        located = locate(run, Books(current))
        assert isinstance(located, Located), "it was found there"
        if isinstance(located.step, Enlist):
            located = msgspec.structs.replace(located, run=msgspec.structs.replace(run, kind="confirm"))
        match _claimed(_route(heard, current, Open((located,), ()))):
            case Answered() | Declined():
                return located
            case Missed():
                missed = missed or located
            case _:
                pass
    return missed


def _questions(brand: BrandBook, program: Program) -> Iterator[tuple[str, ...]]:
    """The questions of a program and of those that it runs, as a run's frames; no chain runs itself."""
    for step in program.steps:
        match step:
            case Question(identity=identity):
                yield (identity,)
            case Enlist(identity=identity, matcher=matcher) if matcher is not None:
                yield (identity,)
            case Call(identity=identity, chain=chain):
                yield from ((identity, *inner) for inner in _questions(brand, brand.chains[chain].program))
            case _:
                pass


def _route(heard: Heard, book: Rulebook, open_now: Open) -> Route | None:
    number = book.numbers.get(heard.number)
    if number is None:
        return None
    message = Inbound(
        id=0, connector="", session=0, sequence=0, sender=heard.sender, recipient=heard.number, text=heard.text,
        received_at=heard.received_at,
    )  # fmt: skip
    facts = Facts(Contact(0, heard.sender), heard.number, message=message)
    return route(facts, message, number, open_now, heard.received_at, None)


def _claimed(chosen: Route | None) -> Route | None:
    return chosen.route if isinstance(chosen, Doubtful) else chosen


def _goes(heard: Heard, book: Rulebook, open_now: Open) -> Goes:
    chosen = _route(heard, book, open_now)
    if chosen is not None and is_turned_away(chosen, book.numbers[heard.number], heard.sender):
        return Goes("out of market", "", "")
    match chosen:
        case None:
            return Goes("no number", "", "")
        case Commanded(reserved, _, _, owner):
            return Goes("command", owner or "", reserved.kind)
        case Doubtful(inner):
            return msgspec.structs.replace(_claimed_goes(inner, heard, book), read=True)
        case _:
            return _claimed_goes(chosen, heard, book)


def _claimed_goes(chosen: Claimed, heard: Heard, book: Rulebook) -> Goes:
    match chosen:
        case Started(rule):
            return Goes("keyword", rule.brand, rule.head)
        case Answered(located) | Declined(located):
            return Goes("answer", located.brand.name, located.rule.head)
        case Missed(located):
            return Goes("else", located.brand.name, located.rule.head)
        case Unclaimed(brand):
            own = None if brand is None else book.numbers[heard.number].fallbacks.get(brand)
            return Goes("nobody", brand or "", "") if own is None else Goes("fallback", own.brand, own.head)
        case _:
            assert_never(chosen)
