"""Questions, confirmations, texts that wait for their hours and pauses, by conversations."""

from datetime import UTC, date, datetime

import pytest

from router.asking import before_time
from router.messages import Profile
from rules.facts import Value
from rules.syntax import Duration
from rules.times import microseconds
from tests.support.conversations import play
from tests.support.phones import Phone, book, brand

TWO_HOURS = Duration(2, "hour")


@pytest.mark.parametrize(
    ("value", "told"),
    [
        ("2026-01-05T13:00", datetime(2026, 1, 5, 11, tzinfo=UTC)),
        ("2026-01-05T13:00+01:00", datetime(2026, 1, 5, 10, tzinfo=UTC)),
        ("2026-01-05", datetime(2026, 1, 4, 22, tzinfo=UTC)),
        (date(2026, 1, 5), datetime(2026, 1, 4, 22, tzinfo=UTC)),
        (datetime(2026, 1, 5, 13, tzinfo=UTC), datetime(2026, 1, 5, 11, tzinfo=UTC)),
        ("straks", None),
        (12, None),
        (None, None),
    ],
)
def test_a_time_that_an_event_tells(value: Value | None, told: datetime | None) -> None:
    assert before_time(value, TWO_HOURS, UTC) == (None if told is None else microseconds(told))


def test_a_promotional_question_waits_for_the_morning() -> None:
    rules = """\
on event bezoek
    ask promotional "P: hoe was het? 1 t/m 10. STOP = uit." within 1 day
        answer <cijfer 1..10>
            record cijfer = cijfer
        else again "P: 1 t/m 10 graag." up to 1 time
        silence
            tag stil

test "at night" at 2026-01-05 23:00
    given consent promotional
    event bezoek
    later 539 minutes
    nothing
    later 1 minute
    < P: hoe was het? 1 t/m 10. STOP = uit.
    > elf
    < P: 1 t/m 10 graag.
    > 8
    check cijfer = 8

test "without a consent it is not asked, and nobody is silent"
    event bezoek
    withheld no_consent(promotional)
    later 2 days
    check not tag stil
"""
    assert play(rules, "quiet 21:00..08:00") == []


def test_the_repeat_of_a_promotional_question_is_an_answer() -> None:
    rules = """\
drip d promotional
    at once
        ask "P: hoe was het? STOP = uit." within 1 day
            answer GOED
                reply "Fijn!"
            else again "P: was het goed?" up to 2 times

on event bezoek
    ask promotional "P: kaart? STOP = uit." within 1 day
        answer GOED
            tag kaart
        else again "P: wilt u een kaart?"

keyword BEGIN
    start d

test "at night, after the day's only promotional text" at 2026-01-05 20:30
    given consent promotional
    > begin
    < P: hoe was het? STOP = uit.
    > hm
    < P: was het goed?
    later 1 hour
    > hm
    < P: was het goed?
    > goed
    < Fijn!

test "in a chain that an event began" at 2026-01-05 20:30
    given consent promotional
    event bezoek
    < P: kaart? STOP = uit.
    later 2 hours
    > hm
    < P: wilt u een kaart?
"""
    assert play(rules, "quiet 21:00..08:00", "cap 1 per day") == []


def test_a_question_until_some_time_before_what_the_event_tells() -> None:
    rules = """\
on event afspraak
    ask transactional "P: komt u? JA of NEE. STOP = uit." until 4 hours before event.begin
        answer yes
            tag komt
        silence
            tag onbekend

test "told"
    given consent transactional
    event afspraak with begin = "2026-01-06T10:00"
    < P: komt u? JA of NEE. STOP = uit.
    later 1079 minutes
    check not tag onbekend
    later 1 minute
    check tag onbekend

test "not told: a day"
    given consent transactional
    event afspraak
    < P: komt u? JA of NEE. STOP = uit.
    later 1439 minutes
    check not tag onbekend
    later 1 minute
    check tag onbekend
"""
    assert play(rules) == []


def test_a_drips_question_has_its_class_unless_it_names_one() -> None:
    rules = """\
drip d promotional
    at once
        send "P: dag. STOP = uit."
    after 1 day at 10:00
        ask promotional "P: bevalt het? STOP = uit." within 1 day
            answer yes
                send "P: fijn. STOP = uit."
    after 3 days at 10:00
        send "P: tot ziens. STOP = uit."

keyword JOIN
    start d

test "answered"
    given consent promotional
    > JOIN
    < P: dag. STOP = uit.
    later 1 day
    < P: bevalt het? STOP = uit.
    > ja hoor
    < P: fijn. STOP = uit.
    later 2 days
    < P: tot ziens. STOP = uit.
"""
    assert play(rules) == []


def test_waiting_until_a_clock_shows_a_time() -> None:
    rules = """\
keyword WEK
    wait until 10:00
    reply "Goedemorgen."

test "it is later" at 2026-01-05 11:00
    > WEK
    later 22 hours
    nothing
    later 1 hour
    < Goedemorgen.

test "it is exactly that" at 2026-01-05 10:00
    > WEK
    later 1 day
    < Goedemorgen.
"""
    assert play(rules) == []


def test_waiting_for_an_event() -> None:
    rules = """\
on event besteld
    wait for event betaald within 1 day
        then
            send transactional "P: betaald. STOP = uit."
        silence
            tag niet_betaald

test "it comes"
    given consent transactional
    event besteld
    event iets
    later 1 hour
    event betaald
    < P: betaald. STOP = uit.
    later 2 days
    check not tag niet_betaald

test "it does not"
    given consent transactional
    event besteld
    later 1 day
    check tag niet_betaald
    event betaald
    nothing
"""
    assert play(rules) == []


CONFIRM = """keyword JOIN
    opt in promotional
        confirm "{lang}Antwoord JA. STOP = uit."
        answer yes
    reply "Welkom!"
"""


def test_a_confirmation_that_may_not_go_out_is_not_open() -> None:
    phone = Phone(book(brand(CONFIRM.replace("{lang}", "{rest}"), settings="    limit 1 segment\n")))
    (kept,) = phone.say(f"JOIN {'x' * 200}")
    assert kept.startswith("(too_long)")
    assert phone.runs == []


def test_an_answer_that_comes_a_day_late_is_asked_for_anew_and_a_month_late_is_none() -> None:
    rules = (
        CONFIRM.replace("{lang}", "")
        + """
test "anew"
    > JOIN
    < Antwoord JA. STOP = uit.
    later 25 hours
    > JA
    < Antwoord JA. STOP = uit.
    > JA
    < Welkom!
    check consent promotional

test "too late"
    > JOIN
    < Antwoord JA. STOP = uit.
    later 40 days
    > JA
    nothing
    check not consent promotional
"""
    )
    assert play(rules) == []


def test_what_was_asked_for_anew_may_be_too_long_by_then() -> None:
    rules = "contact\n    naam  text\n\n" + CONFIRM.replace("{lang}", "{contact.naam|}")
    phone = Phone(book(brand(rules, settings="    limit 1 segment\n")))
    assert phone.say("JOIN") == ["Antwoord JA. STOP = uit."]
    phone.wait(25 * 3_600)
    phone.profiles["Merk"] = Profile("Merk", attributes={"naam": "x" * 200})
    (kept,) = phone.say("JA")
    assert kept.startswith("(too_long)")
    assert phone.runs == []
