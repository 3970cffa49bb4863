"""What `check` tells about texts: encoding and segments of each, what makes it dear, and keywords it asks for in vain.

R701 encoding, least and most segments; R702 the character that forces UCS-2; R703 and R704 the brand's limit of
segments; R705 a keyword that a text asks for and that nothing takes. Least and most come from what a placeholder can
hold: a choice its words, a range its digits, free text anything up to LONGEST_VALUE characters of any script.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Final

import msgspec

from rules import syntax
from rules.declared import BrandFiles
from rules.diagnostics import Diagnostic
from rules.prompts import Prompts
from rules.questions import with_choices
from rules.rulebook import Grants
from rules.texts import Hole, forcing_character, measured, template
from rules.walk import actions_of

#: Characters of the longest free value that is reckoned with: what fits one text of a phone.
LONGEST_VALUE: Final = 160

#: A character that GSM 7-bit lacks, to reckon with values of any script.
_FOREIGN: Final = "Ж"
#: A character of the GSM alphabet that takes one septet.
_PLAIN: Final = "x"


class Extent(msgspec.Struct, frozen=True, gc=False):
    """What a value can print as: from the shortest to the longest text."""

    shortest: str
    longest: str

    def wider(self, other: Extent) -> Extent:
        """What either can print as; of texts of equal length the dearer one."""
        return Extent(
            min(self.shortest, other.shortest, key=len),
            max(self.longest, other.longest, key=lambda text: (measured(text).segments, len(text))),
        )


_FREE: Final = Extent("", _FOREIGN * LONGEST_VALUE)
_SLOTS: Final = {
    "number": Extent("0", _PLAIN * 20),
    "date": Extent("1 mei 2026", _PLAIN * 24),
    "time": Extent("00:00", "00:00"),
    "phone": Extent(_PLAIN * 7, _PLAIN * 16),
    "word": Extent(_PLAIN, _FOREIGN * 30),
    "email": Extent(_PLAIN * 6, _FOREIGN * 64),
}


def check_texts(brands: Sequence[BrandFiles], grants: Grants) -> list[Diagnostic]:
    """R701 to R705 for every text of every brand; the sets are expected to have no errors so far."""
    return [found for brand in brands for found in _brand(brand, grants)]


def _brand(brand: BrandFiles, grants: Grants) -> Iterator[Diagnostic]:
    attributes = {f"contact.{name}": _SLOTS.get(kind, _FREE) for name, kind in brand.attributes.items()}
    prompts = Prompts(brand, grants)
    for own in (brand.help, brand.stop):
        if own is not None:
            yield from _text(own, attributes, brand.limit)
    for rule in brand.chained:
        extents = {**attributes, "text": _FREE, "rest": _FREE}
        if isinstance(rule, syntax.Keyword):
            _take(extents, rule.pattern.elements)
        actions = list(actions_of(rule))
        for action in actions:
            for answer in action.answers if isinstance(action, syntax.Ask) else ():
                _take(extents, answer.pattern.elements)
        on = rule.on if isinstance(rule, syntax.Keyword | syntax.Fallback) else ()
        numbers = tuple(number.digits for number in on)
        for text in (text for action in actions for text in _texts(action)):
            yield from _text(text, extents, brand.limit)
            yield from prompts.unanswered(text, numbers or brand.numbers)


def _texts(action: syntax.Action) -> Iterator[syntax.Text]:
    if isinstance(action, syntax.Reply | syntax.Send):
        yield action.text
    elif isinstance(action, syntax.OptIn):
        if action.confirm is not None:
            yield action.confirm
    elif isinstance(action, syntax.Ask):
        text, again = with_choices(action)
        yield text
        if again is not None:
            yield again


def _take(extents: dict[str, Extent], elements: tuple[syntax.Element, ...]) -> None:
    """What a pattern's names can hold; a name that stands in several patterns holds what any of them does."""
    for element in elements:
        found: Extent | None = None
        match element:
            case syntax.Slot(name=name, kind="range", low=low, high=high):
                found = Extent(min(str(low), str(high), key=len), max(str(low), str(high), key=len))
            case syntax.Slot(name=name, kind=kind):
                found = _SLOTS.get(kind, _FREE)
            case syntax.Choice(alternatives=alternatives, name=name):
                for alternative in alternatives:
                    _take(extents, alternative)
                    found = _said(alternative) if found is None else found.wider(_said(alternative))
            case syntax.Maybe(elements=inner):
                _take(extents, inner)
                continue
            case _:
                continue
        if name is not None and found is not None:
            extents[name] = extents[name].wider(found) if name in extents else found


