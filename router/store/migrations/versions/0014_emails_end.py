"""What an e-mail's consent must be for, and whose e-mails wait. Of those that wait already it is not known (null)."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0014"
down_revision = "0013"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Apply."""
    op.add_column("emails", sa.Column("purpose", sa.Text(), nullable=True))
    op.create_index(
        "emails_open",
        "emails",
        ["contact_id"],
        unique=False,
        sqlite_where=sa.text("state IN ('ready', 'claimed')"),
        postgresql_where=sa.text("state IN ('ready', 'claimed')"),
    )
