"""Who gets a text, in the order of LANGUAGE.md section 5, and what a plan says of it."""

import msgspec
import pytest

from router.decide import Books, decide, resume
from router.messages import Contact, Facts, Profile, Run, Thread
from router.plan import OPERATOR, Effect, EndRun, Hold, Needs, OptIn, OptOut, Plan, SendText, Suspend, Waiting
from rules.rulebook import Grants, NumberGrant, NumberKind, Rulebook
from tests.support.phones import NOON, Phone, book, brand

DAY = 86_400
STOPPED = "u bent afgemeld en krijgt geen berichten meer. Stuur AAN om dit ongedaan te maken."

SHOP = """keyword REPAIR
    ask "Wat is er stuk?" within 1 day
        answer KEUKEN
            reply "Een keuken."
        answer <iets text>
            reply "Iets: {iets}."
        silence
            reply "Laat maar."

keyword KIES
    ask "A of B?"
        answer AAP
            reply "Aap."
        else again "AAP graag." up to 1 time
        else
            reply "Dan niet."

keyword VRAAG
    ask "Zeg JA."
        answer yes
            reply "Mooi."

keyword TELLEN
    ask "Zeg EEN."
        answer EEN
            reply "Een."
        else again "EEN graag." up to 1 time

fallback
    reply "Wat zegt u?"
"""
NO_FALLBACK = SHOP.partition("fallback")[0]
OTHER = 'keyword BURGER\n    tag klant\n    reply "Een burger."\n'


def did(phone: Phone) -> Effect:
    """The first thing that the last plan does."""
    return phone.plan.effects[0]


def shared() -> Rulebook:
    return book(brand(NO_FALLBACK, "Klusser"), brand(OTHER, "Burger"))


# --- 1: reserved words -----------------------------------------------------------------------------------------------


def test_stop_silences_the_brand_and_says_so_once_a_day() -> None:
    phone = Phone(book(SHOP))
    phone.say("REPAIR")
    assert phone.say("Stop, aub!") == [f"Merk: {STOPPED}"]
    assert (phone.plan.disposition, phone.plan.brand, phone.plan.effects[0]) == ("opted_out", "Merk", OptOut(("Merk",)))
    assert isinstance(phone.plan.effects[1], SendText)
    assert phone.plan.effects[1].message_class == "stop_confirmation"
    phone.now += (DAY - 1) * 1_000_000
    assert phone.say("STOP") == []
    assert phone.plan.effects == (OptOut(("Merk",)),)
    phone.now += DAY * 1_000_000
    assert len(phone.say("STOP")) == 1


def test_stop_on_a_shared_number_is_for_the_brand_that_spoke_last() -> None:
    phone = Phone(shared())
    phone.say("BURGER")
    phone.say("STOP")
    assert phone.plan.effects[0] == OptOut(("Burger",))
    phone.say("STOP ALLES")
    assert phone.plan.effects[0] == OptOut(("Klusser", "Burger", OPERATOR))
    assert (phone.plan.brand, phone.plan.disposition) == (None, "opted_out")


def test_stop_of_someone_nobody_spoke_to_is_for_all() -> None:
    phone = Phone(shared())
    assert phone.say("STOP") == [f"4411: {STOPPED}"]
    assert phone.plan.effects[0] == OptOut(("Klusser", "Burger", OPERATOR))


def test_start_gives_back_what_was_silenced_and_nothing_else() -> None:
    phone = Phone(shared())
    phone.say("BURGER")
    assert phone.say("AAN") == ["Dit woord kennen we niet. Stuur HELP voor hulp of STOP om u af te melden."]
    phone.say("STOP")
    assert phone.say("AAN") == ["Burger: u krijgt weer berichten van ons. Stuur STOP om u af te melden."]
    assert (phone.plan.disposition, phone.plan.effects[0]) == ("opted_in", OptIn(("Burger",)))
    assert phone.profiles["Burger"].opted_out_at is None


