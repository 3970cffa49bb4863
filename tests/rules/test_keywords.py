"""Which rule a text starts: the precedence of LANGUAGE.md section 4 in examples, and what a match costs."""

from decimal import Decimal

import pytest

from rules.keywords import Entry, Matcher
from rules.patterns import Reading, compile_pattern
from rules.words import words_of
from tests.bench.bench_matcher import keywords_of, pattern_of, texts_of
from tests.support.patterns import DUTCH, MONDAY, matched, matcher, pattern

REPAIR = "REPAIR (KEUKEN | BAD | OVEN) as unit"


@pytest.mark.parametrize("text", ["  Repair   keuken!!", "REPAIR-KEUKEN", "repair  kéuken", "repair😀keuken graag"])
def test_case_space_and_punctuation_make_no_difference(text: str) -> None:
    found = matched(matcher("REPAIR", REPAIR), text)
    assert (found.key, found.captured) == (REPAIR, {"unit": "keuken"})


# Each of these beats the next on the text beside it (LANGUAGE.md section 4).
LADDER = [
    ("A 9", "A 9"),
    ("A (9 | 8)", "A 9"),
    ("A <x 0..10>", "A 9"),
    ("A <x email>", "A jan@x.nl"),
    ("A <x phone>", "A 0612345678"),
    ("A <x date>", "A 24.12"),
    ("A <x time>", "A 9.30"),
    ("A <x number>", "A 9.30"),
    ("A <x /[0-9.]+/>", "A 9.30"),
    ("A <x word>", "A b"),
    ("A <x text>", "A b"),
    ("A", "A b"),
]


@pytest.mark.parametrize("step", range(len(LADDER)))
def test_the_more_specific_kind_wins(step: int) -> None:
    winner, text = LADDER[step]
    below = [written for written, _ in LADDER[step:]]
    assert matched(matcher(*below), text).key == winner
    assert matched(matcher(*reversed(below)), text).key == winner


@pytest.mark.parametrize(
    ("rules", "text", "winner"),
    [
        (("A", "(A | B) C"), "A C", "A"),
        (("<x word> C", "<x text> C D"), "z C D", "<x word> C"),
        (("A <x 0..10>", "A <x 5..20> B"), "A 7 B", "A <x 5..20> B"),
        (("A <x 0..10> <y word>", "A <x 5..20> B"), "A 7 B", "A <x 5..20> B"),
        (("A B C", "A <x word>"), "A B", "A <x word>"),
        (("A B C", "A"), "A B", "A"),
        (("A <d date>", "A <x word>"), "A 24 december 2026", "A <d date>"),
        (("A <d date> <n number>",), "A 24 december 2026", "A <d date> <n number>"),
        (("A ...", "A"), "A B", "A"),
        (("... HELP", "<x text>"), "ik wil help", "<x text>"),
        (("... HELP", "... HELP NU"), "ik wil help nu", "... HELP NU"),
    ],
)
def test_the_first_word_where_two_differ_decides(rules: tuple[str, ...], text: str, winner: str) -> None:
    assert matched(matcher(*rules), text).key == winner
    assert matched(matcher(*reversed(rules)), text).key == winner


def test_a_rule_with_on_beats_one_without_and_the_earlier_one_the_later() -> None:
    compiled = compile_pattern(pattern("A"), DUTCH)
    assert (
        matched(Matcher([Entry(compiled, 1), Entry(compiled, 2, on=True), Entry(compiled, 3, on=True)]), "A").key == 2
    )


def test_what_a_match_tells() -> None:
    book = matcher("ORDER <nr number>", "NAAM <voornaam word> [<rest text>]", "A")
    order = matched(book, "Order: 1.234,50 graag!")
    assert (order.captured, order.spelled) == ({"nr": Decimal("1234.50")}, {"nr": "1.234,50"})
    assert (order.rest, order.text, order.whole) == ("graag!", "Order: 1.234,50 graag!", False)
    name = matched(book, "naam Jan de Vries.")
    assert (name.captured, name.rest, name.whole) == ({"voornaam": "Jan", "rest": "de Vries"}, "", True)
    assert "rest" not in matched(book, "naam Jan").captured
    assert not book.match(words_of("naam"), MONDAY)
    assert not book.match(words_of(""), MONDAY)


