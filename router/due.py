"""Something falls due: a wait that ends, a question nobody answered, parts that stay incomplete, an unknown outcome.

The cost of a look depends only on what is due. Candidates are read unlocked and looked at again under their contacts'
locks, one cause per contact at a time.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial

from router import contacts, inbound, parts, timers
from router.decide import resume
from router.instants import HOUR
from router.messages import Facts, Inbound, Run
from router.parts import PART_LIFE
from router.perform import Allowance, Performance, Place
from router.store import statements as sql
from router.store import statements_outbox as sql_outbox
from router.store import statements_parts as sql_parts
from router.store.engine import Row, Tx
from router.ways import Ways

AT_ONCE = 64
"""Due causes in one group: a quarter of a full one, so that due work never holds up what comes in."""


PUT_OFF = HOUR
"""When a run that could not be resumed is tried again."""


def run(tx: Tx, ways: Ways, allowance: Allowance, most: int = AT_ONCE) -> list[Performance]:
    """Do what is due now, at most so much of it. Gives what came of it, written but not yet committed."""
    now = ways.world.now()
    late = parts.overdue(tx, now, most, ways.world.ids, ways.decode)
    done = _late_parts(tx, late, ways, allowance)
    candidates = sql.runs_due.rows(tx, now, most - len(late)) if len(late) < most else ()
    if candidates:
        done.append(_resume(tx, candidates, ways, allowance))
    left = most - len(late) - len(candidates)
    if left > 0:
        gone_off = timers.run(tx, ways, allowance, left)
        if gone_off is not None:
            done.append(gone_off)
        else:
            timers.sweep(tx, ways, min(timers.SLICE, left))
    return done


def next_instant(tx: Tx) -> int | None:
    """The earliest instant at which a run, a timer, a set of parts or an unknown outcome falls due; None when none
    will."""
    part = sql_parts.oldest_open_part.rows(tx)[0][0]
    instants = (
        sql.next_run.rows(tx)[0][0],
        sql_outbox.next_unknown.rows(tx)[0][0],
        timers.next_instant(tx),
        None if part is None else part + PART_LIFE,
    )
    return min((instant for instant in instants if instant is not None), default=None)


def _late_parts(tx: Tx, late: list[Inbound], ways: Ways, allowance: Allowance) -> list[Performance]:
    done = []
    while late:  # at most one of each sender at a time
        first = {message.sender: message for message in reversed(late)}
        done.append(inbound.accept(tx, list(first.values()), ways, allowance))
        late = [message for message in late if first[message.sender] is not message]
    return done


def set_aside(tx: Tx, ways: Ways, reason: str) -> None:
    """The first due cause, which cannot be performed, goes to quarantine, so that it does not hold up the others.

    It is the one that `run` does when it may do one: late parts are kept there for good, a run is put off.
    """
    place = ways.place()
    for message in parts.overdue(tx, place.now, 1, place.ids, ways.decode):
        inbound.quarantine(tx, message, reason)
        return
    for run_id, _, _ in sql.runs_due.rows(tx, place.now, 1):
        sql.postpone_run.run(tx, place.now + PUT_OFF, [run_id])
        _note(tx, place, run_id, f"run {run_id}: {reason}")
        return
    what = timers.put_off(tx, place.now, place.now + PUT_OFF) or timers.pass_over(tx, place.now)
    if what is not None:
        _note(tx, place, 0, f"{what}: {reason}")


def _note(tx: Tx, place: Place, about: int, reason: str) -> None:
    row = (place.ids.next(place.now), "", 0, about, b"", reason, place.now)
    sql.insert_quarantine.run(tx, [row])


def _resume(tx: Tx, candidates: Sequence[Row], ways: Ways, allowance: Allowance) -> Performance:
    place = ways.place()
    performance = Performance(place, allowance)
    first = {contact_id: run_id for run_id, contact_id, _ in reversed(candidates)}
    loaded = contacts.by_id(tx, first)
    causes: list[tuple[Facts, Run]] = []
    for contact in loaded.contacts.values():
        run = next((one for one in loaded.runs.get(contact.id, ()) if one.id == first[contact.id]), None)
        if run is not None and run.due_at is not None and run.due_at <= place.now:
            causes.append((loaded.facts(contact, run.number, None), run))
    plans = ways.decided(tx, [partial(resume, facts, one, now=place.now) for facts, one in causes])
    plans = ways.joined(tx, [facts for facts, _ in causes], plans, place.now)
    for (facts, _), plan in zip(causes, plans, strict=True):
        performance.add(facts, plan, loaded.unsettled)
    performance.write(tx)
    return performance
