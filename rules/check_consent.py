"""What texts that nobody asked for need: a class each, a consent that is meant, hours to go out in, a way to stop them.

LANGUAGE.md sections 7 and 8, COMPLIANCE.md. What a market demands stands in its pack; a brand's markets are that of
its time zone and those of its numbers. The gate refuses what was never allowed; this tells of it before. A phone from
elsewhere that texts a number brings what its own market demands along, which only the gate can see.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from rules import syntax as s
from rules.check_brand import LANGUAGES
from rules.hours import DAY_MINUTES, quiet_hours, stricter
from rules.links import has_link_to_stop
from rules.named import BrandNames, Findings, names_brand
from rules.packs import Market, load, market_of
from rules.rulebook import Grants
from rules.spelling import spoken
from rules.texts import template
from rules.walk import actions_of, elements_of
from rules.words import words_of

_WHOLE_WEEK = 7


def check_consent(brand: BrandNames, grants: Grants, findings: Findings) -> None:
    """Everything about texts that nobody asked for, and about agreeing to them."""
    markets = _markets(brand, grants)
    _hours(brand, markets, findings)
    abroad = _asked_for(brand, grants)
    for declaration in brand.whole:
        drip_class = declaration.message_class if isinstance(declaration, s.Drip) else None
        for action in actions_of(declaration):
            match action:
                case s.Send(message_class=None, text=text) if drip_class is None and not _is_misspelt(text):
                    findings.error(
                        "R514",
                        action.span,
                        "`send` says no class: only a drip's texts have one without saying so.",
                        'Write what the text is: send transactional "…" or send promotional "…".',
                    )
                case s.Send(message_class=own, text=text) | s.Ask(message_class=own, text=text) if (
                    own or drip_class
                ) == "promotional":
                    _footer(text, brand, markets, findings)
                case s.OptIn():
                    _opt_in(action, markets, abroad, findings)


def _is_misspelt(text: s.Text) -> bool:
    """Whether what was read as a language is none: a class written wrongly, most likely, which is told."""
    return any(variant.language is not None and variant.language not in LANGUAGES for variant in text.variants)


def _markets(brand: BrandNames, grants: Grants) -> list[Market]:
    own = {number.digits for number in brand.numbers}
    countries = (grant.country for grant in grants.numbers if grant.number in own)
    every = (load().market(code) for code in (market_of(brand.timezone), *countries))
    return list({market.code: market for market in every}.values())  # France's law reaches several countries


def _asked_for(brand: BrandNames, grants: Grants) -> list[str]:
    """The countries that demand a confirmation and whose phones may text the brand: those that a number is said to
    serve, and all for a long number of which nothing is said."""
    own = {number.digits for number in brand.numbers}
    used = [grant for grant in grants.numbers if grant.number in own]
    anywhere = any(grant.kind == "long-number" and not grant.countries for grant in used)
    served = {country for grant in used for country in grant.countries}
    demanding = (code for code, market in load().markets.items() if market.double_opt_in)
    return sorted(code for code in demanding if anywhere or code in served)


def _hours(brand: BrandNames, markets: Sequence[Market], findings: Findings) -> None:
    setting = brand.setting("quiet")
    if setting is None or not isinstance(setting.value, s.Quiet):
        return
    quiet = setting.value
    for market in markets:
        both = stricter(quiet_hours(quiet.start, quiet.end), market.hours)
        if both.closed == ((0, DAY_MINUTES),) or len(both.weekdays) == _WHOLE_WEEK:
            findings.error(
                "R436",
                quiet.span,
                f"With these quiet hours and those of {market.code} no promotional text could ever go out.",
                "Leave some hours of the day open, 21:00..08:00 for example.",
            )


def _opt_in(action: s.OptIn, markets: Sequence[Market], abroad: Sequence[str], findings: Findings) -> None:
    if action.answer is not None:
        for element in elements_of(action.answer.elements):
            if _takes_anything(element):
                findings.error(
                    "R516",
                    element.span,
                    "This answer would take what is no yes for one.",
                    "Write `answer yes`, or a word of your own such as AKKOORD.",
                )
    elif action.message_class == "promotional":
        demanding = sorted(market.code for market in markets if market.double_opt_in)
        if demanding:
            findings.error(
                "R515",
                action.span,
                f"In {spoken(demanding, 'and')} whoever opts in to promotional texts must be asked to confirm it.",
                'Add confirm "…" with what is agreed to, and `answer yes`, indented below this line.',
            )
        elif abroad:
            findings.note(
                "R526",
                action.span,
                f"Phones of {spoken(abroad, 'and')} are asked to confirm this, as is the law there, in kwek's words.",
                'Add confirm "…" and `answer yes` below this line to ask everybody, in words of your own.',
            )


def _takes_anything(element: s.Element) -> bool:
    match element:
        case s.Affirmation(answer="no") | s.Anything():
            return True
        case s.Slot(kind=kind):
            return kind in ("text", "word")
        case _:
            return False


def _footer(text: s.Text, brand: BrandNames, markets: Sequence[Market], findings: Findings) -> None:
    strict = sorted(market.code for market in markets if market.footer == "error")
    tell = findings.error if strict else findings.warning
    where = f" as {spoken(strict, 'and')} demands" if strict else ""
    for variant in text.variants:
        lacks = []
        if not names_brand(brand.name, variant.string.value):
            lacks.append("name the brand")
        if not _tells_how_to_stop(variant, brand, markets):
            lacks.append("tell how to stop it")
        if lacks:
            tell(
                "R706",
                variant.string.span,
                f"This promotional text does not {' and does not '.join(lacks)}{where}.",
                f'Write it so that "{brand.name}" and a word such as STOP, or {{link optout}}, stand in it.',
            )


def _tells_how_to_stop(variant: s.TextIn, brand: BrandNames, markets: Sequence[Market]) -> bool:
    if has_link_to_stop(template(variant.string.value)):
        return True
    words = set(_stop_words(variant.language, brand, markets))
    return not words.isdisjoint(words_of(variant.string.value).words)


def _stop_words(language: str | None, brand: BrandNames, markets: Sequence[Market]) -> Iterator[str]:
    packs = load()
    for market in markets:
        for pack in packs.spoken(market.code, brand.language):
            yield from (*pack.stop, *pack.stop_all)
    if language is not None:
        yield from packs.language(language).stop
