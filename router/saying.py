"""A text of a chain: whether it may go out, what stands in its place holders, and what holds it back.

The gate is asked before vouchers and links are made for a text that may not go out at all; it is asked again, under the
same lock, where the text becomes a row (`perform`) and at every later claim. What is held back is recorded with its
reason, never dropped.
"""

from __future__ import annotations

from typing import Final, cast

import msgspec

from router import consent
from router.case import Case
from router.instants import HOUR
from router.plan import Answer, CodeOf, Happened, LinkOf, MessageClass, SendEmail, SendText, SpentBy, Unknown, Withhold
from router.strand import Strand
from rules.actions import INHERITED, Mail
from rules.facts import Value, read_email
from rules.periods import keep, period_of, room
from rules.texts import Hole, Rendered, Template, Texts

MOST_TEXTS: Final = 5
"""Texts one inbound message (or one due run) may cause: each costs money and the contact's patience."""
MOST_EMAILS: Final = 5
"""E-mails that one cause may lead to, for the same reason."""
MOST_CODES: Final = 5
"""Codes that one phone may ask a brand for in an hour: who mistypes asks again, who asks more often is a machine."""
_WEB: Final = ("https://", "http://")


class Speaker:
    """Says the texts of one cause."""

    __slots__ = ("_case", "_emails", "_texts")

    def __init__(self, case: Case) -> None:
        self._case = case
        self._texts = 0
        self._emails = 0

    def say(self, strand: Strand, texts: Texts, step: str, message_class: MessageClass = "conversational") -> bool:
        """Send a text, or withhold it with its reason when a bound forbids. Gives whether it goes out as far as is
        known here. Raises Unknown."""
        case = self._case
        contact = case.facts.contact
        template, language = texts.of(contact.language, case.brand.language)
        language = language or contact.language or case.brand.language
        reason = "" if message_class == "conversational" else self._refusal(strand, message_class)
        said = template.fixed
        if said is None:
            values, lack = (strand.variables, "") if reason else self._values(strand, template, step)
            reason = reason or lack
            said = template.render(values, case.profile.attributes, language)
        self._texts += 1
        if self._texts > MOST_TEXTS:
            reason = "too_many_texts"
            case.fault = f"more than {MOST_TEXTS} texts for one message"
        elif case.brand.limit is not None and said.segments > case.brand.limit:
            reason = reason or "too_long"
        elif not said.text:
            reason = reason or "empty_text"
        if reason:
            self._withhold(strand, said, step, message_class, reason)
            return False
        case.effects.append(
            SendText(
                brand=case.brand.name, number=strand.number, message_class=message_class, text=said.text,
                encoding=said.encoding, segments=said.segments, rule=strand.rule.identity, step=step,
                cause_id=strand.cause_id, arm=strand.arm, purpose=strand.purpose,
            )
        )  # fmt: skip
        if message_class == "promotional":
            promoted = (*keep(case.brand.caps, case.profile.promoted, case.now, case.zone), case.now)
            case.profile = msgspec.structs.replace(case.profile, promoted=promoted)
        return case.profile.opted_out_at is None or message_class == "confirmation"

    def mail(self, strand: Strand, step: Mail) -> None:
        """Send an e-mail, or withhold it with its reason. No hours and no caps hold for it. Raises Unknown."""
        case = self._case
        own = strand.drip_class if step.message_class == INHERITED else cast(MessageClass, step.message_class)
        reason, language = "", case.facts.contact.language or case.brand.language
        if own != "conversational":
            thread = case.facts.thread_on(strand.number)
            reason = consent.may_send(own, case.profile, thread, case.now, strand.purpose)
        said: list[str] = []
        for template in (step.to, step.subject, step.body):
            values, lack = (strand.variables, "") if reason else self._values(strand, template, step.identity)
            reason = reason or lack
            said.append(template.text(values, case.profile.attributes, language))
        to, subject, body = said
        if read_email(to.strip()) is None:
            reason = reason or "no_address"
        self._emails += 1
        if self._emails > MOST_EMAILS:
            reason = "too_many_emails"
            case.fault = f"more than {MOST_EMAILS} e-mails for one message"
        case.effects.append(
            SendEmail(
                brand=case.brand.name, message_class=own, to=to.strip(), subject=subject, body=body, reason=reason,
                rule=strand.rule.identity, step=step.identity, cause_id=strand.cause_id, purpose=strand.purpose,
            )
        )  # fmt: skip

    def _refusal(self, strand: Strand, message_class: MessageClass) -> str:
        """Why an unasked text may not go out. Answers to a text are judged where they become rows."""
        if message_class not in ("promotional", "transactional", "otp"):
            return ""
        case = self._case
        if message_class == "otp":
            return self._is_stale() or self._is_abused()
        reason = consent.may_send(
            message_class, case.profile, case.facts.thread_on(strand.number), case.now, strand.purpose
        )
        if reason or message_class != "promotional":
            return reason
        if case.opens_at() is None:
            return "quiet_hours"  # the brand's and the market's leave no hour of any day
        if not room(case.brand.caps, case.profile.promoted, case.now, case.zone):
            return "frequency_cap"
        return "budget" if self._is_spent() else ""

    def _is_stale(self) -> str:
        """A code answers a request that has just been made."""
        asked = self._case.facts.occurrence
        return "code_expired" if asked is None or self._case.now - asked.at > consent.CODE_LIFE else ""

    def _is_abused(self) -> str:
        """Somebody may let one phone be sent codes without end."""
        case = self._case
        asked = case.facts.occurrence
        assert asked is not None, "nobody else asks for codes"
        before = Happened(case.facts.contact.id, case.brand.name, asked.name, case.now - HOUR, asked.id)
        told = case.know(before)
        return "too_many_codes" if isinstance(told, int) and told >= MOST_CODES else ""

    def _is_spent(self) -> bool:
        budget = self._case.brand.budget
        if budget is None:
            return False
        period = period_of(budget.unit, self._case.now, self._case.brand.zone)
        spent = self._case.know(SpentBy(self._case.brand.name, period))
        return isinstance(spent, int) and spent >= budget.millionths

    def _withhold(
        self, strand: Strand, said: Rendered, step: str, message_class: MessageClass, reason: str
    ) -> None:  # fmt: skip
        self._case.effects.append(
            Withhold(
                brand=self._case.brand.name, number=strand.number, message_class=message_class, text=said.text,
                reason=reason, rule=strand.rule.identity, step=step, cause_id=strand.cause_id, arm=strand.arm,
            )
        )  # fmt: skip

    def _values(self, strand: Strand, template: Template, step: str) -> tuple[dict[str, Value], str]:
        """The values of a text with its codes and links, and why it cannot be said without one of them."""
        holes = [hole for hole in template.holes if hole.kind in ("voucher", "link")]
        if not holes:
            return strand.variables, ""
        values = dict(strand.variables)
        asked: set[CodeOf | LinkOf] = set()
        for hole in holes:
            reason = self._filled(strand, hole, step, values, asked)
            if reason:
                return values, reason
        if asked:  # all of a text at once
            raise Unknown(*asked)
        return values, ""

    def _filled(
        self, strand: Strand, hole: Hole, step: str, values: dict[str, Value], asked: set[CodeOf | LinkOf]
    ) -> str:
        """Find one place holder's value; the reason to withhold the text when there is none."""
        needs = self._needed(strand, hole, step)
        if isinstance(needs, str):
            return needs
        if not needs:
            return "" if hole.default is not None else "link_without_address"
        answer: Answer = None
        for need in needs:
            try:
                answer = self._case.know(need)
            except Unknown:
                asked.add(need)
                continue
            if not isinstance(answer, str):
                return "" if hole.default is not None else "voucher_empty"
        if isinstance(answer, str):
            values[hole.key] = answer
        return ""

    def _offered(self, voucher: str) -> CodeOf | str:
        case = self._case
        offer = case.brand.offers[voucher]
        if offer.until is not None and offer.until <= case.now:
            return "offer_expired"
        return CodeOf(case.facts.contact.id, case.brand.name, offer.name)

    def _needed(self, strand: Strand, hole: Hole, step: str) -> tuple[CodeOf | LinkOf, ...] | str:
        """What a place holder stands for, its value last; none where a link's address is not known. The reason to
        withhold the text where it can have no value any more."""
        case = self._case
        words = hole.name.split()
        key = (case.facts.contact.id, case.brand.name, strand.cause_id, strand.rule.identity, step)
        if hole.kind == "voucher":
            offered = self._offered(hole.name)
            return offered if isinstance(offered, str) else (offered,)
        if words[0] == "optout":
            return (LinkOf(*key, "optout", "", "optout"),)
        if words[0] == "voucher" and len(words) > 1:  # a page that shows a code wants a code
            offered = self._offered(words[1])
            return offered if isinstance(offered, str) else (offered, LinkOf(*key, hole.name, words[1], "voucher"))
        name, target = (words[0], words[1]) if len(words) > 1 else ("", words[0])
        if not target.startswith(_WEB):
            owner, _, field = target.partition(".")
            value = case.profile.attributes.get(field) if owner == "contact" else strand.variables.get(target)
            target = str(value or "")
        return (LinkOf(*key, name or hole.name, target, "url"),) if target.startswith(_WEB) else ()
