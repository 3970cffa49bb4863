"""Slots: which of the sender's own characters a `<name kind>` may take at a place in a text, and as what value.

A slot starts at a word. It takes whole stretches between spaces (`12,50`, `9:30`, `jan@x.nl` stay whole), the
punctuation around them aside; kinds that people write with spaces (dates, phone numbers) may take several. Every way a
slot can be read is offered, shortest first: which one counts is decided by the precedence in `keywords`.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from datetime import date
from functools import lru_cache

import msgspec
import re2

from rules.facts import Value, read_date, read_email, read_number, read_phone, read_time, read_whole
from rules.syntax import SlotKind
from rules.words import Words

# LANGUAGE.md section 4: the order in which kinds win, decided at the first word where two rules differ.
WORD, CHOICE, RANGE, EMAIL, PHONE, DATE, TIME, NUMBER, REGEX, WORD_SLOT, TEXT, NOTHING = range(12)

CLASSES: dict[SlotKind, int] = {
    "range": RANGE,
    "email": EMAIL,
    "phone": PHONE,
    "date": DATE,
    "time": TIME,
    "number": NUMBER,
    "regex": REGEX,
    "word": WORD_SLOT,
    "text": TEXT,
}

MAX_STRETCHES: dict[SlotKind, int] = {"range": 2, "number": 2, "date": 4, "time": 2, "email": 1, "phone": 8}
"""Stretches between spaces that one value may take: `EUR 5`, `the 1st of May`, `9 uur`, `+31 6 12 34 56 78`."""

MAX_REGEX_WORDS = 24
"""Words that a regular expression may span."""

MAX_REGEX_CHARACTERS = 256
"""Length of a regular expression: RE2 is linear in the text, but its automaton grows with the expression."""

MAX_REGEX_MARKS = 8
"""Punctuation marks before its first and after each word that a regular expression may take (`#123`, `50%`)."""

KEPT_REGEXES = 10_000
"""Compiled expressions kept in this process; rule sets of many brands share few."""

_STRETCH_END = re.compile(r"\s")
_BEFORE_NUMBER = re.compile(r"(?<!\S)-$")
_BEFORE_PHONE = re.compile(r"\+\s?\(?$")
_SEPARATORS = " \t\r\n\u00a0.,;:!?…-–—/|*~_"

Found = tuple[int, Value, str]
"""The word after the last one taken, the value, and how the sender spelled it."""


class Reader(msgspec.Struct, frozen=True, gc=False):
    """A slot without its name: two rules that share it share its place in the matcher."""

    kind: SlotKind
    low: int = 0
    high: int = 0
    regex: str = ""
    language: str | None = None
    market: str | None = None


class RegexFault(ValueError):
    """The author's regular expression cannot be read; the text says why."""


@lru_cache(maxsize=KEPT_REGEXES)
def compile_regex(regex: str) -> re2._Regexp:
    """The RE2 form of a slot's expression, ignoring case. Raises RegexFault."""
    if len(regex) > MAX_REGEX_CHARACTERS:
        raise RegexFault(f"it is longer than {MAX_REGEX_CHARACTERS} characters")
    options = re2.Options()
    options.case_sensitive = False
    options.log_errors = False
    try:
        return re2.compile(regex, options)
    except re2.error as fault:
        reason = fault.args[0]
        raise RegexFault(reason.decode() if isinstance(reason, bytes) else str(reason)) from None


def read(reader: Reader, words: Words, at: int, today: date, language: str | None) -> Sequence[Found]:
    """Every way in which this slot can take words from `at` on, shortest first; empty when it does not fit there."""
    match reader.kind:
        case "word":
            end = stretch_end(words, at)
            spelled = words.spelled(at, end)
            return ((end, spelled, spelled),)
        case "text":
            return [(end, text, text) for end in range(at + 1, len(words.words) + 1) for text in [said(words, at, end)]]
        case "regex":
            return _matched(compile_regex(reader.regex), words, at)
        case "range":
            return within(reader, wholes(words, at, language or reader.language))
        case _:
            return _stretches(words, at, reader.kind, _value_of(reader, today, language or reader.language))


def wholes(words: Words, at: int, language: str | None) -> Sequence[Found]:
    """Every whole number that can be read from `at` on: the same for all ranges, so that it need be read only once."""
    return _stretches(words, at, "range", lambda text: read_whole(text, language))


