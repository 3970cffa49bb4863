"""Who gets a text and why (LANGUAGE.md section 5), told for one who texts for the first time or was asked something.

The same `route` that production runs decides; what it noted at each step it passed over becomes `tried`, with the
rules that begin like the text and did not get it.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Final, assert_never

import msgspec

from router.case import local_date
from router.commands import Commanded, speaks_for
from router.messages import Contact, Facts, Inbound
from router.plan import Tried
from router.routes import (
    NOTHING_OPEN,
    Answered,
    Declined,
    Doubtful,
    Missed,
    Open,
    Route,
    Started,
    Unclaimed,
    is_turned_away,
    route,
)
from rules.diagnostics import Source
from rules.facts import Value
from rules.keywords import Entry, Matcher
from rules.parse import parse
from rules.patterns import Reading, compile_pattern
from rules.rulebook import BrandBook, NumberBook, Rule, Rulebook
from rules.syntax import Keyword
from rules.words import Words, words_of

_LEVELS: Final = {
    1: "it is one, whatever the rules say",
    2: "level 2: it is one but for a typing mistake ({}), and no keyword",
    3: "level 3: it says so in other words ({})",
}


class Explanation(msgspec.Struct, frozen=True):
    """Who gets a text: `rule` is its head as written, `file` and `line` its place (empty and 0 where there is none).

    `brand` is None where nobody but the operator sees the text. `tried` ends with the step that took it. `matched` are
    the sender's words that the keyword or answer took; empty where none did.
    """

    brand: str | None
    rule: str
    file: str
    line: int
    captured: Mapping[str, Value]
    tried: tuple[Tried, ...]
    matched: str = ""


def explain(
    book: Rulebook, number: str, sender: str, text: str, now: int, open_now: Open = NOTHING_OPEN
) -> Explanation:
    """Explain one text to one number at an instant (dates in it are read on that day).

    `open_now`: what the sender was asked and has not answered; by default nothing.
    """
    granted = book.numbers.get(number)
    if granted is None:
        return Explanation(None, "", "", 0, {}, (Tried("number", number, "no brand is granted it"),))
    message = Inbound(
        id=0, connector="", session=0, sequence=0, sender=sender, recipient=number, text=text, received_at=now
    )
    facts = Facts(Contact(0, sender, is_new=True), number, message=message)
    tried: list[Tried] = []
    chosen = route(facts, message, granted, open_now, now, tried)
    if is_turned_away(chosen, granted, sender):
        return Explanation(None, "", "", 0, {}, (Tried("number", number, "it is not for phones of that country"),))
    taken = chosen.route if isinstance(chosen, Doubtful) else chosen
    near = list(_near(book, granted, text, taken, now))
    place = next((at for at, one in enumerate(tried) if one.step == "keywords"), len(tried))
    tried[place:place] = near
    return _explained(chosen, facts, granted, tried)


def _explained(chosen: Route, facts: Facts, number: NumberBook, tried: list[Tried]) -> Explanation:
    match chosen:
        case Commanded(reserved, level, evidence, owner):
            last = Tried("reserved words", reserved.kind, _LEVELS[level].format(evidence))
            return Explanation(owner or speaks_for(facts, number), reserved.kind, "", 0, {}, (*tried, last))
        case Doubtful(inner):
            return _explained(inner, facts, number, tried)
        case Started(rule, match):
            forgiven = any(one.step == "keywords" and one.what == number.number for one in tried)
            last = Tried("forgiving a mistake" if forgiven else "keywords", rule.head, "it fits")
            return _of(rule, match.captured, (*tried, last), match.taken)
        case Unclaimed(brand):
            own = None if brand is None else number.fallbacks.get(brand)
            if own is not None:
                return _of(own, {}, (*tried, Tried("fallback", own.head, "it takes what nothing else took")))
            said = "several brands share the number: the operator answers" if brand is None else "it has none"
            return Explanation(brand, "", "", 0, {}, (*tried, Tried("fallback", brand or number.number, said)))
        case Answered(located, match):
            last = Tried("open questions", located.run.rule, "an answer of it fits")
            return _of(located.brand.rules[located.run.rule], match.captured, (*tried, last), match.taken)
        case Declined(located):
            last = Tried("open questions", located.run.rule, "it says no to opting in")
            return _of(located.brand.rules[located.run.rule], {}, (*tried, last))
        case Missed(located):
            last = Tried("the question's else", located.run.rule, "it takes what nothing else took")
            return _of(located.brand.rules[located.run.rule], {}, (*tried, last))
        case _:
            assert_never(chosen)


def _of(rule: Rule, captured: Mapping[str, Value], tried: tuple[Tried, ...], matched: str = "") -> Explanation:
    return Explanation(rule.brand, rule.head, rule.file, rule.line, captured, tried, matched)


def _near(book: Rulebook, number: NumberBook, text: str, chosen: Route, now: int) -> Iterator[Tried]:
    """The keywords that begin with the text's first word and did not get it."""
    words = words_of(text)
    taken = chosen.rule if isinstance(chosen, Started) else None
    for name in number.brands:
        for rule in book.brands[name].rules.values():
            pattern = rule.head.removeprefix("keyword ")
            if rule is taken or pattern == rule.head or words_of(pattern).words[:1] != words.words[:1]:
                continue
            if taken is not None and _fits(rule, words, book.brands[name], number, now):
                yield Tried("keywords", rule.head, f"it fits, but less closely than {taken.head}")
            else:
                yield Tried("keywords", rule.head, "the text is not what it takes")


def _fits(rule: Rule, words: Words, brand: BrandBook, number: NumberBook, now: int) -> bool:
    """Whether a keyword by itself takes a text; its head is read again, since no rulebook keeps patterns."""
    file, _ = parse(Source("", f"{rule.head}\n    tag x\n"))
    reading = Reading(brand.language, number.market)
    day = local_date(now, number.zone)
    return any(
        Matcher([Entry(compile_pattern(keyword.pattern, reading), rule)]).match(words, day) is not None
        for keyword in (file.declarations if file is not None else ())
        if isinstance(keyword, Keyword)
    )
