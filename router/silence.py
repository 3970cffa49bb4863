"""What a STOP sweeps away, and what it needs to know of texts that are claimed: who may still write one, and who may
go on writing. An opt-out by a page or by a person's decision is a STOP too.

Under the contact's lock every claim is either before the STOP (and is found here) or after it (and sees it). A claim
may be written for the length of its lease only; a text whose last segments wait longer asks for another lease, under
the same lock.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence

import msgspec

from router import consent, contacts
from router.consent import Written
from router.messages import NO_THREAD
from router.store import statements as sql_main
from router.store import statements_emails as sql_emails
from router.store import statements_events as sql_events
from router.store import statements_silence as sql
from router.store.engine import Tx


class Stop(msgspec.Struct, frozen=True, gc=False):
    """A STOP that is on disk, told by the text or the occurrence that said it.

    `mine` are texts in its scope that this node had claimed before, `elsewhere` those of other nodes: one of them that
    is not settled may still be written there, for as long as its lease lasts.
    """

    cause_id: int
    address: str
    mine: tuple[int, ...] = ()
    elsewhere: tuple[int, ...] = ()


class Renewed(msgspec.Struct, frozen=True, gc=False):
    """Of texts whose segments still wait: `granted` may go on being sent, of `over` nothing more may be."""

    granted: Sequence[int] = ()
    over: Sequence[int] = ()


def sweep(tx: Tx, contact_id: int, brands: Sequence[str], now: int, spared: str = "") -> list[tuple[int, str]]:
    """Cancel what waits, and end what is open. Gives the texts, each with its node, that are claimed already: they may
    be about to be written. `spared`: a class of texts that stays. Timers stay too: what they begin asks the gate."""
    sql.cancel_ready.run(tx, contact_id, brands, spared, "opted_out", now)
    sql_emails.stop.run(tx, contact_id, brands, now)
    sql_main.delete_runs_of_brand.run(tx, contact_id, brands)
    sql_events.end_enrolments_of.run(tx, now, contact_id, brands)
    return [(row[0], row[1]) for row in sql.claimed_of.rows(tx, contact_id, brands)]


def stop(cause_id: int, address: str, claims: Iterable[tuple[int, str]], node: str) -> Stop:
    """A STOP with the texts, each with its node, that are claimed in its scope."""
    mine: list[int] = []
    elsewhere: list[int] = []
    for outbox_id, claimed_by in claims:
        (mine if claimed_by == node else elsewhere).append(outbox_id)
    return Stop(cause_id, address, tuple(mine), tuple(elsewhere))


def settled_of(tx: Tx, ids: Iterable[int]) -> list[int]:
    """Which of these claimed texts are settled by now."""
    claimed = {row[0] for row in sql.still_claimed.rows(tx, sorted(ids))}
    return [one for one in ids if one not in claimed]


def renew(tx: Tx, ids: Iterable[int], muted: Collection[str], now: int) -> Renewed:
    """Which of these claimed texts may go on being sent. Those to `muted` addresses are neither granted nor over."""
    rows = sql.claims_to_renew.rows(tx, sorted(ids))
    if not rows:
        return Renewed()
    loaded = contacts.by_id(tx, [row[1] for row in rows])
    addresses = {contact.id: contact.address for contact in loaded.contacts.values()}
    granted: list[int] = []
    over: list[int] = []
    for row_id, contact_id, number, brand, message_class, created_at, purpose in rows:
        if addresses.get(contact_id) in (None, *muted):  # another node is at work on him: asked again soon
            continue
        thread = loaded.threads.get(contact_id, {}).get(number, NO_THREAD)
        profiles = loaded.profiles.get(contact_id, {})
        reason = consent.may_still_send(Written(message_class, created_at, brand, purpose), profiles, thread, now)
        # What a conversation's window closes upon is not cut in the middle: half of it is there.
        (over if reason == "opted_out" else granted).append(row_id)
    return Renewed(granted, over)
