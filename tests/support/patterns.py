"""Patterns and matchers from patterns as authors write them, for tests of what is behind the parser."""

from datetime import date

from rules.diagnostics import Source
from rules.keywords import Entry, Match, Matcher
from rules.parse import parse
from rules.patterns import Reading, compile_pattern
from rules.syntax import Keyword, Pattern
from rules.words import words_of

MONDAY = date(2026, 1, 5)
DUTCH = Reading("nl", "NL")


def pattern(written: str, file: str = "test.rules", line: int = 1) -> Pattern:
    """The tree of `keyword WRITTEN`, as if it stood on that line of that file."""
    lines = "\n" * (line - 1)
    parsed, diagnostics = parse(Source(file, f'{lines}keyword {written}\n    reply "x"\n'))
    assert parsed is not None, diagnostics
    return next(one.pattern for one in parsed.declarations if isinstance(one, Keyword))


def matcher(*written: str, strict: frozenset[str] = frozenset(), reading: Reading = DUTCH) -> Matcher:
    """A matcher whose keys are the patterns as written."""
    return Matcher(Entry(compile_pattern(pattern(one), reading), one, strict=one in strict) for one in written)


def matched(book: Matcher, text: str, language: str | None = None) -> Match:
    """What a text starts, which must be something."""
    found = book.match(words_of(text), MONDAY, language)
    assert found is not None, text
    return found
