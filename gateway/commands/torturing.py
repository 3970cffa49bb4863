"""`kwek torture`: does this version, on this machine and this store, keep its promises?

Processes are killed for it; with --simulate the whole gateway lives in virtual time, where a seed repeats everything.
"""

from __future__ import annotations

import asyncio
import re
from typing import Annotated, Literal

import typer

from gateway.commands.output import fail
from gateway.exits import Exit

SHORT, LONG = 30, 300
"""Kills of the short and of the long form."""

KINDS_TOLD = (
    "commit.before, commit.after, claims.before, claims.after, answers.before, answers.after, response.read, random, "
    "freeze, deaf, half a long text, recovery.middle"
)
ASKED_FOR_TOLD = "lost-writes, disk-full, cut-commit"
"""gateway.torture.faults.KINDS, spelt out: the help is not to load what a trial needs."""

Store = Annotated[
    str, typer.Option("--store", help="sqlite (a file of its own), or the URL of an empty PostgreSQL database.")
]
Kills = Annotated[
    int | None, typer.Option("--kills", min=1, max=100_000, help=f"How often; {SHORT}, or {LONG} with --long.")
]
Long = Annotated[bool, typer.Option("--long", help="Many kills, and whatever is to be sent again is waited for.")]
Seed = Annotated[int, typer.Option("--seed", min=0, help="Repeats a trial, as far as processes do.")]
Texts = Annotated[
    Literal["unique", "ja"],
    typer.Option("--texts", help="Every text another (each is found again), or nothing but JA (they are counted)."),
]
Only = Annotated[
    list[str] | None,
    typer.Option(
        "--only",
        help=f"Kinds of faults, by commas or given several times: {KINDS_TOLD}; and, made only when named, "
        f"{ASKED_FOR_TOLD} (what was not synced is lost with the process: gcc; the disk has no room: root or gcc; the "
        "link is cut at COMMIT: PostgreSQL).",
    ),
]
Gentle = Annotated[bool, typer.Option("--gentle", help="The message centre behaves.")]
Simulate = Annotated[bool, typer.Option("--simulate", help="In virtual time, on a network in memory: seed after seed.")]
Seeds = Annotated[int, typer.Option("--seeds", min=1, help="How many, from --seed on (--simulate).")]
Hours = Annotated[float, typer.Option("--hours", min=0.01, help="Virtual hours of each seed (--simulate).")]
Equal = Annotated[bool, typer.Option("--equal-texts", help="Nothing but four words, 200 texts a second (--simulate).")]


def torture(  # noqa: PLR0913 - one per option of the command line
    store: Store = "sqlite",
    kills: Kills = None,
    *,
    long: Long = False,
    seed: Seed = 1,
    texts: Texts = "unique",
    only: Only = None,
    gentle: Gentle = False,
    simulate: Simulate = False,
    seeds: Seeds = 1,
    hours: Hours = 0.1667,
    equal_texts: Equal = False,
) -> None:
    """Kill gateways under load before a hostile message centre, and count what became of every promise."""
    import shutil
    import tempfile
    from pathlib import Path

    if simulate:
        _simulate(range(seed, seed + seeds), hours, equal_texts)
        return
    from gateway.torture.carrier import TrialError
    from gateway.torture.faults import KINDS
    from gateway.torture.needs import unmet
    from gateway.torture.run import Orders, Trial

    kinds = tuple(name.strip() for some in only or () for name in some.split(","))
    if unknown := [name for name in kinds if name not in KINDS]:
        raise typer.BadParameter(f"{unknown[0]!r} is none of {', '.join(KINDS)}", param_hint="--only")
    if store != "sqlite" and not re.match(r"postgresql://", store):
        raise typer.BadParameter("it is sqlite, or postgresql://USER@HOST/DATABASE", param_hint="--store")
    if lacking := [f"{name}: {why}" for name in kinds if (why := unmet(name, store))]:
        raise typer.BadParameter("; ".join(lacking), param_hint="--only")
    orders = Orders(
        store=store, kills=kills or (LONG if long else SHORT), seed=seed, texts=texts, only=kinds,
        hostile=not gentle, resends=long,
    )  # fmt: skip
    folder = Path(tempfile.mkdtemp(prefix="kwek-torture-"))
    try:
        report = asyncio.run(Trial(orders, folder, lambda line: print(line, flush=True)).run())
    except TrialError as error:
        fail(Exit.FAILED, error, f"what there is lies in {folder}")
    print(report.table())
    if report.verdict.broken:
        fail(Exit.FAILED, f"promises were broken; journal, database and log lie in {folder}")
    shutil.rmtree(folder)  # nobody needs a trial in which all was well


def _simulate(seeds: range, hours: float, equal: bool) -> None:
    """Seed after seed; the ledger of each, and what was found."""
    from gateway.simulation.equal_texts import equal_texts
    from gateway.simulation.run import simulate

    found = 0
    for seed in seeds:
        run = equal_texts(seed, hours) if equal else simulate(seed, hours)
        print(run.line)
        print(run.verdict.table(), flush=True)
        for finding in run.findings:
            print(finding, flush=True)
        found += len(run.findings)
    if found:
        fail(Exit.FAILED, f"{found} findings; each names its seed, which repeats it")
