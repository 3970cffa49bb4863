"""Who joins a segment by what a cause leads to: values in, values out."""

import pytest
from msgspec.structs import replace

from router.case import Books
from router.messages import Contact, Facts, Occurrence, Profile
from router.plan import (
    AddTag,
    Arm,
    Clicked,
    Consent,
    Effect,
    EndRun,
    Happened,
    Needs,
    OptIn,
    OptOut,
    Plan,
    RemoveTag,
    SetAttribute,
)
from router.segments import Known, joining
from tests.support.phones import NOON, book

BOOK = book("""contact
    stad  text

segment klant = tag klant
segment vrij = not tag klant
segment hier = contact.stad = "Breda"
segment vriend = consent promotional
segment koper = happened koop in 30 days

on join klant
    record a = "a"

on join vrij
    record a = "a"

on join hier
    record a = "a"

on join vriend
    record a = "a"

on join koper
    record a = "a"
""")
FACTS = Facts(Contact(1, "31612345678"), "4411", profiles={"Merk": Profile("Merk")})
SINCE = NOON - 30 * 86_400_000_000
ASKED = Happened(1, "Merk", "koop", SINCE, 0)
KOOP = Occurrence(id=9, brand="Merk", address="31612345678", name="koop", source="api", at=NOON, received_at=NOON)


def joined(*effects: Effect, facts: Facts = FACTS, bought: int = 0) -> list[str]:
    plan = Plan("routed", "Merk", effects=effects)
    found = joining(facts, plan, Books(BOOK, known={ASKED: bought}), NOON)
    assert isinstance(found, Plan)
    assert found.effects[: len(effects)] == effects
    arms = [one for one in found.effects if isinstance(one, Arm)]
    assert all(one == Arm("Merk", "join", one.name, NOON) for one in arms)
    return [one.name for one in arms]


def with_(**changes: object) -> Facts:
    return replace(FACTS, profiles={"Merk": replace(Profile("Merk"), **changes)})


def test_joined_is_who_was_not_in_it_and_is() -> None:
    klant = with_(tags=frozenset({"klant"}))
    assert joined(AddTag("Merk", "klant")) == ["klant"]
    assert joined(AddTag("Merk", "klant"), facts=klant) == []
    assert joined(RemoveTag("Merk", "klant"), facts=klant) == ["vrij"]
    assert joined(AddTag("Merk", "klant"), RemoveTag("Merk", "klant")) == []
    assert joined(SetAttribute("Merk", "stad", "Breda")) == ["hier"]
    assert joined(SetAttribute("Merk", "stad", "Ede")) == []
    assert joined(EndRun(1, "answered")) == []
    assert joined(AddTag("Ander", "klant")) == []


def test_consents_make_join_and_leave() -> None:
    assert joined(Consent(action="grant", brand="Merk", message_class="promotional", cause_id=1)) == ["vriend"]
    stopped = with_(opted_out_at=NOON - 5, consents={"promotional": -(NOON - 5)})
    assert joined(OptIn(("Merk",)), facts=stopped) == ["vriend"]
    assert joined(OptOut(("Merk",)), facts=with_(consents={"promotional": 1})) == []


def test_what_is_happening_counts_and_only_once() -> None:
    assert joined(facts=replace(FACTS, occurrence=KOOP)) == ["koper"]
    assert joined(facts=replace(FACTS, occurrence=KOOP), bought=1) == []
    assert joined(facts=replace(FACTS, occurrence=replace(KOOP, name="retour"))) == []
    assert joined(facts=replace(FACTS, occurrence=replace(KOOP, at=SINCE - 1))) == []
    assert joined(facts=replace(FACTS, occurrence=replace(KOOP, source="join"))) == []
    assert joined(facts=replace(FACTS, occurrence=replace(KOOP, brand="Ander"))) == []
    assert joined(AddTag("Ander", "x"), facts=replace(FACTS, occurrence=KOOP)) == ["koper"]


def test_what_is_not_known_yet_is_asked_for() -> None:
    found = joining(FACTS, Plan("routed", effects=(AddTag("Merk", "klant"),)), Books(BOOK), NOON)
    assert found == Needs(asked=frozenset({ASKED}))


@pytest.mark.parametrize(("answer", "is_in"), [(None, False), (1, True)])
def test_an_answer_that_is_no_number_is_none(answer: int | None, is_in: bool) -> None:
    known = Known(FACTS, Profile("Merk"), Books(BOOK, known={ASKED: answer}), NOON)
    assert known.is_in("koper") is is_in


def test_outside_a_run_no_link_was_followed() -> None:
    assert not Known(FACTS, Profile("Merk"), Books(BOOK, known={Clicked(1, 1, "x"): 1}), NOON).clicked()
