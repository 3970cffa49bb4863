"""From a pattern as written to the straight paths of words and slots it stands for.

`REPAIR (KEUKEN | BAD) as unit [AUB]` is four paths. Choices and optional parts are spread out, so that the matcher
knows only sequences: a word (`str`), a word out of a choice (`ChoiceWord`), a slot (`Reader`) or any words
(`ANYTHING`). What a path captures besides its slots (a choice's value) is settled here. A choice's value is the
author's word in lower case, a quoted one keeps its spelling, and a slot in it adds the sender's spelling. Patterns that
cannot be used are told by `pattern_faults`; `compile_pattern` expects none.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from functools import reduce
from itertools import product
from typing import Literal as OneOf
from typing import assert_never

import msgspec

from rules.diagnostics import Diagnostic
from rules.packs import Packs, load
from rules.slots import Reader, RegexFault, compile_regex
from rules.syntax import Affirmation, Anything, Choice, Element, Maybe, Pattern, Quoted, Slot, Span, Word
from rules.words import items_of, words_of

MAX_PATHS = 5_000
"""Paths one pattern may spread out to: choices within choices multiply, and each path takes memory."""

MAX_SYMBOLS = 60
"""Words and slots of one path; a text of 160 characters seldom has more words, and the walk's depth stays bounded."""


class ChoiceWord(msgspec.Struct, frozen=True, gc=False):
    """A word that stands in a choice: it gives way to the same word standing alone."""

    word: str


class AnyWords(msgspec.Struct, frozen=True, gc=False):
    """`...`: no words, or any."""


ANYTHING = AnyWords()
Symbol = str | ChoiceWord | Reader | AnyWords


class Capture(msgspec.Struct, frozen=True, gc=False):
    """A captured name. `parts` are joined by spaces; a number among them is the place of a slot on the path.

    A name that is one slot alone gets the slot's value; all others get text.
    """

    name: str
    parts: tuple[str | int, ...]
    typed: bool = False


class Path(msgspec.Struct, frozen=True, gc=False):
    """One straight way through a pattern."""

    symbols: tuple[Symbol, ...]
    captures: tuple[Capture, ...] = ()


class CompiledPattern(msgspec.Struct, frozen=True, gc=False):
    """A pattern as paths, in the author's order. `loose`: it holds `...`, so it is tried after all others."""

    paths: tuple[Path, ...]
    loose: bool = False


@dataclass(frozen=True, slots=True)
class Reading:
    """How slots and yes/no are read: the brand's language and the number's market; either may be unknown."""

    language: str | None = None
    market: str | None = None
    packs: Packs = field(default_factory=load, compare=False, repr=False)


@dataclass(frozen=True, slots=True)
class _Draft:
    """A path in the making. `said` is what an enclosing choice keeps of it; numbers are places of slots."""

    symbols: tuple[Symbol, ...] = ()
    captures: tuple[Capture, ...] = ()
    said: tuple[str | int, ...] = ()
    slots: int = 0

    def then(self, other: _Draft) -> _Draft:
        if self is _NO_DRAFT:
            return other
        shifted = tuple(
            Capture(capture.name, _shifted(capture.parts, self.slots), capture.typed) for capture in other.captures
        )
        return _Draft(
            self.symbols + other.symbols,
            self.captures + shifted,
            self.said + _shifted(other.said, self.slots),
            self.slots + other.slots,
        )


_NO_DRAFT = _Draft()


def compile_pattern(pattern: Pattern, reading: Reading) -> CompiledPattern:
    """The paths of a pattern without faults (`pattern_faults`), for `Matcher` and `conflicts`."""
    return _compiled(_spread(pattern.elements, reading, chosen=False))


def begins(symbols: Iterable[Symbol], words: Iterable[str]) -> bool:
    """Whether a text of these words can be the beginning of what a path takes, or more than it takes."""
    for word, symbol in zip(words, symbols, strict=False):
        if isinstance(symbol, AnyWords | Reader):
            return True
        if word != (symbol.word if isinstance(symbol, ChoiceWord) else symbol):
            return False
    return True


def compile_choice(pattern: Pattern, number: int, reading: Reading) -> CompiledPattern:
    """The paths of a numbered choice: its pattern, and its number as digits or word (`2`, `twee`, `optie 2`)."""
    pack = reading.packs.language(reading.language)
    names = [str(number), *sorted(word for word, value in pack.numbers.items() if value == number)]
    phrases = [*names, *(f"{option} {name}" for option in sorted(pack.option) for name in names)]
    numbered = [_Draft(tuple(map(ChoiceWord, phrase.split()))) for phrase in phrases]
    # A choice keeps what it captures however it was picked: the author's first way of saying it.
    first, *others = _spread(pattern.elements, reading, chosen=True)
    constant = tuple(capture for capture in first.captures if not any(isinstance(part, int) for part in capture.parts))
    picked = [_Draft(draft.symbols, constant) for draft in numbered]
    return _compiled([first, *others, *picked])


def _compiled(drafts: Iterable[_Draft]) -> CompiledPattern:
    paths: dict[tuple[Symbol, ...], Path] = {}
    for draft in drafts:
        if draft.symbols:
            paths.setdefault(draft.symbols, Path(draft.symbols, draft.captures))
    return CompiledPattern(tuple(paths.values()), any(ANYTHING in symbols for symbols in paths))