def within(reader: Reader, found: Sequence[Found]) -> Sequence[Found]:
    """Those of the whole numbers that lie in a range."""
    return [one for one in found if isinstance(one[1], int) and reader.low <= one[1] <= reader.high]


def _value_of(reader: Reader, today: date, language: str | None) -> Callable[[str], Value | None]:
    match reader.kind:
        case "date":
            return lambda text: read_date(text, today, language, reader.market)
        case "time":
            return lambda text: read_time(text, language)
        case "email":
            return read_email
        case "phone":
            return lambda text: read_phone(text, reader.market)
        case _:
            return lambda text: read_number(text, language)


def said(words: Words, start: int, end: int) -> str:
    """What a `text` slot keeps of these words: as spelled, brackets and emoji too; separators around it aside.

    Marks between two words belong to the word they touch: `Jan (jr)` ends with its bracket, `(keuken)` begins with it.
    """
    text, slices = words.original, words.slices
    first, last = slices[start][0], slices[end - 1][1]
    before = text[slices[start - 1][1] if start else 0 : first]
    after = text[last : slices[end][0] if end < len(slices) else len(text)]
    if start:
        before = before[_first_space(before) :]
    if end < len(slices):
        after = after[: len(after) - _first_space(after[::-1])]
    whole = before + text[first:last] + after
    return whole.strip(_SEPARATORS) or whole.strip()


def _first_space(gap: str) -> int:
    space = _STRETCH_END.search(gap)
    return space.start() if space else 0


def rest_after(words: Words, end: int) -> str:
    """The original text after word `end` (exclusive), the separators before it aside."""
    return words.original[words.slices[end - 1][1] if end else 0 :].lstrip(_SEPARATORS).rstrip()


def stretch_end(words: Words, at: int) -> int:
    """The first word after the stretch (up to the next space) that the word at this place stands in."""
    slices = words.slices
    space = _STRETCH_END.search(words.original, slices[at][1])
    limit = space.start() if space else len(words.original)
    end = at + 1
    while end < len(slices) and slices[end][0] < limit:
        end += 1
    return end


def _stretches(words: Words, at: int, kind: SlotKind, value_of: Callable[[str], Value | None]) -> Sequence[Found]:
    found: list[Found] = []
    end, start = at, _start(words, at, kind)
    for _ in range(MAX_STRETCHES[kind]):
        if end == len(words.words):
            break
        end = stretch_end(words, end)
        text = words.original[start : words.slices[end - 1][1]]
        value = value_of(text)
        if value is not None:
            found.append((end, value, text))
    return found


def _start(words: Words, at: int, kind: SlotKind) -> int:
    """Where a value begins: at its word, or at the sign before it that changes what it means."""
    start = words.slices[at][0]
    before = words.original[words.slices[at - 1][1] if at else 0 : start]
    if before and kind in ("number", "range", "phone"):
        sign = (_BEFORE_PHONE if kind == "phone" else _BEFORE_NUMBER).search(before)
        # A minus counts only where a space or the beginning parts it from the word before (`NPS-9` is 9).
        if sign and (kind == "phone" or sign.start() or not at):
            return start - (len(before) - sign.start())
    return start


def _matched(regex: re2._Regexp, words: Words, at: int) -> Sequence[Found]:
    """Every end of a word up to which the expression matches; it may take the marks before its first word too."""
    text, slices = words.original, words.slices
    start = slices[at][0]
    gap = text[max(slices[at - 1][1] if at else 0, start - MAX_REGEX_MARKS) : start]
    marks = 0 if gap[-1:].isspace() else len((gap.split() or [""])[-1])
    starts = (start, start - marks) if marks else (start,)
    found: list[Found] = []
    for end in range(at + 1, min(len(slices), at + MAX_REGEX_WORDS) + 1):
        last = slices[end - 1][1]
        limit = slices[end][0] if end < len(slices) else len(text)
        tail = len(text[last : min(limit, last + MAX_REGEX_MARKS)].partition(" ")[0].rstrip())
        spelled = _first_match(regex, text, starts, range(last, last + tail + 1))
        if spelled is not None:
            found.append((end, spelled, spelled))
    return found


def _first_match(regex: re2._Regexp, text: str, starts: Sequence[int], ends: Sequence[int]) -> str | None:
    for begin in starts:
        for end in ends:
            if regex.fullmatch(text[begin:end]):
                return text[begin:end]
    return None
