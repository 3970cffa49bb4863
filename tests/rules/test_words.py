"""Normal form: what must make no difference, what must, and where each word stands in the original."""

import timeit
from unicodedata import normalize

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rules.words import (
    MAX_FOLDED_CHARACTERS,
    MAX_MARKS,
    MAX_MATCHED_CHARACTERS,
    Words,
    _Folding,
    fold,
    items_of,
    mark_of,
    words_of,
)


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("  Repair, keuken!! ", ["repair", "keuken"]),
        ("REPAIR-KEUKEN", ["repair", "keuken"]),
        ("repair  kéuken", ["repair", "keuken"]),
        ("repair\u00a0keuken\r\n", ["repair", "keuken"]),
        ("repair😀keuken", ["repair", "keuken"]),
        ("ARRÊT", ["arret"]),
        ("arre\u0302t", ["arret"]),
        ("ŁÓDŹ Søren", ["lodz", "soren"]),
        ("STRASSE Straße", ["strasse", "strasse"]),
        ("cœur", ["coeur"]),
        ("ＲＥＰＡＩＲ １２", ["repair", "12"]),
        ("१० ٣", ["10", "3"]),
        ("½ m²", ["1", "2", "m2"]),
        ("Ⅳ", ["iv"]),
        ("1️⃣", ["1"]),
        ("foto's", ["foto", "s"]),
        ("snake_case", ["snake", "case"]),
        ("soft\u00adhyphen", ["softhyphen"]),
        ("مُساعدة", ["مساعدة"]),
        ("हिन्दी", ["हिनदी"]),
        ("が か", ["か\u3099", "か"]),
        ("𐌰𐍂 㐀 ೧", ["𐌰𐍂", "㐀", "1"]),
        ("", []),
        (" \n ", []),
        ("👍", ["👍"]),
        (" ?! ", ["?!"]),
    ],
)
def test_what_makes_no_difference(text: str, words: list[str]) -> None:
    assert words_of(text).words == words


def test_slices_are_the_senders_own_characters() -> None:
    text = " Répa\u0301ir,  12,50 ½x 👍 "
    words = words_of(text)
    assert [text[start:end] for start, end in words.slices] == ["Répa\u0301ir", "12", "50", "½", "½x"]
    assert words.spelled(1, 3) == "12,50"
    assert words_of("a  b").slices == [(0, 1), (3, 4)]
    assert words_of(" ?! ").slices == [(1, 3)]


@given(st.text(max_size=80))
def test_every_word_is_the_normal_form_of_its_slice(text: str) -> None:
    words = words_of(text)
    assert len(words.words) == len(words.slices)
    assert words.slices == sorted(words.slices)
    if fold(text).strip():
        for word, (start, end) in zip(words.words, words.slices, strict=True):
            assert word in fold(text[start:end]).split()


@given(st.text(max_size=60))
def test_compatible_forms_are_the_same_words(text: str) -> None:
    words = fold(text).split()
    # Marks that stand alone may come together with a letter in another form; they add nothing to it.
    assert fold(normalize("NFKD", text)).split() == words
    assert fold(normalize("NFC", text)).split() == words
    assert fold(fold(text)).split() == words


@given(st.text(alphabet=st.characters(max_codepoint=127), max_size=60))
def test_the_fast_way_for_ascii_is_the_same_way(text: str) -> None:
    assert fold(text) == text.translate(_Folding())


def test_a_long_text_is_cut_for_matching_only() -> None:
    text = "é " * MAX_MATCHED_CHARACTERS
    words = words_of(text)
    assert words.words == ["e"] * (MAX_MATCHED_CHARACTERS // 2)
    assert len(words.slices) == len(words.words)
    assert words.original == text


def test_the_table_of_characters_stays_bounded() -> None:
    folding = _Folding()
    for code in range(MAX_FOLDED_CHARACTERS + 500):
        assert folding[code] == folding.__missing__(code)
    assert len(folding) == MAX_FOLDED_CHARACTERS


def test_marks_are_words_where_a_rule_quotes_them() -> None:
    marked = words_of("Nu 50％ korting!").with_marks(frozenset("%"))
    assert marked is not None
    assert marked.words == ["nu", "50", "%", "korting"]
    assert marked.spelled(1, 3) == "50％"
    assert words_of("nu 50 korting").with_marks(frozenset("%")) is None
    assert words_of("nu é korting").with_marks(frozenset("%")) is None
    alone = words_of("!!👍").with_marks(frozenset("👍"))
    assert alone is not None
    assert alone.words == ["👍"]
    wall = words_of("a" + "👍" * 500).with_marks(frozenset("👍"))
    assert wall is not None
    assert len(wall.words) == 1 + MAX_MARKS


def test_the_words_and_marks_of_a_quoted_text() -> None:
    assert items_of("50% korting") == ["50", "%", "korting"]
    assert items_of("c++") == ["c", "+", "+"]
    assert items_of("مساعدة") == ["مساعدة"]
    assert items_of(" ") == []
    assert (mark_of("％"), mark_of("a"), mark_of(" "), mark_of("\u200d")) == ("%", "", "", "")


def test_other_words_in_place_of_some() -> None:
    words = words_of("Ik wil REPAIRKÉUKEN nu")
    cut = words.cut(2, ["repair", "keuken"])
    assert [words.original[start:end] for _, (start, end) in cut] == ["REPAIR", "KÉUKEN"]
    changed = words.replaced(2, 1, cut)
    assert changed.words == ["ik", "wil", "repair", "keuken", "nu"]
    assert changed.spelled(2, 4) == "REPAIRKÉUKEN"
    assert changed.without(frozenset((0, 1))).words == ["repair", "keuken", "nu"]
    assert Words("ab", ["ab"]).cut(0, ["ab", "c"]) == [("ab", (0, 2)), ("c", (2, 2))]


def test_a_short_text_costs_microseconds() -> None:
    text = "Repair, keuken!! De kraan lekt sinds gisteravond."
    each = min(timeit.repeat(lambda: words_of(text), number=2_000, repeat=5)) / 2_000
    assert each < 30e-6  # 2 are usual; a busy machine is no failure
