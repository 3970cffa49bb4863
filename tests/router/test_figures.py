"""What is credited to which text, and what is not."""

from decimal import Decimal
from typing import Any

import pytest

from router.counted import GIVEN, REVOKED, Came, Clicked, Converted, Key
from router.figures import CREDITED_WITHIN, Counting
from router.instants import DAY, HOUR
from router.prices import Cost
from router.totals import Figures
from router.world import first_id_at
from tests.support.figures import PRICES, came, sent
from tests.support.routing import NOW


def counting(days: int = 30) -> Counting:
    return Counting(PRICES, (first_id_at(NOW), first_id_at(NOW + days * DAY)))


def finished(counted: Counting) -> dict[Key, Figures]:
    counted.finish()
    return counted.figures


def only(counted: Counting) -> Figures:
    (figures,) = finished(counted).values()
    return figures


def test_states_are_counted_apart() -> None:
    counted = counting()
    for place, state in enumerate(("sent", "delivered", "undelivered", "unknown", "expired", "failed", "ready",
                                   "claimed", "cancelled")):  # fmt: skip
        counted.sent(sent(place * HOUR, state=state))
    counted.sent(sent(DAY, state="withheld", reason="quiet_hours"))
    counted.sent(sent(DAY + HOUR, state="withheld", reason="opted_out"))
    counted.sent(sent(DAY + 2 * HOUR, state="withheld", reason="opted_out"))
    found = only(counted)
    assert (found.sent, found.delivered, found.undelivered, found.unknown) == (5, 1, 1, 2)
    assert (found.failed, found.waiting, found.cancelled) == (1, 2, 1)
    assert found.withheld == {"quiet_hours": 1, "opted_out": 2}
    assert found.texts == 12
    assert found.sample_id == first_id_at(NOW + DAY + 2 * HOUR)


def test_what_the_carrier_took_is_paid_for_as_often_as_it_may_have() -> None:
    counted = counting()
    counted.sent(sent(0, segments=2))
    counted.sent(sent(HOUR, segments=2, sends=2, state="delivered"))
    counted.sent(sent(2 * HOUR, segments=3, state="failed"))
    counted.sent(sent(3 * HOUR, segments=3, state="failed", accepted="0,2/3"))
    counted.sent(sent(4 * HOUR, state="withheld"))
    counted.sent(sent(5 * HOUR, address="12025550123"))
    counted.sent(sent(6 * HOUR, connector="other", segments=4))
    found = only(counted)
    assert found.segments == 2 + 4 + 2 + 1 + 4
    assert found.costs == (Cost(Decimal("0.56"), "EUR"), Cost(Decimal("0.01"), "USD"))
    assert found.unpriced == 4


def test_what_belongs_apart_is_counted_apart_and_adds_up() -> None:
    counted = counting()
    counted.sent(sent(0, cause_id=first_id_at(NOW)))
    counted.sent(sent(HOUR, step="reply-2", cause_id=first_id_at(NOW)))
    counted.sent(sent(HOUR, brand=None, rule="", step="", message_class="operator", state="withheld", reason="x"))
    assert set(finished(counted)) == {
        Key("Shop", "Shop/drip", "reply-1", "", "promotional"),
        Key("Shop", "Shop/drip", "reply-2", "", "promotional"),
        Key("", "", "", "", "operator"),
    }
    total = Figures()
    for one in finished(counted).values():
        total.add(one)
    assert (total.sent, total.segments, total.withheld) == (2, 2, {"x": 1})
    assert total.costs == (Cost(Decimal("0.14"), "EUR"),)
    assert total.after_ids == first_id_at(NOW + HOUR) - first_id_at(NOW)
    assert total.entered == 2


def test_a_chain_that_began_before_the_period_has_not_entered_in_it_and_a_step_after_it_is_none_of_it() -> None:
    counted = counting(days=1)
    counted.sent(sent(0, cause_id=first_id_at(NOW - DAY)))
    counted.sent(sent(1, cause_id=first_id_at(NOW)))
    counted.sent(sent(2 * DAY, step="later"))
    found = only(counted)
    assert (found.sent, found.entered) == (2, 1)


# ---- answers


def test_a_text_is_answered_once_and_the_last_one_is() -> None:
    counted = counting()
    counted.sent(sent(0, step="a"))
    counted.sent(sent(HOUR, step="b"))
    for _ in range(3):
        counted.came(came(2 * HOUR))
    assert {key.step: figures.answered for key, figures in finished(counted).items()} == {"a": 0, "b": 1}


