"""Short links on disk: codes that nobody has, clicks that count once."""

import threading
from random import Random

import pytest

from router import links
from router.links import Followed, Made
from router.store.engine import Store, make_engine
from rules.links import is_code, read
from tests.support.postgres import PostgresDatabases

NOW = 1_767_614_400_000_000
CAUSE = (77, "Shop/keyword TIP", "reply 1")


def made(store: Store, hole: str = "tip1 https://shop.example/a?b=c", contact: int = 1, seed: int = 1) -> Made:
    with store.begin() as tx:
        tx.write(
            "INSERT INTO contacts (id, address, language, created_at) "
            f"VALUES ({contact}, '3161234567{contact}', 'nl', 0) ON CONFLICT DO NOTHING"
        )
        (code,) = links.fresh(tx, 1, Random(seed).random)
        one = links.make(code, read(hole), contact, "Shop", CAUSE, NOW)
        links.write(tx, [one])
    return one


def test_a_link_is_found_by_its_code_with_its_contact(store: Store) -> None:
    one = made(store)
    assert is_code(one.code)
    with store.begin() as tx:
        assert links.find(tx, one.code) == Followed(
            one.code, 1, "Shop", *CAUSE, "tip1", "https://shop.example/a?b=c", "url", None, "31612345671", "nl"
        )
        assert links.find(tx, "2" * 8) is None
        assert links.find(tx, "'; DROP TABLE links") is None


def test_codes_that_exist_are_drawn_anew(store: Store) -> None:
    first = made(store, seed=3)
    second = made(store, seed=3)
    assert first.code != second.code
    with store.begin() as tx:
        three = links.fresh(tx, 3, Random(3).random)
        assert len({*three, first.code, second.code}) == 5
        assert links.fresh(tx, 0, Random(3).random) == []


def test_chance_that_is_none_is_told(store: Store) -> None:
    with store.begin() as tx, pytest.raises(RuntimeError, match="the chance that was handed in is none"):
        links.fresh(tx, 2, lambda: 0.5)


def test_the_first_click_counts_and_the_others_are_only_numbered(store: Store) -> None:
    one, other = made(store), made(store, "optout", seed=9)
    with store.begin() as tx:
        assert links.click(tx, [(one.code, NOW + 5), (one.code, NOW + 3), ("2" * 8, NOW)]) == {one.code}
        assert links.click(tx, [(one.code, NOW + 9), (other.code, NOW + 9)]) == {other.code}
        assert links.click(tx, []) == set()
        assert tx.execute("SELECT code, clicked_at, clicks FROM links ORDER BY created_at, kind DESC") == [
            (one.code, NOW + 3, 3),
            (other.code, NOW + 9, 1),
        ]
        assert links.clicked(tx, [1, 2]) == {1: {77: {"tip1": NOW + 3, "optout": NOW + 9}}}


def test_an_erased_contacts_links_lead_nowhere(store: Store) -> None:
    one, other = made(store), made(store, contact=2, seed=9)
    with store.begin() as tx:
        links.forget(tx, 1)
        assert links.find(tx, one.code) is None
        assert links.find(tx, other.code) is not None
        tx.write("DELETE FROM contacts WHERE id = 2")
        assert links.find(tx, other.code) is None
        assert links.click(tx, [(one.code, NOW)]) == set()


def test_of_nodes_that_count_one_click_at_once_one_is_first(postgres: PostgresDatabases, postgres_url: str) -> None:
    stores = [Store(postgres_url, make_engine(postgres_url), None) for _ in range(4)]
    codes = [made(stores[0], seed=seed).code for seed in range(20)]
    start = threading.Barrier(len(stores))
    firsts: list[str] = []

    def node(number: int) -> None:
        start.wait(10)
        for at in range(0, len(codes), 5):
            clicks = [(code, NOW + number) for code in codes[at : at + 5]]
            with stores[number].begin() as tx:
                found = links.click(tx, clicks[::-1] if number % 2 else clicks)
            firsts.extend(found)

    threads = [threading.Thread(target=node, args=(number,)) for number in range(len(stores))]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(30)
    assert sorted(firsts) == sorted(codes)
    with stores[0].begin() as tx:
        assert tx.execute("SELECT DISTINCT clicks FROM links") == [(len(stores),)]
    for store in stores:
        store.close()
    postgres.empty(postgres_url)
