"""Names that are used: each must be one that the brand declares; the rest get a "did you mean".

Tags, events, links and recorded names need no declaration: using them makes them. Names that patterns capture are
scopes.py's.
"""

from __future__ import annotations

from collections.abc import Iterator

from rules import syntax as s
from rules.available import AVAILABLE, missing
from rules.links import read
from rules.named import RESERVED, BrandNames, Findings
from rules.places import inside
from rules.slots import RegexFault, compile_regex
from rules.spelling import spoken, suggest
from rules.texts import Hole, misreadings, template
from rules.walk import actions_of, conditions_of, elements_of, parts_of, patterns_of, strings_of

KINDS = {
    "desk": "desk {} zammad",
    "service": 'service {} "https://…"',
    "voucher": 'voucher {} "ZOMER-####"',
    "segment": "segment {} = tag klant",
    "drip": "drip {} promotional",
    "chain": "chain {}",
}
"""The line that declares a name of the kind."""


class Names:
    """The names that one brand's declarations use."""

    def __init__(self, brand: BrandNames, findings: Findings) -> None:
        self.brand = brand
        self.findings = findings

    def check(self) -> None:
        """Tells of every unknown name, and of every construct that has no engine yet."""
        links = {link for one in self.brand.declarations for link in _links(one)}
        for head in (*self.brand.heads, *self.brand.partial_heads):
            for setting in head.settings:
                self._available(setting)
            self._strings(head)
        for declaration in self.brand.declarations:
            self._node(declaration)
            if isinstance(declaration, s.On):
                self._trigger(declaration.trigger, links)
            if isinstance(declaration, s.Transcript):
                for line in declaration.lines:
                    self._available(line)
                    self._conditions(line)
                    self._line(line)
            for action in actions_of(declaration):
                self._node(action)

    def _node(self, node: s.Action | s.Declaration) -> None:
        self._available(node)
        self._conditions(node)
        self._strings(node)
        for pattern in patterns_of(node):
            self._captures(pattern)
        match node:
            case s.Start(drip=name) | s.Finish(drip=name):
                self._known("drip", name, node.name_span)
            case s.Run(chain=name):
                self._known("chain", name, node.name_span)
            case s.Escalate(desk=name):
                self._known("desk", name, node.name_span)
            case s.Fetch(service=name) | s.Notify(service=name):
                self._known("service", name, node.name_span)
                if isinstance(node, s.Fetch) and node.name in RESERVED:
                    self._reserved(node.name, node.span)
            case s.SetAttribute(attribute=name) | s.Add(attribute=name):
                self._attribute(name, node.name_span)

    def _trigger(self, trigger: s.Trigger, links: set[str]) -> None:
        match trigger:
            case s.OnBirthday(attribute=name):
                self._attribute(name, trigger.name_span)
            case s.OnDate(segment=name) | s.OnJoin(segment=name):
                self._known("segment", name, trigger.name_span)
            case s.OnClick(link=name) if name not in links and not self.brand.lenient:
                self.findings.error(
                    "R303",
                    trigger.name_span,
                    f"No text holds a link named `{name}`.",
                    suggest(name, links, f"Name a link in a text: {{link {name} https://…}}."),
                )

    def _line(self, line: s.TestLine) -> None:
        match line:
            case s.Given(kind="contact", name=name):
                self._attribute(name, line.name_span)
            case s.Given(kind="service", name=name) | s.ExpectNotify(service=name):
                self._known("service", name, line.name_span)
            case s.ExpectTicket(desk=name):
                self._known("desk", name, line.name_span)
            case s.Given(kind="number", name=name):
                self._number(name, line.name_span)
            case s.Given(kind="arm", name=name, value=arm):
                self._arm(name, str(arm), line.name_span)

    def _number(self, written: str, span: s.Span) -> None:
        own = [number.digits for number in self.brand.numbers]
        if own and written.removeprefix("+") not in own:
            self.findings.error(
                "R307", span, f"{written} is not a number of this brand.", f"Its numbers are {spoken(own, 'and')}."
            )

    def _arm(self, split: str, arm: str, span: s.Span) -> None:
        arms = {
            action.name: {one.name for one in action.arms}
            for declaration in self.brand.declarations
            for action in actions_of(declaration)
            if isinstance(action, s.Split)
        }
        if self.brand.lenient or self.brand.partial:
            return
        if split not in arms:
            help = suggest(split, arms, "Name a split that stands in a rule of this brand.")
            self.findings.error("R302", span, f"There is no split `{split}`.", help)
        elif arm not in arms[split]:
            help = suggest(arm, arms[split], f"Its arms are {spoken(sorted(arms[split]), 'and')}.")
            self.findings.error("R302", span, f"The split `{split}` has no arm `{arm}`.", help)

    # --- what is used

    def _available(self, node: s.Node) -> None:
        for construct in missing(node):
            self._not_yet(construct, node.span)

    def _not_yet(self, construct: str, span: s.Span) -> None:
        shown = construct.removeprefix("test: ")
        self.findings.error(
            "R901",
            span,
            f"`{shown}` is not available yet in this version: it is read, but nothing would run it.",
            "Take it out for now; its names and values are checked all the same.",
        )

    def _known(self, kind: str, name: str, span: s.Span) -> None:
        if not self.brand.knows(kind, name):
            help = suggest(name, self.brand.names(kind), f"Declare it at the left edge: {KINDS[kind].format(name)}.")
            self.findings.error("R302", span, f"There is no {kind} `{name}`.", help)

    def _attribute(self, name: str, span: s.Span) -> None:
        if not self.brand.knows("contact", name):
            help = suggest(
                name, self.brand.names("contact"), f"Add a line such as `{name} text` to the block of `contact`."
            )
            self.findings.error("R301", span, f"contact has no attribute `{name}`.", help)

    def _reserved(self, name: str, span: s.Span) -> None:
        self.findings.error(
            "R320",
            span,
            f"`{name}` is a word of the language and cannot be captured as a name.",
            f"Choose another name, such as {name}_1.",
        )

    def _captures(self, pattern: s.Pattern) -> None:
        for element in elements_of(pattern.elements):
            if isinstance(element, s.Slot | s.Choice) and element.name in RESERVED:
                self._reserved(element.name, element.span)
            if isinstance(element, s.Slot) and element.kind == "regex":
                try:
                    compile_regex(element.regex)
                except RegexFault as fault:
                    self.findings.error(
                        "R443",
                        element.span,
                        f"The regular expression cannot be read: {fault}.",
                        "Write it as RE2 reads it (no look-ahead, no back-references); a / inside it is written \\/.",
                    )
            if isinstance(element, s.Quoted) and not element.text.strip():
                self.findings.error(
                    "R445", element.span, "The quotes hold nothing to type.", "Write a word between them."
                )

    def _conditions(self, node: s.Action | s.Declaration | s.TestLine) -> None:
        for condition in conditions_of(node):
            for part in parts_of(condition):
                self._available(part)
                if isinstance(part, s.Attribute) and part.owner == "contact":
                    self._attribute(part.name, part.span)
                elif isinstance(part, s.InSegment):
                    self._known("segment", part.segment, part.name_span)

    def _strings(self, node: s.Action | s.Declaration) -> None:
        for string in strings_of(node):
            for hole in template(string.value).holes:
                self._hole(hole, inside(string, hole.start, hole.end))
            for start, end in misreadings(string.value):
                self.findings.warning(
                    "R444",
                    inside(string, start, end),
                    "These braces hold no name, so they are sent as they stand.",
                    "Write a name in small letters between them, such as {naam}, or leave them out.",
                )

    def _hole(self, hole: Hole, span: s.Span) -> None:
        construct = {"voucher": "{voucher …}", "link": "{link …}", "event": "{event.…}"}.get(
            hole.kind, f"{{{hole.name}}}"
        )
        if not AVAILABLE.get(construct, True):
            self._not_yet(construct, span)
        if hole.kind == "contact":
            self._attribute(hole.name, span)
        elif hole.kind == "voucher":
            self._known("voucher", hole.name, span)
        elif hole.kind == "link" and hole.name.startswith("voucher "):
            self._known("voucher", hole.name.removeprefix("voucher ").strip(), span)
        elif hole.kind == "link" and (target := read(hole.name).target).startswith("contact."):
            self._attribute(target.removeprefix("contact."), span)


def _links(declaration: s.Declaration) -> Iterator[str]:
    """The names of links in a declaration's texts."""
    for action in actions_of(declaration):
        for string in strings_of(action):
            for hole in template(string.value).holes:
                if hole.kind == "link" and " " in hole.name:
                    yield hole.name.split(" ")[0]
