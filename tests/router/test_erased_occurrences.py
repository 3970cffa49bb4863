"""What was told of a person before an erasure, and comes up after it, makes nothing anew; on both stores."""

from collections.abc import Iterator

import pytest

from router.erasure import Erasure
from router.instants import HOUR, MINUTE
from router.messages import Occurrence
from router.store.engine import Store
from router.suppression import Suppressions
from tests.support.promotions import promoting
from tests.support.routing import JAN, PIET, Phones

KEY = b"a key of the settings"


@pytest.fixture
def phones(store: Store) -> Iterator[Phones]:
    one = Phones(store, promoting())
    one.ways.outfit("", 0, Suppressions((KEY,)))
    yield one


def told(phones: Phones, address: str = JAN, key: str = "") -> Occurrence:
    now = phones.world.now()
    return Occurrence(
        id=phones.world.ids.next(now), brand="Shop", address=address, name="order", source="api", at=now,
        received_at=now, values={"consent": "transactional", "name": "Zevenboom"}, ref="o-1", key=key,
    )  # fmt: skip


def erase(phones: Phones, address: str = JAN, brand: str = "") -> None:
    erasure = Erasure(phones.store, phones.world, phones.ways.suppressions, "privacy@shop.example")
    person, whole = erasure.silence(address, [brand or "Shop"], everything=not brand)
    for _ in erasure.take_away(person, whole, everything=not brand):
        pass


def test_an_event_that_waited_across_an_erasure_does_nothing_and_says_why(phones: Phones) -> None:
    phones.write(JAN, "HOI")
    waiting, other = told(phones, key="k-1"), told(phones, PIET)
    phones.later(MINUTE)
    erase(phones)
    phones.later(MINUTE)
    done = phones.commit(occurrences=[waiting, other])
    assert done.occurred == {waiting.id: waiting.id, other.id: other.id}, "whoever told it is answered"
    assert [row["address"] for row in phones.table("contacts")] == [PIET]
    dropped, taken = phones.table("events")
    assert (dropped["id"], dropped["contact_id"], dropped["fault"]) == (waiting.id, 0, "erased")
    assert (dropped["data"], dropped["ref"], dropped["rule"]) == ("{}", "", "")
    assert (taken["fault"], taken["ref"]) == ("", "o-1")
    again = told(phones, key="k-1")
    assert phones.commit(occurrences=[again]).occurred == {again.id: waiting.id}, "told again it is the same"
    assert [row["address"] for row in phones.table("contacts")] == [PIET]


def test_what_is_told_after_the_erasure_is_taken_and_nobody_is_written_to(phones: Phones) -> None:
    phones.write(JAN, "HOI")
    erase(phones)
    phones.later(MINUTE)
    phones.commit(occurrences=[told(phones)])
    assert [row["address"] for row in phones.table("contacts")] == [JAN]
    assert [row["reason"] for row in phones.table("outbox")][-1] == "opted_out"


def test_where_one_brand_forgets_what_was_told_to_it_goes_and_another_s_stays(phones: Phones) -> None:
    phones.write(JAN, "HOI")
    waiting = told(phones)
    phones.later(MINUTE)
    erase(phones, brand="Bakker")
    phones.commit(occurrences=[waiting])
    assert [row["fault"] for row in phones.table("events")] == [""]
    waiting = told(phones)
    phones.later(MINUTE)
    erase(phones, brand="Shop")
    phones.commit(occurrences=[waiting])
    assert [row["fault"] for row in phones.table("events")] == ["", "erased"]


def test_a_second_erasure_counts_from_its_own_time(phones: Phones) -> None:
    phones.write(JAN, "HOI")
    erase(phones)
    phones.later(HOUR)
    phones.commit(occurrences=[told(phones)])
    waiting = told(phones)
    phones.later(HOUR)
    erase(phones)
    phones.later(HOUR)
    phones.commit(occurrences=[waiting])
    assert [row["fault"] for row in phones.table("events")] == ["", "erased"]
    assert phones.table("contacts") == []


def test_a_new_key_keeps_when_it_was_erased(phones: Phones) -> None:
    phones.write(JAN, "HOI")
    waiting = told(phones)
    phones.later(MINUTE)
    erase(phones)
    phones.ways.outfit("", 0, Suppressions((b"a newer key", KEY)))
    with phones.store.begin() as tx:
        phones.ways.suppressions.of_new(tx, {7: JAN}, phones.world.now())  # the phone comes by
    phones.ways.outfit("", 0, Suppressions((b"a newer key",)))
    phones.commit(occurrences=[waiting])
    assert [row["fault"] for row in phones.table("events")] == ["erased"]
