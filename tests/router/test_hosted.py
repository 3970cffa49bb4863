"""What the web hands in, in the transaction that tells the rules: clicks count once, codes are redeemed once."""

from random import Random

import msgspec

from router import hosted, links, offers
from router.store.engine import Store
from rules.facts import Value
from rules.links import read
from rules.vouchers import Voucher

NOW = 1_767_614_400_000_000
BRAND = "Shop"


class Happened(msgspec.Struct, frozen=True):
    id: int
    source: str
    values: dict[str, Value] = {}
    ref: str = ""
    brand: str = BRAND
    at: int = NOW


def settle(store: Store, *occurrences: Happened) -> dict[int, str]:
    with store.begin() as tx:
        return hosted.settle(tx, occurrences)


def place(store: Store) -> tuple[str, str]:
    """A contact with a link and a voucher; gives their codes."""
    voucher = Voucher("zomer", pattern="Z-######")
    with store.begin() as tx:
        tx.write("INSERT INTO contacts (id, address, created_at) VALUES (1, '31612345678', 0)")
        (code,) = links.fresh(tx, 1, Random(1).random)
        links.write(tx, [links.make(code, read("tip https://a.example"), 1, BRAND, (7, "r", "s"), NOW)])
        own = offers.codes(tx, [offers.Want(1, BRAND, voucher)], NOW, Random(1).random)[1, BRAND, "zomer"]
    assert own is not None
    return code, own


def test_what_is_neither_goes_on(store: Store) -> None:
    assert settle(store) == {}
    assert settle(store, Happened(1, "api", {"code": "x"}), Happened(2, "receipt")) == {}


def test_the_first_click_goes_on_and_no_other(store: Store) -> None:
    code, _ = place(store)
    clicks = [Happened(id, "click", {"code": code}) for id in (1, 2, 3)]
    assert settle(store, *clicks[:2]) == {2: "clicked_before"}
    assert settle(store, clicks[2], Happened(4, "click", {"code": "2" * 8})) == {
        3: "clicked_before",
        4: "clicked_before",
    }
    with store.begin() as tx:
        assert tx.execute("SELECT clicked_at, clicks FROM links") == [(NOW, 3)]


def test_a_redemption_goes_on_once(store: Store) -> None:
    _, own = place(store)
    first = Happened(1, "redemption", {"code": own, "by": "key 5"}, "bon 1")
    assert settle(store, first, Happened(2, "redemption", {"code": own, "by": "key 5"}, "bon 2")) == {2: "already"}
    again = Happened(3, "redemption", {"code": own, "by": "key 5"}, "bon 1", at=NOW + 1)
    assert settle(store, again) == {3: "redeemed"}
    assert settle(store, Happened(4, "redemption", {"code": "Z-2", "by": "key 5"})) == {4: "unknown"}
    assert settle(store, Happened(5, "redemption", {"code": own, "by": "key 6"}, brand="B")) == {5: "ofotherbrand"}
    with store.begin() as tx:
        assert tx.execute("SELECT redeemed_at, redeemed_by FROM vouchers") == [(NOW, "key 5 bon 1")]


def test_what_is_rolled_back_has_not_been(store: Store) -> None:
    code, own = place(store)
    both = [Happened(1, "click", {"code": code}), Happened(2, "redemption", {"code": own, "by": "key 5"})]
    try:
        with store.begin() as tx:
            assert hosted.settle(tx, both) == {}
            raise ZeroDivisionError
    except ZeroDivisionError:
        assert settle(store, *both) == {}
