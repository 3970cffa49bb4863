"""Who declares what: the names of one brand over all its files, and what is wrong with the giving of them.

One file speaks for one brand, which it names first; a brand may have many files. Names of a kind are given once. A
declaration that could not be read whole gives its name too, so that one fault does not look like many.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field

from rules import syntax as s
from rules.diagnostics import Diagnostic
from rules.words import words_of

RESERVED = frozenset(
    {"tag", "day", "time", "new", "in", "not", "and", "or", "consent", "clicked", "happened", "now"}
)  # fmt: skip
"""Names that expressions use themselves (LANGUAGE.md section 1)."""


class Findings:
    """The diagnostics of one check."""

    def __init__(self) -> None:
        self.told: list[Diagnostic] = []

    def error(self, code: str, span: s.Span, message: str, help: str, *related: tuple[s.Span, str]) -> None:
        """Tells of something that keeps the files from being loaded."""
        self.told.append(Diagnostic(code, "error", span, message, help, related))

    def warning(self, code: str, span: s.Span, message: str, help: str) -> None:
        """Tells of something that is allowed and hardly meant."""
        self.told.append(Diagnostic(code, "warning", span, message, help))

    def note(self, code: str, span: s.Span, message: str, help: str) -> None:
        """Tells of something that an author should know."""
        self.told.append(Diagnostic(code, "note", span, message, help))


def names_brand(brand: str, text: str) -> bool:
    """Whether a brand's name stands in a text, as whole words one after the other."""
    name, said = words_of(brand).words, words_of(text).words
    return any(said[place : place + len(name)] == name for place in range(len(said)))


@dataclass(slots=True)
class BrandNames:
    """One brand: its declarations in all its files, and the names they give, by kind."""

    name: str
    heads: list[s.Brand] = field(default_factory=list)
    partial_heads: list[s.Brand] = field(default_factory=list)
    whole: list[s.Declaration] = field(default_factory=list)
    partial: list[s.Declaration] = field(default_factory=list)
    given: dict[str, dict[str, s.Span]] = field(default_factory=dict)
    attributes: dict[str, str] = field(default_factory=dict)
    unread: set[tuple[str, str]] = field(default_factory=set)
    lenient: bool = False
    """Whether names may be given where nobody could read them: then none is called unknown."""

    @property
    def declarations(self) -> list[s.Declaration]:
        """What its files declare, read whole or in part."""
        return [*self.whole, *self.partial]

    def names(self, kind: str) -> Iterable[str]:
        """The names of a kind, for suggestions."""
        return [*self.given.get(kind, {}), *(name for of, name in self.unread if of == kind)]

    def knows(self, kind: str, name: str) -> bool:
        """Whether a name of the kind is given, or may be."""
        return self.lenient or name in self.given.get(kind, {}) or (kind, name) in self.unread

    def setting(self, keyword: str) -> s.Setting | None:
        """The first setting of that keyword."""
        return next((setting for setting in self.settings if setting.keyword == keyword), None)

    @property
    def settings(self) -> list[s.Setting]:
        """All settings, in the files' order."""
        return [setting for head in (*self.heads, *self.partial_heads) for setting in head.settings]

    @property
    def numbers(self) -> list[s.Msisdn]:
        """The numbers it names."""
        setting = self.setting("numbers")
        value = setting.value if setting is not None else ()
        return [one for one in value if isinstance(one, s.Msisdn)] if isinstance(value, tuple) else []

    @property
    def language(self) -> str:
        """Its language; English where it names none."""
        setting = self.setting("language")
        return setting.value.name if setting is not None and isinstance(setting.value, s.Ident) else "en"

    @property
    def timezone(self) -> str:
        """Its time zone; UTC where it names none."""
        setting = self.setting("timezone")
        return setting.value.name if setting is not None and isinstance(setting.value, s.Ident) else "UTC"


def gather(files: Iterable[s.File], findings: Findings) -> list[BrandNames]:
    """The brands of a set of files; tells of files without a brand or with two, and of names given twice."""
    brands: dict[str, BrandNames] = {}
    for file in files:
        brand = _brand_of(file, brands, findings)
        brand.unread |= set(file.unread)
        for declaration in file.declarations:
            if not isinstance(declaration, s.Brand):
                brand.whole.append(declaration)
                _give(brand, declaration, findings)
        for declaration in file.partial:
            if not isinstance(declaration, s.Brand):
                brand.partial.append(declaration)
                _give_partial(brand, declaration)
    return list(brands.values())


def _brand_of(file: s.File, brands: dict[str, BrandNames], findings: Findings) -> BrandNames:
    heads = [one for one in file.declarations if isinstance(one, s.Brand)]
    partial = [one for one in file.partial if isinstance(one, s.Brand)]
    named = sorted([*heads, *partial], key=lambda one: one.span.line)
    first = named[0] if named else None
    for other in named[1:]:
        findings.error(
            "R306",
            other.span,
            "A file speaks for one brand, and this is its second.",
            "Move this brand and what belongs to it into a file of its own.",
            (named[0].span, "the first brand"),
        )
    begins = min(file.declarations, key=lambda one: one.span.line, default=None)
    if first is None and ("brand", "") not in file.unread and begins is not None:
        findings.error(
            "R304",
            begins.span,
            "The file does not say whose rules these are.",
            'Begin it with brand "…" and, indented below, its numbers.',
        )
    elif first is not None and begins is not None and begins.span.line < first.span.line:
        findings.error(
            "R305",
            begins.span,
            "This stands before the file's brand.",
            f"Begin the file with `brand` (line {first.span.line}); everything else comes below it.",
        )
    name = "" if first is None else first.name.value
    brand = brands.setdefault(name, BrandNames(name))
    brand.heads.extend(one for one in heads if one is first)
    brand.partial_heads.extend(one for one in partial if one is first)
    # A brand whose first line could not be read may be any other file's: nobody knows which names it has.
    brand.lenient = brand.lenient or (("brand", "") in file.unread and (first is None or first.name.value == "x"))
    return brand


def _named(declaration: s.Declaration) -> tuple[str, str] | None:
    match declaration:
        case s.Desk(name=name):
            return "desk", name
        case s.Service(name=name):
            return "service", name
        case s.Voucher(name=name):
            return "voucher", name
        case s.Segment(name=name):
            return "segment", name
        case s.Chain(name=name):
            return "chain", name
        case s.Drip(name=name):
            return "drip", name
        case _:
            return None


def _give(brand: BrandNames, declaration: s.Declaration, findings: Findings) -> None:
    named = _named(declaration)
    if named is not None:
        kind, name = named
        _once(brand, kind, name, declaration.span, findings)
    if isinstance(declaration, s.Contact):
        for attribute in declaration.fields:
            if _once(brand, "contact", attribute.name, attribute.span, findings):
                brand.attributes[attribute.name] = attribute.type


def _once(brand: BrandNames, kind: str, name: str, span: s.Span, findings: Findings) -> bool:
    given = brand.given.setdefault(kind, {})
    if name in given:
        what = f"The attribute contact.{name}" if kind == "contact" else f"The {kind} `{name}`"
        findings.error(
            "R310",
            span,
            f"{what} is declared twice.",
            "Give one of the two another name, or delete it.",
            (given[name], "the first one"),
        )
        return False
    given[name] = span
    return True


def _give_partial(brand: BrandNames, declaration: s.Declaration) -> None:
    named = _named(declaration)
    if named is not None:
        brand.unread.add(named)
    if isinstance(declaration, s.Contact):
        for attribute in declaration.fields:
            brand.unread.add(("contact", attribute.name))
            brand.attributes.setdefault(attribute.name, attribute.type)
