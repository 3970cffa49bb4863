"""The statements about texts that a person must read."""

from __future__ import annotations

from router.store.sql import Insert
from router.store.tables_reviews import reviews

insert_reviews = Insert(reviews, ("id", "contact_id", "brand", "number", "inbound_id", "text", "evidence", "due_at"))