def test_start_gives_back_what_the_last_stop_took_though_another_brand_has_spoken_since() -> None:
    phone = Phone(shared())
    for text in ("REPAIR", "STOP", "BURGER", "STOP"):
        phone.say(text)
        phone.now += 10_000_000
    phone.say("STOP REPAIR")
    phone.last_brand = "Burger"
    phone.profiles["Burger"] = Profile("Burger")
    assert phone.say("AAN") == ["Klusser: u krijgt weer berichten van ons. Stuur STOP om u af te melden."]
    assert (phone.plan.brand, did(phone)) == ("Klusser", OptIn(("Klusser",)))
    assert phone.say("AAN") == ["Dit woord kennen we niet. Stuur HELP voor hulp of STOP om u af te melden."]


def test_a_word_that_is_also_a_yes_gives_nothing_back_when_another_brand_has_spoken() -> None:
    grant = NumberGrant("4411", "short-code", "US", ("Klusser", "Burger"), "c")
    phone = Phone(book(brand(NO_FALLBACK, "Klusser"), brand(OTHER, "Burger"), grants=Grants((grant,))))
    for text in ("BURGER", "STOP"):
        phone.say(text)
    phone.last_brand = "Klusser"
    phone.say("YES")
    assert (phone.plan.disposition, phone.profiles["Burger"].opted_out_at) == ("unrouted", phone.now)
    phone.say("START")
    assert did(phone) == OptIn(("Burger",))
    phone.say("BURGER")
    phone.say("STOP")
    phone.say("YES")
    assert did(phone) == OptIn(("Burger",)), "nobody else has"


def test_who_spoke_last_long_ago_says_nothing_of_a_stop_to_a_shared_number() -> None:
    phone = Phone(shared())
    for days, brands in ((90, ("Burger",)), (91, ("Klusser", "Burger", OPERATOR))):
        spoken = Thread(
            "Burger", last_in_at=phone.now - 200 * 86_400_000_000, last_out_at=phone.now - days * 86_400_000_000
        )
        facts = msgspec.structs.replace(phone.facts("STOP"), thread=spoken)
        plan = decide(facts, phone.books, phone.now)
        assert isinstance(plan, Plan)
        assert plan.effects[0] == OptOut(brands)


def belgian(kind: NumberKind = "short-code") -> Rulebook:
    grant = NumberGrant("4411", kind, "BE", ("Klusser", "Burger"), "c")
    return book(brand(NO_FALLBACK, "Klusser"), brand(OTHER, "Burger"), grants=Grants((grant,)))


@pytest.mark.parametrize("said", ["STOP", "Stop, merci", "stopp", "laat me met rust"])
def test_a_bare_stop_to_a_belgian_short_code_is_for_everything_on_it_and_start_undoes_it(said: str) -> None:
    phone = Phone(belgian())
    phone.say("BURGER")
    assert len(phone.say(said)) == 1
    assert phone.plan.effects[0].brands == ("Klusser", "Burger", OPERATOR)  # type: ignore[union-attr]
    phone.say("AAN")
    assert did(phone) == OptIn(("Klusser", "Burger"))


def test_a_brands_own_belgian_short_code_is_confirmed_in_its_own_words() -> None:
    grant = NumberGrant("4411", "short-code", "BE", ("Merk",), "c")
    phone = Phone(book(brand(SHOP, settings='    stop  "Merk: tot ziens."\n'), grants=Grants((grant,))))
    assert phone.say("STOP") == ["Merk: tot ziens."]
    assert did(phone) == OptOut(("Merk",))
    phone.say("AAN")
    assert did(phone) == OptIn(("Merk",))


def test_stop_and_a_keyword_to_a_belgian_short_code_is_for_one_and_so_is_what_undoes_it() -> None:
    phone = Phone(belgian())
    phone.say("REPAIR")
    phone.runs = []
    phone.say("STOP BURGER")
    assert did(phone) == OptOut(("Burger",))
    phone.say("AAN")
    assert did(phone) == OptIn(("Burger",))


def test_a_belgian_long_number_is_no_short_code_and_what_may_be_an_opt_out_is_read_for_all_on_one() -> None:
    phone = Phone(belgian("long-number"))
    phone.say("BURGER")
    phone.say("STOP")
    assert did(phone) == OptOut(("Burger",))
    phone = Phone(belgian())
    phone.say("BURGER")
    phone.say("ik wil dat de stop uit het bad gaat")
    assert isinstance(phone.plan.effects[0], Hold)
    assert phone.plan.effects[0].brands == ("Klusser", "Burger")


