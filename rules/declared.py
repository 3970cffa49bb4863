"""What a brand's files declare, gathered: one brand may stand in several files, in any order.

Only gathering; whether a setting may stand twice or a name is known is for `check` to say.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field

from rules import syntax
from rules.walk import actions_of


@dataclass(slots=True)
class BrandFiles:
    """One brand: its settings (the last of each counts) and its declarations in order."""

    name: str
    language: str = "en"
    timezone: str = "UTC"
    numbers: tuple[str, ...] = ()
    help: syntax.Text | None = None
    stop: syntax.Text | None = None
    limit: int | None = None
    typos: bool = True
    keywords: list[syntax.Keyword] = field(default_factory=list)
    fallbacks: list[syntax.Fallback] = field(default_factory=list)
    chains: list[syntax.Chain] = field(default_factory=list)
    drips: list[syntax.Drip] = field(default_factory=list)
    triggered: list[syntax.On] = field(default_factory=list)
    segments: dict[str, syntax.Expression] = field(default_factory=dict)
    vouchers: list[syntax.Voucher] = field(default_factory=list)
    quiet: syntax.Quiet | None = None
    caps: tuple[syntax.Cap, ...] = ()
    budget: syntax.Budget | None = None
    attributes: dict[str, str] = field(default_factory=dict)
    transcripts: list[syntax.Transcript] = field(default_factory=list)

    @property
    def chained(self) -> list[syntax.Keyword | syntax.Fallback | syntax.Chain | syntax.Drip | syntax.On]:
        """Everything with a block that runs."""
        return [*self.keywords, *self.fallbacks, *self.chains, *self.drips, *self.triggered]


def brands_of(files: Iterable[syntax.File]) -> list[BrandFiles]:
    """The brands of a set, each with what all its files declare."""
    brands: dict[str, BrandFiles] = {}
    for file in files:
        brand: BrandFiles | None = None
        for declaration in file.declarations:
            if isinstance(declaration, syntax.Brand):
                brand = brands.setdefault(declaration.name.value, BrandFiles(declaration.name.value))
                _take_settings(brand, declaration)
            elif brand is not None:
                _take(brand, declaration)
    return list(brands.values())


def _take_settings(brand: BrandFiles, declaration: syntax.Brand) -> None:
    for setting in declaration.settings:
        value = setting.value
        match setting.keyword, value:
            case "help", syntax.Text():
                brand.help = value
            case "stop", syntax.Text():
                brand.stop = value
            case "limit", int():
                brand.limit = value
            case "typos", bool():
                brand.typos = value
            case "quiet", syntax.Quiet():
                brand.quiet = value
            case "cap", tuple():
                brand.caps = tuple(cap for cap in value if isinstance(cap, syntax.Cap))
            case "budget", syntax.Budget():
                brand.budget = value
            case "numbers", tuple():
                named = tuple(number.digits for number in value if isinstance(number, syntax.Msisdn))
                brand.numbers = tuple(dict.fromkeys((*brand.numbers, *named)))
            case "language", syntax.Ident(name=language):
                brand.language = language
            case "timezone", syntax.Ident(name=zone) | syntax.String(value=zone):
                brand.timezone = zone


def _take(brand: BrandFiles, declaration: syntax.Declaration) -> None:
    match declaration:
        case syntax.Keyword():
            brand.keywords.append(declaration)
        case syntax.Fallback():
            brand.fallbacks.append(declaration)
        case syntax.Chain():
            brand.chains.append(declaration)
        case syntax.Drip():
            brand.drips.append(declaration)
        case syntax.On():
            brand.triggered.append(declaration)
        case syntax.Segment(name=name, condition=condition):
            brand.segments[name] = condition
        case syntax.Voucher():
            brand.vouchers.append(declaration)
        case syntax.Contact(fields=fields):
            brand.attributes |= {one.name: one.type for one in fields}
        case syntax.Transcript():
            brand.transcripts.append(declaration)


def hears(on: tuple[syntax.Msisdn, ...], number: str) -> bool:
    """Whether a rule written `on` these numbers (none: all of its brand) counts on one."""
    return not on or any(msisdn.digits == number for msisdn in on)


def questions(brand: BrandFiles) -> Iterator[syntax.Ask]:
    """Every question of a brand."""
    for rule in brand.chained:
        for action in actions_of(rule):
            if isinstance(action, syntax.Ask):
                yield action


def confirmations(brand: BrandFiles) -> Iterator[syntax.Pattern]:
    """What every `opt in` of a brand takes for a yes."""
    for rule in brand.chained:
        for action in actions_of(rule):
            if isinstance(action, syntax.OptIn) and action.answer is not None:
                yield action.answer
