"""Rules that clash: each finding whole, what must be found, what must not, and that the matcher bears it out."""

import random
import time

import pytest

from rules.conflicts import Claim, Ground, clashes
from rules.diagnostics import render
from rules.keywords import Entry, Matcher
from rules.patterns import Reading, compile_choice, compile_pattern
from rules.samples import regex_samples, samples_of
from rules.slots import Reader
from rules.words import words_of
from tests.bench.bench_matcher import claims_of
from tests.rules import test_matcher_differential as differential
from tests.support.patterns import DUTCH, MONDAY, pattern


def claim(written: str, line: int = 1, brand: str = "De Klusser", *, on: bool = False) -> Claim:
    """A keyword of a brand, standing on that line of the brand's file."""
    tree = pattern(written, f"{brand.lower().replace(' ', '')}.rules", line)
    return Claim(brand, "nl", compile_pattern(tree, DUTCH), tree.span, on)


def told(*claims: Claim, shared: bool = False, number: str | None = "4411", market: str = "NL") -> list[str]:
    found = clashes(Ground(claims, market, number, shared))
    return [f"{one.span.line} {one.code}" for one in found]


def between(*written: str) -> list[str]:
    return told(*(claim(one, line) for line, one in enumerate(written, 1)))


def whole(*claims: Claim, shared: bool = False, number: str | None = "4411") -> list[str]:
    return [render(one, {}) for one in clashes(Ground(claims, "NL", number, shared))]


def test_two_rules_that_fit_equally_well() -> None:
    assert whole(claim("REPAIR (KEUKEN | BAD)", 3), claim("REPAIR (BAD | OVEN)", 7)) == [
        'deklusser.rules:7:9: error R601: "REPAIR BAD" fits this and deklusser.rules:3 equally well\n'
        "  deklusser.rules:3:9: the other one\n"
        "  help: make one of them say more, or leave one out: the more specific one wins"
    ]


@pytest.mark.parametrize(
    "rules",
    [
        ("A", "A"),
        ("A", '"á"'),
        ("A | B", "B | C"),
        ("NPS <x 0..10>", "NPS <y 5..20>"),
        ("A <x number>", "A <y number>"),
        ("A <x date>", "A <y date>"),
        ("A <x phone>", "A <y phone>"),
        ("A <x email>", "A <y email>"),
        ("A <x time>", "A <y time>"),
        ("A <x word> B", "A <y word> B"),
        ("A <x text>", "A <y text>"),
        ("A <x text> <y text>", "A <z text>"),
        ("A <x /[a-z]+/>", "A <y /b+/>"),
        ("A <x /q+/> <y /q+/>", "A <y /[q ]+/>"),
        ("A [B]", "A B"),
        ("[A] B", "B"),
        ("... A", "A ..."),
        ("A ... B", "... A B"),
        ("yes", "(JA | NEE)"),
        ('"50%"', '"50 %"'),
        ("(<a 0..5> | <b 6..10>)", "<c 6..7>"),
    ],
)
def test_pairs_that_tie(rules: tuple[str, str]) -> None:
    assert [one for one in between(*rules) if "R601" in one] == ["2 R601"]
    assert [one for one in between(*reversed(rules)) if "R601" in one] == ["2 R601"]


@pytest.mark.parametrize(
    "rules",
    [
        ("A", "B"),
        ("A", "A B"),
        ("A | B", "B"),
        ("NPS <x 0..10>", "NPS <y 11..20>"),
        ("A <x number>", "A <y 0..10>"),
        ("A <x text> B", "A <y text> C"),
        ("A <x /a+/>", "A <y /b+/>"),
        ("A <x word> B", "A <y word>"),
        ("... A", "... B"),
        ("... A", "A B"),
        ('"50%"', "50"),
        ("yes", "no"),
        ("A <x date>", "A <y time>"),
    ],
)
def test_pairs_that_may_stand_together(rules: tuple[str, str]) -> None:
    assert between(*rules) == between(*reversed(rules)) == []