def test_start_for_all_brands_of_a_number() -> None:
    phone = Phone(shared())
    phone.say("STOP")
    assert phone.say("START") == ["4411: u krijgt weer berichten van ons. Stuur STOP om u af te melden."]
    assert did(phone) == OptIn(("Klusser", "Burger"))


def test_start_while_a_question_is_open_is_an_answer() -> None:
    phone = Phone(shared())
    phone.say("BURGER")
    phone.say("STOP")
    phone.say("REPAIR")
    phone.last_brand = "Burger"
    assert phone.say("AAN") == ["Iets: AAN."]


def test_help_is_always_answered() -> None:
    phone = Phone(book(brand(SHOP, settings='    help  "Bel {contact.naam|ons}."\n\ncontact\n    naam  text\n')))
    phone.say("STOP")
    assert phone.say("Help!") == ["Bel ons."]
    assert (phone.plan.disposition, phone.plan.brand) == ("helped", "Merk")
    assert isinstance(phone.plan.effects[0], SendText)
    assert phone.plan.effects[0].message_class == "help"


def test_help_with_no_brand_to_go_by_is_the_operators() -> None:
    assert Phone(shared()).say("HELP") == ["Klusser, Burger: stuur STOP om u af te melden."]
    rules = [brand(OTHER.replace("BURGER", f"BURGER{place}"), f"Merk{place}") for place in range(4)]
    assert Phone(book(*rules)).say("HELP") == ["Merk0, Merk1, Merk2, Merk3: stuur STOP om u af te melden."]
    rules = [brand(OTHER.replace("BURGER", f"BURGER{place}"), f"{place} " + "lang " * 6) for place in range(4)]
    many = Phone(book(*rules)).say("HELP")[0]
    assert many.endswith(", +2: stuur STOP om u af te melden.")
    alone = [brand(OTHER.replace("BURGER", f"BURGER{place}"), f"{place} " + "lang " * 20) for place in range(2)]
    assert Phone(book(*alone)).say("HELP") == ["4411: stuur STOP om u af te melden."]
    grant = NumberGrant("4411", "short-code", "NL", ("Klusser", "Burger"), "c")
    own = book(brand(NO_FALLBACK, "Klusser"), brand(OTHER, "Burger"), grants=Grants((grant,), "Bel 0800-1234."))
    assert Phone(own).say("HELP") == ["Bel 0800-1234.\nKlusser, Burger: stuur STOP om u af te melden."]
    assert Phone(own).say("iets") == ["Bel 0800-1234."]


def test_a_reserved_word_is_answered_in_its_own_language() -> None:
    settings = '    stop\n        nl "Afgemeld."\n        en "Stopped."\n'
    rules = book(brand(SHOP, settings=settings))
    assert Phone(rules, contact=Contact(1, "31612345678", language="en")).say("STOP") == ["Afgemeld."]


# --- 2 to 4: questions and keywords ----------------------------------------------------------------------------------


def test_the_newest_question_that_fits_gets_the_text() -> None:
    phone = Phone(book(SHOP))
    phone.say("TELLEN")
    phone.say("KIES")
    assert phone.say("een graag") == ["Een."]
    assert did(phone) == EndRun(1, "answered")
    assert [run.id for run in phone.runs] == [2]
    assert phone.say("aap") == ["Aap."]
    assert phone.runs == []


def test_a_question_goes_before_a_keyword() -> None:
    phone = Phone(book(SHOP))
    phone.say("REPAIR")
    assert phone.say("KIES") == ["Iets: KIES."]


def test_what_falls_due_exactly_now_has_happened() -> None:
    phone = Phone(book(SHOP))
    phone.say("REPAIR")
    phone.now += DAY * 1_000_000
    assert phone.say("keuken") == ["Wat zegt u?"]


def test_a_mistake_is_forgiven_after_everything_exact() -> None:
    phone = Phone(book(NO_FALLBACK))
    assert phone.say("KEIS") == ["A of B?"]
    assert phone.say("aaap") == ["AAP graag."]
    assert Phone(book(brand(NO_FALLBACK, settings="    typos  off\n"))).say("KEIS") == []
    fruit = 'keyword FRUIT\n    ask "Welk?"\n        answer BANAAN\n            reply "Geel."\n'
    phone = Phone(book(fruit))
    phone.say("FRUIT")
    assert phone.say("banan") == ["Geel."]
    assert phone.plan.rule == "Merk/keyword FRUIT"


