"""Promotional texts that wait are judged again where they are claimed: hours, doubts and consents may have changed."""

import pytest

from router.instants import HOUR, MINUTE
from router.store.engine import Store
from tests.support.promotions import agree, happen, promoting
from tests.support.routing import JAN, NOW, PIET, Phones

QUIET = "quiet 21:00..08:00"
EVENING = NOW + 7 * HOUR + 55 * MINUTE
"""20:55 in Amsterdam."""
MORNING = NOW + 19 * HOUR
"""08:00 the day after."""


@pytest.fixture
def late(store: Store) -> Phones:
    """A promotional text that found no room before nine, and it is ten past."""
    phones = Phones(store, promoting(QUIET))
    agree(phones, JAN, PIET)
    phones.world.at = EVENING
    assert happen(phones, "offer", JAN, room=0).claims == []
    phones.later(15 * MINUTE)
    return phones


def test_what_has_waited_into_the_night_waits_for_the_morning(late: Phones) -> None:
    done = late.commit(claim=True)
    assert done.claims == []
    assert [(row["state"], row["reason"], row["due_at"]) for row in late.table("outbox")] == [
        ("ready", "quiet_hours", MORNING)
    ]
    assert done.waiting == {"carrier": MORNING}
    late.world.at = MORNING - MINUTE
    assert late.commit(claim=True).claims == []
    late.world.at = MORNING
    assert [claim.text for claim in late.commit(claim=True).claims] == ["Shop: korting! STOP = uit."]


def test_an_answer_at_night_does_not_wait_behind_it(late: Phones) -> None:
    late.commit(claim=True)
    (claim,) = late.write(JAN, "HOI")
    assert claim.text == "Dag!"
    late.world.at = MORNING
    assert late.commit(claim=True).claims == []  # one at a time to a phone
    late.commit(outcomes=[late.sent(claim, "m1")])
    (waited,) = late.commit(claim=True).claims
    assert waited.text == "Shop: korting! STOP = uit."
    assert late.write(JAN, "HOI") == []  # it is on the wire now


def test_what_is_no_promotion_is_not_held_at_night(late: Phones) -> None:
    happen(late, "order", PIET, room=0, consent="transactional", ref="1")
    assert [claim.message_class for claim in late.commit(claim=True).claims] == ["transactional"]


def test_where_the_hours_never_open_it_is_ended(late: Phones) -> None:
    late.ways._opens_at = lambda brand, contact, now: None  # type: ignore[method-assign]
    assert late.commit(claim=True).claims == []
    assert [(row["state"], row["reason"]) for row in late.table("outbox")] == [("cancelled", "quiet_hours")]


def test_a_brand_that_is_gone_has_no_hours(late: Phones) -> None:
    late.ways.adopt(promoting().__class__(brands={}, numbers={}, deployment="empty"))
    assert len(late.commit(claim=True).claims) == 1


def test_a_doubt_that_came_meanwhile_withholds_it(store: Store) -> None:
    phones = Phones(store, promoting())
    agree(phones, JAN)
    happen(phones, "offer", JAN, room=0)
    with store.begin() as tx:
        tx.write(f"UPDATE profiles SET hold_until = {NOW + HOUR}")
    assert phones.commit(claim=True).claims == []
    assert [row["reason"] for row in phones.table("outbox")] == ["held_for_review"]
    assert happen(phones, "offer", JAN).claims == []
    assert phones.table("outbox")[-1]["reason"] == "held_for_review"
    phones.later(HOUR)
    assert len(happen(phones, "offer", JAN).claims) == 1


def test_so_does_a_consent_that_was_taken_back_meanwhile(store: Store) -> None:
    phones = Phones(store, promoting())
    agree(phones, JAN)
    happen(phones, "offer", JAN, room=0)
    phones.write(JAN, "WEG")
    assert phones.commit(claim=True).claims == []
    assert [row["reason"] for row in phones.table("outbox")] == ["no_consent(promotional)"]
