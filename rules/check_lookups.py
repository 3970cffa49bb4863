"""How much a chain may have to look up before it can go on: what a cause needs is loaded round by round, and the rounds
are bounded.

A condition on what happened, a text's codes and links, a drip that is entered, a budget, a sample: each is a look-up,
and one that was made serves again until the chain next waits. Counted is the longest way between two waits, which may
lead over chains that are run and drips that are started. A chain that could need more would be set aside with its text.

One cause may begin several chains and move on others, all in one decision: what they look up until they wait is counted
together.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator
from typing import Final

from rules import syntax as s
from rules.named import BrandNames, Findings
from rules.texts import template
from rules.walk import actions_of, parts_of, strings_of

MOST_LOOKUPS: Final = 24
"""Look-ups between two waits: what five texts and as many conditions as anybody writes come to, and some to spare."""

HELP: Final = "Ask for less in its conditions, texts and links, or put a line such as `wait 1 minute` in between."

MOST_DEEP: Final = 50
"""Chains and drips within one another that are followed; what stands deeper is counted for itself. Drips that deep are
too many look-ups already, and Python's own depth is bounded."""

Seen = frozenset[str]
_NOTHING: Final[Seen] = frozenset()
_BEGUN: Final = "begun"
"""Among what was looked up, as long as nothing was waited for."""


def check_lookups(brand: BrandNames, findings: Findings) -> None:
    """Tells of each chain that may need more look-ups than there are rounds."""
    counter = _Counter(brand)
    for declaration in brand.whole:
        most = counter.most_of(declaration)
        if most > MOST_LOOKUPS:
            findings.error(
                "R518",
                declaration.span,
                f"This may have to look up {most} things before it waits; {MOST_LOOKUPS} are the most.",
                HELP,
            )
    _check_together(brand, counter, findings)
    joined = [one for one in brand.whole if isinstance(one, s.On) and isinstance(one.trigger, s.OnJoin)]
    together: Seen = _NOTHING
    for on in joined:
        assert isinstance(on.trigger, s.OnJoin)
        together |= counter.segment(on.trigger.segment)
        if len(together) > MOST_LOOKUPS:
            findings.error(
                "R518",
                on.span,
                f"To see who joins the segments of this brand, {len(together)} things have to be looked up each time; "
                f"{MOST_LOOKUPS} are the most.",
                "Ask for less in these segments, or leave out some `on join`.",
            )
            return


def _check_together(brand: BrandNames, counter: _Counter, findings: Findings) -> None:
    """Tells of causes that begin several chains, or move them on, which together may need more."""
    causes: dict[str, list[tuple[s.Node, s.Block, str]]] = defaultdict(list)
    for declaration in brand.whole:
        for cause, node, block in _caused(declaration):
            own = declaration.message_class if isinstance(declaration, s.Drip) else ""
            causes[cause].append((node, block, own))
    for cause, caused in causes.items():
        together: Seen = _NOTHING
        for node, block, own in caused:
            if len(counter.begun(block, _NOTHING, own)) > MOST_LOOKUPS:
                break  # told already
            together = counter.begun(block, together, own)
            if len(together) > MOST_LOOKUPS:
                findings.error(
                    "R518",
                    node.span,
                    f"All that {cause} begins or moves on may have to look up {len(together)} things at once; "
                    f"{MOST_LOOKUPS} are the most.",
                    HELP,
                )
                break


def _caused(declaration: s.Declaration) -> Iterator[tuple[str, s.Node, s.Block]]:
    """The blocks that something else than a text begins or moves on, each with what that is."""
    match declaration:
        case s.On(trigger=s.OnEvent(event=name), block=block):
            yield f"event {name}", declaration, block
        case s.On(trigger=s.OnClick(link=name), block=block):
            yield f"a click on {name}", declaration, block
        case s.On(trigger=s.OnJoin(segment=name), block=block):
            yield f"joining {name}", declaration, block
        case s.On(trigger=s.OnUndelivered(), block=block):
            yield "an undelivered text", declaration, block
    for action in actions_of(declaration):
        if isinstance(action, s.WaitForEvent):
            yield f"event {action.event}", action, action.then or ()


