"""What a brand says of itself, and values that have to be of a list: languages, zones, types, kinds, addresses."""

from __future__ import annotations

from functools import cache
from typing import cast
from zoneinfo import available_timezones

from rules import syntax as s
from rules.named import BrandNames, Findings
from rules.packs import market_of
from rules.periods import MOST_CAPPED
from rules.rulebook import Grants
from rules.spelling import nearest, spoken, suggest
from rules.walk import actions_of, texts_of

TYPES = ("text", "word", "number", "date", "time", "email", "phone")
PERIODS = ("day", "week", "month")
CLASSES = ("promotional", "transactional")
_CODES = (
    "aa ab ae af ak am an ar as av ay az ba be bg bh bi bm bn bo br bs ca ce ch co cr cs cu cv cy da de dv dz ee el en "
    "eo es et eu fa ff fi fj fo fr fy ga gd gl gn gu gv ha he hi ho hr ht hu hy hz ia id ie ig ii ik io is it iu ja jv "
    "ka kg ki kj kk kl km kn ko kr ks ku kv kw ky la lb lg li ln lo lt lu lv mg mh mi mk ml mn mr ms mt my na nb nd ne "
    "ng nl nn no nr nv ny oc oj om or os pa pi pl ps pt qu rm rn ro ru rw sa sc sd se sg si sk sl sm sn so sq sr ss st "
    "su sv sw ta te tg th ti tk tl tn to tr ts tt tw ty ug uk ur uz ve vi vo wa wo xh yi yo za zh zu"
)
LANGUAGES = frozenset(_CODES.split())
"""ISO 639-1."""


@cache
def zones() -> frozenset[str]:
    """The time zones of the tz database."""
    return frozenset(available_timezones())


def check_brand(brand: BrandNames, grants: Grants, findings: Findings) -> None:
    """Settings: given once, enough of them, and each with a value that exists."""
    first: dict[str, s.Setting] = {}
    for setting in brand.settings:
        if setting.keyword in first:
            findings.error(
                "R311",
                setting.span,
                f"The brand's `{setting.keyword}` is given twice.",
                "Keep one of the two; a brand's settings may stand in any one of its files.",
                (first[setting.keyword].span, "the first one"),
            )
        first.setdefault(setting.keyword, setting)
        _value(setting, findings)
    if brand.partial_heads or brand.lenient:
        return
    if brand.heads and "numbers" not in first:
        findings.error(
            "R430",
            brand.heads[0].span,
            f"The brand {brand.name} has no numbers.",
            "Add a line such as `numbers 4411` to its block.",
        )
    home = market_of(brand.timezone)
    for number in brand.numbers:
        granted = [one for one in grants.numbers if one.number == number.digits and brand.name in one.brands]
        if any(one.countries and home is not None and home not in one.countries for one in granted):
            findings.warning(
                "R438",
                number.span,
                f"{number.written} does not serve phones of {home}, where this brand is by its time zone.",
                "Whoever runs the gateway says in its kwek.toml which countries a number serves; phones of others are "
                "refused.",
            )
        if not granted:
            findings.error(
                "R312",
                number.span,
                f"{number.written} is not granted to the brand {brand.name}.",
                "Ask whoever runs the gateway: numbers are granted to brands in its kwek.toml.",
            )


def _value(setting: s.Setting, findings: Findings) -> None:
    match setting.keyword, setting.value:
        case "language", s.Ident(name=name) if name not in LANGUAGES:
            _language(name, setting.value, findings)
        case "timezone", s.Ident(name=name) if name not in zones():
            by_small_letters = {zone.lower(): zone for zone in zones()}
            near = by_small_letters.get(nearest(name, by_small_letters) or "")
            help = (
                "Write a zone of the tz database, such as Europe/Amsterdam."
                if near is None
                else f"Did you mean `{near}`?"
            )
            findings.error("R442", setting.value.span, f"There is no time zone `{name}`.", help)
        case "quiet", s.Quiet(start=start, end=end) if start == end:
            findings.error(
                "R431",
                setting.value.span,
                "Quiet hours that end when they begin are none.",
                "Write from when to when, 21:00..08:00.",
            )
        case "cap", tuple(caps):
            for cap in cast(tuple[s.Cap, ...], caps):
                _period(cap.unit, cap.span, findings)
                if cap.count > MOST_CAPPED:
                    findings.error(
                        "R437",
                        cap.span,
                        f"A cap of {cap.count} is too high: only the last {MOST_CAPPED} promotional texts are counted.",
                        f"Write {MOST_CAPPED} or fewer, or a shorter period: 2 per day.",
                    )
        case "budget", s.Budget(unit=unit):
            _period(unit, setting.value.span, findings)


