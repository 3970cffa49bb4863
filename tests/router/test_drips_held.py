"""Promotional steps wait while a question of the brand's is open, and no longer than that, however it ends."""

from __future__ import annotations

import msgspec
import pytest

from router.decide import Books, decide
from router.messages import Facts, Inbound, Run
from router.plan import EndRun, Plan, Suspend
from router.walking import HELD
from tests.support.conversations import play
from tests.support.phones import NOON, Phone, book
from tests.support.routing import JAN

DRIPS = """\
drip d promotional
    after 1 hour
        send "P: d. STOP = uit."

drip nu promotional
    at once
        send "P: nu. STOP = uit."

drip vraagt promotional
    at once
        ask "P: ja of nee? STOP = uit." within 2 hours
            answer JAZEKER
                tag ja
            else again "P: ja of nee?"

keyword VRAAG
    ask "Rood of blauw?" within 1 day
        answer ROOD
            reply "rood"
        else again "Rood of blauw!" up to 1 time

keyword BEGIN
    start d

"""
FALLBACK = 'fallback\n    reply "wat?"\n\n'
CLOSED = """\
test "gesloten"
    given consent promotional
    > begin
    > vraag
    < Rood of blauw?
    later 2 hours
    nothing
    > x
    < Rood of blauw!
    > x
"""


def test_a_question_that_the_same_text_has_asked_is_open_already() -> None:
    rules = """\
keyword BEIDE
    start vraagt
    start nu

test "eerst de vraag"
    given consent promotional
    > beide
    < P: ja of nee?*
    > hm
    < P: ja of nee?
    > jazeker
    < P: nu*

test "zonder antwoord"
    given consent promotional
    > beide
    < P: ja of nee?*
    later 1 hour
    nothing
    later 1 hour
    < P: nu*
"""
    assert play(DRIPS + rules) == []


def test_a_step_before_the_question_goes_out_at_once() -> None:
    rules = """\
keyword BEIDE
    start nu
    start vraagt

test "eerst de stap"
    given consent promotional
    > beide
    < P: nu*
    < P: ja of nee?*
"""
    assert play(DRIPS + rules) == []


@pytest.mark.parametrize(
    ("fallback", "answers"), [("", "    < P: d*\n"), (FALLBACK, "    < wat?\n    < P: d*\n")], ids=["none", "one"]
)
def test_a_question_that_was_missed_too_often_holds_no_longer(fallback: str, answers: str) -> None:
    assert play(DRIPS + fallback + CLOSED + answers) == []


def test_a_question_that_no_rules_know_any_more_holds_no_longer() -> None:
    phone = Phone(book(DRIPS + FALLBACK))
    phone.say("vraag")
    (asked,) = phone.runs
    held = Run(
        kind="step", brand="Merk", number="4411", rule="Merk/drip d", frames=("x",), deployment=asked.deployment,
        variables={HELD: 1}, due_at=asked.due_at, id=9,
    )  # fmt: skip
    lost = msgspec.structs.replace(asked, frames=("gone",), deployment="gone")
    other = msgspec.structs.replace(held, brand="Ander", id=10)
    message = Inbound(
        id=7, connector="c", session=1, sequence=1, sender=JAN, recipient="4411", text="x", received_at=NOON
    )
    facts = Facts(phone.contact, "4411", phone.facts().thread, {}, (held, other, lost), message)
    plan = decide(facts, Books(book(DRIPS + FALLBACK), {"gone": None}), NOON)
    assert isinstance(plan, Plan)
    assert plan.effects[:2] == (EndRun(lost.id, "lost"), Suspend(msgspec.structs.replace(held, due_at=NOON)))
    assert [effect.run.id for effect in plan.effects if isinstance(effect, Suspend)] == [9]
