"""What goes out after its first transaction: outcomes are settled, what waits is claimed, what is unknown is resolved.

Rule 1: every change of state is a move in `router.states`, and its statement names the states it starts from; tests run
each statement from every state and hold it to the table.
Rule 2: this file knows no connector; an outcome is a value that one made.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Iterable, Sequence
from typing import Literal as OneOf

import msgspec

from router import consent, contacts, receipts
from router.instants import HOUR
from router.messages import Thread
from router.perform import Allowance, Claim, Place
from router.states import FORGET_AFTER, after_unknown, may_resend
from router.store import statements as sql
from router.store import statements_outbox as sql_outbox
from router.store import statements_parts as sql_parts
from router.store import statements_receipts as sql_receipts
from router.store.engine import Row, Tx
from router.world import first_id_at

CLAIMS_AT_ONCE = 64
"""Waiting messages claimed in one group: enough to fill a window, little enough not to hold up what comes in."""
RECOVERY_SLICE = 500
"""Unknown messages looked at in one transaction."""


class Outcome(msgspec.Struct, frozen=True, gc=False, kw_only=True):
    """What became of a claimed message. `message_ids` are the centre's, one per segment, empty where no receipt was
    asked for. `retry_at` goes with `ready`: refused for now, or never written."""

    id: int
    connector: str
    state: OneOf["sent", "failed", "unknown", "ready"]
    message_ids: tuple[str, ...] = ()
    reason: str = ""
    retry_at: int = 0
    message_class: str = "conversational"
    attempts: int = 1


def settle(tx: Tx, outcomes: Sequence[Outcome], now: int) -> None:
    """Write outcomes down. Only then is a window slot free."""
    sent: list[Outcome] = []
    other: dict[tuple[str, str, int], list[int]] = defaultdict(list)
    for outcome in outcomes:
        if outcome.state == "sent":
            sent.append(outcome)
            continue
        due = outcome.retry_at
        if outcome.state == "unknown":
            due = after_unknown(outcome.message_class, outcome.attempts, now)  # type: ignore[arg-type]
        other[outcome.state, outcome.reason, due].append(outcome.id)
    if sent:
        sql_outbox.settle_sent.run(tx, now, [outcome.id for outcome in sent])
        receipts.expect(tx, [(o.connector, message_id, o.id) for o in sent for message_id in o.message_ids], now)
    for (state, reason, due), ids in other.items():
        sql_outbox.settle_other.run(tx, state, reason, now, due, ids)


def claim(
    tx: Tx, allowance: Allowance, place: Place, not_to: Collection[str] = (), most: int = CLAIMS_AT_ONCE
) -> list[Claim]:
    """Claim what waits and is due, per connector with room, oldest first, one per contact and number.

    Nothing is claimed for the addresses in `not_to`, whose own texts are still to be acted upon. The gate is asked
    again under the contact's lock: what may no longer go out is cancelled with its reason.
    """
    claims: list[Claim] = []
    for connector in [name for name, left in allowance.left.items() if left > 0]:
        rows = sql_outbox.claimable.rows(tx, connector, place.now, most)
        if rows:
            claims += _claim(tx, connector, rows, allowance, place, not_to)
    return claims


def _claim(
    tx: Tx, connector: str, rows: Sequence[Row], allowance: Allowance, place: Place, not_to: Collection[str]
) -> list[Claim]:
    loaded = contacts.by_id(tx, [row[1] for row in rows])
    by_id = {contact.id: contact for contact in loaded.contacts.values() if contact.address not in not_to}
    refused: dict[str, list[int]] = defaultdict(list)
    taken: dict[int, Claim] = {}
    for row_id, contact_id, number, brand, message_class, text, encoding, segments, attempts, created_at in rows:
        if contact_id not in by_id:
            continue
        profiles = loaded.profiles.get(contact_id, {})
        thread = loaded.threads.get((contact_id, number), Thread())
        reason = consent.may_still_send(message_class, created_at, brand, profiles, thread, place.now)
        if reason:
            refused[reason].append(row_id)
        elif allowance.take(connector, segments):
            address = by_id[contact_id].address
            taken[row_id] = Claim(row_id, connector, number, address, text, encoding, segments, message_class,
                                  attempts + 1)  # fmt: skip
    for reason, ids in refused.items():
        sql_outbox.close_ready.run(tx, reason, place.now, ids)
    if not taken:
        return []
    held = [taken.pop(row[0]) for row in sql_outbox.set_claimed.rows(tx, place.node, list(taken))]
    for claim in taken.values():  # another node was quicker
        allowance.give_back(connector, claim.segments)
    return held


def recover(tx: Tx, node: str, now: int) -> int:
    """At start: what this node had claimed when it died is of unknown outcome. Gives how many there were."""
    rows = sql_outbox.claimed_by.rows(tx, node)
    settle(
        tx,
        [
            Outcome(id=row[0], connector="", state="unknown", reason="node_ended", message_class=row[1],
                    attempts=row[2])
            for row in rows
        ],
        now,
    )  # fmt: skip
    return len(rows)


def resolve_unknown(tx: Tx, now: int, most: int = RECOVERY_SLICE) -> int:
    """Unknown messages whose time is up: once more to the wire where their class allows it, else expired.

    Gives how many are to be sent again.
    """
    again: list[int] = []
    over: list[int] = []
    for row_id, message_class, attempts in sql_outbox.unknown_due.rows(tx, now, most):
        (again if may_resend(message_class, attempts) else over).append(row_id)
    if again:
        sql_outbox.resolve_unknown.run(tx, "ready", "resent", now, again)
    if over:
        sql_outbox.resolve_unknown.run(tx, "expired", "unknown_outcome", now, over)
    return len(again)


def waiting(tx: Tx, connectors: Iterable[str]) -> dict[str, int]:
    """The connectors for which something is ready, and the earliest instant at which it is due."""
    found = {name: sql_outbox.earliest_ready.rows(tx, name)[0][0] for name in connectors}
    return {name: at for name, at in found.items() if at is not None}


def highest_id(tx: Tx) -> int:
    """The highest id in any table that `World.ids` numbers."""
    return max(int(value) for value in sql.highest_ids.rows(tx)[0])


def housekeep(tx: Tx, now: int) -> None:
    """Forget what nothing can refer to any more: old strays, receipts that never came, joined parts, markers."""
    sql_receipts.forget_strays.run(tx, now - FORGET_AFTER)
    sql_receipts.forget_awaiting.run(tx, now - FORGET_AFTER)
    sql_parts.forget_parts.run(tx, first_id_at(now - HOUR))
    sql.forget_batches.run(tx, first_id_at(now - HOUR))
