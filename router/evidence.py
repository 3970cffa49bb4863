"""Is it the same message again, or the same words again? SMPP gives texts from phones no identity, so evidence decides.

A text is *confirmed* when its peer has provably read our acknowledgement (an enquire_link sent after it was answered:
the peer reads one stream in order). When a session ends, or a process starts again, every text that is not confirmed
becomes one *doubt*. An equal PDU spends a doubt and is kept as a suspected duplicate: shown, replayable, without
effect. Texts that were confirmed never merge, however close and however equal. (RELIABILITY.md 2.1 and 2.2.)

Here is what stands in the tables; `gateway.witness` gathers the evidence on the links.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence

import msgspec

from router.instants import DAY, SECOND
from router.messages import Inbound
from router.store import statements_evidence as sql
from router.store.engine import Row, Tx

LONGEST_HOLD = int(1.2 * SECOND)
"""How long an equal text on another session that nobody confirms or ends is waited for (its node writes confirmations
within a second): then it counts as in doubt. Microseconds."""
STRONG_ID_LIFE = 2 * DAY
"""How long a peer's own message id is remembered: providers deliver again for a day (RELIABILITY.md 2.2)."""


class Mark(msgspec.Struct, frozen=True, gc=False):
    """Every text of the session up to `confirmed_id` is confirmed."""

    session: int
    connector: str
    confirmed_id: int


class Ended(msgspec.Struct, frozen=True, gc=False):
    """A session is over; `in_doubt` are the texts whose acknowledgement may not have been read.

    `over` is False while texts of it are still on their way to the disk: it is not written down as ended before they
    are in doubt, or a process that dies in between would take them for settled.
    """

    session: int
    in_doubt: Sequence[int]
    expires_at: int
    over: bool = True


class Memory:
    """Whether there may be doubts in the store, so that the main way asks only where there are any. A process that owns
    its store knows; where others write to it too, one asks always."""

    def __init__(self) -> None:
        self.doubts = True
        self._shared = True

    def counted(self, tx: Tx) -> None:
        """Look whether there are any."""
        self._shared = tx.dialect != "sqlite"
        self.doubts = self._shared or bool(sql.any_doubt.rows(tx))


def witness(tx: Tx, marks: Sequence[Mark], ended: Sequence[Ended], node: str, now: int) -> int:
    """Write down how far sessions are confirmed, and what became doubtful with those that ended. Gives how many."""
    if marks:
        sql.upsert_sessions.run(tx, [(mark.session, mark.connector, node, mark.confirmed_id, None) for mark in marks])
    made = 0
    for one in ended:
        if one.over:
            sql.end_sessions.run(tx, now, [one.session])
        ids = list(one.in_doubt)
        if ids:
            made += _doubt(tx, sql.texts_by_id.rows(tx, ids) + sql.parts_by_id.rows(tx, ids), one.expires_at)
    return made


def recover(tx: Tx, node: str, now: int, horizons: Mapping[str, int]) -> int:
    """At start: what the sessions of this node's last process had not confirmed is in doubt. Gives how many texts.

    `horizons` say, by connector, how long its peer may deliver again (microseconds).
    """
    made = 0
    over = sql.open_sessions.rows(tx, node)
    for session, connector, confirmed_id in over:
        rows = sql.texts_since.rows(tx, confirmed_id, session) + sql.parts_since.rows(tx, confirmed_id, session)
        made += _doubt(tx, rows, now + horizons.get(connector, DAY))
    if over:
        sql.end_sessions.run(tx, now, [row[0] for row in over])
    return made


def _doubt(tx: Tx, rows: Sequence[Row], expires_at: int) -> int:
    if rows:
        sql.insert_doubts.run(tx, [(row[0], row[1], expires_at) for row in rows])
    return len(rows)


