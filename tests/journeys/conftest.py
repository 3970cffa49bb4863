"""A store for each journey, once on SQLite and once on PostgreSQL."""

from tests.support.stores import postgres, store_url

__all__ = ["postgres", "store_url"]
