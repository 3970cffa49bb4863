"""What an author may have meant: the nearest of the names that exist, and lists as sentences say them."""

from __future__ import annotations

from collections.abc import Iterable
from difflib import get_close_matches

CANDIDATES_MOST = 2_000
"""Names compared with a misspelled one; beyond that a suggestion is not worth the time."""
LIKENESS = 0.6
"""Share of equal letters (difflib's ratio) from which a name is worth suggesting."""


def nearest(word: str, candidates: Iterable[str]) -> str | None:
    """The candidate most like `word`, if one is like it enough; the earlier of equals in alphabetical order."""
    pool = sorted(set(candidates))[:CANDIDATES_MOST]
    found = get_close_matches(word.lower(), pool, n=1, cutoff=LIKENESS)
    return found[0] if found else None


def suggest(word: str, candidates: Iterable[str], otherwise: str) -> str:
    """`Did you mean X?`, or what to do when nothing is near."""
    near = nearest(word, candidates)
    return otherwise if near is None else f"Did you mean `{near}`?"


def spoken(words: Iterable[str], last: str = "or") -> str:
    """`a, b or c`."""
    listed = list(words)
    return listed[0] if len(listed) == 1 else f"{', '.join(listed[:-1])} {last} {listed[-1]}"
