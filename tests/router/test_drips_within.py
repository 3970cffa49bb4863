"""A drip that another begins may end that other: at once, or at a later step; and only so many begin within another."""

import pytest

from router.case import Books
from router.drips import MOST_WITHIN
from router.happen import happen
from router.messages import Contact, Facts, Occurrence, Profile, Thread
from router.plan import Answer, Enrolled, Leave, Need, Needs, Plan, Suspend
from rules.rulebook import Rulebook
from tests.support.conversations import play
from tests.support.phones import NOON, book

TWO = """\
drip a promotional
    exit on tag klaar
    at once
        start b
        send "A0. STOP = uit"
    after 1 day
        send "A1. STOP = uit"

drip b promotional
    at once
        send "B0. STOP = uit"
        {ending}
        send "B0 nog eens. STOP = uit"
    after 2 days
        send "B2. STOP = uit"

on event begin
    start a

test "t"
    given consent promotional
    event begin
    < B0. STOP = uit
    {told}
"""


@pytest.mark.parametrize(
    ("ending", "told"),
    [
        ("finish a", "< B0 nog eens. STOP = uit; later 2 days; < B2. STOP = uit; later 7 days; nothing"),
        ("tag klaar", "< B0 nog eens. STOP = uit; later 2 days; < B2. STOP = uit; later 7 days; nothing"),
        ("opt out", "later 7 days; nothing"),
        ("finish b", "< A0. STOP = uit; later 1 day; < A1. STOP = uit; later 7 days; nothing"),
        ("start a", "< B0 nog eens. STOP = uit; < A0. STOP = uit; later 1 day; < A1. STOP = uit; later 1 day; "
                    "< B2. STOP = uit; later 7 days; nothing"),
    ],
)  # fmt: skip
def test_what_the_inner_drip_does_at_once(ending: str, told: str) -> None:
    assert play(TWO.replace("{ending}", ending).replace("{told}", told.replace("; ", "\n    "))) == []


def test_it_ends_the_one_that_began_it_at_a_later_step_too() -> None:
    rules = """\
drip a promotional
    at once
        start b
    after 2 days
        send "A2. STOP = uit"

drip b promotional
    after 1 day
        finish a
        send "B1. STOP = uit"

on event begin
    start a

test "t"
    given consent promotional
    event begin
    later 1 day
    < B1. STOP = uit
    later 7 days
    nothing
"""
    assert play(rules) == []


def test_of_three_the_innermost_ends_the_outermost_and_the_one_between_goes_on() -> None:
    rules = """\
drip a promotional
    at once
        start b
        send "A0. STOP = uit"
    after 1 day
        send "A1. STOP = uit"

drip b promotional
    at once
        start c
        send "B0. STOP = uit"
    after 1 day
        send "B1. STOP = uit"

drip c promotional
    at once
        finish a

on event begin
    start a
    send promotional "Begonnen. STOP = uit"

test "t"
    given consent promotional
    event begin
    < B0. STOP = uit
    < Begonnen. STOP = uit
    later 1 day
    < B1. STOP = uit
    later 7 days
    nothing
"""
    assert play(rules) == []


def test_whoever_is_ended_so_has_left() -> None:
    plan = happens(book(TWO.partition("test ")[0].replace("{ending}", "finish a")))
    left = [effect for effect in plan.effects if isinstance(effect, Leave)]
    assert [(one.drip, one.outcome) for one in left] == [("a", "exited")]
    assert [one.run.rule for one in plan.effects if isinstance(one, Suspend)] == ["Merk/drip b"]


def test_only_so_many_begin_one_within_the_other() -> None:
    last = MOST_WITHIN + 3
    drips = "".join(
        f'drip d{number} promotional\n    at once\n        start d{number + 1}\n    after 1 day\n        tag weg\n\n'
        for number in range(last)
    )  # fmt: skip
    plan = happens(
        book(f"{drips}drip d{last} promotional\n    after 1 day\n        tag weg\n\non event begin\n    start d0\n")
    )
    assert plan.fault == f"more than {MOST_WITHIN} drips begun one within the other"
    begun = [effect for effect in plan.effects if isinstance(effect, Suspend)]
    assert len(begun) == MOST_WITHIN


def happens(rules: Rulebook) -> Plan:
    """What "begin" leads to for somebody who has agreed and was in no drip yet."""
    known: dict[Need, Answer] = {}
    occurrence = Occurrence(
        id=9, brand="Merk", address="31612345678", name="begin", source="api", at=NOON, received_at=NOON
    )
    profile = Profile("Merk", consents={"promotional": NOON})
    facts = Facts(Contact(1, "31612345678"), "4411", Thread(), {"Merk": profile}, occurrence=occurrence)
    while True:
        plan = happen(facts, Books(rules, known=known), NOON)
        if isinstance(plan, Plan):
            return plan
        assert isinstance(plan, Needs)
        known |= {need: None for need in plan.asked if isinstance(need, Enrolled)}
