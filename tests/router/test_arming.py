"""Which timers are set when, and what one that is due comes to: values in, values out."""

from datetime import date

from msgspec.structs import replace

from router.arming import Timer, Verdict, Watch, all_of, armed, look, timed_names, touched
from router.instants import DAY, HOUR
from router.messages import Contact, Facts, Occurrence, Profile, Source, Thread
from tests.support.phones import NOON, Phone, book, brand

RULES = """contact
    geboren  date

segment klant = tag klant

on birthday of contact.geboren at 10:00
    record a = "a"

on inactive 30 days
    record a = "a"

on inactive 2 hours
    record a = "a"

on 2026-03-01 at 18:00 for segment klant
    record a = "a"

on join klant
    record a = "a"

on undelivered
    record a = "a"
"""
BOOK = book(RULES)
WATCH = Watch.of(BOOK)
OWN = BOOK.brands["Merk"]
BIRTHDAY, QUIET, SOON = (
    "Merk/on birthday of contact.geboren at 10:00",
    "Merk/on inactive 30 days",
    "Merk/on inactive 2 hours",
)
MARCH = "Merk/on 2026-03-01 at 18:00 for segment klant"
KNOWN = Profile("Merk", attributes={"geboren": date(1990, 1, 6)})
TEN = NOON + 22 * HOUR
"""10:00 on the day after."""


def facts(profile: Profile | None = None, last_in_at: int | None = None, zone: str | None = None) -> Facts:
    return Facts(
        Contact(1, "31612345678", zone=zone), "4411", Thread(last_in_at=last_in_at),
        {} if profile is None else {"Merk": profile},
    )  # fmt: skip


def timer(source: Source, name: str, due_at: int, last_at: int | None = None) -> Timer:
    return Timer(1, "Merk", source, name, due_at, last_at)


def test_whom_a_brand_knows_from_now_on_gets_all_its_timers() -> None:
    found = list(armed(WATCH, facts(), {"Merk": KNOWN}, set(), NOON))
    assert [(one.source, one.due_at) for one in found] == [
        ("birthday", TEN), ("inactive", NOON + 30 * DAY), ("inactive", NOON + 2 * HOUR),
        ("date", NOON + 55 * DAY + 6 * HOUR),
    ]  # fmt: skip


def test_the_rules_that_start_by_the_clock() -> None:
    assert timed_names(OWN) == sorted([BIRTHDAY, QUIET, SOON, MARCH])
    assert WATCH.timed == {"Merk"}
    assert Watch.of(book('on undelivered\n    record a = "a"\n')).timed == set()


def test_a_date_that_is_over_and_a_birthday_that_is_none_are_not_set() -> None:
    later = NOON + 100 * DAY
    profile = replace(KNOWN, attributes={"geboren": "morgen"})
    about = facts(profile, last_in_at=NOON)
    assert [one.due_at for one in all_of(OWN, about, profile, NOON - DAY, later)] == [
        NOON + 30 * DAY,
        NOON + 2 * HOUR,
    ]


def test_an_attribute_that_changes_sets_its_birthday_anew_and_one_that_stays_does_not() -> None:
    changed = replace(KNOWN, attributes={"geboren": date(1990, 1, 7)})
    assert [one.due_at for one in armed(WATCH, facts(KNOWN), {"Merk": changed}, set(), NOON)] == [TEN + DAY]
    tagged = replace(KNOWN, tags=frozenset({"klant"}))
    assert list(armed(WATCH, facts(KNOWN), {"Merk": tagged}, set(), NOON)) == []
    gone = replace(KNOWN, attributes={})
    assert list(armed(WATCH, facts(KNOWN), {"Merk": gone}, set(), NOON)) == []


def test_an_act_sets_only_what_may_have_gone_off() -> None:
    acted = {"Merk"}
    assert [one.name for one in armed(WATCH, facts(KNOWN), {}, acted, NOON)] == [QUIET, SOON]
    assert list(armed(WATCH, facts(KNOWN, last_in_at=NOON - HOUR), {}, acted, NOON)) == []
    assert [one.name for one in armed(WATCH, facts(KNOWN, last_in_at=NOON - DAY), {}, acted, NOON)] == [SOON]


def test_what_is_an_act_and_towards_whom() -> None:
    text = Facts(Contact(1, "31612345678"), "4411", profiles={})
    assert touched(WATCH, text, "Merk") == set()
    occurrence = Occurrence(
        id=1, brand="Merk", address="31612345678", name="x", source="click", at=NOON, received_at=NOON
    )
    assert touched(WATCH, replace(text, occurrence=occurrence), None) == {"Merk"}
    assert touched(WATCH, replace(text, occurrence=replace(occurrence, source="birthday")), None) == set()
    assert touched(WATCH, replace(text, occurrence=replace(occurrence, brand="Ander")), None) == set()


def test_a_text_is_an_act_towards_who_takes_it_and_who_knows_the_sender() -> None:
    two = Watch.of(book(brand(RULES + HOI.format("EEN"), "Een"), brand(RULES + HOI.format("TWEE"), "Twee")))
    about = Phone(two.book).facts("EEN")
    assert touched(two, about, "Een") == {"Een"}
    assert touched(two, about, None) == set()
    assert touched(two, replace(about, profiles={"Twee": Profile("Twee")}), "Een") == {"Een", "Twee"}
    assert touched(two, replace(about, number="9999"), "Een") == set()


