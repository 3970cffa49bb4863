"""One typing mistake forgiven, in both directions: what must be understood, and what must not be guessed."""

import random

import pytest

from rules.keywords import MAX_CORRECTIONS, MAX_FORGIVEN_WORDS, Match, Matcher
from rules.typos import _one_mistake, mistaken
from rules.words import words_of
from tests.bench.bench_matcher import keywords_of, word_of
from tests.support.patterns import MONDAY, matcher

BOOK = matcher(
    "REPAIR",
    "REPAIR (KEUKEN | BAD | OVEN) as unit",
    "NPS <score 0..10>",
    "OFFER99",
    "FREEBURGER",
    "VOTE A",
    "NAAM <x text> EINDE",
    "BETAAL",
    "MAAT <a word> SCHOEN",
    "VAN <a text> NAAR <b text> TERUG",
    "... HULPLIJN",
    strict=frozenset({"BETAAL"}),
)


def forgiven(text: str, book: Matcher = BOOK, *, first_exact: bool = False) -> Match | None:
    words = words_of(text)
    return book.forgive(words, MONDAY, first_exact=first_exact)


@pytest.mark.parametrize(
    ("text", "key"),
    [
        ("REPIAR", "REPAIR"),
        ("REPAR", "REPAIR"),
        ("REPAAIR", "REPAIR"),
        ("REPAUR", "REPAIR"),
        ("REPA1R", "REPAIR"),
        ("EPAIR", "REPAIR"),
        ("REPAIRR", "REPAIR"),
        ("REPIAR KEUKEN", "REPAIR (KEUKEN | BAD | OVEN) as unit"),
        ("REPAIRKEUKEN", "REPAIR (KEUKEN | BAD | OVEN) as unit"),
        ("repairbad graag", "REPAIR (KEUKEN | BAD | OVEN) as unit"),
        ("NPS9", "NPS <score 0..10>"),
        ("VOTEA", "VOTE A"),
        ("OFER99", "OFFER99"),
        ("FREE BURGER", "FREEBURGER"),
        ("FREE-BURGER", "FREEBURGER"),
        ("NAAM Jan EINDEE", "NAAM <x text> EINDE"),
        ("MAAT 44 SCHON", "MAAT <a word> SCHOEN"),
        ("VAN hier NAARR daar TERUG", "VAN <a text> NAAR <b text> TERUG"),
        ("bel de hulplijnn nu", "... HULPLIJN"),
    ],
)
def test_one_mistake_is_forgiven(text: str, key: str) -> None:
    assert BOOK.match(words_of(text), MONDAY) is None
    found = forgiven(text)
    assert found is not None
    assert found.key == key


@pytest.mark.parametrize(
    "text",
    [
        "RPAR",  # two mistakes
        "REPAIRKEUKE",  # glued and mistyped
        "NPSS 9",  # three letters
        "NSP 9",
        "OFFER98",  # an author's digits say which offer
        "OFFER9",
        "OFFER999",
        "BETALA",  # strict: money
        "BETAALL",
        "NPS",
        "NPSX",
        "AB",
        "x" * 41,
        "",
        "👍",
    ],
)
def test_what_is_not_forgiven(text: str) -> None:
    assert forgiven(text) is None


def test_the_sender_keeps_his_spelling() -> None:
    found = forgiven("Naam Jan-Peter (jr) Eindee, dank")
    assert found is not None
    assert found.captured == {"x": "Jan-Peter (jr)"}
    assert found.rest == "dank"
    glued = forgiven("Repairkéuken!")
    assert glued is not None
    assert (glued.captured, glued.rest, glued.whole) == ({"unit": "keuken"}, "", True)


def test_on_a_shared_number_the_first_word_must_be_right() -> None:
    for text in ("REPIAR", "REPAIRKEUKEN", "FREE BURGER", "NPS9"):
        assert forgiven(text, first_exact=True) is None
    found = forgiven("repair keukne", first_exact=True)
    assert found is not None
    assert found.captured == {"unit": "keuken"}


