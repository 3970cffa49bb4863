"""Timers go off, and contacts that were there before a rule get theirs.

A look takes what is due, whatever else waits. A timer goes off in the transaction that moves or drops its row, so it
does so once. A sweep walks past so many profiles at a time and sets what is missing; where it stands is kept with what
it has set, and it finds what it, or a text, has set before.
"""

from __future__ import annotations

import msgspec

from router import contacts, occurrences, turns
from router.arming import Timer, Verdict, all_of, look, timed_names
from router.claims import Allowance
from router.instants import HOUR
from router.messages import Facts, Occurrence
from router.perform import Performance
from router.store import statements_timers as sql
from router.store.engine import Row, Tx
from router.ways import Ways
from rules.rulebook import Rulebook

Key = tuple[int, str, str, str]
"""What tells a timer from others: contact, brand, source and name."""
MOST_JOINS = 10
"""Times that joining one segment begins something for one contact within JOINS_WITHIN. Chains that put him into each
other's segments and take him out again would go on for ever; nobody who texts comes near it."""
JOINS_WITHIN = HOUR
SLICE = 50
"""Profiles that one step of a sweep walks past: 2 to 6 ms on two busy cores, so that nobody waits longer."""


def enlist(tx: Tx, book: Rulebook, now: int) -> None:
    """Let a rule set's timers be set: for brands with rules that were not there before, contacts are swept."""
    known: dict[str, Row] = {row[0]: row for row in sql.every_sweep.rows(tx)}
    rows: list[Row] = []
    for name, own in book.brands.items():
        triggers = own.triggers
        names, fails = timed_names(own), bool(triggers.undelivered)
        if not names and not fails:
            continue
        _, rules, _, cursor, due_at = known.pop(name, (name, "[]", fails, 0, None))
        if not set(names) <= set(msgspec.json.decode(rules)):
            cursor, due_at = 0, now
        rows.append((name, msgspec.json.encode(names).decode(), fails, cursor, due_at))
    if known:
        sql.delete_sweeps.run(tx, sorted(known))
    if rows:
        sql.upsert_sweeps.run(tx, rows)


def next_instant(tx: Tx) -> int | None:
    """When the next timer is due, or a sweep goes on."""
    instants = (sql.next_timer.rows(tx)[0][0], sql.next_sweep.rows(tx)[0][0])
    return min((at for at in instants if at is not None), default=None)


def run(tx: Tx, ways: Ways, allowance: Allowance, most: int) -> tuple[Performance, list[str]] | None:
    """Let timers go off that are due, at most so many and one of each contact. Gives what came of it, and what was cut
    short, for an operator; None where none is due."""
    now = ways.world.now()
    found = sql.timers_due.rows(tx, now, most)
    if not found:
        return None
    performance = Performance(ways.place(), allowance)
    loaded = contacts.by_id(tx, [row[0] for row in found])
    allowance.busy |= loaded.busy
    _forget_the_gone(tx, {row[0] for row in found} - {one.id for one in loaded.contacts.values()}, now)
    first: dict[int, Timer] = {}
    for row in sql.due_timers_of.rows(tx, [one.id for one in loaded.contacts.values()], now):
        first.setdefault(row[0], Timer(*row))
    gone_off: list[Occurrence] = []
    moved: list[Row] = []
    for contact in loaded.contacts.values():
        timer = first.get(contact.id)
        if timer is None:
            continue
        verdict = _verdict(tx, ways, loaded.facts(contact, "", None), timer, now)
        if verdict.fires:
            gone_off.append(_occurrence(timer, contact.address, ways, now))
        if verdict.then is None:
            sql.drop.run(tx, timer.contact_id, timer.brand, timer.source, timer.name)
        else:
            moved.append(_row(verdict.then))
    if moved:
        sql.move.run(tx, moved)
    gone_off, faults = _bounded(tx, gone_off, loaded, ways, now)
    if gone_off:
        occurrences.noticed(tx, performance, gone_off, loaded, ways)
    return performance, faults


