"""Wording that does not belong where it stands: offers in answers, and offers that end otherwise than their vouchers.

A `reply` needs no consent because it answers (COMPLIANCE.md, "US consent classes"): a coupon, a voucher or a discount
in it is an advertisement that nobody agreed to, unless the contact asked for it. It has asked when the keyword or the
answer says so (`keyword KORTING`), when a text of the brand that promises it names the keyword ("stuur ENQUETE en u
krijgt korting"), when a question above has offered it, or when it has opted in on the way here. Which words mean an
offer stands in the language packs.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date, timedelta
from typing import Final

from rules import syntax as s
from rules.named import BrandNames, Findings
from rules.packs import load, market_of
from rules.places import inside
from rules.prompts import asked_for
from rules.slots import Reader, read
from rules.texts import Hole, template
from rules.walk import actions_of, elements_of, texts_of
from rules.words import Words, words_of

_LONGEST_PHRASE: Final = 4
"""Words of the longest phrase that means an offer."""
_BEFORE: Final = (timedelta(days=60), timedelta(days=67))
"""Days before a voucher's end on which a text about it may be read; a day that both give does not hang on when."""


def check_wording(brand: BrandNames, findings: Findings) -> None:
    """Offers in answers (R707), and dates beside a voucher that are not its own (R708)."""
    _Wording(brand, findings).check()
    _ends(brand, findings)


class _Wording:
    """Walks a brand's blocks with whether the contact has asked for an offer."""

    def __init__(self, brand: BrandNames, findings: Findings) -> None:
        self._brand = brand
        self._findings = findings
        self._market = market_of(brand.timezone)
        self._chains = {one.name: one for one in brand.whole if isinstance(one, s.Chain)}
        self._running: list[str] = []
        self._promised = set(self._promises())

    def check(self) -> None:
        """Tells of every offer in an answer that nobody asked for."""
        for head in self._brand.heads:
            for setting in head.settings:
                if setting.keyword == "stop" and isinstance(setting.value, s.Text):
                    self._text(setting.value)
        for declaration in self._brand.whole:
            match declaration:
                case s.Keyword(pattern=pattern, block=block):
                    self._block(block, self._asks(pattern))
                case s.Fallback(block=block) | s.On(block=block):
                    self._block(block, asked=False)

    def _promises(self) -> Iterator[str]:
        """First words of keywords that a text with an offer in it names."""
        for declaration in self._brand.whole:
            for action in actions_of(declaration):
                for text in texts_of(action):
                    for variant in text.variants:
                        if self._offer(variant) is not None:
                            for asked in asked_for(variant.string.value):
                                yield words_of(asked).words[0]

    def _asks(self, pattern: s.Pattern) -> bool:
        """Whether a pattern's own words ask for an offer, or are those that a text has promised one for."""
        for element in elements_of(pattern.elements):
            if isinstance(element, s.Word | s.Quoted):
                words = words_of(element.text).words
                if not self._promised.isdisjoint(words) or self._found(words, None) is not None:
                    return True
        return False

    def _block(self, block: s.Block, asked: bool) -> bool:
        """Whether the contact has asked by its end."""
        for action in block:
            asked = self._action(action, asked)
        return asked

    def _action(self, action: s.Action, asked: bool) -> bool:
        match action:
            case s.Reply(text=text) if not asked:
                self._text(text)
            case s.OptIn(message_class="promotional"):
                return True
            case s.Ask():
                return self._ask(action, asked)
            case s.If(branches=branches, otherwise=otherwise):
                ends = [self._block(one.block, asked or _agreed(one.condition)) for one in branches]
                return all([*ends, self._block(otherwise or (), asked)])
            case s.Split(arms=arms):
                ends = [self._block(arm.block, asked) for arm in arms]
                return all(ends)
            case s.WaitForEvent(then=then, silence=silence):
                self._block(silence or (), asked)
                return self._block(then or (), asked)
            case s.Run(chain=name) if name in self._chains and name not in self._running:
                self._running.append(name)
                asked = self._block(self._chains[name].block, asked)
                self._running.pop()
        return asked

    def _ask(self, ask: s.Ask, asked: bool) -> bool:
        if ask.message_class is None and not asked:
            self._text(ask.text)
        offered = asked or any(self._offer(variant) is not None for variant in ask.text.variants)
        if ask.message_class is None and not offered and ask.again is not None:
            self._text(ask.again.text)
        ends = [self._block(one.block, offered or self._asks(one.pattern)) for one in ask.answers]
        for block in (ask.otherwise, ask.silence):
            self._block(block or (), offered)
        return all(ends)

    def _text(self, text: s.Text) -> None:
        for variant in text.variants:
            found = self._offer(variant)
            if found is not None:
                words, span = found
                self._findings.warning(
                    "R707",
                    span,
                    f"{words} is an offer, and this text answers: nobody has agreed to offers here.",
                    'Say it under a consent, send promotional "…", or below `opt in promotional`; or let the contact '
                    "ask for it with a word that names it.",
                )

    def _offer(self, variant: s.TextIn) -> tuple[str, s.Span] | None:
        """The first thing in a text that makes it an offer, and its place."""
        string = variant.string
        for hole in template(string.value).holes:
            if _voucher_of(hole) in self._brand.given.get("voucher", {}):
                return "A voucher", inside(string, hole.start, hole.end)
        words = words_of(_plain(string.value))
        place = self._found(words.words, variant.language)
        if place is None:
            return None
        start, end = words.slices[place[0]][0], words.slices[place[1] - 1][1]
        return f'"{words.spelled(*place)}"', inside(string, start, end)

    def _found(self, words: list[str], language: str | None) -> tuple[int, int] | None:
        """Where words that mean an offer stand in some words: the first and the one behind the last."""
        packs = load()
        spoken = packs.spoken(self._market, language or self._brand.language)
        offers = frozenset().union(*(pack.offers for pack in spoken))
        for start in range(len(words)):
            for end in range(start + 1, min(start + _LONGEST_PHRASE, len(words)) + 1):
                if " ".join(words[start:end]) in offers:
                    return start, end
        return None


