"""What statistics need of the tables beyond what the main way does: an index that only a click pays for."""

from __future__ import annotations

from sqlalchemy import Index, text

from router.store.tables_offers import links

links_clicked = Index(
    "links_clicked",
    links.c.clicked_at,
    links.c.code,
    sqlite_where=text("clicked_at IS NOT NULL"),
    postgresql_where=text("clicked_at IS NOT NULL"),
)
"""Links in the order in which they were first followed: one that nobody follows is not in it."""
