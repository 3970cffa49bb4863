"""What an occurrence ends, goes on with and begins; its rule set may be gone by then."""

import msgspec

from router.decide import Books
from router.happen import happen
from router.instants import HOUR
from router.messages import Contact, Facts, Occurrence, Profile, Run, Source, Thread
from router.plan import AddTag, EndRun, Needs, OptOut, Plan
from router.ways import ROUNDS
from rules.check_lookups import MOST_LOOKUPS
from rules.rulebook import Rulebook
from tests.support.conversations import play
from tests.support.phones import NOON, book

WAITING = """on event besteld
    wait for event betaald within 1 day
        then
            tag betaald
"""


def occurred(name: str, source: Source = "api", brand: str = "Merk") -> Occurrence:
    return Occurrence(id=9, brand=brand, address="31612345678", name=name, source=source, at=NOON, received_at=NOON)


def happens(rules: Rulebook | Books, occurrence: Occurrence, *runs: Run) -> Plan | Needs:
    facts = Facts(
        Contact(1, "31612345678", is_new=False), "4411", Thread(None), {"Merk": Profile("Merk")}, runs, None,
    )  # fmt: skip
    books = rules if isinstance(rules, Books) else Books(rules)
    return happen(msgspec.structs.replace(facts, occurrence=occurrence), books, NOON)


def waiting(rules: Rulebook) -> Run:
    """The run that waits for an event in these rules."""
    plan = happens(rules, occurred("besteld"))
    assert isinstance(plan, Plan)
    (run,) = (effect.run for effect in plan.effects if hasattr(effect, "run"))
    return msgspec.structs.replace(run, id=3)


def test_an_event_of_a_brand_without_rules_does_nothing_and_says_so() -> None:
    plan = happens(book(WAITING), occurred("besteld", brand="Niemand"))
    assert plan == Plan("occurred", "Niemand", deployment=book(WAITING).deployment, fault="no rules of this brand")


def test_who_opts_out_of_a_brand_that_is_gone_is_heard() -> None:
    plan = happens(book(WAITING), occurred("optout", "optout", brand="Niemand"))
    assert isinstance(plan, Plan)
    assert (plan.disposition, plan.effects) == ("opted_out", (OptOut(("Niemand",)),))


def test_all_that_an_event_may_ask_for_is_had_in_so_many_rounds() -> None:
    older = book(WAITING)
    asks = "".join(f"    if happened e_{n}\n        tag a\n" for n in range(MOST_LOOKUPS))
    newest = book(f'on event betaald\n    send otp "Merk: uw code is {{event.code}}."\n{asks}')
    event = msgspec.structs.replace(occurred("betaald"), values={"code": "1234"}, attributes={"naam": "Jan"})
    books, rounds = Books(newest), 0
    while isinstance(plan := happens(books, event, waiting(older)), Needs):
        had = dict.fromkeys(plan.asked, 0)
        books = Books(newest, {**books.older, **dict.fromkeys(plan.deployments, older)}, {**books.known, **had})
        rounds += 1
    assert rounds == MOST_LOOKUPS + 3, "the older rules, late attributes, codes asked for before"
    assert rounds <= ROUNDS


def test_a_run_of_an_older_rule_set_goes_on_in_it() -> None:
    older = book(WAITING)
    run = waiting(older)
    newest = book("on event iets\n    tag x\n")
    assert happens(newest, occurred("betaald"), run) == Needs(frozenset((older.deployment,)))
    plan = happens(Books(newest, {older.deployment: older}), occurred("betaald"), run)
    assert isinstance(plan, Plan)
    assert EndRun(3, "continued") in plan.effects


def test_a_run_whose_rule_set_is_gone_is_left_for_the_day_it_falls_due() -> None:
    older = book(WAITING)
    plan = happens(
        Books(book("on event iets\n    tag x\n"), {older.deployment: None}), occurred("betaald"), waiting(older)
    )
    assert isinstance(plan, Plan)
    assert plan.effects == ()


def test_a_click_neither_ends_nor_continues_what_waits_for_an_event_of_that_name() -> None:
    rules = book(WAITING)
    plan = happens(rules, occurred("betaald", "click"), waiting(rules))
    assert isinstance(plan, Plan)
    assert plan.effects == ()


def test_an_event_that_ends_a_run_does_not_continue_it() -> None:
    rules = book(WAITING.replace("    wait", "    exit on event betaald\n    wait", 1))
    plan = happens(rules, occurred("betaald"), waiting(rules))
    assert isinstance(plan, Plan)
    assert plan.effects == (EndRun(3, "exited"),)


