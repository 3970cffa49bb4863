"""Types: what a condition may be, what compares with what, what an attribute may be set to.

Conditions hold or do not; values are texts, numbers, dates or times of day. A word, an e-mail address and a phone
number are texts of a kind. Order (`<`) is for numbers, dates and times; only equal kinds compare.
"""

from __future__ import annotations

from collections.abc import Mapping

from rules import syntax as s
from rules.named import BrandNames, Findings
from rules.scopes import ANY, FIELDS, State, refine
from rules.spelling import nearest, suggest

FAMILY = {"word": "text", "email": "text", "phone": "text", "moment": "date"}
"""Types that compare as another."""
SHOWN = {
    "text": "a text",
    "number": "a number",
    "date": "a date",
    "time": "a time of day",
    FIELDS: "what a fetch brought",
}
LITERALS: Mapping[type, str] = {
    s.String: "text",
    s.Number: "number",
    s.Day: "date",
    s.Moment: "moment",
    s.Now: "moment",
    s.Ago: "moment",
}
"""What an author writes out."""


def family(kind: str) -> str:
    """The type as which a type compares."""
    return FAMILY.get(kind, kind)


class Types:
    """The types of one brand's expressions."""

    def __init__(self, brand: BrandNames, findings: Findings) -> None:
        self.brand = brand
        self.findings = findings

    def condition(self, expression: s.Expression, state: State, event: bool) -> None:
        """Checks something that must hold or not; a bare name or attribute asks whether it is set."""
        match expression:
            case s.And(operands=operands) | s.Or(operands=operands):
                for operand in operands:
                    self.condition(operand, state, event)
                    state = refine(state, operand, isinstance(expression, s.And))
            case s.Not(operand=operand):
                self.condition(operand, state, event)
            case s.Compare():
                self._compare(expression, state, event)
            case s.Name(name=name):
                self._known(name, expression.span, state)
            case s.Attribute():
                self._attribute(expression, event)
            case _ if type(expression) in LITERALS:
                self.findings.error(
                    "R421",
                    expression.span,
                    "This is a value, which neither holds nor fails.",
                    "Compare it with something, such as score >= 9.",
                )

    def value(self, expression: s.Expression, state: State, event: bool) -> str:
        """The type of something that must have a value."""
        match expression:
            case s.Name(name=name):
                if self._known(name, expression.span, state):
                    self._set(name, expression.span, state)
                return state.type_of(name)
            case s.Attribute():
                return self._attribute(expression, event)
            case _ if type(expression) in LITERALS:
                return LITERALS[type(expression)]
            case _:
                self.findings.error(
                    "R422",
                    expression.span,
                    "This is a condition; here stands a value.",
                    "Write a name, an attribute, a text in quotes, a number or a date.",
                )
                return ANY

    def fits(self, wanted: str, value: s.Expression, kind: str, what: str) -> None:
        """Checks that a value of a type can become something of the type wanted."""
        if ANY in (wanted, kind) or wanted == kind or (family(wanted) == family(kind) and wanted in ("text", "date")):
            return
        if isinstance(value, s.String) and family(wanted) == "text":
            return
        self.findings.error(
            "R423",
            value.span,
            f"{what} {SHOWN.get(wanted, f'a text of type {wanted}')}, and this is {SHOWN.get(family(kind), kind)}.",
            f"Give it {SHOWN.get(wanted, f'a captured {wanted}')}, or change its type in the block of `contact`.",
        )

    def _compare(self, node: s.Compare, state: State, event: bool) -> None:
        kinds = []
        for side in (node.left, node.right):
            if isinstance(side, s.Name):
                # A comparison with a name that is not set is false, so being set on some path is enough.
                known = self._known(side.name, side.span, state)
                kinds.append(family(state.type_of(side.name)) if known else ANY)
            else:
                kinds.append(family(self.value(side, state, event)))
        left, right = kinds
        if ANY in kinds:
            return
        if left != right:
            self.findings.error(
                "R420",
                node.span,
                f"This compares {SHOWN.get(left, left)} with {SHOWN.get(right, right)}, which are never equal.",
                _fitting(node, left, right),
            )
        elif node.operator not in ("=", "!=") and left not in ("number", "date", "time"):
            self.findings.error(
                "R424",
                node.span,
                f"{SHOWN[left].capitalize()} is neither less nor more than another.",
                "Compare texts with = or !=.",
            )

    def _attribute(self, node: s.Attribute, event: bool) -> str:
        if node.owner == "contact":
            return self.brand.attributes.get(node.name, ANY)
        if not event:
            self.no_event(node.span, f"event.{node.name}")
        return ANY

    def no_event(self, span: s.Span, shown: str) -> None:
        """Tells of an event's field where no event started the chain."""
        self.findings.error(
            "R308",
            span,
            f"`{shown}` is not known here: no event starts this chain.",
            "Use it in a chain that begins with `on event …`.",
        )

    def _known(self, name: str, span: s.Span, state: State) -> bool:
        if state.known(name):
            return True
        near = nearest(name, [*state.names, *state.maybe])
        attribute = near is None and self.brand.knows("contact", name) and not self.brand.lenient
        help = (
            f"Did you mean `contact.{name}`?"
            if attribute
            else suggest(
                name,
                [*state.names, *state.maybe],
                f'Capture it in a pattern, such as <{name} text>; a text to compare with stands in quotes, "{name}".',
            )
        )
        self.findings.error("R309", span, f"Nothing sets `{name}` before this.", help)
        return False

    def _set(self, name: str, span: s.Span, state: State) -> None:
        if name not in state.names and not state.everything:
            self.findings.error(
                "R501",
                span,
                f"`{name}` is not set on every path that leads here.",
                f"Put this into the block of `if {name}`, or set it on the other paths too.",
            )

    def hole(self, name: str, span: s.Span, state: State, default: str | None) -> None:
        """Checks a placeholder's name: set on every path, or with a default."""
        if not self._known(name, span, state):
            return
        if name not in state.names and default is None and not state.everything:
            self.findings.error(
                "R501",
                span,
                f"`{{{name}}}` is not set on every path that leads here.",
                f"Write {{{name}|…}} with what is said in its place, or put the text into the block of `if {name}`.",
            )


def _fitting(node: s.Compare, left: str, right: str) -> str:
    for side, other in ((node.left, right), (node.right, left)):
        if isinstance(side, s.Number) and other == "text":
            return f'Write the number as a text, "{side.value:f}".'
        if isinstance(side, s.String) and other == "number":
            return f"Write the number without quotes: {side.value}." if side.value.isdigit() else "Write a number."
    return "Compare things of one kind."
