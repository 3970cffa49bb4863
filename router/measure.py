"""Measuring a period from the store: pages of rows by their ids, merged in order of time and counted by router.figures.

Each page is a transaction of its own, so nobody waits for a long read. A text is counted once, in the state that it has
when its page is read.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from heapq import merge
from typing import Final, TypeVar

import msgspec

from router.counted import GIVEN, REVOKED, Came, Clicked, Converted, Happened, Key, Sent
from router.figures import CREDITED_WITHIN, Counting
from router.measures import CLICK, Measures
from router.prices import Prices
from router.statistics import HIGHEST_SCORE
from router.store import statements_statistics as sql
from router.store.engine import Row
from router.store.reading import Begins
from router.store.sql import Statement
from router.store.values import loads
from router.world import first_id_at

T = TypeVar("T")
PAGE: Final = 5_000
"""Rows read in one transaction: a few milliseconds on SQLite, which no checkpoint notices."""
MOST_VALUES: Final = 1_000
"""Different values of one record that are told apart; the rest of them counts as OTHER."""
OTHER: Final = "(others)"
LONGEST_LINK: Final = 80
"""Characters of an address that a link without a name is known by."""
NPS: Final = "nps"
"""Records of this name, or that begin with it and an underscore, are scores from 0 to 10."""
_NONE: Final = Measures()
_BRAND: Final = Sent._fields.index("brand")
_GIVEN, _TAKEN_BACK = ("grant", "confirm"), "revoke"


@dataclass(frozen=True, slots=True)
class Period:
    """From `since` to just before `until`, in microseconds since 1970 UTC."""

    since: int
    until: int


@dataclass(slots=True)
class Noted:
    """What contacts said under one name: each one's first value, and last score."""

    values: dict[int, str] = field(default_factory=dict)
    scores: dict[int, int] = field(default_factory=dict)


@dataclass(slots=True)
class Measured:
    """What a period came to; `noted` by brand and name, `samples` a text of each step, `measures` as for `measure`."""

    counting: Counting
    noted: dict[tuple[str, str], Noted]
    samples: dict[Key, str]
    measures: Measures = _NONE


class _Event(msgspec.Struct, frozen=True):
    """What is looked at of a ledger's details (router.ledger.Record)."""

    action: str
    method: str = ""
    mo_id: int = 0
    pending: bool = False


class Pages:
    """Reads a store page by page; `look` is called before each, and may count or wait."""

    def __init__(self, store: Begins, look: Callable[[], None] | None = None) -> None:
        self._store = store
        self._look = look

    def rows(self, statement: Statement, *arguments: object) -> list[Row]:
        """What one statement gives, in a transaction of its own. Raises StoreError."""
        if self._look is not None:
            self._look()
        with self._store.begin() as tx:
            return statement.rows(tx, *arguments)

    def stretch(self, statement: Statement, since_id: int, until_id: int, *more: object) -> Iterator[Row]:
        """The rows of a stretch of ids."""
        after = since_id - 1
        while True:
            rows = self.rows(statement, after, until_id, PAGE, *more)
            yield from rows
            if len(rows) < PAGE:
                return
            after = rows[-1][0]

    def found(self, statement: Statement, ids: list[int]) -> Iterator[Row]:
        """The rows of those ids."""
        for start in range(0, len(ids), PAGE):
            yield from self.rows(statement, ids[start : start + PAGE])


