"""Who joins a segment by time alone, on both stores: once, at its time, and at the cost of what is due."""

from typing import Any

import pytest

from router import due, timers
from router import turns as turns_module
from router.instants import DAY, HOUR, MINUTE
from router.messages import Occurrence
from router.store.engine import Store
from tests.support.routing import JAN, KEES, NOW, PIET
from tests.support.timed import Town, crowd, known

HEAD = """contact
    geboren  date

segment klant = tag klant
segment slapend = tag klant and not happened koop in 30 days
segment trouw = happened koop 2 times in 10 days
segment volwassen = contact.geboren <= 18 years ago
segment winkeltijd = time in 18:00..20:00 and tag klant

keyword JOIN
    tag klant
    reply "Welkom"

keyword JARIG <dag date>
    set contact.geboren = dag
    reply "Genoteerd"

keyword WEG
    untag klant
    reply "Goed"

"""
SLEEPS = """on join slapend
    record slaapt = "ja"

"""
OTHERS = """on join volwassen
    record groot = "ja"

on join winkeltijd
    record open = "ja"

"""


def told(town: Town, phone: str, name: str, at: int | None = None) -> None:
    now = town.world.now()
    one = Occurrence(
        id=town.world.ids.next(now), brand="Shop", address=phone, name=name, source="api", at=at or now, received_at=now
    )
    town.commit(occurrences=[one])
    town.look()


def recorded(town: Town) -> list[tuple[str, int]]:
    return [(row["name"], row["at"] - NOW) for row in town.table("records")]


def turns(town: Town) -> list[int | None]:
    return [row["due_at"] for row in town.table("timers") if row["source"] == "turn"]


def played(town: Town, *, until: int) -> None:
    """Time goes by, and what falls due is looked at when it does."""
    for _ in range(500):
        with town.store.begin() as tx:
            due = timers.next_instant(tx)
        if due is None or due > NOW + until:
            town.world.at = NOW + until
            return
        town.world.at = max(town.world.at, due)
        town.look()
    raise AssertionError("it never comes to an end")


def test_capability_67_who_becomes_inactive_without_doing_anything_joins_once(store: Store) -> None:
    town = Town(store, HEAD + SLEEPS)
    town.write(JAN, "JOIN")  # no purchase ever: in it by the text that makes a customer
    town.look()
    assert recorded(town) == [("slaapt", 0)]
    town.write(PIET, "HOI")
    told(town, PIET, "koop")
    town.write(PIET, "JOIN")
    town.look()
    assert turns(town) == [None, NOW + 30 * DAY + 1]
    played(town, until=29 * DAY)
    assert len(recorded(town)) == 1
    told(town, PIET, "koop")  # he buys again, so it is thirty days from now
    played(town, until=58 * DAY)
    assert len(recorded(town)) == 1
    played(town, until=200 * DAY)
    assert recorded(town) == [("slaapt", 0), ("slaapt", 59 * DAY + 1)]
    assert turns(town) == [None, None]
    told(town, PIET, "koop")
    assert turns(town) == [None, NOW + 230 * DAY + 1]
    played(town, until=300 * DAY)
    assert recorded(town)[-1] == ("slaapt", 230 * DAY + 1)


def test_who_leaves_in_time_does_not_join_and_the_text_that_leaves_is_what_counts(store: Store) -> None:
    town = Town(store, HEAD + SLEEPS)
    told(town, JAN, "koop")
    town.write(JAN, "JOIN")
    town.look()
    played(town, until=20 * DAY)
    town.write(JAN, "WEG")
    played(town, until=90 * DAY)
    assert recorded(town) == []


def test_a_turn_that_was_missed_while_nobody_looked_is_made_up_for(store: Store) -> None:
    town = Town(store, HEAD + SLEEPS)
    for phone in (JAN, PIET, KEES):
        told(town, phone, "koop")
        town.write(phone, "JOIN")
        town.look()
    town.world.at = NOW + 40 * DAY  # the gateway was down
    town.restart(HEAD + SLEEPS)
    town.commit(inbound=[town.text(JAN, "WEG")])  # and the first that it hears of comes before it looks
    one = Occurrence(
        id=town.world.ids.next(town.world.now()), brand="Shop", address=PIET, name="koop", source="api",
        at=town.world.now(), received_at=town.world.now(),
    )  # fmt: skip
    town.commit(occurrences=[one])
    town.commit(inbound=[town.text(KEES, "JARIG 01-02-2000")])
    town.look()
    assert recorded(town) == [("slaapt", 40 * DAY)], "Kees slept, and nothing that he said changes that"


