"""The matcher's inside: all paths of all rules as one tree, and the walk that finds the most specific one that fits.

LANGUAGE.md section 4: at the first word where two rules differ, word beats choice beats range and so on down to
nothing. Each way a rule fits gives every word of the text a class (`slots.WORD` … `slots.NOTHING`); the rank is that
row of classes as octets, so that comparing octets is comparing rules. A node is the same prefix for all rules that
share it, hence the walk costs what the text's words cost, not what the rules are many: one look in a dictionary a word,
and the few slots that stand at that node.

Punctuation that some rule quotes is a word of the text too (`Words.with_marks`). Only a quoted mark can take it; for
every other rule it is nothing, wherever it stands.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date
from typing import Any, assert_never

import msgspec

from rules.facts import Value
from rules.patterns import AnyWords, Capture, ChoiceWord, Symbol
from rules.slots import CHOICE, CLASSES, NOTHING, TEXT, WORD, Found, Reader, read, said, wholes, within
from rules.words import Words

_NO_EDGES: dict[str, Node] = {}  # shared by all leaves: a million of them need no dictionaries of their own
_NOTHING = bytes([NOTHING])
_CHOICE = bytes([CHOICE])
_WORD = bytes([WORD])
_NOBODY = 1 << 62

Trail = tuple[tuple[Value, str], ...]
Shared = dict[Any, Any]
"""Equal values by themselves, while rules are being laid down."""

Fit = tuple[bytes, int, "Node", int, Trail]
"""Rank from some word on, the rule's order among equals, its end node, the word after its last, what slots took."""


class Node(msgspec.Struct, gc=False):
    """A place in the tree: what may come next, and the rule that ends here (`captures` is None when none does)."""

    words: dict[str, Node] = msgspec.field(default_factory=lambda: _NO_EDGES)
    choices: dict[str, Node] = msgspec.field(default_factory=lambda: _NO_EDGES)
    slots: tuple[tuple[int, Reader, Node], ...] = ()
    anything: Node | None = None
    key: object = None
    order: int = _NOBODY
    captures: tuple[Capture, ...] | None = None
    strict: bool = False

    def along(self, symbols: Sequence[Symbol], shared: Shared) -> Node:
        """The node at the end of this path, made when it is not there. What many paths say alike is kept once."""
        node = self
        for symbol in symbols:
            match symbol:
                case str():
                    if node.words is _NO_EDGES:
                        node.words = {}
                    node = _next(node.words, symbol)
                case ChoiceWord(word=word):
                    if node.choices is _NO_EDGES:
                        node.choices = {}
                    node = _next(node.choices, shared.setdefault(word, word))
                case Reader():
                    node = node.through(shared.setdefault(symbol, symbol))
                case AnyWords():
                    node.anything = node.anything or Node()
                    node = node.anything
                case _:
                    assert_never(symbol)
        return node

    def through(self, reader: Reader) -> Node:
        """The node behind a slot, made when it is not there; slots stay in the order in which they win."""
        for _, known, child in self.slots:
            if known == reader:
                return child
        child = Node()
        edges = [*self.slots, (CLASSES[reader.kind], reader, child)]
        self.slots = tuple(sorted(edges, key=lambda edge: edge[0]))
        return child

    @property
    def is_leaf(self) -> bool:
        """Whether nothing comes after it."""
        return not (self.words or self.choices or self.slots or self.anything)


def _next(edges: dict[str, Node], word: str) -> Node:
    child = edges.get(word)
    if child is None:
        child = edges[word] = Node()
    return child


def straight(root: Node, texts: Sequence[str]) -> tuple[bool, Fit | None]:
    """The walk of most texts, along words and choices only. First of all: whether that decides; if not, `Walk` does.

    A word that leads to a rule beats everything else at its place, so an end that is reached is what `Walk.best` finds.
    Where no slot and no second way was passed, the last end passed is it too, or nothing is. Not for trees with `...`
    or texts with marks.
    """
    node, rank, last, last_at, branched = root, bytearray(), None, 0, False
    for text in texts:
        child = node.words.get(text)
        branched = branched or bool(node.slots) or (child is not None and text in node.choices)
        if child is not None:
            rank.append(WORD)
        else:
            child = node.choices.get(text)
            if child is None:
                break
            rank.append(CHOICE)
        node = child
        if node.captures is not None:
            last, last_at = node, len(rank)
    at = len(rank)
    if last is None or last_at < at or (node.slots and at < len(texts)):
        if branched:
            return False, None
        if last is None:
            return True, None
    return True, (bytes(rank[:last_at]) + _NOTHING * (len(texts) - last_at), last.order, last, last_at, ())


