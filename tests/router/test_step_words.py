"""Steps that a run can stand at, as `kwek plan` names them."""

from router.case import Books
from router.messages import Run
from router.routes import Located, locate
from router.step_words import ordinal, words_of
from rules.actions import Program, Standing
from rules.rulebook import Rulebook
from tests.support.phones import book

RULES = """contact
    naam  text

keyword AA
    ask "Dag {contact.naam}, wat is er stuk in uw huis, en hoe lang al?"
        answer (KEUKEN | BAD) as unit
            reply "Goed."
    wait 3 days at 10:00
    wait 2 hours
    wait until 22:30
    opt in promotional for club
        confirm "Antwoord JA. STOP = uit."
        answer yes
    opt in promotional
        confirm "Antwoord JA. STOP = uit."
        answer yes
    wait for event paid within 2 days
        then
            tag betaald
    split proef by click sample 20% for 1 day
        50% a
            tag a
        50% b
            tag b
    send transactional "Dag {unit|huis}."

on event afspraak
    wait until 1 day before event.tijd
    send promotional "Morgen, {event.naam}."

drip reeks promotional
    at once
        send "Een."
    step prijs: after 3 days
        send "Twee."
    after 1 week at 10:00
        send "Drie."
    every mon, thu at 9:00
        send "Vier."
    every day at 9:00
        send "Vijf."
"""


def words(rule: str) -> list[str]:
    found = []
    rulebook = book(RULES)
    for located in every(rulebook, f"Merk/{rule}"):
        nth, of = ordinal(located)
        found.append(f"{nth}/{of} {words_of(located)}")
    return found


def every(rulebook: Rulebook, rule: str) -> list[Located]:
    program: Program = rulebook.brands["Merk"].rules[rule].program
    found = []
    for place in sorted(program.places.values()):
        step = program.steps[place]
        assert isinstance(step, Standing)
        run = Run(kind="wait", brand="Merk", number="", rule=rule, frames=(step.identity,), deployment="")
        located = locate(run, Books(rulebook))
        assert isinstance(located, Located)
        found.append(located)
    return found


def test_steps_of_a_keyword() -> None:
    assert words("keyword AA") == [
        '1/9 ask "Dag {contact.naam}, wat is er stuk in u…"',
        "2/9 wait 3 days at 10:00",
        "3/9 wait 2 hours",
        "4/9 wait until 22:30",
        "5/9 opt in promotional for club",
        "6/9 opt in promotional",
        "7/9 wait for event paid within 2 days",
        "8/9 split proef",
        '9/9 send "Dag {unit}."',
    ]


def test_steps_of_an_event_chain() -> None:
    assert words("on event afspraak") == ["1/2 wait until 1 day before event.tijd", '2/2 send "Morgen, {event.naam}."']


def test_steps_of_a_drip() -> None:
    assert [one for one in words("drip reeks") if "send" not in one] == [
        "1/5 at once",
        "2/5 step prijs: after 3 days",
        "3/5 after 1 week at 10:00",
        "4/5 every mon, thu at 09:00",
        "5/5 every day at 09:00",
    ]
