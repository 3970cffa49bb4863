"""Which rule a text starts: the matcher over all keywords of a number, or over the answers of a question.

`match` is exact; `forgive` is the one more try that LANGUAGE.md section 4 allows after everything exact failed. Rules
with `...` are kept apart and asked only when all others failed. Equal rank between two rules is the author's error
(`conflicts`); should it get here, the rule with `on` wins, then the earlier one. Neither method costs more when there
are more rules.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from datetime import date

import msgspec

from rules.facts import Value
from rules.patterns import ChoiceWord, CompiledPattern, Symbol
from rules.slots import rest_after
from rules.trie import Fit, Node, Shared, Walk, captured, straight
from rules.typos import Alphabets, corrections
from rules.words import Words, mark_of

MAX_CORRECTIONS = 32
"""Texts one mistake away that are tried; more of them can hardly all mean one rule."""

MAX_FORGIVEN_WORDS = 40
"""A longer text is no mistyped keyword or answer; keeps the search for what was meant short."""

_WITHOUT_ON = 1 << 48  # above every place in the list: `on` comes first, then the order of the entries


class Entry(msgspec.Struct, frozen=True, gc=False):
    """A rule to be found. `strict`: never by a forgiven mistake; `on`: its author named this number."""

    pattern: CompiledPattern
    key: object
    strict: bool = False
    on: bool = False


class Match(msgspec.Struct, frozen=True, gc=False):
    """The rule that fits best, and what it took of the text.

    `spelled` is how the sender wrote what slots took. `whole`: no word of the text was left over. `rank` has a class
    per word (see `trie`), for `explain` and proofs. `end` is the word after the last one taken.
    """

    key: object
    captured: dict[str, Value]
    spelled: dict[str, str]
    whole: bool
    rank: bytes
    words: Words
    end: int

    @property
    def rest(self) -> str:
        """`{rest}`: the original text after the pattern's last word."""
        return rest_after(self.words, self.end)

    @property
    def taken(self) -> str:
        """What the pattern took, as the sender wrote it: `ja` of `ja graag hoor`."""
        return self.words.spelled(0, self.end) if self.end else ""

    @property
    def text(self) -> str:
        """`{text}`: the whole text."""
        return self.words.original


class Matcher:
    """All rules that a text may start here. Reads `entries` once and keeps no pattern: an iterator is enough."""

    __slots__ = ("_alphabets", "_loose", "_marks", "_plain")

    def __init__(self, entries: Iterable[Entry]) -> None:
        self._plain, self._loose = Node(), Node()
        marks = set[str]()
        shared: Shared = {}
        for place, entry in enumerate(entries):
            order = place if entry.on else place + _WITHOUT_ON
            root = self._loose if entry.pattern.loose else self._plain
            for path in entry.pattern.paths:
                node = root.along(path.symbols, shared)
                if order < node.order:
                    node.key, node.order, node.strict = entry.key, order, entry.strict
                    node.captures = shared.setdefault(path.captures, path.captures)
                marks.update(filter(None, map(mark_in, path.symbols)))
        self._marks = frozenset(marks)
        self._alphabets: Alphabets = {}

    def match(self, words: Words, today: date, language: str | None = None) -> Match | None:
        """The most specific rule that fits; `language` is the contact's, for numbers and dates, else the rule's own."""
        if not self._marks:
            decided, fit = straight(self._plain, words.words)
            if fit is not None:
                return Match(fit[2].key, *captured(fit), fit[3] == len(words.words), fit[0], words, fit[3])
            if decided and self._loose.is_leaf:
                return None
        found = self._found(words, today, language)
        return None if found is None else _match(*found)

    def forgive(
        self, words: Words, today: date, language: str | None = None, *, first_exact: bool = False
    ) -> Match | None:
        """The only rule that fits with one typing mistake or glued words; None when none or several do.

        `first_exact`: the first word must be right (shared numbers). A strict rule in sight makes it None.
        """
        if len(words.words) > MAX_FORGIVEN_WORDS:
            return None
        chosen: Match | None = None
        for tried, corrected in enumerate(self._corrections(words, today, language, first_exact=first_exact)):
            found = self._found(corrected, today, language)
            if found is None:
                continue
            match = _match(*found)
            if tried == MAX_CORRECTIONS or found[1][2].strict:
                return None
            if chosen is not None and (chosen.key, chosen.captured) != (match.key, match.captured):
                return None
            chosen = match
        return chosen

    def visits(self, words: Words, today: date) -> int:
        """How many places of the tree `match` looks at for this text: what it costs, whatever the machine."""
        return sum(walk.visits for walk, _ in self._walked(words, today, None))

    def _corrections(self, words: Words, today: date, language: str | None, *, first_exact: bool) -> Iterator[Words]:
        walk = Walk(words, frozenset(), today, language)
        for root in (self._plain, self._loose):
            yield from corrections(root, walk, self._alphabets, first_exact=first_exact)

    def _found(self, words: Words, today: date, language: str | None) -> tuple[Walk, Fit] | None:
        for walk, fit in self._walked(words, today, language):
            if fit is not None:
                return walk, fit
        return None

    def _walked(self, words: Words, today: date, language: str | None) -> Iterator[tuple[Walk, Fit | None]]:
        marked = words.with_marks(self._marks) if self._marks else None
        for root in (self._plain, self._loose):
            if root.is_leaf:
                continue
            for form in (words,) if marked is None else (marked, words):
                walk = Walk(form, self._marks if form is marked else frozenset(), today, language)
                yield walk, walk.best(root, 0)


def mark_in(symbol: Symbol) -> str | None:
    """The sign or emoji that a symbol is; None of a word or a slot."""
    word = symbol.word if isinstance(symbol, ChoiceWord) else symbol
    return word if isinstance(word, str) and len(word) == 1 and mark_of(word) == word else None


def _match(walk: Walk, fit: Fit) -> Match:
    rank, _, node, end, _ = fit
    values, spelled = captured(fit)
    return Match(node.key, values, spelled, walk.is_whole(end), rank, walk.words, end)
