"""Drips, by conversations: who enters, what ends them early, and what waits keeps its order."""

from collections.abc import Iterator

import pytest

from router.case import zone_of
from router.instants import HOUR
from router.messages import Contact
from router.store.engine import IN_MEMORY, Store, open_store
from tests.support.conversations import HEAD, play
from tests.support.phones import book
from tests.support.routing import JAN, Phones, book_of

DRIP = """\
drip d promotional
    exit on tag klant
    at once
        send "P: een. STOP = uit."
    after 1 day at 10:00
        send "P: twee. STOP = uit."

"""


@pytest.fixture
def memory() -> Iterator[Store]:
    opened = open_store(IN_MEMORY)
    yield opened
    opened.close()


def joined(chain: str, told: str) -> str:
    """A keyword with a chain, and a test of what the phone that is in the drip gets of it and for two days after."""
    actions = "".join(f"    {line}\n" for line in chain.split("; "))
    lines = "".join(f"    {line}\n" for line in told.split("; "))
    return f'{DRIP}keyword JOIN\n{actions}\ntest "t"\n    given consent promotional\n    > JOIN\n{lines}'


@pytest.mark.parametrize("ending", ["tag klant", "finish d", "opt out"])
def test_what_ends_a_drip_ends_one_that_the_same_text_began(ending: str) -> None:
    assert play(joined(f"start d; {ending}", "< P: een*; later 2 days; nothing")) == []


def test_a_drip_begun_again_after_it_was_finished_by_the_same_text_does_not_begin() -> None:
    assert play(joined("start d; finish d; start d", "< P: een*; later 2 days; nothing")) == []


def test_what_comes_below_opt_out_in_a_chain_of_a_text_is_done() -> None:
    assert play(joined('opt out; reply "Geen tips meer."', "< Geen tips meer.; check not consent promotional")) == []


def test_a_chain_with_a_run_per_value_has_several_side_by_side() -> None:
    rules = """\
on event verzonden per event.pakket
    wait 1 hour
    send transactional "P: pakket {event.pakket}. STOP = uit."

test "t"
    given consent transactional
    event verzonden with pakket = 1
    event verzonden with pakket = 2
    event verzonden with pakket = 1
    later 1 hour
    < P: pakket 1. STOP = uit.
    < P: pakket 2. STOP = uit.
    later 1 day
    nothing
"""
    assert play(rules) == []


def test_a_chain_that_waits_for_a_time_the_event_does_not_tell_ends_and_says_so() -> None:
    rules = """\
on event afspraak
    wait until 2 hours before event.begin
    send transactional "P: tot zo. STOP = uit."

test "t"
    given consent transactional
    event afspraak with begin = "{begin}"
    {told}
"""
    assert play(rules.replace("{begin}", "2026-01-05T13:00").replace("{told}", "< P: tot zo*")) == []
    assert play(rules.replace("{begin}", "straks").replace("{told}", "withheld time_not_told")) == []


def test_by_a_tag_a_drip_that_waits_is_left_and_one_under_way_ends_where_it_stands() -> None:
    rules = """\
drip d promotional
    exit on tag klant
    at once
        send "P: een. STOP = uit."
    after 1 day at 10:00
        tag klant
        send "P: twee. STOP = uit."

keyword JOIN
    start d

keyword KLANT
    tag klant

test "from outside"
    given consent promotional
    > JOIN
    < P: een*
    > KLANT
    later 2 days
    nothing
    check tag klant

test "from within"
    given consent promotional
    > JOIN
    < P: een*
    later 2 days
    nothing
    check tag klant
"""
    assert play(rules) == []


def test_finish_ends_a_drip_that_waits_and_the_one_under_way() -> None:
    rules = """\
drip d promotional
    at once
        send "P: een. STOP = uit."
    after 1 day at 10:00
        finish d
        send "P: twee. STOP = uit."

keyword JOIN
    start d

keyword KLAAR
    finish d

test "from outside"
    given consent promotional
    > JOIN
    < P: een*
    > KLAAR
    later 2 days
    nothing
    > JOIN
    nothing

test "from within"
    given consent promotional
    > JOIN
    < P: een*
    later 2 days
    nothing
"""
    assert play(rules) == []


