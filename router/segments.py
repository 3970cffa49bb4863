"""Who is in a segment, and who joins one by what a cause leads to; pure.

Joined is who was not in it before and is afterwards, both at this instant. Whom time alone puts into one is found by a
timer (router.turns).
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import assert_never

from msgspec.structs import replace

from router import consent
from router.case import Books, zone_of
from router.messages import Facts, Occurrence, Profile
from router.plan import (
    AddTag,
    Arm,
    Consent,
    Happened,
    Need,
    Needs,
    OptIn,
    OptOut,
    Plan,
    RemoveTag,
    SetAttribute,
    Unknown,
)
from rules.expressions import Scope, holds

Standing = AddTag | RemoveTag | SetAttribute | Consent | OptOut | OptIn
"""Effects that change what a brand knows of a contact."""
TOLD = ("api", "voucher")
"""Sources of what counts as having happened."""


class Known:
    """What a brand of the rules in force knows of a contact, with a standing of its own; `also`: what is happening now
    and stands in no table yet."""

    __slots__ = ("_also", "_books", "_facts", "_now", "_profile")

    def __init__(
        self, facts: Facts, profile: Profile, books: Books, now: int, also: Occurrence | None = None
    ) -> None:  # fmt: skip
        self._facts = facts
        self._profile = profile
        self._books = books
        self._now = now
        self._also = also

    def is_in(self, segment: str) -> bool:
        """Whether the contact is in a segment. Raises Unknown where it must be asked first."""
        return holds(self._books.newest.brands[self._profile.brand].segments[segment], self.scope())

    def scope(self) -> Scope:
        """What a condition may look at."""
        own, profile, contact = self._books.newest.brands[self._profile.brand], self._profile, self._facts.contact
        scope = Scope({}, profile.attributes, profile.tags, contact.is_new, self._now, zone_of(contact, own))
        scope.told = self
        return scope

    def happened(self, event: str, since: int) -> int:
        """How often an event happened since."""
        need = Happened(self._facts.contact.id, self._profile.brand, event, since, 0)
        if need not in self._books.known:
            raise Unknown(need)
        known, also = self._books.known[need], self._also
        is_also = also is not None and also.name == event and also.at >= since
        return (known if isinstance(known, int) else 0) + is_also

    def clicked(self) -> bool:
        """No run is under way, so no link of one was followed."""
        return False

    def consents(self, message_class: str) -> bool:
        """Whether texts of that class are allowed."""
        return consent.is_allowed(self._profile, message_class)


def joining(facts: Facts, plan: Plan, books: Books, now: int) -> Plan | Needs:
    """The plan, with what starts because of the segments that the contact joins by it."""
    occurrence = facts.occurrence
    also = occurrence if occurrence is not None and occurrence.source in TOLD else None
    joined: list[Arm] = []
    asked: set[Need] = set()
    for profile in _changed(facts, plan, also, now):
        own = books.newest.brands.get(profile.brand)
        told = also if also is not None and also.brand == profile.brand else None
        before = facts.profile(profile.brand)
        if own is None or (told is None and profile == before):
            continue
        for segment in own.triggers.joins:
            try:
                if Known(facts, profile, books, now, told).is_in(segment) and not Known(
                    facts, before, books, now
                ).is_in(segment):
                    joined.append(Arm(profile.brand, "join", segment, now))
            except Unknown as unknown:
                asked |= unknown.needs.asked
    if asked:
        return Needs(asked=frozenset(asked))
    return replace(plan, effects=(*plan.effects, *joined)) if joined else plan


def _changed(facts: Facts, plan: Plan, also: Occurrence | None, now: int) -> Iterable[Profile]:
    """Profiles that the plan may change, or that something was told about, as they are afterwards."""
    found = {} if also is None else {also.brand: facts.profile(also.brand)}
    for effect in plan.effects:
        if isinstance(effect, Standing):
            brands = effect.brands if isinstance(effect, OptOut | OptIn) else (effect.brand,)
            for brand in brands:
                found[brand] = _after(found.get(brand) or facts.profile(brand), effect, now)
    return found.values()


def _after(profile: Profile, effect: Standing, now: int) -> Profile:
    match effect:
        case AddTag(_, tag):
            return replace(profile, tags=profile.tags | {tag})
        case RemoveTag(_, tag):
            return replace(profile, tags=profile.tags - {tag})
        case SetAttribute(_, name, value):
            return replace(profile, attributes={**profile.attributes, name: value})
        case OptOut():
            return consent.silenced(profile, now)
        case OptIn():
            return consent.unsilenced(profile, now)
        case Consent():
            return consent.changed(profile, effect, now)
        case _:
            assert_never(effect)
