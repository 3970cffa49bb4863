"""Codes to log in with: `send otp`, a class of its own (COMPLIANCE.md, "Message-class matrix").

A code answers a request that a person has just made with the brand, which tells of it as an event. So it goes out at
once, at night and after STOP too; what it says is a secret, which stands in no other text and is kept nowhere.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

from rules import syntax as s
from rules.links import read
from rules.named import BrandNames, Findings, names_brand
from rules.places import inside
from rules.texts import Hole, template
from rules.walk import actions_of, conditions_of, parts_of, strings_of

OTP = "otp"


def check_codes(brand: BrandNames, findings: Findings) -> None:
    """Everything about codes."""
    secrets = secrets_of(brand.whole)
    chains = {one.name: one for one in brand.whole if isinstance(one, s.Chain)}
    for declaration in brand.whole:
        for span in _wrong(declaration):
            findings.error("R519", span, "`otp` is a class of `send` alone.", "Write promotional or transactional.")
        _places(declaration, chains, findings)
        for action in actions_of(declaration):
            if isinstance(action, s.Send) and is_code(action):
                _signed(action, brand, findings)
                _unlinked(action, findings)
            else:
                _elsewhere(action, secrets, findings)


def secrets_of(declarations: Sequence[s.Declaration]) -> frozenset[str]:
    """The fields of events that stand in codes."""
    return frozenset(
        field
        for declaration in declarations
        for action in actions_of(declaration)
        if is_code(action)
        for string in strings_of(action)
        for hole in template(string.value).holes
        if (field := _field_of(hole))
    )


def _field_of(hole: Hole) -> str:
    """The field of an event that a placeholder says, or that its link leads to; empty for none."""
    if hole.kind == "link":
        owner, _, field = read(hole.name).target.partition(".")
        return field if owner == "event" else ""
    return hole.name if hole.kind == "event" else ""


def is_code(action: s.Action) -> bool:
    """Whether an action sends a code."""
    return isinstance(action, s.Send) and action.message_class == OTP


def _places(declaration: s.Declaration, chains: Mapping[str, s.Chain], findings: Findings) -> None:
    """Where codes may stand, and what may stand beside them."""
    codes = [action for action in actions_of(declaration) if is_code(action)]
    if not codes:
        return
    if isinstance(declaration, s.On) and isinstance(declaration.trigger, s.OnEvent):
        for action in actions_of(declaration):
            if _waits(action, chains, ()):
                findings.error(
                    "R522",
                    action.span,
                    "A chain that sends a code does not wait: a request that came meanwhile would bring none.",
                    "Put this into another chain of the same event.",
                )
        return
    for code in codes:
        findings.error(
            "R520",
            code.span,
            "A code answers an event: somebody has just asked for it.",
            "Put this line into a chain of its own: on event code_requested.",
        )


def _waits(action: s.Action, chains: Mapping[str, s.Chain], under: tuple[str, ...]) -> bool:
    """Whether a chain may have to stand still at an action."""
    match action:
        case (
            s.Ask() | s.Wait() | s.WaitUntil() | s.WaitBefore() | s.WaitForEvent() | s.OptIn() | s.Fetch() | s.Charge()
        ):
            return True
        case s.Send(message_class="promotional") | s.Split(sample_percent=int()):
            return True  # for its hours, for its winner
        case s.Run(chain=name) if name in chains and name not in under:
            return any(_waits(one, chains, (*under, name)) for one in actions_of(chains[name]))
        case _:
            return False


def _wrong(declaration: s.Declaration) -> Iterator[s.Span]:
    """Where the class of codes stands and means nothing."""
    conditions = list(conditions_of(declaration))
    match declaration:
        case s.Drip(message_class=message_class, span=span) if message_class == OTP:
            yield span
        case s.Transcript(lines=lines):
            for line in lines:
                conditions += conditions_of(line)
                if isinstance(line, s.Given) and line.kind == "consent" and line.name == OTP:
                    yield line.span
    for action in actions_of(declaration):
        conditions += conditions_of(action)
        if isinstance(action, s.Ask | s.OptIn | s.Email) and action.message_class == OTP:
            yield action.span
    for condition in conditions:
        for part in parts_of(condition):
            if isinstance(part, s.HasConsent) and part.message_class == OTP:
                yield part.span


def _signed(action: s.Send, brand: BrandNames, findings: Findings) -> None:
    for variant in action.text.variants:
        if not names_brand(brand.name, variant.string.value):
            findings.warning(
                "R709",
                variant.string.span,
                "This code does not say whose it is.",
                f'Write it so that "{brand.name}" stands in it: people get codes of many.',
            )


def _unlinked(action: s.Send, findings: Findings) -> None:
    """A short link is kept with the address that it leads to, and whoever follows it is written down."""
    for string in strings_of(action):
        for hole in template(string.value).holes:
            if hole.kind == "link":
                findings.error(
                    "R525",
                    inside(string, hole.start, hole.end),
                    "A code holds no short link: where that leads to is kept.",
                    "Let the event bring the whole address, and write it as it is: {event.url}.",
                )


def _elsewhere(action: s.Action, secrets: frozenset[str], findings: Findings) -> None:
    for string in strings_of(action):
        for hole in template(string.value).holes:
            field = _field_of(hole)
            if field in secrets:
                _kept(f"event.{field}", inside(string, hole.start, hole.end), findings)
    for condition in conditions_of(action):
        if not isinstance(action, s.If):
            for part in parts_of(condition):
                if isinstance(part, s.Attribute) and part.owner == "event" and part.name in secrets:
                    _kept(f"event.{part.name}", part.span, findings)


def _kept(name: str, span: s.Span, findings: Findings) -> None:
    findings.error(
        "R521",
        span,
        f"{name} is a code: it stands in `send otp` alone, and is kept nowhere.",
        "Take it out here, or let the event bring another field.",
    )
