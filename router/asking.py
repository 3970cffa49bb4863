"""Texts that wait for their hours, questions and pauses, and what a contact lets the brand send."""

from __future__ import annotations

from datetime import date, datetime, time, tzinfo
from typing import Final, assert_never, cast

import msgspec

from router.messages import Run
from router.plan import ConsentAction, MessageClass, Suspend, Withhold
from router.strand import ASKED_BY, PURPOSE, Frame, Strand
from router.walking import Walking
from rules.actions import INHERITED, Await, Enlist, Pause, Program, Question, Say
from rules.countries import country_of
from rules.facts import Value
from rules.packs import load
from rules.programs import OPEN_FOR
from rules.rulebook import Rule
from rules.syntax import Duration
from rules.times import after, back, microseconds, next_clock

CONFIRM_WITHIN: Final = 24 * 3_600_000_000
"""How long a confirmation stays open (LANGUAGE.md section 7); an answer after that gets a new one."""
REMEMBERED: Final = 30 * 86_400_000_000
"""How long an answer after that is still understood as one."""
NO_TEXT: Final = "opt in {}: no text of the contact led there, and nothing is agreed to"
"""`check` refuses such rules (R509); a deployment of an earlier version may hold some."""


class Asking(Walking):
    """The steps that a run may stand at, drips' aside."""

    __slots__ = ()

    def class_of(self, step: Say | Question) -> MessageClass:
        """The class of a text; one that names none has its drip's."""
        if step.message_class == INHERITED:
            return self.here.drip_class
        return cast(MessageClass, step.message_class)  # the grammar knows no others

    def held(self, step: Say) -> bool:
        """Say it, unless it has to wait for the hours in which it may go out. Gives whether it waits."""
        if self._waits_for_hours(step):
            return True
        self.speaker.say(self.here, step.texts, step.identity, self.class_of(step))
        return False

    def _waits_for_hours(self, step: Say | Question) -> bool:
        case = self.case
        if self.class_of(step) != "promotional" or not case.allows("promotional", self.here.purpose):
            return False  # without a consent nothing is worth waiting for
        until = case.opens_at()
        if until is None or until <= case.now:
            return False
        self.suspend("held", step.identity, until)
        return True

    def wait(self, step: Question | Pause | Await) -> None:
        """Ask, or suspend the chain until its time or its event comes."""
        case = self.case
        match step:
            case Question():
                self._question(step)
            case Await():
                self.suspend("event", step.identity, after(case.now, step.within, case.zone))
            case Pause():
                until = self._pause_until(step)
                if until is None:
                    self.leave_out(step.identity, "time_not_told")
                    self.finish("finished")
                else:
                    self.suspend("wait", step.identity, until)
            case _:
                assert_never(step)

    def _question(self, step: Question) -> None:
        case, strand = self.case, self.here
        if self._waits_for_hours(step):
            return
        # What was never asked is not open: who has silenced the brand gets no question, now or after AAN.
        if self.speaker.say(strand, step.texts, step.identity, self.class_of(step)):
            due_at = after(case.now, step.within, case.zone)
            if step.before is not None:
                due_at = self._before(step.before, step.within) or after(case.now, OPEN_FOR, case.zone)
            self.suspend("question", step.identity, due_at)
        else:
            self.finish("finished")

    def leave_out(self, step: str, reason: str) -> None:
        """A step is not performed; that stands on record."""
        strand = self.here
        self.case.effects.append(
            Withhold(
                brand=self.case.brand.name, number=strand.number, message_class=strand.drip_class, text="",
                reason=reason, rule=strand.rule.identity, step=step, cause_id=strand.cause_id,
            )
        )  # fmt: skip

    def _pause_until(self, step: Pause) -> int | None:
        """The instant; None where the event does not tell it."""
        now, zone = self.case.now, self.case.zone
        if step.before is not None:
            assert step.duration is not None
            told = self._before(step.before, step.duration)
            return None if told is None else max(now, told)
        if step.duration is not None:
            return after(now, step.duration, zone, step.clock)
        assert step.clock is not None
        return next_clock(now, step.clock, zone)

    def _before(self, field: str, duration: Duration) -> int | None:
        """That long before the time that a field of the event tells; None where it tells none."""
        return before_time(self.here.variables.get(f"event.{field}"), duration, self.case.zone)

    def asked(self, step: Enlist) -> bool:
        """Opt in, or ask whether it is meant. Gives whether the chain ends or waits here."""
        case, strand = self.case, self.here
        if case.profile.opted_out_at is None and case.allows(_consented_to(step), step.programme):
            strand.variables[PURPOSE] = step.programme
            return False
        if step.texts is None and not self._must_confirm(step):
            if strand.by_text:
                self.consented(step, "grant")
            else:  # it goes on: what needs the consent is withheld, what does not is not lost
                case.fault = NO_TEXT.format(step.message_class)
            return False
        self._ask_whether(step)
        return True

    def _must_confirm(self, step: Enlist) -> bool:
        """Whether the market of the contact's own phone demands it; `check` has seen to the brand's."""
        if step.message_class != "promotional":
            return False
        return load().market(country_of(self.case.facts.contact.address)).double_opt_in

    def _ask_whether(self, step: Enlist) -> None:
        """Ask whether it is meant: a consent that waits, with the wording that is shown."""
        if self.speaker.say(self.here, step.texts or self.case.brand.confirm, step.identity, "confirmation"):
            self.case.permit("grant", _consented_to(step), step.programme, self._shown(step), pending=True)
            self.suspend("confirm", step.identity, self.case.now + CONFIRM_WITHIN)

    def confirm_again(self, run: Run, rule: Rule, calls: tuple[Frame, ...], step: Enlist) -> None:
        """The answer came too late: the confirmation is asked for once more."""
        self.enter(Strand.of(run, rule, calls, run.variables))
        self._ask_whether(step)

    def consented(self, step: Enlist, action: ConsentAction) -> None:
        """The contact opts in, by the text alone or by confirming it."""
        asked_by = self.here.variables.pop(ASKED_BY, 0)
        assert isinstance(asked_by, int)
        shown = self._shown(step) if action == "confirm" else ("", "")
        self.case.permit(action, _consented_to(step), step.programme, shown, asked_by=asked_by)
        self.here.variables[PURPOSE] = step.programme

    def _shown(self, step: Enlist) -> tuple[str, str]:
        """What the contact is asked, and in which language."""
        case = self.case
        texts = step.texts or case.brand.confirm
        template, found = texts.of(case.facts.contact.language, case.brand.language)
        language = found or case.brand.language
        return template.text(self.here.variables, case.profile.attributes, language), language

    def confirmed(
        self, run: Run, rule: Rule, calls: tuple[Frame, ...], step: Enlist, program: Program, onward: int
    ) -> None:
        """The contact has confirmed, and the chain goes on."""
        self.enter(Strand.of(run, rule, calls, run.variables))
        self.consented(step, "confirm")
        self.follow(self.run(program, onward))

    def lapse(self, run: Run) -> None:
        """Nobody confirmed in time: the rest does not run, and a later answer is known for what it is."""
        due_at = self.case.now + REMEMBERED
        self.case.effects.append(Suspend(msgspec.structs.replace(run, kind="lapsed", due_at=due_at)))

    def repeat(self, run: Run, rule: Rule, calls: tuple[Frame, ...], step: Question) -> None:
        """The question once more, for what did not fit: an answer to a text that has just come, whatever class the
        question itself had. No hours hold for it, and no cap counts it."""
        self.enter(Strand.of(run, rule, calls, run.variables))
        assert step.again is not None
        self.speaker.say(self.here, step.again, step.identity)
        again = msgspec.structs.replace(run, misses=run.misses + 1, deployment=self.case.rulebook.deployment)
        self.case.effects.append(Suspend(again))

    def over(self, run: Run, rule: Rule) -> None:
        """A run that ended in silence has nothing more to do."""
        self.enter(Strand.of(run, rule, (), run.variables))
        self.finish("silent")


def _consented_to(step: Enlist) -> MessageClass:
    return "promotional" if step.message_class == "promotional" else "transactional"


def before_time(value: Value | None, duration: Duration, zone: tzinfo) -> int | None:
    """`duration` before the time that an event's field tells: a date and time as ISO 8601 writes them, in the contact's
    zone unless it names its own; a day alone is its beginning. None where it tells no time."""
    try:
        if isinstance(value, str):
            value = datetime.fromisoformat(value)
        if isinstance(value, date) and not isinstance(value, datetime):
            value = datetime.combine(value, time())
        if not isinstance(value, datetime):
            return None
        told = value.replace(tzinfo=zone) if value.tzinfo is None else value.astimezone(zone)
        return microseconds(back(told, duration))
    except (ValueError, OverflowError):  # no time at all, or one that calendars do not reach
        return None
