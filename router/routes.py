"""Who gets a message (LANGUAGE.md section 5), as one ordered list of tries; `decide` acts on what comes out.

The order is the law of this file: reserved words, open questions, keywords, both again forgiving a mistake, the newest
question's `else`, the fallback. On a number that brands share nobody but the operator gets a text that no keyword and
no open question claims. Tickets take their place between the fourth and the sixth when they have an engine.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import date
from functools import partial
from typing import Final, NamedTuple
from typing import Literal as OneOf

import msgspec

from router.case import Books, local_date
from router.commands import Commanded, meant_by_stop, restorable, stranded
from router.messages import Facts, Inbound, Run
from router.plan import Needs, Tried, Unknown
from rules.actions import Call, Enlist, Program, Question, Standing, Step
from rules.compiler import unheld
from rules.keywords import Match
from rules.packs import Reserved, load, without_politeness
from rules.revocation import LONGEST_SAID, Revocation, ears_of
from rules.revocation import Claimed as Whole
from rules.rulebook import BrandBook, NumberBook, Rule, Rulebook
from rules.slots import WORD_SLOT
from rules.words import Words, words_of

HELD_LEVEL: Final = 4
"""The level of `rules.revocation` from which on nobody is opted out: a person reads the text."""


class Located(msgspec.Struct, frozen=True):
    """A suspended run found in a rule set: the step it stands at, and the programs that called its program.

    `rule` is the one it began in; `calls` are (program, where it goes on, identity of its `run`), outermost first;
    `place` is the step's index.
    """

    run: Run
    rulebook: Rulebook
    brand: BrandBook
    rule: Rule
    calls: tuple[tuple[Program, int, str], ...]
    program: Program
    place: int
    step: Standing


class Answered(msgspec.Struct, frozen=True):
    """Steps 2 and 4: an open question's answer."""

    located: Located
    match: Match


class Declined(msgspec.Struct, frozen=True):
    """Step 2: a no to the question whether the contact opts in."""

    located: Located


class Started(msgspec.Struct, frozen=True):
    """Steps 3 and 4: a keyword."""

    rule: Rule
    match: Match


class Missed(msgspec.Struct, frozen=True):
    """Step 6: the newest open question gets what fits nothing."""

    located: Located


class Unclaimed(msgspec.Struct, frozen=True):
    """Step 7: the brand's fallback; without a brand the operator's text."""

    brand: str | None


Claimed = Answered | Declined | Started | Missed | Unclaimed


class Doubtful(msgspec.Struct, frozen=True):
    """A text that goes where it would have gone, and that a person reads besides: it may be an opt-out (level 4)."""

    route: Claimed
    brands: tuple[str, ...]
    evidence: str


Route = Commanded | Doubtful | Claimed


class Open(msgspec.Struct, frozen=True):
    """What the contact was asked on a number, as far as it can be found; `lost` questions stand nowhere any more.

    `lapsed` are confirmations that were not given in time.
    """

    questions: tuple[Located, ...]
    lost: tuple[Run, ...]
    lapsed: tuple[Located, ...] = ()


def open_questions(facts: Facts, books: Books, now: int) -> Open | Needs:
    """The questions still open at `now`, newest first. What falls due exactly now has happened."""
    if not facts.runs:
        return NOTHING_OPEN
    questions: list[Located] = []
    lapsed: list[Located] = []
    lost: list[Run] = []
    missing: set[str] = set()
    for run in facts.runs:
        if run.kind not in ASKING or run.number != facts.number or (run.due_at is not None and run.due_at <= now):
            continue
        located = locate(run, books)
        if isinstance(located, Needs):
            missing |= located.deployments
        elif located is None:
            lost.append(run)
        else:
            (lapsed if run.kind == "lapsed" else questions).append(located)
    return Needs(frozenset(missing)) if missing else Open(tuple(questions), tuple(lost), tuple(lapsed))


ASKING: Final = ("question", "confirm", "lapsed")
"""The kinds of runs that a text may answer."""
NOTHING_OPEN: Final = Open((), ())
"""Nobody was asked anything."""


def locate(run: Run, books: Books) -> Located | Needs | None:
    """Where a run stands: in the newest rule set, else in its own; None when neither can be had."""
    found = _locate_in(run, books.newest)
    if found is not None or run.deployment == books.newest.deployment:
        return found
    if run.deployment not in books.older:
        return Needs(frozenset((run.deployment,)))
    own = books.older[run.deployment]
    return None if own is None else _locate_in(run, own)


