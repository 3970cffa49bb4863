"""What differs from market to market and from language to language, read from the data files in `markets/`.

A change of law or of habit changes data, not code. A language pack (`language_nl.toml`) holds the words phones use and
the product's own texts; a market pack (`market_nl.toml`) says which languages count there and what is peculiar to it.
The reserved words of a message are those of the number's market and of the brand's language (LANGUAGE.md section 4,
COMPLIANCE.md "Graded revocation" L1): a text counts when it is exactly such a word or phrase, punctuation, emoji and
politeness aside. A language without a pack gets the English one, a country without one the usual one
(`market_usual.toml`), so that STOP works and nights are quiet everywhere.
"""

from __future__ import annotations

import tomllib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from functools import cache, lru_cache, reduce
from importlib.resources import files
from typing import Any
from typing import Literal as OneOf

from rules.hours import ALWAYS, Hours, hours_of, stricter
from rules.words import Words, words_of

DEFAULT_LANGUAGE = "en"
_USUAL = "USUAL"
"""The pack of the countries that have none of their own."""
KEPT_TABLES = 256
"""Combinations of market and language whose word tables are kept; there are about 250 countries."""

Kind = OneOf["stop", "start", "help"]
TextName = OneOf["unknown", "stopped", "started", "help", "confirm"]
TEXT_NAMES: tuple[TextName, ...] = ("unknown", "stopped", "started", "help", "confirm")
_WORD_LISTS = (
    "stop", "stop_all", "start", "help", "yes", "no", "polite", "option", "hours", "ordinals", "fillers",
    "offers", "until",
)  # fmt: skip
_REVOKING_WORDS = ("inside", "alone", "with_keyword", "neighbours", "fillers", "common")
_REVOKING_PHRASES = ("turns", "leads", "phrases", "phrases_all", "doubts", "harmless")


@dataclass(frozen=True, slots=True)
class Reserved:
    """A reserved word was texted. `scope` "all" = every brand on the number. `language`: the one to answer in."""

    kind: Kind
    scope: OneOf["brand", "all"]
    language: str


@dataclass(frozen=True, slots=True)
class Revoking:
    """How people say in a language that they want no more texts, beyond the opt-out words (`rules.revocation`).

    Words are in normal form, phrases in the notation of `rules.phrases`.
    """

    inside: frozenset[str]
    """Opt-out words that make a person read the sentence they stand in."""
    alone: frozenset[str]
    """Opt-out words that mean it as a clause of their own, whatever stands beside it."""
    with_keyword: frozenset[str]
    """Opt-out words that a keyword or a brand's name narrows down."""
    neighbours: frozenset[str]
    """Ordinary words one typing mistake away from an opt-out word of any market where the language is spoken."""
    fillers: frozenset[str]
    """Said beside anything without changing it; also phrases."""
    turns: tuple[str, ...]
    """After a phrase they make it conditional (unless, before)."""
    common: frozenset[str]
    """Words that so many texts hold that no phrase is noticed by them, if it has others."""
    leads: tuple[str, ...]
    """Phrases that may stand before the others (can you, I want you to)."""
    phrases: tuple[str, ...]
    phrases_all: tuple[str, ...]
    """Those that mean every brand on the number."""
    doubts: tuple[str, ...]
    """Phrases that a person must judge."""
    harmless: tuple[str, ...]
    """Everyday phrases with an opt-out word in them (bus stop)."""
    sets: Mapping[str, str]
    """Alternatives that phrases name."""


@dataclass(frozen=True, slots=True)
class Language:
    """One language. Words and phrases are in normal form, the words of a phrase parted by one space."""

    code: str
    stop: frozenset[str]
    stop_all: frozenset[str]
    start: frozenset[str]
    help: frozenset[str]
    yes: frozenset[str]
    no: frozenset[str]
    polite: frozenset[str]
    option: frozenset[str]
    hours: frozenset[str]
    ordinals: frozenset[str]
    fillers: frozenset[str]
    offers: frozenset[str]
    """What makes a text an offer: a coupon, a voucher, a discount."""
    until: frozenset[str]
    """Said before the day on which something ends."""
    days: Mapping[str, int]
    """Phrase to days from today."""
    weekdays: Mapping[str, int]
    """Word to day of the week, Monday 0."""
    months: Mapping[str, int]
    numbers: Mapping[str, int]
    revocation: Revoking
    texts: Mapping[TextName, str]
    """`unknown`: the operator's neutral text; the others are built in and hold `{brand}`: answers, and `confirm`, the
    question whether promotional texts are wanted, which a `yes` of the language answers."""


