"""The codes whose texts are still to be forgotten are found without a walk."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0010"
down_revision = "0009"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Apply."""
    op.create_index(
        "outbox_codes",
        "outbox",
        ["id"],
        unique=False,
        sqlite_where=sa.text("message_class = 'otp' AND text <> ''"),
        postgresql_where=sa.text("message_class = 'otp' AND text <> ''"),
    )
