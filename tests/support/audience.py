"""Many phones of one brand in virtual time: the router runs on a store, the carrier takes each text at once, and a test
looks at what phones got and at what the figures say."""

from collections.abc import Iterable
from pathlib import Path
from typing import Any

from gateway.commands.stats_page import page
from gateway.report import Asked, report
from router import timers
from router.claims import Claim
from router.consent_import import Import, Order
from router.consent_rows import Consent
from router.instants import DAY
from router.measure import Measured, Pages, Period, measure
from router.measures import measures_of
from router.messages import Occurrence
from router.prices import Prices
from router.receipts import ReceiptIn
from router.store.engine import Store
from router.suppression import Suppressions
from router.writer import GROUP
from rules.rulebook import Rulebook
from tests.support.routing import NOW, Phones, book_of

JOURNEYS = Path(__file__).parents[1] / "journeys"
EXAMPLES = Path(__file__).parents[2] / "config" / "examples" / "brands"
ROOM = 100_000
"""Segments that the carrier takes at once."""
MOST_LOOKS = 1_000
"""Looks at what is due at one instant, before a test gives up."""


def row(number: str) -> Rulebook:
    """The rule set whose transcripts show a row of docs/capabilities.md."""
    files = sorted(JOURNEYS.glob(f"capability_{number}*.rules"))
    return book_of(*((path.name, path.read_text(encoding="utf-8")) for path in files))


def example(name: str) -> Rulebook:
    """The rule set of a brand that ships as an example."""
    path = EXAMPLES / f"{name}.rules"
    return book_of((path.name, path.read_text(encoding="utf-8")))


def numbers(count: int, first: int = 0) -> list[str]:
    """So many phones."""
    return [f"316{place:08}" for place in range(first, first + count)]


class Audience:
    """The phones of one brand. `got` is what each got, oldest first."""

    def __init__(self, store: Store, book: Rulebook, brand: str, prices: Prices | None = None) -> None:
        self.phones = Phones(store, book)
        self.brand = brand
        self.book = book
        self.number = book.brands[brand].numbers[0]
        self.prices = prices or Prices()
        self.phones.ways.outfit("https://sms.example", 0, Suppressions(), self.prices.price_of)
        self.got: dict[str, list[Claim]] = {}
        with store.begin() as tx:
            timers.enlist(tx, book, self.phones.world.now())

    # ---- what phones and shops do

    def agree(self, addresses: Iterable[str]) -> None:
        """They have said yes on paper."""
        said = enumerate(addresses, 2)
        rows = [Consent(line, one, NOW - 1, "Ja, ik wil tips", "paper", "scan", "") for line, one in said]
        order = Order(self.brand, "promotional", "", "crm@shop.example")
        told = Import(self.phones.store, self.phones.world, Suppressions(), order).run(rows)
        assert {one.outcome for one in told} == {"taken"}

    def write(self, addresses: Iterable[str], text: str) -> None:
        """Each of them texts that."""
        self._in_groups([self.phones.text(one, text, recipient=self.number) for one in addresses], "inbound")

    def happen(self, addresses: Iterable[str], name: str, source: Any = "api", key: str = "", **values: Any) -> None:
        """An event for each of them."""
        now, ids, ref = self.phones.world.now(), self.phones.world.ids, str(values.pop("ref", ""))
        events = [
            Occurrence(
                id=ids.next(now), brand=self.brand, address=address, name=name, source=source, values=values, at=now,
                received_at=now, key=key, ref=ref,
            )
            for address in addresses
        ]  # fmt: skip
        self._in_groups(events, "occurrences")

    def click(self, addresses: Iterable[str]) -> None:
        """Each follows the link of its last text."""
        names = dict(self._query("SELECT code, name FROM links"))
        for address in addresses:
            code = self.last(address).rpartition("/l/")[2].split(" ")[0]
            self.happen([address], names[code], "click", code)

    def later(self, microseconds: int) -> None:
        """Time goes by; what falls due is done at its instant."""
        world = self.phones.world
        end = world.now() + microseconds
        while (due := self._look()) is not None and due <= end:
            world.at = due
        world.at = end
        self._look()

    # ---- what came of it

    def texts(self, address: str) -> list[str]:
        """What a phone got."""
        return [claim.text for claim in self.got.get(address, [])]

    def last(self, address: str) -> str:
        """The last text that a phone got."""
        return self.texts(address)[-1]

    def reasons(self) -> list[str]:
        """Why texts were withheld, oldest first."""
        return [reason for (reason,) in self._query("SELECT reason FROM outbox WHERE state = 'withheld' ORDER BY id")]

    def measured(self, by: str = "rule", days: int = 90) -> Measured:
        """The figures of the days since the beginning."""
        period = Period(NOW - DAY, NOW + days * DAY)
        pages = Pages(self.phones.store)
        return measure(pages, period, self.prices, self.brand, measures_of(self.book), origins=by == "keyword")

    def report(self, by: str = "rule", days: int = 90) -> dict[str, Any]:
        """What `kwek stats --by` and GET /v1/stats tell."""
        asked = Asked("2026-01-04", "2026-04-04", "UTC", self.brand, by, 2.0)
        return report(self.measured(by, days), asked)

    def page(self, by: str = "rule", days: int = 90) -> list[str]:
        """The same for people."""
        return page(self.report(by, days))

    # ---- within

    def _in_groups(self, causes: list[Any], kind: str) -> None:
        for start in range(0, len(causes), GROUP):
            self._taken(self.phones.commit(room=ROOM, **{kind: causes[start : start + GROUP]}).claims)
        self._look()

    def _look(self) -> int | None:
        """Do what is due, and tell when something is again."""
        for _ in range(MOST_LOOKS):
            done = self.phones.commit(room=ROOM, due=True, claim=True)
            self._taken(done.claims)
            if not done.claims and (done.next_due is None or done.next_due > self.phones.world.now()):
                return done.next_due
        raise AssertionError("something falls due without end")

    def _taken(self, claims: list[Claim]) -> None:
        for claim in claims:
            self.got.setdefault(claim.address, []).append(claim)
        ids = {claim.id: f"m{claim.id}" for claim in claims}
        if ids:
            self.phones.commit(outcomes=[self.phones.sent(claim, ids[claim.id]) for claim in claims])
            receipts: list[ReceiptIn] = [self.phones.receipt(name) for name in ids.values()]
            self.phones.commit(receipts=receipts)

    def _query(self, sql: str) -> list[Any]:
        with self.phones.store.begin() as tx:
            return list(tx.execute(sql))
