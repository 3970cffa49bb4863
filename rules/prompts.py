"""Texts that ask for a keyword: "Antwoord KEUKEN, BAD of OVEN", "Reply FREEBURGER for a burger".

A text that asks for what nothing on its number takes is a mistake an author cannot see (CAPABILITIES.md 13): the phone
user does as told and is not understood. A prompt is one of a few verbs, then words in capitals.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Final

from rules import syntax
from rules.declared import BrandFiles, confirmations, hears, questions
from rules.diagnostics import Diagnostic
from rules.packs import market_of, reserved
from rules.patterns import Path, Reading, begins, compile_pattern, pattern_faults
from rules.questions import answers_of
from rules.rulebook import Grants
from rules.words import Words, words_of

#: Verbs that ask for a word, in the languages we have packs for; a small word may stand between (`antwoord met JA`).
_VERBS: Final = (
    "antwoord|antwoorden|stuur|sms|reply|text|send|antworte|antworten|sende|senden|schicke|schicken|"
    "repondez|répondez|envoyez|textez"
)
_SMALL: Final = "met|with|mit|sie|par|u|je"
_PROMPT: Final = re.compile(rf"\b(?:{_VERBS})(?:\s+(?:{_SMALL}))*\s+(?P<asked>\S.*)", re.IGNORECASE)
_ALTERNATIVES: Final = re.compile(r"(,|/|\s(?:of|or|oder|ou|en|and|und|et)\s)")
_CAPITALS: Final = re.compile(r"[^\W\d_a-z]{2,}[^\W_a-z]*(?: [^\W_a-z]+)*(?!\w)")


class Prompts:
    """What one brand listens to, compiled when a first prompt is met."""

    def __init__(self, brand: BrandFiles, grants: Grants) -> None:
        self._brand = brand
        self._markets = {grant.number: grant.country for grant in grants.numbers}
        self._heard: dict[str, list[Path]] = {}

    def unanswered(self, text: syntax.Text, numbers: tuple[str, ...]) -> Iterator[Diagnostic]:
        """R705 for each thing a text asks for and a number it goes out from does not take."""
        for variant in text.variants:
            for asked in asked_for(variant.string.value):
                words = words_of(asked)
                deaf = [number for number in numbers if not self._takes(words, number)]
                if deaf:
                    yield _unanswered(variant.string, asked, deaf[0])

    def _takes(self, words: Words, number: str) -> bool:
        market = self._markets.get(number)
        if reserved(words, market, self._brand.language) is not None:
            return True
        if number not in self._heard:
            self._heard[number] = list(self._paths(number, Reading(self._brand.language, market)))
        return any(begins(path.symbols, words.words) for path in self._heard[number])

    def _paths(self, number: str, reading: Reading) -> Iterator[Path]:
        answers_in = Reading(reading.language, market_of(self._brand.timezone), reading.packs)
        for keyword in self._brand.keywords:
            if hears(keyword.on, number) and not pattern_faults(keyword.pattern):
                yield from compile_pattern(keyword.pattern, reading).paths
        for ask in questions(self._brand):
            if not any(pattern_faults(answer.pattern) for answer in ask.answers):
                for pattern in answers_of(ask, answers_in):
                    yield from pattern.paths
        for answer in confirmations(self._brand):
            if not pattern_faults(answer):
                yield from compile_pattern(answer, answers_in).paths


def asked_for(text: str) -> Iterator[str]:
    """The words in capitals that a text asks its reader to send."""
    found = _PROMPT.search(text)
    while found is not None:
        start = found.start("asked")
        for part in _ALTERNATIVES.split(found["asked"]):
            if _ALTERNATIVES.fullmatch(part):
                continue
            capitals = _CAPITALS.match(part.strip())
            if capitals is None:
                break
            yield capitals[0]
            if capitals.end() < len(part.strip()):
                break
        found = _PROMPT.search(text, start)


def _unanswered(string: syntax.String, asked: str, number: str) -> Diagnostic:
    place = string.raw.find(asked)
    line, column = string.span.line, string.span.column + 1 + place
    span = string.span if place < 0 else syntax.Span(string.span.file, line, column, line, column + len(asked))
    return Diagnostic(
        "R705", "error", span,
        f"This text asks for {asked}, but no keyword on {number} and no answer of this brand takes it.",
        f"Add `keyword {asked}`, or ask for a word that is taken.",
    )  # fmt: skip
