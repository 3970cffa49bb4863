"""E-mails of a chain: an address that is one, a class where a contact is written to unasked, a way to stop them."""

from __future__ import annotations

from rules import syntax as s
from rules.facts import read_email
from rules.links import has_link_to_stop
from rules.named import BrandNames, Findings, names_brand
from rules.texts import template
from rules.walk import actions_of


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
    lacks = []
    if not names_brand(brand.name, f"{email.subject.value} {email.body.value}"):
        lacks.append("name the brand")
    if not has_link_to_stop(template(email.body.value)):
        lacks.append("hold a link to stop it")
    if lacks:
        findings.warning(
            "R706",
            email.body.span,
            f"This promotional e-mail does not {' and does not '.join(lacks)}.",
            f'Write it so that "{brand.name}" and {{link optout}} stand in it.',
        )