@pytest.mark.parametrize(
    ("text", "answer"),
    [
        ({}, {"contact_id": 2}),
        ({}, {"brand": "Other"}),
        ({}, {"brand": None}),
        ({}, {"state": "opted_in"}),
        ({}, {"state": "suspected_duplicate"}),
        ({"state": "withheld"}, {}),
        ({"state": "failed"}, {}),
        ({"message_class": "stop_confirmation"}, {}),
        ({}, {"id": first_id_at(NOW + CREDITED_WITHIN) + 2**30}),
    ],
)  # fmt: skip
def test_what_is_no_answer(text: dict[str, Any], answer: dict[str, Any]) -> None:
    counted = counting()
    counted.sent(sent(0, **text))
    counted.came(came(HOUR, **answer))
    assert only(counted).answered == 0


def test_what_happens_after_the_period_is_credited_to_its_texts_and_later_texts_take_over() -> None:
    counted = counting(days=1)
    counted.sent(sent(23 * HOUR))
    counted.sent(sent(23 * HOUR, contact_id=2))
    counted.sent(sent(DAY + HOUR, contact_id=2))
    for contact in (1, 2):
        counted.came(came(DAY + 2 * HOUR, contact_id=contact))
        counted.came(came(DAY + 3 * HOUR, contact_id=contact, state="opted_out"))
    found = only(counted)
    assert (found.sent, found.answered, found.opted_out) == (2, 1, 1)
    assert counted.texted == {}
    assert counted.stopped == {}


def test_texts_of_long_ago_are_forgotten_and_those_of_a_week_are_not() -> None:
    counted = counting(days=60)
    counted.sent(sent(0))
    counted.sent(sent(6 * DAY, contact_id=2))
    counted.sent(sent(8 * DAY, contact_id=3))
    counted.came(came(9 * DAY, contact_id=2))
    counted.sent(sent(40 * DAY, contact_id=4))
    assert [len(brand.lately) + len(brand.before) for brand in counted._brands.values()] == [1]
    counted.came(came(41 * DAY, contact_id=3))
    assert only(counted).answered == 1


# ---- opting out


def test_a_stop_is_credited_once_to_the_brands_last_text() -> None:
    counted = counting()
    counted.sent(sent(0, step="a"))
    counted.sent(sent(HOUR, step="b"))
    counted.sent(sent(HOUR, brand="Other"))
    for _ in range(2):
        counted.came(came(2 * HOUR, state="opted_out", rule="stop"))
    counted.came(Came(first_id_at(NOW + 3 * HOUR), 1, "", "Shop", REVOKED, ""))
    assert {(key.brand, key.step): figures.opted_out for key, figures in finished(counted).items()} == {
        ("Shop", "a"): 0, ("Shop", "b"): 1, ("Other", "reply-1"): 0,
    }  # fmt: skip
    assert counted.stopped == {"Shop": {1}}
    assert counted.texted == {}


def test_a_stop_for_all_is_credited_to_each_brand_on_that_number() -> None:
    counted = counting()
    counted.sent(sent(0))
    counted.sent(sent(0, brand="Other"))
    counted.sent(sent(0, brand="Far", number="5511"))
    counted.came(came(HOUR, state="opted_out", brand=None))
    assert {key.brand: figures.opted_out for key, figures in finished(counted).items()} == {
        "Shop": 1, "Other": 1, "Far": 0,
    }  # fmt: skip
    assert counted.stopped == {"": {1}}


def test_an_opt_out_on_the_web_counts_like_one_by_text() -> None:
    counted = counting()
    counted.sent(sent(0))
    counted.came(Came(first_id_at(NOW + HOUR), 1, "", "Shop", REVOKED, ""))
    assert only(counted).opted_out == 1
    assert counted.stopped == {"Shop": {1}}


# ---- keywords


def test_keywords_have_texts_contacts_and_joins() -> None:
    counted = counting()
    for place, contact in enumerate((1, 1, 2)):
        counted.came(came(place, contact_id=contact))
    counted.came(came(3, rule="", brand=None, state="unrouted"))
    counted.came(Came(first_id_at(NOW + HOUR), 2, "", "Shop", GIVEN, "Shop/keyword JA"))
    counted.came(Came(first_id_at(NOW + HOUR), 3, "", "Shop", GIVEN, ""))
    ja = counted.texted["Shop", "Shop/keyword JA"]
    assert (ja.texts, ja.contacts, ja.joined) == (3, {1, 2}, {2})
    assert counted.texted["", ""].texts == 1
    assert len(counted.texted) == 2


def test_a_contact_is_new_once_with_the_text_that_it_became_known_by() -> None:
    counted = counting()
    newcomer = first_id_at(NOW + HOUR)
    counted.came(came(0, contact_id=newcomer))
    counted.came(came(1, contact_id=newcomer, rule="Shop/keyword NEE"))  # in the same breath
    counted.came(came(DAY, contact_id=newcomer))
    counted.came(came(DAY, contact_id=5))
    assert {rule: texted.new for (_, rule), texted in counted.texted.items()} == {
        "Shop/keyword JA": {newcomer}, "Shop/keyword NEE": set(),
    }  # fmt: skip


