"""Something happens: the whole way of a batch of occurrences through one transaction.

What is told twice under one key is taken once. What was told before an erasure and comes up after it would make anew
what was forgotten: it does nothing, and its row says so and is nobody's. The caller has seen to it that no contact
stands twice in a batch, and tells whoever waits for it after the commit.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial

from router import contacts, hosted
from router.claims import Allowance
from router.faults import plain
from router.happen import happen
from router.messages import Facts, Occurrence, Profile
from router.perform import Performance
from router.plan import Plan
from router.senders import first_number
from router.store import statements as sql_main
from router.store import statements_events as sql
from router.store.engine import Row, Tx
from router.store.values import NONE, dumps
from router.ways import Ways
from rules.rulebook import Rulebook

ERASED = "erased"
"""Why an occurrence did nothing: its phone was erased after it was told."""
NOTHING_KEPT = (0, "", dumps({}))
"""Contact, ref and values of an event that is nobody's."""
_RULE, _FAULT = 10, 12
"""Where they stand in a row of an event."""


def accept(tx: Tx, batch: Sequence[Occurrence], ways: Ways, allowance: Allowance) -> tuple[Performance, dict[int, int]]:
    """Take a batch of occurrences in, at most one of each contact. Gives what came of it, written but not committed,
    and for each that was told before the id of the first."""
    place = ways.place()
    performance = Performance(place, allowance)
    again = _told_before(tx, batch, ways)
    fresh = _not_forgotten(tx, [one for one in batch if one.id not in again], ways)
    if not fresh:
        return performance, again
    loaded = contacts.by_address(tx, [one.address for one in fresh], place.ids, place.now, ways.suppressions)
    rows = perform(tx, performance, fresh, loaded, ways)
    sql.insert_events.run(tx, rows)
    hosted.settle(tx, fresh)
    performance.write(tx)
    return performance, again


def noticed(tx: Tx, performance: Performance, fresh: Sequence[Occurrence], loaded: contacts.Loaded, ways: Ways) -> None:
    """What nobody told, and is noticed here: of what begins no chain there is no row."""
    rows = [row for row in perform(tx, performance, fresh, loaded, ways) if row[_RULE] or row[_FAULT]]
    if rows:
        sql.insert_events.run(tx, rows)
    performance.write(tx)


def perform(
    tx: Tx, performance: Performance, fresh: Sequence[Occurrence], loaded: contacts.Loaded, ways: Ways
) -> list[Row]:
    """Decide on occurrences of contacts that are locked and loaded, and collect what they come to. Gives their rows,
    which are to be written before the rest."""
    place = performance.place
    facts: list[Facts] = []
    for one in fresh:
        contact = loaded.contacts[one.address]
        number = first_number(ways.books.newest, one.brand, contact.address, _profile(loaded, contact.id, one.brand))
        facts.append(loaded.facts(contact, number, None, one))
    plans = ways.decided(tx, [partial(happen, one, now=place.now) for one in facts])
    plans = ways.joined(tx, facts, plans, place.now)
    for about, plan in zip(facts, plans, strict=True):
        performance.add(about, plan, loaded.unsettled)
    return [_row(about, plan, ways.books.newest) for about, plan in zip(facts, plans, strict=True)]


def set_aside(tx: Tx, one: Occurrence, reason: str, ways: Ways, bare: bool = False) -> None:
    """An occurrence that cannot be performed stands on record, and an operator sees why. Nothing is read for it that
    may be what is wrong, nothing is written that the database may not take, and its key stays free: told again, it is
    taken. Of who is no contact nothing of what was told is kept: no erasure would find it. `bare`: it could not be put
    on record."""
    place = ways.place()
    contact_id = 0
    if not bare:
        known = sql_main.contacts_by_address.rows(tx, [plain(one.address)])
        contact_id, ref, data = (
            (known[0][0], plain(one.ref), _writable(one, ways.books.newest)) if known else NOTHING_KEPT
        )
        event = (one.id, contact_id, plain(one.brand), plain(one.name), one.source, ref, data, one.at, one.received_at,
                 None, "", ways.books.newest.deployment, reason, "")  # fmt: skip
        sql.insert_events.run(tx, [event])
    row = (place.ids.next(place.now), "", 0, contact_id, b"", f"event {one.id}: {reason}", place.now)
    sql_main.insert_quarantine.run(tx, [row])


def _not_forgotten(tx: Tx, fresh: Sequence[Occurrence], ways: Ways) -> list[Occurrence]:
    """Those that are not of a phone which their brand has been made to forget since they were told."""
    erased = ways.suppressions.erased(tx, [one.address for one in fresh], ways.world.now()) if fresh else {}
    kept: list[Occurrence] = []
    forgotten: list[Occurrence] = []
    for one in fresh:
        (forgotten if one.received_at <= erased.get(one.address, {}).get(one.brand, -1) else kept).append(one)
    if forgotten:
        deployment = ways.books.newest.deployment
        sql.insert_events.run(
            tx,
            [(one.id, 0, one.brand, one.name, one.source, "", dumps({}), one.at, one.received_at,
              _hidden_key(tx, one, ways), "", deployment, ERASED, "") for one in forgotten],
        )  # fmt: skip
    return kept


def _told_before(tx: Tx, batch: Sequence[Occurrence], ways: Ways) -> dict[int, int]:
    keys = {(one.brand, key): one.id for one in batch if (key := _key(one)) is not None}
    if not keys:
        return {}
    hidden = ways.suppressions.find_hidden(tx, keys)
    forms = {*hidden, *(key for _, key in keys)}
    found = sql.known_keys.rows(tx, sorted({brand for brand, _ in keys}), sorted(forms))
    told = [(hidden.get(key, (brand, key)), first) for brand, key, first in found]
    return {keys[what]: first for what, first in told if what in keys}


def _key(one: Occurrence) -> str | None:
    """Keys of different kinds do not meet."""
    return f"{one.source}:{one.key}" if one.key else None


def _hidden_key(tx: Tx, one: Occurrence, ways: Ways) -> str | None:
    key = _key(one)
    return None if key is None else ways.suppressions.hidden(tx, [(one.brand, key)])[0]


def _profile(loaded: contacts.Loaded, contact_id: int, brand: str) -> Profile:
    return loaded.profiles.get(contact_id, {}).get(brand) or Profile(brand)


def _kept(one: Occurrence, book: Rulebook) -> str:
    """The values that may be written down: what a code is made of may not."""
    brand = book.brands.get(one.brand)
    secrets = brand.secrets if brand is not None else frozenset[str]()
    return dumps({name: value for name, value in one.values.items() if name not in secrets} if secrets else one.values)


def _writable(one: Occurrence, book: Rulebook) -> str:
    """The same as far as it can be written at all."""
    try:
        return _kept(one, book)
    except ValueError:  # half a character, which no UTF-8 has
        return NONE


def _row(facts: Facts, plan: Plan, book: Rulebook) -> Row:
    one = facts.occurrence
    assert one is not None, "a batch of occurrences"
    return (one.id, facts.contact.id, one.brand, one.name, one.source, one.ref, _kept(one, book), one.at,
            one.received_at, _key(one), plan.rule, plan.deployment, plan.fault, ",".join(one.attributes))  # fmt: skip