def rules_of(runs: Iterable[Run], books: Books) -> list[tuple[Run, Rule]]:
    """Each run with the rule that it goes on by, whose terms hold for it: that of the rule set in which it is found.
    For one that is found nowhere, and may be again, it is the newest of its name. Raises Unknown, for all at once."""
    found: list[tuple[Run, Rule]] = []
    missing: set[str] = set()
    for run in runs:
        located = locate(run, books)
        if isinstance(located, Needs):
            missing |= located.deployments
            continue
        brand = books.newest.brands.get(run.brand)
        rule = located.rule if located is not None else None if brand is None else brand.rules.get(run.rule)
        if rule is not None:
            found.append((run, rule))
    if missing:
        raise Unknown(deployments=missing)
    return found


def _locate_in(run: Run, rulebook: Rulebook) -> Located | None:
    brand = rulebook.brands.get(run.brand)
    rule = brand.rules.get(run.rule) if brand is not None else None
    if brand is None or rule is None:
        return None
    program, calls = rule.program, []
    for identity in run.frames[:-1]:
        place, step = _step_at(program, identity)
        if not isinstance(step, Call):
            return None
        calls.append((program, place + 1, identity))
        program = brand.chains[step.chain].program
    place, step = _step_at(program, run.frames[-1])
    if not isinstance(step, Standing):
        return None
    return Located(run, rulebook, brand, rule, tuple(calls), program, place, step)


def _step_at(program: Program, identity: str) -> tuple[int, Step | None]:
    place = program.places.get(identity)
    return (-1, None) if place is None else (place, program.steps[place])


def route(
    facts: Facts, message: Inbound, number: NumberBook, open_now: Open, now: int, tried: list[Tried] | None
) -> Route:
    """Whose the message is. `tried`, where given, gets a line for each step that passed it over."""
    words = words_of(message.text)
    look = Look(words, local_date(now, number.zone), facts.contact.language)
    ears = ears_of(number.market, number.languages)
    if ears.alarm.isdisjoint(words.words):
        _note(tried, "reserved words", number.market or "", "none")
        return _claimed(number, open_now, look, tried)
    reserved = number.reserved_in(words)
    if reserved is not None and reserved.kind == "help":
        return Commanded(reserved)
    if reserved is not None and reserved.kind == "start":
        back = () if open_now.questions else restorable(facts, number, plain=not _is_yes(number, words))
        if back:
            return Commanded(reserved, restores=back)
        _note(tried, "reserved words", number.market or "", "nothing to take back")
        return _claimed(number, open_now, look, tried)
    known = _with_stranded(number, facts)
    said = ears.heard(words, partial(_claims, known, open_now.questions, look))
    if said is not None and said.level < HELD_LEVEL:
        return _opt_out(known, look, said)
    if said is None:
        _note(tried, "reserved words", number.market or "", "none")
        return _claimed(number, open_now, look, tried)
    evidence = f"{said.meant}: {said.evidence}"
    _note(tried, "reserved words", number.market or "", f"level 4: nobody is opted out, a person reads it ({evidence})")
    meant = meant_by_stop(facts, number, now)
    return Doubtful(_claimed(number, open_now, look, tried), number.brands if meant is None else (meant,), evidence)


def _with_stranded(number: NumberBook, facts: Facts) -> NumberBook:
    """The number with the names of brands that have spoken to this phone there and are in the rules no more: STOP and
    such a name says who is meant."""
    names = {" ".join(words_of(name).words): name for name in stranded(facts, number, ())}
    return msgspec.structs.replace(number, names=names | dict(number.names)) if names else number


def is_turned_away(chosen: Route, number: NumberBook, phone: str) -> bool:
    """Whether a text does nothing, for its phone is of a country that the number is not for. An opt-out is heard from
    wherever it comes."""
    opts_out = isinstance(chosen, Commanded) and chosen.reserved.kind == "stop"
    return not opts_out and not number.serves(phone)


def number_of(book: Rulebook, number: str) -> NumberBook:
    """What rules say of a number. Of one that they have not: that opt-outs are heard there, in all
    their languages."""
    found = book.numbers.get(number)
    if found is not None:
        return found
    markets = {one.market for one in book.numbers.values()}
    languages = tuple(sorted({language for one in book.numbers.values() for language in one.languages}))
    return unheld(number, markets.pop() if len(markets) == 1 else None, languages)


def listen(book: Rulebook) -> None:
    """Have the lists of every number's market and languages ready, so that no text waits for them."""
    for number in (*book.numbers.values(), number_of(book, "")):
        ears_of(number.market, number.languages)


def opts_out(number: NumberBook, text: str, now: int) -> bool:
    """Whether that text to that number opts out, whatever was asked before: told from what can be seen while it is
    read from the wire. Longer texts than `LONGEST_SAID` do so only as reserved words among a heap of politeness."""
    if len(text) > LONGEST_SAID:
        return False
    words = words_of(text)
    ears = ears_of(number.market, number.languages)
    if ears.alarm.isdisjoint(words.words):
        return False
    look = Look(words, local_date(now, number.zone), None)
    said = ears.heard(words, partial(_claims, number, (), look))
    return said is not None and said.level < HELD_LEVEL