@dataclass(frozen=True, slots=True)
class Market:
    """One country: its languages, the main one first, and what is peculiar to it."""

    code: str
    languages: tuple[str, ...]
    month_first: frozenset[str] = frozenset()
    """Languages in which people there write the month before the day."""
    start: Mapping[str, frozenset[str]] | None = None
    answered_in: Mapping[str, str] | None = None
    hours: Hours = ALWAYS
    """When promotional texts may not go out there; what else holds for a phone is `rules.market_hours`."""
    areas: Mapping[str, Hours] = field(default_factory=dict)
    """Those of its parts, by area code, where they differ."""
    elsewhere: Hours = ALWAYS
    """What holds where a market has such parts and it cannot be told which: all of them at once."""
    stop_ends_all: bool = False
    """Whether a bare STOP to a short code there is for every brand on it, whichever spoke last."""
    double_opt_in: bool = False
    """Whether whoever has a phone of there and opts in to promotional texts must confirm it."""
    footer: OneOf["error", "warning"] = "warning"
    """What `check` says of a promotional text that does not name its brand or tell how to stop it."""


@dataclass(frozen=True, slots=True)
class _Table:
    """The reserved phrases of one market and language, and what is set aside before they are looked up."""

    reserved: Mapping[str, Reserved]
    vocabulary: frozenset[str]
    polite: frozenset[str]
    longest: int


@dataclass(frozen=True, slots=True)
class Packs:
    """All packs. Look-ups take None or an unknown code and answer with the defaults.

    `markets` are by country, and by the countries that a market's law reaches as well; `usual` is for all others.
    """

    languages: Mapping[str, Language]
    markets: Mapping[str, Market]
    usual: Market

    def language(self, code: str | None) -> Language:
        """The pack of a language (`nl`, also `nl-BE`)."""
        return self.languages.get((code or "").lower().partition("-")[0]) or self.languages[DEFAULT_LANGUAGE]

    def market(self, code: str | None) -> Market:
        """The pack of a country (ISO 3166-1 alpha-2)."""
        return self.markets.get((code or "").upper()) or replace(self.usual, code=(code or "").upper())

    def spoken(self, market: str | None, language: str | None) -> tuple[Language, ...]:
        """The languages that count for a brand in a market: the brand's first, then the market's."""
        codes = (self.language(language).code, *self.market(market).languages)
        return tuple(self.languages[code] for code in dict.fromkeys(codes))

    def affirmation(self, answer: OneOf["yes", "no"], market: str | None, language: str | None) -> frozenset[str]:
        """The phrases that mean `yes` or `no` to this brand in this market."""
        spoken = self.spoken(market, language)
        return frozenset().union(*(pack.yes if answer == "yes" else pack.no for pack in spoken))

    def month_first(self, market: str | None, language: str | None) -> bool:
        """Whether `4/12` is the twelfth of April: only for English in the US market."""
        return self.language(language).code in self.market(market).month_first


@cache
def load() -> Packs:
    """Reads the packs that come with the product; once in a process."""
    folder = files("rules") / "markets"
    languages: dict[str, Language] = {}
    markets: dict[str, Market] = {}
    for path in sorted(folder.iterdir(), key=lambda entry: entry.name):
        kind, _, code = path.name.removesuffix(".toml").partition("_")
        declared = tomllib.loads(path.read_text(encoding="utf-8"))
        if kind == "language":
            languages[code] = _language(code, declared)
        else:
            market = _market(code.upper(), declared)
            markets |= dict.fromkeys((market.code, *declared.get("territories", ())), market)
    return Packs(languages, markets, markets.pop(_USUAL))


def reserved(words: Words, market: str | None, language: str | None) -> Reserved | None:
    """The reserved word that this text is, punctuation, emoji and politeness aside; None for any other text."""
    table = _table(market, language)
    if table.vocabulary.isdisjoint(words.words):
        return None
    found = table.reserved.get(" ".join(words.words))
    if found is not None:
        return found
    return table.reserved.get(" ".join(without_politeness(words, market, language).words))


def without_politeness(words: Words, market: str | None, language: str | None) -> Words:
    """The text without its politeness words (`ja graag`, `stop, thank you`); a text of nothing else stays whole.

    LANGUAGE.md section 7: what is left must be matched as a whole where an answer gives consent or costs money.
    """
    table = _table(market, language)
    texts, dropped, at = words.words, set[int](), 0
    while at < len(texts):
        for length in range(table.longest, 0, -1):
            if at + length <= len(texts) and " ".join(texts[at : at + length]) in table.polite:
                dropped.update(range(at, at + length))
                at += length - 1
                break
        at += 1
    if not dropped or len(dropped) == len(texts):
        return words
    return words.without(frozenset(dropped))


