"""What a brand's promotional texts cost, held against its budget (`budget EUR 100.00 per month`).

A text is counted where it becomes a row, in the same transaction, so that no process that dies forgets what it spent.
`decide` asks what was spent before its group began, hence a budget is overshot by the texts of one group at most (and,
where several nodes share a store, of one group of each). What is cancelled or refused later stays counted: a budget
errs towards spending less. A text that no price is known for costs nothing here.

The row of a brand and period is locked after the contacts and before the outbox, brands in the order of their names.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from decimal import ROUND_UP
from typing import Final

import msgspec

from router.prices import Cost
from router.store import statements_spending as sql
from router.store.engine import Tx
from rules.periods import period_of
from rules.rulebook import BrandBook, Rulebook

WARN_AT: Final = 80
"""Percent of a budget at which it is warned of, once in its period."""
_MILLIONTHS: Final = 1_000_000

PriceOf = Callable[[str, str, int], Cost | None]
"""What so many segments cost over a connector to a number; None where no price is known."""


class Charge(msgspec.Struct, frozen=True, gc=False):
    """What is spent in a brand's period, and the whole of its budget; millionths of the budget's currency."""

    brand: str
    period: str
    millionths: int
    budget: int


class Till:
    """Prices texts for the budgets of the rules in force."""

    __slots__ = ("_brands", "_price")

    def __init__(self, price: PriceOf, brands: Mapping[str, BrandBook]) -> None:
        self._price = price
        self._brands = brands

    def charge(self, brand: str, connector: str, address: str, segments: int, now: int) -> Charge | None:
        """What one promotional text adds to its brand's budget; None where there is none, or no price in its money."""
        book = self._brands.get(brand)
        if book is None or book.budget is None:
            return None
        cost = self._price(connector, address, segments)
        if cost is None or cost.currency != book.budget.currency:
            return None
        millionths = int((cost.amount * _MILLIONTHS).to_integral_value(ROUND_UP))
        period = period_of(book.budget.unit, now, book.zone)
        return Charge(brand, period, millionths, book.budget.millionths)


def free(connector: str, address: str, segments: int) -> Cost | None:
    """No price is known."""
    return None


NO_TILL: Final = Till(free, {})
"""Where nothing is counted."""


def spend(tx: Tx, charges: Iterable[Charge]) -> list[Charge]:
    """Add up what texts cost. Gives the budgets that were not warned of before, and are to be now, each with all that
    is spent of it."""
    sums: dict[tuple[str, str, int], int] = {}
    for one in charges:
        key = one.brand, one.period, one.budget
        sums[key] = sums.get(key, 0) + one.millionths
    warned: list[Charge] = []
    for (brand, period, budget), more in sorted(sums.items()):
        spent = _added(tx, brand, period, more)
        limit = budget * WARN_AT // 100
        if spent - more < limit <= spent:
            warned.append(Charge(brand, period, spent, budget))
    return warned


def _added(tx: Tx, brand: str, period: str, more: int) -> int:
    rows = sql.spend.rows(tx, more, brand, period)
    if not rows:  # the first of its period
        sql.insert_spending.run(tx, [(brand, period, 0)])
        rows = sql.spend.rows(tx, more, brand, period)
    return int(rows[0][0])


def unpriced(book: Rulebook, currencies: Iterable[str]) -> list[str]:
    """A sentence for each brand whose budget cannot work: nothing has a price in its currency."""
    priced = set(currencies)
    return [
        f"the budget of {name} cannot work: no [[price]] in the settings is in {brand.budget.currency}, "
        "so its texts count as free"
        for name, brand in sorted(book.brands.items())
        if brand.budget is not None and brand.budget.currency not in priced
    ]
