"""Suspected duplicates: kept, visible, and acted upon all the same when somebody says that one was meant.

A replay is the text as if it had just come, under a new id; the suspect stays where it is, as replayed, so that it has
its effects once. (RELIABILITY.md 2.2.)
"""

from __future__ import annotations

import msgspec

from router import inbound
from router.claims import Allowance
from router.messages import Inbound
from router.store import statements_evidence as sql
from router.store.engine import Tx
from router.ways import Ways


class Suspect(msgspec.Struct, frozen=True):
    """A text that was kept without effect, and the one that it seems to repeat; instants in microseconds.

    `first_at` is None where the first one was a part of a long text, or is forgotten.
    """

    id: int
    sender: str
    number: str
    connector: str
    text: str
    received_at: int
    repeats: int
    first_at: int | None


def newest(tx: Tx, most: int) -> list[Suspect]:
    """The suspected duplicates, the newest first."""
    return [Suspect(*row) for row in sql.newest_suspects.rows(tx, most)]


def replay(tx: Tx, id: int, ways: Ways) -> str | None:
    """Act upon one as if it had just come; gives what it did, None where there is no such suspect (any more).

    What it sends waits in the outbox for a gateway to claim it.
    """
    found = sql.suspects_by_id.rows(tx, [id])
    if not found or not sql.set_replayed.rows(tx, id):
        return None
    one, place = Suspect(*found[0]), ways.place()
    message = Inbound(
        id=place.ids.next(place.now), connector=one.connector, session=0, sequence=0, sender=one.sender,
        recipient=one.number, text=one.text, received_at=place.now,
    )  # fmt: skip
    done = inbound.accept(tx, [message], ways, Allowance({}))
    return next(iter(done.dispositions))