def test_several_that_may_be_meant_are_none() -> None:
    assert forgiven("DRAAK", matcher("DRAAI", "DRAAD")) is None
    assert forgiven("DRAAIK", matcher("DRAAI", "DRAAK")) is None
    assert forgiven("DRAAK", matcher("X (DRAAI | DRAAD) as wat", "(DRAAI | DRAAD) as wat")) is None
    assert forgiven("JION", matcher("JOIN", "JON", strict=frozenset({"JON"}))) is not None
    assert forgiven("JOIIN", matcher("JOIN", "JOIEN", strict=frozenset({"JOIEN"}))) is None
    # Both ways of mending mean one rule, and the same by it.
    both = forgiven("KEUKENKEUKEN", matcher("KEUKEN KEUKEN", "KEUKEN KEUKEN [NU]"))
    assert both is not None


def test_mended_words_that_lead_nowhere_are_passed_over() -> None:
    assert forgiven("KEUKNE", matcher("KEUKEN NU")) is None
    assert forgiven("AA BBBBB", matcher("<a word> BBBB CCCC")) is None


def test_too_many_possible_mistakes_are_none() -> None:
    letters = "abcdefghijklmnopqrstuvwxyzàøßđñ0123456789"
    many = [f"DRAA{letter.upper()} X" for letter in "BCDEFGHIJKLMNOPQRSTUVWXYZ"] + [f"DRAA{n}{n} X" for n in range(10)]
    book = matcher("DRAAA", *many)
    assert forgiven("DRAA", book) is not None
    ways = matcher(
        *(f"<x{place} word> DRAA{letter.upper()}" for place, letter in enumerate(letters[:26])), "<x word> Y"
    )
    assert len(letters) > MAX_CORRECTIONS
    assert forgiven("a DRAA", ways) is None
    same = matcher("(" + " | ".join(f"DRAA{letter.upper()}{letter.upper()}" for letter in letters[:26]) + " | DRAAA)")
    assert forgiven("DRAA", same) is not None


def test_long_texts_are_no_mistyped_keyword() -> None:
    assert forgiven("repair keukne" + " x" * (MAX_FORGIVEN_WORDS - 2)) is not None
    assert forgiven("repair keukne" + " x" * MAX_FORGIVEN_WORDS) is None
    assert forgiven("x y z eindee", matcher("<a text> <b text> EINDE")) is not None
    assert forgiven("van " + "a " * 30 + "naarr b terug") is not None


def test_words_glued_to_many() -> None:
    book = matcher("AAP NOOT MIES WIM", "AAP NOOT MIES WIM ZUS")
    assert forgiven("AAPNOOTMIESWIM", book) is not None
    assert forgiven("AAPNOOTMIESWIMZUS", book) is None


def test_many_expected_words_are_looked_up_with_the_same_outcome() -> None:
    chance = random.Random(7)
    many = Matcher(keywords_of(2_000))
    few = {number: Matcher([entry]) for number, entry in enumerate(keywords_of(200))}
    understood = 0
    for number in range(0, 200, 5):
        text = word_of(number)
        at = chance.randrange(len(text))
        mistyped = chance.choice(
            (text[:at] + text[at + 1 :], text[:at] + "Q" + text[at + 1 :], text[:at] + "é" + text[at:])
        )
        alone, among = forgiven(mistyped, few[number]), forgiven(mistyped, many)
        assert alone is not None
        assert among is None or among.key == number
        understood += among is not None
    assert understood > 10


def test_both_ways_of_finding_mistakes_agree() -> None:
    chance = random.Random(3)
    for _ in range(3_000):
        typed = "".join(chance.choice("abc") for _ in range(chance.randint(1, 6)))
        meant = "".join(chance.choice("abc") for _ in range(chance.randint(1, 6)))
        assert _one_mistake(typed, meant) is (meant in mistaken(typed, "abc")), (typed, meant)
