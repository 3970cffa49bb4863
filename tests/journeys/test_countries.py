"""A number serves the countries that its operator says: capability 9."""

from pathlib import Path

from gateway.metrics import Metrics
from router.rehearsal import Got, Kept, Stage
from rules.compiler import compile_sources
from rules.diagnostics import Source
from rules.rulebook import Grants, NumberGrant, Rulebook

RULES = """brand "De Klusser"
    numbers   4411, 4412
    language  nl
    timezone  Europe/Amsterdam

keyword OPEN
    tag vroeg
    reply "We zijn open."

on event klaar
    send transactional "De Klusser: het is klaar."
"""
NOON = 1_767_610_800_000_000
INDIAN, DUTCH, BELGIAN, SATELLITE = "919812345678", "31612345678", "32470123456", "881612345678"


def book() -> Rulebook:
    grants = (
        NumberGrant("4411", "short-code", "NL", ("De Klusser",), "a", ("NL", "BE")),
        NumberGrant("4412", "short-code", "NL", ("De Klusser",), "a"),
    )
    compiled = compile_sources([Source("klusser.rules", RULES)], Grants(grants)).book
    assert compiled is not None
    return compiled


def test_capability_09_a_phone_of_another_country_is_refused_and_nothing_is_sent_to_it() -> None:
    rules = book()
    for phone in (INDIAN, SATELLITE):
        stage = Stage(rules, phone, NOON)
        assert stage.text("4411", "OPEN") == []
        assert stage.text("4411", "wat?") == []
        assert [state for _, _, state in stage.taken()] == ["out_of_market", "out_of_market"]
        assert stage.facts("4411").profile("De Klusser").tags == frozenset()
        stage.close()


def test_capability_09_phones_of_its_countries_are_served_and_a_number_without_a_list_serves_all() -> None:
    rules = book()
    for phone, number in ((DUTCH, "4411"), (BELGIAN, "4411"), (INDIAN, "4412")):
        stage = Stage(rules, phone, NOON)
        assert stage.text(number, "OPEN") == [Got("We zijn open.", number)]
        stage.close()


def test_capability_09_an_opt_out_is_heard_from_everywhere_and_not_answered_at_our_cost() -> None:
    stage = Stage(book(), INDIAN, NOON)
    assert [type(one) for one in stage.text("4411", "STOP")] == [Kept]
    assert stage.facts("4411").profile("De Klusser").opted_out_at is not None
    assert [one.reason for one in stage.occur("De Klusser", "klaar", {"ref": "1"}) if isinstance(one, Kept)] == [
        "opted_out"
    ]
    stage.close()


def test_capability_09_what_nobody_asked_for_does_not_go_there_either() -> None:
    stage = Stage(book(), INDIAN, NOON)
    told = stage.occur("De Klusser", "klaar", {"ref": "1", "consent": "transactional"})
    assert told == [Kept("out_of_market", "De Klusser: het is klaar.")]
    stage.close()


def test_capability_09_an_operator_sees_how_many_were_refused() -> None:
    metrics = Metrics()
    metrics.decided({"out_of_market": 2, "routed": 1})
    assert 'kwek_mo_refused_total{reason="out_of_market"} 2.0' in metrics.page().decode()


def test_the_setting_is_explained() -> None:
    example = (Path(__file__).parents[2] / "config/examples/kwek.toml").read_text(encoding="utf-8")
    assert "Countries whose phones it serves" in example