def repeats_in(tx: Tx, batch: Sequence[Inbound], memory: Memory, now: int) -> dict[int, int]:
    """The texts of a batch that were delivered before, by id, each with the id of the text that it repeats.

    At most one text of each sender may stand in the batch.
    """
    repeats = _recognised(tx, [message for message in batch if message.repeats])
    if memory.doubts:
        repeats |= _in_doubt(tx, [one for one in batch if one.fingerprint and one.id not in repeats], now)
    named = [one for one in batch if one.strong_id and one.id not in repeats]
    if named:
        repeats |= _known_by_name(tx, named)
    return repeats


def _recognised(tx: Tx, again: Sequence[Inbound]) -> dict[int, int]:
    """Repeats that the link itself told: true where the first one was kept; where it was refused, this is it."""
    if not again:
        return {}
    ids = [message.repeats for message in again]
    kept = {row[0] for row in sql.kept.rows(tx, ids, ids)}
    return {message.id: message.repeats for message in again if message.repeats in kept}


def _in_doubt(tx: Tx, batch: Sequence[Inbound], now: int) -> dict[int, int]:
    """Spend a doubt for each text that has one, the oldest first."""
    found = sql.doubts_of.rows(tx, [message.fingerprint for message in batch], now) if batch else []
    if not found:
        return {}
    oldest: dict[int, int] = {}
    for inbound_id, fingerprint in found:
        oldest.setdefault(fingerprint, inbound_id)
    wanted = {one.id: oldest[one.fingerprint] for one in batch if one.fingerprint in oldest}
    spent = {row[0] for row in sql.spend_doubts.rows(tx, sorted(set(wanted.values())))}
    return {id: first for id, first in wanted.items() if first in spent}


def _known_by_name(tx: Tx, named: Sequence[Inbound]) -> dict[int, int]:
    """Texts whose peer's own id is known already."""
    scopes: dict[str, list[Inbound]] = defaultdict(list)
    for message in named:
        scopes[message.scope].append(message)
    known: dict[int, int] = {}
    for scope, messages in scopes.items():
        rows = [(scope, message.strong_id, message.id) for message in messages]
        new = {row[0] for row in sql.insert_strong_ids.rows(tx, rows)}
        old = [message for message in messages if message.strong_id not in new]
        first: dict[str, int] = (
            dict(sql.strong_ids_of.rows(tx, scope, [message.strong_id for message in old])) if old else {}
        )
        # One that was held after its id was written is its own first, and no repeat.
        known |= {one.id: first[one.strong_id] for one in old if first[one.strong_id] != one.id}
    return known


def unsettled_elsewhere(tx: Tx, last: Mapping[int, Inbound], node: str, now: int) -> tuple[dict[int, int], set[int]]:
    """Across nodes: texts equal to their contact's last one, which came on a session that is open and not confirmed.

    `last` holds, by the id of a contact's last text, the text at hand. Gives the repeats (nobody decided in time) and
    the ids of those that are to be held.
    """
    repeats: dict[int, int] = {}
    held: set[int] = set()
    equal = {
        row[0]: row[2]
        for row in sql.evidence_of.rows(tx, list(last))
        if row[3] == last[row[0]].fingerprint and row[2] != last[row[0]].session
    }
    if not equal:
        return repeats, held
    standing = {row[0]: row[1:] for row in sql.sessions_by_id.rows(tx, sorted(set(equal.values())))}
    ended: list[Inbound] = []
    for first, session in equal.items():
        if session not in standing:  # it ended so long ago that it is forgotten
            continue
        confirmed_id, ended_at, owner = standing[session]
        message = last[first]
        if ended_at is not None:
            ended.append(message)
            continue
        if first <= confirmed_id or owner == node:  # what came over our own links their witness has judged already
            continue
        if now - message.received_at > LONGEST_HOLD:
            repeats[message.id] = first
        else:
            held.add(message.id)
    if ended:  # perhaps in this very moment: its doubts came with its end, after `repeats_in` had looked
        repeats |= _in_doubt(tx, ended, now)
    return repeats, held