def test_a_keyword_is_credited_with_the_drips_that_it_began() -> None:
    counted = counting()
    ja, later, first = "Shop/keyword JA", first_id_at(NOW + HOUR), first_id_at(NOW)
    counted.sent(sent(0, rule=ja, origin=ja, cause_id=first))
    for contact in (1, 2, 3):
        counted.sent(sent(1, origin=ja, contact_id=contact, cause_id=first, state="delivered"))
    counted.sent(sent(1, contact_id=4, cause_id=first))  # an event began that one
    counted.came(came(HOUR, contact_id=1))
    counted.came(came(HOUR, contact_id=2, state="opted_out"))
    for contact, origin in ((1, ja), (1, ja), (2, ja), (4, "")):
        counted.clicked(Clicked(later, contact, "Shop", "Shop/drip", "reply-1", first, "tip", 3, origin))
    counted.clicked(Clicked(later, 1, "Shop", ja, "reply-1", first, "tip", 1, ja))
    counted.converted(Converted(later, 1, "Shop", "Shop/drip", first, ja))
    counted.converted(Converted(later, 4, "Shop", "Shop/drip", first))
    figures = finished(counted)
    texted = counted.texted["Shop", ja]
    begun = texted.begun
    assert (begun.sent, begun.delivered, begun.answered, begun.clicked, begun.opted_out) == (3, 3, 1, 2, 1)
    assert (begun.costs, texted.goals, counted.goals) == (
        (Cost(Decimal("0.21"), "EUR"),),
        1,
        {("Shop", "Shop/drip"): 2},
    )
    assert sum(one.sent for one in figures.values()) == 5
    links = {key[1:]: (followed.contacts, followed.times) for key, followed in counted.links.items()}
    assert links == {("Shop/drip", "reply-1", "tip"): ({1, 2, 4}, 12), (ja, "reply-1", "tip"): ({1}, 1)}


# ---- clicks, goals and arms


def test_a_click_counts_once_for_a_contact_and_a_step() -> None:
    counted = counting()
    counted.sent(sent(0))
    for sent_at in (0, 0, -DAY, 40 * DAY):
        counted.clicked(Clicked(first_id_at(NOW + HOUR), 1, "Shop", "Shop/drip", "reply-1", first_id_at(NOW + sent_at)))
    counted.clicked(Clicked(first_id_at(NOW + HOUR), 2, "Shop", "Shop/drip", "gone", first_id_at(NOW)))
    assert only(counted).clicked == 1


def test_arms_know_who_landed_in_them_and_what_they_did() -> None:
    counted = counting()
    first, later = first_id_at(NOW), first_id_at(NOW + HOUR)
    counted.sent(sent(0, arm="aanbod=a"))
    counted.sent(sent(0, arm="aanbod=b", contact_id=2))
    counted.sent(sent(0, arm="aanbod=b", contact_id=3, state="withheld", reason="opted_out"))
    counted.sent(sent(0, contact_id=4))
    for contact in (1, 2, 4):
        counted.clicked(Clicked(later, contact, "Shop", "Shop/drip", "reply-1", first))
    counted.came(came(HOUR, contact_id=2))
    counted.converted(Converted(later, 2, "Shop", "Shop/drip", first))
    counted.converted(Converted(later, 4, "Shop", "Shop/drip", first))
    counted.converted(Converted(later, 1, "Shop", "Shop/drip", first_id_at(NOW - DAY)))
    a, b = counted.arms["Shop", "Shop/drip", "aanbod=a"], counted.arms["Shop", "Shop/drip", "aanbod=b"]
    assert (set(a.contacts), a.clicked, a.answered, a.converted) == ({1}, {1}, set(), set())
    assert (set(b.contacts), b.clicked, b.answered, b.converted) == ({2}, {2}, {2}, {2})
    assert {key.arm: figures.clicked for key, figures in finished(counted).items()} == {
        "aanbod=a": 1, "aanbod=b": 1, "": 1,
    }  # fmt: skip
    assert counted.goals == {("Shop", "Shop/drip"): 2}


def test_a_click_on_a_text_outside_the_split_is_found_there() -> None:
    counted = counting()
    counted.sent(sent(0, arm="aanbod=a"))
    counted.sent(sent(HOUR, step="after"))
    counted.clicked(Clicked(first_id_at(NOW + DAY), 1, "Shop", "Shop/drip", "after", first_id_at(NOW)))
    assert {key.step: figures.clicked for key, figures in finished(counted).items()} == {"reply-1": 0, "after": 1}
    assert counted.arms["Shop", "Shop/drip", "aanbod=a"].clicked == {1}
