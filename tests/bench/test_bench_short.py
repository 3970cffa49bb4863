"""The benchmark's short form: each piece runs with a few hundred texts. Answers, losses and doubles; never time."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from router.measure import Period
from router.store.engine import open_store
from tests.bench import bench_stages, bench_stats, forgetting, load, tables
from tests.bench.load import Gateway, Load, Result, Watched
from tests.bench.run import Sitting
from tests.conftest import find_peer
from tests.support.routing import NOW

SHORT = Load(messages=300, window=20, warmup=40, quiet_s=15.0)
AT_A_RATE = Load(messages=150, rate=300.0, warmup=20, quiet_s=15.0)


def assert_all_answered_once(result: Result, messages: int) -> None:
    assert (result.how, result.sent, result.acked, result.replied) == ("complete", messages, messages, messages)
    assert (result.lost, result.duplicates, result.bad_text, result.nacked) == (0, 0, 0, 0)


@pytest.mark.parametrize("make", [load.echo, load.bare, load.kwek], ids=["echo", "bare", "kwek"])
def test_every_text_is_answered_once(make: Callable[[], Gateway], tmp_path: Path) -> None:
    watched = load.measure(make(), SHORT, tmp_path)

    assert_all_answered_once(watched.result, SHORT.messages)
    assert watched.result.lat_ms.n == SHORT.messages


def test_the_gateway_counts_what_the_generator_counts(tmp_path: Path) -> None:
    watched = load.measure(load.kwek(), AT_A_RATE, tmp_path)

    assert_all_answered_once(watched.result, AT_A_RATE.messages)
    sent = AT_A_RATE.messages + AT_A_RATE.warmup
    assert f'kwek_texts_kept_total{{connector="bench"}} {float(sent)}' in watched.metrics
    assert f'kwek_settled_total{{connector="bench",outcome="sent"}} {float(sent)}' in watched.metrics


@pytest.mark.peer
@pytest.mark.parametrize("store", ["none", "spool"])
def test_kannel_under_the_same_load(store: load.Kannel) -> None:
    find_peer("bearerbox")

    assert_all_answered_once(load.kannel(store, SHORT), SHORT.messages)


def test_a_gateway_that_never_binds_gives_no_figures(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(load, "START_S", 0.2)
    silent = Gateway("silent", lambda folder, port: ["sh", "-c", "echo gone >&2"])

    with pytest.raises(load.LoadError, match=r"(?s)0 of 1 binds.*gone"):
        load.measure(silent, SHORT, tmp_path)


def test_each_stage_has_its_cost_at_each_size() -> None:
    costs = bench_stages.measured(2)

    assert {size: tuple(stages) for size, stages in costs.items()} == dict.fromkeys((5, 25, 100), bench_stages.STAGES)
    assert all(stages[name] > 0 for stages in costs.values() for name in ("decide", "perform", "commit", "encode"))
    lines = bench_stages.table(costs).splitlines()
    assert len(lines) == 2 + len(bench_stages.STAGES) + 1
    assert all(line.count("|") == 5 for line in lines)


def test_the_tables_stand_in_their_places(tmp_path: Path, root: Path) -> None:
    sitting = Sitting(seconds=1.0, rounds=1, troubles={"kannel spool": "not installed"})
    for name in ("echo", "kwek"):
        for window in (10, 50, 200):
            sitting.results[name][window].append(Watched(a_result(window), metrics=SOME_METRICS))
    sitting.results["memory"][50].append(Watched(a_result(50), memory_mb=[80.0, 81.0, 82.0, 82.0, 82.5]))
    pages = tables.pages(sitting)

    assert (
        "| **kwek, SQLite FULL: all, with fsync** | 5,000 (2/4.5) | 5,000 (2/4.5) | 5,000 (2/4.5) |" in pages["loops"]
    )
    assert "| Kannel 1.4.5, store `spool`: in the page cache, no fsync | gave no figures |" in pages["loops"]
    assert "| decide | 50.0 | 50.0 | 50.0 |" in pages["live"]
    assert "| texts in a group | 40 | 40 | 40 |" in pages["live"]
    assert pages["memory"].endswith("| 81.0 | 82.0 | 82.0 | 82.5 | 82.5 |")

    page = tmp_path / "performance.md"
    page.write_text((root / "docs" / "performance.md").read_text())
    tables.write(page, pages)
    tables.write(page, pages)
    assert all(page.read_text().count(text) == 1 for text in pages.values())


SOME_METRICS = """\
kwek_texts_kept_total{connector="bench"} 2000.0
kwek_group_causes_count 50.0
kwek_stage_seconds_total{stage="decide"} 0.1
"""


def a_result(window: int) -> Result:
    return Result(
        how="complete", messages=100, window=window, rate=0.0, sent=100, acked=100, nacked=0, replied=100,
        acked_no_reply=0, never_acked=0, duplicates=0, bad_text=0, elapsed_s=1.0,
        lat_ms=load.Latency(100, 2.0, 4.5), procs={}, loops_per_s_mid80=5_000.0,
    )  # fmt: skip


def test_a_year_that_was_made_is_counted(tmp_path: Path) -> None:
    url = f"sqlite:///{tmp_path / 'kwek.db'}"
    store = open_store(url)
    bench_stats.fill(store, 400)
    year = Period(NOW, NOW + bench_stats.YEAR)
    found = bench_stats.timed(url, year, bench_stats.PRICES, "a year, by keyword", origins=True)
    store.close()
    assert sum(figures.texts for figures in found.counting.figures.values()) == 400
    (keyword,) = [came for (_, rule), came in found.counting.texted.items() if rule == "Shop/keyword JA"]
    assert (keyword.texts, keyword.begun.texts) == (196, 398)  # four of them said STOP


def test_what_is_forgotten_is_timed_slice_by_slice(capsys: pytest.CaptureFixture[str]) -> None:
    forgetting.main(1_000)
    told = capsys.readouterr().out.splitlines()
    assert [line.split(":")[0] for line in told] == [
        f"1,000 ids that {what}, {how}" for what in ("stay", "go") for how in ("in slices", "at once")
    ]
