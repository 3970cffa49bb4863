"""Chains at work: every action, what they see of each other, and the bounds that cut them."""

from datetime import date
from decimal import Decimal
from zoneinfo import ZoneInfo

import pytest

from router.case import zone_of
from router.decide import Books, resume
from router.interpret import MOST_ROUTES, MOST_STEPS, arm_of
from router.messages import Contact
from router.plan import EndRun, Plan, SendText, Suspend, Withhold
from router.saying import MOST_TEXTS
from rules.actions import Draw
from rules.facts import Value
from tests.support.phones import NOON, Phone, book, brand

HOUR = 3_600
DAY = 24 * HOUR


def said(rules: str, *texts: str, settings: str = "", contact: Contact | None = None) -> list[str]:
    phone = Phone(book(brand(rules, settings=settings)), contact=contact)
    return [answer for text in texts for answer in phone.say(text)]


def test_tags_come_and_go_and_later_steps_see_it() -> None:
    twice = "    tag x\n    tag x\n    untag x\n    untag x\n"
    phone = Phone(book(f"keyword A1\n{twice}    tag y\n    if tag y\n        untag y\n    tag z\n"))
    phone.say("A1")
    assert phone.profiles["Merk"].tags == {"z"}
    assert len(phone.plan.effects) == 5


ADDING = """contact
    punten  number
    naam    text

keyword PLUS <hoeveel number>
    add hoeveel to contact.punten
    reply "{contact.punten}"

keyword NAAM
    set contact.naam = rest
    reply "Dag {contact.naam|vreemde}."
"""


def test_add_counts_from_nothing_and_set_keeps_what_is_there() -> None:
    assert said(ADDING, "PLUS 2", "PLUS 1,5", "NAAM Jan", "NAAM") == ["2", "3,5", "Dag Jan.", "Dag Jan."]


@pytest.mark.parametrize(("held", "expected"), [("veel", "veel"), (None, 2), (Decimal("0.5"), Decimal("2.5"))])
def test_what_is_no_number_is_not_added_to(held: Value | None, expected: Value) -> None:
    phone = Phone(book(ADDING))
    phone.say("NAAM x")
    known = phone.profiles["Merk"]
    attributes = {} if held is None else {"punten": held}
    phone.profiles["Merk"] = type(known)("Merk", known.tags, attributes)
    phone.say("PLUS 2")
    assert phone.profiles["Merk"].attributes["punten"] == expected


def test_records() -> None:
    rules = "keyword STEM [<wat word>]\n    record once stem = wat\n    record op = now\n"
    phone = Phone(book(rules.replace("= wat", "= rest").replace(" [<wat word>]", "")))
    phone.say("STEM")
    assert phone.records == [("op", date(2026, 1, 5))]
    phone.say("STEM vega")
    assert phone.records[1:] == [("stem", "vega"), ("op", date(2026, 1, 5))]


BRANCHES = """keyword CIJFER <score 0..10>
    if score >= 9
        reply "hoog"
    else if score >= 5
        reply "midden"
    else
        reply "laag"
    reply "klaar"
"""


def test_one_branch_runs_and_the_chain_goes_on_below() -> None:
    assert said(BRANCHES, "CIJFER 9", "CIJFER 5", "CIJFER 1") == ["hoog", "klaar", "midden", "klaar", "laag", "klaar"]


def test_an_arm_is_the_same_for_ever_and_the_arms_share_out_the_phones() -> None:
    draw = Draw("aanbod", (("a", 20, 1), ("b", 50, 2), ("c", 100, 3)))
    phones = [str(31_600_000_000 + place) for place in range(5_000)]
    arms = [arm_of(phone, "Merk", draw) for phone in phones]
    assert arms == [arm_of(phone, "Merk", draw) for phone in phones]
    share = {name: sum(arm == name for arm, _ in arms) / len(arms) for name in "abc"}
    assert share["a"] == pytest.approx(0.2, abs=0.03)
    assert share["b"] == pytest.approx(0.3, abs=0.03)
    assert share["c"] == pytest.approx(0.5, abs=0.03)
    other = [arm_of(phone, "Merk", Draw("nieuw", draw.arms))[0] for phone in phones]
    assert sum(one == two for (one, _), two in zip(arms, other, strict=True)) < 0.6 * len(arms)


def test_arms_that_end_below_a_hundred_leave_the_rest_to_the_last() -> None:
    assert arm_of("31612345678", "Merk", Draw("x", (("a", 0, 1), ("b", 0, 2)))) == ("b", 2)