# --- 6 and 7: else, fallback, nobody ---------------------------------------------------------------------------------


def test_else_again_repeats_so_often_then_else_ends_the_chain() -> None:
    phone = Phone(book(SHOP))
    phone.say("KIES")
    due_at = phone.runs[0].due_at
    assert phone.say("beer") == ["AAP graag."]
    assert isinstance(phone.plan.effects[-1], Suspend)
    assert (phone.runs[0].misses, phone.runs[0].due_at, phone.runs[0].id) == (1, due_at, 1)
    assert phone.say("beer") == ["Dan niet."]
    assert did(phone) == EndRun(1, "missed")
    assert phone.runs == []


def test_after_the_repeats_a_question_without_else_closes_and_the_fallback_answers() -> None:
    phone = Phone(book(SHOP))
    phone.say("TELLEN")
    assert phone.say("twee") == ["EEN graag."]
    assert phone.say("twee") == ["Wat zegt u?"]
    assert did(phone) == EndRun(1, "missed")
    phone = Phone(book(NO_FALLBACK))
    phone.say("TELLEN")
    phone.say("twee")
    assert phone.say("twee") == []
    assert (phone.plan.disposition, phone.plan.brand, phone.plan.effects) == (
        "unrouted",
        "Merk",
        (EndRun(1, "missed"),),
    )


def test_a_question_without_else_stays_open() -> None:
    phone = Phone(book(SHOP))
    phone.say("VRAAG")
    assert phone.say("misschien") == ["Wat zegt u?"]
    assert phone.say("ja") == ["Mooi."]


def test_on_a_shared_number_an_open_question_tells_the_brand() -> None:
    rules = book(brand(SHOP, "Klusser"), brand(OTHER, "Burger"))
    phone = Phone(rules)
    assert phone.say("hoi") == ["Dit woord kennen we niet. Stuur HELP voor hulp of STOP om u af te melden."]
    assert (phone.plan.disposition, phone.plan.brand) == ("unrouted", None)
    assert isinstance(phone.plan.effects[0], SendText)
    assert (phone.plan.effects[0].brand, phone.plan.effects[0].message_class) == (None, "operator")
    phone.say("VRAAG")
    assert phone.say("hoi") == ["Wat zegt u?"]


def test_a_number_nobody_has() -> None:
    phone = Phone(book(SHOP), number="9999")
    assert phone.say("REPAIR") == []
    assert phone.plan.disposition == "unrouted"


# --- brands that the rules have no more, or no more there -----------------------------------------------------------


def test_stop_on_a_brands_own_number_is_also_for_those_that_still_speak_there() -> None:
    phone = Phone(book(brand(OTHER, "Winkel")))
    phone.say("BURGER")
    phone.last_brand, phone.waiting = "Merk", frozenset({"Bode", "Winkel"})
    waits = Run(kind="wait", brand="Kade", number="4411", rule="Kade/x", frames=("a",), deployment="d")
    phone.runs = [waits, msgspec.structs.replace(waits, id=1, brand="Elders", number="5522")]
    assert phone.say("STOP") == [f"Winkel: {STOPPED}"]
    assert did(phone) == OptOut(("Winkel", "Bode", "Kade", "Merk"))
    phone.now += 10_000_000
    phone.say("AAN")
    assert did(phone) == OptIn(("Winkel",))


def test_stop_and_a_keyword_is_for_that_brand_alone_whatever_else_waits() -> None:
    phone = Phone(shared())
    phone.say("BURGER")
    phone.waiting = frozenset({"Weg"})
    phone.say("STOP BURGER")
    assert did(phone) == OptOut(("Burger",))
    phone.say("STOP ALLES")
    assert did(phone) == OptOut(("Klusser", "Burger", "Weg", OPERATOR))


@pytest.mark.parametrize("said", ["STOP MERK", "Stop merk, aub", "MERK STOP", "STOP BURGER"])
def test_stop_and_the_name_that_a_brand_had_silences_it_by_both(said: str) -> None:
    phone = Phone(book(brand(OTHER, "Winkel")))
    phone.say("BURGER")
    phone.last_brand = "Merk"
    assert phone.say(said) == [f"Winkel: {STOPPED}"]
    assert did(phone).brands == ("Winkel", "Merk")  # type: ignore[union-attr]


