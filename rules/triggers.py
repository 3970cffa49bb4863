"""What stands around a chain that no text starts: what starts it, what ends it, and the offers it names, compiled."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable
from datetime import date
from typing import Final, assert_never

from rules import syntax
from rules.rulebook import Appointed, Birthday, Inactivity, Rule, Terms, Triggers

BIRTHDAY_AT: Final = syntax.Clock(10, 0)
"""When a birthday is wished without `at`."""


def terms_of(node: syntax.Drip | syntax.On) -> Terms:
    """Class, goal, exits and re-entry of a drip or an `on` chain."""
    events = frozenset(cause.name for cause in node.exits if cause.kind == "event")
    tags = frozenset(cause.name for cause in node.exits if cause.kind == "tag")
    if isinstance(node, syntax.On):
        per = node.trigger.per or "" if isinstance(node.trigger, syntax.OnEvent) else ""
        return Terms(exit_events=events, exit_tags=tags, per=per)
    goal = node.goal
    return Terms(
        message_class=node.message_class,
        goal="" if goal is None else goal.event,
        goal_within=None if goal is None else goal.within,
        exit_events=events,
        exit_tags=tags,
        again=node.again,
    )


def triggers_of(chains: Iterable[tuple[syntax.On, Rule]]) -> Triggers:
    """A brand's `on` chains by what starts them."""
    named: dict[str, dict[str, tuple[Rule, ...]]] = defaultdict(lambda: defaultdict(tuple))
    birthdays: list[Birthday] = []
    inactivity: list[Inactivity] = []
    dates: list[Appointed] = []
    for node, rule in chains:
        match node.trigger:
            case syntax.OnEvent(event=name):
                named["event"][name] += (rule,)
            case syntax.OnClick(link=name):
                named["click"][name] += (rule,)
            case syntax.OnJoin(segment=name):
                named["join"][name] += (rule,)
            case syntax.OnUndelivered():
                named["undelivered"][""] += (rule,)
            case syntax.OnBirthday(attribute=attribute, at=at):
                birthdays.append(Birthday(rule, attribute, at or BIRTHDAY_AT))
            case syntax.OnInactive(duration=duration):
                inactivity.append(Inactivity(rule, duration))
            case syntax.OnDate(day=day, at=at, segment=segment):
                dates.append(Appointed(rule, date(day.year, day.month, day.day), at, segment))
            case _:
                assert_never(node.trigger)
    return Triggers(
        events=dict(named["event"]),
        clicks=dict(named["click"]),
        joins=dict(named["join"]),
        undelivered=named["undelivered"][""],
        birthdays=tuple(birthdays),
        inactivity=tuple(inactivity),
        dates=tuple(dates),
    )
