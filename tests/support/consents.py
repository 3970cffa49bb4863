"""Events of consent for tests, and contacts that they are about."""

import random
from collections.abc import Sequence
from typing import Any

import pytest

from router import ledger
from router.ledger import Record
from router.store.engine import Store, Tx
from router.world import Ids
from tests.support.routing import NOW

WORDING = "Antwoord JA voor tips van Shop. STOP = uit."


def contact(store: Store, address: str, new_id: int) -> int:
    """A phone that is known."""
    with store.begin() as tx:
        tx.write(f"INSERT INTO contacts (id, address, created_at) VALUES ({new_id}, '{address}', {NOW})")
    return new_id


def record(contact_id: int, msisdn: str, **more: Any) -> Record:
    """A consent to promotional texts of Shop, or what is told instead."""
    known: dict[str, Any] = {
        "brand": "Shop", "action": "grant", "method": "keyword", "at": NOW, "message_class": "promotional",
        "programme": "TIPS", "number": "4411", "wording": WORDING, "language": "nl", "mo_id": 11, "mt_id": 12,
    }  # fmt: skip
    return Record(contact_id=contact_id, msisdn=msisdn, **(known | more))


def append(store: Store, records: Sequence[Record], now: int = NOW) -> list[int]:
    """Write them down in one transaction."""
    with store.begin() as tx:
        return ledger.append(tx, records, Ids(1), now, random.Random(len(records)).random)


def asked(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The statements that are run from now on, as they are run."""
    seen: list[str] = []
    for name in ("execute", "write"):
        original = getattr(Tx, name)

        def noted(tx: Tx, sql: str, parameters: Any = (), original: Any = original) -> Any:
            seen.append(sql)
            return original(tx, sql, parameters)

        monkeypatch.setattr(Tx, name, noted)
    return seen
