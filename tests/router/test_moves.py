"""Where contacts under way go on under new rules: what is told beforehand is what then happens, on both databases."""

from collections.abc import Mapping

import pytest

from router import outlook
from router.claims import Claim
from router.instants import DAY
from router.moves import Move, Standing, moves, needed
from rules.rulebook import Rulebook
from tests.support.routing import JAN, KEES, PIET, ROOS, Phones, book_of

RULES = """\
brand "Shop"
    numbers 4411
    language nl
    timezone Europe/Amsterdam

keyword JOIN
    opt in promotional
    start welkom

keyword TIPS
    opt in promotional
    start tips

keyword KLEUR
    ask "Welke kleur?" within 1 day
        answer (ROOD | BLAUW) as kleur
            reply "Dus {kleur}."
        silence
            send transactional "Geen kleur."

keyword BEL
    run bellen
    reply "Tot zo."

chain bellen
    tag gebeld
    wait 10 minutes

fallback
    reply "Wat?"

drip welkom promotional
    step prijs: after 3 days at 13:00
        send "Shop: prijzen. STOP = uit."
    step slot: after 5 days at 13:00
        send "Shop: tot ziens. STOP = uit."

drip tips promotional
    after 2 days at 13:00
        send "Shop: een tip. STOP = uit."
"""
LAST = '    step slot: after 5 days at 13:00\n        send "Shop: tot ziens. STOP = uit."\n'
FIRST = '    step prijs: after 3 days at 13:00\n        send "Shop: prijzen. STOP = uit."\n'
EDITS = (
    (FIRST + LAST, LAST + FIRST.replace("3 days", "6 days").replace("prijzen", "onze prijzen")),
    ("after 2 days at 13:00", "after 4 days at 13:00"),
    ("een tip", "geen tip"),
    ("Welke kleur?", "Welke kleur wilt u?"),
    ("    tag gebeld\n    wait", '    ask "Nu?"\n        answer yes\n    wait'),
)


def old() -> Rulebook:
    return book_of(("shop.rules", RULES))


def new() -> Rulebook:
    text = RULES
    for was, now in EDITS:
        assert was in text
        text = text.replace(was, now)
    return book_of(("shop.rules", text))


@pytest.fixture
def shop(phones: Phones) -> Phones:
    """Contacts at every step that the edits touch."""
    phones.ways.adopt(old())
    phones.write(JAN, "JOIN")
    phones.write(PIET, "JOIN", "TIPS")
    taken(phones, phones.write(KEES, "KLEUR"))
    phones.write(ROOS, "BEL")
    return phones


def told(phones: Phones, newest: Rulebook, older: Mapping[str, Rulebook | None] | None = None) -> list[Move]:
    return moves(outlook.standings(phones.store), old(), newest, older or {})


def lines(found: list[Move]) -> list[tuple[int, str, str, str]]:
    return [(one.runs, one.rule, one.step, one.fate) for one in found]


def test_each_group_is_told_where_it_goes_on(shop: Phones) -> None:
    found = told(shop, new())
    assert lines(found) == [
        (1, "drip tips", "after 2 days at 13:00", "own"),
        (1, "keyword KLEUR", 'ask "Welke kleur?"', "own"),
        (2, "drip welkom", "step prijs: after 3 days at 13:00", "moved"),
        (1, "keyword BEL", "wait 10 minutes", "moved"),
    ]
    prijs = found[2]
    assert prijs.was is not None
    assert prijs.now is not None
    assert (prijs.was.nth, prijs.was.of, prijs.now.nth, prijs.now.of) == (1, 2, 2, 2)
    assert prijs.now.words == "step prijs: after 6 days at 13:00"
    assert (prijs.was.file, prijs.was.line) == ("shop.rules", 32)
    assert [one.deployment for one in found] == [old().deployment, old().deployment, "", ""]
    assert [one.is_new for one in found] == [True, True, True, True]


def taken(phones: Phones, claims: list[Claim]) -> list[tuple[str, str]]:
    """The centre takes these texts; who gets what."""
    phones.commit(outcomes=[phones.sent(claim, f"m{claim.id}") for claim in claims])
    return [(claim.address, claim.text) for claim in claims]


