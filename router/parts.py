"""Long messages that come in parts: parts are rows, joined once when the last one is there, in whatever order.

A reference is known by connector, sender, recipient, its number and the total, within a life time, for phones use the
same ones again, and some only ever one. Under it stand:
- at most one *open* set, which new parts fill; a part that differs from the one in its place begins another set, and
  what waited is delivered as it is, marked `incomplete`, as is a set that waits for longer than its time;
- the sets that were joined, kept for that time;
- *loose* repeats: parts equal to one that is known. (A re-delivery that the evidence tells never comes here:
  router.inbound.) When loose repeats make up a known set again, somebody wrote the same text again, and it is
  delivered; otherwise they are forgotten in time, for all that is in them was delivered before.
A text may also share a part with an earlier one of the same reference. Then the open set lacks what lies among the
loose repeats: it waits a moment longer for a part of its own, and takes theirs.
The octets are joined, not the texts: a character may have been cut between two parts.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from itertools import groupby

import msgspec

from router.instants import MINUTE, SECOND
from router.messages import Inbound, Part
from router.store import statements_parts as sql_parts
from router.store.engine import Row, Tx
from router.world import Ids

PART_LIFE = 10 * MINUTE
"""How long parts wait for one another, and a reference belongs to one message."""
UNSURE = 30 * SECOND
"""How long a set that could be made whole with repeats of another text's parts waits for parts of its own."""
MOST_LOOSE = 1_000
"""Loose repeats of one reference; more are not kept, for a phone does not write that much in their life time."""

Decode = Callable[[bytes, str], str]
"""Octets and the name of their charset to text; never fails (what cannot be read is marked)."""
Parts = Mapping[int, Row]
"""Rows by their place in the message."""


class _Known(msgspec.Struct):
    """What stands under one reference."""

    sets: dict[int, dict[int, Row]]
    open: dict[int, Row]
    loose: list[Row]

    @classmethod
    def of(cls, rows: Iterable[Row]) -> _Known:
        """Sort rows, oldest first."""
        known = cls({}, {}, [])
        for row in rows:
            if row[14] is not None:
                known.sets.setdefault(row[14], {})[row[6]] = row
            elif row[12] is None:
                known.loose.append(row)
        waiting = [one for one in known.sets.values() if any(row[12] is None for row in one.values())]
        known.open = waiting[-1] if waiting else {}
        return known

    def has(self, part: Part, octets: bytes) -> bool:
        """Whether this part came before."""
        in_sets = (one[part.index] for one in self.sets.values() if part.index in one)
        return any(row[6] == part.index and bytes(row[7]) == octets for row in (*in_sets, *self.loose))

    def fellows(self, part: Part, octets: bytes, again: bool) -> list[Row] | None:
        """The rows that this part makes a whole message with, or None."""
        if not again:
            rest = {} if part.index in self.open else self.open
            return list(rest.values()) if len(rest) == part.total - 1 else None
        for one in reversed(self.sets.values()):
            if len(one) == part.total and bytes(one[part.index][7]) == octets:
                found = [self._loose_like(row) for place, row in one.items() if place != part.index]
                if all(found):
                    return [row for row in found if row is not None]
        return None

    def _loose_like(self, wanted: Row) -> Row | None:
        return next((row for row in self.loose if row[6] == wanted[6] and bytes(row[7]) == bytes(wanted[7])), None)


def join(tx: Tx, message: Inbound, decode: Decode) -> Inbound | None:
    """Keep a part; the whole message when it was the last one missing, else None."""
    part = message.part
    if part is None:
        return message
    known = _known(tx, message, part)
    again = known.has(part, message.octets)
    fellows = known.fellows(part, message.octets, again)
    if again and fellows is None and len(known.loose) >= MOST_LOOSE:
        return None
    waiting = known.open
    if not again and part.index in waiting:  # the reference is used anew: what waited will not be completed any more
        sql_parts.age_parts.run(tx, message.received_at - PART_LIFE, _ids(waiting.values()))
        waiting = {}
    set_id = None if again else next((row[14] for row in waiting.values()), message.id)
    row = _row(message, part, set_id)
    sql_parts.insert_parts.run(tx, [row])
    if fellows is None:
        _hurry(tx, waiting if again else {**waiting, part.index: row}, [*known.loose, *([row] if again else ())], row)
        return None
    sql_parts.mark_joined.run(tx, message.received_at, [message.id, *_ids(fellows)])
    octets, text = _put_together([row, *fellows], decode)
    return msgspec.structs.replace(message, octets=octets, text=text, part=None, fingerprint=0)