def test_run_comes_back_and_ends_when_the_chain_asks_in_vain() -> None:
    rules = """keyword BEGIN
    run binnen
    reply "terug"

chain binnen
    reply "binnen"
    run diep

chain diep
    ask "Ja of nee?" within 1 hour
        answer yes
            reply "ja"
        answer no
        else
            reply "anders"
        silence
            reply "stil"
"""
    phone = Phone(book(rules))
    assert phone.say("BEGIN") == ["binnen", "Ja of nee?"]
    assert [frame.split("-")[0] for frame in phone.runs[0].frames] == ["run", "run", "ask"]
    assert phone.say("ja") == ["ja", "terug"]
    phone.say("BEGIN")
    assert phone.say("nee") == ["terug"]
    phone.say("BEGIN")
    assert phone.say("misschien wel") == ["anders"]
    phone.say("BEGIN")
    assert phone.wait(HOUR) == ["stil"]


# --- waits ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("wait", "seconds"),
    [
        ("10 minutes", 600),
        ("2 hours", 2 * HOUR),
        ("1 day", DAY),
        ("1 day at 10:00", DAY - 2 * HOUR),
        ("until 11:59", DAY - 60),
        ("until 12:00", DAY),
        ("until 12:01", 60),
    ],
)
def test_a_wait_is_over_at_its_instant(wait: str, seconds: int) -> None:
    phone = Phone(book(f'keyword WACHT\n    wait {wait}\n    reply "nu"\n'))
    assert phone.say("WACHT") == []
    assert phone.wait(seconds - 1) == []
    assert phone.wait(1) == ["nu"]
    assert phone.plan.effects[0] == EndRun(1, "continued")


def test_days_are_the_contacts_own() -> None:
    rules = book('keyword WACHT\n    wait until 10:00\n    reply "nu"\n')
    tokyo = Phone(rules, contact=Contact(1, "31612345678", zone="Asia/Tokyo"))  # it is 20:00 there
    tokyo.say("WACHT")
    assert tokyo.wait(14 * HOUR - 1) == []
    assert tokyo.wait(1) == ["nu"]


def test_a_zone_nobody_knows_is_the_brands() -> None:
    rules = book("keyword X1\n    tag x\n")
    brand_book = rules.brands["Merk"]
    for name in ("Nergens/Niets", "../../etc/passwd"):
        facts = Phone(rules, contact=Contact(1, "31612345678", zone=name)).facts()
        assert zone_of(facts.contact, brand_book) == ZoneInfo("Europe/Amsterdam")


def test_new_contact_is_who_was_unknown_when_the_run_began() -> None:
    rules = """keyword HOI
    wait 1 hour
    if new contact
        reply "welkom"
    else
        reply "hallo"
"""
    phone = Phone(book(rules))
    phone.say("HOI")
    assert phone.wait(HOUR) == ["welkom"]
    phone.say("HOI")
    assert phone.wait(HOUR) == ["hallo"]


def test_starting_a_rule_again_ends_its_earlier_run() -> None:
    phone = Phone(book('keyword WACHT\n    wait 1 hour\n    reply "nu"\n\nkeyword ANDERS\n    wait 1 hour\n'))
    phone.say("ANDERS")
    phone.say("WACHT")
    phone.now += 1_800_000_000
    phone.say("WACHT")
    assert phone.plan.effects[0] == EndRun(2, "replaced")
    assert phone.wait(1_800) == []
    assert phone.wait(1_800) == ["nu"]


# --- routes -----------------------------------------------------------------------------------------------------------


ROUTES = """keyword VRAAG
    ask "Wat?"
        answer (A1 | B1) as wat
            route "NEEM {wat} {rest}"

keyword NEEM A1
    reply "A: {rest}. {text}"

keyword WEG
    route "NERGENS"

keyword DOE <wat text>
    route "{wat}"

fallback
    reply "fallback {text}"
"""


def test_a_route_goes_to_the_brands_keyword_with_names_of_its_own() -> None:
    phone = Phone(book(ROUTES))
    phone.say("VRAAG")
    assert phone.say("a1 snel graag!") == ["A: snel graag!. NEEM a1 snel graag!"]
    assert phone.plan.rule == "Merk/keyword NEEM A1"
    phone.say("VRAAG")
    assert phone.say("b1") == ["fallback NEEM b1 "]


def test_a_question_may_lead_back_to_its_own_keyword() -> None:
    phone = Phone(book('keyword WIE\n    ask "Wie?"\n        answer NIEMAND\n            route "WIE"\n'))
    phone.say("WIE")
    assert phone.say("niemand") == ["Wie?"]
    assert [effect for effect in phone.plan.effects if isinstance(effect, EndRun)] == [EndRun(1, "answered")]
    assert len(phone.runs) == 1


def test_a_route_that_fits_nothing_goes_to_the_fallback_never_to_reserved_words() -> None:
    assert said(ROUTES, "WEG", "DOE STOP") == ["fallback NERGENS", "fallback STOP"]


def test_a_route_that_nothing_takes_says_so() -> None:
    phone = Phone(book(ROUTES.partition("fallback")[0]))
    assert phone.say("WEG") == []
    assert phone.plan.fault == "nothing of Merk takes the route 'NERGENS'"


