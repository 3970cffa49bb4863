"""The sitting's tables, as Markdown, and where they stand in docs/performance.md.

Each table stands between two comments, `<!-- bench:NAME -->` and `<!-- /bench:NAME -->`; what lies outside them is
written by people and left alone.
"""

from __future__ import annotations

import os
import platform
import re
import sqlite3
from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path
from statistics import median
from typing import TYPE_CHECKING

from tests.bench.load import Watched, can_make_a_loopback, quick_loopback

if TYPE_CHECKING:
    from tests.bench.run import Sitting

ROWS = {
    "echo": ("trivial echo, the ceiling: nothing", ("gateway",)),
    "bare": ("bare durable loop: all, with fsync", ("gateway",)),
    "kwek": ("**kwek, SQLite FULL: all, with fsync**", ("gateway",)),
    "postgres": ("kwek, PostgreSQL: all, with fsync", ("gateway",)),
    "kannel none": ("Kannel 1.4.5: nothing", ("bearerbox", "smsbox")),
    "kannel spool": ("Kannel 1.4.5, store `spool`: in the page cache, no fsync", ("bearerbox", "smsbox")),
}
STAGES = ("settle", "receipts", "load", "decide", "perform", "due", "claim", "commit", "answer", "send")
_STAGE = re.compile(r'^kwek_stage_seconds_total\{stage="(\w+)"\} (\S+)$', re.MULTILINE)
_KEPT = re.compile(r"^kwek_texts_kept_total\{[^}]*\} (\S+)$", re.MULTILINE)
_GROUPS = re.compile(r"^kwek_group_causes_count (\S+)$", re.MULTILINE)


def pages(sitting: Sitting) -> dict[str, str]:
    """The tables for which there are figures, by the name of their place."""
    made = {
        "machine": _machine(sitting),
        "loops": _loops(sitting),
        "live": _live(sitting),
        "memory": _memory(sitting.results["memory"][50]),
    }
    return {name: text for name, text in made.items() if text}


def table(head: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    """A Markdown table."""
    lines = [head, ["---"] * len(head), *rows]
    return "\n".join("| " + " | ".join(line) + " |" for line in lines)


def write(page: Path, pages: Mapping[str, str]) -> None:
    """Replace the tables of a page. Raises ValueError when the page has no place for one."""
    text = page.read_text()
    for name, content in pages.items():
        place = re.compile(rf"(<!-- bench:{name} -->\n).*?(<!-- /bench:{name} -->)", re.DOTALL)
        if not place.search(text):
            raise ValueError(f"{page} has no place for the table {name!r}")
        text = place.sub(_put(content), text)
    page.write_text(text)


def _put(content: str) -> Callable[[re.Match[str]], str]:
    return lambda found: f"{found[1]}{content}\n{found[2]}"


def _loops(sitting: Sitting) -> str:
    rows = []
    for name, (label, processes) in ROWS.items():
        results = sitting.results[name]
        if not any(results.values()):
            if name in sitting.troubles:
                rows.append([label, "gave no figures", *[""] * 4])
            continue
        cpu = [one.result.cpu_us(*processes) for one in results[50]]
        rows.append([label, *(_cell(results[window]) for window in (10, 50, 200)), _half(results["half"]),
                     f"{median(cpu):.0f}" if cpu else ""])  # fmt: skip
    head = ["gateway, what is on disk at `deliver_sm_resp`", "window 10", "window 50", "window 200",
            "half load p50/p99", "CPU µs a loop"]  # fmt: skip
    return table(head, rows) if rows else ""


def _cell(runs: Sequence[Watched]) -> str:
    """Loops a second, and the latency's p50/p99 in milliseconds; medians."""
    if not runs:
        return ""
    p50, p99 = _latency(runs)
    return f"{median(one.result.loops_per_s for one in runs):,.0f} ({p50}/{p99})"


def _half(runs: Sequence[Watched]) -> str:
    if not runs:
        return ""
    p50, p99 = _latency(runs)
    return f"{p50}/{p99} at {median(one.result.rate for one in runs):,.0f}/s"


def _latency(runs: Sequence[Watched]) -> tuple[str, str]:
    p50 = median(one.result.lat_ms.p50 or 0.0 for one in runs)
    p99 = median(one.result.lat_ms.p99 or 0.0 for one in runs)
    return f"{p50:.2g}" if p50 < 10 else f"{p50:.0f}", f"{p99:.2g}" if p99 < 10 else f"{p99:.0f}"


def _machine(sitting: Sitting) -> str:
    runs = [one.result for by_key in sitting.results.values() for each in by_key.values() for one in each]
    if not runs:
        return ""
    model = re.search(r"^model name\s*:\s*(.*)$", Path("/proc/cpuinfo").read_text(), re.MULTILINE)
    quick = quick_loopback() or can_make_a_loopback()
    shares = [one.disturbed for one in runs]
    return (
        f"{datetime.now(UTC):%Y-%m-%d %H:%M} UTC · {os.cpu_count()} × {model[1] if model else platform.machine()} · "
        f"Linux {platform.release()} · Python {platform.python_version()} · SQLite {sqlite3.sqlite_version} · "
        f"loopback {'with TCP quick-ack' if quick else 'as it is, quick-ack by the generator'} · {len(runs)} runs "
        f"({sitting.rounds} of each, {sitting.seconds:g} s), "
        f"{sum(one.replied for one in runs):,} loops, lost {sum(one.lost for one in runs)}, "
        f"doubled {sum(one.duplicates for one in runs)} · other programs took {median(shares):.0%} of the machine "
        f"(median of the runs; {max(shares):.0%} in the worst)"
    )


def _live(sitting: Sitting) -> str:
    """What the gateway itself counted under the load: microseconds for each text, by stage."""
    results = sitting.results["kwek"]
    by_window = {window: [one.metrics for one in results[window] if one.metrics] for window in (10, 50, 200)}
    if not all(by_window.values()):
        return ""
    rows = []
    for stage in STAGES:
        costs = [[_stage_us(page, stage) for page in each] for each in by_window.values()]
        if any(map(any, costs)):
            rows.append([stage, *(f"{median(each):.1f}" for each in costs)])
    rows.append(["texts in a group", *(f"{median(map(_group, each)):.0f}" for each in by_window.values())])
    return table(["stage, µs a text", "window 10", "window 50", "window 200"], rows)


def _stage_us(page: str, stage: str) -> float:
    seconds = sum(float(value) for name, value in _STAGE.findall(page) if name == stage)
    return seconds / max(1.0, _texts(page)) * 1e6


def _group(page: str) -> float:
    return _texts(page) / max(1.0, sum(map(float, _GROUPS.findall(page))))


def _texts(page: str) -> float:
    return sum(map(float, _KEPT.findall(page)))


def _memory(runs: Sequence[Watched]) -> str:
    if not runs or len(runs[0].memory_mb) < 5:
        return ""
    memory, result = runs[0].memory_mb, runs[0].result
    steps = [memory[int(len(memory) * share)] for share in (0.2, 0.4, 0.6, 0.8)] + [memory[-1]]
    head = ["resident memory, MiB", "after 20 %", "40 %", "60 %", "80 %", "at the end"]
    return table(head, [[f"kwek, {result.messages:,} loops at window 50", *(f"{one:.1f}" for one in steps)]])
