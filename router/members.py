"""Who is in a segment, read for people: how many, and of each why. It only reads, in short looks beside the gateway.

Contacts are walked past in slices, those whom the brand knows; what was told of a slice is read at once. So what is
counted is of an instant for each slice, not for the whole.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Mapping

import msgspec

from router import contacts
from router.case import Books
from router.consent import is_allowed
from router.messages import Contact, Facts
from router.segments import Known
from router.store import statements_events as sql
from router.store import statements_timers as sql_timers
from router.store.engine import Tx
from router.store.reading import Begins
from rules.expressions import holds
from rules.reasons import Seen, reasons
from rules.rulebook import Rulebook
from rules.turning import reads

SLICE = 500
"""Profiles of one look: some 10 ms."""

_Ats = Mapping[tuple[int, str], list[int]]
"""When each event happened, the newest first, by contact and name."""


class Member(msgspec.Struct, frozen=True):
    """A contact in a segment: what of the condition put him there, and whether he lets the brand advertise."""

    contact: Contact
    why: tuple[Seen, ...]
    allows_promotions: bool


class Seek(msgspec.Struct, frozen=True):
    """A segment of a brand in a rule set, as it stands at an instant."""

    book: Rulebook
    brand: str
    segment: str
    now: int


def members(store: Begins, seek: Seek) -> Iterator[Member]:
    """Everybody in the segment, by when the contact was made."""
    after: int | None = 0
    while after is not None:
        with store.begin() as tx:
            after, found = _slice(tx, seek, after)
        yield from found


def _slice(tx: Tx, seek: Seek, after: int) -> tuple[int | None, list[Member]]:
    upto: int | None = sql_timers.slice_end.rows(tx, after, SLICE)[0][0]
    if upto is None:
        return None, []
    ids = [row[0] for row in sql_timers.slice_of.rows(tx, after, upto, seek.brand)]
    if not ids:
        return upto, []
    loaded = contacts.unlocked(tx, ids)
    told = _told(tx, seek, ids)
    found = []
    for contact in sorted(loaded.contacts.values(), key=lambda one: one.id):
        member = _member(seek, loaded.facts(contact, "", None), told)
        if member is not None:
            found.append(member)
    return upto, found


def _told(tx: Tx, seek: Seek, ids: list[int]) -> _Ats:
    names = reads(seek.book.brands[seek.brand].segments[seek.segment]).events
    found: dict[tuple[int, str], list[int]] = defaultdict(list)
    for contact_id, name, at in sql.told_of.rows(tx, ids, seek.brand) if names else ():
        if name in names:
            found[contact_id, name].append(at)
    for ats in found.values():
        ats.sort(reverse=True)
    return found


def _member(seek: Seek, facts: Facts, told: _Ats) -> Member | None:
    condition = seek.book.brands[seek.brand].segments[seek.segment]
    known = _Told(facts, seek, told)
    scope = known.scope()
    if not holds(condition, scope):
        return None
    profile = facts.profile(seek.brand)
    return Member(facts.contact, tuple(reasons(condition, scope, known.newest)), is_allowed(profile, "promotional"))


class _Told(Known):
    """A contact with what was told of it."""

    __slots__ = ("_ats", "_contact_id")

    def __init__(self, facts: Facts, seek: Seek, ats: _Ats) -> None:
        super().__init__(facts, facts.profile(seek.brand), Books(seek.book), seek.now)
        self._ats = ats
        self._contact_id = facts.contact.id

    def happened(self, event: str, since: int) -> int:
        """How often an event happened since."""
        return sum(at >= since for at in self._ats.get((self._contact_id, event), ()))

    def newest(self, event: str, nth: int) -> int | None:
        """When an event happened for the nth time, counted from its newest."""
        ats = self._ats.get((self._contact_id, event), ())
        return ats[nth - 1] if nth <= len(ats) else None
