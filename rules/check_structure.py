"""Actions and patterns that read well one by one and make no sense together: shares, answers, captured names."""

from __future__ import annotations

from rules import syntax as s
from rules.check_brand import clock_fits
from rules.named import BrandNames, Findings
from rules.packs import market_of, reserved
from rules.rulebook import Grants
from rules.spelling import spoken
from rules.texts import template
from rules.walk import actions_of, patterns_of
from rules.words import words_of

AGAIN_MOST = 10
"""Repeats of a question: more would be a nuisance to the phone, and none reads on."""


def check_structure(brand: BrandNames, grants: Grants, findings: Findings) -> None:
    """The declarations that were read whole."""
    for declaration in brand.whole:
        for pattern in patterns_of(declaration):
            _captured_once(pattern, findings)
        for action in actions_of(declaration):
            _action(action, brand, findings)
            for pattern in patterns_of(action):
                _captured_once(pattern, findings)
    _fallbacks(brand, grants, findings)
    _splits(brand, findings)


def _action(action: s.Action, brand: BrandNames, findings: Findings) -> None:
    match action:
        case s.Ask():
            _ask(action, findings)
        case s.Split():
            _split(action, findings)
        case s.Wait(duration=duration, at=s.Clock() as at):
            clock_fits(duration, at, findings)
        case s.OptIn(message_class="conversational"):
            findings.error(
                "R447",
                action.span,
                "Nobody opts in to answers: they are conversational.",
                "Write promotional or transactional.",
            )
        case s.Charge(confirm=confirm):
            for variant in confirm.variants:
                if "{price}" not in variant.string.value:
                    findings.error(
                        "R508",
                        variant.string.span,
                        "Who is to pay must read the price first.",
                        "Put {price} into this text.",
                    )
        case s.Route(text=text):
            _route(text, brand, findings)


def _ask(ask: s.Ask, findings: Findings) -> None:
    if not ask.answers:
        findings.error(
            "R510",
            ask.span,
            "This question takes no answer.",
            "Write a line such as `answer yes` or `choice KEUKEN` below it.",
        )
    if ask.again is not None and ask.again.times is not None and ask.again.times > AGAIN_MOST:
        findings.error(
            "R434",
            ask.again.span,
            f"A question is repeated {AGAIN_MOST} times at most.",
            f"Write up to {AGAIN_MOST} times or fewer.",
        )


def _split(split: s.Split, findings: Findings) -> None:
    total = sum(arm.percent for arm in split.arms)
    if total != 100:
        shares = " + ".join(f"{arm.percent}%" for arm in split.arms)
        findings.error(
            "R435",
            split.span,
            f"The shares of this split come to {total}%: {shares}.",
            f"Make them come to 100%: {abs(100 - total)}% {'is missing' if total < 100 else 'is too much'}.",
        )
    seen: dict[str, s.Arm] = {}
    for arm in split.arms:
        if arm.name in seen:
            findings.error(
                "R310",
                arm.span,
                f"The arm `{arm.name}` stands twice.",
                "Give each arm a name of its own.",
                (seen[arm.name].span, "the first one"),
            )
        seen.setdefault(arm.name, arm)


def _splits(brand: BrandNames, findings: Findings) -> None:
    """A contact lands in the same arm of a split wherever it stands, so its arms are the same everywhere."""
    seen: dict[str, s.Split] = {}
    for declaration in brand.whole:
        for action in actions_of(declaration):
            if not isinstance(action, s.Split):
                continue
            other = seen.setdefault(action.name, action)
            if [(arm.name, arm.percent) for arm in other.arms] != [(arm.name, arm.percent) for arm in action.arms]:
                findings.error(
                    "R310",
                    action.span,
                    f"The split `{action.name}` has other arms elsewhere.",
                    "Give this one another name, or the same arms and shares.",
                    (other.span, "the first one"),
                )


def _route(text: s.String, brand: BrandNames, findings: Findings) -> None:
    if template(text.value).holes:
        return
    words = words_of(text.value)
    found = reserved(words, market_of(brand.timezone), brand.language)
    if not words.words:
        findings.error(
            "R505", text.span, "An empty text leads to no rule.", 'Write the text that a rule takes, such as "REPAIR".'
        )
    elif found is not None:
        findings.error(
            "R505",
            text.span,
            f"`{text.value}` is a reserved word ({found.kind}), which `route` cannot lead to.",
            "Write the text that a keyword of this brand takes.",
        )


def _captured_once(pattern: s.Pattern, findings: Findings) -> None:
    _names(pattern.elements, {}, findings)


def _names(elements: tuple[s.Element, ...], seen: dict[str, s.Span], findings: Findings) -> dict[str, s.Span]:
    """The names of a row of elements; one name twice in one row is an error, in two alternatives it is not."""
    for element in elements:
        found: dict[str, s.Span] = {}
        match element:
            case s.Slot(name=name):
                found = {name: element.span}
            case s.Maybe(elements=inner):
                found = _names(inner, {}, findings)
            case s.Choice(alternatives=alternatives, name=name):
                for inner in alternatives:
                    found |= _names(inner, {}, findings)
                if name is not None:
                    found = _named_inside(name, element.span, found, findings)
        for name, span in found.items():
            if name in seen:
                _twice(name, span, seen[name], findings)
        seen |= found
    return seen


def _named_inside(name: str, span: s.Span, inside: dict[str, s.Span], findings: Findings) -> dict[str, s.Span]:
    """The names of a choice that has one itself."""
    if name in inside:
        _twice(name, span, inside[name], findings)
    return inside | {name: span}


def _twice(name: str, span: s.Span, first: s.Span, findings: Findings) -> None:
    findings.error(
        "R321", span, f"The pattern captures `{name}` twice.", "Give each its own name.", (first, "the first one")
    )


def _fallbacks(brand: BrandNames, grants: Grants, findings: Findings) -> None:
    shared = {grant.number for grant in grants.numbers if len(grant.brands) > 1}
    own = [number.digits for number in brand.numbers]
    seen: dict[str, s.Span] = {}
    for declaration in brand.whole:
        if isinstance(declaration, s.Keyword | s.Fallback):
            _own_numbers(declaration, own, brand, findings)
        if not isinstance(declaration, s.Fallback):
            continue
        named = [number.digits for number in declaration.on]
        for key in named or [""]:
            if key in seen:
                findings.error(
                    "R313",
                    declaration.span,
                    f"There are two fallbacks for {key or 'all numbers of the brand'}.",
                    "Keep one of the two.",
                    (seen[key], "the first one"),
                )
            seen.setdefault(key, declaration.span)
        heard = sorted(shared.intersection(named or own))
        if heard:
            findings.note(
                "R513",
                declaration.span,
                f"Other brands share {spoken(heard, 'and')}: there this is heard only while the contact has an open "
                f"question or ticket of {brand.name}.",
                "Nothing needs doing; without one the operator's own text answers.",
            )


def _own_numbers(node: s.Keyword | s.Fallback, own: list[str], brand: BrandNames, findings: Findings) -> None:
    for number in node.on:
        if own and number.digits not in own:
            findings.error(
                "R307",
                number.span,
                f"{number.written} is not a number of this brand.",
                f"Its numbers are {spoken(own, 'and')}.",
            )
