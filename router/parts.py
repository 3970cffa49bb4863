"""Long messages that come in parts: parts are rows, joined once when the last one is there, in whatever order.

A set is known by connector, sender, recipient, reference and total, within a life time (references are reused). Joined
parts stay for that time, so that a repeated part is recognised; parts that wait longer, or whose reference is used for
another message, are delivered as they are and marked `incomplete`. The octets are joined, not the texts: a character
may have been cut between two parts.
"""

from __future__ import annotations

from collections.abc import Callable

import msgspec

from router.instants import MINUTE
from router.messages import Inbound, Part
from router.store import statements_parts as sql_parts
from router.store.engine import Row, Tx
from router.world import Ids

PART_LIFE = 10 * MINUTE
"""How long parts wait for one another, and a reference belongs to one message."""

Decode = Callable[[bytes, str], str]
"""Octets and the name of their charset to text; never fails (what cannot be read is marked)."""


def join(tx: Tx, message: Inbound, decode: Decode) -> Inbound | None:
    """Keep a part; the whole message when it was the last one missing, else None."""
    part = message.part
    if part is None:
        return message
    _hold(tx, message.sender)
    stored = sql_parts.parts_of_one.rows(
        tx, message.connector, message.sender, message.recipient, part.reference, part.total,
        message.received_at - PART_LIFE,
    )  # fmt: skip
    if any(row[6] == part.index and bytes(row[7]) == message.octets for row in stored):
        return None  # the same part again
    sql_parts.insert_parts.run(tx, [_row(message, part)])
    waiting = {row[6]: row for row in stored if row[12] is None}
    if part.index in waiting:  # the reference is used anew: what waited will not be completed any more
        sql_parts.age_parts.run(tx, PART_LIFE, [row[0] for row in waiting.values()])
        waiting = {}
    if len(waiting) + 1 < part.total:
        return None
    sql_parts.mark_joined.run(tx, message.received_at, [message.id, *(row[0] for row in waiting.values())])
    pieces = {number: row[7] for number, row in waiting.items()} | {part.index: message.octets}
    octets = b"".join(pieces[number] for number in sorted(pieces))
    return msgspec.structs.replace(
        message, octets=octets, text=decode(octets, message.charset), part=None, fingerprint=0
    )


def overdue(tx: Tx, now: int, most: int, ids: Ids, decode: Decode) -> list[Inbound]:
    """Messages whose missing parts did not come in time, put together from what there is and marked incomplete."""
    sets: dict[Row, list[Row]] = {}
    for row in sql_parts.parts_overdue.rows(tx, now - PART_LIFE, most):
        sets.setdefault(row[1:6], []).append(row)
    messages = []
    for (connector, sender, recipient, _, _), first in sets.items():
        _hold(tx, sender)
        rows = _whole_set(tx, first[0])
        if not rows:  # joined by another node since they were looked for
            continue
        sql_parts.mark_joined.run(tx, now, [row[0] for row in rows])
        octets = b"".join(bytes(row[7]) for row in sorted(rows, key=lambda row: row[6]))
        messages.append(
            Inbound(id=ids.next(now), connector=connector, session=rows[0][9], sequence=rows[0][10], sender=sender,
                    recipient=recipient, text=decode(octets, rows[0][8]), received_at=now, octets=octets,
                    charset=rows[0][8], incomplete=True)
        )  # fmt: skip
    return messages


def _whole_set(tx: Tx, first: Row) -> list[Row]:
    """The parts that wait with `first`: those that came within one life time of it."""
    rows = sql_parts.parts_of_one.rows(tx, *first[1:6], first[11] - 1)
    return [row for row in rows if row[12] is None and row[11] < first[11] + PART_LIFE]


def _hold(tx: Tx, sender: str) -> None:
    """Nobody else joins parts of that sender until the transaction ends; a SQLite one holds the whole file."""
    if tx.dialect != "sqlite":
        sql_parts.lock_sender.rows(tx, sender)


def _row(message: Inbound, part: Part) -> Row:
    return (
        message.id, message.connector, message.sender, message.recipient, part.reference, part.total, part.index,
        message.octets, message.charset, message.session, message.sequence, message.received_at, None,
        message.fingerprint or None,
    )  # fmt: skip
