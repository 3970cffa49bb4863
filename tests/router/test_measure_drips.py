"""Drips and splits as the router runs them, counted: goals, steps in their order, and arms by what their rule says."""

import pytest

from gateway.commands.stats_page import page as page_of
from gateway.report import Asked, report
from router import measure
from router.instants import DAY, HOUR
from router.measure import Pages, Period
from router.measure import measure as measured_of
from router.measures import Measures, measures_of
from router.prices import Prices
from router.store.engine import Store
from rules.rulebook import Rulebook
from tests.support.promotions import agree, happen
from tests.support.routing import JAN, KEES, NOW, PIET, ROOS, Phones, book_of

RULES = """\
brand "Shop"
    numbers 4411
    language nl
    timezone Europe/Amsterdam

drip welkom promotional
    goal event purchase within 14 days
    at once
        send "Shop: welkom. STOP = uit."
    after 1 day
        send "Shop: dag twee. STOP = uit."
    after 2 days
        send "Shop: dag drie. STOP = uit."

on event signup
    start welkom

on event offer
    split aanbod by event purchase
        50% een
            send promotional "Shop: een. STOP = uit."
        50% twee
            send promotional "Shop: twee. STOP = uit."

chain reeks
    split slot by click
        50% kort
            send promotional "Shop: kort. STOP = uit."
        50% lang
            send promotional "Shop: lang. STOP = uit."
"""
WEEK = Period(NOW - HOUR, NOW + 7 * DAY)
EVERYBODY = (JAN, PIET, KEES, ROOS, *(f"316{number:08}" for number in range(20)))


def book() -> Rulebook:
    return book_of(("drips.rules", RULES))


@pytest.fixture(params=[1, 5_000])
def page(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    """Pages of one row, and pages that hold everything."""
    monkeypatch.setattr(measure, "PAGE", request.param)


def send(phones: Phones, name: str, *addresses: str) -> None:
    """An event, and the carrier takes what it causes."""
    claims = happen(phones, name, *addresses).claims
    phones.commit(outcomes=[phones.sent(claim, f"m{claim.id}") for claim in claims])


def days(phones: Phones, count: int) -> None:
    """Let days go by; what falls due is sent."""
    for _ in range(count):
        phones.later(DAY)
        claims = phones.commit(due=True).claims
        phones.commit(outcomes=[phones.sent(claim, f"m{claim.id}") for claim in claims])


@pytest.mark.usefixtures("page")
def test_capability_83_each_step_of_a_drip_and_its_goal_are_counted(store: Store) -> None:
    phones = Phones(store, book())
    agree(phones, JAN, PIET, KEES)
    send(phones, "signup", JAN, PIET, KEES)
    days(phones, 1)
    send(phones, "purchase", PIET)  # its goal: no third text
    days(phones, 1)
    found = measured_of(Pages(store), WEEK, Prices())
    told = report(found, Asked("2026-01-05", "2026-01-11", "UTC", None, "step", 2.0))
    steps = [(row["text"], row["sent"], row["drop_off"]) for row in told["rows"] if row["rule"] == "drip welkom"]
    assert [(text, sent) for text, sent, _ in steps] == [
        ("Shop: welkom. STOP = uit.", 3), ("Shop: dag twee. STOP = uit.", 3), ("Shop: dag drie. STOP = uit.", 2)
    ]  # fmt: skip
    assert [None if drop is None else round(drop, 2) for _, _, drop in steps] == [None, 0.0, 0.33]
    assert found.counting.goals == {("Shop", "Shop/drip welkom"): 1}
    assert measured_of(Pages(store), WEEK, Prices(), "Other").counting.goals == {}
    later = Period(NOW + 3 * DAY, NOW + 9 * DAY)
    assert measured_of(Pages(store), later, Prices()).counting.goals == {}  # nobody entered then


@pytest.mark.usefixtures("page")
def test_a_split_is_measured_by_the_event_that_its_rule_names(store: Store) -> None:
    phones = Phones(store, book())
    agree(phones, *EVERYBODY)
    send(phones, "purchase", JAN)  # before any text: no conversion
    phones.later(HOUR)
    for address in EVERYBODY:
        send(phones, "offer", address)
    phones.later(HOUR)
    send(phones, "purchase", PIET, KEES)
    send(phones, "signup", ROOS)
    measures = measures_of(book())
    assert measures.splits == {("Shop", "aanbod"): "purchase", ("Shop", "slot"): "click"}
    found = measured_of(Pages(store), WEEK, Prices(), measures=measures)
    arms = {arm: landed for (_, rule, arm), landed in found.counting.arms.items() if rule == "Shop/on event offer"}
    ids = {row["address"]: row["id"] for row in phones.table("contacts")}
    assert sum(len(landed.contacts) for landed in arms.values()) == len(EVERYBODY)
    assert set().union(*(landed.happened for landed in arms.values())) == {ids[PIET], ids[KEES]}
    assert all(landed.happened <= landed.contacts for landed in arms.values())
    told = report(found, Asked("2026-01-05", "2026-01-11", "UTC", None, "arm", 2.0))
    (split,) = told["splits"]
    assert (split["measure"], split["event"], sum(arm["hits"] for arm in split["arms"])) == ("happened", "purchase", 2)
    assert any(line.endswith("who met with purchase") for line in page_of(told))
    assert {row["arm"] for row in told["rows"]} == {"aanbod=een", "aanbod=twee"}


@pytest.mark.usefixtures("page")
def test_a_goal_after_the_last_text_counts_within_its_time_and_once(store: Store) -> None:
    phones = Phones(store, book())
    agree(phones, JAN, PIET, KEES, ROOS)
    send(phones, "purchase", JAN)  # before the drip
    phones.later(HOUR)
    send(phones, "signup", JAN, PIET, KEES, ROOS)
    days(phones, 3)
    assert {row["outcome"] for row in phones.table("enrolments")} == {"finished"}
    send(phones, "purchase", JAN, PIET)
    send(phones, "purchase", PIET)
    send(phones, "signup", KEES)  # no goal
    phones.later(12 * DAY)
    send(phones, "purchase", ROOS)  # a day too late
    everything = measures_of(book())
    found = measured_of(Pages(store), WEEK, Prices(), measures=everything)
    assert found.counting.goals == {("Shop", "Shop/drip welkom"): 2}
    other = measured_of(Pages(store), WEEK, Prices(), "Other", everything, origins=True)
    assert other.counting.goals == {}
    later = Period(NOW + 2 * DAY, NOW + 9 * DAY)  # nobody entered then
    assert measured_of(Pages(store), later, Prices(), measures=everything, origins=True).counting.goals == {}
    of_splits = Measures(everything.splits)
    assert measured_of(Pages(store), WEEK, Prices(), measures=of_splits).counting.goals == {}


def test_a_split_that_is_measured_by_clicks_is_so_whatever_else_was_reached(store: Store) -> None:
    phones = Phones(store, book())
    agree(phones, *EVERYBODY)
    for address in EVERYBODY[:6]:
        send(phones, "offer", address)
    found = measured_of(Pages(store), WEEK, Prices(), measures=Measures({("Shop", "aanbod"): "click"}))
    (split,) = report(found, Asked("2026-01-05", "2026-01-11", "UTC", None, "rule", 2.0))["splits"]
    assert (split["measure"], split["event"]) == ("clicked", "")
