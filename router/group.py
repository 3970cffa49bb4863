"""One group of causes, one transaction: what gathered while the previous one was being committed.

Order within a group: outcomes (they free window slots), receipts, inbound, due work, claims of what waits. A group that
fails for another reason than the store's own is taken apart: outcomes first and alone, then halves, down to the one
message that cannot be acted upon, which goes to quarantine with its octets and is acknowledged.
"""

from __future__ import annotations

from collections.abc import Sequence

import msgspec

from router import due, inbound, outbox, receipts
from router.messages import Inbound
from router.outbox import Outcome
from router.perform import Allowance, Claim, Performance
from router.receipts import ReceiptIn
from router.store.engine import Store, Tx
from router.store.errors import CommitUnknown, StoreConflict, StoreError, StoreUnavailable
from router.ways import Ways

AGAIN = 5
"""How often a transaction that met a deadlock is run again before the store counts as away."""


class Group(msgspec.Struct, frozen=True):
    """Causes for one transaction. At most one inbound message per sender; `claim`: hand out what waits, too."""

    outcomes: Sequence[Outcome] = ()
    receipts: Sequence[ReceiptIn] = ()
    inbound: Sequence[Inbound] = ()
    due: bool = False
    claim: bool = False

    def pieces(self) -> list[Group]:
        """Smaller groups that come to the same: outcomes alone, receipts, then halves of what came in."""
        kinds = [
            Group(outcomes=self.outcomes) if self.outcomes else None,
            Group(receipts=self.receipts) if self.receipts else None,
            Group(inbound=self.inbound) if self.inbound else None,
            Group(due=True) if self.due else None,
            Group(claim=True) if self.claim else None,
        ]
        apart = [piece for piece in kinds if piece is not None]
        return apart if len(apart) > 1 else self._halves()

    def _halves(self) -> list[Group]:
        for name in ("outcomes", "receipts", "inbound"):
            causes = getattr(self, name)
            if len(causes) > 1:
                middle = len(causes) // 2
                return [Group(**{name: causes[:middle]}), Group(**{name: causes[middle:]})]
        return []


class Done(msgspec.Struct):
    """What a group came to, all of it committed. Merged from its pieces where it had to be taken apart."""

    accepted: list[Inbound] = []
    receipts: list[ReceiptIn] = []
    settled: list[Outcome] = []
    claims: list[Claim] = []
    quarantined: list[tuple[Inbound, str]] = []
    faults: list[str] = []
    """What went wrong with causes that are not messages, for the log."""
    performances: list[Performance] = []
    strays: int = 0
    next_due: int | None = None
    """The earliest instant at which something falls due, as far as this group knows."""
    waiting: dict[str, int] | None = None
    """After a claim: connectors for which something still waits, and when it is due."""

    stages: dict[str, float] = {}
    """Seconds that each stage of the transaction took."""

    def merge(self, other: Done) -> None:
        """Add what another piece came to."""
        for name in ("accepted", "receipts", "settled", "claims", "quarantined", "faults", "performances"):
            getattr(self, name).extend(getattr(other, name))
        self.strays += other.strays
        self.next_due = min((at for at in (self.next_due, other.next_due) if at is not None), default=None)
        self.waiting = self.waiting if other.waiting is None else other.waiting


def commit(store: Store, group: Group, ways: Ways, allowance: Allowance) -> Done:
    """Perform a group and commit it, whole or in pieces.

    Raises StoreUnavailable (nothing of what is not in the result was written; try again later) and StoreBroken.
    """
    left = dict(allowance.left)
    try:
        return _transaction(store, group, ways, allowance)
    except StoreError:
        raise
    except Exception as error:  # a cause that cannot be performed: find it, keep the others
        allowance.left = left
        pieces = group.pieces()
        if not pieces:
            return _set_aside(store, group, ways, f"{type(error).__name__}: {error}")
    done = Done()
    for piece in pieces:
        done.merge(commit(store, piece, ways, allowance))
    return done


def _transaction(store: Store, group: Group, ways: Ways, allowance: Allowance) -> Done:
    left = dict(allowance.left)
    for _ in range(AGAIN):
        allowance.left = dict(left)
        marker = ways.world.ids.next(ways.world.now())
        done = Done()
        try:
            ways.stopwatch.start()
            with store.begin(marker) as tx:
                done = _perform(tx, group, ways, allowance)
            ways.stopwatch.lap("commit")
            done.stages = ways.stopwatch.laps
        except StoreConflict:
            continue
        except CommitUnknown as unknown:
            if not store.committed(unknown.marker):
                continue
        return done
    raise StoreUnavailable(f"the transaction met a deadlock {AGAIN} times in a row")


def _perform(tx: Tx, group: Group, ways: Ways, allowance: Allowance) -> Done:
    done = Done(accepted=list(group.inbound), receipts=list(group.receipts), settled=list(group.outcomes))
    if group.outcomes:
        outbox.settle(tx, group.outcomes, ways.world.now())
        ways.stopwatch.lap("settle")
    if group.receipts:
        done.strays = receipts.settle(tx, group.receipts)
        ways.stopwatch.lap("receipts")
    if group.inbound:
        done.performances.append(inbound.accept(tx, group.inbound, ways, allowance))
    if group.due:
        done.performances += due.run(tx, ways, allowance)
        done.next_due = due.next_instant(tx)
        ways.stopwatch.lap("due")
    for performance in done.performances:
        done.claims += performance.claims
        if performance.next_due is not None:
            done.next_due = min(performance.next_due, done.next_due or performance.next_due)
    if group.claim:
        connectors = list(allowance.left)
        done.claims += outbox.claim(tx, allowance, ways.place())
        done.waiting = outbox.waiting(tx, connectors)
        ways.stopwatch.lap("claim")
    return done


def _set_aside(store: Store, group: Group, ways: Ways, reason: str) -> Done:
    """The one cause that cannot be performed is kept where an operator sees it."""
    done = Done(faults=[reason])
    with store.begin() as tx:
        for message in group.inbound:
            inbound.quarantine(tx, message, reason)
            done.quarantined.append((message, reason))
        for receipt in group.receipts:
            inbound.quarantine(tx, _as_message(receipt), reason)
            done.receipts.append(receipt)
        if group.due:
            due.set_aside(tx, ways, reason)
    return done


def _as_message(receipt: ReceiptIn) -> Inbound:
    return Inbound(
        id=receipt.id, connector=receipt.connector, session=receipt.session, sequence=receipt.sequence, sender="",
        recipient="", text=receipt.text, received_at=receipt.received_at, frame=receipt.frame,
    )  # fmt: skip
