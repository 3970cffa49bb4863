"""One plan being performed: the contact's standing changes as its effects go by, and the rows of each are made."""

from __future__ import annotations

from collections.abc import Collection
from typing import TYPE_CHECKING, Final, assert_never

import msgspec
from msgspec.structs import replace

from router import attest, consent
from router.arming import Timer
from router.messages import ACTS, NO_THREAD, Facts, Occurrence, Profile, Thread
from router.plan import (
    OPERATOR,
    AddTag,
    Arm,
    Consent,
    Effect,
    EndRun,
    Enter,
    Hold,
    Leave,
    OptIn,
    OptOut,
    RecordValue,
    RemoveTag,
    SendEmail,
    SendText,
    SetAttribute,
    Suspend,
    Withhold,
)
from router.reviews import reviews
from router.store.values import dumps
from router.strand import ASKED_BY
from rules.periods import MOST_CAPPED

if TYPE_CHECKING:
    from router.perform import Performance

UNASKED: Final = ("promotional", "transactional", "otp")
"""Classes of texts that nobody wrote for at this moment."""


class Turn:
    """One plan being performed: the contact's standing changes as its effects go by."""

    def __init__(
        self, performance: Performance, facts: Facts, thread: Thread, unsettled: Collection[tuple[int, str]]
    ) -> None:
        self.performance = performance
        self.facts = facts
        self.thread = thread
        self.others: dict[str, Thread] = {}
        """Conversations on other numbers than the one at hand, where this plan speaks on them."""
        self.unsettled = unsettled
        self.spoke_on: set[str] = set()
        """Numbers from which this plan has something on its way."""
        self.changed: dict[str, Profile] = {}

    def act(self, occurrence: Occurrence) -> None:
        """The contact did something."""
        if occurrence.source in ACTS:
            profile = self._profile(occurrence.brand)
            self.changed[profile.brand] = replace(profile, active_at=max(profile.active_at, occurrence.at))

    def do(self, effect: Effect) -> None:
        """Perform one effect."""
        facts, performance = self.facts, self.performance
        match effect:
            case SendText():
                self._send(effect)
            case RecordValue():
                self._record(effect)
            case Suspend(run):
                self._suspend(run.id or performance.place.ids.next(performance.place.now), effect)
            case EndRun(run_id):
                performance.end_run(run_id)
            case Enter():
                performance.enter(facts.contact.id, effect)
            case Leave():
                performance.leave(facts.contact.id, effect)
            case Withhold():
                self._withhold(effect, effect.reason)
            case SendEmail():
                performance.mail(facts, effect)
            case Arm(brand, source, name, due_at):
                performance.arm(Timer(facts.contact.id, brand, source, name, due_at))
                if source == "join":
                    self._joined(brand, name, due_at)
            case _:
                self._stand(effect)

    def _joined(self, brand: str, segment: str, at: int) -> None:
        """Who joins a segment by a cause does not join it once more by a turn that was due before and is late."""
        for turning in self.performance.place.watch.turning.get(brand, ()):
            if turning.segment == segment:
                key = (self.facts.contact.id, brand, "turn", turning.timer)
                self.performance.joined[key] = (*key, at, at)

    def _stand(self, effect: AddTag | RemoveTag | SetAttribute | OptOut | OptIn | Consent | Hold) -> None:
        """What changes where the contact stands with a brand."""
        facts, performance = self.facts, self.performance
        match effect:
            case AddTag(brand, tag):
                profile = self._profile(brand)
                self.changed[brand] = replace(profile, tags=profile.tags | {tag})
            case RemoveTag(brand, tag):
                profile = self._profile(brand)
                self.changed[brand] = replace(profile, tags=profile.tags - {tag})
            case SetAttribute(brand, name, value):
                profile = self._profile(brand)
                self.changed[brand] = replace(profile, attributes={**profile.attributes, name: value})
            case OptOut(brands):
                for brand in brands:
                    self.changed[brand] = consent.silenced(self._profile(brand), performance.place.now)
                    if brand != OPERATOR:
                        performance.consent(attest.of_brand(facts, performance.place, brand, "revoke"))
                performance.silence(facts, brands)
            case Hold(brands):
                due_at, rows = reviews(facts, effect, performance.place.ids, performance.place.now)
                performance.reviews.extend(rows)
                for brand in brands:
                    self.changed[brand] = replace(self._profile(brand), hold_until=due_at)
            case OptIn(brands):
                for brand in brands:
                    self._restand(consent.unsilenced(self._profile(brand), performance.place.now))
                    performance.consent(attest.of_brand(facts, performance.place, brand, "restore"))
            case Consent():
                self._agree(effect)
            case _:
                assert_never(effect)

    def _agree(self, told: Consent) -> None:
        """What is asked for is no change yet, and where the question does not go out nothing was asked."""
        facts, performance = self.facts, self.performance
        asked_by = performance.asked.get(facts.contact.id, 0)
        if not told.pending:
            self._restand(consent.changed(self._profile(told.brand), told, performance.place.now))
        if asked_by or not told.pending:
            performance.consent(attest.of_consent(facts, performance.place, told, asked_by))

    def _send(self, text: SendText) -> None:
        performance = self.performance
        now, number = performance.place.now, text.number
        connector = performance.connector_for(self.facts, text)
        reason = self._refusal(text, now) or ("" if connector else "no_connector")
        if reason:
            self._withhold(text, reason)
            return
        self._speak(text, now)
        if text.message_class == "promotional":
            performance.charge(self.facts, text, connector)
        may_be_claimed = (
            number not in self.spoke_on
            and (self.facts.contact.id, number) not in self.unsettled
            and (
                text.message_class == "stop_confirmation"
                or self.facts.contact.address not in performance.allowance.muted
            )
        )
        if may_be_claimed and performance.allowance.take(connector, text.segments):
            performance.claim(self.facts, text, connector)
        else:
            performance.leave_ready(self.facts, text, connector)
        self.spoke_on.add(number)

    def _speak(self, text: SendText, now: int) -> None:
        """The conversation after one more text of ours. What nobody wrote for is no automatic answer; it is remembered
        whose it was, and from which number."""
        if text.message_class not in UNASKED:
            self.thread = consent.answered(self.thread, now)
            return
        assert text.brand is not None, "a consent is a brand's"
        spoken = replace(self._thread(text.number), last_brand=text.brand, last_out_at=now)
        if text.number == self.facts.number:
            self.thread = spoken
        else:
            self.others[text.number] = spoken
        profile = self._profile(text.brand)
        promoted = (*profile.promoted, now) if text.message_class == "promotional" else profile.promoted
        self.changed[profile.brand] = replace(
            profile, number=profile.number or text.number, promoted=promoted[-MOST_CAPPED:]
        )

    def _thread(self, number: str) -> Thread:
        if number == self.facts.number:
            return self.thread
        return self.others.get(number) or self.facts.threads.get(number, NO_THREAD)

    def _refusal(self, text: SendText, now: int) -> str:
        address = self.facts.contact.address
        if not consent.is_phone(address):
            return "not_a_phone"
        if address in self.performance.place.own_numbers:
            return "own_number"
        if not self.performance.place.serves(text.number, address):
            return "out_of_market"
        profile = self._profile(text.brand) if text.brand else None
        thread = self._thread(text.number) if text.message_class in UNASKED else self.thread
        return consent.may_send(text.message_class, profile, thread, now, text.purpose)

    def _withhold(self, text: SendText | Withhold, reason: str) -> None:
        performance = self.performance
        performance.put(self.facts, text, performance.connector_for(self.facts, text), "withheld", reason)
        performance.withheld[reason] = performance.withheld.get(reason, 0) + 1
        if text.message_class == "confirmation":
            performance.asked.pop(self.facts.contact.id, None)

    def _record(self, effect: RecordValue) -> None:
        place, message = self.performance.place, self.facts.message
        self.performance.record(
            (place.ids.next(place.now), self.facts.contact.id, effect.brand, effect.name,
             dumps({"value": effect.value}), effect.once, effect.rule,
             effect.cause_id or (message.id if message else 0), place.now)
        )  # fmt: skip

    def _suspend(self, run_id: int, effect: Suspend) -> None:
        """Keep a run; what waits for a confirmation knows which text asks for it, and does not wait where none does."""
        run, variables = effect.run, effect.run.variables
        if run.kind == "confirm" and not run.id:
            asked_by = self.performance.asked.get(self.facts.contact.id)
            if asked_by is None:
                return
            variables = {**variables, ASKED_BY: asked_by}
        started_at = run.started_at or self.performance.place.now
        self.performance.suspend(
            (run_id, self.facts.contact.id, run.number, run.kind, run.brand, run.rule,
             msgspec.json.encode(run.frames).decode(), run.deployment, dumps(variables), run.due_at, run.misses,
             started_at, run.cause_id),
            run.due_at,
        )  # fmt: skip

    def _profile(self, brand: str) -> Profile:
        return self.changed.get(brand) or self.facts.profile(brand)

    def _restand(self, profile: Profile) -> None:
        """A consent was given or taken back: whoever is no longer opted out is lifted from the suppressions, too."""
        if profile.opted_out_at is None and self._profile(profile.brand).opted_out_at is not None:
            self.performance.lift(self.facts.contact.address, profile.brand)
        self.changed[profile.brand] = profile
