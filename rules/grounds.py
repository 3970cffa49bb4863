"""Where patterns meet: the keywords of each number, the answers of each question. `conflicts` says what clashes there.

A keyword without `on` is heard on every number of its brand; a brand speaks on a number when it names it and the
operator grants it. Answers meet within their question; what confirms an `opt in` stands alone. The reserved words that
answers must not use are those of every market in which the brand has a number. A pattern that cannot be compiled is
told once and takes no further part.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from rules import syntax
from rules.conflicts import Claim, Ground, clashes
from rules.declared import BrandFiles, confirmations, hears, questions
from rules.diagnostics import Diagnostic, in_order
from rules.packs import market_of
from rules.patterns import Reading, compile_pattern, pattern_faults
from rules.questions import answers_of
from rules.rulebook import Grants, NumberGrant


def all_clashes(brands: Sequence[BrandFiles], grants: Grants) -> list[Diagnostic]:
    """Every fault of a pattern and every clash of a set, each once."""
    found = [fault for brand in brands for pattern in _patterns(brand) for fault in pattern_faults(pattern)]
    by_name = {brand.name: brand for brand in brands}
    for grant in grants.numbers:
        named = [by_name[name] for name in dict.fromkeys(grant.brands) if name in by_name]
        found += clashes(_number(grant, [brand for brand in named if grant.number in brand.numbers]))
    for brand in brands:
        countries = (grant.country for grant in grants.numbers if grant.number in brand.numbers)
        markets = list(dict.fromkeys((market_of(brand.timezone), *countries)))
        for ask in questions(brand):
            for ground in _question(ask, brand, markets):
                found += clashes(ground)
        for answer in confirmations(brand):
            for ground in _confirmation(answer, brand, markets):
                found += clashes(ground)
    return in_order(found)


def _patterns(brand: BrandFiles) -> Iterator[syntax.Pattern]:
    for keyword in brand.keywords:
        yield keyword.pattern
    for ask in questions(brand):
        for answer in ask.answers:
            yield answer.pattern
    yield from confirmations(brand)


def _number(grant: NumberGrant, users: Sequence[BrandFiles]) -> Ground:
    claims = [
        Claim(
            brand.name,
            brand.language,
            compile_pattern(keyword.pattern, Reading(brand.language, grant.country)),
            keyword.pattern.span,
            on=bool(keyword.on),
        )
        for brand in users
        for keyword in brand.keywords
        if hears(keyword.on, grant.number) and not pattern_faults(keyword.pattern)
    ]
    return Ground(claims, grant.country, grant.number, shared=len(users) > 1)


def _question(ask: syntax.Ask, brand: BrandFiles, markets: Sequence[str | None]) -> Iterator[Ground]:
    if any(pattern_faults(answer.pattern) for answer in ask.answers):
        return
    patterns = answers_of(ask, Reading(brand.language, markets[0]))
    claims = [
        Claim(brand.name, brand.language, pattern, answer.pattern.span)
        for answer, pattern in zip(ask.answers, patterns, strict=True)
    ]
    for market in markets:
        yield Ground(claims, market)


def _confirmation(answer: syntax.Pattern, brand: BrandFiles, markets: Sequence[str | None]) -> Iterator[Ground]:
    if not pattern_faults(answer):
        made = compile_pattern(answer, Reading(brand.language, markets[0]))
        for market in markets:
            yield Ground([Claim(brand.name, brand.language, made, answer.span)], market)
