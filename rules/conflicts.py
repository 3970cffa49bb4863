"""Which claims meet where: the keywords of each number, the answers of each question. `clashes` says what is wrong.

A keyword without `on` is heard on every number of its brand; a brand speaks on a number when it names it and the
operator grants it. Answers meet within their question; the reserved words they must not use are those of every market
in which the brand has a number. A pattern that cannot be compiled is told once and takes no further part.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import fields

from rules.clashes import Claim, Ground, clashes
from rules.declared import BrandFiles, brands_of
from rules.diagnostics import Diagnostic, in_order
from rules.packs import load, market_of
from rules.patterns import CompiledPattern, Reading, compile_choice, compile_pattern, pattern_faults
from rules.rulebook import Grants, NumberGrant
from rules.syntax import Ask, Brand, Charge, File, Node, OptIn, Pattern

_Asking = Ask | OptIn | Charge


def conflicts(files: Sequence[File], grants: Grants) -> list[Diagnostic]:
    """All clashes of a set of files: R601 to R614, in order, each once."""
    brands = {brand.name: brand for brand in brands_of(files)}
    found = [fault for file in files for pattern in _patterns(file) for fault in pattern_faults(pattern)]
    for grant in grants.numbers:
        found += clashes(_number(grant, brands))
    for file in files:
        brand: BrandFiles | None = None
        for declaration in file.declarations:
            if isinstance(declaration, Brand):
                brand = brands[declaration.name.value]
            elif brand is not None:
                for asking in _askings(declaration):
                    found += _answers(asking, brand, grants)
    return in_order(found)


def _number(grant: NumberGrant, brands: Mapping[str, BrandFiles]) -> Ground:
    users = [brands[name] for name in grant.brands if name in brands and grant.number in brands[name].numbers]
    claims = [claim for user in users for claim in _keywords(user, grant)]
    return Ground(claims, grant.country, grant.number, shared=len(grant.brands) > 1)


def _keywords(brand: BrandFiles, grant: NumberGrant) -> Iterator[Claim]:
    reading = Reading(brand.language, grant.country, load())
    for keyword in brand.keywords:
        named = any(number.digits == grant.number for number in keyword.on)
        if (named or not keyword.on) and not pattern_faults(keyword.pattern):
            compiled = compile_pattern(keyword.pattern, reading)
            yield Claim(brand.name, brand.language, compiled, keyword.pattern.span, on=named)


def _answers(asking: _Asking, brand: BrandFiles, grants: Grants) -> list[Diagnostic]:
    home = market_of(brand.timezone)
    patterns = list(_answered(asking, Reading(brand.language, home, load())))
    claims = [Claim(brand.name, brand.language, compiled, pattern.span) for pattern, compiled in patterns]
    markets = dict.fromkeys((home, *(grant.country for grant in grants.numbers if grant.number in brand.numbers)))
    return [fault for market in markets for fault in clashes(Ground(claims, market))]


def _answered(asking: _Asking, reading: Reading) -> Iterator[tuple[Pattern, CompiledPattern]]:
    if not isinstance(asking, Ask):
        if asking.answer is not None and not pattern_faults(asking.answer):
            yield asking.answer, compile_pattern(asking.answer, reading)
        return
    numbered = 0
    for answer in asking.answers:
        numbered += answer.numbered
        if pattern_faults(answer.pattern):
            continue
        if answer.numbered:
            yield answer.pattern, compile_choice(answer.pattern, numbered, reading)
        else:
            yield answer.pattern, compile_pattern(answer.pattern, reading)


def _patterns(file: File) -> Iterator[Pattern]:
    for node in _nodes(file):
        if isinstance(node, Pattern):
            yield node


def _askings(declaration: Node) -> Iterator[_Asking]:
    for node in _nodes(declaration):
        if isinstance(node, Ask | OptIn | Charge):
            yield node


def _nodes(node: Node) -> Iterator[Node]:
    """A node and all below it, in the order of the file."""
    yield node
    for field in fields(node):
        value = getattr(node, field.name)
        if isinstance(value, Node):
            yield from _nodes(value)
        elif isinstance(value, tuple):
            for one in value:
                if isinstance(one, Node):
                    yield from _nodes(one)
