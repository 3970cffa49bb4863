"""The whole sitting: what the gateway carries, beside the generator's ceiling, a bare durable loop, and Kannel.

`python -m tests.bench.run [--quick] [--only echo,bare,kwek,kannel,postgres,memory,stages] [--write-docs]`

Everything shares this machine's cores with the generator. Each figure is the median of ROUNDS runs; the gateways take
turns within a round, so that a slow minute of the machine meets all of them. Half load follows when the medians are
known: it is half of what the same gateway did at window 50. The tables go to standard output, and with --write-docs
into docs/performance.md. Ends with 1 when anything was lost, doubled or answered wrongly, or kwek gave no figures.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
from collections import defaultdict
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from statistics import median

from tests.bench import bench_stages, load, tables
from tests.bench.load import Gateway, Load, LoadError, Result, Watched
from tests.support.postgres import postgres_databases

WINDOWS = (10, 50, 200)
PARTS = ("echo", "bare", "kwek", "kannel", "postgres", "memory", "stages")
HALF = "half"
LONG_S = 40.0
"""How long the load lasts under which memory is watched, in seconds."""
WARM_SHARE = 0.15
"""Messages of the warm-up, as a share of those measured."""

GUESSES = {
    "echo": 40_000,
    "bare": 15_000,
    "kwek": 4_000,
    "postgres": 2_500,
    "kannel none": 5_000,
    "kannel spool": 2_500,
}
"""Loops a second before anything is known, so that a first run lasts about as long as it should."""

Runner = Callable[[Load], Watched]


@dataclass(slots=True)
class Sitting:
    """What has been measured: by gateway, then by window (or HALF), a result for each round."""

    seconds: float
    rounds: int
    results: dict[str, dict[int | str, list[Watched]]] = field(
        default_factory=lambda: defaultdict(lambda: defaultdict(list))
    )
    troubles: dict[str, str] = field(default_factory=dict)
    """Gateways of which a run gave no figures, and why; one whose very first run failed is left out from then on."""

    def rate(self, name: str, window: int) -> float:
        """Loops a second of this gateway at that window, as far as it is known."""
        known = [watched.result.loops_per_s for watched in self.results[name][window]]
        return median(known) if any(known) else GUESSES[name]

    def load(self, name: str, window: int) -> Load:
        """A load that keeps so many loops open and lasts `seconds`."""
        messages = max(500, int(self.rate(name, window) * self.seconds))
        return Load(messages, window, warmup=int(messages * WARM_SHARE))

    def half(self, name: str) -> Load:
        """Half of what it did at window 50, at a fixed rate."""
        rate = self.rate(name, 50) / 2
        messages = max(300, int(rate * self.seconds))
        return Load(messages, 0, rate, warmup=int(messages * WARM_SHARE))

    def take(self, name: str, key: int | str, one: Load, run: Runner) -> None:
        """One run of one gateway, said in one line."""
        if name in self.troubles and not self.results[name]:
            return
        try:
            watched = run(one)
        except LoadError as error:
            self.troubles[name] = str(error)
            print(f"{name:<13} gave no figures: {error}", flush=True)
            return
        self.results[name][key].append(watched)
        print(_line(name, key, watched.result), flush=True)

    @property
    def faults(self) -> list[str]:
        """Runs in which a message was lost, answered twice, or answered wrongly."""
        return [
            f"{name} at {key}: {one.lost} lost, {one.duplicates} doubled, {one.bad_text} wrong, {one.nacked} refused"
            for name, by_key in self.results.items()
            for key, watched in by_key.items()
            for one in (each.result for each in watched)
            if one.lost or one.duplicates or one.bad_text or one.nacked or one.how != "complete"
        ]


def _line(name: str, key: int | str, result: Result) -> str:
    where = f"{result.rate:.0f}/s offered" if result.rate else f"window {key}"
    return (
        f"{name:<13} {where:<16} {result.loops_per_s:>8,.0f} loops/s  p50 {result.lat_ms.p50} p99 {result.lat_ms.p99}"
        f" ms  lost {result.lost} doubled {result.duplicates}  others used {result.disturbed:.0%} of the machine"
    )


@contextmanager
def _folder() -> Iterator[Path]:
    with tempfile.TemporaryDirectory(prefix="kwek-bench-") as name:
        yield Path(name)


def _runner(make: Callable[[], Gateway]) -> Runner:
    def run(one: Load) -> Watched:
        with _folder() as folder:
            return load.measure(make(), one, folder)

    return run


def _kannel(store: load.Kannel) -> Runner:
    return lambda one: Watched(load.kannel(store, one))


def runners(parts: frozenset[str]) -> dict[str, Runner]:
    """The gateways that take turns, in the order of the table."""
    every: dict[str, Runner] = {
        "echo": _runner(load.echo),
        "bare": _runner(load.bare),
        "kwek": _runner(load.kwek),
        "kannel none": _kannel("none"),
        "kannel spool": _kannel("spool"),
    }
    return {name: run for name, run in every.items() if name.split()[0] in parts}


def measure(sitting: Sitting, parts: frozenset[str]) -> None:
    """All runs of the sitting, one after another."""
    taking_turns = runners(parts)
    for number in range(sitting.rounds):
        print(f"-- round {number + 1} of {sitting.rounds}", flush=True)
        for window in WINDOWS:
            for name, run in taking_turns.items():
                sitting.take(name, window, sitting.load(name, window), run)
    for number in range(sitting.rounds):
        print(f"-- half load, round {number + 1} of {sitting.rounds}", flush=True)
        for name, run in taking_turns.items():
            if name != "echo":
                sitting.take(name, HALF, sitting.half(name), run)
    if "postgres" in parts:
        _on_postgres(sitting)
    if "memory" in parts:
        long = Load(int(sitting.rate("kwek", 50) * min(LONG_S, sitting.seconds * 10)), 50, warmup=500)
        sitting.take("memory", 50, long, _runner(load.kwek))


def _on_postgres(sitting: Sitting) -> None:
    with postgres_databases() as databases:
        for _ in range(sitting.rounds):
            with databases.database() as url:
                run = _runner(lambda url=url: load.kwek(url))  # type: ignore[misc]
                sitting.take("postgres", 50, sitting.load("postgres", 50), run)


def main(arguments: list[str]) -> int:
    """Measure, print, write."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--quick", action="store_true", help="one round of one second each, to see that it works")
    parser.add_argument("--only", default=",".join(PARTS), help="parts of it, with commas between them")
    parser.add_argument("--write-docs", action="store_true", help="put the tables into docs/performance.md")
    chosen = parser.parse_args(arguments)
    parts = frozenset(chosen.only.split(","))
    if unknown := parts - set(PARTS):
        parser.error(f"no part is called {', '.join(sorted(unknown))}; there are {', '.join(PARTS)}")
    load.enter_quick_loopback("tests.bench.run", arguments)
    sitting = Sitting(1.0, 1) if chosen.quick else Sitting(3.5, 3)
    measure(sitting, parts)
    pages = tables.pages(sitting)
    if "stages" in parts:
        pages["stages"] = bench_stages.table(bench_stages.measured(10 if chosen.quick else 60))
    for text in pages.values():
        print(f"\n{text}")
    if chosen.write_docs:
        tables.write(load.ROOT / "docs" / "performance.md", pages)
    for fault in sitting.faults:
        print(f"FAULT: {fault}")
    return 1 if sitting.faults or "kwek" in sitting.troubles else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
