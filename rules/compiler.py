"""From sources to a rulebook: parse, check, look for clashes and at texts, and build when nothing is wrong.

All diagnostics of all files come at once. A rulebook is made only of a set without errors, so that what runs is
always a whole deployment: a broken file leaves the last good set in force.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Final, cast
from zoneinfo import ZoneInfo

import msgspec

from rules import syntax
from rules.actions import Program
from rules.agreeing import agreeing
from rules.check import check
from rules.check_codes import secrets_of
from rules.check_texts import check_texts
from rules.conditions import compile_expression
from rules.declared import BrandFiles, brands_of, hears
from rules.diagnostics import Diagnostic, Source, has_errors, in_order
from rules.grounds import all_clashes
from rules.hours import ALWAYS, quiet_hours
from rules.keywords import Entry, Matcher
from rules.packs import TextName, load, market_of
from rules.parse import parse
from rules.patterns import CompiledPattern, Reading, compile_pattern
from rules.periods import Cap, Unit
from rules.print_declarations import trigger
from rules.printer import pattern
from rules.programs import Voice, compile_block, compile_drip
from rules.reading import reads_rest
from rules.rulebook import (
    BrandBook,
    Budget,
    Grants,
    NumberBook,
    NumberGrant,
    Rule,
    Rulebook,
    Terms,
    deployment_of,
)
from rules.texts import Template, Texts, measured, texts
from rules.triggers import terms_of, triggers_of
from rules.vouchers import voucher_of
from rules.words import words_of

#: Names of brands that a neutral text may list; on a number with more it names the number instead.
_LISTED_BRANDS: Final = 3
#: Characters of brands' names that a text of help lists: it stays one part in every language.
_LISTED_CHARACTERS: Final = 80
#: Digits of the longest short code (in use: 3 to 6).
_LONGEST_SHORT_CODE: Final = 6
#: Numbers without rules that are kept made: they are asked for when a text comes in there, which is rare.
_KEPT_UNHELD: Final = 64


@dataclass(frozen=True, slots=True)
class Compiled:
    """What came of a set of sources: the book (None when there is an error), and all that is to be said about them.

    `brands` is what the files declare, for those who need more than runs (transcripts).
    """

    book: Rulebook | None
    diagnostics: list[Diagnostic]
    brands: list[BrandFiles]


def compile_sources(sources: Sequence[Source], grants: Grants | None, *, in_force: bool = False) -> Compiled:
    """Compile a whole set; without grants every number that a brand names is granted. `in_force`: a set that was in
    force before, perhaps under an earlier version, whose contacts under way go on by it (`rules.check.check`)."""
    files: list[syntax.File] = []
    diagnostics: list[Diagnostic] = []
    for source in sources:
        file, found = parse(source)
        diagnostics += found
        if file is not None:
            files.append(file)
    brands = brands_of(files)
    given = grants or grants_of(brands)
    diagnostics += check(files, given, in_force=in_force)
    diagnostics += all_clashes(brands, given)
    diagnostics += check_texts(brands, given)
    if has_errors(diagnostics):
        return Compiled(None, in_order(diagnostics), brands)
    return Compiled(_build(brands, given, deployment_of(sources)), in_order(diagnostics), brands)


def grants_of(brands: Sequence[BrandFiles]) -> Grants:
    """Every number that a brand names, granted to all that name it; the market follows from their time zone."""
    named: dict[str, list[BrandFiles]] = {}
    for brand in brands:
        for number in brand.numbers:
            named.setdefault(number, []).append(brand)
    return Grants(
        tuple(
            NumberGrant(
                number=number,
                kind="short-code" if len(number) <= _LONGEST_SHORT_CODE else "long-number",
                country=market_of(users[0].timezone),
                brands=tuple(brand.name for brand in users),
                via="",
            )
            for number, users in named.items()
        )
    )


def _build(brands: Sequence[BrandFiles], grants: Grants, deployment: str) -> Rulebook:
    makers = {brand.name: _BrandMaker(brand) for brand in brands}
    return Rulebook(
        deployment,
        {name: maker.book() for name, maker in makers.items()},
        {grant.number: _number(grant, _users(grant, makers), grants.operator_text) for grant in grants.numbers},
    )


def _users(grant: NumberGrant, makers: Mapping[str, _BrandMaker]) -> list[_BrandMaker]:
    """The brands that are granted a number and name it, in the grant's order."""
    named = [makers[name] for name in dict.fromkeys(grant.brands) if name in makers]
    return [maker for maker in named if grant.number in maker.files.numbers]