def test_a_route_stays_within_the_brand() -> None:
    rules = book(brand('keyword AA1\n    route "BB1"\n', "Een"), brand('keyword BB1\n    reply "Twee"\n', "Twee"))
    phone = Phone(rules)
    assert phone.say("AA1") == []
    assert phone.plan.brand == "Een"


def test_routes_are_bounded() -> None:
    circle = 'keyword AA1\n    tag x\n    route "BB1"\n\nkeyword BB1\n    route "AA1"\n'
    phone = Phone(book(circle))
    phone.say("AA1")
    assert phone.plan.fault == f"more than {MOST_ROUTES} routes in one message"


def test_a_due_run_on_a_number_that_was_taken_away_can_go_nowhere() -> None:
    rules = book('keyword WEG\n    wait 1 hour\n    route "WEG"\n')
    phone = Phone(rules)
    phone.say("WEG")
    phone.number = "9999"
    plan = resume(phone.facts(), phone.runs[0], Books(rules), NOON + HOUR * 1_000_000)
    assert isinstance(plan, Plan)
    assert plan.fault == "nothing of Merk takes the route 'WEG'"


# --- bounds -----------------------------------------------------------------------------------------------------------


def test_texts_of_one_message_are_bounded_and_the_rest_is_withheld_on_record() -> None:
    phone = Phone(book("keyword VEEL\n" + "".join(f'    reply "{place}"\n' for place in range(7)) + "    tag klaar\n"))
    assert phone.say("VEEL") == ["0", "1", "2", "3", "4", "(too_many_texts) 5", "(too_many_texts) 6"]
    assert phone.plan.fault == f"more than {MOST_TEXTS} texts for one message"
    assert phone.profiles["Merk"].tags == {"klaar"}


def test_steps_of_one_message_are_bounded() -> None:
    chains = "".join(
        f"chain trap_{place}\n    run trap_{place + 1}\n    run trap_{place + 1}\n\n" for place in range(10)
    )
    phone = Phone(book(f'keyword VEEL\n    run trap_0\n    reply "nooit"\n\n{chains}chain trap_10\n    tag x\n'))
    assert phone.say("VEEL") == []
    assert phone.plan.fault == f"more than {MOST_STEPS} steps in one message"


def test_capability_73_a_text_that_grew_beyond_the_limit_is_withheld() -> None:
    rules = 'keyword HERHAAL\n    reply "U zei: {rest}"\n'
    phone = Phone(book(brand(rules, settings="    limit  1 segment\n")))
    assert phone.say("HERHAAL kort") == ["U zei: kort"]
    phone.say("HERHAAL " + "x" * 160)
    (held,) = phone.plan.effects
    assert isinstance(held, Withhold)
    assert (held.reason, held.message_class) == ("too_long", "conversational")


def test_what_was_never_asked_is_not_open() -> None:
    rules = 'keyword VRAAG\n    ask "{rest}"\n        answer JAWEL\n            reply "Mooi."\n'
    phone = Phone(book(rules))
    assert phone.say("VRAAG") == ["(empty_text) "]
    assert phone.runs == []
    phone.say("VRAAG iets")
    phone.say("STOP")
    phone.say("VRAAG iets")
    assert [type(effect) for effect in phone.plan.effects] == [SendText]  # the gate withholds it
    assert phone.runs == []


def test_an_empty_text_is_withheld() -> None:
    assert said('keyword LEEG\n    reply "{rest}"\n', "LEEG", "LEEG x") == ["(empty_text) ", "x"]


def test_texts_come_in_the_contacts_language_else_the_brands() -> None:
    rules = """keyword PRIJS <bedrag number>
    reply
        nl "Dat is {bedrag}."
        en "That is {bedrag}."

keyword DATUM <dag date>
    reply "{dag}"
"""
    asked = ("PRIJS 9,50", "DATUM 24-12-2026")
    assert said(rules, *asked) == ["Dat is 9,50.", "24 december 2026"]
    english = Contact(1, "31612345678", language="en")
    assert said(rules, *asked, contact=english) == ["That is 9.50.", "December 24, 2026"]
    german = Contact(1, "31612345678", language="de")
    assert said(rules, *asked, contact=german) == ["Dat is 9,50.", "24. Dezember 2026"]


def test_what_a_run_keeps() -> None:
    phone = Phone(book('keyword VRAAG <naam word>\n    ask "{naam}?"\n        answer yes\n'))
    phone.say("VRAAG Jan nu")
    (suspended,) = [effect for effect in phone.plan.effects if isinstance(effect, Suspend)]
    run = suspended.run
    assert (run.kind, run.brand, run.number, run.rule) == ("question", "Merk", "4411", "Merk/keyword VRAAG <naam word>")
    assert run.variables == {"naam": "Jan", "text": "VRAAG Jan nu", "rest": "nu", "new contact": 1}
    assert (run.due_at, run.started_at, run.cause_id) == (NOON + DAY * 1_000_000, NOON, 7)
    assert run.deployment == phone.books.newest.deployment
