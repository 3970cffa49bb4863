"""Where a part of a quoted text stands in its file, escapes reckoned with."""

from __future__ import annotations

from rules.syntax import Span, String


def inside(string: String, start: int, end: int) -> Span:
    """The place of `string.value[start:end]`; the whole text's where it was not read from a file."""
    span = string.span
    offsets = [0]
    at = 0
    while at < len(string.raw):
        at += 2 if string.raw[at] == "\\" else 1
        offsets.append(at)
    if len(offsets) <= end:
        return span
    column = span.column + 1
    return Span(span.file, span.line, column + offsets[start], span.line, column + offsets[end])
