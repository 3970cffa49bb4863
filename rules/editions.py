"""Which edition of a market's pack was in force, so that a consent can be judged by the law as it was written then."""

from __future__ import annotations

from functools import cache
from hashlib import sha256
from importlib.resources import files

DIGITS = 12
"""Hexadecimal digits of an edition: two of them do not meet by chance."""


@cache
def edition(market: str | None) -> str:
    """A market's code, and the beginning of the SHA-256 of its pack; the code alone where it has none, empty where
    there is no market."""
    if market is None:
        return ""
    pack = files("rules") / "markets" / f"market_{market.lower()}.toml"
    if not pack.is_file():
        return market
    return f"{market} {sha256(pack.read_bytes()).hexdigest()[:DIGITS]}"
