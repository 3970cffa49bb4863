"""Rule sets that were in force, with their sources: the last good one, and those that suspended runs began in."""

from __future__ import annotations

from collections.abc import Mapping

import msgspec

from router.store import statements as sql
from router.store.engine import Tx


def record(tx: Tx, deployment: str, sources: Mapping[str, str], now: int) -> None:
    """Write down that this rule set is in force from now on; `sources` by file name."""
    text = msgspec.json.encode(dict(sources)).decode()
    sql.upsert_deployment.run(tx, [(deployment, text, now, now)])


def last_good(tx: Tx) -> dict[str, str] | None:
    """The sources of the rule set that was last in force; None when there never was one."""
    rows = sql.last_deployment.rows(tx)
    return sources_of(rows[0][1]) if rows else None


def sources_of(text: str) -> dict[str, str]:
    """Sources by file name, from their column."""
    return msgspec.json.decode(text, type=dict[str, str])
