"""What is known at a point of a chain: the names that are set there, and how long ago the contact last texted.

A name is set on every path, on some paths, or on none; where paths meet, only what all of them set stays set. `None`
stands for a point that nothing reaches (behind `route`, say). Built-in names: `text` is the whole text, `rest` what
follows the pattern's last word.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace

from rules import syntax as s

BUILT_IN: Mapping[str, str] = {"text": "text", "rest": "text"}
TYPE_OF_SLOT: Mapping[str, str] = {
    "range": "number",
    "number": "number",
    "word": "word",
    "text": "text",
    "date": "date",
    "time": "time",
    "email": "email",
    "phone": "phone",
    "regex": "text",
}
ANY = "any"
"""The type of what cannot be told here: a field of an event, a name that paths set differently."""
FIELDS = "fields"
"""The type of what `fetch` brought: it has fields, `{order.status}`."""


@dataclass(frozen=True, slots=True)
class State:
    """A point of a chain.

    `names` are set for certain, with their types; `maybe` on some path. `minutes` are the least that can have passed
    since the contact's last text, None where no text came before. `everything`: names cannot be known here (what runs
    the chain could not be read), so none is called unknown.
    """

    names: Mapping[str, str] = field(default_factory=dict)
    maybe: Mapping[str, str] = field(default_factory=dict)
    minutes: int | None = 0
    everything: bool = False

    def with_names(self, names: Mapping[str, str], maybe: Mapping[str, str] | None = None) -> State:
        """The state with more names set."""
        return replace(self, names={**self.names, **names}, maybe={**self.maybe, **names, **(maybe or {})})

    def after(self, minutes: int) -> State:
        """The state that many minutes later, at least."""
        return self if self.minutes is None else replace(self, minutes=self.minutes + minutes)

    def known(self, name: str) -> bool:
        """Whether some path sets the name."""
        return self.everything or name in self.names or name in self.maybe

    def type_of(self, name: str) -> str:
        """The type of a name that is known."""
        return self.names.get(name) or self.maybe.get(name) or ANY


def join(states: Iterable[State | None]) -> State | None:
    """Where paths meet: what all of those that arrive have set."""
    arriving = [state for state in states if state is not None]
    if not arriving:
        return None
    first = arriving[0]
    names = {
        name: _common(state.names[name] for state in arriving)
        for name in first.names
        if all(name in state.names for state in arriving)
    }
    maybe: dict[str, str] = {}
    for state in arriving:
        for name, kind in {**state.maybe, **state.names}.items():
            maybe[name] = kind if maybe.get(name, kind) == kind else ANY
    texted = [state.minutes for state in arriving if state.minutes is not None]
    return State(names, maybe, min(texted) if texted else None, any(state.everything for state in arriving))


def _common(kinds: Iterable[str]) -> str:
    found = set(kinds)
    return found.pop() if len(found) == 1 else ANY


def captured(pattern: s.Pattern) -> tuple[dict[str, str], dict[str, str]]:
    """The names that every text fitting the pattern sets, and those that some do."""
    return _captured(pattern.elements)


def _captured(elements: Iterable[s.Element]) -> tuple[dict[str, str], dict[str, str]]:
    sure: dict[str, str] = {}
    maybe: dict[str, str] = {}
    for element in elements:
        match element:
            case s.Slot(name=name, kind=kind):
                sure[name] = TYPE_OF_SLOT[kind]
            case s.Maybe(elements=inner):
                for found in _captured(inner):
                    maybe.update(found)
            case s.Choice(alternatives=alternatives, name=name):
                parts = [_captured(one) for one in alternatives]
                everywhere = set.intersection(*(set(found) for found, _ in parts))
                for found, some in parts:
                    maybe.update(found)
                    maybe.update(some)
                sure.update({one: _common(found[one] for found, _ in parts) for one in everywhere})
                if name is not None:
                    sure[name] = "text"
    return sure, {**maybe, **sure}


def refine(state: State, condition: s.Expression, holds: bool) -> State:
    """The state where a condition is known to hold, or not to: `if x` sets x, for a name holds when it is set."""
    match condition:
        case s.Name(name=name) if holds:
            return _set(state, name)
        case s.Compare(left=left, right=right) if holds:
            for side in (left, right):
                if isinstance(side, s.Name):
                    state = _set(state, side.name)
            return state
        case s.Not(operand=operand):
            return refine(state, operand, not holds)
        case s.And(operands=operands) if holds:
            for operand in operands:
                state = refine(state, operand, True)
            return state
        case s.Or(operands=operands):
            parts = []
            for operand in operands:
                parts.append(refine(state, operand, True))
                state = refine(state, operand, False)
            return (join(parts) or state) if holds else state
        case _:
            return state


def _set(state: State, name: str) -> State:
    return state.with_names({name: state.maybe[name]}) if name in state.maybe else state
