"""One simulated stretch of time from its seed: load and faults, then healing, draining, and the ledger.

The same seed gives the same run, event for event: `Run.digest` is a hash of everything that arrived anywhere. So a
finding is replayed by its seed, and changes nothing but with the code.
"""

from __future__ import annotations

import asyncio
import gc
import shutil
import sys
import tempfile
import time
from collections.abc import Iterator, Mapping, MutableMapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from random import Random
from typing import Any

import structlog

from gateway.simulation.loop import Stuck, VirtualLoop
from gateway.simulation.scenario import Plan, Scenario
from gateway.torture.ledger import Verdict

MEMORY = Path("/dev/shm")
"""Where a file needs no disk: the simulation's own time does not depend on one."""
SHOWN = 40
"""Last events that a finding shows."""


@dataclass(frozen=True, slots=True)
class Finding:
    """Something that must not be: the promise, a sentence, and how to see it again."""

    seed: int
    hours: float
    promise: str
    what: str
    at: float
    last: tuple[str, ...] = field(default=(), repr=False)

    def __str__(self) -> str:
        """For people."""
        return "\n".join(
            (
                f"{self.promise}: {self.what}",
                f"  seed {self.seed}, {self.at:.3f} virtual seconds in",
                f"  again: kwek torture --simulate --seed {self.seed} --hours {self.hours!r}",
                *(f"    {line}" for line in self.last),
            )
        )


@dataclass(frozen=True, slots=True)
class Run:
    """What one run came to. Seconds; `texts` that phones sent, `messages` that the centre got."""

    seed: int
    virtual_s: float
    real_s: float
    texts: int
    messages: int
    lives: int
    events: int
    digest: str
    faults: dict[str, int]
    points: dict[str, int]
    """How often each named point was passed."""
    verdict: Verdict
    """The ledger."""
    counts: Mapping[str, int]
    """What the scenario counted besides."""
    findings: tuple[Finding, ...]

    @property
    def line(self) -> str:
        """The run in one line."""
        faster = self.virtual_s / self.real_s
        return (
            f"seed {self.seed}: {self.virtual_s:.0f} virtual s in {self.real_s:.1f} s ({faster:.0f} times as fast), "
            f"{self.texts} texts, {self.messages} messages, {self.lives} lives, {sum(self.faults.values())} faults, "
            f"{len(self.findings)} findings, {self.digest}"
        )


def simulate(seed: int, hours: float) -> Run:
    """Run one seed for so many virtual hours."""
    return run_plan(seed, Plan.of(hours))


def run_plan(seed: int, plan: Plan, kind: type[Scenario] = Scenario) -> Run:
    """Run a plan from a seed, as a kind of scenario."""
    began = time.perf_counter()
    random = Random(f"{seed}/{plan.hours:.4f}")
    loop = VirtualLoop(Random(random.random()))
    with _quiet(), _unmourned(), _folder() as folder:
        scenario = kind(loop, plan, random, folder)
        troubles: list[tuple[str, str]] = []
        try:
            with asyncio.Runner(loop_factory=lambda: loop) as runner:
                runner.run(scenario.play())
        except Stuck as error:
            troubles.append(("L9", str(error)))
        verdict = scenario.verdict()
        troubles += [(line.name, said) for line in verdict.broken for said in line.findings]
        troubles += [("L9", said) for said in scenario.surprises]
        last = tuple(scenario.trace.last(SHOWN))
        return Run(
            seed=seed,
            virtual_s=loop.time(),
            real_s=time.perf_counter() - began,
            texts=scenario.texts,
            messages=scenario.centre.counters["submit_sm received"],
            lives=scenario.machine.lives,
            events=scenario.trace.events,
            digest=scenario.trace.digest,
            faults=dict(sorted(scenario.chaos.made.items())),
            points=dict(sorted(scenario.machine.doom.passed.items())),
            verdict=verdict,
            counts=scenario.counts,
            findings=tuple(Finding(seed, plan.hours, promise, what, loop.time(), last) for promise, what in troubles),
        )


@contextmanager
def _folder() -> Iterator[Path]:
    folder = Path(tempfile.mkdtemp(prefix="kwek-", dir=MEMORY if MEMORY.is_dir() else None))
    try:
        yield folder
    finally:
        shutil.rmtree(folder)


@contextmanager
def _quiet() -> Iterator[None]:
    """The gateway's log tells of faults that were made: here they stand in the trace."""
    before: dict[str, Any] = structlog.get_config()
    structlog.configure(processors=[_dropped])
    try:
        yield
    finally:
        structlog.configure(**before)


@contextmanager
def _unmourned() -> Iterator[None]:
    """What the dead leave half done is complained of when the collector finds it: so it is made to find it here."""
    before = sys.unraisablehook

    def hook(found: Any) -> None:
        if "ignored GeneratorExit" not in str(found.exc_value):
            before(found)

    sys.unraisablehook = hook
    try:
        yield
    finally:
        gc.collect()
        sys.unraisablehook = before


def _dropped(logger: Any, name: str, event: MutableMapping[str, Any]) -> str:
    raise structlog.DropEvent
