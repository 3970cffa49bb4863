"""Vouchers on disk: one code for a contact, none for two, whatever pool or pattern it comes from."""

import threading
from collections import Counter
from pathlib import Path
from random import Random

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from router import offers
from router.offers import Loaded, Pool, Want
from router.store.engine import Store, make_engine, open_store
from router.store.errors import StoreConflict
from rules.vouchers import ALPHABET, Voucher
from tests.support.postgres import PostgresDatabases

NOW = 1_767_614_400_000_000
BRAND = "Shop"
POOL = Voucher("beurs", file="codes.csv")
PATTERN = Voucher("zomer", pattern="ZOMER-####-####")


def chance(seed: int = 1) -> offers.Chance:
    return Random(seed).random


def fill(store: Store, count: int, name: str = "beurs", number: int = 1) -> list[str]:
    codes = [f"P{i:06}" for i in range(count)]
    with store.begin() as tx:
        offers.load(tx, BRAND, name, codes, number)
        offers.in_force(tx, BRAND, Voucher(name, file="codes.csv"), "hash", number, count)
    return codes


def take(store: Store, voucher: Voucher, *contacts: int, brand: str = BRAND, seed: int = 1) -> list[str | None]:
    wants = [Want(contact, brand, voucher) for contact in contacts]
    with store.begin() as tx:
        found = offers.codes(tx, wants, NOW, chance(seed))
    return [found[want.key] for want in wants]


# ---- patterns


def test_a_contact_has_one_code_of_a_pattern_and_the_same_again(store: Store) -> None:
    first, second = take(store, PATTERN, 1, 2)
    assert first is not None
    assert second is not None
    assert first != second
    assert len(first) == len("ZOMER-####-####")
    assert first.startswith("ZOMER-")
    assert set(first[6:]) <= {*ALPHABET, "-"}
    assert take(store, PATTERN, 2, 1, seed=2) == [second, first]


def test_asked_twice_in_one_group_it_is_one_code(store: Store) -> None:
    first, again = take(store, PATTERN, 1, 1)
    assert first == again is not None


def test_each_brand_and_voucher_has_its_own_code(store: Store) -> None:
    other = Voucher("winter", pattern="ZOMER-####-####")
    wants = [Want(1, BRAND, PATTERN), Want(1, BRAND, other), Want(1, "Bakker", PATTERN)]
    with store.begin() as tx:
        found = offers.codes(tx, wants, NOW, chance())
    assert len(set(found.values())) == 3


def test_a_code_that_is_there_is_drawn_anew(store: Store) -> None:
    """The same chance draws the same codes for the next contact: all but the first draw collide."""
    (first,) = take(store, PATTERN, 1, seed=5)
    (second,) = take(store, PATTERN, 2, seed=5)
    assert second not in (None, first)


def test_two_of_a_group_that_draw_the_same_come_out_apart(store: Store) -> None:
    draws = iter([0.0] * 16 + [0.5] * 8)
    wants = [Want(contact, BRAND, PATTERN) for contact in (1, 2)]
    with store.begin() as tx:
        found = offers.codes(tx, wants, NOW, lambda: next(draws))
    assert len(set(found.values())) == 2
    assert None not in found.values()


def test_a_pattern_that_is_used_up_is_an_empty_pool(store: Store) -> None:
    narrow = Voucher("klein", pattern="K#")
    found = [take(store, narrow, contact, seed=contact)[0] for contact in range(1, 101)]
    given_out = [code for code in found if code is not None]
    assert len(set(given_out)) == len(given_out) <= len(ALPHABET)
    assert found[-1] is None
    assert take(store, narrow, 1) == [found[0]]


# ---- pools


def test_codes_of_a_pool_go_out_until_it_is_empty(store: Store) -> None:
    codes = fill(store, 3)
    found = take(store, POOL, 1, 2, 3, 4)
    assert sorted(code for code in found if code) == codes
    assert found[3] is None
    assert take(store, POOL, 4, 2) == [None, found[1]]


def test_a_pool_that_was_never_loaded_is_empty(store: Store) -> None:
    assert take(store, POOL, 1) == [None]