def test_a_pair_is_told_once_and_three_rules_are_three_pairs() -> None:
    assert between("(A | B)", "(A | B)", "(B | A)") == ["2 R601", "3 R601", "3 R601"]


def test_brands_with_numbers_of_their_own_do_not_meet() -> None:
    assert told(claim("A"), claim("A", 2, "Burgerzaak")) == []


def test_on_beats_a_rule_without_it() -> None:
    assert whole(claim("A", 2), claim("A", 5, on=True)) == [
        'deklusser.rules:2:9: warning R602: no text can come here: "A", like every other, goes to deklusser.rules:5\n'
        "  deklusser.rules:5:9: this one wins\n"
        "  help: leave this out, or make it fit something the other one does not"
    ]
    assert told(claim("A", on=True), claim("A", 2, on=True)) == ["2 R601"]


@pytest.mark.parametrize(
    ("rules", "lost"),
    [
        (("A", "B", "A | B"), ["3 R602"]),
        (("A", "A | B"), []),
        (("A <x word>", "A <y text>"), ["2 R602"]),
        (("A <x word> B", "A <y text>"), []),
        (("A 0", "A 1", "A <x 0..1>"), ["3 R602"]),
        (("A 0", "A 1", "A <x 0..2>"), []),
        (("A", "(A | C) B"), []),
        (("A", "C", "(A | C) B"), ["3 R602"]),
        (("A", "A ..."), ["2 R602"]),
        (("A", "... A"), []),
        (("A <x number>", "A <y /[0-9]+/>"), ["2 R602"]),
        (("A <x number>", "A <y /[0-9a-z]+/>"), []),
        (("A <x date>", "A <x number>"), []),
        (("A <x /.*/>", "A <y /a(?P<n>b)/>"), []),
        (("A <x word>", r"A <y /\pL+/>"), []),
        (("A <x word>", "A <y /-+/>"), []),
    ],
)
def test_rules_that_no_text_can_start(rules: tuple[str, ...], lost: list[str]) -> None:
    assert [one for one in between(*rules) if "R602" in one] == lost


def test_a_word_on_a_shared_number_belongs_to_one_brand() -> None:
    assert whole(claim("OFFER | DEAL", 3), claim("DEAL NU", 4, "Burgerzaak"), shared=True) == [
        "burgerzaak.rules:4:9: error R604: DEAL on 4411 already belongs to De Klusser (deklusser.rules:3); "
        "Burgerzaak cannot have it too (burgerzaak.rules)\n"
        "  deklusser.rules:3:9: De Klusser has it here\n"
        "  help: choose another first word, or agree with the other brand who keeps it"
    ]
    several = (claim("A"), claim("A B", 2), claim("A", 1, "Burgerzaak"), claim("A C", 2, "Burgerzaak"))
    assert told(*several, shared=True) == ["1 R604"]


def test_a_keyword_on_a_shared_number_starts_with_a_plain_word() -> None:
    assert whole(claim("<x word> A"), shared=True) == [
        "deklusser.rules:1:9: error R603: several brands share 4411, so a keyword there starts with a plain word\n"
        "  help: put a word of your own first, or add `on` with a number of your own"
    ]
    assert told(claim('"👍"'), shared=True) == ["1 R603"]
    assert told(claim("[<x 0..9>] A"), shared=True) == ["1 R603"]
    assert told(claim('"مساعدة"'), claim("A | B"), shared=True) == []
    assert whole(claim("A ..."), shared=True) == [
        "deklusser.rules:1:9: error R607: `...` is never heard on 4411, which several brands share\n"
        "  help: leave `...` out, or add `on` with a number of your own"
    ]


