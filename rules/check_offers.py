"""Vouchers, links and segments: codes that can be given out, addresses that can be followed, conditions that end.

What a voucher's file holds is looked at when the file is loaded; here it only has to be one that may be named.
"""

from __future__ import annotations

import re
from typing import Final

from rules import syntax as s
from rules.links import fault, read
from rules.named import BrandNames, Findings
from rules.places import inside
from rules.texts import Hole, template
from rules.vouchers import FEWEST_HOLES, file_fault, is_guessable, pattern_faults
from rules.walk import actions_of, parts_of, strings_of

NAMED_TARGET: Final = re.compile(r"(?:(?:contact|event)\.)?[^\W\d]\w*")
"""What stands for an address in a link: a captured name, an attribute, a field of the event."""


def check_offers(brand: BrandNames, findings: Findings) -> None:
    """The vouchers, links and segments of a brand."""
    for declaration in brand.whole:
        if isinstance(declaration, s.Voucher):
            _voucher(declaration, findings)
        for action in actions_of(declaration):
            for string in strings_of(action):
                for hole in template(string.value).holes:
                    if hole.kind == "link":
                        _link(hole, string, findings)
    _segments(brand, findings)


def _voucher(voucher: s.Voucher, findings: Findings) -> None:
    if voucher.file is not None:
        wrong = file_fault(voucher.file.value)
        if wrong:
            findings.error("R451", voucher.file.span, wrong, 'Write its name only, such as from "codes.csv".')
    if voucher.pattern is not None:
        pattern = voucher.pattern.value
        for wrong in pattern_faults(pattern):
            findings.error("R450", voucher.pattern.span, wrong, "Write a pattern such as ZOMER-####-####.")
        if is_guessable(pattern):
            findings.note(
                "R452",
                voucher.pattern.span,
                f"A code with {pattern.count('#')} drawn characters can be found by trying.",
                f"Write {FEWEST_HOLES} # or more.",
            )


def _link(hole: Hole, string: s.String, findings: Findings) -> None:
    link = read(hole.name)
    wrong = "" if NAMED_TARGET.fullmatch(link.target) else fault(link)
    if wrong:
        findings.error(
            "R453",
            inside(string, hole.start, hole.end),
            wrong,
            "Write {link https://…}, {link NAME https://…}, {link voucher NAME} or {link optout}.",
        )


def _segments(brand: BrandNames, findings: Findings) -> None:
    """Segments over segments come to an end."""
    segments = {one.name: one for one in brand.whole if isinstance(one, s.Segment)}
    finished: set[str] = set()
    under_way: list[str] = []

    def visit(name: str) -> None:
        under_way.append(name)
        for part in parts_of(segments[name].condition):
            if not isinstance(part, s.InSegment) or part.segment not in segments:
                continue
            if part.segment in under_way:
                circle = [*under_way[under_way.index(part.segment) :], part.segment]
                findings.error(
                    "R517",
                    part.span,
                    f"The segment `{part.segment}` names itself: {' names '.join(circle)}.",
                    "A segment must come to an end: say what it is without naming it.",
                )
            elif part.segment not in finished:
                visit(part.segment)
        under_way.pop()
        finished.add(name)

    for name in segments:
        if name not in finished:
            visit(name)
