"""Seconds that statistics take on a million texts, and what a writer beside them notices.

    python -m tests.bench.bench_stats [TEXTS] [sqlite:///FILE | postgresql://…]

Makes a store with a year of texts (and half as many that came in), counts a week and the year, with and without prices,
and then counts the year once more while transactions of one row are committed: their slowest is printed beside that of
as many with nobody counting.
"""

from __future__ import annotations

import sys
import tempfile
import threading
import time
from decimal import Decimal
from pathlib import Path
from statistics import quantiles

from router.instants import DAY
from router.measure import Measured, Pages, Period, measure
from router.prices import Price, Prices
from router.store.checkpoint import Checkpointer
from router.store.engine import Store, open_store
from router.store.reading import open_reader
from router.world import first_id_at
from tests.support.routing import NOW

YEAR = 365 * DAY
CONTACTS = 100_000
PRICES = Prices([Price("carrier", prefix, Decimal("0.07"), "EUR") for prefix in ("", "31", "316", "49", "1")])


def fill(store: Store, texts: int) -> None:
    """A year of texts, the state of most of them delivered, in 40 steps of 20 rules."""
    series = {
        "sqlite": f"(WITH RECURSIVE n(i) AS (SELECT 0 UNION ALL SELECT i + 1 FROM n WHERE i < {texts - 1}) "
                  "SELECT i FROM n)",
        "postgresql": f"(SELECT i FROM generate_series(0, {texts - 1}) AS g(i))",
    }[store.dialect]  # fmt: skip
    first, span = first_id_at(NOW), (first_id_at(NOW + YEAR) - first_id_at(NOW)) // texts
    kind = (
        "CASE i % 50 WHEN 0 THEN 'withheld' WHEN 1 THEN 'undelivered' WHEN 2 THEN 'sent' WHEN 3 THEN 'failed' "
        "ELSE 'delivered' END"
    )
    columns = (
        "id, contact_id, number, connector, brand, message_class, text, encoding, segments, state, reason, cause_id, "
        "rule, step, created_at, due_at, attempts, sends, retries, accepted, node, settled_at, receipts_left, "
        "receipts_bad"
    )
    phrase = "'Een tekst van gewone lengte, zoals een merk die stuurt, nummer ' || i"
    rows = (
        f"{first} + i * {span}, i % {CONTACTS} + 1, '4411', 'carrier', 'Shop', 'promotional', {phrase}, 'gsm7', "
        f"1 + i % 2, {kind}, CASE i % 50 WHEN 0 THEN 'quiet_hours' ELSE '' END, "
        f"{first} + (i - 2 - i % 2) * {span} + 8192, "
        f"'Shop/drip d' || (i % 20), 'reply-' || (i % 40), {NOW}, {NOW}, 1, 1, 0, '', 'ams-1', {NOW}, 0, 0"
    )
    inbound = (
        "id, contact_id, number, connector, session, sequence, text, received_at, state, brand, rule, deployment, fault"
    )
    came = (
        f"{first} + i * {span} + 8192, i % {CONTACTS} + 1, '4411', 'carrier', 1, 1, 'JA', {NOW}, "
        "CASE i % 100 WHEN 0 THEN 'opted_out' ELSE 'routed' END, 'Shop', 'Shop/keyword JA', 'd', ''"
    )
    with store.begin() as tx:
        if store.dialect == "postgresql":
            tx.write("SET LOCAL statement_timeout TO 0")
        tx.write(
            f"INSERT INTO contacts (id, address, created_at) SELECT i + 1, '316' || (10000000 + i), {NOW} "
            f"FROM {series} AS s WHERE i < {CONTACTS}"
        )
        tx.write(f"INSERT INTO outbox ({columns}) SELECT {rows} FROM {series} AS s WHERE i >= 0")
        tx.write(f"INSERT INTO inbound ({inbound}) SELECT {came} FROM {series} AS s WHERE i % 2 = 0")


def timed(url: str, period: Period, prices: Prices, said: str, *, origins: bool = False) -> Measured:
    """Count once and print how long it took."""
    reader = open_reader(url)
    pages = 0
    begun, used = time.perf_counter(), time.thread_time()
    longest = 0.0
    last = begun

    def look() -> None:
        nonlocal pages, longest, last
        now = time.perf_counter()
        longest, last, pages = max(longest, now - last), now, pages + 1

    found = measure(Pages(reader, look), period, prices, origins=origins)
    took, used = time.perf_counter() - begun, time.thread_time() - used
    reader.close()
    texts = sum(figures.texts for figures in found.counting.figures.values())
    pace = f"{pages:4} pages, {1000 * longest:6.1f} ms between two at most"
    print(f"{said:<28}{texts:>10,} texts  {took:7.2f} s ({used:6.2f} of the processor)  {pace}")
    return found


def commits(store: Store, seconds: float, first: int) -> list[float]:
    """How long commits of one row take, in milliseconds."""
    took: list[float] = []
    until = time.perf_counter() + seconds
    while time.perf_counter() < until:
        begun = time.perf_counter()
        with store.begin() as tx:
            tx.write(f"INSERT INTO batches (marker, at) VALUES ({first + len(took)}, 0)")
        took.append(1000 * (time.perf_counter() - begun))
    return took


def beside(store: Store, url: str) -> None:
    """Commits with nobody counting, and with somebody who counts the year in another process."""
    import subprocess

    alone = commits(store, 5.0, 0)
    code = (
        "from tests.bench.bench_stats import *\n"
        f"reader = open_reader({url!r})\n"
        "while True: measure(Pages(reader), Period(NOW, NOW + YEAR), PRICES)\n"
    )
    other = subprocess.Popen([sys.executable, "-c", code])
    try:
        with_stats = commits(store, 10.0, 10_000_000)
    finally:
        other.kill()
        other.wait()
    for said, took in (("commits alone", alone), ("commits beside statistics", with_stats)):
        cuts = quantiles(took, n=100)
        print(
            f"{said:<28}{len(took):>8,}  median {cuts[49]:6.2f} ms  99 % {cuts[98]:6.2f} ms  worst {max(took):6.2f} ms"
        )


def main() -> None:
    """Measure and print."""
    texts = int(sys.argv[1]) if len(sys.argv) > 1 else 1_000_000
    with tempfile.TemporaryDirectory() as folder:
        url = sys.argv[2] if len(sys.argv) > 2 else f"sqlite:///{Path(folder) / 'kwek.db'}"
        store = open_store(url)
        fill(store, texts)
        keeper = Checkpointer.of(url)
        stop = threading.Event()

        def look() -> None:
            while keeper is not None and not stop.wait(1.0):
                keeper.look()

        looks = threading.Thread(target=look)
        looks.start()
        try:
            timed(url, Period(NOW + 350 * DAY, NOW + 357 * DAY), Prices(), "a week")
            timed(url, Period(NOW + 350 * DAY, NOW + 357 * DAY), PRICES, "a week, with prices")
            timed(url, Period(NOW, NOW + YEAR), Prices(), "everything")
            timed(url, Period(NOW, NOW + YEAR), PRICES, "everything, with prices")
            timed(url, Period(NOW, NOW + YEAR), PRICES, "everything, by keyword", origins=True)
            beside(store, url)
        finally:
            stop.set()
            looks.join()
            if keeper is not None:
                keeper.close()
            store.close()


if __name__ == "__main__":
    main()
