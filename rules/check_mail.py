"""E-mails of a chain: an address that is one, a class where a contact is written to unasked, a way to stop them."""

from __future__ import annotations

from typing import Final

from rules import syntax as s
from rules.facts import read_email
from rules.named import BrandNames, Findings
from rules.texts import template
from rules.walk import actions_of
from rules.words import words_of

STOPS: Final = "optout"


def check_mail(brand: BrandNames, findings: Findings) -> None:
    """Every e-mail of a brand."""
    for declaration in brand.whole:
        drip_class = declaration.message_class if isinstance(declaration, s.Drip) else None
        for action in actions_of(declaration):
            if isinstance(action, s.Email):
                _address(action, findings)
                own = action.message_class or drip_class
                if own is None and isinstance(declaration, s.On) and template(action.to.value).holes:
                    findings.error(
                        "R523",
                        action.span,
                        "`email` says no class, and nobody has asked for it: no text started this chain.",
                        "Write what it is: email transactional … or email promotional ….",
                    )
                if own == "promotional":
                    _footer(action, brand, findings)


def _address(email: s.Email, findings: Findings) -> None:
    if not template(email.to.value).holes and read_email(email.to.value) is None:
        findings.error(
            "R524",
            email.to.span,
            f'"{email.to.value}" is no e-mail address.',
            'Write one, or where it stands: "{contact.email}".',
        )


def _footer(email: s.Email, brand: BrandNames, findings: Findings) -> None:
    made = template(email.body.value)
    said, name = words_of(f"{email.subject.value} {email.body.value}").words, words_of(brand.name).words
    lacks = []
    if not any(said[place : place + len(name)] == name for place in range(len(said))):
        lacks.append("name the brand")
    if not any(hole.kind == "link" and hole.name == STOPS for hole in made.holes):
        lacks.append("hold a link to stop it")
    if lacks:
        findings.warning(
            "R706",
            email.body.span,
            f"This promotional e-mail does not {' and does not '.join(lacks)}.",
            f'Write it so that "{brand.name}" and {{link optout}} stand in it.',
        )