class Walk:
    """One text on its way through the tree. `visits` counts the nodes looked at: the measure of a walk's work."""

    __slots__ = ("_known", "_language", "_marks", "_onwards", "_texts", "_today", "_wholes", "count", "visits", "words")

    def __init__(self, words: Words, marks: frozenset[str], today: date, language: str | None) -> None:
        self.words = words
        self._texts = words.words
        self.count = len(words.words)
        self._marks = marks
        self._today = today
        self._language = language
        self._known: dict[tuple[int, int], Fit | None] = {}
        self._onwards: dict[int, list[tuple[Fit, int] | None]] = {}
        self._wholes: dict[tuple[int, str | None], Sequence[Found]] = {}
        self.visits = 0

    def best(self, node: Node, at: int) -> Fit | None:
        """The most specific way in which a rule below `node` fits the words from `at` on."""
        found = self._named(node, at)
        if found is None:
            found = self._ended(node, at)
        if node.anything is not None:
            found = _better(found, self._filled(node.anything, at))
        return found

    def is_whole(self, end: int) -> bool:
        """Whether no word is left from `end` on; marks are no words."""
        return all(text in self._marks for text in self._texts[end:])

    def readings(self, reader: Reader, at: int) -> Sequence[Found]:
        """The ways a slot can be read at a word."""
        if self._texts[at] in self._marks:
            return ()
        if reader.kind == "range":
            language = self._language or reader.language
            if (at, language) not in self._wholes:
                self._wholes[at, language] = wholes(self.words, at, language)
            return within(reader, self._wholes[at, language])
        return read(reader, self.words, at, self._today, self._language)

    def _named(self, node: Node, at: int) -> Fit | None:
        """By a word, a choice or a slot. The class at this word decides, so the first class that leads on has won."""
        self.visits += 1
        if at == self.count:
            return None
        text = self._texts[at]
        child = node.words.get(text)
        if child is not None:
            found = self.best(child, at + 1)
            if found is not None:
                return (_WORD + found[0], *found[1:])
        child = node.choices.get(text)
        if child is not None:
            found = self.best(child, at + 1)
            if found is not None:
                # A quoted mark is a word even in a choice: else a rule that skips it could come before.
                return (_CHOICE + found[0], *found[1:])
        return self._slotted(node, at) if node.slots else None

    def _slotted(self, node: Node, at: int) -> Fit | None:
        best: Fit | None = None
        decided = NOTHING
        for rank, reader, child in node.slots:
            if rank > decided:
                break
            fit = self._texted(child, at) if reader.kind == "text" else self._read(rank, reader, child, at)
            if fit is not None:
                best, decided = _better(best, fit), rank
        return best

    def _read(self, rank: int, reader: Reader, child: Node, at: int) -> Fit | None:
        """By a slot that knows its values; where several readings lead on, the ranks decide."""
        best: Fit | None = None
        for end, value, spelled in self.readings(reader, at):
            found = self._remembered(child, end)
            if found is not None:
                covered = self._covered(rank, at, end)
                best = _better(best, (covered + found[0], *found[1:4], ((value, spelled), *found[4])))
        return best

    def _texted(self, child: Node, at: int) -> Fit | None:
        """By a `text` slot, which takes one word or more."""
        if self._texts[at] in self._marks:
            return None
        onward = self._onward(child, at + 1, TEXT)
        if onward is None:
            return None
        fit, end = onward
        text = said(self.words, at, end)
        return (self._covered(TEXT, at, at + 1) + fit[0], *fit[1:4], ((text, text), *fit[4]))

    def _onward(self, child: Node, at: int, rank: int) -> tuple[Fit, int] | None:
        """The best way to go on at `child` after taking any words from `at` on, and the word it goes on with.

        Worked out from the text's end backwards, each place once: whether to stop here or take this word too.
        """
        if child.is_leaf:  # whatever is left out would be nothing
            fit = self._remembered(child, self.count)
            return None if fit is None else ((self._covered(rank, at, self.count) + fit[0], *fit[1:]), self.count)
        known = self._onwards.setdefault(id(child), [])  # of the last place first
        for start in range(self.count - len(known), at - 1, -1):
            stop = self._remembered(child, start)
            best = None if stop is None else (stop, start)
            if known and known[-1] is not None:
                later, end = known[-1]
                more = (self._covered(rank, start, start + 1) + later[0], *later[1:])
                if _better(stop, more) is more:
                    best = (more, end)
            known.append(best)
        return known[self.count - at]

    def _ended(self, node: Node, at: int) -> Fit | None:
        """By ending here, or by leaving out marks that only others quote."""
        best: Fit | None = None
        if node.captures is not None:
            best = (_NOTHING * (self.count - at), node.order, node, at, ())
        end = at
        while self._marks and end < self.count and self._texts[end] in self._marks:
            end += 1
            found = self._named(node, end)
            if found is not None:
                best = _better(best, (_NOTHING * (end - at) + found[0], *found[1:]))
        return best

    def _filled(self, child: Node, at: int) -> Fit | None:
        """By `...`, which may take no word or any: they count as nothing."""
        onward = self._onward(child, at, NOTHING)
        if onward is None:
            return None
        fit, _ = onward
        return (*fit[:3], self.count, fit[4]) if fit[2] is child else fit

    def _remembered(self, node: Node, at: int) -> Fit | None:
        """`best`, worked out once: several readings of slots may lead to the same place."""
        place = (id(node), at)
        if place not in self._known:
            self._known[place] = self.best(node, at)
        return self._known[place]

    def _covered(self, rank: int, at: int, end: int) -> bytes:
        if not self._marks:
            return bytes([rank]) * (end - at)
        return bytes(NOTHING if text in self._marks else rank for text in self._texts[at:end])


def _better(one: Fit | None, other: Fit | None) -> Fit | None:
    if one is None or other is None:
        return one if other is None else other
    return other if other[:2] < one[:2] else one


def captured(fit: Fit) -> tuple[dict[str, Value], dict[str, str]]:
    """The names a fit sets: their values, and how the sender spelled those that slots took."""
    values: dict[str, Value] = {}
    spelled: dict[str, str] = {}
    trail = fit[4]
    for capture in fit[2].captures or ():
        if capture.typed and isinstance(capture.parts[0], int):
            values[capture.name], spelled[capture.name] = trail[capture.parts[0]]
        else:
            parts = (part if isinstance(part, str) else trail[part][1] for part in capture.parts)
            values[capture.name] = " ".join(parts)
    return values, spelled
