"""Recorded texts under two rule sets: who would get them now, and who then."""

import pytest

from router.replay import Difference, Goes, Heard, replay
from rules.rulebook import Grants, NumberGrant, Rulebook
from tests.support.phones import NOON, book, brand

RULES = """keyword REPAIR
    ask "Wat is er stuk?"
        answer (KEUKEN | BAD) as unit
            reply "Goed."
        else
            reply "Dat repareren we niet."

keyword JOIN
    opt in promotional
        confirm "Antwoord JA. STOP = uit."
        answer yes
    reply "Welkom."

keyword KLEUR
    run vraag

chain vraag
    ask "Welke kleur?"
        answer (ROOD | BLAUW) as kleur
            reply "Goed."

keyword TEGEL
    reply "Tegels."

fallback
    reply "Wat?"
"""


def heard(text: str, rule: str = "", sender: str = "31612345678", number: str = "4411") -> Heard:
    return Heard(sender, number, text, NOON, f"Merk/{rule}" if rule else "")


def both(one: Heard, old: str = RULES, new: str = RULES) -> tuple[Goes, Goes]:
    """Where a text goes; the new rules have another name for one thing, so that it is told."""
    found = replay([one], book(old), book(new))
    return (found.differences[0].was, found.differences[0].now) if found.differences else (GONE, GONE)


GONE = Goes("nobody", "", "")


def without(rule: str) -> Rulebook:
    """The rules without one of them."""
    return book("\n\n".join(one for one in RULES.split("\n\n") if not one.startswith(rule)))


def test_a_keyword_that_goes() -> None:
    assert replay([heard("tegel", "keyword TEGEL")], book(RULES), without("keyword TEGEL")).differences == (
        Difference(
            1, Goes("keyword", "Merk", "keyword TEGEL"), Goes("fallback", "Merk", "fallback"), "4411",
            heard("tegel", "keyword TEGEL"),
        ),
    )  # fmt: skip


@pytest.mark.parametrize(
    ("text", "rule", "how"),
    [
        ("keuken", "keyword REPAIR", "answer"),
        ("keukn", "keyword REPAIR", "answer"),
        ("iets anders", "keyword REPAIR", "else"),
        ("ja graag", "keyword JOIN", "answer"),
        ("nee", "keyword JOIN", "answer"),
        ("rood", "keyword KLEUR", "answer"),
    ],
)
def test_an_answer_is_replayed_in_the_question_that_it_answered(text: str, rule: str, how: str) -> None:
    gone = replay([heard(text, rule)], book(RULES), without(rule))
    # Without its rule the question stands in the set that it began in: the answer still reaches it.
    assert gone.differences == ()
    assert replay([heard(text, rule)], book(RULES), book(RULES.replace(rule, f"{rule}S"))).differences == ()


def test_an_answer_that_nothing_takes_any_more() -> None:
    patterns = RULES.replace("(KEUKEN | BAD)", "(KEUKEN | BAD | HAL)")
    assert replay([heard("hal", "keyword REPAIR")], book(patterns), book(patterns.replace("stuk", "kapot"))).texts == 1
    moved = RULES.replace('        else\n            reply "Dat repareren we niet."\n', "")
    was, now = both(heard("hal", "keyword REPAIR"), RULES, moved)
    assert (was, now) == (Goes("else", "Merk", "keyword REPAIR"), Goes("fallback", "Merk", "fallback"))


def test_what_the_record_says_of_an_earlier_rule_set_is_no_question() -> None:
    new = RULES.replace("TEGEL", "TEGELS")
    found = replay([heard("vloer", "keyword VLOER"), heard("tegel", "keyword REPAIR")], book(RULES), book(new))
    assert found.texts == 2
    assert [(one.texts, one.was.rule, one.now.rule) for one in found.differences] == [
        (1, "keyword TEGEL", "keyword TEGELS")  # the typing mistake is forgiven
    ]


def test_commands_doubts_and_numbers() -> None:
    texts = [heard("STOP"), heard("ik wil stop zeggen tegen de buren"), heard("JOIN", "keyword JOIN", number="9999")]
    assert replay(texts, book(RULES), book(RULES)).differences == ()
    other = book(brand("keyword JOIN\n    tag x\n", numbers="5511"))
    found = replay([heard("STOP"), heard("STOP"), heard("zomaar"), *texts[1:]], book(RULES), other)
    assert [(one.texts, one.was.how, one.was.read, one.now.how) for one in found.differences] == [
        (2, "command", False, "no number"), (1, "fallback", False, "no number"), (1, "fallback", True, "no number"),
    ]  # fmt: skip
    assert (found.texts, found.elsewhere) == (5, 4)
    nobody = replay([heard("zomaar")], book(RULES), without("fallback"))
    assert [one.now for one in nobody.differences] == [Goes("nobody", "Merk", "")]
    assert replay([heard("zomaar", number="5511")], book(RULES), other).differences[0].was == Goes("no number", "", "")


def test_texts_of_countries_that_the_number_is_not_for_go_nowhere() -> None:
    grants = Grants((NumberGrant("4411", "short-code", "NL", ("Merk",), "c", ("NL",)),))
    for_all, for_some = book(RULES), book(RULES, grants=grants)
    abroad = [heard(text, sender="447700900123") for text in ("tegel", "STOP")]
    here = heard("tegel", "keyword TEGEL")
    assert replay([*abroad, here], for_some, book(RULES + "\n# newer\n", grants=grants)).differences == ()
    assert replay([here, *abroad], for_all, for_some).differences == (
        Difference(1, Goes("keyword", "Merk", "keyword TEGEL"), Goes("out of market", "", ""), "4411", abroad[0]),
    )
    without_it = book(RULES.replace("TEGEL", "VLOER"), grants=grants)
    assert [one.texts for one in replay([*abroad, here], for_some, without_it).differences] == [1]


def test_equal_texts_are_routed_once_and_counted_each(monkeypatch: pytest.MonkeyPatch) -> None:
    texts = [heard("tegel", "keyword TEGEL", sender=f"3161{number:07}") for number in range(30)]
    new = without("keyword TEGEL")
    (one,) = replay(texts, book(RULES), new).differences
    assert (one.texts, one.example.sender) == (30, "31610000000")
    monkeypatch.setattr("router.replay.MOST_CASES", 0)
    assert replay(texts, book(RULES), new).differences == (one,)
