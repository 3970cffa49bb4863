"""A compiled set of rules: what the router looks things up in. Values only; `compiler` makes it, nothing changes it.

A rulebook is one deployment: `deployment` is the hash of all its sources, and a suspended run names it together with
a rule's identity (brand and head of the rule) and a step's, never a place in a file.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, tzinfo
from hashlib import sha256
from typing import Literal as OneOf

import msgspec

from rules import syntax
from rules.actions import Program
from rules.countries import country_of
from rules.diagnostics import Source
from rules.expressions import Compiled
from rules.hours import ALWAYS, Hours
from rules.keywords import Matcher
from rules.packs import Reserved, reserved
from rules.periods import Cap, Unit
from rules.texts import Texts
from rules.vouchers import Voucher
from rules.words import Words

NumberKind = OneOf["short-code", "long-number"]
STOP_DAYS = 90
"""Where nothing else is said: who was written to within a season knows by whom."""


@dataclass(frozen=True, slots=True)
class NumberGrant:
    """A number the operator has, and the brands that may use it; more than one: shared. `via` is a connector,
    `countries` are those whose phones it serves (none named: all). `stop_days` as of the `NumberBook`."""

    number: str
    kind: NumberKind
    country: str | None
    brands: tuple[str, ...]
    via: str
    countries: tuple[str, ...] = ()
    stop_days: int = STOP_DAYS


@dataclass(frozen=True, slots=True)
class Grants:
    """Which brand may use which number, and the operator's own neutral text (None: the market pack's)."""

    numbers: tuple[NumberGrant, ...]
    operator_text: str | None = None


class Terms(msgspec.Struct, frozen=True):
    """What holds for a drip or an `on` chain as long as a contact is under way in it.

    `message_class` is a drip's; `goal` the event that ends it as a success, within so long from its start; the others
    end it early. `again`: how long after its start a contact may begin anew (None: never). `per` is the field of the
    event of which each value has a run of its own.
    """

    message_class: str = ""
    goal: str = ""
    goal_within: syntax.Duration | None = None
    exit_events: frozenset[str] = frozenset()
    exit_tags: frozenset[str] = frozenset()
    again: syntax.Duration | None = None
    per: str = ""


class Rule(msgspec.Struct, frozen=True):
    """A `keyword`, `fallback`, `chain`, `drip` or `on …` that runs. `identity` is "brand/head"; `file` and `line` its
    place.

    `reads_rest`: a run of it may look at `{rest}`, which costs more to work out than most texts need.
    """

    identity: str
    brand: str
    head: str
    file: str
    line: int
    program: Program
    reads_rest: bool = True
    terms: Terms | None = None


class Budget(msgspec.Struct, frozen=True):
    """What a brand may spend on promotional texts in a period, in millionths of the currency."""

    millionths: int
    currency: str
    unit: Unit


class Birthday(msgspec.Struct, frozen=True):
    """`on birthday of contact.geboortedatum at 10:00`."""

    rule: Rule
    attribute: str
    clock: syntax.Clock


class Inactivity(msgspec.Struct, frozen=True):
    """`on inactive 30 days`."""

    rule: Rule
    after: syntax.Duration


class Appointed(msgspec.Struct, frozen=True):
    """`on 2026-12-05 at 18:00 for segment klant`."""

    rule: Rule
    day: date
    clock: syntax.Clock
    segment: str


class Triggers(msgspec.Struct, frozen=True):
    """What starts a brand's chains without a text. Events and clicks by name, joined segments by theirs."""

    events: Mapping[str, tuple[Rule, ...]] = {}
    clicks: Mapping[str, tuple[Rule, ...]] = {}
    joins: Mapping[str, tuple[Rule, ...]] = {}
    undelivered: tuple[Rule, ...] = ()
    birthdays: tuple[Birthday, ...] = ()
    inactivity: tuple[Inactivity, ...] = ()
    dates: tuple[Appointed, ...] = ()


NO_TRIGGERS = Triggers()


