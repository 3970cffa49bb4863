"""Codes at a till: each counts once, while its offer lasts, for its own brand."""

import threading
from typing import Any

import pytest

from router import offers, redemption
from router.redemption import Already, Expired, OfOtherBrand, Redeemable, Redeemed, Till, Unknown
from router.store.engine import Store, Tx, make_engine
from router.store.errors import StoreConflict
from rules.vouchers import Voucher
from tests.support.postgres import PostgresDatabases

NOW = 1_767_614_400_000_000
BRAND = "Shop"
JAN = "31612345678"


def give(store: Store, *codes: str, until: int | None = None, brand: str = BRAND, contact: int = 1) -> None:
    """One code for one contact, of a pool of them."""
    voucher = Voucher("beurs", file="codes.csv", until=until)
    with store.begin() as tx:
        tx.write(
            f"INSERT INTO contacts (id, address, created_at) VALUES ({contact}, '{int(JAN) - 1 + contact}', 0)"
            " ON CONFLICT DO NOTHING"
        )
        offers.load(tx, brand, "beurs", codes, 1)
        offers.in_force(tx, brand, voucher, "hash", 1, len(codes))
        offers.codes(tx, [offers.Want(contact, brand, voucher)], NOW, lambda: 0.5)


def redeem(store: Store, code: str, reference: str = "", brand: str = BRAND, now: int = NOW + 5) -> redemption.Answer:
    with store.begin() as tx:
        return redemption.redeem(tx, brand, code, Till("key 1", reference), now)


def test_a_code_counts_once(store: Store) -> None:
    give(store, "A1")
    with store.begin() as tx:
        assert redemption.look(tx, BRAND, "A1", Till("key 1"), NOW) == Redeemable("beurs", "A1", JAN)
    assert redeem(store, "A1", "till 1") == Redeemed("beurs", "A1", JAN, NOW + 5)
    assert redeem(store, "A1", "till 2", now=NOW + 9) == Already("beurs", "A1", NOW + 5)
    assert redeem(store, "A1", "till 1", now=NOW + 9) == Redeemed("beurs", "A1", JAN, NOW + 5)
    assert redeem(store, "A1", "") == Already("beurs", "A1", NOW + 5)


def test_without_a_reference_the_same_again_is_a_second_time(store: Store) -> None:
    give(store, "A1")
    assert isinstance(redeem(store, "A1"), Redeemed)
    assert isinstance(redeem(store, "A1"), Already)


def test_it_may_be_typed_in_small_letters_and_with_spaces_around(store: Store) -> None:
    give(store, "ZOMER-7K3M")
    assert redeem(store, " zomer-7k3m ") == Redeemed("beurs", "ZOMER-7K3M", JAN, NOW + 5)


def test_a_code_as_it_is_typed_goes_before_the_one_in_capitals(store: Store) -> None:
    give(store, "aB")
    give(store, "aB", "AB", contact=2)
    assert redeem(store, "aB") == Redeemed("beurs", "aB", JAN, NOW + 5)
    assert redeem(store, "ab") == Redeemed("beurs", "AB", str(int(JAN) + 1), NOW + 5)


def test_it_ends_with_its_offer(store: Store) -> None:
    give(store, "A1", until=NOW + 5)
    assert redeem(store, "A1") == Expired("beurs", "A1", NOW + 5)
    assert isinstance(redeem(store, "A1", now=NOW + 4), Redeemed)
    assert isinstance(redeem(store, "A1", now=NOW + 9), Already)


def test_what_nobody_has_is_unknown(store: Store) -> None:
    give(store, "A1", "FREE")
    assert redeem(store, "FREE") == Unknown()
    assert redeem(store, "") == Unknown()
    assert redeem(store, "A1' OR '1'='1") == Unknown()


def test_an_erased_contacts_code_is_unknown(store: Store) -> None:
    give(store, "A1")
    with store.begin() as tx:
        offers.forget(tx, 1)
    assert redeem(store, "A1") == Unknown()


def test_another_brands_code_stays_as_it_is(store: Store) -> None:
    give(store, "A1")
    assert redeem(store, "A1", brand="Bakker") == OfOtherBrand(BRAND)
    give(store, "A1", brand="Bakker", contact=2)
    assert redeem(store, "A1", brand="Bakker") == Redeemed("beurs", "A1", str(int(JAN) + 1), NOW + 5)
    assert redeem(store, "A1") == Redeemed("beurs", "A1", JAN, NOW + 5)


def test_two_tills_at_once_are_one_redemption(postgres: PostgresDatabases, postgres_url: str) -> None:
    """One waits for the row that the other has, and then sees that it is redeemed."""
    stores = [Store(postgres_url, make_engine(postgres_url), None) for _ in range(4)]
    give(stores[0], "A1")
    start = threading.Barrier(len(stores))
    answers: list[redemption.Answer] = []

    def till(number: int) -> None:
        start.wait(10)
        while True:
            try:
                answers.append(redeem(stores[number], "A1", f"till {number}"))
                return
            except StoreConflict:
                continue

    threads = [threading.Thread(target=till, args=(number,)) for number in range(len(stores))]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(30)
    assert sorted(type(answer).__name__ for answer in answers) == ["Already"] * 3 + ["Redeemed"]
    for store in stores:
        store.close()
    postgres.empty(postgres_url)


def test_who_comes_a_moment_late_is_told_what_the_other_did(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    """Between the look and the taking of the code, another till redeems it, or its contact is erased."""
    give(store, "A1")
    look = redemption.look
    between = "UPDATE vouchers SET redeemed_at = 1"

    def meanwhile(tx: Tx, *about: Any) -> Any:
        found = look(tx, *about)
        tx.write(between)
        return found

    monkeypatch.setattr(redemption, "look", meanwhile)
    assert redeem(store, "A1") == Already("beurs", "A1", 1)
    between = "UPDATE vouchers SET contact_id = NULL, redeemed_at = NULL"
    with store.begin() as tx:
        tx.write("UPDATE vouchers SET redeemed_at = NULL")
    assert redeem(store, "A1") == Unknown()
