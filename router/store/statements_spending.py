"""The statements that add to what a brand has spent (router.spending)."""

from __future__ import annotations

from sqlalchemy import bindparam, update

from router.store.sql import Insert, Statement
from router.store.tables_events import spending

insert_spending = Insert(spending, ("brand", "period", "millionths"), conflict=("brand", "period"))
spend = Statement(
    update(spending)
    .where(spending.c.brand == bindparam("of"), spending.c.period == bindparam("within"))
    .values(millionths=spending.c.millionths + bindparam("more"))
    .returning(spending.c.millionths),
    "more", "of", "within",
)  # fmt: skip
"""It locks the row, and gives what is spent by then."""
