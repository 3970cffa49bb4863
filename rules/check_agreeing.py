"""Agreeing to something takes a text of the contact: R509, wherever an `opt in` or a `charge` is reached without one.

Drips and `on …` chains begin without a text, and `silence` goes on without one. What an `ask` or a `confirm` hears in
between is one; yet nobody whom no text led there is even asked to confirm, for that question goes out without a
consent. Whoever answered nothing may be asked.
"""

from __future__ import annotations

from rules import syntax as s
from rules.agreeing import Agreements
from rules.declared import BrandFiles
from rules.named import Findings
from rules.packs import market_of
from rules.patterns import Reading
from rules.print_declarations import trigger
from rules.printer import action
from rules.spelling import spoken
from rules.walk import actions_of


def check_agreeing(brand: BrandFiles, findings: Findings) -> None:
    """Tells of every way by which no text of the contact leads to an agreement, at the line where it turns there."""
    reading = Reading(brand.language, market_of(brand.timezone))
    every = Agreements(brand, reading)
    if not every.found:
        return
    told: set[int] = set()
    begun: list[tuple[s.Drip | s.On, str]] = [(drip, f"drip {drip.name}") for drip in brand.drips]
    begun += [(on, f"on {trigger(on.trigger)}") for on in brand.triggered]
    for rule, head in begun:
        for way in every.ways(rule):
            _tell(every.path(way), f"no text of the contact begins `{head}`", findings, told)
    unconfirmed = Agreements(brand, reading, confirmed=False)
    for chained in brand.chained:
        for ask in actions_of(chained):
            if isinstance(ask, s.Ask):
                for way in unconfirmed.silent(ask):
                    _tell(unconfirmed.path(way), "whoever lets a question go by has agreed to nothing", findings, told)


def _tell(path: list[s.Action], why: str, findings: Findings, told: set[int]) -> None:
    way, agreement = path[0], path[-1]
    if id(way) in told:
        return
    told.add(id(way))
    word = "opt in" if isinstance(agreement, s.OptIn) else "charge"
    if way is agreement:
        help = "Write it below a keyword, or below the `answer` of an `ask` that agrees to it."
        findings.error("R509", way.span, f"`{word}` stands here, and {why}.", help)
    else:
        by = spoken([f"`{next(iter(action(one, 0))).text}`" for one in path[:-1]], "and")
        help = "Take this line out, or `ask` first and write it below the `answer` that agrees to it."
        related = (agreement.span, f"this `{word}`")
        findings.error("R509", way.span, f"`{word}` is reached by {by}, and {why}.", help, related)
