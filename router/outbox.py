"""What goes out after its first transaction: outcomes are settled, what waits is claimed, what is unknown is resolved.

Rule 1: every change of state is a move in `router.states`, and its statement names the states it starts from; tests run
each statement from every state and hold it to the table.
Rule 2: this file knows no connector; an outcome is a value that one made.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Iterable, Iterator, Sequence
from typing import Literal as OneOf
from typing import NamedTuple

import msgspec

from router import consent, contacts, receipts
from router.claims import Allowance, Claim
from router.consent import Written
from router.faults import reason_of
from router.instants import MINUTE, SECOND
from router.messages import NO_THREAD, Contact
from router.perform import Place
from router.plan import MessageClass
from router.states import after_unknown, may_resend
from router.store import statements as sql
from router.store import statements_outbox as sql_outbox
from router.store.driver_errors import is_driver_error
from router.store.engine import Row, Tx
from router.world import first_id_at

CLAIMS_AT_ONCE = 64
"""Waiting messages claimed in one group: enough to fill a window, little enough not to hold up what comes in."""
RECOVERY_SLICE = 500
"""Unknown messages looked at in one transaction."""
PUT_OFF = 10 * SECOND
"""When a row that cannot be dealt with is tried again; twice as long each time."""
MOST_PUT_OFF = 4
"""Tries after which it fails: what is wrong with a row seldom passes, and it holds up that phone's other texts."""
QUIET = "quiet_hours"
"""Why a text waits for its hours, or is ended where they never open."""
CLOCKS_APART = 2 * MINUTE
"""By no more than that do two nodes' clocks differ; what is further ahead was written before ours was set back."""


class Outcome(msgspec.Struct, frozen=True, gc=False, kw_only=True):
    """What became of a claimed message. `message_ids` are the centre's, one for each segment that it took, empty where
    no receipt was asked for. `retry_at` goes with `ready`: refused for now (`retried`: for a fault, which is tried only
    so often), or never written. `accepted` says which segments were taken when others were not; `without_receipt` how
    many receipts fewer than segments are to come. `sends` as in the outbox's row."""

    id: int
    connector: str
    state: OneOf["sent", "failed", "unknown", "ready"]
    message_ids: tuple[str, ...] = ()
    reason: str = ""
    retry_at: int = 0
    message_class: str = "conversational"
    sends: int = 1
    retried: bool = False
    accepted: str = ""
    without_receipt: int = 0


def settle(tx: Tx, outcomes: Sequence[Outcome], now: int) -> int | None:
    """Write outcomes down. Only then is a window slot free. Gives when one of unknown outcome is looked at again."""
    sent: list[int] = []
    unknown: list[int] = []
    fewer: dict[int, list[int]] = defaultdict(list)
    other: dict[tuple[str, str, int, bool], list[int]] = defaultdict(list)
    for outcome in outcomes:
        if outcome.accepted:
            sql_outbox.keep_accepted.run(tx, outcome.accepted, outcome.id)
        if outcome.without_receipt:
            fewer[outcome.without_receipt].append(outcome.id)
        if outcome.state == "sent":
            sent.append(outcome.id)
            continue
        due = outcome.retry_at
        if outcome.state == "unknown":
            due = after_unknown(outcome.message_class, outcome.sends, now)  # type: ignore[arg-type]
            unknown.append(outcome.id)
        other[outcome.state, outcome.reason, due, outcome.retried].append(outcome.id)
    for (state, reason, due, retried), ids in other.items():
        sql_outbox.settle_other.run(tx, state, reason, now, due, int(state == "ready"), int(retried), ids)
    if sent:
        sql_outbox.settle_sent.run(tx, now, sent)
    if said := [o.id for o in outcomes if o.message_class == "otp" and o.state in ("sent", "failed")]:
        sql_outbox.forget_codes.run(tx, said)
    for less, ids in fewer.items():
        sql_outbox.fewer_receipts.run(tx, less, ids)
    receipts.expect(tx, [(o.connector, message_id, o.id) for o in outcomes for message_id in o.message_ids], now)
    if not unknown:
        return None
    receipts.recall(tx, unknown, now)
    return min(due for state, _, due, _ in other if state == "unknown")


