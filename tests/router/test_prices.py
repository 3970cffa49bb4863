"""The longest prefix of a connector's prices is what a segment costs."""

from decimal import Decimal

from router.prices import Cost, Price, Prices

PRICES = Prices(
    [
        Price("a", "", Decimal("0.10"), "EUR"),
        Price("a", "31", Decimal("0.0725"), "EUR"),
        Price("a", "316", Decimal("0.0695"), "EUR"),
        Price("b", "1", Decimal("0.0079"), "USD"),
    ]
)


def test_the_longest_prefix_wins() -> None:
    assert PRICES.price_of("a", "31612345678", 3) == Cost(Decimal("0.2085"), "EUR")
    assert PRICES.price_of("a", "31201234567", 1) == Cost(Decimal("0.0725"), "EUR")
    assert PRICES.price_of("a", "4915112345678", 2) == Cost(Decimal("0.20"), "EUR")
    assert PRICES.price_of("b", "12025550123", 1) == Cost(Decimal("0.0079"), "USD")
    assert PRICES.longest == 3


def test_what_the_table_does_not_say_has_no_price() -> None:
    assert PRICES.price_of("b", "31612345678", 1) is None
    assert PRICES.of("c", "31612345678") is None
    assert Prices().price_of("a", "31612345678", 1) is None
    assert Prices().longest == 0


def test_money_stays_exact() -> None:
    assert Prices([Price("a", "", Decimal("0.1"), "EUR")]).price_of("a", "1", 3) == Cost(Decimal("0.3"), "EUR")
