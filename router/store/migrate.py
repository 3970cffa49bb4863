"""Alembic's migrations, run when the store is opened; a test compares them with the declared tables."""

from __future__ import annotations

from pathlib import Path

from alembic import command
from alembic.config import Config
from sqlalchemy import Engine

ADVISORY_LOCK = 0x6B77656B
"""PostgreSQL: held while migrating, so that two nodes that start together do it one after the other ("kwek")."""


def upgrade(engine: Engine, revision: str = "head") -> None:
    """Bring the tables up to `revision`, in one transaction."""
    with engine.connect() as connection:
        if engine.dialect.name == "sqlite":
            connection.exec_driver_sql("BEGIN IMMEDIATE")
        else:
            connection.exec_driver_sql("BEGIN")
            connection.exec_driver_sql(f"SELECT pg_advisory_xact_lock({ADVISORY_LOCK})")
        config = Config()
        config.set_main_option("script_location", str(Path(__file__).parent / "migrations"))
        config.attributes["connection"] = connection
        command.upgrade(config, revision)
        connection.exec_driver_sql("COMMIT")
