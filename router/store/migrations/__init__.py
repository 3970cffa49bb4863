"""Alembic's migrations: `router.store.migrate` runs them, a test compares them with the declared tables."""