def measure(
    pages: Pages,
    period: Period,
    prices: Prices,
    brand: str | None = None,
    measures: Measures = _NONE,
    *,
    origins: bool = False,
) -> Measured:
    """Count a period, of one brand or of all; of one, nothing is told that is of no brand. With `origins` a drip is
    counted, too, with the keyword that began it. Raises StoreError."""
    since, until = first_id_at(period.since), first_id_at(period.until)
    after = first_id_at(period.until + CREDITED_WITHIN)
    counting = Counting(prices, (since, until))
    wanted: Callable[[str | None], bool] = lambda one: brand is None or one == brand  # noqa: E731  # asked per row
    came = pages.stretch(sql.came, since, after)
    consents = _consents(pages, since, after, wanted)
    events = merge(came, *consents) if consents else came
    event = next(events, None)
    with_addresses = prices.longest > 0
    digits = (prices.longest,) if with_addresses else ()
    for row in pages.stretch(sql.SENT[with_addresses, origins], since, after, *digits):
        while event is not None and event[0] < row[0]:
            if wanted(event[3]) or _is_for_all(event):
                counting.came(event)
            event = next(events, None)
        if wanted(row[_BRAND]):
            counting.sent(row)
    while event is not None:
        if wanted(event[3]) or _is_for_all(event):
            counting.came(event)
        event = next(events, None)
    counting.finish()
    for click in _clicks(pages, period, origins):
        if wanted(click.brand):
            counting.clicked(click)
    for goal in _goals(pages, since, until, origins):
        if wanted(goal.brand):
            counting.converted(goal)
    for goal in _late_goals(pages, period, measures, origins):
        if wanted(goal.brand):
            counting.converted(goal)
    for one in _events(pages, (since, after), measures):
        counting.happened(one)
    return Measured(counting, _noted(pages, (since, until), wanted), _samples(pages, counting), measures)


def entries(pages: Pages, period: Period, brand: str, name: str) -> list[str]:
    """The numbers of the contacts for whom the brand recorded that name in a period, each once. Raises StoreError."""
    noted = pages.stretch(sql.noted, first_id_at(period.since), first_id_at(period.until))
    who = sorted({row[1] for row in noted if (row[2], row[3]) == (brand, name)})
    return [row[1] for row in pages.found(sql.addresses_of, who)]


def is_score(name: str) -> bool:
    """Whether records of that name are scores of the NPS question."""
    return name == NPS or name.startswith(f"{NPS}_")


def _consents(pages: Pages, since_id: int, until_id: int, wanted: Callable[[str | None], bool]) -> list[Iterator[Row]]:
    """Consents given and taken back, of each brand in the order of its chain."""
    return [
        _chain(pages, brand, _place_in(pages, brand, last, since_id), until_id)
        for brand, last in pages.rows(sql.chains)
        if wanted(brand)
    ]


def _place_in(pages: Pages, brand: str, last: int, since_id: int) -> int:
    """How many rows of a chain come before an id: found by halving, for its rows are in the order of their ids."""
    low, high = 0, last
    while low < high:
        middle = (low + high) // 2
        if pages.rows(sql.id_at, brand, middle + 1)[0][0] < since_id:
            low = middle + 1
        else:
            high = middle
    return low


def _chain(pages: Pages, brand: str, after: int, until_id: int) -> Iterator[Row]:
    while True:
        rows = pages.rows(sql.consented, brand, after, until_id, PAGE)
        told = [(row, msgspec.json.decode(row[3], type=_Event)) for row in rows]
        texts = [event.mo_id for _, event in told if event.action in _GIVEN and event.mo_id]
        rules: dict[int, str] = dict(row[:2] for row in pages.found(sql.rules_of, texts))
        for (_, id, contact_id, _), event in told:
            if event.action == _TAKEN_BACK:
                yield Came(id, contact_id, "", brand, REVOKED, "")
            elif event.action in _GIVEN and not event.pending:
                yield Came(id, contact_id, "", brand, GIVEN, rules.get(event.mo_id, ""))
        if len(rows) < PAGE:
            return
        after = rows[-1][0]


def _is_for_all(event: Row) -> bool:
    """Whether it is a STOP that every brand on the number has to hear."""
    return event[3] is None and event[4] == "opted_out"


def _clicks(pages: Pages, period: Period, origins: bool) -> Iterator[Clicked]:
    """First clicks, in their order."""
    at, code, until = period.since, "", period.until + CREDITED_WITHIN
    while True:
        rows = pages.rows(sql.clicked, at, code, until, PAGE)
        rules = _rules_of(pages, [row[-1] for row in rows] if origins else [])
        for clicked_at, _, contact_id, brand, rule, step, created_at, name, target, times, caused_by in rows:
            at_id, sent_id, link = first_id_at(clicked_at), first_id_at(created_at), name or target[:LONGEST_LINK]
            origin = rules.get(caused_by, "")
            yield Clicked(at_id, contact_id, brand, rule, step, sent_id, link, times, origin)
        if len(rows) < PAGE:
            return
        at, code = rows[-1][:2]