def test_one_group_takes_from_several_pools_and_patterns(store: Store) -> None:
    fill(store, 2)
    with store.begin() as tx:
        offers.load(tx, "Bakker", "brood", ["B1"], 1)
    wants = [Want(1, BRAND, POOL), Want(2, "Bakker", Voucher("brood", file="b.csv")), Want(3, BRAND, PATTERN)]
    with store.begin() as tx:
        found = offers.codes(tx, wants, NOW, chance())
    assert found[wants[0].key] == "P000000"
    assert found[wants[1].key] == "B1"
    assert (found[wants[2].key] or "").startswith("ZOMER-")


def test_nothing_wanted_nothing_taken(store: Store) -> None:
    with store.begin() as tx:
        assert offers.codes(tx, [], NOW, chance()) == {}


def test_a_file_is_loaded_once_and_its_codes_stay_with_who_has_them(store: Store) -> None:
    with store.begin() as tx:
        assert offers.to_load(tx, BRAND, "beurs", "hash", 1) == 1
    fill(store, 4)
    (mine,) = take(store, POOL, 1)
    with store.begin() as tx:
        assert offers.to_load(tx, BRAND, "beurs", "hash", 2) == 0
        assert offers.to_load(tx, BRAND, "beurs", "another", 2) == 2
        assert offers.load(tx, BRAND, "beurs", ["P000000", "P000003", "NEW"], 2) == Loaded(1, 2, ())
        assert not offers.withdraw(tx, BRAND, "beurs", 2)
        offers.in_force(tx, BRAND, POOL, "another", 2, 3)
    assert mine == "P000000"
    assert take(store, POOL, 1, 2, 3, 4) == [mine, "NEW", "P000003", None]


def test_codes_are_withdrawn_in_slices(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(offers, "SLICE", 2)
    fill(store, 5)
    with store.begin() as tx:
        more = [offers.withdraw(tx, BRAND, "beurs", 2) for _ in range(3)]
    assert more == [True, True, False]
    assert take(store, POOL, 1) == [None]


def test_a_code_of_another_voucher_of_the_brand_is_told_and_left(store: Store) -> None:
    fill(store, 2)
    with store.begin() as tx:
        assert offers.load(tx, BRAND, "najaar", ["P000001", "N1"], 1) == Loaded(1, 0, ("P000001",))
    assert take(store, Voucher("najaar", file="n.csv"), 1, 2) == ["N1", None]


def test_a_declaration_changes_until_and_nothing_else(store: Store) -> None:
    fill(store, 2)
    with store.begin() as tx:
        offers.declare(tx, [(BRAND, Voucher("beurs", file="codes.csv", until=NOW)), (BRAND, PATTERN)])
        assert offers.to_load(tx, BRAND, "beurs", "hash", 9) == 0
        assert offers.standing(tx) == [Pool(BRAND, "beurs", 2, 2)]


def test_a_pool_that_runs_low_is_warned_of_once_until_it_is_filled_again(store: Store) -> None:
    fill(store, 20)
    take(store, POOL, *range(1, 18))
    with store.begin() as tx:
        (pool,) = offers.standing(tx)
    assert pool == Pool(BRAND, "beurs", 3, 20)
    assert not pool.is_low(10)
    take(store, POOL, 18)
    with store.begin() as tx:
        (pool,) = offers.standing(tx)
        assert pool.is_low(10)
        assert offers.warn(tx, pool, NOW)
        assert not offers.warn(tx, pool, NOW)
        assert offers.standing(tx) == [Pool(BRAND, "beurs", 2, 20, True)]
    fill(store, 60, number=2)
    with store.begin() as tx:
        (pool,) = offers.standing(tx)
        assert (pool.left, pool.is_warned, pool.is_low(10)) == (42, True, False)
        offers.calm(tx, pool)
        assert offers.warn(tx, pool, NOW)


def test_an_erased_contact_leaves_a_code_that_is_given_out_and_nobodys(store: Store) -> None:
    fill(store, 2)
    take(store, POOL, 1, 2)
    with store.begin() as tx:
        offers.forget(tx, 1)
        offers.forget(tx, 2)
        assert offers.codes_of(tx, [0, 1, 2]) == {}
        assert tx.execute("SELECT count(*) FROM vouchers WHERE contact_id = 0") == [(2,)]
    assert take(store, POOL, 3) == [None]


# ---- many at once


@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    st.integers(0, 30),
    st.lists(
        st.lists(st.tuples(st.integers(1, 12), st.sampled_from(["pool", "narrow", "wide"])), max_size=9), max_size=9
    ),
    st.integers(0, 1_000),
)
def test_any_groups_give_no_code_twice_and_no_contact_two(
    tmp_path_factory: pytest.TempPathFactory, size: int, groups: list[list[tuple[int, str]]], seed: int
) -> None:
    kinds = {"pool": POOL, "narrow": Voucher("nauw", pattern="N#"), "wide": PATTERN}
    store = open_store("sqlite://")
    fill(store, size)
    has: dict[tuple[int, str, str], str] = {}
    draws = chance(seed)
    for group in groups:
        with store.begin() as tx:
            found = offers.codes(tx, [Want(contact, BRAND, kinds[kind]) for contact, kind in group], NOW, draws)
        for key, code in found.items():
            if code is not None:
                assert has.setdefault(key, code) == code
            else:
                assert key not in has
                if key[2] == "beurs":
                    assert sum(one[2] == "beurs" for one in has) == size
    assert len(set(has.values())) == len(has)
    store.close()