def set_aside(tx: Tx, outcomes: Sequence[Outcome], reason: str, place: Place) -> None:
    """Outcomes that cannot be settled as they are (`reason`): their rows leave the wire all the same, without the ids
    of receipts, and an operator sees why."""
    for outcome in outcomes:
        if outcome.state == "sent":
            sql_outbox.settle_sent.run(tx, place.now, [outcome.id])
        else:
            sql_outbox.settle_other.run(tx, outcome.state, reason, place.now, place.now + PUT_OFF, 0, 1, [outcome.id])
        _show(tx, outcome.connector, outcome.id, reason, place)


def claim(
    tx: Tx, allowance: Allowance, place: Place, not_to: Collection[str] = (), most: int = CLAIMS_AT_ONCE
) -> list[Claim]:
    """Claim what waits and is due, per connector with room, oldest first, one per contact and number.

    Nothing is claimed for the addresses in `not_to`, whose own texts are still to be acted upon. The gate is asked
    again under the contact's lock: what may no longer go out is cancelled with its reason. A row that cannot be dealt
    with is put off, and fails when it has been so often: it does not hold up the others.
    """
    claims: list[Claim] = []
    for connector in [name for name, left in allowance.left.items() if left > 0]:
        rows = sql_outbox.claimable.rows(tx, connector, place.now, most)
        if rows:
            claims += _claim(tx, connector, rows, allowance, place, not_to)
    return claims


class _Candidate(NamedTuple):
    """A row of `claimable`."""

    id: int
    contact_id: int
    number: str
    brand: str | None
    message_class: MessageClass
    text: str
    encoding: str
    segments: int
    attempts: int
    created_at: int
    sends: int
    retries: int
    accepted: str
    purpose: str


def _claim(
    tx: Tx, connector: str, rows: Sequence[Row], allowance: Allowance, place: Place, not_to: Collection[str]
) -> list[Claim]:
    refused: dict[str, list[int]] = defaultdict(list)
    quiet: dict[int, list[int]] = defaultdict(list)
    taken: dict[int, Claim] = {}
    for candidates, found in _loaded(tx, [_Candidate(*row) for row in rows]):
        if isinstance(found, str):
            _put_off(tx, connector, candidates[0], found, place)
            continue
        allowance.busy |= found.busy
        by_id = {contact.id: contact for contact in found.contacts.values() if contact.address not in not_to}
        for one in candidates:
            contact = by_id.get(one.contact_id)
            if contact is None:
                continue
            try:
                reason = _refusal(one, found, place.now)
                opens_at = place.now if reason else _opens_at(one, contact, place)
            except Exception as error:  # a row that no rule can judge: the others go on
                _put_off(tx, connector, one, reason_of(error), place)
                continue
            if reason or opens_at is None:
                refused[reason or QUIET].append(one.id)
            elif opens_at > place.now:
                quiet[opens_at].append(one.id)
            elif allowance.take(connector, one.segments):
                taken[one.id] = Claim(
                    one.id, connector, one.number, contact.address, one.text, one.encoding, one.segments,
                    one.message_class, one.attempts + 1, one.sends + 1, one.retries, one.accepted,
                )  # fmt: skip
    for reason, ids in refused.items():
        sql_outbox.close_ready.run(tx, reason, place.now, ids)
    for opens_at, ids in quiet.items():
        sql_outbox.wait_for_hours.run(tx, opens_at, ids)
    if not taken:
        return []
    held = [taken.pop(row[0]) for row in sql_outbox.set_claimed.rows(tx, place.node, list(taken))]
    for claim in taken.values():  # another node was quicker
        allowance.give_back(connector, claim.segments)
    return held


def _refusal(one: _Candidate, loaded: contacts.Loaded, now: int) -> str:
    """Why a text that waits may not go out any more; empty when it may."""
    profiles = loaded.profiles.get(one.contact_id, {})
    thread = loaded.threads.get(one.contact_id, {}).get(one.number, NO_THREAD)
    return consent.may_still_send(
        Written(one.message_class, one.created_at, one.brand, one.purpose), profiles, thread, now
    )


