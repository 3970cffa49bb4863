"""Clashes between rules, found before anything runs: ambiguous and shadowed rules, words that belong to others.

LANGUAGE.md section 4. Two rules that some text fits with equal rank are an error; it shows such a text, and that text
has been matched to prove it. Equal rank means the same classes word by word, so two paths can only tie when they have
the same row of words and slot classes: one look in a dictionary finds them, however many rules there are. A rule that
none of its texts can start is a warning. On a shared number a rule starts with a plain word, that word belongs to one
brand, and `...` is not heard. Reserved words of the number's market and the brand's language are no keyword and no
answer; an opt-in word that also means yes may answer a question (COMPLIANCE.md C6).
Not found: two different regular expressions between which no common text can be made up.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from datetime import date
from typing import Literal as OneOf

import msgspec

from rules.diagnostics import Diagnostic
from rules.keywords import Entry, Matcher
from rules.packs import load, reserved
from rules.patterns import AnyWords, ChoiceWord, CompiledPattern, Path, Symbol
from rules.samples import samples_of, texts_of
from rules.slots import CLASSES, REGEX, TEXT, Reader
from rules.syntax import Span
from rules.words import Words, mark_of, words_of

MAX_COMPARED_RULES = 200
"""Rules with the same row of words and slots that one rule is compared with; beyond it the first clashes are told."""

# Which day it is makes no difference to whether two rules fit equally.
_SOME_DAY = date(2026, 1, 5)

Key = tuple[object, ...]


class Claim(msgspec.Struct, frozen=True, gc=False):
    """A rule's claim to texts: whose it is, what it fits, where it stands. `on`: its author named the number."""

    brand: str
    language: str | None
    pattern: CompiledPattern
    span: Span
    on: bool = False


class Ground(msgspec.Struct, frozen=True):
    """Where claims meet: the keywords of one number (`number` names it), or the answers of one question (None)."""

    claims: Sequence[Claim]
    market: str | None
    number: str | None = None
    shared: bool = False


def clashes(ground: Ground) -> list[Diagnostic]:
    """Everything that is wrong between the claims on one ground."""
    found = [*_reserved(ground)]
    if ground.shared:
        found += _ownership(ground)
    by_brand: dict[str, list[Claim]] = defaultdict(list)
    for claim in ground.claims:
        by_brand[claim.brand].append(claim)
    for claims in by_brand.values():
        tied, ties = _ambiguous(claims)
        found += ties
        found += _shadowed(claims, tied)
    return found


# --- rules that fit equally well -----------------------------------------------------------------------------------


def _ambiguous(claims: Sequence[Claim]) -> tuple[set[int], list[Diagnostic]]:
    """The places of claims that tie with another, and what is said about them: once for a pair."""
    rows: dict[Key, list[tuple[int, Path]]] = {}
    tied: set[int] = set()
    found: list[Diagnostic] = []
    for place, claim in enumerate(claims):
        told: set[int] = set()
        for path in claim.pattern.paths:
            row = rows.setdefault((claim.on, claim.pattern.loose, *_row(path)), [])
            for other, other_path in row[:MAX_COMPARED_RULES]:
                if other == place or other in told:
                    continue
                text = _common_text((claim, path), (claims[other], other_path))
                if text is not None:
                    told.add(other)
                    tied |= {place, other}
                    found.append(_tie(claim, claims[other], text))
            row.append((place, path))
    return tied, found


def _row(path: Path) -> Iterator[object]:
    """The classes and words of a path. Neighbouring slots that span words count once: they can share words out."""
    last: object = None
    for symbol in path.symbols:
        if isinstance(symbol, AnyWords):
            continue
        this = CLASSES[symbol.kind] if isinstance(symbol, Reader) else symbol
        if not (this == last and this in (REGEX, TEXT)):
            yield this
        last = this


def _common_text(one: tuple[Claim, Path], other: tuple[Claim, Path]) -> str | None:
    """A text that both fit with equal rank; None when there is none."""
    if _apart(one[1], other[1]):
        return None
    matchers = [Matcher([Entry(claim.pattern, None)]) for claim, _ in (one, other)]
    for text in (*_merged(one[1], other[1]), *texts_of(one[1]), *texts_of(other[1])):
        words = words_of(text)
        matches = [matcher.match(words, _SOME_DAY) for matcher in matchers]
        if all(matches) and len({match.rank for match in matches if match is not None}) == 1:
            return text
    return None


def _merged(one: Path, other: Path) -> Iterator[str]:
    """Texts made of what both paths have in common, symbol by symbol."""
    symbols = [[symbol for symbol in path.symbols if not isinstance(symbol, AnyWords)] for path in (one, other)]
    if len(symbols[0]) == len(symbols[1]):
        yield from texts_of(Path(tuple(_narrower(a, b) for a, b in zip(*symbols, strict=True))))


def _apart(one: Path, other: Path) -> bool:
    """Whether they ask for ranges without a common number at the same place: then nothing need be tried."""
    return len(one.symbols) == len(other.symbols) and any(
        isinstance(a, Reader)
        and isinstance(b, Reader)
        and a.kind == b.kind == "range"
        and (a.high < b.low or b.high < a.low)
        for a, b in zip(one.symbols, other.symbols, strict=True)
    )


def _narrower(one: Symbol, other: Symbol) -> Symbol:
    if isinstance(one, Reader) and isinstance(other, Reader):
        if one.kind == "range":
            return Reader("range", max(one.low, other.low), min(one.high, other.high))
        return one if len(samples_of(one)) <= len(samples_of(other)) else other
    return one


