"""A message comes in: the whole way of a batch of texts through one transaction.

Tell re-deliveries apart, join parts, lock and load the contacts, decide each text, perform the plans. The caller has
seen to it that no sender stands twice in a batch, and acknowledges after the commit.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from functools import partial
from string import whitespace

import msgspec

from router import contacts, evidence, parts
from router.claims import Allowance
from router.commands import REPEAT_WITHIN
from router.contacts import Loaded
from router.decide import decide
from router.messages import Facts, Inbound
from router.perform import Performance, Place
from router.plan import OptOut, Plan, SendText
from router.receipts import ReceiptIn
from router.store import statements as sql
from router.store import statements_evidence as sql_evidence
from router.store.engine import Tx
from router.ways import Ways
from router.world import first_id_at

MARK = "\ufffd"
"""Shows where octets were no character (Unicode: REPLACEMENT CHARACTER)."""
ILLEGIBLE = "none of its octets is a character of the alphabet that it names"


def accept(tx: Tx, batch: Sequence[Inbound], ways: Ways, allowance: Allowance) -> Performance:
    """Take a batch of texts in, at most one of each sender. Gives what came of it, written but not yet committed."""
    place = ways.place()
    performance = Performance(place, allowance)
    readable = _readable(tx, batch, ways)
    repeats = evidence.repeats_in(tx, readable, ways.memory, place.now)
    whole: list[Inbound] = []
    for message in readable:
        if message.part is None:
            whole.append(message)
        elif message.id in repeats:
            parts.keep_repeat(tx, message)
            quarantine(tx, message, f"delivered before, as part {repeats[message.id]}")
        elif (text := parts.join(tx, message, ways.decode)) is None:
            performance.falls_due(message.received_at + parts.UNSURE)
        elif _is_legible(text):
            whole.append(text)
        else:
            quarantine(tx, msgspec.structs.replace(text, frame=b""), ILLEGIBLE)  # the octets of all its parts
    if not whole:
        return performance
    senders = [message.sender for message in whole]
    loaded = contacts.by_address(tx, senders, place.ids, place.now, ways.suppressions)
    if tx.dialect != "sqlite":
        more, held = _elsewhere(tx, [one for one in whole if one.id not in repeats], loaded, place)
        repeats |= more
        performance.held = [message for message in whole if message.id in held]
        whole = [message for message in whole if message.id not in held]
    ways.stopwatch.lap("load")
    facts = [
        loaded.facts(loaded.contacts[message.sender], message.recipient, message)
        for message in whole
        if message.id not in repeats
    ]
    plans = ways.decided(tx, [partial(decide, one, now=place.now) for one in facts])
    plans = ways.joined(tx, facts, plans, place.now)
    ways.stopwatch.lap("decide")
    said_again = _said_again(tx, whole, repeats, loaded, ways) if repeats else {}
    for message in whole:
        if message.id in said_again:
            performance.add(*said_again[message.id], loaded.unsettled, repeats[message.id])
        elif message.id in repeats:
            performance.add_repeat(message, loaded.contacts[message.sender], repeats[message.id])
    for one, plan in zip(facts, plans, strict=True):
        performance.add(one, plan, loaded.unsettled)
    performance.write(tx)
    ways.stopwatch.lap("perform")
    return performance


def quarantine(tx: Tx, message: Inbound, reason: str) -> None:
    """Keep a message that cannot be acted upon, with its raw octets, where an operator sees it. By the phone's number
    in them an erasure finds it; a part's own octets do not have it, so it is said."""
    said = reason if message.frame or not message.sender else f"{reason} (from {message.sender})"
    row = (message.id, message.connector, message.session, message.sequence, message.frame or message.octets, said,
           message.received_at)  # fmt: skip
    sql.insert_quarantine.run(tx, [row])


