"""Texts that are known not to have arrived start what their brands have written for that (`on undelivered`).

A long text has not arrived once a part of it has not; its other parts start nothing more. It starts with the next look,
once for each contact however many of its texts failed until then. What such a start has led to starts nothing again, be
it a text of its own or of a drip that it began: the cause of each text tells.
"""

from __future__ import annotations

from collections.abc import Mapping

from router.store import statements_timers as sql
from router.store.engine import Tx


def note(tx: Tx, bad: Mapping[int, int], now: int) -> None:
    """So many parts of these texts have just been told not to arrive, and are counted."""
    rows = {
        (contact_id, brand, "undelivered", "", now)
        for outbox_id, contact_id, brand, counted in sql.failed.rows(tx, list(bad))
        if counted == bad[outbox_id]  # none was told before
    }
    if rows:
        sql.arm.run(tx, sorted(rows))