def _opens_at(one: _Candidate, contact: Contact, place: Place) -> int | None:
    """When a text may go out: what is promotional and has waited into quiet hours waits on; None: they never end."""
    if one.message_class != "promotional" or one.brand is None:
        return place.now
    return place.opens_at(one.brand, contact, place.now)


def _loaded(tx: Tx, candidates: list[_Candidate]) -> Iterator[tuple[list[_Candidate], contacts.Loaded | str]]:
    """Candidates with what is known of their contacts; where a contact cannot be read, alone and with the reason."""
    try:
        loaded = contacts.by_id(tx, [one.contact_id for one in candidates])
    except Exception as error:
        if is_driver_error(error):  # the transaction is over
            raise
        of_one = len({one.contact_id for one in candidates}) == 1
        if of_one:
            yield from (([one], reason_of(error)) for one in candidates)
            return
        candidates = sorted(candidates, key=lambda one: one.contact_id)  # contacts are locked ascending
        middle = len(candidates) // 2
        while candidates[middle].contact_id == candidates[middle - 1].contact_id:
            middle = (middle + 1) % len(candidates) or 1
        yield from _loaded(tx, candidates[:middle])
        yield from _loaded(tx, candidates[middle:])
    else:
        yield candidates, loaded


def _put_off(tx: Tx, connector: str, one: _Candidate, reason: str, place: Place) -> None:
    if one.retries + 1 < MOST_PUT_OFF:
        sql_outbox.put_off.run(tx, reason, place.now + (PUT_OFF << one.retries), one.id)
        return
    sql_outbox.fail_ready.run(tx, reason, place.now, one.id)
    _show(tx, connector, one.id, reason, place)


def _show(tx: Tx, connector: str, id: int, reason: str, place: Place) -> None:
    """An operator looks there for what could not be acted upon."""
    row = (place.ids.next(place.now), connector, 0, id, b"", f"outbox {id}: {reason}", place.now)
    sql.insert_quarantine.run(tx, [row])


def recover(tx: Tx, node: str, now: int) -> int:
    """At start: what this node had claimed when it died is of unknown outcome. Gives how many there were."""
    rows = sql_outbox.claimed_by.rows(tx, node)
    settle(
        tx,
        [
            Outcome(id=row[0], connector="", state="unknown", reason="node_ended", message_class=row[1], sends=row[2])
            for row in rows
        ],
        now,
    )
    return len(rows)


def set_back(tx: Tx, connectors: Iterable[str], now: int) -> None:
    """Should the clock have been set back: what was written down by its later time waits no longer than it would have
    waited by this one; once, for a pause that begins after that is reckoned from it. What waits for a time of day (a
    run) keeps it. The cost is that of all that waits for later."""
    for name in connectors:
        sql_outbox.ready_ahead.run(tx, name, now, now + CLOCKS_APART)
    sql_outbox.unknown_ahead.run(tx, now, now + CLOCKS_APART)


def catch_up(tx: Tx, connectors: Iterable[str], now: int) -> None:
    """The same again, for what was under way when the clock was set; nothing where no id lies ahead of it."""
    if highest_id(tx) > first_id_at(now + CLOCKS_APART):
        set_back(tx, connectors, now)


def resolve_unknown(tx: Tx, now: int, most: int = RECOVERY_SLICE) -> int:
    """Unknown messages whose time is up: once more to the wire where their class allows it, else expired. Not those of
    which a receipt has come, whoever wrote it down.

    Gives how many are to be sent again.
    """
    due = sql_outbox.unknown_due.rows(tx, now, most)
    if not due:
        return 0
    arrived = receipts.recall(tx, [row[0] for row in due], now)
    again: list[int] = []
    over: list[int] = []
    for row_id, message_class, sends in due:
        if row_id not in arrived:
            (again if may_resend(message_class, sends) else over).append(row_id)
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
