"""Who wants no more texts, and how sure we are (COMPLIANCE.md "Graded revocation", C2, C10).

1. The text is an opt-out word or phrase, politeness aside; or such a word and a keyword ("STOP BURGER").
2. It is one, but for one typing mistake in a word of four letters or more. Not when that makes an ordinary word of a
   language spoken there (STEP, SHOP), and not when a word to start with or to ask for help is as near (AMELDEN).
3. It says so in other words ("stop texting me", "geen sms meer"): a clause begins with such a phrase, fillers aside.
4. It holds the word in a sentence ("we have got to STOP this bill"), or a phrase with a condition ("no texts before
   nine"). Nobody is opted out: what is promotional is held back, and a person reads it.

What a brand's own keyword or an open question's answer takes as a whole is never 2 to 4. All words and phrases are data
(`markets/language_*.toml`, table `revocation`). A text without any word that could lead to one of the four costs one
look-up in a set for each of its words.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator
from functools import lru_cache
from itertools import groupby
from typing import Literal as OneOf

import msgspec

from rules.packs import KEPT_TABLES, Language, Reserved, load, reserved, vocabulary
from rules.tongues import Level, Scope, Tongue, spaced, tongue_of
from rules.typos import MIN_LETTERS, mistaken
from rules.words import MAX_MATCHED_CHARACTERS, Words, words_of

LONGEST_SAID = 480
"""Characters of the longest text that opts out in other words or with a mistake: three parts. A longer one is a letter,
and a person reads it; it also bounds what is looked at while texts are read from the wire."""

MAX_CLAUSES = 40
"""Clauses of a text that are looked at, so that a wall of punctuation costs no more than a text."""

MAX_SCOPED = 6
"""Words of the longest text that can be an opt-out word and a keyword."""

MAX_STRETCH = 10
"""Times that a key may be held too long: more is noise."""

MAX_EVIDENCE = 160
"""Characters of the sender's own that are kept as evidence: one text."""

Claimed = OneOf["keyword", "answer"]
Claims = Callable[[Words], Claimed | None]
"""What a text is as a whole: a keyword of the number or the name of a brand on it, an open question's answer, or
neither."""

# What ends a clause: marks that do so wherever they stand, and those that also stand inside words (a.u.b., 9:30).
_CLAUSE_END = re.compile(r"[!?;,\n\r…¡¿。！？]+|[.:]+(?=\s|$)|\s[-–—]+\s")
_LETTERS = "abcdefghijklmnopqrstuvwxyz0123456789"


class Revocation(msgspec.Struct, frozen=True):
    """The wish to get no more texts, and what it rests on.

    `keyword`: the words beside the opt-out word, where the scope is that of a keyword. `language`: the one to answer
    in. `evidence` is what the sender wrote, `meant` the word or phrase of the pack that it was taken for.
    """

    level: Level
    scope: Scope
    language: str
    evidence: str
    meant: str
    keyword: Words | None = None


def revocation(words: Words, market: str | None, languages: Iterable[str], claims: Claims) -> Revocation | None:
    """What a text says about getting no more; None for nearly every text.

    `languages` are those of the number (its market's first) and its brands.
    """
    ears = ears_of(market, tuple(languages))
    return None if ears.alarm.isdisjoint(words.words) else ears.heard(words, claims)


@lru_cache(maxsize=KEPT_TABLES)
def ears_of(market: str | None, languages: tuple[str, ...]) -> Ears:
    """What is listened for in a market by brands of these languages."""
    return Ears(market, languages)


