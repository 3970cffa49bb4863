"""E-mails of rules, from the transaction that wrote them to the mail server that took them.

A row is claimed for some minutes, handed to the server, and settled; who dies in between leaves it to be claimed again,
so a letter may arrive twice, and its Message-ID is the same both times. What the server refuses for now is tried again,
each time after twice as long; what it refuses for good fails with what it said, and what was claimed so often and never
settled fails too: it may be what ends those who claim it. This file knows no server.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

import msgspec

from router import consent, contacts
from router.consent import Written
from router.instants import DAY, MINUTE
from router.messages import NO_THREAD
from router.store import statements_emails as sql
from router.store.engine import Row, Tx
from rules.actions import Mail
from rules.rulebook import Rule, Rulebook

AT_ONCE: Final = 20
"""E-mails claimed in one go: what a server takes within the lease."""
EXPIRED_AT_ONCE: Final = 200
"""E-mails that expire in one transaction: a few milliseconds, in which no text is kept."""
LEASE: Final = 5 * MINUTE
"""How long who has claimed them may take: nobody begins a letter of them later than half of it."""
MOST_TRIES: Final = 11
"""Tries in all, over some seventeen hours: a mail server may be away for a night."""
LIFE: Final = DAY
"""How long after it was due an e-mail may still go out: longer than its tries take."""
UNSETTLED: Final = "claimed again and again, and never settled"


class Letter(msgspec.Struct, frozen=True):
    """A claimed e-mail. `tries`: how often it was handed to a server before."""

    id: int
    brand: str
    recipient: str
    subject: str
    body: str
    tries: int
    created_at: int


class Posted(msgspec.Struct, frozen=True):
    """What the server said of a letter: nothing when it took it, else why not, and whether that may pass. `untried`: it
    was not handed to it at all."""

    letter: Letter
    refusal: str = ""
    passing: bool = False
    untried: bool = False


def undelivered(book: Rulebook, has_server: bool) -> list[str]:
    """A sentence for each brand whose e-mails have nowhere to go."""
    return [
        f"{name} sends e-mails, and the settings name no mail server ([email]): they wait for a day and expire"
        for name, brand in sorted(book.brands.items())
        if not has_server and any(map(_mails, (*brand.rules.values(), *brand.chains.values())))
    ]


def _mails(rule: Rule) -> bool:
    return any(isinstance(step, Mail) for step in rule.program.steps)


def claim(tx: Tx, node: str, now: int, most: int = AT_ONCE) -> list[Letter]:
    """Claim what is due; what nobody may be sent any more is cancelled, and what was claimed too often fails."""
    expire(tx, now)
    rows = sql.claimable.rows(tx, now - LIFE, now, most)
    refused = _refused(tx, rows, now)
    for reason in sorted(set(refused.values())):
        sql.end.run(tx, [id for id, why in refused.items() if why == reason], "cancelled", reason, now)
    letters = [Letter(*row[:7]) for row in rows if row[0] not in refused]
    worn_out = [letter.id for letter in letters if letter.tries >= MOST_TRIES]
    if worn_out:
        sql.end.run(tx, worn_out, "failed", UNSETTLED, now)
    due = {letter.id: letter for letter in letters if letter.tries < MOST_TRIES}
    if not due:
        return []
    return [due[row[0]] for row in sql.claim.rows(tx, list(due), now, now + LEASE, node)]


def expire(tx: Tx, now: int, most: int = EXPIRED_AT_ONCE) -> int:
    """What waits for a mail server that never comes does not wait for ever: at most so many now. Gives how many."""
    ids = [row[0] for row in sql.overdue.rows(tx, now - LIFE, most)]
    if ids:
        sql.end.run(tx, ids, "failed", "expired", now)
    return len(ids)


def _refused(tx: Tx, rows: Sequence[Row], now: int) -> dict[int, str]:
    """Which of these may not go out any more, and why. A STOP that comes meanwhile cancels what is not claimed yet."""
    unasked = [row for row in rows if row[8] != "conversational"]
    loaded = contacts.unlocked(tx, {row[7] for row in unasked}) if unasked else contacts.Loaded({})
    found: dict[int, str] = {}
    for id, brand, *_, created_at, contact_id, message_class, purpose, reason in unasked:
        profiles = loaded.profiles.get(contact_id, {})
        if reason == "opted_out" or brand not in profiles:  # from before a STOP; of somebody who was erased
            found[id] = "opted_out"
        elif purpose is None:  # written by an earlier version
            found[id] = "opted_out" if profiles[brand].opted_out_at is not None else ""
        else:
            letter = Written(message_class, created_at, brand, purpose)
            found[id] = consent.may_still_send(letter, profiles, NO_THREAD, now)
    return {id: reason for id, reason in found.items() if reason}


def settle(tx: Tx, node: str, posted: Sequence[Posted], now: int) -> None:
    """Write down what became of claimed letters."""
    for one in posted:
        if one.untried:
            sql.give_back.run(tx, one.letter.id, node, now)
            continue
        again = one.passing and one.letter.tries + 1 < MOST_TRIES
        if again:
            sql.retry.run(tx, one.letter.id, node, now + (MINUTE << one.letter.tries), one.refusal)
        else:
            sql.settle.run(tx, one.letter.id, node, "failed" if one.refusal else "sent", one.refusal, now)