def _bounded(
    tx: Tx, gone_off: list[Occurrence], loaded: contacts.Loaded, ways: Ways, now: int
) -> tuple[list[Occurrence], list[str]]:
    """What may begin something; a segment that was joined too often of late is set aside, on record."""
    joining = [loaded.contacts[one.address].id for one in gone_off if one.source == "join"]
    if not joining:
        return gone_off, []
    lately = {tuple(row[:3]): row[3] for row in sql.joins_since.rows(tx, sorted(joining), now - JOINS_WITHIN)}
    allowed: list[Occurrence] = []
    faults: list[str] = []
    for one in gone_off:
        key = (loaded.contacts[one.address].id, one.brand, one.name)
        if one.source == "join" and lately.get(key, 0) >= MOST_JOINS:
            faults.append(f"{one.brand}/on join {one.name}: joined {MOST_JOINS} times within an hour")
            occurrences.set_aside(tx, one, faults[-1], ways)
        else:
            allowed.append(one)
    return allowed, faults


def _forget_the_gone(tx: Tx, missing: set[int], now: int) -> None:
    """Timers of contacts that were erased meanwhile; those that another node is at work on keep theirs."""
    there = {one.id for one in contacts.unlocked(tx, missing).contacts.values()} if missing else missing
    for row in sql.due_timers_of.rows(tx, sorted(missing - there), now) if missing - there else ():
        sql.drop.run(tx, *row[:4])


def _verdict(tx: Tx, ways: Ways, facts: Facts, timer: Timer, now: int) -> Verdict:
    own = ways.books.newest.brands.get(timer.brand)
    if own is None:
        return Verdict(False, None)
    return (
        turns.look(tx, own, facts, timer, ways.books, now) if timer.source == "turn" else look(own, facts, timer, now)
    )


def _occurrence(timer: Timer, address: str, ways: Ways, now: int) -> Occurrence:
    return Occurrence(
        id=ways.world.ids.next(now), brand=timer.brand, address=address,
        name=turns.segment_of(timer) if timer.source == "turn" else timer.name,
        source="join" if timer.source == "turn" else timer.source,
        at=timer.due_at or now, received_at=now,
    )  # fmt: skip


def _row(timer: Timer) -> Row:
    return (timer.contact_id, timer.brand, timer.source, timer.name, timer.due_at, timer.last_at)


def sweep(tx: Tx, ways: Ways, most: int = SLICE) -> None:
    """Go on with a sweep, where one is under way: past the next so many profiles."""
    now = ways.world.now()
    for brand, cursor in sql.open_sweep.rows(tx, now):
        upto: int | None = sql.slice_end.rows(tx, cursor, most)[0][0]
        own = ways.books.newest.brands.get(brand)
        if upto is not None and own is not None and timed_names(own):
            since = {row[0]: row[1] for row in sql.slice_of.rows(tx, cursor, upto, brand)}
            loaded = contacts.unlocked(tx, since)
            rows = [
                _row(timer)
                for contact in loaded.contacts.values()
                for facts in (loaded.facts(contact, "", None),)
                for timer in all_of(own, facts, facts.profile(brand), since[contact.id], now)
            ]
            if rows:
                sql.arm_missing.run(tx, rows)
        sql.swept.run(tx, cursor if upto is None else upto, None if upto is None else now, brand)


def first_due(tx: Tx, now: int) -> Key | None:
    """The timer that `run` lets go off when it may do one."""
    for (contact_id,) in sql.timers_due.rows(tx, now, 1):
        for row in sql.due_timers_of.rows(tx, [contact_id], now)[:1]:
            return (row[0], row[1], row[2], row[3])
    return None


def tries_of(tx: Tx, key: Key, now: int) -> int | None:
    """How often a timer could not go off; None where it is not due any more."""
    rows = sql.tried.rows(tx, *key, now)
    return int(rows[0][0]) if rows else None


def put_off(tx: Tx, key: Key, until: int) -> None:
    """Try again then."""
    sql.postpone.run(tx, until, *key)


def give_up(tx: Tx, key: Key) -> None:
    """It is no more, until something sets it anew."""
    sql.drop.run(tx, *key)


def pass_over(tx: Tx, now: int) -> str | None:
    """Walk past the next profile of a sweep, since it cannot be read; which, or None where no sweep is under way."""
    for brand, cursor in sql.open_sweep.rows(tx, now):
        upto: int | None = sql.slice_end.rows(tx, cursor, 1)[0][0]
        sql.swept.run(tx, cursor if upto is None else upto, None if upto is None else now, brand)
        return f"timers of contact {upto}"
    return None