def test_a_goal_counts_within_its_time_and_any_time_without_one() -> None:
    rules = """\
drip d promotional
    goal event koop within 2 days
    at once
        send "P: een. STOP = uit."
    after 4 days at 10:00
        send "P: twee. STOP = uit."

keyword JOIN
    start d

on event koop
    tag klant

test "in time"
    given consent promotional
    > JOIN
    < P: een. STOP = uit.
    later 2 days
    event koop
    later 5 days
    nothing

test "too late"
    given consent promotional
    > JOIN
    < P: een. STOP = uit.
    later 3 days
    event koop
    check tag klant
    later 5 days
    < P: twee. STOP = uit.
"""
    assert play(rules) == []


def test_runs_per_value_end_and_go_on_by_events_of_their_own_value() -> None:
    rules = """\
on event verzonden per event.pakket
    exit on event geannuleerd
    wait for event bezorgd within 2 days
        then
            send transactional "P: {event.pakket} is er. STOP = uit."
        silence
            send transactional "P: {event.pakket} is laat. STOP = uit."

test "t"
    given consent transactional
    event verzonden with pakket = 1
    event verzonden with pakket = 2
    event verzonden with pakket = 3
    event verzonden with pakket = 4
    event bezorgd with pakket = 2
    < P: 2 is er. STOP = uit.
    event geannuleerd with pakket = 3
    event bezorgd with pakket = 5
    later 2 days
    < P: 1 is laat. STOP = uit.
    < P: 4 is laat. STOP = uit.

test "an event that names none is about all of them"
    given consent transactional
    event verzonden with pakket = 1
    event verzonden with pakket = 2
    event geannuleerd
    later 3 days
    nothing
"""
    assert play(rules) == []


def test_an_event_records_a_consent_for_its_own_transaction() -> None:
    rules = """\
on event besteld
    send transactional "P: {event.ref}. STOP = uit."

test "t"
    event besteld with ref = "7", consent = "transactional"
    < P: 7. STOP = uit.
    event besteld with ref = "8"
    withheld no_consent(transactional)
    event besteld with consent = "transactional"
    withheld no_consent(transactional)
"""
    assert play(rules) == []


def test_the_fifth_of_an_event_counts_the_four_before_it() -> None:
    rules = """\
on event bezoek
    if happened bezoek 4 times in 10 days
        tag trouw

test "t"
    event bezoek
    later 11 days
    event bezoek
    event bezoek
    event bezoek
    event bezoek
    check not tag trouw
    event bezoek
    check tag trouw
"""
    assert play(rules) == []


def test_what_a_chain_has_waited_for_has_happened_when_it_goes_on() -> None:
    rules = """\
on event besteld
    wait for event betaald within 2 days
        then
            if happened betaald 2 times
                tag dubbel
            else if happened betaald
                tag betaald
            if happened besteld
                tag opnieuw

test "eens"
    event besteld
    event betaald
    check tag betaald and not tag dubbel and not tag opnieuw

test "al eens eerder"
    event betaald
    event besteld
    event betaald
    check tag dubbel and not tag betaald
"""
    assert play(rules) == []


def test_an_event_that_is_told_late_counts_from_when_it_happened() -> None:
    rules = book("""\
on event besteld
    wait for event betaald within 2 days
        then
            if happened betaald in 1 hour
                tag net
            else
                tag eerder
""")
    run = msgspec.structs.replace(waiting(rules), cause_id=8)
    for at, tag in ((NOON - 2 * HOUR, "eerder"), (NOON, "net")):
        told = msgspec.structs.replace(occurred("betaald"), at=at)
        asked = happens(rules, told, run)
        assert isinstance(asked, Needs)
        plan = happens(Books(rules, known=dict.fromkeys(asked.asked, 0)), told, run)
        assert isinstance(plan, Plan)
        assert AddTag("Merk", tag) in plan.effects


def test_what_else_begins_a_chain() -> None:
    rules = """\
contact
    jarig  date

segment vaste_klant = tag klant

keyword KLANT
    tag klant
    reply "Dag. {link folder https://p.example/folder}"

on join vaste_klant
    tag gezien

on click folder
    tag gelezen

on undelivered
    tag kapot

on birthday of contact.jarig at 10:00
    tag jarig

on inactive 30 days
    tag stil

on 2026-02-01 at 10:00 for segment vaste_klant
    tag actie

test "a segment, a click, a text that did not arrive, a day for a segment, silence"
    > KLANT
    < Dag. https://sms.example/l/*
    check tag gezien
    click
    check tag gelezen and not tag kapot
    receipt undelivered
    check tag kapot
    later 30 days
    check tag actie and tag stil

test "who is not in the segment"
    given contact jarig = 1980-01-07
    later 2 days
    check tag jarig
    later 40 days
    check not tag actie and not tag gezien
"""
    assert play(rules) == []


def test_a_run_that_waits_for_another_event_waits_on() -> None:
    rules = book(WAITING)
    plan = happens(rules, occurred("iets"), waiting(rules))
    assert isinstance(plan, Plan)
    assert plan.effects == ()
