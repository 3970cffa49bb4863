"""The indexes that statistics read clicks and goals by."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0006"
down_revision = "0004"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Apply."""
    op.create_index(
        "links_clicked",
        "links",
        ["clicked_at", "code"],
        unique=False,
        sqlite_where=sa.text("clicked_at IS NOT NULL"),
        postgresql_where=sa.text("clicked_at IS NOT NULL"),
    )
    op.create_index(
        "enrolments_goal",
        "enrolments",
        ["cause_id", "drip"],
        unique=False,
        sqlite_where=sa.text("outcome = 'goal'"),
        postgresql_where=sa.text("outcome = 'goal'"),
    )
