"""One brand's view of one contact while one cause is worked off: what is known, what changed, what is to be done.

What a chain changes it sees at once, so the contact's standing (`profile`) is a copy that every later step reads. What
is not known yet is asked for by raising Unknown: `decide` answers with Needs, and is run again from the start.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date, datetime, tzinfo
from functools import lru_cache
from typing import Final
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

import msgspec

from router import consent
from router.messages import Contact, Facts, Profile
from router.plan import (
    AddTag,
    Answer,
    Consent,
    ConsentAction,
    Effect,
    Known,
    MessageClass,
    Need,
    RemoveTag,
    SetAttribute,
    Unknown,
)
from rules.countries import zones_of
from rules.facts import Value
from rules.hours import Hours, released_at
from rules.market_hours import hours_for
from rules.rulebook import BrandBook, Rulebook

_NO_BOOKS: Final[Mapping[str, Rulebook | None]] = {}
_NOTHING: Final[Known] = {}
_MISSING: Final = object()


class Books(msgspec.Struct, frozen=True):
    """The newest rule set, and older ones by deployment as far as runs need them (None: it cannot be had any more);
    what was asked for and is known by now; and how far promotional texts are spread when quiet hours end, in µs."""

    newest: Rulebook
    older: Mapping[str, Rulebook | None] = _NO_BOOKS
    known: Known = _NOTHING
    spread: int = 0


class Case:
    """A cause under way. `effects` is what it comes to, in order; `fault` what cut it short."""

    __slots__ = ("_zone", "books", "brand", "effects", "facts", "fault", "now", "profile", "rulebook")

    def __init__(self, facts: Facts, books: Books, rulebook: Rulebook, brand: BrandBook, now: int) -> None:
        self.facts = facts
        self.books = books
        self.rulebook = rulebook
        self.brand = brand
        self.now = now
        self._zone: tzinfo | None = None
        self.profile: Profile = facts.profile(brand.name)
        self.effects: list[Effect] = []
        self.fault = ""

    def know(self, need: Need) -> Answer:
        """What is known of it. Raises Unknown where it must be asked first."""
        answer = self.books.known.get(need, _MISSING)
        if answer is _MISSING:
            raise Unknown(need)
        return answer  # type: ignore[return-value]

    def go_by(self, rulebook: Rulebook, brand: BrandBook) -> None:
        """Let other rules of the same brand say how it goes on; what has changed by now stays changed."""
        self.rulebook, self.brand = rulebook, brand
        self._zone = None

    @property
    def zone(self) -> tzinfo:
        """The contact's zone, as far as it is known."""
        if self._zone is None:
            self._zone = zone_of(self.facts.contact, self.brand)
        return self._zone

    @property
    def cause_id(self) -> int:
        """The text or occurrence at hand; 0 when something fell due."""
        if self.facts.message is not None:
            return self.facts.message.id
        return self.facts.occurrence.id if self.facts.occurrence is not None else 0

    @property
    def hours(self) -> Hours:
        """When no promotional text may go out to this contact: as the brand says, and the market of its number."""
        return hours_of(self.facts.contact, self.brand)

    def opens_at(self) -> int | None:
        """When a promotional text may go out: now, or when the hours open, a little later for each; None: never."""
        return opens_at(self.facts.contact, self.brand, self.now, self.books.spread)

    def tag(self, tag: str) -> None:
        """Put a tag on the contact."""
        if tag not in self.profile.tags:
            self.profile = msgspec.structs.replace(self.profile, tags=self.profile.tags | {tag})
            self.effects.append(AddTag(self.brand.name, tag))

    def untag(self, tag: str) -> None:
        """Take it off."""
        if tag in self.profile.tags:
            self.profile = msgspec.structs.replace(self.profile, tags=self.profile.tags - {tag})
            self.effects.append(RemoveTag(self.brand.name, tag))

    def set(self, name: str, value: Value | None) -> None:
        """Give an attribute a value; what is no value changes nothing."""
        if value is not None:
            attributes = {**self.profile.attributes, name: value}
            self.profile = msgspec.structs.replace(self.profile, attributes=attributes)
            self.effects.append(SetAttribute(self.brand.name, name, value))

    def allows(self, message_class: MessageClass, purpose: str = "") -> bool:
        """Whether a consent for that class is on record."""
        return consent.allows(self.profile, message_class, purpose)

    def permit(
        self, action: ConsentAction, message_class: MessageClass, purpose: str, shown: tuple[str, str] = ("", ""),
        *, pending: bool = False, asked_by: int = 0,
    ) -> None:  # fmt: skip
        """Record a consent given by the cause at hand, with what the contact was `shown` and in which language, or that
        it was asked for; `asked_by` is the text that was answered. Who opts in anew by an own act is no longer opted
        out."""
        wording, language = shown
        told = Consent(
            action=action, brand=self.brand.name, message_class=message_class, purpose=purpose, wording=wording,
            language=language, method="keyword" if self.facts.message is not None else "api", cause_id=self.cause_id,
            asked_by=asked_by, pending=pending,
        )  # fmt: skip
        self.profile = consent.changed(self.profile, told, self.now)
        self.effects.append(told)


def hours_of(contact: Contact, brand: BrandBook) -> Hours:
    """When no promotional text may go out to a contact: as its brand says, and the law of where its phone is."""
    return hours_for(brand.hours, str(brand.zone), contact.address)


def opens_at(contact: Contact, brand: BrandBook, now: int, spread: int) -> int | None:
    """When a promotional text of a brand may go out: now, or when the hours open, a little later for each within
    `spread` microseconds; None: never."""
    key = f"{brand.name}/{contact.address}"
    return released_at(hours_of(contact, brand), now, zone_of(contact, brand), spread, key)


def zone_of(contact: Contact, brand: BrandBook) -> tzinfo:
    """The contact's zone where it is known, else one that its number's prefix stands for, the brand's before others."""
    if contact.zone is not None:
        return _zone(contact.zone) or brand.zone
    zones = zones_of(contact.address)
    if not zones or str(brand.zone) in zones:
        return brand.zone
    return _zone(zones[0]) or brand.zone


@lru_cache(maxsize=600)  # the world has fewer zones
def _zone(name: str) -> tzinfo | None:
    try:
        return ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError):
        return None


def local_date(at: int, zone: tzinfo) -> date:
    """The day it is in a zone at an instant (microseconds since 1970 UTC)."""
    return _date_in(at // 1_000_000, zone)


@lru_cache(maxsize=64)  # a group has one instant and few zones
def _date_in(second: int, zone: tzinfo) -> date:
    return datetime.fromtimestamp(second, zone).date()
