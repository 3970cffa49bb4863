"""Which edition of a market's pack was in force, so that a consent can be judged by the law as it was written then, and
by the words that counted."""

from __future__ import annotations

from functools import cache
from hashlib import sha256
from importlib.resources import files

from rules.packs import load

DIGITS = 12
"""Hexadecimal digits of an edition: two of them do not meet by chance."""


@cache
def edition(market: str | None) -> str:
    """A market's code, and the beginning of the SHA-256 of its pack and its languages'; the code alone where it has
    none, empty where there is no market."""
    if market is None:
        return ""
    folder = files("rules") / "markets"
    place = load().market(market)
    pack = folder / f"market_{place.code.lower()}.toml"
    if not pack.is_file():
        return market
    read = sha256(pack.read_bytes())
    for language in place.languages:
        read.update((folder / f"language_{language}.toml").read_bytes())
    return f"{market} {read.hexdigest()[:DIGITS]}"