class _Counter:
    """Walks one brand's blocks with what was looked up since the last wait."""

    def __init__(self, brand: BrandNames) -> None:
        self._chains = {one.name: one for one in brand.whole if isinstance(one, s.Chain)}
        self._drips = {one.name: one for one in brand.whole if isinstance(one, s.Drip)}
        self._segments = {one.name: one for one in brand.whole if isinstance(one, s.Segment)}
        self._spends = brand.setting("budget") is not None
        self._under_way: list[str] = []
        self._class = ""
        self._most = 0
        self._begun: Seen = _NOTHING

    def most_of(self, declaration: s.Declaration) -> int:
        """The most look-ups on any way between two waits."""
        self._most = 0
        match declaration:
            case s.Keyword(block=block) | s.Fallback(block=block) | s.Chain(block=block) | s.On(block=block):
                self._block(block, _NOTHING)
            case s.Drip():
                self._drip(declaration, _NOTHING)
        return self._most

    def begun(self, block: s.Block, seen: Seen, message_class: str) -> Seen:
        """What a block may have looked up, beside that, by the first time that it waits."""
        self._class, self._begun = message_class, seen
        self._block(block, seen | {_BEGUN})
        self._class = ""
        return self._begun - {_BEGUN}

    def segment(self, name: str) -> Seen:
        """What a segment's condition may look up."""
        if name not in self._segments or name in self._under_way:
            return _NOTHING
        self._under_way.append(name)
        found = self._condition(self._segments[name].condition)
        self._under_way.pop()
        return found

    def _drip(self, drip: s.Drip, seen: Seen) -> Seen:
        """What is due at once is performed in one go; every later step begins anew."""
        outer, self._class = self._class, drip.message_class
        for step in drip.steps:
            if step.after is None and not step.every:
                seen = self._block(step.block, seen)
            else:
                self._block(step.block, _NOTHING)
        self._class = outer
        return seen

    def _block(self, block: s.Block, seen: Seen) -> Seen:
        for action in block:
            seen = self._action(action, seen)
            self._count(seen)
        return seen

    def _count(self, seen: Seen) -> None:
        self._most = max(self._most, len(seen))
        if _BEGUN in seen and len(seen) > len(self._begun):
            self._begun = seen

    def _action(self, action: s.Action, seen: Seen) -> Seen:
        seen |= self._texts(action)
        match action:
            case s.If(branches=branches, otherwise=otherwise):
                ends = []
                for branch in branches:
                    seen |= self._condition(branch.condition)
                    ends.append(self._block(branch.block, seen))
                return _longest([*ends, self._block(otherwise or (), seen)])
            case s.Split(arms=arms, name=name, sample_percent=sample):
                drawn = seen if sample is None else seen | {f"sample {name}"}
                return _longest([self._block(arm.block, drawn) for arm in arms])
            case s.SetAttribute(value=value) | s.Record(value=value) | s.Add(amount=value):
                return seen | self._condition(value)
            case s.Run(chain=name):
                return self._named(f"run {name}", self._chains, name, seen)
            case s.Start(drip=name):
                return self._named(f"start {name}", self._drips, name, seen | {f"enrolled {name}"})
            case _:
                return self._waiting(action, seen)

    def _waiting(self, action: s.Action, seen: Seen) -> Seen:
        """Behind what waits, everything is looked up anew."""
        self._count(seen)
        match action:
            case s.Ask(answers=answers, otherwise=otherwise, silence=silence):
                ends = [self._block(answer.block, _NOTHING) for answer in answers]
                self._block(otherwise or (), _NOTHING)
                self._block(silence or (), _NOTHING)
                return _longest(ends)
            case s.WaitForEvent(then=then, silence=silence):
                self._block(silence or (), _NOTHING)
                return self._block(then or (), _NOTHING)
            case s.Wait() | s.WaitUntil() | s.WaitBefore() | s.Charge() | s.Fetch():
                return _NOTHING
            case _:
                return seen

    def _named(
        self, key: str, declared: dict[str, s.Chain] | dict[str, s.Drip], name: str, seen: Seen
    ) -> Seen:  # fmt: skip
        """What a chain that is run, or a drip that is started, adds; circles are told elsewhere."""
        if name not in declared or key in self._under_way or len(self._under_way) >= MOST_DEEP:
            return seen
        self._under_way.append(key)
        found = declared[name]
        seen = self._drip(found, seen) if isinstance(found, s.Drip) else self._block(found.block, seen)
        self._under_way.pop()
        return seen

    def _texts(self, action: s.Action) -> Seen:
        """A text's codes and links come together; so does what a budget has left, for all of a cause's texts."""
        holes = [hole for string in strings_of(action) for hole in template(string.value).holes]
        place = f"{action.span.file}:{action.span.line}:{action.span.column}"
        found = {f"text {place}"} if any(hole.kind in ("voucher", "link") for hole in holes) else set()
        own = action.message_class if isinstance(action, s.Send | s.Ask) else None
        if self._spends and isinstance(action, s.Send | s.Ask) and (own or self._class) == "promotional":
            found.add("budget")
        return frozenset(found)

    def _condition(self, condition: s.Expression) -> Seen:
        found: set[str] = set()
        for part in parts_of(condition):
            match part:
                case s.Happened(event=event, within=within):
                    found.add(f"happened {event} {within!r}")
                case s.Clicked():
                    found.add("clicked")
                case s.InSegment(segment=name):
                    found |= self.segment(name)
        return frozenset(found)


def _longest(ends: Iterable[Seen]) -> Seen:
    """Of the ways, the one that asks most; one that has not waited yet goes before those that have."""
    return max(ends, key=lambda seen: (_BEGUN in seen, len(seen)), default=_NOTHING)