def test_who_may_not_enter_is_recorded_once_and_may_later() -> None:
    rules = """\
drip d promotional
    at once
        send "P: een. STOP = uit."

keyword JOIN
    start d
    reply "Dag."

keyword WEL
    opt in promotional
    start d

test "no consent"
    > JOIN
    withheld no_consent(promotional)
    < Dag.
    > JOIN
    < Dag.
    > WEL
    < P: een*
    > WEL
    nothing
"""
    assert play(rules) == []


@pytest.mark.parametrize("policy", ["send late", "next window", "skip"])
def test_a_step_that_a_question_held_for_hours_is_not_late(policy: str) -> None:
    rules = """\
drip d promotional
    after 1 day at 10:00, {policy}
        send "P: een. STOP = uit."
    after 4 days at 10:00, {policy}
        send "P: twee. STOP = uit."

keyword JOIN
    start d
    ask "P: hoe heet u?" within 2 days
        answer <naam text>
            reply "Dag {{naam}}."

test "until it closes"
    given consent promotional
    > JOIN
    < P: hoe heet u?
    later 2 days
    < P: een. STOP = uit.
    later 2 days
    < P: twee. STOP = uit.

test "until it is answered, at night"
    given consent promotional
    > JOIN
    < P: hoe heet u?
    later 36 hours
    nothing
    > Jan
    < Dag Jan.
    later 12 hours
    < P: een. STOP = uit.
"""
    assert play(rules.format(policy=policy)) == []


def test_promotional_steps_wait_for_an_open_question_and_keep_their_order() -> None:
    rules = """\
drip d promotional
    after 1 hour
        send "P: een. STOP = uit."
    after 2 hours
        send "P: twee. STOP = uit."

drip e transactional
    after 1 hour
        send "P: order. STOP = uit."

keyword JOIN
    start d
    start e
    ask "P: hoe heet u?" within 3 hours
        answer <naam text>
            reply "Dag {naam}."

test "until it closes"
    given consent promotional
    given consent transactional
    > JOIN
    < P: hoe heet u?
    later 1 hour
    < P: order. STOP = uit.
    later 119 minutes
    nothing
    later 1 minute
    < P: een. STOP = uit.
    < P: twee. STOP = uit.

test "until it is answered"
    given consent promotional
    > JOIN
    withheld no_consent(transactional)
    < P: hoe heet u?
    later 90 minutes
    nothing
    > Jan
    < Dag Jan.
    < P: een. STOP = uit.
    later 30 minutes
    < P: twee. STOP = uit.
"""
    assert play(rules) == []


LATE = """\
drip a promotional
    after 1 day at 10:00
        send "P: a. STOP = uit."

drip b promotional
    after 1 day at 10:00, send late
        send "P: b. STOP = uit."

drip c promotional
    after 1 day at 10:00, skip
        send "P: c. STOP = uit."
    after 3 days at 11:00
        send "P: d. STOP = uit."

keyword JOIN
    opt in promotional
    start a
    start b
    start c

keyword VRAAG
    ask "Hoe heet u?" within 1 day
        answer <naam text>
            reply "Dag {naam}."
"""


def told(phones: Phones, hours: float) -> list[str]:
    """Nobody looks for so long; then what is said and withheld."""
    before = len(phones.table("outbox"))
    phones.later(int(hours * HOUR))
    looks = 0
    while (due_at := phones.commit(due=True).next_due) is not None and due_at <= phones.world.now():
        looks += 1
    assert looks < 10
    return sorted(row["reason"] or row["text"] for row in phones.table("outbox")[before:])


def late(store: Store) -> Phones:
    """A phone that has joined at 13:00."""
    phones = Phones(store, book_of(("p.rules", HEAD.format(numbers="4411") + "\n" + LATE)))
    phones.write(JAN, "JOIN")
    return phones


def test_a_step_whose_time_has_passed_is_sent_late_the_next_day_or_left_out(memory: Store) -> None:
    phones = late(memory)
    assert told(phones, 26) == ["P: b. STOP = uit.", "step_late"]
    assert told(phones, 18.5) == []
    assert told(phones, 0.5) == ["P: a. STOP = uit."]
    assert told(phones, 25) == ["P: d. STOP = uit."]


