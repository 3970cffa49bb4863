"""R509: what no text of the contact has led to is agreed to by nobody, whatever stands in between."""

from __future__ import annotations

import pytest

from rules.compiler import compile_sources
from rules.diagnostics import Diagnostic
from tests.support.phones import HEAD, brand

FIRST = HEAD.count("\n") + 2
"""The line of the file on which its rules begin."""
INN = "chain inn\n    opt in promotional\n\n"
CLUB = 'keyword CLUB\n    opt in promotional\n    reply "welkom"\n\n'
INFO = 'keyword CLUB INFO\n    reply "zo is de club"\n\n'
SURE = '    confirm "Merk: zeker? STOP = uit."\n    answer yes\n'


def found(rules: str) -> list[Diagnostic]:
    return [one for one in compile_sources([brand(rules)], None).diagnostics if one.code == "R509"]


def lines(rules: str) -> list[int]:
    """The lines of the rules, from 1, at which it is told."""
    return [one.span.line - FIRST + 1 for one in found(rules)]


REST = f"""\
chain om
    tag om
    run inn

chain uit
    tag uit

chain weg
    route "CLUB"

chain vraag
    ask promotional "Merk: lid? STOP = uit."
        answer JA

chain misschien
    if tag a
        ask promotional "Merk: lid? STOP = uit."
            answer JA

chain eerst
    opt in transactional

{INN}{CLUB}{INFO}keyword DOOR
    route "CLUB"

keyword ANDER
    reply "ander"
"""


@pytest.mark.parametrize(
    ("way", "told"),
    [
        ("opt in promotional", [1]),
        ("opt in promotional\nopt in transactional", [1, 2]),
        (f"opt in promotional\n{SURE}opt in transactional", [1]),
        ("run inn", [1]),
        ("run om", [1]),
        ('route "CLUB"', [1]),
        ('route "CLUB nu"', [1]),
        ('route "CLUB INFO"', []),
        ('route "{event.soort}"', [1]),
        ('route "DOOR"', [1]),
        ('route "ANDER"', []),
        ("if tag a\n    run inn\nelse\n    tag b\nrun uit\nrun inn", [2, 6]),
        ("wait 1 day\nrun inn", [2]),
        ("wait for event paid within 1 day\n    then\n        run inn\n    silence\n        run inn", [3, 5]),
        ("wait for event paid within 1 day\n    then\n        run vraag\n    silence\n        tag a\nrun inn", []),
        ("split s\n    50% a\n        tag a\n    50% b\n        run inn", [5]),
        ('ask promotional "Merk: lid? STOP = uit."\n    answer JA\n        run inn\nopt in promotional', []),
        ('ask promotional "Merk: lid? STOP = uit."\n    answer JA\n    silence\n        run inn', [4]),
        ("run vraag\nrun inn", []),
        ("run misschien\nrun inn", [2]),
        ("run eerst\nrun inn", [1, 2]),
        ("run weg\nrun inn", [1]),
        ("run uit", []),
    ],
)
def test_events_and_drips_are_no_text(way: str, told: list[int]) -> None:
    lines_of_way = way.splitlines()
    event = "".join(f"    {line}\n" for line in lines_of_way)
    assert lines(f"on event besteld\n{event}\n{REST}") == [line + 1 for line in told]
    step = "".join(f"        {line.replace('event.', '')}\n" for line in lines_of_way)
    assert lines(f"drip d promotional\n    after 1 day\n{step}\n{REST}") == [line + 2 for line in told]
    texted = event.replace("event.", "").replace("silence", "else" if way.startswith("ask") else "silence")
    assert not lines(f"keyword BEGIN <soort word>\n{texted}\n{REST}")


def test_whoever_lets_a_question_go_by_has_agreed_to_nothing() -> None:
    ask = 'keyword VRAAG\n    ask "Ja?"\n        answer NEE\n        silence\n            '
    assert lines(f"{ask}opt in promotional\n") == [5]
    assert lines(f"{ask}run om\n\n{REST}") == [5]
    assert lines(f'{ask}route "CLUB"\n\n{REST}') == [5]
    assert lines(f"{ask}tag stil\n    run inn\n\n{REST}") == []
    sure = f"opt in promotional\n{SURE}".replace("\n", "\n            ").rstrip(" ")
    assert lines(f"{ask}{sure}            opt in transactional\n") == []
    chain = ask.replace("keyword VRAAG", "chain c")
    assert lines(f"keyword A\n    run c\n\n{chain}wait 1 hour\n            run inn\n\n{REST}") == [9]


def test_it_says_the_way_there() -> None:
    [one] = found(f"on birthday of contact.dag at 10:00\n    run weg\n\ncontact\n    dag date\n\n{REST}")
    by = '`run weg` and `route "CLUB"`'
    assert (
        one.message
        == f"`opt in` is reached by {by}, and no text of the contact begins `on birthday of contact.dag at 10:00`."
    )
    [(span, words)] = one.related
    assert (words, found(f"on undelivered\n    run weg\n\n{REST}")[0].related[0][1]) == ("this `opt in`",) * 2
    assert span.line > one.span.line


def test_the_way_there_ends_where_rules_route_to_one_another() -> None:
    loop = """\
on undelivered
    route "HEEN"

keyword HEEN
    if tag a
        route "TERUG"
    else
        run c

keyword TERUG
    run c

chain c
    if tag b
        route "HEEN"
    else
        opt in promotional
"""
    [one] = found(loop)
    assert one.message.startswith('`opt in` is reached by `route "HEEN"`')


def test_what_is_wrong_besides_hides_nothing_and_stops_nothing() -> None:
    wrong = """\
on undelivered
    run weg
    run zelf
    route "A"
    opt in promotional

chain zelf
    run zelf

keyword A <n /(/>
    opt in promotional

keyword B
    charge EUR 1.00 "x"
        confirm "{price}"
        answer yes
"""
    assert lines(wrong) == []
    assert lines(wrong.replace('    route "A"\n', "")) == []
    assert lines(wrong.replace('    route "A"\n', "").replace("    run zelf\n    opt", "    opt")) == [3]


def test_a_rule_for_one_number_may_take_a_route_before_others() -> None:
    numbers = "keyword CLUB INFO on 4411\n    opt in promotional\n\n"
    assert lines(f'on undelivered\n    route "CLUB INFO"\n\n{numbers}{INFO}') == [2]
    assert lines(
        f'on undelivered\n    route "CLUB INFO"\n\n{numbers.replace("opt in promotional", "tag x")}{CLUB}'
    ) == [2]


def test_the_fallback_may_take_a_route() -> None:
    fallback = "fallback\n    opt in promotional\n"
    assert lines(f'on undelivered\n    route "WAT"\n\n{fallback}') == [2]
    assert lines(f'on undelivered\n    route "CLUB INFO"\n\n{INFO}{fallback}') == []


def test_a_rule_that_takes_any_word_may_take_a_route() -> None:
    assert lines(f'on undelivered\n    route "WAT"\n\nkeyword <wat word>\n    opt in promotional\n\n{INFO}') == [2]
