"""What the web has handed in, before it is decided upon: clicks are counted and codes are redeemed in the transaction
that tells the rules, so that neither happens without the other.

Called with the occurrences of a group, first thing; those that it refuses are not decided upon and leave no row.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Protocol

from router import links, redemption
from router.redemption import Redeemed, Till
from router.store.engine import Tx
from rules.facts import Value

CLICK, REDEMPTION = "click", "redemption"
"""Sources of the occurrences that are looked at here."""


class Occurrence(Protocol):
    """What is looked at of an occurrence."""

    @property
    def id(self) -> int:
        """Its own."""

    @property
    def brand(self) -> str:
        """Whose."""

    @property
    def source(self) -> str:
        """Where it comes from."""

    @property
    def values(self) -> Mapping[str, Value]:
        """What it says."""

    @property
    def ref(self) -> str:
        """What it is about."""

    @property
    def at(self) -> int:
        """When it happened."""


def settle(tx: Tx, occurrences: Sequence[Occurrence]) -> dict[int, str]:
    """Count the clicks and redeem the codes among a group's occurrences; why those that go no further do not, by id."""
    refused: dict[int, str] = {}
    clicks = [one for one in occurrences if one.source == CLICK]
    if clicks:
        first = links.click(tx, [(str(one.values["code"]), one.at) for one in clicks])
        for one in clicks:
            if one.values["code"] in first:
                first.discard(str(one.values["code"]))  # two clicks of one link in a group are one
            else:
                refused[one.id] = "clicked_before"
    for one in occurrences:
        if one.source == REDEMPTION:
            till = Till(str(one.values["by"]), one.ref)
            answer = redemption.redeem(tx, one.brand, str(one.values["code"]), till, one.at)
            if not isinstance(answer, Redeemed) or answer.at != one.at:
                refused[one.id] = type(answer).__name__.lower()
    return refused
