"""What a program that reads well can still get wrong: names, values, types, paths, and what no engine runs yet.

All files of a set are checked together, each brand by itself; everything is told at once. What is shared between
brands (clashes of keywords) is conflicts.py's, what texts cost is check_texts.py's.
"""

from __future__ import annotations

from collections.abc import Sequence

from rules import syntax as s
from rules.check_agreeing import check_agreeing
from rules.check_brand import check_brand, check_values
from rules.check_codes import check_codes
from rules.check_consent import check_consent
from rules.check_flow import Flow
from rules.check_lookups import check_lookups
from rules.check_mail import check_mail
from rules.check_names import Names
from rules.check_offers import check_offers
from rules.check_structure import check_structure
from rules.check_types import Types
from rules.check_wording import check_wording
from rules.declared import brands_of
from rules.diagnostics import Diagnostic, in_order
from rules.named import BrandNames, Findings, gather
from rules.rulebook import Grants
from rules.scopes import State
from rules.walk import conditions_of


def check(files: Sequence[s.File], grants: Grants, *, in_force: bool = False) -> list[Diagnostic]:
    """Everything that is wrong with a set of files that `parse` has read.

    Of a set that was in force before it is not asked whether each `opt in` was led to by a text: versions before this
    one took more of them, STOP must be heard by such a set too, and the engine records no consent without a text.
    """
    findings = Findings()
    for brand in gather(files, findings):
        check_brand(brand, grants, findings)
        check_values(brand, findings)
        Names(brand, findings).check()
        check_structure(brand, grants, findings)
        check_consent(brand, grants, findings)
        check_codes(brand, findings)
        check_mail(brand, findings)
        check_offers(brand, findings)
        check_lookups(brand, findings)
        check_wording(brand, findings)
        Flow(brand, findings).check()
        _conditions(brand, findings)
    for declared in () if in_force else brands_of(files):
        check_agreeing(declared, findings)
    return in_order(findings.told)


def _conditions(brand: BrandNames, findings: Findings) -> None:
    """Conditions outside of chains: of segments and of tests, where no name is captured."""
    types = Types(brand, findings)
    nothing = State()
    for declaration in brand.whole:
        if isinstance(declaration, s.Segment):
            types.condition(declaration.condition, nothing, event=False)
        if isinstance(declaration, s.Transcript):
            for line in declaration.lines:
                if isinstance(line, s.ExpectCheck):
                    types.condition(line.condition, State(everything=True), event=True)
                else:
                    for value in conditions_of(line):
                        _given(line, value, types, brand)


def _given(line: s.TestLine, value: s.Expression, types: Types, brand: BrandNames) -> None:
    kind = types.value(value, State(), event=False)
    if isinstance(line, s.Given) and line.kind == "contact":
        types.fits(brand.attributes.get(line.name, "any"), value, kind, f"contact.{line.name} holds")
