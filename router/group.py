"""One group of causes, one transaction: what gathered while the previous one was being committed.

Order within a group: evidence (what equal texts are told apart by), outcomes (they free window slots), receipts, claims
of what waits, inbound, due work. A group that fails for another reason than the store's own is taken apart: outcomes
first and alone, then halves, down to the one message that cannot be acted upon, which goes to quarantine with its
octets and is acknowledged. Where setting it aside fails too, its octets alone are kept: only a store that does not even
take those ends the writer.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Generator, Iterable, Sequence
from functools import partial
from typing import TypeVar

import msgspec

from router import contacts, due, evidence, inbound, occurrences, outbox, receipts, silence, timers
from router.claims import Allowance, Claim
from router.due import AT_ONCE, PUT_OFF, Cause, NotPerformed
from router.evidence import Ended, Mark
from router.faults import reason_of
from router.instants import SECOND
from router.messages import Inbound, Occurrence
from router.outbox import Outcome
from router.perform import Performance
from router.receipts import ReceiptIn
from router.silence import Renewed, Stop
from router.store.engine import Store, Tx
from router.store.errors import CommitUnknown, StoreConflict, StoreError, StoreUnavailable
from router.ways import Ways

T = TypeVar("T")
Steps = Generator[Callable[[], None], None, T]
"""Work that stops at each call that waits for the disk or for another process. Whoever drives it makes that call, on
whatever thread, and goes on; what the call raised is thrown in."""

ELSEWHERE = SECOND // 40
"""Pause before another look where all that is due is of contacts that other nodes are at work on: a transaction takes
less, and one that stands still must not make every other node spin."""
AGAIN = 5
"""How often a transaction that met a deadlock is run again before the store counts as away."""


class Group(msgspec.Struct, frozen=True):
    """Causes for one transaction. At most one inbound message per sender; `claim`: hand out what waits, too."""

    outcomes: Sequence[Outcome] = ()
    receipts: Sequence[ReceiptIn] = ()
    inbound: Sequence[Inbound] = ()
    due: bool = False
    claim: bool = False
    most_due: int = AT_ONCE
    poison: str = ""
    """Why the one cause in it cannot be performed: it is set aside instead."""
    cause: Cause | None = None
    """Which one it is, where it fell due and that is known."""
    bare: bool = False
    """It could not be set aside either: nothing is read for it any more."""
    marks: Sequence[Mark] = ()
    ended: Sequence[Ended] = ()
    watch: Sequence[int] = ()
    """Texts claimed elsewhere that a STOP waits for; asked again by whoever wants to know, never put back."""
    renew: Sequence[int] = ()
    """Claimed texts that want another lease; asked again too."""
    occurrences: Sequence[Occurrence] = ()
    """At most one of each contact."""

    def pieces(self) -> list[Group]:
        """Smaller groups that come to the same: outcomes alone, receipts, then halves of what came in."""
        kinds = [
            Group(marks=self.marks, ended=self.ended) if self.marks or self.ended else None,
            Group(outcomes=self.outcomes) if self.outcomes else None,
            Group(receipts=self.receipts) if self.receipts else None,
            Group(inbound=self.inbound) if self.inbound else None,
            Group(occurrences=self.occurrences) if self.occurrences else None,
            Group(due=True, most_due=self.most_due) if self.due else None,
            Group(claim=True) if self.claim else None,
        ]
        apart = [piece for piece in kinds if piece is not None]
        return apart if len(apart) > 1 else self._halves()

    def _halves(self) -> list[Group]:
        for name in ("outcomes", "receipts", "inbound", "occurrences"):
            causes = getattr(self, name)
            if len(causes) > 1:
                middle = len(causes) // 2
                return [Group(**{name: causes[:middle]}), Group(**{name: causes[middle:]})]
        if self.due and self.most_due > 1:  # the next look does the rest
            return [Group(due=True, most_due=self.most_due // 2)]
        return []


class Done(msgspec.Struct):
    """What a group came to, all of it committed. Merged from its pieces where it had to be taken apart."""

    accepted: list[Inbound] = []
    occurred: dict[int, int] = {}
    """Occurrences by id; each with the id of the first where it was told before, else its own."""
    aside: dict[int, str] = {}
    """Those of them that cannot be performed, and why."""
    held: list[Inbound] = []
    """Texts that nobody can judge yet: they are not written, and are to be put again."""
    receipts: list[ReceiptIn] = []
    settled: list[Outcome] = []
    claims: list[Claim] = []
    quarantined: list[tuple[Inbound, str]] = []
    faults: list[str] = []
    """What went wrong with causes that are not messages, or cut short what fell due: a sentence each, for the log."""
    performances: list[Performance] = []
    strays: int = 0
    next_due: int | None = None
    """The earliest instant at which something falls due, as far as this group knows."""
    horizon: int | None = None
    """Where the next look for due runs may begin (router.horizon); None where nobody has looked."""
    resent: int = 0
    """Texts of unknown outcome that are to be sent once more: they wait to be claimed."""
    waiting: dict[str, int] | None = None
    """After a claim: connectors for which something still waits, and when it is due."""

    stops: list[Stop] = []
    busy: bool = False
    """Something that waits was passed over, for another node was at work on its contact."""
    watched: Sequence[int] = ()
    """Of the texts that were watched, those that are settled by now."""
    renewed: Renewed = Renewed()

    stages: dict[str, float] = {}
    """Seconds that each stage of the transaction took."""

    def merge(self, other: Done) -> None:
        """Add what another piece came to."""
        for name in ("accepted", "held", "receipts", "settled", "claims", "quarantined", "faults", "performances",
                     "stops"):  # fmt: skip
            getattr(self, name).extend(getattr(other, name))
        self.occurred = {**self.occurred, **other.occurred}
        self.aside = {**self.aside, **other.aside}
        self.strays += other.strays
        self.resent += other.resent
        self.busy |= other.busy
        self.next_due = _first(self.next_due, other.next_due)
        self.waiting = self.waiting if other.waiting is None else other.waiting
        # `watch` and `renew` are not in pieces: whoever asked asks again.


class Doubt(msgspec.Struct, frozen=True):
    """A piece whose COMMIT nobody has answered for yet: what it comes to if its marker is found."""

    marker: int
    piece: Group
    done: Done


class Interrupted(StoreUnavailable):
    """The store went away midway: `done` is committed, `left` is not, and of `doubt` only its marker can tell."""

    def __init__(self, error: StoreUnavailable, done: Done, left: Group, doubt: Doubt | None) -> None:
        super().__init__(str(error))
        self.done = done
        self.left = left
        self.doubt = doubt


def commit(store: Store, group: Group, ways: Ways, allowance: Allowance) -> Done:
    """Perform a group and commit it, whole or in pieces, here and now.

    Raises Interrupted, which says what was committed all the same and what is to be tried again, and StoreBroken.
    """
    steps = committing(store, group, ways, allowance)
    try:
        wait = next(steps)
        while True:
            wait = _driven(steps, wait)
    except StopIteration as end:
        done: Done = end.value
        return done


def _driven(steps: Steps[Done], wait: Callable[[], None]) -> Callable[[], None]:
    try:
        wait()
    except Exception as error:
        return steps.throw(error)
    return next(steps)


def committing(store: Store, group: Group, ways: Ways, allowance: Allowance) -> Steps[Done]:
    """The same in steps. Nothing else may use the store before it has ended."""
    done = Done()
    todo = deque([group])
    while todo:
        piece = todo.popleft()
        mark = allowance.mark()
        try:
            did = yield from _transaction(store, piece, ways, allowance)
        except Interrupted as stop:
            raise Interrupted(stop, done, together(todo), stop.doubt) from stop
        except StoreUnavailable as error:
            raise Interrupted(error, done, together([piece, *todo]), None) from error
        except StoreError:
            raise
        except Exception as error:  # a cause that cannot be performed: find it, keep the others
            allowance.back_to(mark)
            if piece.due:
                ways.horizon.undone()
            pieces = piece.pieces()
            if not pieces and piece.bare:
                raise
            todo.extendleft(reversed(pieces or [_poisoned(piece, error)]))
        else:
            if piece is group:
                return did
            done.merge(did)
    return done


def _poisoned(piece: Group, error: Exception) -> Group:
    if piece.poison:
        why = f"{piece.poison}; and it could not be set aside: {reason_of(error)}"
        return msgspec.structs.replace(piece, poison=why, bare=True)
    if isinstance(error, NotPerformed):
        return msgspec.structs.replace(piece, poison=error.reason, cause=error.cause)
    return msgspec.structs.replace(piece, poison=reason_of(error))


def together(groups: Iterable[Group]) -> Group:
    """One group of several."""
    every = list(groups)
    return Group(
        [one for group in every for one in group.outcomes],
        [one for group in every for one in group.receipts],
        [one for group in every for one in group.inbound],
        any(group.due for group in every),
        any(group.claim for group in every),
        marks=[one for group in every for one in group.marks],
        ended=[one for group in every for one in group.ended],
        occurrences=[one for group in every for one in group.occurrences],
    )


def _transaction(store: Store, group: Group, ways: Ways, allowance: Allowance) -> Steps[Done]:
    mark = allowance.mark()
    for _ in range(AGAIN):
        allowance.back_to(mark)
        marker = ways.world.ids.next(ways.world.now())
        done = Done()
        try:
            ways.stopwatch.start()
            if not store.take_at_once():
                yield store.take
            with store.begin(marker, leave_open=True) as tx:
                done = _set_aside(tx, group, ways) if group.poison else _perform(tx, group, ways, allowance)
                ways.world.fault("commit.before")
            ways.stopwatch.lap("perform")
            yield partial(store.commit, marker)
            ways.stopwatch.lap("commit")
            ways.world.fault("commit.after")
            if done.horizon is not None:
                ways.horizon.looked(done.horizon)
            done.stages = ways.stopwatch.laps
        except StoreConflict:
            if group.due:
                ways.horizon.undone()
            continue
        except CommitUnknown as unknown:
            if not _held(store, Doubt(unknown.marker, group, done)):
                continue
        return done
    raise StoreUnavailable(f"the transaction met a deadlock {AGAIN} times in a row")


def _held(store: Store, doubt: Doubt) -> bool:
    """Whether a COMMIT without an answer held. The old connection may hold its locks for a moment yet."""
    away = StoreUnavailable("")
    for _ in range(AGAIN):
        try:
            return store.committed(doubt.marker)
        except StoreUnavailable as error:
            away = error
    raise Interrupted(away, Done(), Group(), doubt) from away


def _perform(tx: Tx, group: Group, ways: Ways, allowance: Allowance) -> Done:
    done = Done(receipts=list(group.receipts), settled=list(group.outcomes))
    if (group.inbound or group.occurrences) and tx.dialect != "sqlite":
        # The only locks of contacts that are waited for, before any other lock: no two nodes wait in a ring.
        addresses = [message.sender for message in group.inbound] + [one.address for one in group.occurrences]
        contacts.lock_senders(tx, addresses)
    if group.marks or group.ended:
        if evidence.witness(tx, group.marks, group.ended, ways.node, ways.world.now()):
            ways.memory.doubts = True
        ways.stopwatch.lap("evidence")
    if group.outcomes:
        done.next_due = outbox.settle(tx, group.outcomes, ways.world.now())
        ways.stopwatch.lap("settle")
    if group.receipts:
        done.strays = receipts.settle(tx, group.receipts)
        ways.stopwatch.lap("receipts")
    if ways.heeds_failures:
        done.next_due = _first(timers.next_instant(tx), done.next_due)
    if group.watch:
        done.watched = silence.settled_of(tx, group.watch)
    if group.renew:
        done.renewed = silence.renew(tx, group.renew, allowance.muted, ways.world.now())
    if group.claim:
        done.claims += _claim(tx, group, ways, allowance)
    if group.inbound or group.occurrences:
        _come_in(tx, group, ways, allowance, done)
    if group.due:
        _fall_due(tx, group, ways, allowance, done)
    for performance in done.performances:
        done.claims += performance.claims
        done.stops += performance.stops
        done.next_due = _first(performance.next_due, done.next_due)
    ways.horizon.lowered(done.next_due)
    done.busy = allowance.busy
    if group.claim:
        done.waiting = outbox.waiting(tx, allowance.left)
    return done


def _fall_due(tx: Tx, group: Group, ways: Ways, allowance: Allowance, done: Done) -> None:
    """Do what is due, and say when to look again."""
    now = ways.world.now()
    done.resent = outbox.resolve_unknown(tx, now)
    looked = due.look(tx, ways, allowance, group.most_due)
    done.performances += looked.performances
    done.faults = looked.faults
    # Nor past what was suspended a moment ago: the look may have begun behind it.
    suspended = (one.next_due for one in done.performances)
    done.horizon = _first(now if looked.run_at is None else looked.run_at, *suspended)
    at = looked.next_at  # the texts settled above are among them
    is_elsewhere = allowance.busy and not any(one.dispositions for one in looked.performances)
    done.next_due = max(at, now + ELSEWHERE) if at is not None and is_elsewhere else at
    ways.stopwatch.lap("due")


def _first(*instants: int | None) -> int | None:
    return min((at for at in instants if at is not None), default=None)


def _come_in(tx: Tx, group: Group, ways: Ways, allowance: Allowance, done: Done) -> None:
    """Texts, then what else happened."""
    if group.inbound:
        performance = inbound.accept(tx, group.inbound, ways, allowance)
        done.performances.append(performance)
        done.held = performance.held
        done.accepted = [one for one in group.inbound if one not in done.held] if done.held else list(group.inbound)
    if group.occurrences:
        performance, again = occurrences.accept(tx, group.occurrences, ways, allowance)
        done.performances.append(performance)
        done.occurred = {one.id: again.get(one.id, one.id) for one in group.occurrences}
        ways.stopwatch.lap("occurrences")


def _claim(tx: Tx, group: Group, ways: Ways, allowance: Allowance) -> list[Claim]:
    """Half the room goes to what waits: all of it would make every new answer wait, none would let old ones starve. A
    long text may take more than the half, when nothing else has begun to.

    Whoever has just written waits for the next group: what is claimed here goes out after his text is acknowledged, and
    that text may be STOP.
    """
    allowance.keep = {name: left // 2 for name, left in allowance.left.items()}
    not_to = {message.sender for message in group.inbound}.union(allowance.muted)
    not_to |= {one.address for one in group.occurrences if one.source == "optout"}
    claims = outbox.claim(tx, allowance, ways.place(), not_to)
    allowance.keep = {}
    ways.stopwatch.lap("claim")
    return claims


def _set_aside(tx: Tx, group: Group, ways: Ways) -> Done:
    """The one cause that cannot be performed is kept where an operator sees it. Where that failed, what needs nothing
    read is kept of it: an outcome frees its slot, and its text counts as unknown when the gateway starts anew; what
    fell due stays as it is, to be tried again later."""
    done = Done(faults=[group.poison], settled=list(group.outcomes), receipts=list(group.receipts))
    if group.outcomes and not group.bare:
        outbox.set_aside(tx, group.outcomes, group.poison, ways.place())
    for message in group.inbound:
        inbound.set_aside(tx, message, group.poison, group.bare)
        done.quarantined.append((message, group.poison))
    for receipt in group.receipts:
        inbound.quarantine(tx, inbound.as_message(receipt), group.poison)
    for occurrence in group.occurrences:
        occurrences.set_aside(tx, occurrence, group.poison, ways, group.bare)
        done.occurred[occurrence.id] = occurrence.id
        done.aside[occurrence.id] = group.poison
    if group.due and group.bare:
        done.next_due = ways.world.now() + PUT_OFF
    elif group.due:
        told = due.set_aside(tx, ways, group.poison, group.cause)
        done.faults = [told] if told else []
        done.next_due = due.next_instant(tx, due.next_run(tx))  # the others are due still
    return done
