"""How often a run or a timer was tried in vain, PostgreSQL's vacuuming of runs, and what events told of their contacts.

For a while 0001 and 0008 made the first two themselves: a store of that time has them already.
"""

from __future__ import annotations

from typing import Any

import sqlalchemy as sa
from alembic import op

revision = "0013"
down_revision = "0012"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Apply."""
    _add("runs", sa.Column("tries", sa.Integer(), server_default=sa.text("0"), nullable=False))
    _add("timers", sa.Column("planned_at", sa.BigInteger(), nullable=True))
    _add("timers", sa.Column("tries", sa.Integer(), server_default=sa.text("0"), nullable=False))
    _add("events", sa.Column("told", sa.Text(), nullable=True))
    if op.get_bind().dialect.name == "postgresql":
        # What is due first is read past the entries of runs that were due before, until they are vacuumed away: by
        # default at a fifth of the table, which is two million of ten, and some 10 ms at each look.
        op.execute("ALTER TABLE runs SET (autovacuum_vacuum_scale_factor = 0.01)")


def _add(table: str, column: sa.Column[Any]) -> None:
    if column.name not in {one["name"] for one in sa.inspect(op.get_bind()).get_columns(table)}:
        op.add_column(table, column)