def vocabulary(market: str | None, language: str | None) -> Mapping[str, Reserved]:
    """Every reserved word and phrase of a market and a brand's language, and what it means."""
    return _table(market, language).reserved


@cache
def _zones() -> Mapping[str, str]:
    """IANA zone to country, from the table that the time zone data brings along."""
    rows = (files("tzdata.zoneinfo") / "zone.tab").read_text(encoding="utf-8").splitlines()
    cells = (row.split("\t") for row in rows if not row.startswith("#"))
    return {zone: country for country, _, zone, *_ in cells}


def market_of(timezone: str) -> str | None:
    """The country (ISO 3166-1 alpha-2) that a time zone lies in; None for zones of no country (`UTC`)."""
    old_name = "US" if timezone.startswith("US/") else "CA" if timezone.startswith("Canada/") else None
    return _zones().get(timezone, old_name)


@lru_cache(maxsize=KEPT_TABLES)
def _table(market: str | None, language: str | None) -> _Table:
    packs = load()
    place, spoken = packs.market(market), packs.spoken(market, language)
    found: dict[str, Reserved] = {}
    # Later ones overwrite earlier ones: a stop word is a stop word whatever else it means, and the brand's language
    # comes before the market's.
    for pack in reversed(spoken):
        start = pack.start | (place.start or {}).get(pack.code, frozenset())
        found |= {phrase: Reserved("help", "brand", pack.code) for phrase in pack.help}
        found |= {phrase: Reserved("start", "brand", pack.code) for phrase in start}
    for pack in reversed(spoken):
        found |= {phrase: Reserved("stop", "brand", pack.code) for phrase in pack.stop}
        found |= {phrase: Reserved("stop", "all", pack.code) for phrase in pack.stop_all}
    for phrase, code in (place.answered_in or {}).items():
        found[phrase] = Reserved(found[phrase].kind, found[phrase].scope, code)
    polite = frozenset().union(*(pack.polite for pack in spoken), packs.languages[DEFAULT_LANGUAGE].polite)
    vocabulary = frozenset(word for phrase in found for word in phrase.split())
    return _Table(found, vocabulary, polite, max(len(phrase.split()) for phrase in polite))


def _normal(phrase: str) -> str:
    return " ".join(words_of(phrase).words)


def _phrases(declared: Iterable[str]) -> frozenset[str]:
    return frozenset(map(_normal, declared))


def _numbered(declared: Iterable[Iterable[str]], first: int) -> dict[str, int]:
    return {_normal(word): number for number, names in enumerate(declared, first) for word in names}


def _language(code: str, declared: Mapping[str, Any]) -> Language:
    listed: dict[str, Any] = {name: _phrases(declared[name]) for name in _WORD_LISTS}
    return Language(
        code=code,
        days={_normal(phrase): offset for phrase, offset in declared["days"].items()},
        weekdays=_numbered(declared["weekdays"], 0),
        months=_numbered(declared["months"], 1),
        numbers=_numbered(declared["numbers"], 0),
        revocation=_revoking(declared["revocation"]),
        texts={name: declared["texts"][name] for name in TEXT_NAMES},
        **listed,
    )


def _revoking(declared: Mapping[str, Any]) -> Revoking:
    listed: dict[str, Any] = {name: _phrases(declared[name]) for name in _REVOKING_WORDS}
    listed |= {name: tuple(declared[name]) for name in _REVOKING_PHRASES}
    return Revoking(sets=declared["sets"], **listed)


def _market(code: str, declared: Mapping[str, Any]) -> Market:
    hours = hours_of(declared["hours"])
    parts = [
        (stricter(hours, hours_of(part)) if "opens" in part else hours, part["codes"])
        for part in declared.get("areas", {}).values()
    ]
    return Market(
        code,
        tuple(declared["languages"]),
        month_first=frozenset(declared.get("month_first", ())),
        start={language: _phrases(words) for language, words in declared.get("start", {}).items()},
        answered_in={_normal(word): language for word, language in declared.get("answered_in", {}).items()},
        hours=hours,
        areas={area: kept for kept, codes in parts for area in codes},
        elsewhere=reduce(stricter, (kept for kept, _ in parts), hours),
        stop_ends_all=declared.get("stop_ends_all", False),
        double_opt_in=declared.get("double_opt_in", False),
        footer=declared.get("footer", "warning"),
    )
