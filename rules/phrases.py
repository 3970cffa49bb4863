"""Phrases as data: a small notation for what people write in many ways, made into expressions over normalised words.

`stop`               that word; `don't` is the words that `words_of` makes of it
`(sms | texts)`      one of these, each a phrase of its own
`[your]`             may be missing
`{message}`          one of a set that the same file declares
`#`                  a number
`...`                up to `FILLING` words of any kind; at the end: any words, or none
`*sms`, `*(a | b)`   the part by which the phrase is noticed

A phrase is looked for only in texts that hold one of its `anchors`: the words of the part without a common word, of
those the one that is marked, else the one whose shortest word is the longest, since long words are rare. So a text that
means something else costs nothing.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass

from rules.words import words_of

FILLING = 4
"""Words that `...` may take inside a phrase: a phrase with more between its parts says something else."""

_TOKEN = re.compile(r"\.\.\.|[()\[\]|*#]|\{\w+\}|[^\s()\[\]|*#{}]+")
_CLOSING = {"(": ")", "[": "]"}


class PhraseError(ValueError):
    """A phrase that does not follow the notation: a fault in a data file."""


@dataclass(frozen=True, slots=True)
class Phrase:
    """A compiled phrase. `expression` reads words that are each followed by one space, from a word's beginning.

    `is_open`: it ends with `...`, so that anything may follow.
    """

    source: str
    expression: str
    is_open: bool
    anchors: frozenset[str]


@dataclass(frozen=True, slots=True)
class _Part:
    expression: str
    anchors: frozenset[str] = frozenset()
    marked: bool = False

    def rarity(self, common: frozenset[str]) -> tuple[bool, bool, int]:
        """How much it tells that one of its anchors is in a text."""
        return self.anchors.isdisjoint(common), self.marked, min(map(len, self.anchors), default=0)


def compile_phrase(source: str, sets: Mapping[str, str], common: frozenset[str] = frozenset()) -> Phrase:
    """Compile one phrase; `sets` are alternatives by name, `common` words that tell little. Raises PhraseError."""
    reader = _Reader(source, sets, common)
    part = reader.sequence()
    if not reader.at_end or not part.anchors:
        raise PhraseError(f"not a phrase: {source}")
    return Phrase(source, part.expression, source.rstrip().endswith("..."), part.anchors)


class _Reader:
    """Reads tokens from left to right; one method for each level of the notation."""

    def __init__(self, source: str, sets: Mapping[str, str], common: frozenset[str]) -> None:
        self._source = source
        self._sets = sets
        self._common = common
        self._tokens: list[str] = _TOKEN.findall(source)
        self._at = 0

    @property
    def at_end(self) -> bool:
        return self._at == len(self._tokens)

    def choice(self) -> _Part:
        """Sequences parted by `|`: whichever is said, one of its anchors is there."""
        parts = [self.sequence()]
        while self._next("|"):
            parts.append(self.sequence())
        anchors = frozenset[str]().union(*(part.anchors for part in parts))
        return _Part(
            f"(?:{'|'.join(part.expression for part in parts)})",
            anchors if all(part.anchors for part in parts) else frozenset(),
            any(part.marked for part in parts),
        )

    def sequence(self) -> _Part:
        """Parts one after another: noticed by the rarest that must be there."""
        parts: list[_Part] = []
        while not self.at_end and self._tokens[self._at] not in ("|", ")", "]"):
            parts.append(self._part())
        telling = [part for part in parts if part.anchors]
        best = max(telling, key=lambda part: part.rarity(self._common), default=_Part(""))
        return _Part("".join(part.expression for part in parts), best.anchors, best.marked)

    def _part(self) -> _Part:
        if self._next("*"):
            part = self._part()
            return _Part(part.expression, part.anchors, marked=True)
        token = self._tokens[self._at]
        self._at += 1
        if token in _CLOSING:
            inside = self.choice()
            if not self._next(_CLOSING[token]):
                raise PhraseError(f"`{_CLOSING[token]}` is missing: {self._source}")
            return _Part(f"{inside.expression}?") if token == "[" else inside
        if token == "...":
            return _Part("" if self.at_end else rf"(?:\S+ ){{0,{FILLING}}}?")
        if token == "#":
            return _Part(r"\d+ ")
        if token.startswith("{"):
            return self._set(token[1:-1])
        return _plain(token)

    def _set(self, name: str) -> _Part:
        if name not in self._sets:
            raise PhraseError(f"no set `{name}`: {self._source}")
        return _Reader(self._sets[name], self._sets, self._common).choice()

    def _next(self, token: str) -> bool:
        found = not self.at_end and self._tokens[self._at] == token
        self._at += found
        return found


def _plain(token: str) -> _Part:
    words = words_of(token).words
    longest = max(words, key=len)
    return _Part("".join(f"{re.escape(word)} " for word in words), frozenset((longest,)))