def _voucher_of(hole: Hole) -> str:
    """The voucher whose code, or whose page, stands in a place holder; empty where it is of another kind."""
    if hole.kind == "voucher":
        return hole.name
    kind, _, name = hole.name.partition(" ")
    return name if hole.kind == "link" and kind == "voucher" else ""


def _plain(text: str) -> str:
    """A text with blanks where its place holders stand: they are no words."""
    for hole in reversed(template(text).holes):
        text = text[: hole.start] + " " * (hole.end - hole.start) + text[hole.end :]
    return text


def _agreed(condition: s.Expression) -> bool:
    """Whether a condition holds only for who agreed to promotional texts."""
    match condition:
        case s.HasConsent(message_class="promotional"):
            return True
        case s.And(operands=operands):
            return any(map(_agreed, operands))
        case _:
            return False


def _ends(brand: BrandNames, findings: Findings) -> None:
    """A text that says until when an offer holds says what the voucher's own line says."""
    ends = {one.name: one.until for one in brand.whole if isinstance(one, s.Voucher) and one.until is not None}
    for declaration in brand.whole:
        for action in actions_of(declaration):
            for text in texts_of(action):
                for variant in text.variants:
                    _dates(variant, ends, brand, findings)


def _dates(variant: s.TextIn, ends: dict[str, s.Day | s.Moment], brand: BrandNames, findings: Findings) -> None:
    string = variant.string
    named = map(_voucher_of, template(string.value).holes)
    own = {_day_of(ends[name]): name for name in named if name in ends}
    if not own:
        return
    last, name = next(iter(own.items()))
    for said, start, end in _told(words_of(_plain(string.value)), variant.language or brand.language, brand, last):
        if said not in own:
            findings.warning(
                "R708",
                inside(string, start, end),
                f"This text names {said.isoformat()}, and the voucher `{name}` counts until {last.isoformat()}.",
                "Let both name the same day: whoever comes in time must be served.",
            )


def _told(words: Words, language: str, brand: BrandNames, last: date) -> Iterator[tuple[date, int, int]]:
    """The days until which a text says something holds, with where they stand; weekdays name none by themselves."""
    until = load().language(language).until
    reader = Reader("date", language=language, market=market_of(brand.timezone))
    at = 0
    while at < len(words.words):
        ways = [read(reader, words, at, last - back, None) for back in _BEFORE]
        same = [one for one in ways[0] if one in ways[1] and isinstance(one[1], date)]
        before = words.words[max(0, at - _LONGEST_PHRASE) : at]
        if same and any(" ".join(before[place:]) in until for place in range(len(before))):
            end, said, _ = same[-1]
            assert isinstance(said, date)
            yield said, words.slices[at][0], words.slices[end - 1][1]
            at = end
        else:
            at += 1


def _day_of(until: s.Day | s.Moment) -> date:
    day = until.day if isinstance(until, s.Moment) else until
    return date(day.year, day.month, day.day)
