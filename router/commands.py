"""What STOP, START and HELP do (COMPLIANCE.md C2–C4, C6, C9, C10): before any rule, whatever a brand wrote.

Whose STOP it is: on a brand's own number that brand's; on a shared one the brand's that spoke there last; every
brand's on the number for STOP ALL, for a STOP of someone no brand there has spoken to, and for any to a short code of a
market where the law says so. Besides, those that still speak there and are in the rules no more (`stranded`): rules
change, and whoever says STOP means what his phone has shown him. One confirmation goes out, none to a STOP repeated
within a day. HELP is answered always, by the brand's text, else the market's.

STOP and a keyword, or a brand's name, is for the brand that it belongs to, whoever spoke last. An opt-out with a
mistake or in other words (`rules.revocation`) is confirmed by the market's text, which says how to take it back.
"""

from __future__ import annotations

from collections.abc import Collection
from typing import Final, assert_never

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
    `restores`: the brands that an opt-in word gives back.
    """

    reserved: Reserved
    level: int = 1
    evidence: str = ""
    brand: str | None = None
    restores: tuple[str, ...] = ()


def obey(
    facts: Facts, rulebook: Rulebook, number: NumberBook, command: Commanded, now: int, left: tuple[str, ...] = ()
) -> Plan:
    """The plan for a reserved word. `left`: the brands that a STOP finds `stranded` on the number."""
    match command.reserved.kind:
        case "help":
            return _helped(facts, rulebook, number, command)
        case "start":
            return _restored(facts, rulebook, number, command)
        case "stop":
            return _silenced(facts, rulebook, number, command, now, left)
        case _:
            assert_never(command.reserved.kind)


def speaks_for(facts: Facts, number: NumberBook) -> str | None:
    """The brand that a text without a keyword can be meant for: the number's only one, or the one that spoke last."""
    if len(number.brands) == 1:
        return number.brands[0]
    last = facts.thread.last_brand
    return last if last in number.brands else None


def meant_by_stop(facts: Facts, number: NumberBook, now: int) -> str | None:
    """The brand that a bare STOP, or what may be one, is meant for; None: all on the number. On a shared one who spoke
    last means something for so many days only (COMPLIANCE.md C10)."""
    thread = facts.thread
    spoken = max(thread.last_in_at or 0, thread.last_out_at or 0)
    is_old = spoken != 0 and now - spoken > number.stop_days * DAY
    return None if number.shared and (number.stops_all or is_old) else speaks_for(facts, number)


def stranded(facts: Facts, number: NumberBook, waiting: Collection[str]) -> tuple[str, ...]:
    """Brands that still speak on a number though the rules have them there no more: renamed, removed, or moved to
    another. They are the one that spoke last, and those of which a run stands or a text is under way (`waiting`)."""
    names = {run.brand for run in facts.runs if run.number == facts.number}.union(waiting)
    if facts.thread.last_brand is not None:
        names.add(facts.thread.last_brand)
    return tuple(sorted(names.difference(number.brands)))


def restorable(facts: Facts, number: NumberBook, *, plain: bool) -> tuple[str, ...]:
    """The brands that an opt-in word gives back: the one that it is meant for, where that was silenced; else what was
    silenced last on the number, as the confirmation of that STOP has promised, whoever has spoken since. A word that is
    a yes as well (not `plain`) is then taken for an answer to who has."""
    speaker, last = speaks_for(facts, number), facts.thread.last_brand
    is_elsewhere = last is not None and last not in number.brands
    known = (*number.brands, last) if last is not None and is_elsewhere else number.brands
    silenced = {name: at for name in known if (at := facts.profile(name).opted_out_at) is not None}
    if speaker in silenced and not is_elsewhere and not number.stops_all:
        return (speaker,)
    if not silenced or (not plain and speaker is not None and speaker not in silenced):
        return ()
    latest = max(silenced.values())
    return tuple(name for name, at in silenced.items() if at == latest)


def _helped(facts: Facts, rulebook: Rulebook, number: NumberBook, command: Commanded) -> Plan:
    speaker = speaks_for(facts, number)
    brand = None if speaker is None else rulebook.brands[speaker]
    said = _said(facts, brand, number.help if brand is None else brand.help, command.reserved)
    return Plan("helped", speaker, "help", (_text(number, brand, "help", said),), rulebook.deployment)


def _silenced(
    facts: Facts, rulebook: Rulebook, number: NumberBook, command: Commanded, now: int, left: tuple[str, ...]
) -> Plan:
    says_all = command.reserved.scope == "all"
    named = command.brand if number.shared else None  # elsewhere there is nothing to narrow down
    speaker = meant_by_stop(facts, number, now)
    is_all = named is None and (says_all or speaker is None)
    own = number.brands if is_all else (named or speaker or "",)
    brands = (*own, *left)
    effects: list[Effect] = [
        OptOut((*brands, OPERATOR) if is_all else brands, level=command.level, evidence=command.evidence)
    ]
    name = named
    if name is None and not says_all:
        moved = facts.thread.last_brand if facts.thread.last_brand in left else None
        is_moved = moved in rulebook.brands and (not is_all or not number.brands)
        name = moved if is_moved else None if is_all else speaker
    brand = None if name is None else rulebook.brands.get(name)
    if _is_fresh(facts, brands or (OPERATOR,), now):
        own_texts = number.stopped if brand is None else brand.stop if command.level == 1 else brand.undo
        said = _said(facts, brand, own_texts, command.reserved)
        effects.append(_text(number, brand, "stop_confirmation", said))
    return Plan("opted_out", name, "stop", tuple(effects), rulebook.deployment)


def _restored(facts: Facts, rulebook: Rulebook, number: NumberBook, command: Commanded) -> Plan:
    back = command.restores
    brand = rulebook.brands.get(back[0]) if len(back) == 1 else None
    said = _said(facts, brand, number.started if brand is None else brand.started, command.reserved)
    effects = (OptIn(back), _text(number, brand, "start_confirmation", said))
    return Plan("opted_in", None if brand is None else brand.name, "start", effects, rulebook.deployment)


def _is_fresh(facts: Facts, brands: tuple[str, ...], now: int) -> bool:
    """Whether this STOP says something that was not said within a day."""
    stopped = [facts.profile(name).opted_out_at for name in brands]
    return any(at is None or now - at >= REPEAT_WITHIN for at in stopped)


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
