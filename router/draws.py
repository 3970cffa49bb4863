"""Drawing the winners of a contest so that anybody can check it.

Each entry is given a rank, the SHA-256 of the seed, a line feed and the entry; the lowest ranks win. Who has the seed
and the list of entries comes to the same winners with `printf '%s\\n%s' SEED ENTRY | sha256sum`. The list's own digest
is kept with the draw: published before the seed is, it shows that nobody was added afterwards.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from hashlib import sha256


@dataclass(frozen=True, slots=True)
class Winner:
    """A drawn entry and the rank that it was drawn by (hexadecimal)."""

    entry: str
    rank: str


@dataclass(frozen=True, slots=True)
class Drawn:
    """A draw with all that it takes to repeat it. `digest`: SHA-256 of the entries, sorted, a line feed after each."""

    seed: str
    entries: int
    digest: str
    winners: tuple[Winner, ...]


def rank_of(seed: str, entry: str) -> str:
    """The rank of one entry."""
    return sha256(f"{seed}\n{entry}".encode()).hexdigest()


def draw(entries: Iterable[str], seed: str, winners: int) -> Drawn:
    """Draw so many of the entries, each of which takes part once; all of them where there are fewer.

    Raises ValueError for a seed that is empty or has a line feed, or fewer winners than one.
    """
    if not seed or "\n" in seed:
        raise ValueError("a draw needs a seed of one line, so that it can be repeated")
    if winners < 1:
        raise ValueError("a draw has one winner at least")
    once = sorted(set(entries))
    digest = sha256("".join(f"{entry}\n" for entry in once).encode()).hexdigest()
    ranked = sorted((rank_of(seed, entry), entry) for entry in once)
    return Drawn(seed, len(once), digest, tuple(Winner(entry, rank) for rank, entry in ranked[:winners]))
