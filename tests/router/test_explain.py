"""Who gets a text and why, for people who write rules."""

import pytest

from router.explain import Explanation, explain
from router.plan import Tried
from router.routes import open_questions
from rules.rulebook import Grants, NumberGrant
from tests.support.phones import NOON, Phone, book, brand

RULES = """keyword REPAIR (KEUKEN | BAD) as unit
    tag x

keyword REPAIR
    ask "Wat?"
        answer OVEN
        else again "Oven?"

keyword PRIJS
    tag x
"""
FALLBACK = 'fallback\n    reply "Wat?"\n'


def told(text: str, *, rules: str = RULES + "\n" + FALLBACK, number: str = "4411") -> Explanation:
    return explain(book(rules), number, "31612345678", text, NOON)


def test_a_keyword_and_those_that_fit_less_closely() -> None:
    found = told("repair keuken!")
    assert (found.brand, found.rule, found.file, found.line, found.captured) == (
        "Merk", "keyword REPAIR (KEUKEN | BAD) as unit", "Merk.rules", 6, {"unit": "keuken"},
    )  # fmt: skip
    assert found.tried == (
        Tried("reserved words", "NL", "none"),
        Tried("keywords", "keyword REPAIR", "it fits, but less closely than keyword REPAIR (KEUKEN | BAD) as unit"),
        Tried("keywords", "keyword REPAIR (KEUKEN | BAD) as unit", "it fits"),
    )


def test_a_keyword_that_does_not_fit() -> None:
    assert told("REPAIR dak").tried[1:] == (
        Tried("keywords", "keyword REPAIR (KEUKEN | BAD) as unit", "the text is not what it takes"),
        Tried("keywords", "keyword REPAIR", "it fits"),
    )


def test_a_mistake_that_is_forgiven() -> None:
    found = told("PRISJ")
    assert (found.rule, found.tried[-1]) == ("keyword PRIJS", Tried("forgiving a mistake", "keyword PRIJS", "it fits"))


def test_the_fallback_and_what_passed_it_over() -> None:
    found = told("hallo")
    assert (found.brand, found.rule, found.line) == ("Merk", "fallback", 17)
    assert [one.step for one in found.tried] == ["reserved words", "keywords", "forgiving a mistake", "fallback"]


@pytest.mark.parametrize(("text", "rule"), [("STOP", "stop"), ("help!", "help")])
def test_reserved_words(text: str, rule: str) -> None:
    found = told(text)
    assert (found.brand, found.rule, found.file, found.line) == ("Merk", rule, "", 0)


def test_nobodys_texts() -> None:
    shared = book(brand(RULES, "Een"), brand("keyword ANDERS\n    tag x\n", "Twee"))
    nobody = explain(shared, "4411", "31612345678", "hallo", NOON)
    assert (nobody.brand, nobody.rule, nobody.tried[-1].outcome) == (
        None, "", "several brands share the number: the operator answers",
    )  # fmt: skip
    assert told("hallo", rules=RULES).tried[-1] == Tried("fallback", "Merk", "it has none")
    assert told("hallo", number="99").tried == (Tried("number", "99", "no brand is granted it"),)
    assert told("START").tried[0].outcome == "nothing to take back"


def test_a_number_without_a_market() -> None:
    grants = Grants((NumberGrant("4411", "short-code", None, ("Merk",), "c"),))
    assert explain(book(RULES, grants=grants), "4411", "x", "PRIJS", NOON).tried[0] == Tried(
        "reserved words", "", "none"
    )


def test_a_text_of_a_country_that_the_number_is_not_for() -> None:
    rules = book(RULES, grants=Grants((NumberGrant("4411", "short-code", "NL", ("Merk",), "c", ("NL",)),)))
    abroad = explain(rules, "4411", "447700900123", "PRIJS", NOON)
    assert (abroad.brand, abroad.rule) == (None, "")
    assert abroad.tried == (Tried("number", "4411", "it is not for phones of that country"),)
    assert explain(rules, "4411", "447700900123", "STOP", NOON).rule == "stop", "heard from wherever it comes"
    assert explain(rules, "4411", "31612345678", "PRIJS", NOON).rule == "keyword PRIJS"


def test_open_questions_count_where_they_are_known() -> None:
    rules = book(RULES + "\n" + FALLBACK)
    phone = Phone(rules)
    phone.say("REPAIR")
    open_now = open_questions(phone.facts(), phone.books, NOON)
    for text, step in (("oven", "open questions"), ("kast", "the question's else")):
        found = explain(rules, "4411", "31612345678", text, NOON, open_now)  # type: ignore[arg-type]
        assert (found.rule, found.tried[-1].step) == ("keyword REPAIR", step)


@pytest.mark.parametrize(
    ("text", "matched"),
    [
        ("repair keuken!", "repair keuken"), ("Hé, wat?", ""), ("STOP", ""), (" Priijs nu", "Priijs"),
        ("repairKEUKEN graag", "repairKEUKEN"),
    ],
)  # fmt: skip
def test_capability_15_the_words_of_a_keyword_that_matched(text: str, matched: str) -> None:
    assert told(text).matched == matched


def test_capability_15_the_words_of_an_answer_that_matched() -> None:
    rules = book('keyword A\n    ask "Ja?"\n        answer yes\n            tag x\n')
    phone = Phone(rules)
    phone.say("A")
    open_now = open_questions(phone.facts(), phone.books, NOON)
    for text, matched in (("Ja, graag hoor", "Ja"), ("misschien", "")):
        assert explain(rules, "4411", "31612345678", text, NOON, open_now).matched == matched  # type: ignore[arg-type]


def test_any_words_are_matched_by_none_of_them() -> None:
    assert told("zomaar wat", rules="keyword ...\n    tag x\n").matched == "zomaar wat"
