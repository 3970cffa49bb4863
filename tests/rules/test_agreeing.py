"""A guess is never a consent: where the next text's typing mistakes are not forgiven, and where they still are."""

from __future__ import annotations

import pytest

from router.decide import Books
from router.plan import Enrolled
from tests.support.phones import Phone, book, brand

CLUB = 'keyword CLUB\n    opt in promotional\n    reply "welkom"\n\n'
INN = "chain inn\n    opt in promotional\n\n"
SURE = 'chain zeker\n    opt in promotional\n        confirm "Merk: zeker? STOP = uit."\n        answer yes\n\n'
ELSE = '\nfallback\n    reply "wat?"\n'


def said(rules: str, *texts: str, settings: str = "") -> list[str]:
    """What comes back to the last of these texts."""
    phone = Phone(book(brand(rules + ELSE, settings=settings)))
    for text in texts[:-1]:
        phone.say(text)
    return phone.say(texts[-1])


def test_the_keyword_itself_opts_in_as_typed_and_never_by_a_guess() -> None:
    assert said(CLUB, "club!") == ["welkom"]
    assert said(CLUB, "clubx") == ["wat?"]
    assert said('keyword CLUB\n    reply "leuk"\n', "clubx") == ["leuk"]


def test_not_even_the_question_whether_it_is_meant_goes_out_on_a_guess() -> None:
    rules = 'keyword CLUB\n    opt in promotional\n        confirm "Merk: zeker? STOP = uit."\n        answer yes\n'
    assert said(rules, "club") == ["Merk: zeker? STOP = uit."]
    assert said(rules, "clubx") == ["wat?"]


@pytest.mark.parametrize(
    "way",
    [
        "    run inn\n",
        '    if tag x\n        reply "x"\n    else\n        run inn\n',
        "    wait 1 minute\n    run inn\n",
        "    split s\n        50% a\n            run inn\n        50% b\n            tag b\n",
        "    wait for event paid within 1 day\n        then\n            run inn\n",
        "    run uit\n    run inn\n",
        '    ask "Kleur?"\n        answer ROOD\n        silence\n            run zeker\n',
        '    route "CLUB"\n',
        '    route "CLUB nu"\n',
        '    route "{text}"\n',
        '    route "CL{text}"\n',
        '    route "LATER"\n',
    ],
)
def test_whatever_stands_between_the_keyword_and_the_opt_in(way: str) -> None:
    later = 'keyword LATER\n    route "CLUB"\n\n'
    rest = CLUB + INN + SURE + 'chain uit\n    tag uit\n\nkeyword ANDER\n    reply "ander"\n'
    phone = Phone(book(brand(f"{later}keyword BEGIN\n{way}\n{rest}{ELSE}")))
    assert phone.say("beginn") == ["wat?"]
    assert phone.say("anderr") == ["ander"]


def test_the_fallback_may_be_what_a_route_comes_to() -> None:
    rules = 'keyword BEGIN\n    route "NIETS"\n\nfallback\n    opt in promotional\n    reply "welkom"\n'
    phone = Phone(book(rules))
    phone.say("beginn")
    assert phone.plan.rule == "Merk/fallback"


def test_routes_that_lead_elsewhere_forgive() -> None:
    rules = CLUB + 'keyword BEGIN\n    route "MEER {text}"\n\nkeyword MEER ...\n    reply "meer"\n'
    assert said(rules, "beginn") == ["meer"]


def test_a_sign_before_the_word_of_a_route_hides_nothing() -> None:
    rules = 'keyword "🍕" CLUB\n    opt in promotional\n    reply "welkom"\n\nkeyword BEGIN\n    route "🍕 CLUB"\n'
    assert said(rules, "begin") == ["welkom"]
    assert said(rules, "beginn") == ["wat?"]


ASK = """keyword LID
    ask "Lid? JAZEKER of NOOIT"
        answer JAZEKER
            tag lid
        answer NOOIT
            route "NOOIT"
    run inn
    reply "welkom"

keyword NOOIT
    reply "goed"

"""


def test_only_the_answer_that_agrees_must_be_typed_as_it_is() -> None:
    assert said(ASK + INN, "lid", "jazeker") == ["welkom"]
    assert said(ASK + INN, "lid", "jazekerr") == ["wat?"]
    assert said(ASK + INN, "lid", "nooitt") == ["goed"]
    rules = ASK.replace("keyword LID", "keyword LIDWORDEN") + INN
    assert said(rules, "lidwordenn") == ["Lid? JAZEKER of NOOIT"]  # it agrees to nothing yet


def test_an_answer_in_a_chain_agrees_to_what_its_callers_go_on_with() -> None:
    chain = 'chain vraag\n    ask "Lid?"\n        answer JAZEKER\n            tag lid\n\n'
    plain = 'keyword LID\n    run vraag\n    reply "genoteerd"\n\n'
    assert said(plain + chain + CLUB, "lid", "jazekerr") == ["genoteerd"]
    twice = plain + 'keyword LIDD\n    run vraag\n    run vraag\n    run inn\n    reply "welkom"\n\n'
    assert said(twice + chain + INN, "lid", "jazekerr") == ["wat?"]
    assert said(twice + chain + INN, "lid", "jazeker") == ["genoteerd"]


def test_answers_in_else_and_silence_count_too() -> None:
    deep = '            ask "Echt?"\n                answer JAZEKER\n                    run inn\n'
    rules = f'keyword LID\n    ask "Lid?"\n        answer NOOIT\n        else\n{deep}\n{INN}'
    assert said(rules, "lid", "hm", "jazekerr") == ["wat?"]
    assert said(rules, "lid", "nooitt") == []


def test_a_drip_agrees_to_nothing_so_starting_it_is_forgiven() -> None:
    drip = """drip d promotional
    at once
        ask "Merk: lid? STOP = uit."
            answer JAZEKER
                run inn

"""
    rules = brand(f"{drip}keyword BEGIN\n    start d\n\n{INN}{ELSE}")
    phone = Phone(Books(book(rules), known={Enrolled(1, "Merk", "d"): None}))
    phone.say("beginn")
    assert phone.plan.rule == "Merk/keyword BEGIN"
