"""What a slot takes of a text, from which character to which, and how it is kept."""

import pytest

from rules.facts import Value
from rules.slots import MAX_REGEX_CHARACTERS, MAX_REGEX_WORDS, Reader, RegexFault, compile_regex, read, rest_after, said
from rules.syntax import SlotKind
from rules.words import words_of
from tests.support.patterns import MONDAY


def taken(kind: SlotKind, text: str, at: int = 1, *, high: int = 10, regex: str = "") -> list[tuple[Value, str, int]]:
    reader = Reader(kind, high=high, regex=regex, language="nl", market="NL")
    return [(value, spelled, end) for end, value, spelled in read(reader, words_of(text), at, MONDAY, None)]


@pytest.mark.parametrize(
    ("kind", "text", "expected"),
    [
        ("range", "nps 10!", [(10, "10", 2)]),
        ("range", "NPS: (tien)", [(10, "tien", 2)]),
        ("range", "nps-9", [(9, "9", 2)]),
        ("range", "nps 11", []),
        ("range", "nps -1", []),
        ("range", "nps 9,5", []),
        ("range", "nps 9:30", []),
        ("range", "nps 9 10", [(9, "9", 2)]),
        ("number", "x € 12", [(12, "12", 2)]),
        ("number", "x EUR 5 y", [(5, "EUR 5", 3)]),
        ("number", "x 5 EUR", [(5, "5", 2), (5, "5 EUR", 3)]),
        ("number", "x -5", [(-5, "-5", 2)]),
        ("number", "x - 5", [(5, "5", 2)]),
        ("number", "x (-5)", [(5, "5", 2)]),
        ("number", "x-5", [(5, "5", 2)]),
        ("word", "naam Jan-Peter!", [("Jan-Peter", "Jan-Peter", 3)]),
        ("word", "naam: «Zoë»", [("Zoë", "Zoë", 2)]),
        ("word", "naam:Jan", [("Jan", "Jan", 2)]),
        ("email", "mail <jan@x.nl>.", [("jan@x.nl", "jan@x.nl", 4)]),
        ("email", "mail jan", []),
        ("phone", "bel +31 (0)6 12345678 nu", [("+31612345678", "+31 (0)6 12345678", 5)]),
        ("phone", "bel 06-12345678.", [("+31612345678", "06-12345678", 3)]),
        ("text", "noot jan", [("jan", "jan", 2)]),
    ],
)
def test_what_is_taken(kind: SlotKind, text: str, expected: list[tuple[Value, str, int]]) -> None:
    assert taken(kind, text) == expected


def test_the_first_word_may_have_its_sign() -> None:
    assert taken("number", "-5", 0) == [(-5, "-5", 1)]


def test_dates_and_times_take_several_stretches() -> None:
    assert [spelled for _, spelled, _ in taken("date", "op 24 december 2026 graag")] == [
        "24 december",
        "24 december 2026",
    ]
    assert [spelled for _, spelled, _ in taken("time", "om 9 uur graag")] == ["9 uur"]
    assert taken("date", "op 24-12.")[0][1:] == ("24-12", 3)


def test_the_contacts_language_comes_before_the_brands() -> None:
    reader = Reader("range", high=20, language="nl")
    words = words_of("nps twelve")
    assert read(reader, words, 1, MONDAY, None) == []
    assert [value for _, value, _ in read(reader, words, 1, MONDAY, "en")] == [12]


@pytest.mark.parametrize(
    ("regex", "text", "expected"),
    [
        (r"[0-9]{4}\s?[a-z]{2}", "adres 1234 AB 5", ["1234 AB"]),
        (r"#[0-9]+", "order #12345 status?", ["#12345"]),
        (r"#[0-9]+", "order:#12345 status?", []),
        (r":#[0-9]+", "order:#12345 status?", [":#12345"]),
        (r"[0-9]+%", "actie 50%, ja", ["50%"]),
        (r"[0-9]+", "actie 50%", ["50"]),
        (r"[a-z]+", "actie keuken7", []),
        (r"k.*n", "actie keuken en tuin", ["keuken", "keuken en", "keuken en tuin"]),
    ],
)
def test_regular_expressions(regex: str, text: str, expected: list[str]) -> None:
    assert [spelled for _, spelled, _ in taken("regex", text, regex=regex)] == expected


def test_regular_expressions_are_bounded() -> None:
    assert len(taken("regex", "a " * 100, 0, regex=".*")) == MAX_REGEX_WORDS
    with pytest.raises(RegexFault, match="missing"):
        compile_regex("(")
    with pytest.raises(RegexFault, match="longer than 256 characters"):
        compile_regex("a" * (MAX_REGEX_CHARACTERS + 1))


@pytest.mark.parametrize(
    ("text", "start", "end", "expected"),
    [
        ("NOOT: Alles (kapot)!!", 1, 3, "Alles (kapot)"),
        ("NOOT (keuken) kapot", 1, 2, "(keuken)"),
        ("NOOT 👍 top", 1, 2, "👍 top"),
        ("noot-keuken-kapot", 1, 2, "keuken"),
        ("Waarom??? ", 0, 1, "Waarom"),
        ("???", 0, 1, "???"),
        (" 👍 ", 0, 1, "👍"),
    ],
)
def test_what_a_text_slot_keeps(text: str, start: int, end: int, expected: str) -> None:
    assert said(words_of(text), start, end) == expected


def test_the_rest_is_the_original_text_after_the_last_word() -> None:
    words = words_of("REPAIR, mijn Óven (nieuw) is stuk!  ")
    assert rest_after(words, 1) == "mijn Óven (nieuw) is stuk!"
    assert rest_after(words, len(words.words)) == ""
    assert rest_after(words, 0) == "REPAIR, mijn Óven (nieuw) is stuk!"
