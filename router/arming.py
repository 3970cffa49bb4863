"""Which of a contact's timers are set when, and what one comes to when it is due; pure.

A brand has a profile of everybody whom it has timers for, and whoever has a profile has the timers: they are set with
the first profile, or by a sweep when a deployment brings a new rule (router.timers). So nothing has to be read to know
that one is there. An inactivity's timer is left alone while the contact writes: when it is due, it is compared with
when he was last active, and set again. Only an act after such a silence that it may have gone off sets it anew.

Whether time alone puts somebody into a segment is a timer too, named by the segment and what its condition is. It is
set to now by whatever the condition reads, and found when it is due (router.turns) is the instant for which to set it.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import date
from hashlib import sha256
from typing import Literal as OneOf

import msgspec
from msgspec.structs import replace

from router.case import zone_of
from router.messages import ACTS, Facts, Profile, Source
from router.segments import TOLD
from rules.anniversaries import due_date, next_birthday
from rules.rulebook import Birthday, BrandBook, Rulebook, Triggers
from rules.times import after
from rules.turning import Reads, is_turning, reads

_DIGITS = 12
"""Hexadecimal digits that tell a segment's conditions apart: an edit of one is not met by chance."""


class Timer(msgspec.Struct, frozen=True, gc=False):
    """An occurrence to come: when it is due (None: not before the contact is active again), and was the last time."""

    contact_id: int
    brand: str
    source: Source | OneOf["turn"]
    name: str
    due_at: int | None
    last_at: int | None = None


class Turning(msgspec.Struct, frozen=True):
    """A segment that starts something for who joins it, and that time alone may put somebody into: its timer's name
    (another when the condition is another), and what beside the clock its condition reads."""

    segment: str
    timer: str
    reads: Reads


class Watch(msgspec.Struct, frozen=True):
    """The rules in force, and the brands among them that have rules which start by the clock."""

    book: Rulebook
    timed: frozenset[str]
    turning: Mapping[str, tuple[Turning, ...]] = {}

    @classmethod
    def of(cls, book: Rulebook) -> Watch:
        """Look through a rule set."""
        turning = {name: turning_of(own) for name, own in book.brands.items()}
        timed = frozenset(name for name, own in book.brands.items() if turning[name] or is_timed(own.triggers))
        return cls(book, timed, turning)


NOTHING_TIMED = Watch(Rulebook("", {}, {}), frozenset())


class Verdict(msgspec.Struct, frozen=True):
    """Whether a due timer goes off, and what it is afterwards; None: no more."""

    fires: bool
    then: Timer | None


def turning_of(own: BrandBook) -> tuple[Turning, ...]:
    """The segments of a brand that somebody may join by time alone, where that starts something."""
    conditions = ((name, own.segments[name]) for name in own.triggers.joins)
    return tuple(
        Turning(name, f"{name} {sha256(repr(one).encode()).hexdigest()[:_DIGITS]}", reads(one))
        for name, one in conditions
        if is_turning(one)
    )


def is_timed(triggers: Triggers) -> bool:
    """Whether any of a brand's rules is started by the clock, segments aside."""
    return bool(triggers.birthdays or triggers.inactivity or triggers.dates)


def timed_names(own: BrandBook) -> list[str]:
    """What tells these rules, and such segments, from those of another rule set; none: nothing starts by the clock."""
    triggers = own.triggers
    birthdays = [one.rule.identity for one in triggers.birthdays]
    inactivity = [one.rule.identity for one in triggers.inactivity]
    turning = [f"on join {one.timer}" for one in turning_of(own)]
    return sorted([*birthdays, *inactivity, *(one.rule.identity for one in triggers.dates), *turning])


def touched(watch: Watch, facts: Facts, brand: str | None) -> set[str]:
    """Brands with such rules that a text, or what happened, is an act of the contact's towards: the one that takes it,
    and those that know the contact and share the number."""
    if facts.message is not None:
        number, timed = watch.book.numbers.get(facts.number), watch.timed
        sharing = () if number is None else number.brands
        return {name for name in sharing if name in timed and (name == brand or name in facts.profiles)}
    occurrence = facts.occurrence
    return {occurrence.brand} & watch.timed if occurrence is not None and occurrence.source in ACTS else set()


def armed(watch: Watch, facts: Facts, profiles: Mapping[str, Profile], acted: set[str], now: int) -> Iterator[Timer]:
    """The timers that are set by what has just been done; `profiles` as they are afterwards, where they changed or are
    new, `acted`: brands towards which the contact has done something."""
    for name in sorted(watch.timed & (acted | set(profiles))):
        own, profile = watch.book.brands[name], profiles.get(name)
        if profile is not None and name not in facts.profiles:
            yield from all_of(own, facts, profile, now, now)
            continue
        if profile is not None:
            known = facts.profiles[name].attributes
            for one in own.triggers.birthdays:
                if known.get(one.attribute) != profile.attributes.get(one.attribute):
                    yield from _birthday(own, facts, profile, one, now)
        for turning in watch.turning[name]:
            if _concerns(turning.reads, facts, name, profile):
                yield Timer(facts.contact.id, name, "turn", turning.timer, now)
        if name in acted:
            yield from _active_again(own, facts, now)