class Ears:
    """The words and phrases of one market and the languages spoken to it. `alarm`: a text without any of these words
    is no revocation, nor any other reserved word."""

    def __init__(self, market: str | None, languages: tuple[str, ...]) -> None:
        packs = load()
        self._market = market
        self._languages = languages or ("",)
        spoken = {pack.code: pack for language in self._languages for pack in packs.spoken(market, language)}
        self._tongues = [tongue_of(code) for code in spoken]
        self._with_keyword = {
            word: pack.code for pack in reversed(spoken.values()) for word in pack.revocation.with_keyword
        }
        self._reserved: dict[str, Reserved] = {}
        for language in reversed(self._languages):
            self._reserved |= vocabulary(market, language)
        polite = (pack.polite | pack.revocation.fillers for pack in (*spoken.values(), packs.language(None)))
        self._soft = frozenset().union(*polite)
        self._typos, self._unsure = self._mistakes(spoken.values())
        self._inner = frozenset(
            max(phrase.split(), key=len) for pack in spoken.values() for phrase in pack.revocation.inside
        )
        """Words that a text must hold for a word inside a sentence to count."""
        self._scoping = frozenset(word for phrase in self._with_keyword for word in phrase.split()).union(self._typos)
        self.alarm = frozenset(word for phrase in self._reserved for word in phrase.split()).union(
            self._typos, self._unsure, self._inner, self._scoping, *(tongue.by_anchor for tongue in self._tongues)
        )

    def heard(self, words: Words, claims: Claims) -> Revocation | None:
        """What a text says that holds a word of `alarm`."""
        exact = self._exact(words)
        if exact is not None:
            return _of(1, exact.scope, exact.language, words.original, words) if exact.kind == "stop" else None
        short = len(words.original) <= LONGEST_SAID
        scoped = self._scoped(words, claims) if short else None
        if scoped is not None:
            return scoped
        found = (self._mistyped(words) if short else None) or self._said(words, short=short) or self._inside(words)
        if found is not None and (claims(words) is not None or claims(self._bare(words)) is not None):
            return None
        return found

    def _mistakes(self, packs: Iterable[Language]) -> tuple[dict[str, str], dict[str, str]]:
        """Every word one mistake away from an opt-out word, and that word; those apart that are as near to another
        reserved word."""
        ordinary = set(self._soft).union(self._reserved)
        for pack in packs:
            ordinary |= pack.revocation.neighbours | pack.revocation.alone | pack.yes | pack.no
        near: dict[bool, dict[str, str]] = {True: {}, False: {}}
        for word, meaning in self._reserved.items():
            if len(word) >= MIN_LETTERS and " " not in word:
                for typed in (mistaken(word, _LETTERS) | _stretched(word)) - ordinary:
                    near[meaning.kind == "stop"].setdefault(typed, word)
        sure = {typed: word for typed, word in near[True].items() if typed not in near[False]}
        return sure, {typed: near[True][typed] for typed in near[True].keys() & near[False].keys()}

    def _exact(self, words: Words) -> Reserved | None:
        found = (reserved(words, self._market, language) for language in self._languages)
        return next((one for one in found if one is not None), None)

    def _bare(self, words: Words) -> Words:
        """The text without politeness and fillers; a text of nothing else stays whole."""
        dropped = frozenset(at for at, word in enumerate(words.words) if word in self._soft)
        return words if len(dropped) in (0, len(words.words)) else words.without(dropped)

    def _scoped(self, words: Words, claims: Claims) -> Revocation | None:
        """An opt-out word and a keyword, in this order exactly or with a mistake, in the other in other words."""
        if self._scoping.isdisjoint(words.words):
            return None
        bare = self._bare(words)
        texts, last = bare.words, len(bare.words) - 1
        if not 0 < last < MAX_SCOPED:
            return None
        for length in (2, 1):
            said = " ".join(texts[:length])
            meant = said if said in self._with_keyword else self._typos.get(said, "")
            if length <= last and meant in self._with_keyword:
                keyword = bare.without(frozenset(range(length)))
                if claims(keyword) == "keyword":
                    return _of(1 if said == meant else 2, "keyword", self._with_keyword[meant], meant, words, keyword)
        keyword = bare.without(frozenset((last,)))
        if texts[last] in self._with_keyword and claims(keyword) == "keyword" and claims(bare) is None:
            return _of(3, "keyword", self._with_keyword[texts[last]], texts[last], words, keyword)
        return None

    def _mistyped(self, words: Words) -> Revocation | None:
        if self._typos.keys().isdisjoint(words.words):
            return None
        for tongue in self._tongues:
            texts = [word for word, _ in groupby(tongue.bare(words.words))]
            meant = [self._typos.get(text, text) for text in texts]
            if sum(map(str.__ne__, texts, meant)) == 1:
                found = self._reserved.get(" ".join(meant))
                if found is not None and found.kind == "stop":
                    return _of(2, found.scope, found.language, " ".join(meant), words)
        return None

    def _said(self, words: Words, *, short: bool) -> Revocation | None:
        """The clause that says the most."""
        best: Revocation | None = None
        for clause in _clauses(words):
            if self.alarm.isdisjoint(clause.words):
                continue
            for tongue in self._tongues:
                found = self._said_in(tongue, clause, short=short)
                if found is not None and found.level == 3:
                    return found
                best = best or found
        return best

    def _said_in(self, tongue: Tongue, clause: Words, *, short: bool) -> Revocation | None:
        bare = tongue.bare(clause.words)
        exact = self._reserved.get(" ".join(bare))
        if exact is not None and exact.kind == "stop" and exact.scope == "all":
            return _of(3 if short else 4, "all", exact.language, " ".join(bare), clause)
        said = tongue.says(bare)
        if said is None:
            return None
        level, scope, meant = said
        return _of(level if short else 4, scope, tongue.code, meant, clause)

    def _inside(self, words: Words) -> Revocation | None:
        """The opt-out word that a sentence holds, where no language knows it as part of an everyday phrase."""
        if not self._inner.isdisjoint(words.words):
            left = words.words
            for tongue in self._tongues:
                left = tongue.without_harmless(left)
            sentence = f" {spaced(left)}"
            for tongue in self._tongues:
                for phrase in sorted(tongue.inside):
                    if f" {phrase} " in sentence:
                        return _of(4, "brand", tongue.code, phrase, words)
        if not self._unsure.keys().isdisjoint(words.words):
            for tongue in self._tongues:
                meant = self._unsure.get(" ".join(tongue.bare(words.words)))
                if meant is not None:
                    return _of(4, "brand", tongue.code, meant, words)
        return None


def _clauses(words: Words) -> Iterator[Words]:
    """The whole text, then its clauses: phrases go on over a comma, and others begin after one."""
    yield words
    clauses = _CLAUSE_END.split(words.original[:MAX_MATCHED_CHARACTERS], maxsplit=MAX_CLAUSES)[:MAX_CLAUSES]
    if len(clauses) > 1:
        yield from map(words_of, clauses)


def _of(
    level: Level, scope: Scope, language: str, meant: str, words: Words, keyword: Words | None = None
) -> Revocation:  # fmt: skip
    evidence = words.original.strip()[:MAX_EVIDENCE]
    return Revocation(level, scope, language, evidence, meant, keyword)


def _stretched(word: str) -> set[str]:
    """The word with one of its letters held (`STOPPPP`)."""
    places = range(len(word))
    return {word[:at] + word[at] * more + word[at:] for at in places for more in range(1, MAX_STRETCH)}
