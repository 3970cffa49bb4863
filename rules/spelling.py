"""What an author may have meant: the nearest of the names that exist, and lists as sentences say them."""

from __future__ import annotations

from collections.abc import Iterable
from difflib import get_close_matches

CANDIDATES_MOST = 2_000
"""Names compared with a misspelled one; beyond that a suggestion is not worth the time."""
LIKENESS = 0.6
"""Share of equal letters (difflib's ratio) below which a name is not looked at."""
PREFIX_LEAST = 3
"""Letters that a word and a name must begin with in common for one to be taken for the other's abbreviation."""


def nearest(word: str, candidates: Iterable[str]) -> str | None:
    """The candidate that `word` most likely misspells or shortens; None where none is near."""
    word = word.lower()
    pool = sorted(set(candidates))[:CANDIDATES_MOST]
    for found in get_close_matches(word, pool, n=5, cutoff=LIKENESS):
        if _distance(word, found) <= max(1, len(word) // 3):
            return found
    shared = {one: _shared(one, word) for one in pool}
    likest = max(pool, key=shared.__getitem__, default="")
    shorter = min(len(word), len(likest))
    enough = PREFIX_LEAST if shared.get(likest) == shorter else max(PREFIX_LEAST + 1, shorter * 3 // 4)
    return likest if shared.get(likest, 0) >= enough else None


def suggest(word: str, candidates: Iterable[str], otherwise: str) -> str:
    """`Did you mean X?`, or what to do when nothing is near."""
    near = nearest(word, candidates)
    return otherwise if near is None else f"Did you mean `{near}`?"


def spoken(words: Iterable[str], last: str = "or") -> str:
    """`a, b or c`."""
    listed = list(words)
    return listed[0] if len(listed) == 1 else f"{', '.join(listed[:-1])} {last} {listed[-1]}"


def _shared(one: str, other: str) -> int:
    """How many letters two words begin with in common."""
    length = 0
    while length < min(len(one), len(other)) and one[length] == other[length]:
        length += 1
    return length


def _distance(one: str, other: str) -> int:
    """Insertions, deletions, replacements and swaps of neighbours that make one word of the other."""
    before: list[int] = []
    row = list(range(len(other) + 1))
    for i, a in enumerate(one, 1):
        before, above, row = row, before, [i]
        for j, b in enumerate(other, 1):
            cost = min(before[j] + 1, row[j - 1] + 1, before[j - 1] + (a != b))
            if i > 1 and j > 1 and a == other[j - 2] and one[i - 2] == b:
                cost = min(cost, above[j - 2] + 1)
            row.append(cost)
    return row[-1]