def all_of(own: BrandBook, facts: Facts, profile: Profile, since: int, now: int) -> Iterator[Timer]:
    """All that a brand has for a contact whom it knows since then."""
    contact_id, zone = facts.contact.id, zone_of(facts.contact, own)
    for birthday in own.triggers.birthdays:
        yield from _birthday(own, facts, profile, birthday, now)
    last = last_active(own, facts)
    for quiet in own.triggers.inactivity:
        due_at = after(since if last is None else last, quiet.after, zone)
        yield Timer(contact_id, own.name, "inactive", quiet.rule.identity, due_at)
    for day in own.triggers.dates:
        due_at = due_date(day.day, day.clock, zone)
        if due_at > now:
            yield Timer(contact_id, own.name, "date", day.rule.identity, due_at)
    for turning in turning_of(own):
        yield Timer(contact_id, own.name, "turn", turning.timer, now)


def _concerns(reads: Reads, facts: Facts, brand: str, after: Profile | None) -> bool:
    """Whether something that a condition reads may be another now."""
    told = facts.occurrence
    if told is not None and told.source in TOLD and told.brand == brand and told.name in reads.events:
        return True
    if after is None:
        return False
    before = facts.profiles[brand]
    return (
        bool((before.tags ^ after.tags) & reads.tags)
        or any(before.attributes.get(name) != after.attributes.get(name) for name in reads.attributes)
        or (reads.consents and (before.consents, before.opted_out_at) != (after.consents, after.opted_out_at))
    )


def _birthday(own: BrandBook, facts: Facts, profile: Profile, one: Birthday, now: int) -> Iterator[Timer]:
    day = profile.attributes.get(one.attribute)
    if isinstance(day, date):
        due_at = next_birthday(day, now, one.clock, zone_of(facts.contact, own))
        yield Timer(facts.contact.id, own.name, "birthday", one.rule.identity, due_at)


def _active_again(own: BrandBook, facts: Facts, now: int) -> Iterator[Timer]:
    last, zone = last_active(own, facts), zone_of(facts.contact, own)
    for one in own.triggers.inactivity:
        if last is None or after(last, one.after, zone) <= now:
            yield Timer(facts.contact.id, own.name, "inactive", one.rule.identity, after(now, one.after, zone))


def last_active(own: BrandBook, facts: Facts) -> int | None:
    """When the contact last wrote to one of the brand's numbers or did something else; None: never. What we send does
    not count."""
    instants = [facts.thread_on(number).last_in_at for number in own.numbers]
    return max((at for at in (facts.profile(own.name).active_at, *instants) if at), default=None)


def look(own: BrandBook, facts: Facts, timer: Timer, now: int) -> Verdict:
    """What a timer that is due comes to, by the rules in force and what is known of the contact now."""
    due_at = timer.due_at
    assert due_at is not None, "it is due"
    match timer.source:
        case "birthday":
            return _look_birthday(own, facts, timer, due_at, now)
        case "inactive":
            return _look_inactive(own, facts, timer, due_at, now)
        case "date":
            for one in own.triggers.dates:
                if one.rule.identity == timer.name:
                    return _when(timer, due_date(one.day, one.clock, zone_of(facts.contact, own)), now, None)
            return Verdict(False, None)
        case "join":
            return Verdict(timer.name in own.triggers.joins, None)
        case "turn":  # router.turns looks at those of segments that there are
            return Verdict(False, None)
        case _:
            return Verdict(bool(own.triggers.undelivered), None)


def _look_birthday(own: BrandBook, facts: Facts, timer: Timer, due_at: int, now: int) -> Verdict:
    profile, zone = facts.profile(own.name), zone_of(facts.contact, own)
    for one in own.triggers.birthdays:
        day = profile.attributes.get(one.attribute)
        if one.rule.identity == timer.name and isinstance(day, date):
            due = next_birthday(day, due_at - 1, one.clock, zone, timer.last_at)
            following = next_birthday(day, max(now, due), one.clock, zone, due)
            return _when(timer, due, now, replace(timer, due_at=following, last_at=due))
    return Verdict(False, None)


def _look_inactive(own: BrandBook, facts: Facts, timer: Timer, due_at: int, now: int) -> Verdict:
    for one in own.triggers.inactivity:
        if one.rule.identity == timer.name:
            last = last_active(own, facts)
            due = due_at if last is None else after(last, one.after, zone_of(facts.contact, own))
            return _when(timer, due, now, replace(timer, due_at=None, last_at=due))
    return Verdict(False, None)


def _when(timer: Timer, due: int, now: int, then: Timer | None) -> Verdict:
    return Verdict(True, then) if due <= now else Verdict(False, replace(timer, due_at=due))