def test_who_joins_by_a_text_does_not_join_again_by_a_turn_that_is_late(store: Store) -> None:
    town = Town(store, HEAD + SLEEPS)
    told(town, JAN, "koop")
    assert turns(town) == [NOW + 30 * DAY + 1]
    town.world.at = NOW + 30 * DAY + 10 * MINUTE  # the gateway was down
    town.restart(HEAD + SLEEPS)
    town.commit(inbound=[town.text(JAN, "JOIN")])  # and what waited comes before it looks
    assert turns(town) == [town.world.now()]
    town.look()
    assert recorded(town) == [("slaapt", 30 * DAY + 10 * MINUTE)]
    played(town, until=90 * DAY)
    assert len(recorded(town)) == 1


def test_a_turn_that_was_put_off_and_is_brought_forward_is_still_looked_at_for_its_instant(store: Store) -> None:
    town = Town(store, HEAD + SLEEPS)
    told(town, JAN, "koop")
    town.write(JAN, "JOIN")
    town.look()
    town.world.at = planned = NOW + 30 * DAY + 1
    with store.begin() as tx:
        assert due.set_aside(tx, town.ways, "no", timers.first_due(tx, planned))
    town.later(MINUTE)
    told(town, JAN, "koop", at=NOW)  # late, and of no weight; but it lets his timer be due now
    assert recorded(town) == [("slaapt", 30 * DAY + 1 + MINUTE)]


def test_a_month_that_is_too_short_lets_join_once_at_its_end(store: Store) -> None:
    town = Town(
        store, HEAD + SLEEPS.replace("slapend", "lang") + "segment lang = tag klant and not happened koop in 1 month\n"
    )
    town.world.at = NOW + 26 * DAY + 17 * MINUTE  # 31 January 2026
    told(town, JAN, "koop")
    town.write(JAN, "JOIN")
    played(town, until=120 * DAY)
    assert recorded(town) == [("slaapt", 54 * DAY + 11 * HOUR)], "1 March, midnight in Amsterdam"


def test_dates_and_times_of_day_let_join_at_their_instants(store: Store) -> None:
    town = Town(store, HEAD + OTHERS)
    town.write(JAN, "JARIG 07-01-2008")  # NOW is 5 January 2026, 13:00 in Amsterdam
    town.look()
    town.write(PIET, "JOIN")
    town.look()
    played(town, until=2 * DAY)
    found = recorded(town)
    assert found.count(("groot", DAY + 11 * HOUR)) == 1, "at midnight of the birthday, in Amsterdam"
    assert [at for name, at in found if name == "open"] == [5 * HOUR, DAY + 5 * HOUR]
    assert len(found) == 3


def test_a_rule_that_comes_later_finds_who_is_there_and_whom_it_finds_in_it_has_not_joined(store: Store) -> None:
    town = Town(store, HEAD)
    known(town, crowd(70))
    for phone in (JAN, PIET):
        told(town, phone, "koop")
        town.write(phone, "JOIN")
    town.later(MINUTE)
    town.deploy(HEAD + SLEEPS)
    town.look(most=20)
    assert recorded(town) == [], "who was in it before there was a rule has not joined"
    assert sorted(at - NOW for at in turns(town) if at) == [30 * DAY + 1] * 2
    town.deploy((HEAD + SLEEPS).replace("in 30 days", "in 5 days"))
    town.look(most=20)
    played(town, until=40 * DAY)
    assert recorded(town) == [("slaapt", 5 * DAY + 1)] * 2
    assert {row["due_at"] for row in town.table("timers")} == {None}, "those of the old condition went as they fell due"


def test_the_cost_of_a_look_is_that_of_what_is_due(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    looked: list[int] = []
    town = Town(store, HEAD + SLEEPS)
    known(town, crowd(200))
    told(town, JAN, "koop")
    town.write(JAN, "JOIN")
    town.look()
    own = turns_module.look

    def look(*arguments: Any) -> Any:
        looked.append(1)
        return own(*arguments)

    monkeypatch.setattr(turns_module, "look", look)
    town.later(30 * DAY + MINUTE)
    town.look()
    assert looked == [1]
    told(town, PIET, "retour")  # an event that no segment reads
    assert looked == [1, 1], "he is new to the brand"
    told(town, PIET, "retour")
    assert looked == [1, 1]


def test_a_brand_whose_segments_time_does_not_turn_has_no_timers(store: Store) -> None:
    town = Town(store, HEAD + 'on join klant\n    record a = "a"\n')
    town.write(JAN, "JOIN")
    town.look()
    assert town.table("timers") == []
