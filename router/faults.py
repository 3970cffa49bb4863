"""What an operator is told of a fault that nobody foresaw."""

from __future__ import annotations

LONGEST_REASON = 500
"""Characters of a fault that are kept with what it befell."""


def reason_of(error: Exception) -> str:
    """The fault as one line, in characters that every database takes."""
    text = f"{type(error).__name__}: {error}"[:LONGEST_REASON]
    return "".join(one if one.isprintable() else ascii(one)[1:-1] for one in text)