def test_a_choice_with_a_slot_keeps_how_it_was_spelled() -> None:
    found = matched(matcher("MAAT (CM <n number> | GROOT) as maat"), "maat cm 1.200")
    assert found.captured == {"n": 1200, "maat": "cm 1.200"}


def test_numbers_in_the_contacts_language() -> None:
    book = matcher("NPS <score 0..20>")
    assert matched(book, "nps twaalf").captured == {"score": 12}
    assert matched(book, "nps twelve", "en").captured == {"score": 12}
    assert book.match(words_of("nps twelve"), MONDAY) is None


def test_quoted_punctuation_and_emoji_count() -> None:
    book = matcher('"50%"', "50", '"👍"', "<x word> B", '"c++" C')
    assert matched(book, "50% korting").key == '"50%"'
    assert matched(book, "50 korting").key == "50"
    assert matched(book, "!!👍👍").key == '"👍"'
    assert matched(book, "👍 ja").rest == "ja"
    assert matched(book, "C++ c").key == '"c++" C'
    assert book.match(words_of("c c"), MONDAY) is None
    assert matched(book, "a % b").key == "<x word> B"
    assert matched(book, "50 👍").whole
    assert matched(matcher("A B", '"!"'), "A! B").key == "A B"
    assert matched(matcher("<x word> B", "<x text> C", '"!"'), "! a b").key == '"!"'
    assert matched(matcher("<x word> B", "<x text> C", '"!" D'), "! a ! b").captured == {"x": "a"}
    assert matched(matcher("<x word> B", "<x text> C", '"!" D'), "! a ! c").captured == {"x": "a"}


def test_an_emoji_alone_is_a_text() -> None:
    assert matched(matcher("<x text>"), "👍").captured == {"x": "👍"}
    assert matched(matcher("<x text>", '"!"'), "👍").captured == {"x": "👍"}
    assert matched(matcher("<x text>", '"!" A'), "!?").captured == {"x": "!?"}


def test_dots_take_any_words() -> None:
    book = matcher("... (KEUKEN | BAD) as unit ...", "GEEN ... IDEE")
    found = matched(book, "het lekt in de keuken hoor")
    assert (found.captured, found.whole, found.rest) == ({"unit": "keuken"}, True, "")
    assert matched(book, "geen flauw idee").key == "GEEN ... IDEE"
    assert matched(book, "geen idee").whole
    assert book.match(words_of("geen"), MONDAY) is None
    assert matched(matcher("..."), "").whole
    assert matched(matcher("... <x text> NU"), "kom maar nu dan").captured == {"x": "kom maar"}


def test_texts_between_words_take_as_little_as_they_must() -> None:
    book = matcher("VAN <a text> NAAR <b text>")
    assert matched(book, "van Den Haag naar Bergen naar zee").captured == {"a": "Den Haag", "b": "Bergen naar zee"}
    assert book.match(words_of("van Den Haag"), MONDAY) is None
    assert book.match(words_of("van"), MONDAY) is None


def test_long_texts_cost_no_more_than_their_words() -> None:
    words = words_of("a " * 999 + "b")
    assert len(words.words) == 1000
    for written in ("<a text> <b text> X", "... <a text> X ... <b text> Y ...", "<a text> A <b text> B <c text>"):
        assert matcher(written).visits(words, MONDAY) < 10 * len(words.words)


def test_matching_costs_the_same_among_twenty_thousand_keywords() -> None:
    few, many = Matcher(keywords_of(1_000)), Matcher(keywords_of(20_000))
    for text in texts_of(1_000, 200):
        words = words_of(text)
        assert many.visits(words, MONDAY) == few.visits(words, MONDAY) <= 4
        one, other = few.match(words, MONDAY), many.match(words, MONDAY)
        assert (one and (one.key, one.captured)) == (other and (other.key, other.captured))
    assert all(
        many.match(words_of(pattern_of(number).elements[0].text + " 7"), MONDAY)  # type: ignore[union-attr]
        for number in range(4, 20_000, 500)
    )


def test_one_number_may_have_brands_of_several_languages() -> None:
    entries = [
        Entry(compile_pattern(pattern("NPS <x 0..20>"), Reading("nl", "NL")), "nl"),
        Entry(compile_pattern(pattern("NPS <x 0..20>"), Reading("en", "NL")), "en"),
    ]
    assert matched(Matcher(entries), "NPS twaalf").key == "nl"
    assert matched(Matcher(entries), "NPS twelve").key == "en"
