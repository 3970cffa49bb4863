"""A message comes in: the whole way of a batch of texts through one transaction.

Join parts, lock and load the contacts, decide each text, perform the plans. The caller has seen to it that no sender
stands twice in a batch, and acknowledges after the commit.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial

from router import contacts, parts
from router.decide import Books, decide
from router.messages import Facts, Inbound
from router.perform import Allowance, Performance
from router.plan import Needs, Plan
from router.store import statements as sql
from router.store.engine import Tx
from router.ways import Ways


def accept(tx: Tx, batch: Sequence[Inbound], ways: Ways, allowance: Allowance) -> Performance:
    """Take a batch of texts in, at most one of each sender. Gives what came of it, written but not yet committed."""
    place = ways.place()
    whole: list[Inbound] = []
    for message in batch:
        if message.unreadable:
            quarantine(tx, message, message.unreadable)
        elif (text := _whole(tx, message, ways)) is not None:
            whole.append(text)
    performance = Performance(place, allowance)
    if not whole:
        return performance
    loaded = contacts.by_address(tx, [message.sender for message in whole], place.ids, place.now)
    ways.stopwatch.lap("load")
    facts = [loaded.facts(loaded.contacts[message.sender], message.recipient, message) for message in whole]
    plans = ways.decided(tx, [_question(one, place.now) for one in facts])
    ways.stopwatch.lap("decide")
    for one, plan in zip(facts, plans, strict=True):
        performance.add(one, plan, (one.contact.id, one.number) in loaded.unsettled)
    performance.write(tx)
    ways.stopwatch.lap("perform")
    return performance


def quarantine(tx: Tx, message: Inbound, reason: str) -> None:
    """Keep a message that cannot be acted upon, with its raw octets, where an operator sees it."""
    row = (message.id, message.connector, message.session, message.sequence, message.frame or message.octets, reason,
           message.received_at)  # fmt: skip
    sql.insert_quarantine.run(tx, [row])


def _whole(tx: Tx, message: Inbound, ways: Ways) -> Inbound | None:
    return message if message.part is None else parts.join(tx, message, ways.decode)


def _question(facts: Facts, now: int) -> Callable[[Books], Plan | Needs]:
    return partial(_decide, facts, now)


def _decide(facts: Facts, now: int, books: Books) -> Plan | Needs:
    return decide(facts, books, now)