HOI = '\nkeyword {0}\n    reply "hoi"\n'


def test_a_birthday_goes_off_when_it_is_one_still() -> None:
    due = timer("birthday", BIRTHDAY, TEN)
    year = look(OWN, facts(KNOWN), due, TEN + HOUR)
    assert year == Verdict(True, timer("birthday", BIRTHDAY, TEN + 365 * DAY, TEN))
    other = replace(KNOWN, attributes={"geboren": date(1990, 1, 8)})
    assert look(OWN, facts(other), due, TEN) == Verdict(False, timer("birthday", BIRTHDAY, TEN + 2 * DAY))
    assert look(OWN, facts(), due, TEN) == Verdict(False, None)
    assert look(OWN, facts(KNOWN), timer("birthday", "Merk/on birthday of contact.x", TEN), TEN) == Verdict(False, None)


def test_a_date_that_is_put_right_after_its_birthday_brings_no_second_one() -> None:
    other = replace(KNOWN, attributes={"geboren": date(1990, 1, 8)})
    again = look(OWN, facts(other), timer("birthday", BIRTHDAY, TEN + 2 * DAY, TEN), TEN + 2 * DAY)
    assert again == Verdict(False, timer("birthday", BIRTHDAY, TEN + 367 * DAY, TEN))


def test_inactivity_waits_for_the_last_act() -> None:
    due = timer("inactive", SOON, NOON)
    assert look(OWN, facts(KNOWN), due, NOON) == Verdict(True, Timer(1, "Merk", "inactive", SOON, None, NOON))
    assert look(OWN, facts(KNOWN, last_in_at=NOON - HOUR), due, NOON) == Verdict(
        False, timer("inactive", SOON, NOON + HOUR)
    )
    clicked = replace(KNOWN, active_at=NOON - 3 * HOUR)
    assert look(OWN, facts(clicked), due, NOON).fires
    assert look(OWN, facts(KNOWN), timer("inactive", "Merk/on inactive 9 days", NOON), NOON) == Verdict(False, None)


def test_a_date_waits_for_who_has_gone_west() -> None:
    due_at = NOON + 55 * DAY + 6 * HOUR
    due = timer("date", MARCH, due_at)
    assert look(OWN, facts(KNOWN), due, due_at) == Verdict(True, None)
    assert look(OWN, facts(KNOWN, zone="America/New_York"), due, due_at) == Verdict(
        False, timer("date", MARCH, due_at + 6 * HOUR)
    )
    assert look(OWN, facts(KNOWN), timer("date", "Merk/on 2027-03-01", due_at), due_at) == Verdict(False, None)


def test_what_has_no_time_of_its_own_goes_off_while_there_is_a_rule() -> None:
    assert look(OWN, facts(KNOWN), timer("join", "klant", NOON), NOON) == Verdict(True, None)
    assert look(OWN, facts(KNOWN), timer("join", "vriend", NOON), NOON) == Verdict(False, None)
    assert look(OWN, facts(KNOWN), timer("undelivered", "", NOON), NOON) == Verdict(True, None)
    bare = book('keyword HOI\n    reply "Hoi"\n').brands["Merk"]
    assert look(bare, facts(KNOWN), timer("undelivered", "", NOON), NOON) == Verdict(False, None)


TURNING = book("""contact
    stad  text

segment klant = tag klant and contact.stad = "Ede"
segment koper = consent promotional and tag klant and not happened koop in 30 days and contact.stad != "Ede"

on join klant
    record a = "a"

on join koper
    record a = "a"
""")


def test_a_segment_that_time_turns_is_looked_at_when_what_it_reads_is_another() -> None:
    watch = Watch.of(TURNING)
    (koper,) = watch.turning["Merk"]
    assert (koper.segment, sorted(watch.timed)) == ("koper", ["Merk"])
    assert timed_names(TURNING.brands["Merk"]) == [f"on join {koper.timer}"]
    expected = [Timer(1, "Merk", "turn", koper.timer, NOON)]
    assert list(all_of(TURNING.brands["Merk"], facts(), KNOWN, NOON, NOON)) == expected
    before = Profile("Merk", tags=frozenset({"oud"}))
    known = facts(before)

    def set_by(after: Profile | None, told: Occurrence | None = None) -> list[Timer]:
        profiles = {} if after is None else {"Merk": after}
        return list(armed(watch, replace(known, occurrence=told), profiles, {"Merk"}, NOON))

    assert set_by(None) == set_by(before) == set_by(replace(before, tags=frozenset(), active_at=9)) == []
    for change in (
        replace(before, tags=frozenset({"oud", "klant"})), replace(before, attributes={"stad": "Ede"}),
        replace(before, consents={"promotional": 1}), replace(before, opted_out_at=1),
    ):  # fmt: skip
        assert set_by(change) == expected
    told = Occurrence(id=1, brand="Merk", address="1", name="koop", source="api", at=NOON, received_at=NOON)
    assert set_by(None, told) == expected
    assert set_by(None, replace(told, name="retour")) == set_by(None, replace(told, source="click")) == []
    assert set_by(None, replace(told, brand="Ander")) == []


def test_a_segment_s_timer_of_other_rules_is_no_more() -> None:
    assert look(OWN, facts(), Timer(1, "Merk", "turn", "weg 0", NOON), NOON) == Verdict(False, None)
