"""How a text becomes words that can be compared: one normal form for what phones type and what authors write.

LANGUAGE.md section 4: Unicode compatibility forms, case, diacritics and the script of digits make no difference;
punctuation and emoji part words. Everything is decided character by character (NFKC-equal texts are NFKD-equal, and
decomposition, case folding and the dropping of marks look at one character only), so a word always knows the slice of
the original it came from: that is what slots and `{rest}` read. A text without any letter or digit (an emoji, `??`)
is one word as it stands, so that a `text` slot can take it.

Slices cost more than words and most messages never need them: they are worked out when first asked for.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from functools import lru_cache
from itertools import islice
from unicodedata import category, combining, decimal, normalize

MAX_MATCHED_CHARACTERS = 2_000
"""A longer text is cut for matching only: no slot or keyword needs more, and matching stays bounded."""

KEPT_CHARACTERS = 160
"""A text of one part is kept as words for a moment; longer ones are seldom, and would fill the memory."""

MAX_MARKS = 60
"""Punctuation marks and emoji of one text that count as words, where a rule quotes them; a wall of them is noise."""

MAX_FOLDED_CHARACTERS = 20_000
"""Characters whose folding is kept; living scripts need a few thousand, noise shall not fill the memory."""

Slice = tuple[int, int]

# These letters carry their diacritic in a way that does not decompose; phones without it send the plain letter.
_STROKES = str.maketrans({"ł": "l", "ø": "o", "đ": "d", "ħ": "h", "ŧ": "t", "ı": "i", "æ": "ae", "œ": "oe"})
# The Japanese voicing marks make another letter, not another spelling of the same one.
_LETTER_MARKS = "\u3099\u309a"
# Marks that only choose a glyph: variation selectors, the grapheme joiner.
_GLYPH_MARKS = re.compile("[\u034f\u180b-\u180d\ufe00-\ufe0f\U000e0100-\U000e01ef]")


def _fold_one(character: str) -> str:
    """One character's share of the normal form: letters and digits, a space for what parts words, or nothing."""
    out = []
    for part in normalize("NFKD", normalize("NFKD", character).casefold()):
        kind = category(part)
        if kind[0] == "L":
            out.append(part.translate(_STROKES))
        elif kind == "Nd":
            out.append(str(decimal(part)))
        elif kind[0] == "N" or part in _LETTER_MARKS:
            out.append(part)
        elif kind[0] == "M":
            # A vowel sign of an Indic script stands in for a letter (class 0); an accent does not.
            if combining(part) == 0 and kind != "Me" and not _GLYPH_MARKS.match(part):
                out.append(part)
        elif kind != "Cf":
            out.append(" ")
    return "".join(out)


class _Folding(dict[int, str]):
    """`str.translate` table of the normal form that fills itself."""

    def __missing__(self, code: int) -> str:
        folded = _fold_one(chr(code))
        if len(self) < MAX_FOLDED_CHARACTERS:
            self[code] = folded
        return folded


_FOLDING = _Folding()
_ASCII = bytes(ord(_fold_one(chr(code)) or " ") for code in range(128)) + bytes(128)
_ASCII_WORD = re.compile("[0-9A-Za-z]+")


def fold(text: str) -> str:
    """The normal form of a text, not yet cut into words."""
    if text.isascii():
        return text.encode().translate(_ASCII).decode()
    return text.translate(_FOLDING)


def mark_of(character: str) -> str:
    """The comparable form of a punctuation mark or an emoji; empty for letters, digits, spaces and joiners."""
    if _FOLDING[ord(character)] != " " or character.isspace():
        return ""
    return normalize("NFKD", character).strip()