class _BrandMaker:
    """One brand being built; a keyword's pattern is compiled once per market, however many numbers hear it."""

    def __init__(self, files: BrandFiles) -> None:
        self.files = files
        self._compiled: dict[tuple[int, str | None], CompiledPattern] = {}
        self.zone = ZoneInfo(files.timezone)
        reading = Reading(files.language, market_of(files.timezone))
        self._agreeing = agreeing(files, reading)
        voice = Voice(reading, not files.typos, files.segments, self._agreeing)
        self.keywords = [
            (keyword, self._rule(f"keyword {pattern(keyword.pattern)}", keyword.on, keyword, voice))
            for keyword in files.keywords
        ]
        self.fallbacks = [
            (fallback, self._rule("fallback", fallback.on, fallback, voice)) for fallback in files.fallbacks
        ]
        self.chains = {chain.name: self._rule(f"chain {chain.name}", (), chain, voice) for chain in files.chains}
        self.drips = {
            drip.name: self._made(f"drip {drip.name}", drip, compile_drip(drip, voice), terms_of(drip))
            for drip in files.drips
        }
        self.triggered = [
            (one, self._made(head, one, compile_block(one.block, voice), terms_of(one)))
            for head, one in _heads(files.triggered)
        ]

    def _rule(
        self,
        head: str,
        on: tuple[syntax.Msisdn, ...],
        node: syntax.Keyword | syntax.Fallback | syntax.Chain,
        voice: Voice,
    ) -> Rule:
        head = f"{head} on {', '.join(number.digits for number in on)}" if on else head
        return self._made(head, node, compile_block(node.block, voice))

    def _made(self, head: str, node: syntax.Node, program: Program, terms: Terms | None = None) -> Rule:
        identity, span = f"{self.files.name}/{head}", node.span
        return Rule(identity, self.files.name, head, span.file, span.line, program, reads_rest(program), terms)

    def book(self) -> BrandBook:
        files = self.files
        return BrandBook(
            name=files.name,
            language=files.language,
            zone=self.zone,
            numbers=files.numbers,
            help=_own_texts(files.help, "help", files),
            stop=_own_texts(files.stop, "stopped", files),
            undo=_own_texts(None, "stopped", files),
            started=_own_texts(None, "started", files),
            confirm=_asked(files),
            limit=files.limit,
            typos=files.typos,
            attributes=files.attributes,
            rules={rule.identity: rule for rule in self._every_rule()},
            chains=self.chains,
            drips=self.drips,
            triggers=triggers_of(self.triggered),
            segments={name: compile_expression(one, files.segments) for name, one in files.segments.items()},
            offers={voucher.name: voucher_of(voucher, self.zone) for voucher in files.vouchers},
            hours=ALWAYS if files.quiet is None else quiet_hours(files.quiet.start, files.quiet.end),
            caps=tuple(Cap(cap.count, cast(Unit, cap.unit)) for cap in files.caps),
            budget=None if files.budget is None else _budget(files.budget),
            secrets=secrets_of([node for node, _ in self.triggered]),
        )

    def _every_rule(self) -> Iterator[Rule]:
        yield from (rule for _, rule in (*self.keywords, *self.fallbacks))
        yield from self.drips.values()
        yield from (rule for _, rule in self.triggered)

    def entries(self, number: str, market: str | None) -> Iterator[Entry]:
        """The keywords that are heard on a number."""
        for keyword, rule in self.keywords:
            if hears(keyword.on, number):
                key = (id(keyword), market)
                if key not in self._compiled:
                    self._compiled[key] = compile_pattern(keyword.pattern, Reading(self.files.language, market))
                strict = not self.files.typos or id(keyword) in self._agreeing
                yield Entry(self._compiled[key], rule, strict=strict, on=bool(keyword.on))

    def fallback(self, number: str) -> Rule | None:
        """The fallback for a number: one written for it before one for all."""
        heard = [(fallback, rule) for fallback, rule in self.fallbacks if hears(fallback.on, number)]
        return min(heard, key=lambda pair: not pair[0].on)[1] if heard else None