def test_stop_and_the_name_that_a_brand_had_on_a_shared_number_is_for_it_alone() -> None:
    phone = Phone(shared())
    phone.say("BURGER")
    phone.last_brand = "Merk"
    assert phone.say("STOP MERK") == [f"4411: {STOPPED}"]
    assert (phone.plan.brand, did(phone)) == ("Merk", OptOut(("Merk",)))
    assert phone.say("AAN") == ["4411: u krijgt weer berichten van ons. Stuur STOP om u af te melden."]
    assert did(phone) == OptIn(("Merk",))
    phone = Phone(book(brand(SHOP, "Merk", numbers="5522")))
    phone.last_brand = "Weg"
    assert phone.say("STOP WEG") == [f"4411: {STOPPED}"]
    assert did(phone) == OptOut(("Weg", OPERATOR))


def test_stop_where_a_brand_was_is_confirmed_in_its_name_and_undone_there() -> None:
    moved = book(brand(SHOP, "Merk", numbers="5522"), brand(OTHER, "Bakker"))
    phone = Phone(moved)
    phone.last_brand = "Merk"
    assert phone.say("STOP") == [f"Merk: {STOPPED}"]
    assert did(phone) == OptOut(("Bakker", "Merk"))
    assert phone.say("AAN") == ["4411: u krijgt weer berichten van ons. Stuur STOP om u af te melden."]
    assert did(phone) == OptIn(("Bakker", "Merk"))


def test_stop_to_a_number_that_the_rules_have_no_more() -> None:
    phone = Phone(book(brand(SHOP, "Merk", numbers="5522")))
    phone.last_brand = "Merk"
    assert phone.say("STOP") == [f"Merk: {STOPPED}"]
    assert (phone.plan.disposition, phone.plan.brand, did(phone)) == (
        "opted_out",
        "Merk",
        OptOut(("Merk", OPERATOR)),
    )
    assert phone.say("laat me met rust") == [], "once a day"
    assert phone.say("HELP") == phone.say("REPAIR") == []
    assert phone.say("AAN") == ["Merk: u krijgt weer berichten van ons. Stuur STOP om u af te melden."]
    assert phone.say("AAN") == []
    assert phone.plan.disposition == "unrouted"


def test_stop_to_a_number_that_the_rules_have_no_more_for_a_brand_that_is_gone() -> None:
    phone = Phone(book(brand(SHOP, "Merk", numbers="5522")))
    phone.last_brand = "Weg"
    assert phone.say("STOP") == [f"4411: {STOPPED}"]
    assert did(phone) == OptOut(("Weg", OPERATOR))
    assert phone.say("AAN") == ["4411: u krijgt weer berichten van ons. Stuur STOP om u af te melden."]
    assert did(phone) == OptIn(("Weg",))


def test_stop_to_a_number_that_nobody_ever_spoke_on_does_nothing() -> None:
    phone = Phone(book(SHOP), number="9999")
    assert phone.say("STOP") == phone.say("STOP") == []
    assert phone.plan.disposition == "unrouted"


def test_what_is_under_way_is_asked_for_when_somebody_opts_out() -> None:
    phone = Phone(book(SHOP))
    phone.say("KIES")
    for number in ("4411", "9999"):
        phone.number = number
        needs = decide(phone.facts("STOP"), phone.books, phone.now)
        assert needs == Needs(asked=frozenset({Waiting(1, number)}))


def test_stop_to_a_number_that_no_brand_uses_is_confirmed_once_a_day() -> None:
    grants = Grants(
        (NumberGrant("4411", "short-code", "NL", (), "c"), NumberGrant("5522", "short-code", "NL", ("Merk",), "c"))
    )
    phone = Phone(book(brand(SHOP, numbers="5522"), grants=grants))
    assert phone.say("STOP") == [f"4411: {STOPPED}"]
    assert phone.say("STOP") == []


def test_a_number_granted_to_nobody_answers_for_the_operator() -> None:
    grant = NumberGrant("4411", "short-code", None, (), "c")
    other = NumberGrant("5566", "short-code", "NL", ("Merk",), "c")
    phone = Phone(book(brand(SHOP, numbers="5566"), grants=Grants((grant, other))))
    assert phone.say("REPAIR") == ["Sorry, we do not know that word. Text HELP for help or STOP to unsubscribe."]


