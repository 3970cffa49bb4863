"""Templates: from an author's text and a contact's values to the text that is sent, with its encoding and segments.

One pass: a value is put in as it is and never read again as a template, so nobody can text us a placeholder. A value
that is not set prints its default, else nothing. Dates and numbers are written as the contact's language writes them;
digits are never grouped, since most numbers that a phone texts are numbers of something. A template without
placeholders is rendered and measured once, when rules are compiled: saying it costs nothing.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import time
from decimal import Decimal
from functools import lru_cache
from typing import Final
from typing import Literal as OneOf

import msgspec
from babel import Locale, UnknownLocaleError
from babel.dates import format_date

from rules import syntax
from rules.facts import Value
from smpp.text import TextFault, first_unencodable, measure, plain_substitute

HoleKind = OneOf["name", "contact", "event", "voucher", "link", "field"]

#: Languages whose number and date forms are kept ready; more than any gateway serves.
_REMEMBERED_LANGUAGES: Final = 64

_HOLE: Final = re.compile(r"\{([^{}]*)\}")
_NAME: Final = re.compile(r"[^\W\d]\w*")


class Rendered(msgspec.Struct, frozen=True, gc=False):
    """A text ready to be sent: `encoding` is a name of `smpp.text`, `segments` what it takes on the wire."""

    text: str
    encoding: str
    segments: int


class Hole(msgspec.Struct, frozen=True, gc=False):
    """A placeholder: `{name}`, `{contact.naam|klant}`, `{voucher zomer}`, `{link …}`, `{order.status}`.

    `name` is what follows the kind (for "field" the whole of `order.status`), `key` the name that its value has among
    a run's values; `start` and `end` are its place in the template's text. `default` is None where the author wrote
    none.
    """

    kind: HoleKind
    name: str
    default: str | None
    start: int
    end: int

    @property
    def key(self) -> str:
        """`zomer` of a voucher is another value than a captured `zomer`."""
        match self.kind:
            case "name" | "contact" | "field":
                return self.name
            case "event":
                return f"event.{self.name}"
            case _:
                return f"{self.kind} {self.name}"


class Template(msgspec.Struct, frozen=True):
    """An author's text, cut at its placeholders. `fixed` is its whole rendering where it has none."""

    pieces: tuple[str | Hole, ...]
    fixed: Rendered | None = None

    def render(self, variables: Mapping[str, Value], attributes: Mapping[str, Value], language: str) -> Rendered:
        """The text for one contact; values are printed in `language`."""
        if self.fixed is not None:
            return self.fixed
        return measured(self.text(variables, attributes, language))

    def text(self, variables: Mapping[str, Value], attributes: Mapping[str, Value], language: str) -> str:
        """The text alone, for what is not sent (`route`)."""
        parts: list[str] = []
        for piece in self.pieces:
            if isinstance(piece, str):
                parts.append(piece)
                continue
            if piece.kind == "name":
                value = variables.get(piece.name)
            else:
                value = attributes.get(piece.name) if piece.kind == "contact" else variables.get(piece.key)
            shown = "" if value is None else value if type(value) is str else printed(value, language)
            parts.append(shown or piece.default or "")
        return "".join(parts)

    @property
    def holes(self) -> tuple[Hole, ...]:
        """Its placeholders, in order."""
        return tuple(piece for piece in self.pieces if not isinstance(piece, str))


class Texts(msgspec.Struct, frozen=True):
    """What an action says: one template, or one per language."""

    variants: tuple[tuple[str | None, Template], ...]

    def of(self, *languages: str | None) -> tuple[Template, str | None]:
        """The variant of the first language that has one (None where the author wrote one for all), else the first."""
        variants = self.variants
        if len(variants) > 1:
            for wanted in languages:
                for language, template in variants:
                    if language == wanted and wanted is not None:
                        return template, language
        language, template = variants[0]
        return template, language


def template(text: str) -> Template:
    """Cut a text at its placeholders. Braces that hold no name stay as they are; `misreadings` tells of them."""
    pieces: list[str | Hole] = []
    end = 0
    for found in _HOLE.finditer(text):
        hole = _hole(found)
        if hole is None:
            continue
        if found.start() > end:
            pieces.append(text[end : found.start()])
        pieces.append(hole)
        end = found.end()
    if end < len(text):
        pieces.append(text[end:])
    has_hole = any(not isinstance(piece, str) for piece in pieces)
    return Template(tuple(pieces), None if has_hole else measured(text))


def texts(text: syntax.Text) -> Texts:
    """The templates of an action's text."""
    return Texts(tuple((variant.language, template(variant.string.value)) for variant in text.variants))


def misreadings(text: str) -> list[tuple[int, int]]:
    """Places of braces that are no placeholder, as offsets: `{`, `{}`, `{Naam}`."""
    bad: list[tuple[int, int]] = []
    end = 0
    for found in _HOLE.finditer(text):
        bad += [(place, place + 1) for place in range(end, found.start()) if text[place] in "{}"]
        if _hole(found) is None:
            bad.append(found.span())
        end = found.end()
    return bad + [(place, place + 1) for place in range(end, len(text)) if text[place] in "{}"]


def _hole(found: re.Match[str]) -> Hole | None:
    body, bar, default = found[1].partition("|")
    first, _, rest = body.strip().partition(" ")
    given = default if bar else None
    if first in ("voucher", "link") and rest.strip():
        return Hole("voucher" if first == "voucher" else "link", rest.strip(), given, *found.span())
    if rest:
        return None
    owner, dot, name = first.partition(".")
    if first != first.lower() or not _NAME.fullmatch(owner) or (dot and not _NAME.fullmatch(name)):
        return None
    if not dot:
        return Hole("name", owner, given, *found.span())
    if owner == "contact":
        return Hole("contact", name, given, *found.span())
    return Hole("event", name, given, *found.span()) if owner == "event" else Hole("field", first, given, *found.span())


def measured(text: str) -> Rendered:
    """A text with its encoding and segments. Half a surrogate pair, which no encoding carries, becomes U+FFFD."""
    try:
        size = measure(text)
    except TextFault:
        text = text.encode("utf-16-le", "surrogatepass").decode("utf-16-le", "replace")
        size = measure(text)
    return Rendered(text, size.encoding.value, size.segments)


def forcing_character(text: str) -> tuple[int, str, str | None] | None:
    """Offset and character that force UCS-2, and the plain text that would not (None: there is none); else None."""
    found = first_unencodable(text)
    return None if found is None else (*found, plain_substitute(found[1]))


def printed(value: Value, language: str) -> str:
    """A value as a reader of that language writes it: `5 januari 2026`, `9:30` as `09:30`, `12,50`."""
    if isinstance(value, str):
        return value
    if isinstance(value, int):
        return str(value)
    if isinstance(value, Decimal):
        return f"{value:f}".replace(".", _decimal_point(language))
    if isinstance(value, time):
        return value.strftime("%H:%M")
    # Some locales put no-break spaces into dates, each of which would make the text UCS-2.
    return " ".join(format_date(value, "long", _locale(language)).split())


@lru_cache(_REMEMBERED_LANGUAGES)
def _locale(language: str) -> Locale:
    try:
        return Locale.parse(language, sep="-")
    except (UnknownLocaleError, ValueError):
        return Locale("en")


@lru_cache(_REMEMBERED_LANGUAGES)
def _decimal_point(language: str) -> str:
    symbols = _locale(language).number_symbols
    point: str = symbols.get("latn", symbols).get("decimal", ".")
    return point