def test_what_is_told_is_what_happens(shop: Phones) -> None:
    assert {one.fate for one in told(shop, new())} == {"own", "moved"}
    shop.ways.adopt(new())
    got = taken(shop, shop.write(KEES, "ROOD"))
    for _ in range(6):
        shop.later(DAY)
        got += taken(shop, shop.commit(due=True).claims)
    assert [one for one in got if one[0] != ROOS] == [
        (KEES, "Dus rood."),  # in the rules that it began in
        (PIET, "Shop: een tip. STOP = uit."),  # likewise
        (JAN, "Shop: onze prijzen. STOP = uit."), (PIET, "Shop: onze prijzen. STOP = uit."),  # at the time they had
        (JAN, "Shop: tot ziens. STOP = uit."), (PIET, "Shop: tot ziens. STOP = uit."),
    ], "whoever has had the step that was moved does not get it again"  # fmt: skip
    assert [text for address, text in got if address == ROOS] == ["Tot zo."]


def test_nothing_changes_for_those_whose_steps_are_untouched(shop: Phones) -> None:
    found = told(shop, book_of(("shop.rules", RULES.replace("Dus {kleur}.", "Het wordt {kleur}."))))
    assert {(one.fate, one.is_new) for one in found} == {("same", False)}
    assert all(one.was == one.now for one in found)


def test_a_rule_set_that_is_gone_loses_what_only_it_knows(shop: Phones) -> None:
    newest = new()
    third = book_of(("shop.rules", RULES.replace("keyword TIPS", "keyword TIP").replace("Wat?", "Wat zegt u?")))
    standings = outlook.standings(shop.store)
    assert needed(standings, (newest, third)) == {old().deployment}
    found = moves(standings, newest, third, {old().deployment: None})
    # What the set in force has lost comes back with one that has it: nobody's step is gone for good.
    assert lines(found) == [
        (1, "drip tips", "after 2 days at 13:00", "moved"),
        (2, "drip welkom", "step prijs: after 6 days at 13:00", "moved"),
        (1, "keyword BEL", "wait 10 minutes", "moved"),
        (1, "keyword KLEUR", 'ask "Welke kleur?"', "moved"),
    ]
    assert found[0].was is None
    lost = moves(standings, newest, newest, {old().deployment: None})
    assert [(one.rule, one.fate, one.is_new, one.step[:4]) for one in lost][:2] == [
        ("drip tips", "lost", False, "step"), ("keyword KLEUR", "lost", False, "ask-"),
    ]  # fmt: skip
    own = moves(standings, newest, newest, {old().deployment: old()})
    assert [(one.rule, one.fate, one.is_new) for one in own][:2] == [
        ("drip tips", "own", False), ("keyword KLEUR", "own", False),
    ]  # fmt: skip
    shop.ways.adopt(newest)
    shop.ways._older.clear()  # `revive` gives nothing back
    shop.write(KEES, "ROOD")
    assert [row["rule"] for row in shop.table("runs")].count("Shop/keyword KLEUR") == 0


def test_a_brand_that_goes_leaves_its_chains_to_their_own_rules(shop: Phones) -> None:
    other = book_of(("shop.rules", RULES.replace('brand "Shop"', 'brand "Winkel"')))
    assert {one.fate for one in told(shop, other)} == {"own"}


def test_runs_of_several_deployments_that_share_a_fate_are_told_as_one() -> None:
    drip = "Shop/drip welkom"
    found = moves(
        [Standing("Shop", drip, ("step slot",), old().deployment, 3), Standing("Shop", drip, ("step slot",), "x", 4)],
        old(), old(), {"x": None},
    )  # fmt: skip
    assert lines(found) == [(7, "drip welkom", "step slot: after 5 days at 13:00", "same")]


def test_runs_are_counted_in_slices(shop: Phones, monkeypatch: pytest.MonkeyPatch) -> None:
    whole = outlook.standings(shop.store)
    for size in (1, 2, 5, 6):
        monkeypatch.setattr(outlook, "SLICE", size)
        assert sorted(outlook.standings(shop.store)) == sorted(whole)
    assert sum(one.runs for one in whole) == 5


def test_texts_are_read_newest_first_up_to_a_number(shop: Phones, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(outlook, "PAGE", 2)
    since = shop.world.now() - DAY
    texts = [(one.sender, one.text, one.rule) for one in outlook.heard(shop.store, since, 10)]
    assert texts == [
        (ROOS, "BEL", "Shop/keyword BEL"), (KEES, "KLEUR", "Shop/keyword KLEUR"), (PIET, "TIPS", "Shop/keyword TIPS"),
        (PIET, "JOIN", "Shop/keyword JOIN"), (JAN, "JOIN", "Shop/keyword JOIN"),
    ]  # fmt: skip
    assert [one.text for one in outlook.heard(shop.store, since, 3)] == ["BEL", "KLEUR", "TIPS"]
    assert list(outlook.heard(shop.store, since + 2 * DAY, 3)) == []
    assert list(outlook.heard(shop.store, since, 0)) == []