def _spread(elements: tuple[Element, ...], reading: Reading, *, chosen: bool) -> list[_Draft]:
    ways = [_ways(element, reading, chosen=chosen) for element in elements]
    return [_joined(drafts) for drafts in product(*ways)]


def _joined(drafts: Iterable[_Draft]) -> _Draft:
    return reduce(_Draft.then, drafts, _NO_DRAFT)


def _ways(element: Element, reading: Reading, *, chosen: bool) -> list[_Draft]:
    match element:
        case Word(text=text):
            return [_Draft(_symbols(words_of(text).words, chosen=chosen), said=(text.lower(),))]
        case Quoted(text=text):
            return [_Draft(_symbols(items_of(text), chosen=chosen), said=(text,))]
        case Affirmation(answer=answer):
            phrases = sorted(reading.packs.affirmation(answer, reading.market, reading.language))
            return [_Draft(_symbols(phrase.split(), chosen=True), said=(answer,)) for phrase in phrases]
        case Choice(alternatives=alternatives, name=name):
            drafts = [draft for one in alternatives for draft in _spread(one, reading, chosen=True)]
            return drafts if name is None else [_named(draft, name) for draft in drafts]
        case Maybe(elements=elements):
            return [*_spread(elements, reading, chosen=chosen), _Draft()]
        case Slot():
            reader = reader_of(element, reading)
            return [_Draft((reader,), (Capture(element.name, (0,), typed=True),), (0,), 1)]
        case Anything():
            return [_Draft((ANYTHING,))]
        case _:
            assert_never(element)


def reader_of(slot: Slot, reading: Reading) -> Reader:
    """What a slot reads; it holds language and market only where they make a difference, so that rules share more."""
    language = reading.language if slot.kind in ("range", "number", "date", "time") else None
    market = reading.market if slot.kind in ("date", "phone") else None
    return Reader(slot.kind, slot.low, slot.high, slot.regex, language, market)


def _symbols(words: Iterable[str], *, chosen: bool) -> tuple[Symbol, ...]:
    return tuple(map(ChoiceWord, words)) if chosen else tuple(words)


def _named(draft: _Draft, name: str) -> _Draft:
    return _Draft(draft.symbols, (*draft.captures, Capture(name, draft.said)), draft.said, draft.slots)


def _shifted(parts: tuple[str | int, ...], by: int) -> tuple[str | int, ...]:
    return tuple(part + by if isinstance(part, int) else part for part in parts)


# --- what cannot be used -------------------------------------------------------------------------------------------


def pattern_faults(pattern: Pattern) -> list[Diagnostic]:
    """What keeps a pattern from being compiled: R610 to R614."""
    found = [fault for element in _elements(pattern.elements) for fault in _element_faults(element)]
    paths, longest, least = _size(pattern.elements)
    if paths > MAX_PATHS or longest > MAX_SYMBOLS:
        found.append(
            _fault(
                "R610",
                pattern.span,
                f"this pattern stands for {paths} sequences of up to {longest} words; "
                f"at most {MAX_PATHS} sequences of {MAX_SYMBOLS} words are kept",
                "split it into several rules with fewer choices each",
            )
        )
    elif least == 0 and not found:
        found.append(
            _fault("R611", pattern.span, "this pattern fits a text without any word", "add a word that is not optional")
        )
    return found


def _element_faults(element: Element) -> Iterator[Diagnostic]:
    if isinstance(element, Word | Quoted) and not items_of(element.text):
        yield _fault("R612", element.span, "there is no word between the quotes", "write the word a phone will send")
    elif isinstance(element, Slot) and element.kind == "range" and element.low > element.high:
        yield _fault(
            "R613",
            element.span,
            f"no number lies between {element.low} and {element.high}",
            f"write {element.high}..{element.low}",
        )
    elif isinstance(element, Slot) and element.kind == "regex":
        try:
            compile_regex(element.regex)
        except RegexFault as fault:
            yield _fault(
                "R614",
                element.span,
                f"this regular expression cannot be read: {fault}",
                "write it in RE2's syntax (no look-around, no back references)",
            )


def _elements(elements: tuple[Element, ...]) -> Iterator[Element]:
    for element in elements:
        yield element
        if isinstance(element, Choice):
            for alternative in element.alternatives:
                yield from _elements(alternative)
        elif isinstance(element, Maybe):
            yield from _elements(element.elements)


def _size(elements: tuple[Element, ...]) -> tuple[int, int, int]:
    """How many paths, how many symbols they have at most and at least; `...` counts as one."""
    paths, longest, least = 1, 0, 0
    for element in elements:
        match element:
            case Choice(alternatives=alternatives):
                sizes = [_size(alternative) for alternative in alternatives]
                size = (sum(s[0] for s in sizes), max(s[1] for s in sizes), min(s[2] for s in sizes))
            case Maybe(elements=inner):
                size = (_size(inner)[0] + 1, _size(inner)[1], 0)
            case Word(text=text) | Quoted(text=text):
                count = len(items_of(text))
                size = (1, count, count)
            case _:
                size = (1, 1, 1)
        paths, longest, least = paths * size[0], longest + size[1], least + size[2]
    return paths, longest, least


def _fault(code: OneOf["R610", "R611", "R612", "R613", "R614"], span: Span, message: str, help_text: str) -> Diagnostic:
    return Diagnostic(code, "error", span, message, help_text)