class Words:
    """A text as words. `words` are normalised; `original` is the whole text as it came, `slices` point into it."""

    __slots__ = ("_slices", "original", "words")

    def __init__(self, original: str, words: list[str], slices: list[Slice] | None = None) -> None:
        self.original = original
        self.words = words
        self._slices = slices

    @property
    def slices(self) -> list[Slice]:
        """Where each word stands in the original: start and end, counted in characters."""
        if self._slices is None:
            self._slices = _slices_of(self.original[:MAX_MATCHED_CHARACTERS])
        return self._slices

    def spelled(self, start: int, end: int) -> str:
        """The sender's own characters from word `start` up to word `end` (exclusive)."""
        return self.original[self.slices[start][0] : self.slices[end - 1][1]]

    def with_marks(self, marks: frozenset[str]) -> Words | None:
        """The same text with these punctuation marks and emoji as words of their own; None when it holds none."""
        text = self.original[:MAX_MATCHED_CHARACTERS]
        if marks.isdisjoint(text if text.isascii() else map(mark_of, text)):
            return None
        own = zip(self.slices, self.words, strict=True) if fold(self.words[0]).strip() else ()
        found = sorted([*islice(_marks_in(text, marks), MAX_MARKS), *own])
        return Words(self.original, [word for _, word in found], [place for place, _ in found])

    def replaced(self, at: int, count: int, pieces: Iterable[tuple[str, Slice]]) -> Words:
        """The same text where `count` words from `at` on are read as these words."""
        given = list(pieces)
        words = [*self.words[:at], *(word for word, _ in given), *self.words[at + count :]]
        slices = [*self.slices[:at], *(place for _, place in given), *self.slices[at + count :]]
        return Words(self.original, words, slices)

    def cut(self, at: int, pieces: list[str]) -> list[tuple[str, Slice]]:
        """One word cut into these pieces (which together are the word), each with its own slice."""
        start, limit = self.slices[at]
        found = []
        for piece in pieces:
            end, length = start, 0
            while end < limit and length < len(piece):
                length += len(fold(self.original[end]).strip())
                end += 1
            found.append((piece, (start, end)))
            start = end
        return found

    def without(self, dropped: frozenset[int]) -> Words:
        """The same text without the words at these places."""
        kept = [index for index in range(len(self.words)) if index not in dropped]
        return Words(self.original, [self.words[i] for i in kept], [self.slices[i] for i in kept])


def words_of(text: str) -> Words:
    """Cuts a text into normalised words. A text is looked at twice, when it is read and when it is decided on."""
    return _kept(text) if len(text) <= KEPT_CHARACTERS else _cut(text)


@lru_cache(maxsize=1024)  # twice the texts that are on their way between two commits
def _kept(text: str) -> Words:
    return _cut(text)


def _cut(text: str) -> Words:
    matched = text if len(text) <= MAX_MATCHED_CHARACTERS else text[:MAX_MATCHED_CHARACTERS]
    words = fold(matched).split()
    if not words:
        alone = matched.strip()
        if alone:
            start = matched.index(alone)
            return Words(text, [alone], [(start, start + len(alone))])
    return Words(text, words)


def items_of(text: str) -> list[str]:
    """The words of a quoted text with every punctuation mark and emoji as a word of its own."""
    marks = frozenset(filter(None, map(mark_of, text)))
    marked = words_of(text).with_marks(marks) if marks else None
    return (marked or Words(text, fold(text).split())).words


def _slices_of(text: str) -> list[Slice]:
    if text.isascii():
        return [found.span() for found in _ASCII_WORD.finditer(text)]
    return [place for place, _ in _words_in(text)]


def _words_in(text: str) -> Iterator[tuple[Slice, str]]:
    """Each word with its slice. One character may end a word and begin another (`½`), or add nothing (an accent)."""
    word, start, end = "", 0, 0
    for at, character in enumerate(text):
        for part in _FOLDING[ord(character)]:
            if part == " ":
                if word:
                    yield (start, end), word
                word = ""
                continue
            if not word:
                start = at
            word += part
            end = at + 1
        if word and not _FOLDING[ord(character)]:
            end = at + 1  # an accent belongs to the letter before it
    if word:
        yield (start, end), word


def _marks_in(text: str, marks: frozenset[str]) -> Iterator[tuple[Slice, str]]:
    for at, character in enumerate(text):
        mark = mark_of(character)
        if mark in marks:
            yield (at, at + 1), mark
