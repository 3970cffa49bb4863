"""A great many receipts, each of which finds its message (RELIABILITY.md 4: "receipts"); KWEK_RECEIPTS=1000000."""

import os
import time

from router.store.engine import Store
from router.world import Virtual
from tests.support.receipts import Flood
from tests.support.routing import NOW

TEXTS = int(os.environ.get("KWEK_RECEIPTS", "6000"))


def test_every_receipt_finds_its_message_in_any_order_and_any_form_of_its_id(store: Store) -> None:
    flood = Flood(store, Virtual(NOW), seed=TEXTS)
    begun = time.perf_counter()
    flood.settle(TEXTS)
    seconds = time.perf_counter() - begun
    with store.begin() as tx:
        states: dict[str, int] = dict(tx.execute("SELECT state, count(*) FROM outbox GROUP BY state"))
        awaiting = tx.execute("SELECT count(*) FROM awaiting_receipt")[0][0]
        wrong = tx.execute("SELECT count(*) FROM outbox WHERE receipts_left <> 0")[0][0]
        kept = tx.execute("SELECT count(*) FROM receipts")[0][0]
    print(f"\n{store.dialect}: {TEXTS} texts, {kept} receipts in {seconds:.1f} s, {kept / seconds:,.0f} receipts/s")
    assert (states, awaiting, wrong) == (dict(flood.wanted), 0, 0)
