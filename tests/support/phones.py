"""A phone for tests of pure deciding: it keeps what plans come to, as the store would, and nothing else."""

from __future__ import annotations

import msgspec

from router.decide import Books, decide, resume
from router.instants import SECOND
from router.messages import Contact, Facts, Inbound, Profile, Run, Thread
from router.plan import (
    AddTag,
    EndRun,
    Needs,
    OptIn,
    OptOut,
    Plan,
    RecordValue,
    RemoveTag,
    SendText,
    SetAttribute,
    Suspend,
    Waiting,
    Withhold,
)
from rules.compiler import compile_sources
from rules.diagnostics import Source, has_errors
from rules.rulebook import Grants, Rulebook

NOON = 1_767_610_800_000_000
"""Monday 2026-01-05 12:00 in Amsterdam, in microseconds."""

HEAD = 'brand "{name}"\n    numbers  {numbers}\n    language  nl\n    timezone  Europe/Amsterdam\n'


def brand(rules: str, name: str = "Merk", numbers: str = "4411", settings: str = "") -> Source:
    """A rules file of one brand."""
    return Source(f"{name}.rules", HEAD.format(name=name, numbers=numbers) + settings + "\n" + rules)


def book(*sources: Source | str, grants: Grants | None = None) -> Rulebook:
    """The rulebook of files without errors; a bare text is the rules of one brand on 4411."""
    compiled = compile_sources([brand(one) if isinstance(one, str) else one for one in sources], grants)
    assert compiled.book is not None, [one for one in compiled.diagnostics if has_errors([one])]
    return compiled.book


class Phone:
    """One contact on one number. `say` and `wait` decide and keep what came of it; `plan` is the last one."""

    def __init__(self, rules: Rulebook | Books, number: str = "4411", contact: Contact | None = None) -> None:
        self.books = rules if isinstance(rules, Books) else Books(rules)
        self.number = number
        self.contact = contact or Contact(1, "31612345678", is_new=True)
        self.now = NOON
        self.profiles: dict[str, Profile] = {}
        self.runs: list[Run] = []
        self.records: list[tuple[str, object]] = []
        self.last_brand: str | None = None
        self.waiting: frozenset[str] = frozenset()
        """Brands of which a text is under way to it."""
        self.plan = Plan("unrouted")

    def facts(self, text: str | None = None) -> Facts:
        """What is known now."""
        message = None
        if text is not None:
            message = Inbound(
                id=7, connector="c", session=1, sequence=1, sender=self.contact.address, recipient=self.number,
                text=text, received_at=self.now,
            )  # fmt: skip
        return Facts(
            self.contact, self.number, Thread(self.last_brand), self.profiles,
            tuple(sorted(self.runs, key=lambda run: -run.id)), message,
        )  # fmt: skip

    def say(self, text: str) -> list[str]:
        """Text it; gives the texts that come back, those held back in brackets with their reason."""
        facts = self.facts(text)
        known = {**self.books.known, Waiting(self.contact.id, self.number): self.waiting}
        return self._keep(decide(facts, msgspec.structs.replace(self.books, known=known), self.now))

    def wait(self, seconds: int) -> list[str]:
        """Let time pass; what falls due on the way is resumed."""
        until = self.now + seconds * SECOND
        said: list[str] = []
        while due := [run for run in self.runs if run.due_at is not None and run.due_at <= until]:
            run = min(due, key=lambda run: run.due_at or 0)
            self.now = max(self.now, run.due_at or 0)
            said += self._keep(resume(self.facts(), run, self.books, self.now))
        self.now = until
        return said

    def _keep(self, answer: Plan | Needs) -> list[str]:
        assert isinstance(answer, Plan), answer
        self.plan = answer
        self.last_brand = answer.brand or self.last_brand
        self.contact = msgspec.structs.replace(self.contact, is_new=False)
        return [said for effect in answer.effects if (said := self._take(effect))]

    def _take(self, effect: object) -> str:
        match effect:
            case SendText(text=text):
                return text
            case Withhold(text=text, reason=reason):
                return f"({reason}) {text}"
            case AddTag(brand=brand, tag=tag):
                self._change(brand, tags=self._of(brand).tags | {tag})
            case RemoveTag(brand=brand, tag=tag):
                self._change(brand, tags=self._of(brand).tags - {tag})
            case SetAttribute(brand=brand, name=name, value=value):
                self._change(brand, attributes={**self._of(brand).attributes, name: value})
            case RecordValue(name=name, value=value):
                self.records.append((name, value))
            case Suspend(run=run):
                kept = run if run.id else msgspec.structs.replace(run, id=max([0, *(r.id for r in self.runs)]) + 1)
                self.runs = [*(one for one in self.runs if one.id != kept.id), kept]
            case EndRun(run_id=run_id):
                self.runs = [one for one in self.runs if one.id != run_id]
            case OptOut(brands=brands):
                for name in brands:
                    self._change(name, opted_out_at=self.now)
                self.runs = [one for one in self.runs if one.brand not in brands]
            case OptIn(brands=brands):
                for name in brands:
                    self._change(name, opted_out_at=None)
        return ""

    def _of(self, brand: str) -> Profile:
        return self.profiles.get(brand) or Profile(brand)

    def _change(self, brand: str, **changes: object) -> None:
        self.profiles[brand] = msgspec.structs.replace(self._of(brand), **changes)
