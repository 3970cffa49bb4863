"""Every statement of the main way, compiled at the start, so that none is while messages flow."""

from __future__ import annotations

from router.store import (
    statements,
    statements_consent,
    statements_evidence,
    statements_offers,
    statements_outbox,
    statements_parts,
    statements_receipts,
    statements_silence,
)
from router.store.sql import Insert, Statement

_DECLARED = (
    statements, statements_consent, statements_evidence, statements_offers, statements_outbox, statements_parts,
    statements_receipts, statements_silence,
)  # fmt: skip


def prepare(dialect: str) -> None:
    """Compile them all for that dialect."""
    for module in _DECLARED:
        for one in vars(module).values():
            if isinstance(one, Statement | Insert):
                one.compile(dialect)
