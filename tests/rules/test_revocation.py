"""Graded revocation in both directions: the lists of `revocation/`, and the rules that hold in any language."""

from collections import defaultdict

import pytest

from rules.packs import load
from rules.revocation import LONGEST_SAID, MAX_EVIDENCE, Claimed, Revocation, ears_of, revocation
from rules.typos import mistaken
from rules.words import Words, words_of
from tests.support.revocation_cases import KEYWORDS, LANGUAGES, Case, cases

LEAST_CASES = 200
"""Texts of each language that opt out, and as many that do not."""


def nothing(words: Words) -> None:
    """No keyword and no question."""


def keywords(words: Words) -> Claimed | None:
    return "keyword" if " ".join(words.words).upper() in KEYWORDS else None


def said(text: str, market: str = "NL", language: str = "nl") -> Revocation | None:
    return revocation(words_of(text), market, (language,), keywords)


def level(text: str, market: str = "NL", language: str = "nl") -> int:
    found = said(text, market, language)
    return 0 if found is None else found.level


def wrong(case: Case, text: str) -> str:
    """What is not as the list has it; empty when all is."""
    found = said(text, case.market, case.language)
    came = (0, "brand") if found is None else (found.level, found.scope if found.level < 4 else "brand")
    return "" if came == (case.level, case.scope) else f"{case.place} {case.market}: {text!r} came to {found}"


@pytest.mark.parametrize("language", LANGUAGES)
def test_every_text_of_the_lists_comes_to_what_it_must(language: str) -> None:
    assert [fault for case in cases(language) if (fault := wrong(case, case.text))] == []


@pytest.mark.parametrize("language", LANGUAGES)
def test_capitals_emoji_and_politeness_make_no_difference(language: str) -> None:
    for case in cases(language):
        for text in (case.text.upper(), case.text.lower(), f"🙏 {case.text} 🙏", f"  {case.text}  "):
            assert wrong(case, text) == "", text


@pytest.mark.parametrize("language", LANGUAGES)
def test_the_lists_are_long_enough_and_say_nothing_twice(language: str) -> None:
    found = cases(language)
    for opts_out in (True, False):
        assert len({case.text for case in found if (case.level in (1, 2, 3)) is opts_out}) >= LEAST_CASES
    places = defaultdict(set)
    for case in found:
        places[case.market, case.text].add(case.place)
    assert [twice for twice in places.items() if len(twice[1]) > 1] == []
    for stage in range(5):
        assert sum(case.level == stage for case in found) >= 20, stage


@pytest.mark.parametrize("language", LANGUAGES)
def test_no_ordinary_neighbour_is_an_opt_out(language: str) -> None:
    for market in load().markets.values():
        if language in market.languages:
            for word in load().languages[language].revocation.neighbours:
                found = revocation(words_of(word), market.code, (language,), nothing)
                assert found is None or found.level in (1, 4), (market.code, word)


def test_every_one_edit_of_stop_but_ordinary_words_counts() -> None:
    known = {"stop", "stomp"}
    for typed in mistaken("stop", "abcdefghijklmnopqrstuvwxyz") - known:
        ordinary = typed in load().languages["nl"].revocation.neighbours or len(typed) < 3
        assert (level(typed) == 2) is not ordinary, typed


def test_the_evidence_is_what_was_written_and_what_it_was_taken_for() -> None:
    assert said("Stpo!!") == Revocation(2, "brand", "nl", "Stpo!!", "stop")
    found = said("Wie is dit? Geen SMS meer.")
    assert found is not None
    assert (found.level, found.evidence, found.language) == (3, "Geen SMS meer", "nl")
    assert "sms" not in found.meant
    held = said("We moeten dit STOP noemen " + "en nog veel meer " * 20)
    assert held is not None
    assert (held.level, held.meant, len(held.evidence)) == (4, "stop", MAX_EVIDENCE)


