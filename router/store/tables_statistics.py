"""What statistics need of the tables beyond what the main way does: indexes that only a click and a goal pay for."""

from __future__ import annotations

from sqlalchemy import Index, text

from router.store.tables_events import enrolments
from router.store.tables_offers import links

links_clicked = Index(
    "links_clicked",
    links.c.clicked_at,
    links.c.code,
    sqlite_where=text("clicked_at IS NOT NULL"),
    postgresql_where=text("clicked_at IS NOT NULL"),
)
"""Links in the order in which they were first followed: one that nobody follows is not in it."""

enrolments_goal = Index(
    "enrolments_goal",
    enrolments.c.cause_id,
    enrolments.c.drip,
    sqlite_where=text("outcome = 'goal'"),
    postgresql_where=text("outcome = 'goal'"),
)
"""Drips whose goal was reached, by what they were entered by."""
