"""When a phone was erased: what was told of it before is not written down after."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0012"
down_revision = "0011"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Apply."""
    op.add_column("suppressions", sa.Column("erased_at", sa.BigInteger(), server_default=sa.text("0"), nullable=False))