def _tie(claim: Claim, other: Claim, text: str) -> Diagnostic:
    return Diagnostic(
        "R601",
        "error",
        claim.span,
        f'"{_shown(text)}" fits this and {_place(other.span)} equally well',
        "make one of them say more, or leave one out: the more specific one wins",
        ((other.span, "the other one"),),
    )


# --- rules that never win ------------------------------------------------------------------------------------------


def _shadowed(claims: Sequence[Claim], tied: set[int]) -> list[Diagnostic]:
    some_on = any(claim.on for claim in claims)
    doubtful = [
        place
        for place, claim in enumerate(claims)
        if place not in tied and not any(_sure(path, claim, some_on) for path in claim.pattern.paths)
    ]
    if not doubtful:
        return []
    matcher = Matcher(Entry(claim.pattern, place, on=claim.on) for place, claim in enumerate(claims))
    found = []
    for place in doubtful:
        winner = _winner(claims[place], place, matcher)
        if winner is not None:
            text, other = winner[0], claims[winner[1]]
            found.append(
                Diagnostic(
                    "R602",
                    "warning",
                    claims[place].span,
                    f'no text can come here: "{_shown(text)}", like every other, goes to {_place(other.span)}',
                    "leave this out, or make it fit something the other one does not",
                    ((other.span, "this one wins"),),
                )
            )
    return found


def _sure(path: Path, claim: Claim, some_on: bool) -> bool:
    """Words alone, standing for themselves, lose only to the same words with `on`: all else that beats them ties."""
    return (claim.on or not some_on) and all(isinstance(symbol, str) for symbol in path.symbols)


def _winner(claim: Claim, place: int, matcher: Matcher) -> tuple[str, int] | None:
    """A text of the claim and the place of the claim that wins it, when it wins none of its own texts."""
    first: tuple[str, int] | None = None
    for path in claim.pattern.paths:
        made = False
        for text in texts_of(path):
            match = matcher.match(words_of(text), _SOME_DAY)
            if match is None:
                continue
            made = True
            if match.key == place:
                return None
            if first is None and isinstance(match.key, int):
                first = (text, match.key)
        if not made:
            return None  # no text could be made up: let it pass
    return first


# --- whose words they are ------------------------------------------------------------------------------------------


def _ownership(ground: Ground) -> Iterator[Diagnostic]:
    """Shared numbers: a plain word first, one brand to a word, no `...`."""
    owners: dict[str, Claim] = {}
    told: set[tuple[str, str, str]] = set()
    for claim in ground.claims:
        if claim.pattern.loose:
            yield Diagnostic(
                "R607",
                "error",
                claim.span,
                f"`...` is never heard on {ground.number}, which several brands share",
                "leave `...` out, or add `on` with a number of your own",
            )
            continue
        firsts = dict.fromkeys(_plain(path.symbols[0]) for path in claim.pattern.paths)
        if None in firsts:
            yield Diagnostic(
                "R603",
                "error",
                claim.span,
                f"several brands share {ground.number}, so a keyword there starts with a plain word",
                "put a word of your own first, or add `on` with a number of your own",
            )
        for word in filter(None, firsts):
            owner = owners.setdefault(word, claim)
            pair = (word, owner.brand, claim.brand)
            if owner.brand != claim.brand and pair not in told:
                told.add(pair)
                yield _clash(word, claim, owner, ground.number)


def _plain(symbol: Symbol) -> str | None:
    word = symbol.word if isinstance(symbol, ChoiceWord) else symbol
    return word if isinstance(word, str) and not mark_of(word[0]) else None


def _clash(word: str, claim: Claim, owner: Claim, number: str | None) -> Diagnostic:
    return Diagnostic(
        "R604",
        "error",
        claim.span,
        f"{word.upper()} on {number} already belongs to {owner.brand} ({_place(owner.span)}); "
        f"{claim.brand} cannot have it too ({claim.span.file})",
        "choose another first word, or agree with the other brand who keeps it",
        ((owner.span, f"{owner.brand} has it here"),),
    )


def _reserved(ground: Ground) -> Iterator[Diagnostic]:
    for claim in ground.claims:
        for words in _plain_paths(claim.pattern):
            found = reserved(words, ground.market, claim.language)
            if found is None:
                continue
            phrase = " ".join(words.words)
            if ground.number is None:
                if found.kind == "start" and phrase in load().affirmation("yes", ground.market, claim.language):
                    continue
                yield _taken("R606", claim, phrase, "no answer can be", found.kind)
            else:
                yield _taken("R605", claim, phrase, "no keyword can be", found.kind)
            break


def _plain_paths(pattern: CompiledPattern) -> Iterable[Words]:
    for path in pattern.paths:
        words = [symbol.word if isinstance(symbol, ChoiceWord) else symbol for symbol in path.symbols]
        texts = [word for word in words if isinstance(word, str)]
        if len(texts) == len(words):
            yield Words(" ".join(texts), texts)


_SERVES = {"stop": "stops the messages", "start": "starts them again", "help": "asks for help"}


def _taken(
    code: OneOf["R605", "R606"], claim: Claim, phrase: str, what: str, kind: OneOf["stop", "start", "help"]
) -> Diagnostic:
    return Diagnostic(
        code,
        "error",
        claim.span,
        f"{what} {phrase.upper()}: whoever texts it {_SERVES[kind]}",
        "choose another word; the gateway answers this one itself",
    )


def _place(span: Span) -> str:
    return f"{span.file}:{span.line}"


def _shown(text: str) -> str:
    return text.upper() if text.isascii() else text