def test_reserved_words_are_no_keyword_and_no_answer() -> None:
    assert whole(claim("STOP")) == [
        "deklusser.rules:1:9: error R605: no keyword can be STOP: whoever texts it stops the messages\n"
        "  help: choose another word; the gateway answers this one itself"
    ]
    assert whole(claim("(KEUKEN | UIT)"), number=None) == [
        "deklusser.rules:1:9: error R606: no answer can be UIT: whoever texts it stops the messages\n"
        "  help: choose another word; the gateway answers this one itself"
    ]
    assert between("STOP [AUB]", "INFO", "AAN", "STOP ALLES", "STOP KEUKEN", "<x word> STOP") == [
        "1 R605",
        "2 R605",
        "3 R605",
        "4 R605",
    ]
    assert "asks for help" in whole(claim("INFO"))[0]
    assert "starts them again" in whole(claim("AAN"))[0]


def test_yes_may_answer_where_it_also_opts_in() -> None:
    american = Reading("en", "US")
    for written, answer, keyword in (
        ("yes", [], ["1 R605"]),
        ("YES", [], ["1 R605"]),
        ("START", ["1 R606"], ["1 R605"]),
    ):
        tree = pattern(written)
        one = Claim("Shop", "en", compile_pattern(tree, american), tree.span)
        assert told(one, number=None, market="US") == answer
        assert told(one, market="US") == keyword


def test_numbered_choices_meet_like_all_answers() -> None:
    first, second = pattern("KEUKEN", line=1), pattern("TWEE", line=2)
    claims = [
        Claim("B", "nl", compile_choice(first, 1, DUTCH), first.span),
        Claim("B", "nl", compile_choice(second, 2, DUTCH), second.span),
    ]
    assert told(*claims, number=None) == []
    third = pattern("(1 | 9)", line=3)
    assert told(*claims, Claim("B", "nl", compile_pattern(third, DUTCH), third.span), number=None) == ["3 R601"]


def test_every_tie_between_random_rules_is_found_and_is_one() -> None:
    chance = random.Random(11)
    kinds = ("range", "number", "word", "text", "date", "time", "email", "phone")
    ties = 0
    for _ in range(600):
        trees = [one for one, _ in differential.random_rules(chance, kinds)][:2]
        compiled = [compile_pattern(one, DUTCH) for one in trees]
        claims = [Claim("B", "nl", one, tree.span) for one, tree in zip(compiled, trees, strict=True)]
        found = [one for one in clashes(Ground(claims, None, "1")) if one.code == "R601"]
        matchers = [Matcher([Entry(one, None)]) for one in compiled]
        for _ in range(20):
            rules = [(tree, False) for tree in trees]
            text = differential.said(differential.random_text(rules, chance, differential.BY_WORD), chance).text
            matches = [matcher.match(words_of(text), MONDAY) for matcher in matchers]
            if (
                all(matches)
                and len({one.rank for one in matches if one}) == 1
                and compiled[0].loose == compiled[1].loose
            ):
                assert found, (trees, text)
                ties += 1
    assert ties > 40


def test_samples() -> None:
    for regex in (
        r"[a-c]+[0-9]{2}",
        r"(ab|cd)?x",
        r"#\d\s\w",
        r"[^a]b.",
        r"a{2,5}?",
        r"^\S+$",
        r"[\d_]",
        r"[^ab]",
        r"é",
        r"[^é]\D",
    ):
        assert regex_samples(regex), regex
    assert regex_samples("(") == []
    assert regex_samples(r"\pL") == []
    assert regex_samples(r"(?=a)") == []
    assert regex_samples(r" *") == []
    assert samples_of(Reader("phone", market="NL")) == ("+31101234567",)
    assert samples_of(Reader("phone", market="XX")) == samples_of(Reader("phone"))
    assert len(samples_of(Reader("range", low=0, high=1_000_000))) <= 40


def test_thousands_of_keywords_are_checked_in_seconds() -> None:
    claims = tuple(claims_of(5_000))
    began = time.process_time()
    assert clashes(Ground(claims, "NL", "4411", shared=True)) == []
    assert time.process_time() - began < 10  # 0.2 is usual
    many = tuple(claim(f"A <x {n * 3}..{n * 3 + 2}>", n + 1) for n in range(100))
    assert told(*many) == []