def _goals(pages: Pages, since_id: int, until_id: int, origins: bool) -> Iterator[Converted]:
    """Who reached the goal of a drip that was entered by a cause of a stretch of ids."""
    cause_id, drip = since_id, ""
    while True:
        rows = pages.rows(sql.goals, cause_id, drip, until_id, PAGE)
        rules = _rules_of(pages, [row[0] for row in rows] if origins else [])
        for caused_by, name, contact_id, brand, ended_at in rows:
            at_id, rule = first_id_at(ended_at), f"{brand}/drip {name}"
            yield Converted(at_id, contact_id, brand, rule, caused_by, rules.get(caused_by, ""))
        if len(rows) < PAGE:
            return
        cause_id, drip = rows[-1][:2]


def _late_goals(pages: Pages, period: Period, measures: Measures, origins: bool) -> Iterator[Converted]:
    """Who met with the goal of a drip after its last text, and in time."""
    goals = measures.goals
    if not goals:
        return
    names = sorted({goal.event for goal in goals.values()})
    last_id = first_id_at(max(goal.until(period.until) for goal in goals.values()))
    seen: set[tuple[int, str, str]] = set()
    event_id, drip = first_id_at(period.since), ""
    while True:
        rows = pages.rows(sql.late_goals, event_id, drip, last_id, PAGE, names)
        rules = _rules_of(pages, [row[5] for row in rows] if origins else [])
        for _, drip, contact_id, brand, name, caused_by, entered_at, at in rows:
            goal, once = goals.get((brand, drip)), (contact_id, brand, drip)
            if goal is None or goal.event != name or once in seen or not entered_at <= at <= goal.until(entered_at):
                continue
            seen.add(once)
            origin = rules.get(caused_by, "")
            yield Converted(first_id_at(at), contact_id, brand, f"{brand}/drip {drip}", caused_by, origin)
        if len(rows) < PAGE:
            return
        event_id, drip = rows[-1][:2]


def _rules_of(pages: Pages, texts: Iterable[int]) -> dict[int, str]:
    """The rules that took these texts; ids of what is no text are left out."""
    return dict(row[:2] for row in pages.found(sql.rules_of, sorted(set(texts))))


def _events(pages: Pages, stretch: tuple[int, int], measures: Measures) -> Iterator[Happened]:
    """What happened in a stretch of ids and measures a split."""
    splits: dict[tuple[str, str], list[str]] = {}
    for (brand, split), event in measures.splits.items():
        if event != CLICK:
            splits.setdefault((brand, event), []).append(split)
    if not splits:
        return
    names = sorted({event for _, event in splits})
    for _, contact_id, brand, name, at in pages.stretch(sql.happened, *stretch, names):
        for split in splits.get((brand, name), ()):
            yield Happened(first_id_at(at), contact_id, brand, split)


def _noted(
    pages: Pages, stretch: tuple[int, int], wanted: Callable[[str | None], bool]
) -> dict[tuple[str, str], Noted]:
    """What was written down in a stretch."""
    found: dict[tuple[str, str], Noted] = {}
    different: dict[tuple[str, str], set[str]] = {}
    for _, contact_id, brand, name, kept in pages.stretch(sql.noted, *stretch):
        if not wanted(brand):
            continue
        noted = found.setdefault((brand, name), Noted())
        value = loads(kept).get("value")
        if is_score(name) and isinstance(value, int) and 0 <= value <= HIGHEST_SCORE:
            noted.scores[contact_id] = value
            continue
        seen = different.setdefault((brand, name), set())
        said = str(value)
        if said not in seen:
            said = said if len(seen) < MOST_VALUES else OTHER
            seen.add(said)
        noted.values.setdefault(contact_id, said)
    return found


def _samples(pages: Pages, counting: Counting) -> dict[Key, str]:
    """The last text of each step: what a person knows it by."""
    by_id = {figures.sample_id: key for key, figures in counting.figures.items()}
    return {by_id[id]: text for id, text in pages.found(sql.texts_of, sorted(by_id))}