NODES, CONTACTS, EACH = 4, 120, 30


def test_nodes_that_take_at_once_give_no_code_twice_and_wait_for_nobody(
    postgres: PostgresDatabases, postgres_url: str
) -> None:
    """Threads stand for nodes; each contact is one node's, as its lock makes it. A pool for most of them, not for all;
    while one transaction sits on its codes the others go on."""
    stores = [Store(postgres_url, make_engine(postgres_url), None) for _ in range(NODES)]
    fill(stores[0], CONTACTS - 7)
    narrow = Voucher("nauw", pattern="N##")
    found: list[dict[tuple[int, str, str], str | None]] = [{} for _ in stores]
    start = threading.Barrier(NODES + 1)
    faults: list[BaseException] = []

    def node(number: int) -> None:
        try:
            start.wait(10)
            own = list(range(1 + number, CONTACTS + 1, NODES))
            random = Random(number)
            for _ in range(2):  # the second time all is had
                for at in range(0, len(own), 5):
                    wants = [Want(one, BRAND, voucher) for one in own[at : at + 5] for voucher in (POOL, narrow)]
                    for _ in range(20):
                        try:
                            with stores[number].begin() as tx:
                                found[number] |= offers.codes(tx, wants, NOW, random.random)
                            break
                        except StoreConflict:
                            continue
        except BaseException as fault:
            faults.append(fault)

    threads = [threading.Thread(target=node, args=(number,)) for number in range(NODES)]
    for thread in threads:
        thread.start()
    sitting = Store(postgres_url, make_engine(postgres_url), None)
    with sitting.begin() as tx:
        held = offers.codes(tx, [Want(9_999, BRAND, POOL)], NOW, chance())
        start.wait(10)
        for thread in threads:
            thread.join(60)
        assert not any(thread.is_alive() for thread in threads)
    for one in (*stores, sitting):
        one.close()
    assert faults == []
    assert held[9_999, BRAND, "beurs"] is not None
    merged = {key: code for one in found for key, code in one.items()}
    pooled = [code for key, code in merged.items() if key[2] == "beurs"]
    counted = Counter([*pooled, *held.values()])
    assert counted.pop(None, 0) == 8  # 113 codes, one of them in the hand of who sat on it
    assert set(counted.values()) == {1}
    narrow_codes = Counter(code for key, code in merged.items() if key[2] == "nauw" and code)
    assert set(narrow_codes.values()) == {1}
    postgres.empty(postgres_url)


def test_a_file_based_store_has_the_same(tmp_path: Path) -> None:
    """The tables of a migrated file, not of the declarations."""
    store = open_store(f"sqlite:///{tmp_path / 'kwek.db'}")
    fill(store, 1)
    assert take(store, POOL, 1) == ["P000000"]
    store.close()