def _period(unit: str, span: s.Span, findings: Findings) -> None:
    if unit not in PERIODS:
        findings.error("R432", span, f"Nothing is counted per {unit}.", f"Count per {spoken(PERIODS)}.")


def _language(name: str, node: s.Node, findings: Findings) -> None:
    findings.error(
        "R441",
        node.span,
        f"`{name}` is not the code of a language.",
        suggest(name, CLASSES, "Languages are written as two small letters of ISO 639-1, such as nl, en or fr."),
    )


def check_values(brand: BrandNames, findings: Findings) -> None:
    """Values of the other declarations that have to be of a list."""
    for head in (*brand.heads, *brand.partial_heads):
        _texts(head, findings)
    for declaration in brand.declarations:
        match declaration:
            case s.Contact(fields=fields):
                for attribute in fields:
                    if attribute.type not in TYPES:
                        help = suggest(attribute.type, TYPES, f"Types are {spoken(TYPES, 'and')}.")
                        findings.error("R440", attribute.name_span, f"`{attribute.type}` is not a type.", help)
            case s.Service(url=url) if not url.value.startswith(("https://", "http://")):
                findings.error(
                    "R446",
                    url.span,
                    "A service's address begins with https://.",
                    'Write it like "https://shop.example/api".',
                )
            case s.On(trigger=s.OnBirthday(attribute=name) as trigger) if brand.attributes.get(name, "date") != "date":
                findings.error(
                    "R426",
                    trigger.name_span,
                    f"contact.{name} is of type {brand.attributes[name]}, not a date.",
                    f"Make it a date in the block of `contact`: {name} date.",
                )
            case s.Drip():
                _drip(declaration, findings)
        for action in actions_of(declaration):
            _texts(action, findings)


def _drip(drip: s.Drip, findings: Findings) -> None:
    if drip.message_class == "conversational":
        findings.error(
            "R447", drip.span, "A drip is never conversational: no text asks for it.", f"Write {spoken(CLASSES)}."
        )
    labels: dict[str, s.Span] = {}
    for step in drip.steps:
        if step.label is not None and step.label in labels:
            findings.error(
                "R310",
                step.span,
                f"The step `{step.label}` stands twice in the drip.",
                "Give one of the two another label.",
                (labels[step.label], "the first one"),
            )
        labels.setdefault(step.label or "", step.span)
        if step.after is not None and step.at is not None:
            clock_fits(step.after, step.at, findings)


def clock_fits(duration: s.Duration, at: s.Clock, findings: Findings) -> None:
    """A time of day goes with days or longer (LANGUAGE.md section 6)."""
    if duration.unit in ("minute", "hour"):
        findings.error(
            "R433",
            at.span,
            f"A time of day goes with days or longer, not with {duration.unit}s.",
            "Leave out `at` and the time, or count in days.",
        )


def _texts(node: s.Action | s.Brand, findings: Findings) -> None:
    for text in texts_of(node):
        seen: set[str] = set()
        for variant in text.variants:
            language = variant.language
            if language is None:
                continue
            if language not in LANGUAGES:
                place = s.Ident(language, span=_start(variant.span, len(language)))
                _language(language, place, findings)
            if language in seen:
                findings.error(
                    "R448", variant.span, f"The text stands twice in the language `{language}`.", "Keep one of the two."
                )
            seen.add(language)


def _start(span: s.Span, length: int) -> s.Span:
    return s.Span(span.file, span.line, span.column, span.line, span.column + length)
