"""What texts cost: a price per segment for each connector and prefix of the phone's number; the longest prefix wins.

Money is decimal, with its currency; sums of different currencies stay apart.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from decimal import Decimal


@dataclass(frozen=True, slots=True)
class Price:
    """What one segment costs over a connector to numbers with that prefix ("" for all others)."""

    connector: str
    prefix: str
    per_segment: Decimal
    currency: str


@dataclass(frozen=True, slots=True)
class Cost:
    """An amount of money."""

    amount: Decimal
    currency: str


class Prices:
    """The price table. `longest` is how many digits of a number it looks at, at most."""

    def __init__(self, prices: Iterable[Price] = ()) -> None:
        self._by_prefix = {(price.connector, price.prefix): price for price in prices}
        self._lengths = sorted({len(prefix) for _, prefix in self._by_prefix}, reverse=True)
        self.longest = max(self._lengths, default=0)

    def of(self, connector: str, msisdn: str) -> Price | None:
        """What a segment to that number (digits) costs over that connector; None where the table does not say."""
        for length in self._lengths:
            found = self._by_prefix.get((connector, msisdn[:length]))
            if found is not None:
                return found
        return None

    def price_of(self, connector: str, msisdn: str, segments: int) -> Cost | None:
        """What so many segments cost; None where the table does not say."""
        price = self.of(connector, msisdn)
        return None if price is None else Cost(price.per_segment * segments, price.currency)
