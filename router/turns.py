"""Who joins a segment by time alone: a contact that becomes inactive without doing anything, a day that comes.

A timer waits for the earliest instant at which the condition may turn for the contact (rules.turning). When it is due,
whether the contact was in the segment just before that instant is compared with whether it is now, by what is known
now: who was not, and is, has joined. Then it is set for the next such instant. So a look costs what is due, however
many contacts there are, and whom nothing can put into the segment any more has no timer that comes due.
"""

from __future__ import annotations

from router.arming import Timer, Verdict, turning_of
from router.case import Books
from router.messages import Facts
from router.segments import Known
from router.store import statements_events as sql
from router.store.engine import Tx
from rules.expressions import holds
from rules.rulebook import BrandBook
from rules.turning import turns_at


class Past(Known):
    """The same contact, with what happened to it read from the store where it is asked for."""

    __slots__ = ("_brand", "_contact_id", "_tx")

    def __init__(self, tx: Tx, facts: Facts, brand: str, books: Books, now: int) -> None:
        super().__init__(facts, facts.profile(brand), books, now)
        self._tx = tx
        self._brand = brand
        self._contact_id = facts.contact.id

    def happened(self, event: str, since: int) -> int:
        """How often an event happened since."""
        return int(sql.happened.rows(self._tx, self._contact_id, self._brand, event, since, 0)[0][0])

    def newest(self, event: str, nth: int) -> int | None:
        """When an event happened for the nth time, counted from its newest."""
        rows = sql.newest.rows(self._tx, self._contact_id, self._brand, event, nth - 1)
        return int(rows[0][0]) if rows else None


def look(tx: Tx, own: BrandBook, facts: Facts, timer: Timer, books: Books, now: int) -> Verdict:
    """What a timer of a segment comes to. It goes off when the contact has joined; it is no more when the rules have
    another condition."""
    assert timer.due_at is not None, "it is due"
    for turning in turning_of(own):
        if turning.timer == timer.name:
            condition = own.segments[turning.segment]
            before = Past(tx, facts, own.name, books, timer.due_at - 1)
            past = Past(tx, facts, own.name, books, now)
            scope = past.scope()
            joined = holds(condition, scope) and not holds(condition, before.scope())
            at = turns_at(condition, scope, past.newest)
            return Verdict(joined, Timer(facts.contact.id, own.name, "turn", timer.name, at, timer.due_at))
    return Verdict(False, None)


def segment_of(timer: Timer) -> str:
    """The segment that a timer is about."""
    return timer.name.partition(" ")[0]
