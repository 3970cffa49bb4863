"""What the web hands in, in the transaction that tells the rules: clicks count once, codes are redeemed once."""

from random import Random
from typing import Any

from router import hosted, links, offers
from router.messages import Occurrence, Source
from router.store.engine import Store
from rules.links import read
from rules.vouchers import Voucher

NOW = 1_767_614_400_000_000
BRAND = "Shop"


def happened(id: int, source: Source, key: str, **more: Any) -> Occurrence:
    known: dict[str, Any] = {"brand": BRAND, "address": "31612345678", "name": "x", "at": NOW, "received_at": NOW}
    return Occurrence(id=id, source=source, key=key, **(known | more))


def settle(store: Store, *occurrences: Occurrence) -> None:
    with store.begin() as tx:
        hosted.settle(tx, occurrences)


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


def test_what_is_neither_changes_nothing(store: Store) -> None:
    code, own = place(store)
    settle(store)
    settle(store, happened(1, "api", code), happened(2, "undelivered", own))
    with store.begin() as tx:
        assert tx.execute("SELECT clicks FROM links") == [(0,)]
        assert tx.execute("SELECT redeemed_at FROM vouchers") == [(None,)]


def test_clicks_and_redemptions_are_kept(store: Store) -> None:
    code, own = place(store)
    both = [happened(1, "click", code), happened(2, "voucher", own, values={"by": "key 5"}, ref="bon 1")]
    try:
        with store.begin() as tx:
            hosted.settle(tx, both)
            raise ZeroDivisionError
    except ZeroDivisionError:
        settle(store, *both)  # what was rolled back has not been
    with store.begin() as tx:
        assert tx.execute("SELECT clicked_at, clicks FROM links") == [(NOW, 1)]
        assert tx.execute("SELECT redeemed_at, redeemed_by FROM vouchers") == [(NOW, "key 5 bon 1")]


def test_a_code_is_its_own_brands(store: Store) -> None:
    _, own = place(store)
    settle(store, happened(1, "voucher", own, brand="Bakker"), happened(2, "voucher", "Z-222222"))
    with store.begin() as tx:
        assert tx.execute("SELECT redeemed_at FROM vouchers") == [(None,)]