# --- what falls due, and deployments ---------------------------------------------------------------------------------


def test_silence() -> None:
    phone = Phone(book(SHOP))
    phone.say("REPAIR")
    assert phone.wait(DAY - 1) == []
    assert phone.wait(1) == ["Laat maar."]
    assert did(phone) == EndRun(1, "silent")
    phone.say("KIES")
    assert phone.wait(DAY) == []
    assert (phone.plan.disposition, phone.plan.effects) == ("due", (EndRun(1, "silent"),))


CHAINS = """keyword BEGIN
    run vraag
    reply "Klaar."

chain vraag
    ask "Zeg {word}."
        answer {word}
            reply "Goed."
"""


def old_and_new(old: str, new: str) -> tuple[Rulebook, Rulebook]:
    return book(CHAINS.replace("{word}", old)), book(CHAINS.replace("{word}", new))


def test_a_run_goes_on_in_the_newest_rule_set_at_the_same_step() -> None:
    phone = Phone(book(CHAINS.replace("{word}", "EEN")))
    phone.say("BEGIN")
    edited = CHAINS.replace("{word}", "EEN").replace("Goed.", "Prima.").replace("    run", "    tag x\n    run")
    phone.books = Books(book(edited))
    assert phone.say("een") == ["Prima.", "Klaar."]
    assert phone.plan.deployment == phone.books.newest.deployment


def test_a_step_the_newest_lacks_ends_in_its_own_rule_set() -> None:
    old, new = old_and_new("EEN", "TWEE")
    phone = Phone(old)
    phone.say("BEGIN")
    facts, run = phone.facts("een"), phone.runs[0]
    needs = Needs(frozenset({old.deployment}))
    assert decide(facts, Books(new), NOON) == needs
    assert resume(facts, run, Books(new), NOON + DAY * 1_000_000) == needs
    phone.books = Books(new, {old.deployment: old})
    assert phone.say("een") == ["Goed.", "Klaar."]
    assert phone.plan.deployment == old.deployment


@pytest.mark.parametrize("gone", [None, book("keyword ANDERS\n    tag x\n")], ids=["gone", "no such step"])
def test_a_run_that_stands_nowhere_is_lost_on_record(gone: Rulebook | None) -> None:
    old, new = old_and_new("EEN", "TWEE")
    phone = Phone(old)
    phone.say("BEGIN")
    phone.books = Books(new, {old.deployment: gone})
    plan = resume(phone.facts(), phone.runs[0], phone.books, NOON + DAY * 1_000_000)
    assert isinstance(plan, Plan)
    assert (plan.effects, plan.fault != "") == ((EndRun(1, "lost"),), True)
    assert phone.say("een") == []
    assert (phone.plan.effects, phone.plan.fault != "") == ((EndRun(1, "lost"),), True)


@pytest.mark.parametrize(
    "change",
    [
        {"brand": "Nieuw"},
        {"rule": "Merk/keyword NIEUW"},
        {"frames": ("ask-1",)},
        {"frames": ("run-1", "ask-1")},
    ],
    ids=str,
)
def test_a_run_of_this_rule_set_that_is_not_in_it_is_lost(change: dict[str, str]) -> None:
    phone = Phone(book(SHOP))
    phone.say("REPAIR")
    run: Run = msgspec.structs.replace(phone.runs[0], **change)
    plan = resume(phone.facts(), run, phone.books, NOON)
    assert isinstance(plan, Plan)
    assert plan.effects == (EndRun(1, "lost"),)


def test_waits_are_no_questions() -> None:
    phone = Phone(book('keyword WACHT\n    wait 1 hour\n    reply "Klaar."\n'))
    phone.say("WACHT")
    assert phone.say("iets") == []
    assert [run.kind for run in phone.runs] == ["wait"]
    assert phone.wait(3600) == ["Klaar."]


def test_deciding_again_gives_the_same_plan() -> None:
    rules = Books(book(SHOP))
    facts = Phone(rules).facts("REPAIR")
    assert decide(facts, rules, NOON) == decide(facts, rules, NOON)
    assert facts == Facts(facts.contact, "4411", message=facts.message)
    assert facts.profile("Merk") == Profile("Merk")
