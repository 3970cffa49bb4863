"""What STOP, START and HELP do (COMPLIANCE.md C2–C4, C6, C9, C10): before any rule, whatever a brand wrote.

Whose STOP it is: on a brand's own number that brand's; on a shared one the brand's that spoke there last; every
brand's on the number for STOP ALL, and for a STOP of someone no brand there has spoken to. One confirmation goes out,
none to a STOP repeated within a day. HELP is answered always, by the brand's text, else the market's.

STOP and a keyword, or a brand's name, is for the brand that it belongs to, whoever spoke last. An opt-out with a
mistake or in other words (`rules.revocation`) is confirmed by the market's text, which says how to take it back.
"""

from __future__ import annotations

from typing import Final

import msgspec

from router.instants import DAY
from router.messages import Facts
from router.plan import OPERATOR, Effect, MessageClass, OptIn, OptOut, Plan, SendText
from rules.packs import Reserved
from rules.rulebook import BrandBook, NumberBook, Rulebook
from rules.texts import Rendered, Texts

REPEAT_WITHIN: Final = DAY
"""A STOP said again within this time of the last gets no second confirmation (COMPLIANCE.md C4)."""


class Commanded(msgspec.Struct, frozen=True):
    """A word that every phone may say, or an opt-out in other words.

    `level` and `evidence` are those of `rules.revocation`. `brand`: the one whose keyword or name is said beside STOP.
    """

    reserved: Reserved
    level: int = 1
    evidence: str = ""
    brand: str | None = None


def obey(facts: Facts, rulebook: Rulebook, number: NumberBook, command: Commanded, now: int) -> Plan:
    """The plan for a reserved word."""
    reserved = command.reserved
    speaker = command.brand or speaks_for(facts, number)
    brand = None if speaker is None else rulebook.brands[speaker]
    if reserved.kind == "help":
        said = _said(facts, brand, number.help if brand is None else brand.help, reserved)
        return Plan("helped", speaker, "help", (_text(number, brand, "help", said),), rulebook.deployment)
    if reserved.scope == "all":
        brand = None
    brands = number.brands if brand is None else (brand.name,)
    name = None if brand is None else brand.name
    effects: list[Effect]
    if reserved.kind == "stop":
        silenced = brands if brand is not None else (*brands, OPERATOR)
        effects = [OptOut(silenced, level=command.level, evidence=command.evidence)]
        if _is_fresh(facts, brands, now):
            own = number.stopped if brand is None else brand.stop if command.level == 1 else brand.undo
            said = _said(facts, brand, own, reserved)
            effects.append(_text(number, brand, "stop_confirmation", said))
        return Plan("opted_out", name, "stop", tuple(effects), rulebook.deployment)
    said = _said(facts, brand, number.started if brand is None else brand.started, reserved)
    effects = [OptIn(restorable(facts, number, reserved)), _text(number, brand, "start_confirmation", said)]
    return Plan("opted_in", name, "start", tuple(effects), rulebook.deployment)


def speaks_for(facts: Facts, number: NumberBook) -> str | None:
    """The brand that a text without a keyword can be meant for: the number's only one, or the one that spoke last."""
    if len(number.brands) == 1:
        return number.brands[0]
    last = facts.thread.last_brand
    return last if last in number.brands else None


def restorable(facts: Facts, number: NumberBook, reserved: Reserved) -> tuple[str, ...]:
    """The brands an opt-in word gives back: those of its scope that the contact had silenced."""
    speaker = None if reserved.scope == "all" else speaks_for(facts, number)
    scope = number.brands if speaker is None else (speaker,)
    return tuple(brand for brand in scope if facts.profile(brand).opted_out_at is not None)


def _is_fresh(facts: Facts, brands: tuple[str, ...], now: int) -> bool:
    """Whether this STOP says something that was not said within a day."""
    stopped = [facts.profile(name).opted_out_at for name in brands]
    return not brands or any(at is None or now - at >= REPEAT_WITHIN for at in stopped)


def _said(facts: Facts, brand: BrandBook | None, texts: Texts, reserved: Reserved) -> Rendered:
    """The text in the language of the word (in Canada ARRET is answered in French, whoever it is said to)."""
    spoken = facts.contact.language or (None if brand is None else brand.language)
    template, language = texts.of(reserved.language, spoken, None if brand is None else brand.language)
    attributes = {} if brand is None else facts.profile(brand.name).attributes
    return template.render({}, attributes, language or spoken or reserved.language)


def _text(number: NumberBook, brand: BrandBook | None, message_class: MessageClass, said: Rendered) -> SendText:
    return SendText(
        brand=None if brand is None else brand.name,
        number=number.number,
        message_class=message_class,
        text=said.text,
        encoding=said.encoding,
        segments=said.segments,
    )
