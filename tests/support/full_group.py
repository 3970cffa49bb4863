"""A group of every kind of cause after some history, and the tables it starts from and comes to."""

import re
from typing import Any

from router.instants import MINUTE
from router.store.engine import Store
from tests.support.routing import JAN, KEES, PIET, ROOS, Phones, everything

_GIVEN_ANEW = {
    ("outbox", "id"), ("contacts", "id"), ("runs", "id"), ("records", "id"), ("ledger", "id"), ("ledger", "commitment"),
    ("ledger", "hash"), ("ledger_details", "salt"), ("ledger_heads", "hash"),
}  # fmt: skip
"""Ids and salts that are made while a group is performed, and so differ when it is performed again."""
_MARKERS = "batches"


def full_group(phones: Phones) -> dict[str, Any]:
    """Outcomes, receipts, texts of all kinds, due work and claims; writes the history that they hang on."""
    for sender, text in ((JAN, "JOIN"), (PIET, "QUIZ"), (KEES, "TWEE"), (ROOS, "STRAKS")):
        claims = phones.write(sender, text)
        phones.commit(outcomes=[phones.sent(claim, f"{sender}-{text}") for claim in claims])
    last = phones.write(JAN, "NAAM Jan")
    phones.later(20 * MINUTE)
    return {
        "outcomes": [phones.sent(last[0], "early")],
        "receipts": [phones.receipt("early"), phones.receipt(f"{JAN}-JOIN"), phones.receipt("nobody")],
        "inbound": [
            phones.text(JAN, "NAAM Johan"), phones.text(PIET, "ja"), phones.text(KEES, "STOP"),
            phones.part("31655555555", b"JO", 1, 2), phones.text("31666666666", "LATER"),
            phones.text("Bank", "JOIN"),
        ],
        "due": True,
        "claim": True,
    }  # fmt: skip


def clean_rows(store: Store) -> dict[str, list[Any]]:
    """All rows, without what differs when the same is done once more."""

    def anew(table: str, column: str) -> bool:
        return table == _MARKERS or (table, column) in _GIVEN_ANEW or column in ("contact_id", "outbox_id")

    rows = everything(store, anew)
    rows["ledger_details"] = [tuple(map(_without_text_id, row)) for row in rows["ledger_details"]]
    return rows


def _without_text_id(value: Any) -> Any:
    """Details of the ledger, without the id of our text that confirms: it is made with the text."""
    return re.sub(r'"mt_id":\d+,?', "", value) if isinstance(value, str) else value


def reset(store: Store, tables: dict[str, list[Any]]) -> None:
    """Make the tables hold these rows and no others."""
    mark = "?" if store.dialect == "sqlite" else "%s"
    with store.begin() as tx:
        for name, rows in tables.items():
            tx.write(f"DELETE FROM {name}")
            for row in rows:
                tx.write(f"INSERT INTO {name} VALUES ({', '.join([mark] * len(row))})", row)
