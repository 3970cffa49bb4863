"""Questions: what they say and what their answers take.

Numbered choices, `choice KEUKEN`, `choice BAD`, append "1 KEUKEN, 2 BAD" to what is asked (LANGUAGE.md section 6).

The list is appended to the question in every language and to its repetition, so that who lost count can read it again.
"""

from __future__ import annotations

from dataclasses import replace

from rules import syntax
from rules.patterns import CompiledPattern, Reading, compile_choice, compile_pattern


def with_choices(ask: syntax.Ask) -> tuple[syntax.Text, syntax.Text | None]:
    """The question's text and its repetition, with the numbered choices appended where it has some."""
    again = None if ask.again is None else ask.again.text
    numbered = [answer for answer in ask.answers if answer.numbered]
    if not numbered:
        return ask.text, again
    listed = ", ".join(f"{number} {label(answer.pattern)}" for number, answer in enumerate(numbered, 1))
    return _appended(ask.text, listed), None if again is None else _appended(again, listed)


def label(pattern: syntax.Pattern) -> str:
    """How a choice is shown: its author's first way of saying it, without what is optional."""
    return " ".join(filter(None, map(_label_of, pattern.elements)))


def _label_of(element: syntax.Element) -> str:
    match element:
        case syntax.Word(text=text) | syntax.Quoted(text=text):
            return text
        case syntax.Choice(alternatives=alternatives):
            return " ".join(filter(None, map(_label_of, alternatives[0])))
        case syntax.Affirmation(answer=answer):
            return answer.upper()
        case _:
            return ""


def _appended(text: syntax.Text, listed: str) -> syntax.Text:
    def longer(variant: syntax.TextIn) -> syntax.TextIn:
        string = variant.string
        return replace(variant, string=replace(string, value=f"{string.value} {listed}"))

    return replace(text, variants=tuple(map(longer, text.variants)))


def answers_of(ask: syntax.Ask, reading: Reading) -> list[CompiledPattern]:
    """The patterns of a question's answers, in order; choices also by their number."""
    made: list[CompiledPattern] = []
    numbered = 0
    for answer in ask.answers:
        if answer.numbered:
            numbered += 1
            made.append(compile_choice(answer.pattern, numbered, reading))
        else:
            made.append(compile_pattern(answer.pattern, reading))
    return made