def keep_repeat(tx: Tx, message: Inbound) -> None:
    """Keep a part that the evidence knows from before: it fills no set, but its own acknowledgement may come to be in
    doubt like any other, and the next delivery is told by that."""
    if message.part is not None and not message.repeats:
        row = _row(message, message.part, None)
        sql_parts.insert_parts.run(tx, [(*row[:12], message.received_at, *row[13:])])


def set_aside(tx: Tx, message: Inbound) -> list[Inbound]:
    """The parts that waited for one that cannot be acted upon: they wait no more, and are given to be kept with it.

    None when others are missing still, or when it is no part.
    """
    part = message.part
    if part is None:
        return []
    known = _known(tx, message, part)
    fellows = known.fellows(part, message.octets, known.has(part, message.octets)) or []
    sql_parts.mark_joined.run(tx, message.received_at, _ids(fellows))
    return [
        Inbound(id=row[0], connector=row[1], session=row[9], sequence=row[10], sender=row[2], recipient=row[3], text="",
                received_at=row[11], octets=bytes(row[7]), charset=row[8])
        for row in fellows
    ]  # fmt: skip


def unread(octets: bytes, charset: str) -> str:
    """The text of parts that are set aside: nobody reads it, and reading may be what is wrong."""
    return ""


def overdue(tx: Tx, now: int, most: int, ids: Ids, decode: Decode) -> list[Inbound]:
    """Messages whose missing parts did not come in time, put together from what there is and marked incomplete."""
    sets = {row[14]: row for row in sql_parts.parts_overdue.rows(tx, now - PART_LIFE, most)}
    messages = []
    for set_id, first in sets.items():
        _hold(tx, first[2])
        stored = _rows(tx, first[1:6], first[11] - PART_LIFE)
        rows = {row[6]: row for row in stored if row[14] == set_id and row[12] is None}
        if not rows:  # joined by another node since they were looked for
            continue
        loose = [row for row in stored if row[14] is None and row[12] is None and row[11] > now - PART_LIFE - UNSURE]
        whole = _filled(rows, loose, first[5])
        rows = whole or rows
        sql_parts.mark_joined.run(tx, now, _ids(rows.values()))
        octets, text = _put_together(rows.values(), decode)
        messages.append(
            Inbound(id=ids.next(now), connector=first[1], session=first[9], sequence=first[10], sender=first[2],
                    recipient=first[3], text=text, received_at=now, octets=octets, charset=first[8],
                    incomplete=not whole)
        )  # fmt: skip
    return messages


def _known(tx: Tx, message: Inbound, part: Part) -> _Known:
    """What stands under the reference of a part; nobody else changes it until the transaction ends."""
    _hold(tx, message.sender)
    key = (message.connector, message.sender, message.recipient, part.reference, part.total)
    return _Known.of(_rows(tx, key, message.received_at - PART_LIFE))


def _rows(tx: Tx, key: Sequence[object], since: int) -> list[Row]:
    return list(reversed(sql_parts.parts_of_one.rows(tx, *key, since)))


def _hurry(tx: Tx, waiting: Parts, loose: Sequence[Row], last: Row) -> None:
    """Have an open set that repeats would make whole fall due soon."""
    due = last[11] - PART_LIFE + UNSURE
    if waiting and _filled(waiting, loose, last[5]) and all(row[11] > due for row in waiting.values()):
        sql_parts.age_parts.run(tx, due, _ids(waiting.values()))


def _filled(rows: Parts, loose: Sequence[Row], total: int) -> dict[int, Row]:
    """A whole message of these rows and, in their gaps, of the newest repeats; empty when there are not enough."""
    filled = {row[6]: row for row in loose} | dict(rows)
    return filled if len(filled) == total else {}


def _put_together(rows: Iterable[Row], decode: Decode) -> tuple[bytes, str]:
    """The octets and the text of parts. Neighbours that are written alike are read in one; others each as it is."""
    ordered = sorted(rows, key=lambda row: int(row[6]))
    alike = groupby(ordered, key=lambda row: str(row[8]))
    runs = [(name, b"".join(bytes(row[7]) for row in run)) for name, run in alike]
    return b"".join(octets for _, octets in runs), "".join(decode(octets, name) for name, octets in runs)


def _hold(tx: Tx, sender: str) -> None:
    """Nobody else joins parts of that sender until the transaction ends; a SQLite one holds the whole file."""
    if tx.dialect != "sqlite":
        sql_parts.lock_sender.rows(tx, sender)


def _ids(rows: Iterable[Row]) -> list[int]:
    return [row[0] for row in rows]


def _row(message: Inbound, part: Part, set_id: int | None) -> Row:
    return (
        message.id, message.connector, message.sender, message.recipient, part.reference, part.total, part.index,
        message.octets, message.charset, message.session, message.sequence, message.received_at, None,
        message.fingerprint or None, set_id,
    )  # fmt: skip
