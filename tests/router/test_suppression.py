"""What outlives an erasure: a digest per brand, found again when the number comes back."""

import random

import pytest

from router.store.engine import Store
from router.suppression import REFRESH_AFTER, Suppressions
from tests.support.consents import asked
from tests.support.routing import JAN, NOW, PIET

OLD, NEW = b"the first key", b"a newer key"


def suppress(store: Store, address: str, *brands: str, secrets: tuple[bytes, ...] = (OLD,), since: int = NOW) -> None:
    with store.begin() as tx:
        Suppressions(secrets).suppress(tx, address, dict.fromkeys(brands, since), NOW, random.Random(5).random)


def born(store: Store, *secrets: bytes, address: str = JAN) -> dict[str, int]:
    with store.begin() as tx:
        return Suppressions(secrets).of_new(tx, {7: address, 8: PIET}, NOW).get(7, {})


def test_a_contact_that_is_made_anew_is_born_opted_out(store: Store) -> None:
    suppress(store, JAN, "Shop", "Bakker", since=NOW - 5)
    assert born(store, OLD) == {"Shop": NOW - 5, "Bakker": NOW - 5}
    assert born(store, OLD, address="31600000000") == {}


def test_the_number_cannot_be_read_from_it(store: Store) -> None:
    suppress(store, JAN, "Shop")
    with store.begin() as tx:
        (row,) = tx.execute("SELECT * FROM suppressions")
    assert JAN not in str(row)
    assert len(row[0]) == 64
    assert born(store, NEW) == {}


def test_the_earliest_stays(store: Store) -> None:
    suppress(store, JAN, "Shop", since=NOW - 9)
    suppress(store, JAN, "Shop", "Bakker", since=NOW - 3)
    assert born(store, OLD) == {"Shop": NOW - 9, "Bakker": NOW - 3}


def test_a_new_key_takes_over_as_the_phone_comes_by(store: Store) -> None:
    suppress(store, JAN, "Shop", "Bakker")
    suppress(store, PIET, "Shop")
    with store.begin() as tx:
        assert Suppressions((NEW,)).unreadable(tx) == 3
        assert Suppressions((NEW, OLD)).unreadable(tx) == 0
        assert set(Suppressions((NEW, OLD)).of(tx, [JAN])[JAN]) == {"Shop", "Bakker"}
    assert set(born(store, NEW, OLD)) == {"Shop", "Bakker"}
    assert set(born(store, NEW)) == {"Shop", "Bakker"}
    assert born(store, OLD) == {}
    with store.begin() as tx:
        assert Suppressions((OLD,)).unreadable(tx) == 3  # PIET was a new contact of that look, too


def test_without_a_key_one_is_made_and_stays_of_use_when_one_is_given(store: Store) -> None:
    suppress(store, JAN, "Shop", secrets=())
    suppress(store, PIET, "Shop", secrets=())
    with store.begin() as tx:
        ((secret,),) = tx.execute("SELECT secret FROM suppression_keys")
    assert len(bytes.fromhex(secret)) == 40
    assert set(born(store)) == {"Shop"}
    assert set(born(store, NEW)) == {"Shop"}
    with store.begin() as tx:
        assert Suppressions((NEW,)).unreadable(tx) == 0


def test_who_asks_to_be_written_to_again_is_no_longer_held_back(store: Store) -> None:
    suppress(store, JAN, "Shop", "Bakker")
    with store.begin() as tx:
        Suppressions((OLD,)).lift(tx, JAN, ["Shop"], NOW)
    assert set(born(store, OLD)) == {"Bakker"}


def test_while_there_are_none_a_look_asks_nothing(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    seen = asked(monkeypatch)
    mine = Suppressions((OLD,))

    def look(at: int) -> int:
        with store.begin() as tx:
            seen.clear()
            mine.of_new(tx, {7: JAN}, at)
            mine.lift(tx, JAN, ["Shop"], at)
            return len(seen)

    assert look(NOW) == 1
    assert look(NOW + REFRESH_AFTER - 1) == 0
    suppress(store, JAN, "Shop")  # by another process
    assert look(NOW + REFRESH_AFTER - 1) == 0
    with store.begin() as tx:
        assert mine.of_new(tx, {}, NOW + REFRESH_AFTER) == {}
        assert set(mine.of_new(tx, {7: JAN}, NOW + REFRESH_AFTER)[7]) == {"Shop"}


def test_a_clock_that_was_set_back_is_no_reason_to_believe_it_empty(store: Store) -> None:
    mine = Suppressions((OLD,))
    with store.begin() as tx:
        assert mine.of_new(tx, {7: JAN}, NOW) == {}
    suppress(store, JAN, "Shop")
    with store.begin() as tx:
        assert set(mine.of_new(tx, {7: JAN}, NOW - 5)[7]) == {"Shop"}