def _heads(triggered: Iterable[syntax.On]) -> Iterator[tuple[str, syntax.On]]:
    """The `on` chains with what names them; one event may start several, and the second is marked #2."""
    seen: dict[str, int] = {}
    for one in triggered:
        head = f"on {trigger(one.trigger)}"
        seen[head] = seen.get(head, 0) + 1
        yield (head if seen[head] == 1 else f"{head} #{seen[head]}"), one


def _number(grant: NumberGrant, users: Sequence[_BrandMaker], operator_text: str | None) -> NumberBook:
    fallbacks = {user.files.name: user.fallback(grant.number) for user in users}
    market = load().market(grant.country)
    names = [user.files.name for user in users]
    speaker = ", ".join(names) if 0 < len(names) <= _LISTED_BRANDS else grant.number
    operator = None if operator_text is None else Texts(((None, Template((operator_text,), measured(operator_text))),))
    return NumberBook(
        number=grant.number,
        kind=grant.kind,
        market=grant.country,
        languages=tuple(dict.fromkeys((*market.languages[:1], *(user.files.language for user in users)))),
        zone=users[0].zone if users else ZoneInfo("UTC"),
        via=grant.via,
        brands=tuple(names),
        names={" ".join(words_of(name).words): name for name in names},
        matcher=Matcher(entry for user in users for entry in user.entries(grant.number, grant.country)),
        fallbacks={name: rule for name, rule in fallbacks.items() if rule is not None},
        neutral=operator or _pack_texts("unknown", speaker, market.languages),
        help=_operators_help(operator_text, _pack_texts("help", _listed(names, grant.number), market.languages)),
        stopped=_pack_texts("stopped", grant.number, market.languages),
        started=_pack_texts("started", grant.number, market.languages),
        countries=frozenset(grant.countries),
        stops_all=market.stop_ends_all and grant.kind == "short-code",
        stop_days=grant.stop_days,
    )


@lru_cache(maxsize=_KEPT_UNHELD)
def unheld(number: str, market: str | None, languages: tuple[str, ...]) -> NumberBook:
    """A number that no rules have, or none any more: no brand speaks on it, and reserved words are heard as in that
    market and these languages."""
    grant = NumberGrant(number, "long-number", market, (), "")
    return msgspec.structs.replace(_number(grant, (), None), languages=languages)


def _budget(budget: syntax.Budget) -> Budget:
    return Budget(int(budget.money.amount * 1_000_000), budget.money.currency, cast(Unit, budget.unit))


def _own_texts(own: syntax.Text | None, name: TextName, files: BrandFiles) -> Texts:
    return texts(own) if own is not None else _pack_texts(name, files.name, (files.language,))


def _asked(files: BrandFiles) -> Texts:
    """The packs' question whether promotional texts are wanted, in the languages in which the brand knows a yes."""
    heard = {pack.code for pack in load().spoken(market_of(files.timezone), files.language)}
    every = _pack_texts("confirm", files.name, (files.language,))
    return Texts(tuple(variant for variant in every.variants if variant[0] in heard))


def _listed(names: Sequence[str], number: str) -> str:
    """The brands of a number as far as a text of help holds them, and how many others there are."""
    said: list[str] = []
    for name in names:
        if len(", ".join((*said, name))) > _LISTED_CHARACTERS:
            break
        said.append(name)
    others = [f"+{len(names) - len(said)}"] if len(said) < len(names) else []
    return ", ".join(said + others) if said else number


def _operators_help(operator_text: str | None, listed: Texts) -> Texts:
    """Whose number it is, in the operator's own words if there are any, and who is heard on it."""
    if operator_text is None:
        return listed
    said = {code: f"{operator_text}\n{template.text({}, {}, code or '')}" for code, template in listed.variants}
    return Texts(tuple((code, Template((text,), measured(text))) for code, text in said.items()))


def _pack_texts(name: TextName, speaker: str, first: Iterable[str]) -> Texts:
    """The packs' text in every language, those named `first` before the others."""
    packs = load()
    codes = dict.fromkeys((*(packs.language(code).code for code in first), *packs.languages))
    said = {code: packs.languages[code].texts[name].replace("{brand}", speaker) for code in codes}
    return Texts(tuple((code, Template((text,), measured(text))) for code, text in said.items()))
