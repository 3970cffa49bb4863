"""Offers in answers, and offers that end otherwise than their vouchers."""

import pytest

from rules.compiler import compile_sources
from rules.diagnostics import Diagnostic, Source
from rules.packs import load

HEAD = """brand "{name}"
    numbers   4411
    language  {language}
    timezone  {zone}

voucher tien "TIEN-######" until 2027-12-31
voucher vast "VAST-######"
contact
    korting  text

"""


def told(
    rules: str, name: str = "De Klusser", language: str = "nl", zone: str = "Europe/Amsterdam"
) -> list[Diagnostic]:
    text = HEAD.format(name=name, language=language, zone=zone) + rules
    found = compile_sources([Source("klusser.rules", text)], None).diagnostics
    return [one for one in found if one.severity != "note"]


def codes(rules: str) -> list[str]:
    return [one.code for one in told(rules)]


@pytest.mark.parametrize(
    "rules",
    [
        'keyword REPAIR\n    reply "Nu met korting."\n',
        'keyword REPAIR\n    reply "Neem {voucher tien} mee."\n',
        'keyword REPAIR\n    reply "Kijk: {link voucher vast}"\n',
        'keyword REPAIR\n    ask "Wilt u een coupon?"\n        answer yes\n            reply "Hier: {voucher vast}"\n',
        'keyword REPAIR\n    ask "Komen we?"\n        answer yes\n            reply "Met korting."\n',
        'keyword REPAIR\n    ask "Komen we?"\n        answer yes\n        else again "Nu met korting!"\n',
        'keyword REPAIR\n    ask "Ja?"\n        answer yes\n        silence\n            reply "Korting?"\n',
        'keyword REPAIR\n    if tag a\n        opt in promotional\n    reply "Met korting."\n',
        'keyword REPAIR\n    if tag a\n        tag b\n    else if consent transactional\n        reply "Korting!"\n',
        'keyword REPAIR\n    split a\n        50% x\n            reply "Korting."\n        50% y\n            tag b\n',
        'keyword REPAIR\n    wait for event a within 1 hour\n        then\n            reply "Korting."\n',
        'keyword REPAIR\n    wait for event a within 1 hour\n        silence\n            reply "Korting."\n',
        'keyword REPAIR\n    run x\n\nchain x\n    reply "Korting."\n',
        'keyword REPAIR\n    run x\n    reply "Korting."\n\nchain x\n    tag y\n',
        'fallback\n    reply "Stuur WIN voor een cadeaubon."\n',
    ],
)  # fmt: skip
def test_capability_49_an_offer_that_nobody_asked_for_is_warned_of_in_an_answer(rules: str) -> None:
    assert codes(rules) == ["R707"] or codes(rules) == ["R705", "R707"]


@pytest.mark.parametrize(
    "rules",
    [
        'keyword KORTING\n    reply "Hier is uw korting: {voucher tien}"\n',
        'keyword "kórtingsbon" | BON\n    reply "Neem {voucher tien} mee."\n',
        'keyword JOIN\n    opt in promotional\n    reply "Welkom! Uw korting: {voucher tien}"\n',
        'keyword A\n    if consent promotional and tag b\n        reply "Korting!"\n    else\n        reply "Dag"\n',
        'keyword A\n    opt in promotional\n    split a\n        50% x\n            reply "Korting"\n        50% y\n'
        '            reply "Coupon"\n    if tag a\n        tag b\n    reply "Korting"\n',
        'keyword A\n    opt in promotional\n    ask "Korting?"\n        answer yes\n            tag b\n'
        '        else again "Korting?"\n',
        'keyword A\n    ask "Komen we?"\n        answer KORTING\n            reply "Hier: {voucher vast}"\n'
        '        else again "JA?"\n',
        'keyword ENQUETE\n    reply "Dank u! Uw {voucher vast}"\n\non event weg\n'
        '    send transactional "De Klusser: stuur ENQUETE en u krijgt korting."\n',
        'keyword A\n    reply "Dag {contact.korting|}, tot ziens {link https://klusser.example/korting}"\n',
        'on event a\n    ask transactional "De Klusser: kom nu, met coupon?"\n        answer yes\n            tag b\n',
        'keyword A <x number> | B [C]\n    run rond\n\nchain rond\n    tag y\n',
    ],
)  # fmt: skip
def test_capability_49_what_was_asked_for_or_agreed_to_may_be_answered(rules: str) -> None:
    assert codes(rules) == []


def test_a_chain_that_runs_itself_is_walked_once() -> None:
    assert codes('keyword A\n    run rond\n\nchain rond\n    run rond\n    reply "Korting"\n') == ["R506", "R707"]


def test_capability_49_the_words_are_those_of_each_language() -> None:
    said = {"nl": "kortingscode", "en": "discount", "de": "Gutschein", "fr": "bon de réduction"}
    assert set(said) == set(load().languages)
    for language, word in said.items():
        [found] = told(f'keyword REPAIR\n    reply "x {word} y"\n', language=language)
        assert (found.code, found.span.column, found.span.end_column) == ("R707", 14, 14 + len(word))
        assert found.message.startswith(f'"{word}" is an offer')


@pytest.mark.parametrize(
    ("said", "wrong"),
    [
        ("geldig tot 31-12", False), ("geldig tot en met 31 december 2027", False), ("t/m 30 december", True),
        ("tot 1 januari", True), ("tot zondag", False), ("tot morgen", False), ("op 5 mei gesloten", False),
        ("tot 2028-12-31", True), ("tot 20:00", False),
    ],
)  # fmt: skip
def test_capability_54_a_text_ends_an_offer_when_its_voucher_ends(said: str, wrong: bool) -> None:
    text = f'on event a\n    send promotional "De Klusser: {{voucher tien}} {said}. STOP = uit."\n'
    assert codes(text) == (["R708"] if wrong else [])
    assert codes(text.replace("voucher tien", "link voucher tien")) == (["R708"] if wrong else [])
    assert codes(text.replace("voucher tien", "voucher vast")) == []


def test_capability_54_a_promotional_text_names_its_brand_and_how_to_stop_it() -> None:
    for action in ('send promotional "Kom snel!"', 'ask promotional "Komt u?"\n        answer yes\n            tag b'):
        for zone, language, severity in (("Europe/Amsterdam", "nl", "warning"), ("Europe/Paris", "fr", "error")):
            [found] = told(f"on event a\n    {action}\n", zone=zone, language=language)
            assert (found.code, found.severity) == ("R706", severity)
            assert "does not name the brand and does not tell how to stop it" in found.message
    drip = 'drip x promotional\n    at once\n        ask "Komt u?"\n            answer yes\n                tag b\n'
    assert codes(drip) == ["R706"]
    assert codes('on event a\n    send promotional "De Klusser: kom! {link optout}"\n') == []