def test_a_keyword_narrows_it_down_and_is_handed_back() -> None:
    for text, stage in (("STOP Burger!", 1), ("Sotp burger", 2), ("burger, stop", 3)):
        found = said(text)
        assert found is not None
        assert found.keyword is not None
        assert (found.level, found.scope, found.keyword.words) == (stage, "keyword", ["burger"]), text
    assert said("stop keuken") == Revocation(4, "brand", "nl", "stop keuken", "stop")
    opted = said("opt out burger", "US", "en")
    assert opted is not None
    assert (opted.level, opted.scope, opted.language) == (1, "keyword", "en")


def test_what_a_brand_or_a_question_waits_for_is_no_revocation() -> None:
    answers = {"stpo", "laat me met rust", "bushalte stop hier", "burger stop"}

    def waits(words: Words) -> Claimed | None:
        text = " ".join(words.words)
        return "answer" if text in answers else "keyword" if text == "burger" else None

    for text in ("STPO", "stpo graag", "Laat me met rust", "Bushalte: stop hier", "burger stop"):
        assert revocation(words_of(text), "NL", ("nl",), waits) is None, text
    stopped = revocation(words_of("stop"), "NL", ("nl",), lambda words: "answer")
    assert stopped is not None
    assert stopped.level == 1
    for text in ("stop ja", "ja stop"):
        narrowed = revocation(words_of(text), "NL", ("nl",), lambda words: "answer" if words.words == ["ja"] else None)
        assert narrowed is not None
        assert narrowed.scope == "brand", text


def test_a_word_as_near_to_another_reserved_word_is_for_a_person() -> None:
    assert level("AMELDEN", "DE", "de") == 4
    assert level("ANMELDEN", "DE", "de") == 0
    assert level("USTOP", "US", "en") == 4
    assert level("amelden morgen", "DE", "de") == 0
    assert level("de trein stpo", "BE", "nl") == 0
    assert level("stpo stpo STPO") == 2
    assert level("stpo sotp") == 0


def test_a_letter_is_read_by_a_person() -> None:
    letter = "Stop met sms'en. " + "Want ik heb het al zo vaak gezegd. " * 20
    assert level(letter[:LONGEST_SAID]) == 3
    assert level(letter) == 4
    assert level("stpo " + "aub " * 200) == 0
    assert level("Stop alles nu. " + "Ik zeg het nog een keer en dan niet meer. " * 20) == 4


def test_the_brands_language_and_all_of_the_market_count() -> None:
    assert level("keine SMS mehr", "NL", "nl") == 0
    assert level("keine SMS mehr", "BE", "nl") == 3
    assert level("keine SMS mehr", "NL", "de") == 3
    assert level("STOPP", "NL", "nl") == 2
    assert level("STOPP", "DE", "de") == 1
    found = revocation(words_of("geen sms meer"), "US", ("en", "nl"), nothing)
    assert found is not None
    assert found.language == "nl"
    assert revocation(words_of("STPO"), None, (), nothing) == Revocation(2, "brand", "en", "STPO", "stop")
    assert revocation(words_of("unsubscribe me"), "ES", ("es",), nothing) is not None


def test_a_text_without_a_word_to_listen_for_is_not_looked_at() -> None:
    """Asked for nothing but its words: a claim that is called would fail the test."""

    def never(words: Words) -> None:
        raise AssertionError(words.words)

    ears = ears_of("NL", ("nl",))
    for text in ("JOIN 000123", "Repair keuken", "ja graag", "Wanneer komt de monteur dan langs op maandag?", "👍", ""):
        words = words_of(text)
        assert ears.alarm.isdisjoint(words.words), text
        assert revocation(words, "NL", ("nl",), never) is None


def test_walls_of_punctuation_and_of_stops_end() -> None:
    assert level("." * 5_000) == 0
    assert level("stop. " * 5_000) == 4
    assert level("a stop b; " * 40) == 4
    assert level(", ".join(["huis"] * 39 + ["geen sms meer"]), "NL", "nl") == 3
    assert level(", ".join(["huis"] * 60 + ["laat me met rust"]), "NL", "nl") == 0
