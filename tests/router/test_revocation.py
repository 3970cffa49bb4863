"""Opt-outs with a mistake and in other words act as STOP does; a keyword beside STOP says whose it is."""

import pytest

from router.explain import explain
from router.instants import DAY, business_days_after
from router.plan import OPERATOR, Hold, OptOut, SendText
from router.routes import opts_out
from rules.revocation import LONGEST_SAID
from rules.rulebook import Rulebook
from tests.support.phones import NOON, Phone, book, brand
from tests.support.routing import JAN, NOW, Phones

RULES = """keyword REPAIR
    ask "Wat is er stuk?" within 1 day
        answer (KEUKEN | STPO | BURGER)
            reply "Een keuken."
        answer <iets text>
            reply "Iets: {iets}."
"""
OTHER = 'keyword BURGER\n    tag klant\n    reply "Een burger."\n'
NEUTRAL = "Dit woord kennen we niet. Stuur HELP voor hulp of STOP om u af te melden."
UNDO = "u bent afgemeld en krijgt geen berichten meer. Stuur AAN om dit ongedaan te maken."
OWN_STOP = '    stop "Tot ziens."\n'


def shared() -> Rulebook:
    return book(brand(RULES, "De Klusser", settings=OWN_STOP), brand(OTHER, "Burger & Co", settings=OWN_STOP))


@pytest.mark.parametrize(
    ("text", "level", "answer"),
    [
        ("STOP", 1, "Tot ziens."),
        ("Stpo aub", 2, f"Merk: {UNDO}"),
        ("Geen sms meer, graag!", 3, f"Merk: {UNDO}"),
    ],
)
def test_what_does_not_say_stop_itself_is_told_how_to_undo_it(text: str, level: int, answer: str) -> None:
    phone = Phone(book(brand(OTHER, settings=OWN_STOP)))
    assert phone.say(text) == [answer]
    assert phone.plan.disposition == "opted_out"
    assert phone.plan.effects[0] == OptOut(("Merk",), level=level, evidence="" if level == 1 else text.strip())
    assert isinstance(phone.plan.effects[1], SendText)
    assert phone.plan.effects[1].message_class == "stop_confirmation"
    assert phone.say("stpo") == []


@pytest.mark.parametrize("text", ["STOP BURGER", "stop burger & co", "Burger stop", "sotp burger"])
def test_stop_and_a_keyword_is_for_the_brand_that_owns_it(text: str) -> None:
    phone = Phone(shared())
    phone.say("REPAIR")
    phone.say(text)
    silenced = phone.plan.effects[0]
    assert isinstance(silenced, OptOut)
    assert silenced.brands == ("Burger & Co",)
    assert phone.plan.brand == "Burger & Co"


def test_stop_everything_in_other_words_is_for_all() -> None:
    phone = Phone(shared())
    phone.say("BURGER")
    assert phone.say("stop met alles") == [f"4411: {UNDO}"]
    assert phone.plan.effects[0] == OptOut(("De Klusser", "Burger & Co", OPERATOR), level=3, evidence="stop met alles")


def test_an_open_question_waits_for_its_answer_and_free_words_claim_nothing() -> None:
    phone = Phone(shared())
    assert phone.say("STPO")[0].startswith("4411")
    phone = Phone(shared())
    phone.say("REPAIR")
    assert phone.say("STPO") == ["Een keuken."]
    phone.say("REPAIR")
    phone.say("sotp")
    assert phone.plan.disposition == "opted_out"
    phone = Phone(shared())
    phone.say("REPAIR")
    phone.say("laat me met rust")
    assert phone.plan.disposition == "opted_out"


def test_a_keyword_is_no_opt_out() -> None:
    phone = Phone(book('keyword STOPO\n    reply "Een stopo."\n\nkeyword GEEN <wat text>\n    reply "Zonder {wat}."\n'))
    assert phone.say("Stopo!") == ["Een stopo."]
    assert phone.say("geen ui") == ["Zonder ui."]
    phone.say("geen sms meer")
    assert phone.plan.disposition == "opted_out"


def test_it_is_heard_while_it_is_read() -> None:
    number = shared().numbers["4411"]
    for text in ("STOP", "stpo", "stop burger", "geen sms meer", "hoi, " * 40 + "laat me met rust"):
        assert opts_out(number, text, NOON), text
    for text in ("HELP", "AAN", "burger", "de bus stopt", "we moeten dit STOP noemen"):
        assert not opts_out(number, text, NOON), text
    assert not opts_out(number, "stop" + "!" * LONGEST_SAID, NOON)


@pytest.mark.parametrize(
    ("text", "outcome"),
    [
        ("STOP", "it is one, whatever the rules say"),
        ("Stpo!", "level 2: it is one but for a typing mistake (Stpo!), and no keyword"),
        ("stop met smsen", "level 3: it says so in other words (stop met smsen)"),
    ],
)
def test_explain_tells_the_level_and_the_evidence(text: str, outcome: str) -> None:
    told = explain(shared(), "4411", "31612345678", text, NOON)
    assert (told.rule, told.tried[-1].outcome) == ("stop", outcome)


@pytest.mark.parametrize(("spoke", "brands"), [("BURGER", ("Burger & Co",)), ("", ("De Klusser", "Burger & Co"))])
def test_a_sentence_with_the_word_opts_nobody_out_and_goes_on(spoke: str, brands: tuple[str, ...]) -> None:
    phone = Phone(shared())
    if spoke:
        phone.say(spoke)
    assert phone.say("We moeten deze wet STOP zetten!") == [NEUTRAL]
    assert phone.plan.disposition == "unrouted"
    assert phone.plan.effects[0] == Hold(brands, "stop: We moeten deze wet STOP zetten!")
    phone.say("repair")
    assert phone.say("de stop is eruit") == ["Iets: de stop is eruit."]
    assert isinstance(phone.plan.effects[0], Hold)


def test_explain_goes_on_after_a_doubt() -> None:
    told = explain(shared(), "4411", "31612345678", "burger, en stop er kaas op", NOON)
    assert (told.brand, told.rule) == ("Burger & Co", "keyword BURGER")
    assert told.tried[0].outcome == (
        "level 4: nobody is opted out, a person reads it (stop: burger, en stop er kaas op)"
    )


def test_a_doubt_is_kept_for_a_person_and_promotional_texts_wait_ten_business_days(phones: Phones) -> None:
    text = "kun je die reclamezuil ook stop zetten"
    phones.write(JAN, text)
    due_at = NOW + 14 * DAY
    (review,) = phones.table("reviews")
    (inbound,) = phones.table("inbound")
    assert review == {
        "id": review["id"], "contact_id": inbound["contact_id"], "brand": "Shop", "number": "4411",
        "inbound_id": inbound["id"], "text": text, "evidence": f"stop: {text}", "due_at": due_at, "settled_at": None,
        "outcome": "",
    }  # fmt: skip
    (profile,) = phones.table("profiles")
    assert (profile["brand"], profile["hold_until"], profile["opted_out_at"]) == ("Shop", due_at, None)
    phones.write(JAN, "JOIN")
    assert phones.table("profiles")[0]["hold_until"] == due_at


@pytest.mark.parametrize(("day", "days", "later"), [(0, 10, 14), (4, 1, 3), (5, 1, 2), (6, 1, 1), (3, 2, 4), (0, 0, 0)])
def test_business_days(day: int, days: int, later: int) -> None:
    monday = NOW + day * DAY
    assert business_days_after(monday, days) == monday + later * DAY
