"""What starts chains without a text, by what starts them; and what stands around such chains."""

from __future__ import annotations

from datetime import date

import pytest

from rules import syntax as s
from rules.rulebook import BrandBook, Terms
from rules.triggers import BIRTHDAY_AT
from tests.support.phones import book, brand

CHAINS = """contact
    geboren  date

segment klant = tag klant

keyword AA1
    reply "Kijk: {link folder https://klusser.example}"

on event cart per event.winkel
    exit on event purchase, tag klaar
    tag a

on event cart
    tag b

on click folder
    tag c

on join klant
    tag d

on undelivered
    tag e

on birthday of contact.geboren
    tag f

on birthday of contact.geboren at 8:00
    tag g

on inactive 30 days
    tag h

on 2026-12-05 at 18:00 for segment klant
    tag i
"""


@pytest.fixture(scope="module")
def made() -> BrandBook:
    return book(brand(CHAINS)).brands["Merk"]


def test_two_chains_of_one_event_are_told_apart(made: BrandBook) -> None:
    heads = [rule.head for rule in made.triggers.events["cart"]]
    assert heads == ["on event cart per event.winkel", "on event cart"]
    same = "on event cart\n    tag a\n\non event cart\n    tag b\n"
    assert sorted(book(brand(same)).brands["Merk"].rules) == ["Merk/on event cart", "Merk/on event cart #2"]


def test_clicks_joins_and_texts_that_did_not_arrive(made: BrandBook) -> None:
    triggers = made.triggers
    assert [rule.head for rule in triggers.clicks["folder"]] == ["on click folder"]
    assert [rule.head for rule in triggers.joins["klant"]] == ["on join klant"]
    assert [rule.head for rule in triggers.undelivered] == ["on undelivered"]


def test_days_and_silences(made: BrandBook) -> None:
    triggers = made.triggers
    assert [(one.attribute, one.clock) for one in triggers.birthdays] == [
        ("geboren", BIRTHDAY_AT),
        ("geboren", s.Clock(8, 0)),
    ]
    assert [one.after for one in triggers.inactivity] == [s.Duration(30, "day")]
    assert [(one.day, one.clock, one.segment) for one in triggers.dates] == [
        (date(2026, 12, 5), s.Clock(18, 0), "klant")
    ]


def test_every_chain_is_a_rule_that_a_run_can_stand_in(made: BrandBook) -> None:
    triggers = made.triggers
    started = [
        *triggers.events["cart"],
        *triggers.clicks["folder"],
        *triggers.joins["klant"],
        *triggers.undelivered,
        *(one.rule for one in triggers.birthdays),
        *(one.rule for one in triggers.inactivity),
        *(one.rule for one in triggers.dates),
    ]
    assert len(started) == 9
    assert all(made.rules[rule.identity] is rule for rule in started)


def test_what_ends_an_on_chain_and_how_many_run_at_a_time(made: BrandBook) -> None:
    first, second = made.triggers.events["cart"]
    assert first.terms == Terms(exit_events=frozenset({"purchase"}), exit_tags=frozenset({"klaar"}), per="winkel")
    assert second.terms == Terms()
    assert made.triggers.undelivered[0].terms == Terms()


DRIP = "drip d transactional\n{}    at once\n        tag x\n"


@pytest.mark.parametrize(
    ("lines", "terms"),
    [
        ("", Terms(message_class="transactional")),
        ("    goal event purchase\n", Terms(message_class="transactional", goal="purchase")),
        (
            "    goal event purchase within 14 days\n    exit on tag klant, event weg\n    again after 1 month\n",
            Terms(
                message_class="transactional",
                goal="purchase",
                goal_within=s.Duration(14, "day"),
                exit_events=frozenset({"weg"}),
                exit_tags=frozenset({"klant"}),
                again=s.Duration(1, "month"),
            ),
        ),
    ],
)
def test_what_stands_around_a_drip(lines: str, terms: Terms) -> None:
    made = book(brand(DRIP.format(lines))).brands["Merk"]
    assert made.drips["d"].terms == terms
    assert made.rules["Merk/drip d"] is made.drips["d"]
