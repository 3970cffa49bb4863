"""Row 32 with drips under way: opt-outs in every way there is, at the very moment that a step falls due, quiet hours
end, a sample is decided, an event or a click begins something. After the answer to an opt-out nothing of a brand that
it silenced goes to that phone but one confirmation, and no drip of it stands or rises until the phone says otherwise.
"""

import os
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import ExitStack, closing
from functools import partial

import pytest

from gateway.exchange import Exchange
from router.perform import Performance
from router.store import statements, statements_events
from router.store.engine import Store, Tx, make_engine
from tests.sabotage import builds
from tests.support.drip_races import WAYS, Races
from tests.support.interleavings import played, played_in_memory
from tests.support.postgres import PostgresDatabases, postgres_databases

RACES = int(os.environ.get("KWEK_DRIP_STOPS", "2000"))
ENOUGH = 2_000
"""Races within which a broken build is found, in every second seed or so."""
SEEDS = 10
"""Of which one must find it: less than once in a thousand changes of anything none does by chance."""
NODE_RACES = RACES // 20
"""On two nodes: each step waits for PostgreSQL."""
SEED = int(os.environ.get("SEED", "1"))
WAVES = 40
"""On one store: what eight phones leave behind makes the next queries a little dearer."""
UNDER_WAY = {
    "step", "due", "held", "wait", "event", "sample", "question", "confirm", "quiet hours", "ready", "claimed",
    "octets", "events",
}  # fmt: skip
"""What opt-outs are to meet: runs that wait for a step, are due now, wait for hours, a time, an event, a sample, an
answer; texts in the outbox and on their way to the kernel; events that are not performed yet."""


def until(one: Races, enough: int) -> None:
    """Wave after wave, until so many opt-outs have raced with something, or something is broken."""
    for _ in range(WAVES):
        one.wave()
        if one.broken or sum(one.raced.values()) >= enough:
            return


def races(seed: int, enough: int) -> Races:
    return played_in_memory(partial(Races, seed=seed), lambda one: until(one, enough))


@pytest.fixture(scope="module")
def postgres() -> Iterator[PostgresDatabases]:
    with postgres_databases() as databases:
        yield databases


def node_races(postgres: PostgresDatabases, seed: int, enough: int) -> Races:
    """Texts, pages and events come by way of either of two nodes, and either performs what falls due."""
    with postgres.database() as url, ExitStack() as opened:
        stores = [opened.enter_context(closing(Store(url, make_engine(url), None))) for _ in range(2)]
        return played(partial(Races, *stores, seed=seed), lambda one: until(one, enough))


class Figures:
    """What races came to, seed after seed."""

    def __init__(self, race: Callable[[int, int], Races], enough: int) -> None:
        self.raced, self.under_way, self.sent = Counter[str](), Counter[str](), Counter[str]()
        self.stops, seed = 0, SEED
        while sum(self.raced.values()) < enough:
            one = race(seed, enough - sum(self.raced.values()))
            assert one.broken == [], f"seed {seed}"
            self.stops += one.stops
            for mine, its in ((self.raced, one.raced), (self.under_way, one.under_way), (self.sent, one.sent)):
                mine.update(its)
            seed += 1
        total = sum(self.raced.values())
        print(f"{self.stops} opt-outs answered, {total} of them while something was under way: {dict(self.raced)}")
        print(f"under way: {dict(self.under_way)}; sent: {dict(self.sent)}; seeds {SEED} to {seed - 1}")


@pytest.mark.timeout(0)
def test_row_32_no_race_with_what_drips_do_is_lost() -> None:
    found = Figures(races, RACES)
    assert found.raced.keys() == {way.name for way in WAYS}
    assert found.under_way.keys() >= UNDER_WAY
    assert found.sent["promotional"] > RACES // 10, "there is something to be silent of"


@pytest.mark.timeout(0)
def test_row_32_nor_between_two_nodes_on_postgresql(postgres: PostgresDatabases) -> None:
    found = Figures(partial(node_races, postgres), NODE_RACES)
    assert found.raced.keys() == {way.name for way in WAYS}
    assert found.sent["promotional"] > NODE_RACES // 10


def runs_are_left(patch: pytest.MonkeyPatch) -> None:
    """An opt-out ends no run."""
    patch.setattr(statements.delete_runs_of_brand, "run", lambda *_: None)


def enrolments_are_left(patch: pytest.MonkeyPatch) -> None:
    """An opt-out ends no enrolment."""
    patch.setattr(statements_events.end_enrolments_of, "run", lambda *_: None)


def pages_answer_at_once(patch: pytest.MonkeyPatch) -> None:
    """A page says that it is done when that is on disk."""
    patch.setattr(Exchange, "_take_out", lambda self, id: self._intake.take_out(id))


def pages_stop_nothing(patch: pytest.MonkeyPatch) -> None:
    """An opt-out by a page is no STOP to whoever writes."""
    write = Performance.write

    def written(self: Performance, tx: Tx) -> None:
        write(self, tx)
        self.stops = [one for one in self.stops if self._inbound]

    patch.setattr(Performance, "write", written)


@pytest.mark.parametrize(
    "build",
    [
        runs_are_left, enrolments_are_left, pages_answer_at_once, pages_stop_nothing, builds.no_barrier,
        builds.consent_not_asked, builds.stop_leaves_what_waits,
    ],
    ids=lambda build: build.__name__,
)  # fmt: skip
def test_row_32_each_part_of_it_is_missed_when_drips_are_under_way(
    monkeypatch: pytest.MonkeyPatch, build: Callable[[pytest.MonkeyPatch], None]
) -> None:
    build(monkeypatch)
    raced = (races(seed, ENOUGH) for seed in range(1, SEEDS + 1))
    found = next((one.broken[0] for one in raced if one.broken), "")
    print(f"{build.__name__}: {found}")
    assert found


def test_row_32_between_nodes_the_barrier_is_missed(
    postgres: PostgresDatabases, monkeypatch: pytest.MonkeyPatch
) -> None:
    builds.no_barrier(monkeypatch)
    raced = (node_races(postgres, seed, ENOUGH // 4) for seed in range(1, SEEDS + 1))
    found = next((one.broken[0] for one in raced if one.broken), "")
    print(f"no_barrier: {found}")
    assert found