def _opt_out(number: NumberBook, look: Look, said: Revocation) -> Commanded:
    """An opt-out of any level, by whom it is meant for; words beside STOP are a keyword's or a brand's name."""
    brand = None if said.keyword is None else _owner(number, look, said.keyword)
    scope: OneOf["brand", "all"] = "all" if said.scope == "all" else "brand"
    evidence = "" if said.level == 1 else said.evidence
    return Commanded(Reserved("stop", scope, said.language), said.level, evidence, brand)


def _claims(number: NumberBook, questions: Sequence[Located], look: Look, words: Words) -> Whole | None:
    """What a text is as a whole, by words that an author wrote: free slots claim nothing."""
    if _owner(number, look, words) is not None:
        return "keyword"
    asked = look._replace(words=words)
    matches = (located.step.matcher.match(*asked) for located in questions if isinstance(located.step, Question))
    return "answer" if any(match is not None and _is_definite(match) for match in matches) else None


def _owner(number: NumberBook, look: Look, words: Words) -> str | None:
    """The brand whose keyword or name this is."""
    match = number.matcher.match(*look._replace(words=words))
    if match is not None and _is_definite(match):
        return _started(match).rule.brand
    return number.names.get(" ".join(words.words))


def _is_definite(match: Match) -> bool:
    return match.whole and all(kind < WORD_SLOT for kind in match.rank)


def _claimed(number: NumberBook, open_now: Open, look: Look, tried: list[Tried] | None) -> Claimed:
    """Steps 2 to 7."""
    for located in (*open_now.questions, *open_now.lapsed):
        answer = _answer(located, number, look)
        if answer is not None:
            return answer
        _note(tried, "open questions", located.run.rule, "no answer of it fits")
    match = number.matcher.match(*look)
    if match is not None:
        return _started(match)
    _note(tried, "keywords", number.number, "none fits")
    return _forgiving(number, open_now.questions, look, tried) or _leftover(number, open_now.questions, tried)


class Look(NamedTuple):
    """What a matcher is asked with: the words, and how dates and numbers in them are read."""

    words: Words
    today: date
    language: str | None


def _answer(located: Located, number: NumberBook, look: Look) -> Answered | Declined | None:
    """The answer that a text is to a question. To whether the contact opts in it must be the whole text, politeness
    aside (`ja graag`, not `ja maar niet nu`)."""
    step = located.step
    if isinstance(step, Question):
        match = step.matcher.match(*look)
        return None if match is None else Answered(located, match)
    assert isinstance(step, Enlist), "it asks something"
    assert step.matcher is not None, "a confirmation takes an answer"
    plain = without_politeness(look.words, number.market, located.brand.language)
    match = step.matcher.match(plain, look.today, look.language)
    if match is not None and match.whole:
        return Answered(located, match)
    no = load().affirmation("no", number.market, located.brand.language)
    return Declined(located) if located.run.kind == "confirm" and " ".join(plain.words) in no else None


def _is_yes(number: NumberBook, words: Words) -> bool:
    """Whether an opt-in word is one that people answer with, too (YES in the United States)."""
    said = (load().affirmation("yes", number.market, language) for language in number.languages)
    return not frozenset().union(*said).isdisjoint(words.words)


def _forgiving(
    number: NumberBook, questions: Sequence[Located], look: Look, tried: list[Tried] | None
) -> Claimed | None:
    for located in questions:
        match = located.step.matcher.forgive(*look) if isinstance(located.step, Question) else None
        if match is not None:
            return Answered(located, match)
    match = number.matcher.forgive(*look, first_exact=number.shared)
    if match is not None:
        return _started(match)
    _note(tried, "forgiving a mistake", number.number, "not exactly one rule comes out that may be guessed")
    return None


def _started(match: Match) -> Started:
    assert isinstance(match.key, Rule)
    return Started(match.key, match)


def _leftover(number: NumberBook, questions: Sequence[Located], tried: list[Tried] | None) -> Claimed:
    if not questions:
        brand = None if number.shared or not number.brands else number.brands[0]
        return Unclaimed(brand)
    newest = questions[0]
    step = newest.step
    if isinstance(step, Question) and (step.again is not None or step.otherwise is not None):
        return Missed(newest)
    _note(tried, "the question's else", newest.run.rule, "it has none")
    return Unclaimed(newest.brand.name)


def _note(tried: list[Tried] | None, step: str, what: str, outcome: str) -> None:
    if tried is not None:
        tried.append(Tried(step, what, outcome))