def _said(elements: tuple[syntax.Element, ...]) -> Extent:
    """What a choice's value prints as when this alternative is taken."""
    words: list[str] = []
    for element in elements:
        if not isinstance(element, syntax.Word | syntax.Quoted):
            return _FREE
        words.append(element.text.lower())
    return Extent(" ".join(words), " ".join(words))


def _text(text: syntax.Text, extents: Mapping[str, Extent], limit: int | None) -> Iterator[Diagnostic]:
    for variant in text.variants:
        yield from _string(variant.string, extents, limit)


def _string(string: syntax.String, extents: Mapping[str, Extent], limit: int | None) -> Iterator[Diagnostic]:
    made = template(string.value)
    least = measured(_filled(made.pieces, extents, longest=False))
    most = measured(_filled(made.pieces, extents, longest=True))
    encoding = " or ".join(dict.fromkeys((_NAMES[least.encoding], _NAMES[most.encoding])))
    yield Diagnostic(
        "R701", "note", string.span,
        f"This text goes out as {encoding} and takes {_segments(least.segments, most.segments)}.",
        "Nothing to do.",
    )  # fmt: skip
    fixed = "".join(piece if isinstance(piece, str) else (piece.default or "") for piece in made.pieces)
    forcing = forcing_character(fixed)
    if forcing is not None:
        yield _forced(string, forcing[1], forcing[2], _plainly(fixed))
    if limit is not None and most.segments > limit:
        yield _too_long(string, least.segments, most.segments, limit)


_NAMES: Final = {"gsm7": "GSM 7-bit", "ucs2": "UCS-2"}


def _filled(pieces: tuple[str | Hole, ...], extents: Mapping[str, Extent], *, longest: bool) -> str:
    parts: list[str] = []
    for piece in pieces:
        if isinstance(piece, str):
            parts.append(piece)
            continue
        key = piece.name if piece.kind == "name" else f"{piece.kind}.{piece.name}"
        extent = extents.get(key, _FREE)
        if piece.default is not None:
            extent = extent.wider(Extent(piece.default, piece.default))
        parts.append(extent.longest if longest else extent.shortest)
    return "".join(parts)


def _segments(least: int, most: int) -> str:
    if least == most:
        return f"{least} segment{'' if least == 1 else 's'}"
    return f"{least} to {most} segments"


def _plainly(text: str) -> int:
    """Segments the text would take with plain characters wherever there are some."""
    while (forcing := forcing_character(text)) is not None and forcing[2] is not None:
        text = text.replace(forcing[1], forcing[2])
    return measured(text).segments


def _forced(string: syntax.String, character: str, plain: str | None, plain_segments: int) -> Diagnostic:
    place = string.raw.find(character)
    column = string.span.column + 1 + place
    line = string.span.line
    span = string.span if place < 0 else syntax.Span(string.span.file, line, column, line, column + len(character))
    code = f"U+{ord(character):04X}"
    message = f"The character {character!r} ({code}) makes this text UCS-2: 70 characters to a segment, not 160."
    if plain is None:
        return Diagnostic("R702", "note", span, message, "Leave it out if the text shall cost less.")
    instead = f'write "{plain}" instead' if plain else "leave it out, it cannot be seen"
    return Diagnostic(
        "R702",
        "warning",
        span,
        message,
        f"To stay in GSM 7-bit, {instead} ({_segments(plain_segments, plain_segments)}).",
    )


def _too_long(string: syntax.String, least: int, most: int, limit: int) -> Diagnostic:
    if least > limit:
        return Diagnostic(
            "R704", "error", string.span,
            f"This text always takes {_segments(least, least)} or more; the brand's limit is {limit}.",
            "Shorten it, or raise `limit` under `brand`.",
        )  # fmt: skip
    return Diagnostic(
        "R703", "warning", string.span,
        f"This text can grow to {_segments(most, most)}; the brand's limit is {limit}, "
        "and a text beyond it is withheld.",
        "Shorten it, or ask for less in the placeholder (a choice or `word` instead of `text`).",
    )  # fmt: skip