def set_aside(tx: Tx, message: Inbound, reason: str, bare: bool) -> None:
    """Quarantine for a message that made its group fail, and for the parts that waited for it. `bare`: that failed too,
    and it is kept alone: its parts are delivered without it when their time is over."""
    for one in (message, *(() if bare else parts.set_aside(tx, message))):
        quarantine(tx, one, reason)


def _said_again(
    tx: Tx, whole: Sequence[Inbound], repeats: Mapping[int, int], loaded: Loaded, ways: Ways
) -> dict[int, tuple[Facts, Plan]]:
    """Of texts that were delivered before, by their evidence, the opt-outs of those who are not silenced: START lies
    between, and the same words may be meant again. Held as a repeat such a text would leave somebody written to who has
    just said STOP; performed it is silence at most. It is confirmed when the first was said more than a day ago.

    Not what the peer's own id says is the same text, and not what was something else the first time: the answer to a
    question that is closed by now.
    """
    heard = [
        one for one in whole if one.id in repeats and not one.strong_id and ways.says_stop(one.recipient, one.text)
    ]
    if not heard:
        return {}
    now = ways.world.now()
    opted_out = {row[0] for row in sql_evidence.opted_out_by.rows(tx, [repeats[one.id] for one in heard])}
    heard = [one for one in heard if repeats[one.id] in opted_out]
    facts = [loaded.facts(loaded.contacts[one.sender], one.recipient, one) for one in heard]
    plans = ways.decided(tx, [partial(decide, one, now=now) for one in facts])
    said: dict[int, tuple[Facts, Plan]] = {}
    for message, known, plan in zip(heard, facts, plans, strict=True):
        brands = [name for effect in plan.effects if isinstance(effect, OptOut) for name in effect.brands]
        if any(known.profile(name).opted_out_at is None for name in brands):
            is_recent = repeats[message.id] >= first_id_at(now - REPEAT_WITHIN)
            said[message.id] = known, (_unconfirmed(plan) if is_recent else plan)
    return said


def _unconfirmed(plan: Plan) -> Plan:
    """The same without a text that confirms it."""
    kept = tuple(one for one in plan.effects if not isinstance(one, SendText))
    return msgspec.structs.replace(plan, effects=kept)


def _readable(tx: Tx, batch: Sequence[Inbound], ways: Ways) -> list[Inbound]:
    """The texts that can be read, and those that may say STOP: whoever did is heard, whatever his octets are
    declared to be. The others are kept where an operator sees them."""
    readable: list[Inbound] = []
    for message in batch:
        if message.unreadable and ways.says_stop(message.recipient, message.text):
            readable.append(msgspec.structs.replace(message, unreadable=""))
        elif message.unreadable or not _is_legible(message):
            quarantine(tx, message, message.unreadable or ILLEGIBLE)
        else:
            readable.append(message)
    return readable


def _is_legible(message: Inbound) -> bool:
    """Whether damage has left anything of a text; parts are looked at when joined. An empty text is one."""
    return MARK not in message.text or message.text.strip(MARK + whitespace) != ""


def _elsewhere(
    tx: Tx, batch: Sequence[Inbound], loaded: Loaded, place: Place
) -> tuple[dict[int, int], Collection[int]]:
    """Texts that repeat, or may repeat, what another node has taken from the same sender and not confirmed yet."""
    last: dict[int, Inbound] = {}
    for message in batch:
        thread = loaded.threads.get(loaded.contacts[message.sender].id, {}).get(message.recipient)
        if thread is not None and thread.last_id and message.fingerprint:
            last[thread.last_id] = message
    return evidence.unsettled_elsewhere(tx, last, place.node, place.now) if last else ({}, ())


def as_message(receipt: ReceiptIn) -> Inbound:
    """A receipt, as what is set aside is kept."""
    return Inbound(
        id=receipt.id, connector=receipt.connector, session=receipt.session, sequence=receipt.sequence, sender="",
        recipient="", text=receipt.text, received_at=receipt.received_at, frame=receipt.frame,
    )  # fmt: skip
