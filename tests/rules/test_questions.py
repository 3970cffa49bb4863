"""Numbered choices: what is appended to a question, and what picks them."""

from datetime import date

import pytest

from rules import syntax as s
from rules.keywords import Entry, Matcher
from rules.patterns import Reading
from rules.questions import answers_of, label, with_choices
from rules.words import words_of

KEUKEN, BAD = s.Word("KEUKEN"), s.Word("BAD")


def text(*strings: tuple[str | None, str]) -> s.Text:
    return s.Text(tuple(s.TextIn(language, s.String(value)) for language, value in strings))


def ask(*answers: s.Answer, again: bool = False) -> s.Ask:
    repeated = s.ElseAgain(text((None, "Nog eens:"))) if again else None
    return s.Ask(None, text(("nl", "Wat?"), ("en", "What?")), answers, again=repeated)


def shown(question: s.Ask) -> list[str]:
    said, again = with_choices(question)
    return [variant.string.value for one in (said, again) if one is not None for variant in one.variants]


def test_choices_are_counted_and_appended_everywhere() -> None:
    choices = (s.Answer(s.Pattern((KEUKEN,)), numbered=True), s.Answer(s.Pattern((BAD,)), numbered=True))
    other = s.Answer(s.Pattern((s.Word("ANDERS"),)))
    assert shown(ask(choices[0], other, choices[1], again=True)) == [
        "Wat? 1 KEUKEN, 2 BAD", "What? 1 KEUKEN, 2 BAD", "Nog eens: 1 KEUKEN, 2 BAD",
    ]  # fmt: skip
    assert shown(ask(*choices)) == ["Wat? 1 KEUKEN, 2 BAD", "What? 1 KEUKEN, 2 BAD"]
    assert shown(ask(other, again=True)) == ["Wat?", "What?", "Nog eens:"]


@pytest.mark.parametrize(
    ("elements", "expected"),
    [
        ((KEUKEN, BAD), "KEUKEN BAD"),
        ((s.Quoted("Nieuwe keuken"),), "Nieuwe keuken"),
        ((s.Choice(((KEUKEN, BAD), (BAD,)), "unit"),), "KEUKEN BAD"),
        ((s.Maybe((s.Word("DE"),)), KEUKEN), "KEUKEN"),
        ((s.Affirmation("yes"),), "YES"),
        ((KEUKEN, s.Slot("n", "number")), "KEUKEN"),
    ],
)
def test_how_a_choice_is_shown(elements: tuple[s.Element, ...], expected: str) -> None:
    assert label(s.Pattern(elements)) == expected


@pytest.mark.parametrize(("typed", "key"), [("2", 2), ("twee", 2), ("optie 2", 2), ("bad", 2), ("1", 0), ("3", None)])
def test_capability_14_a_choice_is_picked_by_number_or_word(typed: str, key: int | None) -> None:
    question = ask(
        s.Answer(s.Pattern((KEUKEN,)), numbered=True),
        s.Answer(s.Pattern((s.Word("ANDERS"),))),
        s.Answer(s.Pattern((BAD,)), numbered=True),
    )
    entries = [Entry(pattern, place) for place, pattern in enumerate(answers_of(question, Reading("nl", "NL")))]
    match = Matcher(entries).match(words_of(typed), date(2026, 1, 5))
    assert (None if match is None else match.key) == key
