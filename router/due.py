"""Something falls due: a wait that ends, a question nobody answered, parts that stay incomplete, an unknown outcome.

The cost of a look depends only on what is due. Candidates are read unlocked and looked at again under their contacts'
locks, one cause per contact at a time.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from functools import partial
from typing import Literal, NamedTuple

from router import contacts, inbound, parts, timers
from router.claims import Allowance
from router.decide import ended, resume
from router.faults import reason_of
from router.instants import MINUTE
from router.messages import Facts, Inbound, Run
from router.parts import PART_LIFE
from router.perform import Performance, Place
from router.plan import Leave, Plan
from router.store import statements as sql
from router.store import statements_events as sql_events
from router.store import statements_outbox as sql_outbox
from router.store import statements_parts as sql_parts
from router.store.driver_errors import translated
from router.store.engine import Row, Tx
from router.store.errors import StoreError
from router.ways import Ways

AT_ONCE = 64
"""Due causes in one group: a quarter of a full one, so that due work never holds up what comes in."""
PUT_OFF = 10 * MINUTE
"""When what could not be performed is tried again; four times as long after each further try."""
MOST_TRIES = 5
"""Tries after which it fails: the pauses between them come to 14 hours, in which people have seen what is wrong with a
rule, or a night has passed. What has not been mended by then is told as lost, and not tried for ever."""


Cause = int | timers.Key | Literal["sweep"]
"""A run, by its id, a timer, or the next step of a sweep."""


class NotPerformed(Exception):
    """One cause that falls due cannot be performed: which one it is, and why."""

    def __init__(self, cause: Cause, error: Exception) -> None:
        super().__init__(reason_of(error))
        self.cause = cause
        self.reason = reason_of(error)


class Looked(NamedTuple):
    """What a look has done, written but not yet committed."""

    performances: list[Performance]
    faults: list[str]
    """For an operator: what cut runs short."""
    run_at: int | None
    """The earliest run that stands now, as far as the look began early enough to see it; None where none stands."""
    next_at: int | None
    """When something falls due next."""


def look(tx: Tx, ways: Ways, allowance: Allowance, most: int = AT_ONCE) -> Looked:
    """Do what is due now, at most so much of it, beginning where runs can be (router.horizon). Raises as `run`.

    The earliest run is asked for first. Where it is not due, which is so in a look that finds nothing, that was all
    there is to ask about runs: PostgreSQL plans the query for those that are due anew each time, since it takes a range
    of two parameters for much of the table, and for a plan it visits the ends of the index and what has ended there.
    """
    now = ways.world.now()
    since = ways.horizon.since(tx.dialect, now, ways.world.monotonic())
    run_at = next_run(tx, since)
    is_due = run_at is not None and run_at <= now
    performances, faults = run(tx, ways, allowance, most, run_at if is_due else None)
    if is_due or performances:
        run_at = next_run(tx, since)
    return Looked(performances, faults, run_at, next_instant(tx, run_at))


def run(
    tx: Tx, ways: Ways, allowance: Allowance, most: int = AT_ONCE, since: int | None = 0
) -> tuple[list[Performance], list[str]]:  # fmt: skip
    """Do what is due now, at most so much of it; of runs what fell due at `since` or later, none where that is None.
    Gives what came of it, written but not yet committed, and for an operator what cut runs short.

    Raises whatever a cause raises that cannot be performed; NotPerformed where it is known which one.
    """
    now = ways.world.now()
    late = parts.overdue(tx, now, most, ways.world.ids, ways.decode)
    done = _late_parts(tx, late, ways, allowance)
    faults: list[str] = []
    room = most - len(late)
    candidates = sql.runs_due.rows(tx, since, now, room) if room > 0 and since is not None else ()
    if candidates:
        with _naming(most, lambda: int(candidates[0][0])):
            performance, faults = _resume(tx, candidates, ways, allowance)
        done.append(performance)
    left = room - len(candidates)
    if left > 0:
        with _naming(most, lambda: timers.first_due(tx, now)):
            gone_off = timers.run(tx, ways, allowance, left)
        if gone_off is not None:
            done.append(gone_off[0])
            faults += gone_off[1]
        else:
            with _naming(most, lambda: "sweep"):
                timers.sweep(tx, ways, min(timers.SLICE, left))
    return done, faults


def next_run(tx: Tx, since: int = 0) -> int | None:
    """The earliest instant, from `since` on, at which a run falls due; None when none will."""
    found: int | None = sql.next_run.rows(tx, since)[0][0]
    return found


def next_instant(tx: Tx, run_at: int | None) -> int | None:
    """The earliest instant at which a run (that is known), a timer, a set of parts or an unknown outcome falls due;
    None when none will."""
    part = sql_parts.oldest_open_part.rows(tx)[0][0]
    instants = (
        run_at,
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


@contextmanager
def _naming(most: int, cause: Callable[[], Cause | None]) -> Iterator[None]:
    """Where only one cause may be performed, and cannot be, say which: another node may have been quicker by the time
    that it is set aside, and then the next one would be taken for it."""
    named = cause() if most == 1 else None  # after an error of the driver's nothing can be read
    try:
        yield
    except Exception as error:
        if named is None or isinstance(error, StoreError) or translated(error) is not None:
            raise
        raise NotPerformed(named, error) from error


def set_aside(tx: Tx, ways: Ways, reason: str, cause: Cause | None = None) -> str:
    """The due cause that cannot be performed goes to quarantine, so that it does not hold up the others: that one, or
    the one that `run` does when it may do one. Late parts are kept there for good; a run or a timer is put off, and in
    the end it fails; a sweep goes on past it. Gives what an operator is told; empty where another node was quicker."""
    place = ways.place()
    if cause is None:
        for message in parts.overdue(tx, place.now, 1, place.ids, parts.unread):
            inbound.quarantine(tx, message, reason)
            return reason
        cause = next((row[0] for row in sql.runs_due.rows(tx, 0, place.now, 1)), None) or timers.first_due(
            tx, place.now
        )
    if isinstance(cause, int):
        return _put_off(tx, place, cause, reason)
    if isinstance(cause, tuple):
        return _put_off_timer(tx, place, cause, reason)
    passed = timers.pass_over(tx, place.now)
    return "" if passed is None else _note(tx, place, 0, f"{passed}: {reason}")


def _put_off(tx: Tx, place: Place, run_id: int, reason: str) -> str:
    """Try a run again later, or let it fail."""
    if not _is_ours(tx, [row[0] for row in sql.run_tried.rows(tx, run_id, place.now)]):
        return ""
    for contact_id, number, brand, rule, tries in sql.run_tried.rows(tx, run_id, place.now):
        if tries + 1 < MOST_TRIES:
            sql.postpone_run.run(tx, place.now + _pause(tries), run_id)
            return _note(tx, place, contact_id, f"run {run_id} of {rule}: {reason}")
        sql.delete_runs.run(tx, [run_id])
        over = Run(id=run_id, kind="wait", brand=brand, number=number, rule=rule, frames=(), deployment="")
        for effect in ended(over, "failed"):
            if isinstance(effect, Leave):
                sql_events.end_enrolment.run(tx, place.now, effect.outcome, contact_id, brand, effect.drip)
        return _note(tx, place, contact_id, f"run {run_id} of {rule} has failed, after {MOST_TRIES} tries: {reason}")
    return ""


def _put_off_timer(tx: Tx, place: Place, key: timers.Key, reason: str) -> str:
    """Try a timer again later, or give it up."""
    contact_id, brand, source, name = key
    tries = timers.tries_of(tx, key, place.now) if _is_ours(tx, [contact_id]) else None
    if tries is None:
        return ""
    what = f"{source} of contact {contact_id} ({brand}, {name})"
    if tries + 1 < MOST_TRIES:
        timers.put_off(tx, key, place.now + _pause(tries))
        return _note(tx, place, contact_id, f"{what}: {reason}")
    timers.give_up(tx, key)
    return _note(tx, place, contact_id, f"{what} has failed, after {MOST_TRIES} tries: {reason}")


def _is_ours(tx: Tx, contact_ids: list[int]) -> bool:
    """Lock the contact of a cause, so that no other node has just performed it; False where one is at work on it."""
    lock = sql.contacts_by_id if tx.dialect == "sqlite" else sql.lock_free_contacts
    return bool(lock.rows(tx, contact_ids))


def _pause(tries: int) -> int:
    return PUT_OFF << 2 * tries


def _note(tx: Tx, place: Place, about: int, reason: str) -> str:
    """Put down what befell a contact (0: nobody's); an erasure finds it by that."""
    row = (place.ids.next(place.now), "", 0, about, b"", reason, place.now)
    sql.insert_quarantine.run(tx, [row])
    return reason


def _resume(
    tx: Tx, candidates: Sequence[Row], ways: Ways, allowance: Allowance
) -> tuple[Performance, list[str]]:  # fmt: skip
    place = ways.place()
    performance = Performance(place, allowance)
    first = {contact_id: run_id for run_id, contact_id, _ in reversed(candidates)}
    ways.stopwatch.lap("due")
    loaded = contacts.by_id(tx, first)
    allowance.busy |= loaded.busy
    ways.stopwatch.lap("load")
    causes: list[tuple[Facts, Run]] = []
    for contact in loaded.contacts.values():
        run = next((one for one in loaded.runs.get(contact.id, ()) if one.id == first[contact.id]), None)
        if run is not None and run.due_at is not None and run.due_at <= place.now:
            causes.append((loaded.facts(contact, run.number, None), run))
    plans = ways.decided(tx, [partial(resume, facts, one, now=place.now) for facts, one in causes])
    plans = ways.joined(tx, [facts for facts, _ in causes], plans, place.now)
    ways.stopwatch.lap("decide")
    for (facts, _), plan in zip(causes, plans, strict=True):
        performance.add(facts, plan, loaded.unsettled)
    performance.write(tx)
    ways.stopwatch.lap("perform")
    told = [_told(one, plan) for (_, one), plan in zip(causes, plans, strict=True) if plan.fault]
    return performance, told


def _told(run: Run, plan: Plan) -> str:
    """What cut a run short, and where it stood."""
    return f"{run.rule}, at {' / '.join(run.frames)}: {plan.fault}"
