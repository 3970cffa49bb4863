"""Budgets: what promotional texts cost is counted with them, warned of at 80 %, and withheld at 100 %."""

from decimal import Decimal

import pytest

from router.instants import DAY
from router.prices import Price, Prices
from router.spending import NO_TILL, Charge, Till, spend, unpriced
from router.store.engine import Store
from tests.support.promotions import PRICES, agree, happen, priced, promoting
from tests.support.routing import JAN, KEES, NOW, PIET, ROOS, Phones

FOUR = "budget EUR 0.29 per month"
"""Four texts of 0.0725 cost just that."""


def reasons(phones: Phones) -> list[str]:
    return [row["reason"] for row in phones.table("outbox")]


def test_capability_88_a_budget_that_is_spent_withholds_promotions_and_nothing_else(store: Store) -> None:
    phones = Phones(store, promoting(FOUR))
    priced(phones)
    assert agree(phones, JAN, PIET, KEES) == ["taken"] * 3
    assert len(happen(phones, "offer", JAN, PIET).claims) == 2
    assert phones.table("spending") == [{"brand": "Shop", "period": "2026-01", "millionths": 145_000}]
    assert len(happen(phones, "offer", JAN, PIET).claims) == 0  # they wait behind the first ones, and are paid for
    assert phones.table("spending")[0]["millionths"] == 290_000
    assert happen(phones, "offer", KEES).claims == []
    assert reasons(phones) == ["", "", "", "", "budget"]
    assert [claim.text for claim in happen(phones, "order", KEES, consent="transactional", ref="7").claims] == [
        "Shop: uw bestelling is er. STOP = uit."
    ]
    assert [claim.text for claim in phones.write(ROOS, "HOI")] == ["Dag!"]
    phones.later(31 * DAY)
    happen(phones, "offer", KEES)  # another month, another budget
    assert reasons(phones)[-1] == ""
    assert [(row["period"], row["millionths"]) for row in phones.table("spending")] == [
        ("2026-01", 290_000), ("2026-02", 72_500)
    ]  # fmt: skip


def test_a_budget_is_overshot_by_one_group_at_most(store: Store) -> None:
    phones = Phones(store, promoting("budget EUR 0.10 per month"))
    priced(phones)
    everybody = [f"316{number:08}" for number in range(10)]
    agree(phones, *everybody)
    assert len(happen(phones, "offer", *everybody[:5]).claims) == 5
    assert happen(phones, "offer", *everybody[5:]).claims == []
    assert phones.table("spending")[0]["millionths"] == 5 * 72_500


def test_it_is_warned_of_once(store: Store) -> None:
    phones = Phones(store, promoting("budget EUR 0.35 per month"))
    priced(phones)
    agree(phones, JAN, PIET, KEES, ROOS)
    near = [
        charge
        for address in (JAN, PIET, KEES, ROOS, JAN)
        for performance in happen(phones, "offer", address).performances
        for charge in performance.near_budget
    ]
    assert near == [Charge("Shop", "2026-01", 290_000, 350_000)]


def test_what_is_withheld_or_has_no_price_is_not_spent(store: Store) -> None:
    phones = Phones(store, promoting(FOUR))
    agree(phones, JAN)
    assert len(happen(phones, "offer", JAN).claims) == 1
    priced(phones, Prices([Price("carrier", "", Decimal("0.08"), "USD"), Price("other", "", Decimal(1), "EUR")]))
    happen(phones, "offer", JAN)
    priced(phones)
    happen(phones, "offer", PIET)
    assert reasons(phones) == ["", "", "no_consent(promotional)"]
    assert phones.table("spending") == []
    free = Phones(store, promoting())
    priced(free)
    happen(free, "offer", JAN)
    assert phones.table("spending") == []


def test_a_group_that_is_rolled_back_has_spent_nothing(store: Store) -> None:
    with pytest.raises(RuntimeError), store.begin() as tx:
        spend(tx, [Charge("Shop", "2026-01", 5, 10)])
        raise RuntimeError
    assert Phones(store).table("spending") == []


def test_a_text_costs_its_segments_rounded_up() -> None:
    till = Till(Prices([Price("carrier", "31", Decimal("0.0000001"), "EUR")]).price_of, promoting(FOUR).brands)
    assert till.charge("Shop", "carrier", JAN, 3, NOW) == Charge("Shop", "2026-01", 1, 290_000)
    assert till.charge("Shop", "carrier", "15551234567", 3, NOW) is None
    assert till.charge("Bakker", "carrier", JAN, 3, NOW) is None
    assert NO_TILL.charge("Shop", "carrier", JAN, 3, NOW) is None


def test_a_budget_without_a_price_is_told_of() -> None:
    (said,) = unpriced(promoting(FOUR), {"USD"})
    assert "budget of Shop" in said
    assert "EUR" in said
    assert unpriced(promoting(FOUR), {"EUR"}) == unpriced(promoting(), ()) == []
    assert PRICES.price_of("carrier", JAN, 1) is not None