def test_a_step_that_was_late_before_a_question_held_it_stays_late(memory: Store) -> None:
    phones = late(memory)
    phones.later(24 * HOUR)
    phones.write(JAN, "VRAAG")  # at 13:00, and nobody has looked at the step of 10:00
    assert told(phones, 0) == []
    phones.write(JAN, "Jan")
    assert told(phones, 0) == ["P: b. STOP = uit.", "step_late"]


def test_of_a_step_that_recurs_only_the_newest_time_counts() -> None:
    rules = """\
drip d promotional
    every mon, tue, wed at 10:00
        send "P: les. STOP = uit."

keyword JOIN
    start d
    ask "P: hoe heet u?" within 3 days
        answer <naam text>
            reply "Dag {naam}."

test "t" at 2026-01-05 09:00
    given consent promotional
    > JOIN
    < P: hoe heet u?
    later 3 days
    nothing
    later 3 days
    nothing
    later 2 days
    < P: les. STOP = uit.
"""
    assert play(rules) == []


def test_again_after_lets_whoever_is_through_enter_once_more() -> None:
    rules = """\
drip d promotional
    again after 7 days
    at once
        send "P: een. STOP = uit."
    after 1 day at 10:00
        send "P: twee. STOP = uit."

keyword JOIN
    start d
    start d

test "t"
    given consent promotional
    > JOIN
    < P: een. STOP = uit.
    > JOIN
    nothing
    later 2 days
    < P: twee. STOP = uit.
    > JOIN
    nothing
    later 5 days
    > JOIN
    < P: een. STOP = uit.
"""
    assert play(rules) == []


def test_opt_out_ends_promotional_drips_this_one_too_and_no_other() -> None:
    rules = """\
drip d promotional
    at once
        send "P: een. STOP = uit."
    after 1 day at 10:00
        opt out
        send "P: twee. STOP = uit."

drip e promotional
    after 2 days at 10:00
        send "P: drie. STOP = uit."

drip f transactional
    after 2 days at 10:00
        send "P: order. STOP = uit."

keyword JOIN
    start d
    start e
    start f

test "t"
    given consent promotional
    given consent transactional
    > JOIN
    < P: een. STOP = uit.
    later 3 days
    < P: order. STOP = uit.
    check not consent promotional and consent transactional
"""
    assert play(rules) == []


def test_who_is_in_the_sample_gets_its_arm_at_once_and_all_others_the_winner() -> None:
    rules = """\
on event proef
    split kop by click sample {percent}% for 4 hours
        50% kort
            send promotional "P: kort. STOP = uit."
        50% lang
            send promotional "P: lang. STOP = uit."

test "t"
    given consent promotional
    event proef
    {told}
    later 1 month
    nothing
"""
    within = rules.replace("{percent}", "99").replace("{told}", "< P: *")
    beyond = rules.replace("{percent}", "1").replace(
        "{told}", "later 239 minutes\n    nothing\n    later 1 minute\n    < P: kort*"
    )
    assert play(within) == []
    assert play(beyond) == []


def test_finish_leaves_other_drips_alone() -> None:
    rules = """\
drip d promotional
    after 1 day at 10:00
        send "P: een. STOP = uit."

drip e promotional
    after 1 day at 10:00
        send "P: twee. STOP = uit."

keyword JOIN
    start d
    start e

keyword KLAAR
    finish d

test "t"
    given consent promotional
    > JOIN
    > KLAAR
    later 2 days
    < P: twee. STOP = uit.
"""
    assert play(rules) == []


def test_a_condition_may_ask_for_a_consent() -> None:
    rules = """\
keyword MAG
    if consent promotional
        reply "Ja."
    else
        reply "Nee."

test "t"
    > MAG
    < Nee.
    given consent promotional
    > MAG
    < Ja.
"""
    assert play(rules) == []


def test_a_day_is_the_day_of_the_contacts_own_zone() -> None:
    rules = book("keyword A1\n    tag x\n")
    assert str(zone_of(Contact(1, "81312345678", is_new=False), rules.brands["Merk"])) == "Asia/Tokyo"
