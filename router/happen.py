"""What an occurrence leads to: it ends what it ends early, goes on with what waits for it, begins what it begins."""

from __future__ import annotations

from typing import assert_never

import msgspec

from router.case import Books
from router.decide import planned
from router.interpret import Walk
from router.messages import Facts, Occurrence, Run
from router.plan import Learnt, Needs, OptOut, Plan, Unknown
from router.routes import Located, locate, rules_of
from router.segments import Known
from router.standing import Standing, is_refused
from router.strand import PURPOSE
from rules.actions import Await
from rules.facts import Value
from rules.rulebook import BrandBook, Rule, Terms
from rules.times import after

LATE = "came late, after a newer event of that name that tells it too: {}"
CONSENT_VALUE = "consent"
"""The value of an event by which it records a consent: `transactional`, for the event's `ref`."""


def happen(facts: Facts, books: Books, now: int) -> Plan | Needs:
    """The plan for `facts.occurrence`, which must be there; pure."""
    occurrence = facts.occurrence
    assert occurrence is not None, "a text is decided on, a run is resumed"
    if occurrence.source == "optout":  # of a brand that is gone, too: what it has left may still wait
        silenced = OptOut((occurrence.brand,))
        return Plan("opted_out", occurrence.brand, effects=(silenced,), deployment=books.newest.deployment)
    brand = books.newest.brands.get(occurrence.brand)
    if brand is None:
        return Plan("occurred", occurrence.brand, deployment=books.newest.deployment, fault="no rules of this brand")
    walk = Walk(facts, books, books.newest, brand, now)
    try:
        _agree(walk, occurrence)
        _learn(walk, occurrence)
        _end_early(walk, books, occurrence)
        went_on = _go_on(walk, books, occurrence)
        for rule in _begun(walk, brand, occurrence):
            if rule.identity not in went_on:  # what the event moved on it does not begin besides
                walk.go_by(books.newest, brand)
                _begin(walk, rule, occurrence)
    except Unknown as unknown:
        return unknown.needs
    return planned(walk, "", "occurred")


def _agree(walk: Walk, occurrence: Occurrence) -> None:
    """An event may record that its contact agreed to texts about this one transaction."""
    case, ref = walk.case, occurrence.ref
    stands = Standing(case.profile.opted_out_at, case.profile.consents)
    if occurrence.values.get(CONSENT_VALUE) == "transactional" and ref and not is_refused(stands, "transactional", ref):
        case.permit("grant", "transactional", ref)


def _learn(walk: Walk, occurrence: Occurrence) -> None:
    """What a brand's system tells of its contact is known from here on; what comes late does not undo what is newer."""
    if not occurrence.attributes:
        return
    asked = Learnt(walk.case.facts.contact.id, occurrence.brand, occurrence.name, occurrence.at + 1, occurrence.id)
    newer = str(walk.case.know(asked)).split(",")
    late = [name for name in occurrence.attributes if name in newer or "*" in newer]
    if late:
        walk.case.fault = LATE.format(", ".join(late))
    for name, value in occurrence.attributes.items():
        if name not in late:
            walk.case.set(name, value)


def _end_early(walk: Walk, books: Books, occurrence: Occurrence) -> None:
    """Runs end by the terms of the rules that they go on by. Raises Unknown."""
    if occurrence.source not in ("api", "voucher"):
        return
    for run, rule in rules_of(_of_brand(walk, occurrence), books):
        if rule.terms is None or not _concerns(run, rule.terms, occurrence):
            continue
        if _is_goal(walk, run, rule.terms, occurrence):
            walk.leave(run, rule, "goal")
        elif occurrence.name in rule.terms.exit_events:
            walk.leave(run, rule, "exited")


def _of_brand(walk: Walk, occurrence: Occurrence) -> list[Run]:
    return [run for run in walk.case.facts.runs if run.brand == occurrence.brand]


def _concerns(run: Run, terms: Terms, occurrence: Occurrence) -> bool:
    """Of several runs side by side, an event that names one is about that one; else it is about all of them."""
    value = occurrence.values.get(terms.per)
    return not terms.per or value is None or value == run.variables.get(f"event.{terms.per}")


def _is_goal(walk: Walk, run: Run, terms: Terms, occurrence: Occurrence) -> bool:
    if terms.goal != occurrence.name:
        return False
    within = terms.goal_within
    return within is None or occurrence.at <= after(run.started_at, within, walk.case.zone)


def _go_on(walk: Walk, books: Books, occurrence: Occurrence) -> set[str]:
    """Runs that wait for this event go on; gives the rules that they stand in. Their rule sets are at hand by now."""
    went_on: set[str] = set()
    if occurrence.source not in ("api", "voucher"):
        return went_on
    for run in _of_brand(walk, occurrence):
        located = locate(run, books) if run.kind == "event" and not walk.is_over(run) else None
        if not isinstance(located, Located):
            continue
        step, terms = located.step, located.rule.terms
        if terms is not None and not _concerns(run, terms, occurrence):
            continue
        if isinstance(step, Await) and step.event == occurrence.name:
            walk.go_by(located.rulebook, located.brand)
            walk.end(run, "continued")
            learnt = msgspec.structs.replace(run, variables={**run.variables, **values_of(occurrence)})
            walk.go_on(learnt, located.rule, located.calls, located.program, step.then)
            went_on.add(run.rule)
    return went_on


def _begun(walk: Walk, brand: BrandBook, occurrence: Occurrence) -> tuple[Rule, ...]:
    triggers = brand.triggers
    match occurrence.source:
        case "api" | "voucher":
            return triggers.events.get(occurrence.name, ())
        case "click":
            return triggers.clicks.get(occurrence.name, ())
        case "join":
            return triggers.joins.get(occurrence.name, ())
        case "undelivered":
            return triggers.undelivered
        case "date":
            case = walk.case
            known = Known(case.facts, case.profile, case.books, case.now)
            days = [day for day in triggers.dates if day.rule.identity == occurrence.name]
            return tuple(day.rule for day in days if known.is_in(day.segment))
        case "birthday" | "inactive" | "optout":  # an opt-out ends before this, and names no rule
            rule = brand.rules.get(occurrence.name)
            return () if rule is None else (rule,)
        case _:
            assert_never(occurrence.source)


def _begin(walk: Walk, rule: Rule, occurrence: Occurrence) -> None:
    """One run per contact at a time, or per value of the field that the rule names: another event meanwhile does
    nothing, and stands on record."""
    values = values_of(occurrence)
    per = "" if rule.terms is None or not rule.terms.per else f"event.{rule.terms.per}"
    for run in walk.case.facts.runs:
        same = not per or run.variables.get(per) == values.get(per)
        if run.rule == rule.identity and same and not walk.is_over(run):
            return
    if occurrence.ref:
        values[PURPOSE] = occurrence.ref
    walk.begin(rule, values)


def values_of(occurrence: Occurrence) -> dict[str, Value]:
    """The names that an occurrence sets for a chain."""
    return {f"event.{name}": value for name, value in occurrence.values.items()}