class BrandBook(msgspec.Struct, frozen=True):
    """A brand: how it speaks, and its rules by identity.

    `help` and `stop` are its own texts, else the market's; `undo` is the market's, which says how to take an opt-out
    back, `started` that it was taken back, `confirm` asks whether promotional texts are wanted, where the rules do not
    and a market demands it. `limit` is the most segments of one text, None: no limit. `rules` are all that a run can
    stand in, drips and `on …` too; `hours`, `caps` and `budget` hold for promotional texts. `secrets`
    are the fields of events that codes are made of: they are kept nowhere.
    """

    name: str
    language: str
    zone: tzinfo
    numbers: tuple[str, ...]
    help: Texts
    stop: Texts
    undo: Texts
    started: Texts
    confirm: Texts
    limit: int | None
    typos: bool
    attributes: Mapping[str, str]
    rules: Mapping[str, Rule]
    chains: Mapping[str, Rule]
    drips: Mapping[str, Rule] = {}
    triggers: Triggers = NO_TRIGGERS
    segments: Mapping[str, Compiled] = {}
    offers: Mapping[str, Voucher] = {}
    hours: Hours = ALWAYS
    caps: tuple[Cap, ...] = ()
    budget: Budget | None = None
    secrets: frozenset[str] = frozenset()


class NumberBook(msgspec.Struct, frozen=True):
    """A number: whose texts it takes, and what every phone may say on it whatever the brands write.

    `matcher` holds the keywords of all its brands, keyed by `Rule`. `fallbacks` by brand. `languages` are those whose
    reserved words count, the market's first. `names` are the brands by their names in normal form. `neutral`, `help`,
    `stopped` and `started` speak for no brand. `zone` says what day it is where dates are read. `countries` are those
    it serves, none: all. `stops_all`: a bare STOP is for all its brands, whichever spoke last; else it
    is for all when that is more than `stop_days` ago.
    """

    number: str
    kind: NumberKind
    market: str | None
    languages: tuple[str, ...]
    zone: tzinfo
    via: str
    brands: tuple[str, ...]
    names: Mapping[str, str]
    matcher: Matcher
    fallbacks: Mapping[str, Rule]
    neutral: Texts
    help: Texts
    stopped: Texts
    started: Texts
    countries: frozenset[str] = frozenset()
    stops_all: bool = False
    stop_days: int = STOP_DAYS

    def serves(self, phone: str) -> bool:
        """Whether a phone is of a country that this number is for: what goes elsewhere costs more, or is not taken."""
        return not self.countries or country_of(phone) in self.countries

    @property
    def shared(self) -> bool:
        """Whether several brands use it: then only a keyword, a question or a ticket tells whose a text is."""
        return len(self.brands) > 1

    def reserved_in(self, words: Words) -> Reserved | None:
        """The reserved word that a text is, in the number's market and the brands' languages."""
        for language in self.languages:
            found = reserved(words, self.market, language)
            if found is not None:
                return found
        return None


class Rulebook(msgspec.Struct, frozen=True):
    """One deployment: brands and numbers by name."""

    deployment: str
    brands: Mapping[str, BrandBook]
    numbers: Mapping[str, NumberBook]


def deployment_of(sources: Iterable[Source]) -> str:
    """The hash of all files of a set, whatever order they come in, and wherever the folder is that holds them all."""
    every = list(sources)
    names = names_below([source.file for source in every])
    digest = sha256()
    for name, text in sorted(zip(names, (source.text for source in every), strict=True)):
        for part in (name, text):
            octets = part.encode("utf-8", "surrogatepass")
            digest.update(len(octets).to_bytes(8, "big") + octets)
    return digest.hexdigest()[:32]


def names_below(files: Sequence[str]) -> list[str]:
    """The names of files as they are below the innermost folder that holds them all."""
    parts = [file.split("/") for file in files]
    shared = min((len(one) for one in parts), default=1) - 1
    for one in parts:
        while one[:shared] != parts[0][:shared]:
            shared -= 1
    return ["/".join(one[shared:]) for one in parts]
