"""From patterns as written to paths: choices and options spread out, captures settled, faults told whole."""

import pytest

from rules.diagnostics import render
from rules.patterns import (
    ANYTHING,
    MAX_PATHS,
    MAX_SYMBOLS,
    Capture,
    ChoiceWord,
    Reading,
    compile_choice,
    compile_pattern,
    pattern_faults,
)
from rules.slots import Reader
from rules.syntax import Choice, Maybe, Pattern, Quoted, Slot, Word
from tests.support.patterns import DUTCH, pattern

C = ChoiceWord


def paths(written: str, reading: Reading = DUTCH) -> list[tuple[object, ...]]:
    return [path.symbols for path in compile_pattern(pattern(written), reading).paths]


def test_words_choices_options() -> None:
    assert paths("REPAIR") == [("repair",)]
    assert paths('"Repair nú"') == [("repair", "nu")]
    assert paths('"50% 👍"') == [("50", "%", "👍")]
    assert paths("JOIN | SUB NU") == [(C("join"),), (C("sub"), C("nu"))]
    assert paths("REPAIR [NU] (KEUKEN | BAD)") == [
        ("repair", "nu", C("keuken")),
        ("repair", "nu", C("bad")),
        ("repair", C("keuken")),
        ("repair", C("bad")),
    ]
    assert paths("[NU] A [NU]") == [("nu", "a", "nu"), ("nu", "a"), ("a", "nu"), ("a",)]
    assert paths("(A | A)") == [(C("a"),)]


def test_what_fits_no_word_is_no_path() -> None:
    assert [path.symbols for path in compile_pattern(Pattern((Maybe((Word("A"),)),)), DUTCH).paths] == [("a",)]


def test_yes_and_no_are_the_words_of_market_and_language() -> None:
    yes, no = paths("yes"), paths("no", Reading("fr", "CA"))
    assert (C("ja"),) in yes
    assert (C("non"),) in no
    assert (C("no"),) in no
    assert (C("d"), C("accord")) in paths("yes", Reading("fr", "FR"))


def test_slots_know_language_and_market_only_where_it_matters() -> None:
    assert paths("<a 0..10> <b word> <c date> <d phone> <e /x+/>") == [
        (
            Reader("range", 0, 10, language="nl"),
            Reader("word"),
            Reader("date", language="nl", market="NL"),
            Reader("phone", market="NL"),
            Reader("regex", regex="x+"),
        )
    ]


def test_dots_make_a_pattern_loose() -> None:
    loose = compile_pattern(pattern("... HELP"), DUTCH)
    assert (loose.paths[0].symbols, loose.loose) == ((ANYTHING, "help"), True)
    assert not compile_pattern(pattern("HELP"), DUTCH).loose


def captures(written: str) -> list[tuple[Capture, ...]]:
    return [path.captures for path in compile_pattern(pattern(written), DUTCH).paths]


def test_captures() -> None:
    assert captures('A (KEUKEN | HET BAD | "De Óven") as unit') == [
        (Capture("unit", ("keuken",)),),
        (Capture("unit", ("het", "bad")),),
        (Capture("unit", ("De Óven",)),),
    ]
    assert captures("(yes | no) as x")[0] == (Capture("x", ("yes",)),)
    assert captures("<a word> (MAAT <b number> | GEEN) as maat <c word>") == [
        (
            Capture("a", (0,), typed=True),
            Capture("b", (1,), typed=True),
            Capture("maat", ("maat", 1)),
            Capture("c", (2,), typed=True),
        ),
        (Capture("a", (0,), typed=True), Capture("maat", ("geen",)), Capture("c", (1,), typed=True)),
    ]


def test_numbered_choices() -> None:
    compiled = compile_choice(pattern("(BAD | TOILET) as unit"), 2, DUTCH)
    symbols = [path.symbols for path in compiled.paths]
    assert symbols[:4] == [(C("bad"),), (C("toilet"),), (C("2"),), (C("twee"),)]
    assert (C("optie"), C("2")) in symbols
    assert (C("keuze"), C("twee")) in symbols
    assert {path.captures for path in compiled.paths[2:]} == {(Capture("unit", ("bad",)),)}
    slot = compile_choice(pattern("ANDERS <wat text>"), 3, DUTCH)
    assert slot.paths[1].captures == ()


def word(text: str) -> Word:
    return Word(text)


TOO_MANY = Pattern((Choice(tuple((word(f"W{n}"),) for n in range(100))),) * 2)


@pytest.mark.parametrize(
    ("faulty", "said"),
    [
        (
            Pattern((Maybe((word("A"),)),)),
            "error R611: this pattern fits a text without any word\n  help: add a word that is not optional",
        ),
        (
            Pattern((Choice(((word("A"),), (Maybe((word("B"),)),))),)),
            "error R611: this pattern fits a text without any word\n  help: add a word that is not optional",
        ),
        (
            Pattern((word("A"), Quoted(" "))),
            "error R612: there is no word between the quotes\n  help: write the word a phone will send",
        ),
        (
            Pattern((Maybe((Slot("x", "range", 10, 0),)), word("A"))),
            "error R613: no number lies between 10 and 0\n  help: write 0..10",
        ),
        (
            Pattern((Choice(((Slot("x", "regex", regex="(?=a)"),),)),)),
            "error R614: this regular expression cannot be read: invalid perl operator: (?=\n"
            "  help: write it in RE2's syntax (no look-around, no back references)",
        ),
        (
            TOO_MANY,
            f"error R610: this pattern stands for 10000 sequences of up to 2 words; at most {MAX_PATHS} sequences of "
            f"{MAX_SYMBOLS} words are kept\n  help: split it into several rules with fewer choices each",
        ),
        (
            Pattern((word("A"),) * 61),
            f"error R610: this pattern stands for 1 sequences of up to 61 words; at most {MAX_PATHS} sequences of "
            f"{MAX_SYMBOLS} words are kept\n  help: split it into several rules with fewer choices each",
        ),
    ],
)
def test_patterns_that_cannot_be_used(faulty: Pattern, said: str) -> None:
    assert [render(fault, {}).partition(": ")[2] for fault in pattern_faults(faulty)] == [said]


def test_sound_patterns_have_no_fault() -> None:
    for written in ("REPAIR [NU] (KEUKEN | BAD) as unit <x 0..10>", "...", "<x /a+/>", '"👍"', "yes"):
        assert pattern_faults(pattern(written)) == []
