"""The second wall behind R509: rules that `check` would refuse record no consent that no text of the contact led to."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from router.asking import NO_TEXT
from router.plan import Consent
from tests.support.conversations import play
from tests.support.phones import Phone, book, brand

CHAINS = """
chain inn
    opt in promotional

keyword CLUB
    opt in promotional
    wait 1 hour
    tag welkom
"""
ASK = 'ask transactional "P: lid? JA. STOP = uit."\n    answer JA\n'
ASKED = "    < P: lid? JA. STOP = uit.\n"
REFUSED = "    check not consent promotional\n"
AGREED = "    check consent promotional\n"


@pytest.fixture(autouse=True)
def _without_the_first_wall(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("rules.check.check_agreeing", lambda brand, findings: None)


def begun(way: str, lines: str, head: str = "on event order", begin: str = "event order") -> list[str]:
    """What comes otherwise than written of a chain that goes that way."""
    depth = 2 if head.startswith("drip") else 1
    block = "".join(f"{'    ' * depth}{line}\n" for line in way.splitlines())
    known = "    given consent transactional\n"
    return play(f'{head}\n{block}\n{CHAINS}\nkeyword BEGIN\n    start d\n\ntest "it"\n{known}    {begin}\n{lines}')


def told(differences: list[str]) -> bool:
    """Whether nothing came otherwise, but that the refusal is told, as transcripts do of what fell due."""
    return len(differences) == 1 and NO_TEXT.format("promotional") in differences[0]


DRIP = "\ndrip d transactional\n    at once\n        tag in\n"


def in_event(way: str, lines: str) -> list[str]:
    return begun(way, lines, head=f"{DRIP}\non event order")


def in_drip(way: str, lines: str) -> list[str]:
    return begun(way, lines, head="drip d transactional\n    at once", begin="> begin")


@pytest.mark.parametrize("begin", [in_event, in_drip])
def test_an_event_or_a_drip_opts_nobody_in(begin: Callable[[str, str], list[str]]) -> None:
    assert begin("run inn\ntag door", f"{REFUSED}    check tag door\n") == []
    assert told(begin("wait 1 hour\nopt in promotional\ntag door", f"    later 1 hour\n{REFUSED}    check tag door\n"))
    assert begin('route "CLUB"', f"{REFUSED}    later 1 hour\n{REFUSED}    check tag welkom\n") == []


@pytest.mark.parametrize("begin", [in_event, in_drip])
def test_an_answer_in_between_does(begin: Callable[[str, str], list[str]]) -> None:
    assert begin(f"{ASK}run inn", f"{ASKED}    > ja\n{AGREED}") == []
    assert begin(f"{ASK}wait 1 hour\nrun inn", f"{ASKED}    > ja\n    later 1 hour\n{AGREED}") == []
    assert begin(f'{ASK}        route "CLUB"', f"{ASKED}    > ja\n{AGREED}") == []
    assert begin(f"{ASK}    else\n        run inn", f"{ASKED}    > vast\n{AGREED}") == []
    assert told(begin(f"{ASK}    silence\n        run inn", f"{ASKED}    later 1 day\n{REFUSED}"))


def in_keyword(way: str, lines: str) -> list[str]:
    return begun(way, lines, head=f"{DRIP}\nkeyword VRAAG", begin="> vraag")


def test_silence_opts_nobody_in_that_a_keyword_would() -> None:
    assert in_keyword("run inn", AGREED) == []
    assert in_keyword("wait 1 hour\nrun inn", f"    later 1 hour\n{AGREED}") == []
    assert in_keyword('route "CLUB"', AGREED) == []
    assert told(in_keyword(f"{ASK}    silence\n        run inn", f"{ASKED}    later 1 day\n{REFUSED}"))
    assert told(in_keyword(f'{ASK}    silence\n        route "CLUB"', f"{ASKED}    later 1 day\n{REFUSED}"))
    paid = "wait for event paid within 1 day\n    then\n        tag a\n    silence\n        run inn"
    assert in_keyword(paid, f"    later 1 day\n{AGREED}") == []


def test_who_confirms_in_silence_has_agreed_to_what_follows() -> None:
    sure = 'opt in promotional\n            confirm "P: zeker? JA. STOP = uit."\n            answer yes\n'
    silence = f"{ASK}    silence\n        {sure}        opt in promotional for club\n"
    lines = f"{ASKED}    later 1 day\n    < P: zeker? JA. STOP = uit.\n{REFUSED}    > ja graag\n{AGREED}"
    assert in_keyword(silence, lines) == []


def test_that_it_was_refused_stands_on_record() -> None:
    rules = 'keyword VRAAG\n    ask "Ja?"\n        answer NEE\n        silence\n            opt in promotional\n'
    phone = Phone(book(brand(rules)))
    assert phone.say("vraag") == ["Ja?"]
    phone.wait(24 * 3_600)
    assert phone.plan.fault == NO_TEXT.format("promotional")
    assert not any(isinstance(effect, Consent) for effect in phone.plan.effects)
