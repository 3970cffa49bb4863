"""What an operator is told of a fault that nobody foresaw."""

from __future__ import annotations


class SetAside(Exception):
    """What happened cannot be performed (the reason is the message): it is on record, and nothing came of it. Told
    again, it is tried again."""


LONGEST_REASON = 500
"""Characters of a fault that are kept with what it befell."""


def reason_of(error: Exception) -> str:
    """The fault as one line, in characters that every database takes."""
    return plain(f"{type(error).__name__}: {error}"[:LONGEST_REASON])


def plain(text: str) -> str:
    """One line that every database takes, whatever octets somebody sent: what is no character that can be shown (half
    of one, NUL) is written as Python escapes it."""
    return text if text.isprintable() else "".join(one if one.isprintable() else ascii(one)[1:-1] for one in text)
