"""Alembic's entry: migrate on the connection that `upgrade` hands in."""

from __future__ import annotations

from alembic import context

from router.store.tables import metadata

context.configure(
    connection=context.config.attributes["connection"],
    target_metadata=metadata,
    transactional_ddl=False,
    render_as_batch=True,
)
context.run_migrations()
