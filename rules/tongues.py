"""What one language has to say about getting no more texts: its phrases, and what is said beside them.

A clause is read without politeness and fillers. It says something where a phrase begins it, after phrases that only
lead to another ("can you", "I told you to"); a phrase that the clause goes on to make conditional, and one that is a
doubt by itself, is for a person. Each phrase is noticed by one of a few words and asked only then; its expression is
compiled when it is first needed.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from functools import cache, cached_property
from typing import Literal as OneOf
from typing import cast

from rules.packs import Language, load
from rules.phrases import Phrase, compile_phrase

MAX_LEADS = 4
"""Phrases and opt-out words that may stand before another phrase ("stop, I told you, can you …")."""

Level = OneOf[1, 2, 3, 4]
Scope = OneOf["brand", "all", "keyword"]


@cache
def tongue_of(code: str) -> Tongue:
    """A language that has a pack."""
    return Tongue(load().languages[code])


class _Said:
    """A phrase of a language, and what it says. Its expression is compiled when it is first needed."""

    def __init__(self, order: int, phrase: Phrase, level: Level, scope: Scope) -> None:
        self.order = order
        self.phrase = phrase
        self.level = level
        self.scope = scope

    @cached_property
    def expression(self) -> re.Pattern[str]:
        """Reads a clause from where the phrase begins."""
        return re.compile(self.phrase.expression + ("" if self.phrase.is_open else "$"))


class Tongue:
    """One language's share: its phrases by the words they are noticed by, and what is dropped before."""

    def __init__(self, pack: Language) -> None:
        lists = pack.revocation
        soft = pack.polite | load().language(None).polite | lists.fillers
        self.code = pack.code
        self.inside = lists.inside
        self._soft_words = frozenset(phrase for phrase in soft if " " not in phrase)
        soft_phrases = [phrase for phrase in soft if " " in phrase]
        self._soft_first = frozenset(phrase.split()[0] for phrase in soft_phrases)
        self._soft_phrases = re.compile(rf"(?<!\S){_any(soft_phrases)} ")
        self._alone = lists.alone
        alone = f"{_any(lists.alone)} "
        self._lead = re.compile("|".join((alone, *_expressions(lists.leads, lists.sets))))
        self._turns = _anywhere(lists.turns, lists.sets)
        self._harmless = _anywhere(lists.harmless, lists.sets)
        said = [(source, 3, "all") for source in lists.phrases_all]
        said += [(source, 3, "brand") for source in lists.phrases]
        said += [(source, 4, "brand") for source in lists.doubts]
        self.by_anchor: dict[str, list[_Said]] = {}
        for order, (source, level, scope) in enumerate(said):
            one = _Said(order, compile_phrase(source, lists.sets, lists.common), cast(Level, level), cast(Scope, scope))
            for word in one.phrase.anchors:
                self.by_anchor.setdefault(word, []).append(one)
        self.starts = frozenset(phrase.split()[0] for phrase in lists.alone | lists.inside)

    def bare(self, words: Sequence[str]) -> list[str]:
        """The words that say something."""
        if not self._soft_first.isdisjoint(words):
            words = self._soft_phrases.sub("", spaced(words)).split()
        return [word for word in words if word not in self._soft_words]

    def says(self, bare: Sequence[str]) -> tuple[Level, Scope, str] | None:
        """What a clause says: level, scope, and the phrase that says it."""
        candidates = {one.order: one for word in bare for one in self.by_anchor.get(word, ())}
        is_noticed = not self.starts.isdisjoint(bare)
        if not candidates and not is_noticed:
            return None
        text = spaced(bare)
        places = self._places(text)
        if is_noticed and places[-1] == len(text) and self._ends_alone(text):
            return 3, "brand", text.strip()
        for _, one in sorted(candidates.items()):
            for place in places:
                found = one.expression.match(text, place)
                if found is not None:
                    turned = self._turns.search(text, found.end())
                    return (4 if turned else one.level), one.scope, one.phrase.source
        return None

    def without_harmless(self, words: Sequence[str]) -> list[str]:
        """What is left of a sentence without its everyday phrases (`bus stop`)."""
        return self._harmless.sub("", spaced(self.bare(words))).split()

    def _places(self, text: str) -> list[int]:
        """Where a phrase may begin: at the start, and after each phrase that leads to another."""
        places = [0]
        while len(places) <= MAX_LEADS:
            lead = self._lead.match(text, places[-1])
            if lead is None:
                break
            places.append(lead.end())
        return places

    def _ends_alone(self, text: str) -> bool:
        left = f" {self._harmless.sub('', text)}"
        return any(left.endswith(f" {phrase} ") for phrase in self._alone)


def spaced(words: Iterable[str]) -> str:
    """Words as expressions read them: each followed by one space."""
    return "".join(f"{word} " for word in words)


def _any(phrases: Iterable[str]) -> str:
    return f"(?:{'|'.join(sorted(map(re.escape, phrases), key=len, reverse=True))})"


def _expressions(sources: Iterable[str], sets: Mapping[str, str]) -> list[str]:
    return [compile_phrase(source, sets).expression for source in sources]


def _anywhere(sources: Iterable[str], sets: Mapping[str, str]) -> re.Pattern[str]:
    return re.compile(rf"(?<!\S)(?:{'|'.join(_expressions(sources, sets))})")
