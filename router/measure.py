"""Measuring a period from the store: pages of rows by their ids, merged in order of time and counted by router.figures.

Each page is a transaction of its own, so nobody waits for a long read. A text is counted once, in the state that it has
when its page is read.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Final, TypeVar

from router.figures import CREDITED_WITHIN, Came, Counting, Key, Sent
from router.prices import Prices
from router.statistics import HIGHEST_SCORE
from router.store import statements_statistics as sql
from router.store.engine import Row
from router.store.reader import Reader
from router.store.sql import Statement
from router.store.values import loads
from router.world import first_id_at

T = TypeVar("T")

PAGE: Final = 5_000
"""Rows read in one transaction: a few milliseconds on SQLite, which no checkpoint notices."""
MOST_VALUES: Final = 1_000
"""Different values of one record that are told apart; the rest of them counts as OTHER."""
OTHER: Final = "(others)"
NPS: Final = "nps"
"""Records of this name, or that begin with it and an underscore, are scores from 0 to 10."""


@dataclass(slots=True)
class Noted:
    """What contacts said under one name: each one's first value, and last score."""

    values: dict[int, str] = field(default_factory=dict)
    scores: dict[int, int] = field(default_factory=dict)


@dataclass(slots=True)
class Measured:
    """What a period came to; `noted` by brand and name, `samples` a text of each step."""

    counting: Counting
    noted: dict[tuple[str, str], Noted]
    samples: dict[Key, str]


@dataclass(frozen=True, slots=True)
class Period:
    """From `since` to just before `until`, in microseconds since 1970 UTC."""

    since: int
    until: int


def measure(
    reader: Reader, period: Period, prices: Prices, brand: str | None = None, page: Callable[[], None] | None = None
) -> Measured:
    """Count a period, of one brand or of all. `page` is called after each page. Raises StoreError."""
    since, until = first_id_at(period.since), first_id_at(period.until)
    after = first_id_at(period.until + CREDITED_WITHIN)
    counting = Counting(prices, until)
    statement = sql.sent_with_addresses if prices.longest else sql.sent
    events = _pages(reader, sql.came, Came._make, (since, after), page)
    event = next(events, None)
    for row in _pages(reader, statement, Sent._make, (since, after), page):
        while event is not None and event.id < row.id:
            if brand is None or event.brand in (brand, None):
                counting.came(event)
            event = next(events, None)
        if brand is None or row.brand == brand:
            counting.sent(row)
    while event is not None:
        if brand is None or event.brand in (brand, None):
            counting.came(event)
        event = next(events, None)
    noted = _noted(reader, (since, until), brand, page)
    return Measured(counting, noted, _samples(reader, counting))


def entries(reader: Reader, period: Period, brand: str, name: str) -> list[str]:
    """The numbers of the contacts for whom a record of that name was written, each once. Raises StoreError."""
    stretch = (first_id_at(period.since), first_id_at(period.until))
    who = sorted(
        {row[1] for row in _pages(reader, sql.noted, _same, stretch, None) if (row[2], row[3]) == (brand, name)}
    )
    found: list[str] = []
    for start in range(0, len(who), PAGE):
        with reader.begin() as tx:
            found += [row[1] for row in sql.addresses_of.rows(tx, who[start : start + PAGE])]
    return found


def _pages(
    reader: Reader, statement: Statement, make: Callable[[Row], T], stretch: tuple[int, int],
    page: Callable[[], None] | None,
) -> Iterator[T]:  # fmt: skip
    """The rows of a stretch of ids, page by page."""
    after, until = stretch[0] - 1, stretch[1]
    while True:
        with reader.begin() as tx:
            rows = statement.rows(tx, after, until, PAGE)
        if page is not None:
            page()
        yield from map(make, rows)
        if len(rows) < PAGE:
            return
        after = rows[-1][0]


def _same(row: Row) -> Row:
    return row


def _noted(
    reader: Reader, stretch: tuple[int, int], brand: str | None, page: Callable[[], None] | None
) -> dict[tuple[str, str], Noted]:
    """What was written down in a stretch."""
    found: dict[tuple[str, str], Noted] = {}
    different: dict[tuple[str, str], set[str]] = {}
    for _, contact_id, of_brand, name, kept in _pages(reader, sql.noted, _same, stretch, page):
        if brand is not None and of_brand != brand:
            continue
        noted = found.setdefault((of_brand, name), Noted())
        value = loads(kept).get("value")
        if is_score(name) and isinstance(value, int) and 0 <= value <= HIGHEST_SCORE:
            noted.scores[contact_id] = value
            continue
        seen = different.setdefault((of_brand, name), set())
        said = str(value)
        if said not in seen:
            said = said if len(seen) < MOST_VALUES else OTHER
            seen.add(said)
        noted.values.setdefault(contact_id, said)
    return found


def is_score(name: str) -> bool:
    """Whether records of that name are scores of the NPS question."""
    return name == NPS or name.startswith(f"{NPS}_")


def _samples(reader: Reader, counting: Counting) -> dict[Key, str]:
    """The last text of each step: what a person knows it by."""
    by_id = {figures.sample_id: key for key, figures in counting.figures.items()}
    ids = sorted(by_id)
    found: dict[Key, str] = {}
    for start in range(0, len(ids), PAGE):
        with reader.begin() as tx:
            found |= {by_id[id]: text for id, text in sql.texts_of.rows(tx, ids[start : start + PAGE])}
    return found
