"""What is counted, what it is called, and that no label can grow for ever."""

from pathlib import Path

import pytest

from gateway import tally
from gateway.metrics import Metrics, reference
from router.claims import Allowance, Claim
from router.group import Done
from router.messages import Inbound
from router.outbox import Outcome
from router.perform import Performance, Place
from router.plan import MessageClass
from router.receipts import ReceiptIn
from router.suppression import Suppressions
from router.world import Ids


def counted(metrics: Metrics) -> dict[str, float]:
    """Every series of ours that is not nothing, without the buckets of histograms."""
    rows = [line.rpartition(" ") for line in metrics.page().decode().splitlines() if line.startswith("kwek_")]
    return {name: float(value) for name, _, value in rows if float(value) and "_bucket" not in name}


def text(number: int, connector: str = "a") -> Inbound:
    return Inbound(
        id=number, connector=connector, session=1, sequence=number, sender="1", recipient="4411", text="", received_at=0
    )


def test_a_read_counts_texts_and_receipts() -> None:
    metrics = Metrics()
    metrics.received("a", 3, 1)
    metrics.received("a", 2)
    metrics.received("b", 0, 4)
    assert counted(metrics) == {
        'kwek_texts_received_total{connector="a"}': 5,
        'kwek_receipts_received_total{connector="a"}': 1,
        'kwek_receipts_received_total{connector="b"}': 4,
    }


def claim(id: int, message_class: MessageClass = "conversational") -> Claim:
    return Claim(id, "a", "4411", "31612345678", "Dag.", "gsm7", 1, message_class, 1)


def test_a_group_of_settlements_alone_counts_nothing_else() -> None:
    metrics = Metrics()
    metrics.committed(Done(settled=[Outcome(id=1, connector="a", state="sent")]), 0.5)
    assert counted(metrics) == {
        'kwek_settled_total{connector="a",outcome="sent"}': 1,
        "kwek_group_causes_count": 1,
        "kwek_group_causes_sum": 1,
        "kwek_group_seconds_count": 1,
        "kwek_group_seconds_sum": 0.5,
    }


def test_a_group_counts_what_it_committed() -> None:
    metrics = Metrics()
    receipt = ReceiptIn(
        id=9, connector="a", message_id="x", forms=(), state="DELIVRD", error="000", received_at=0, text=""
    )
    performance = Performance(
        Place("n", 0, Ids(0), lambda _: "a", frozenset(), lambda: 0.5, Suppressions()), Allowance({})
    )
    performance.dispositions["routed"] = 3
    performance.withheld["opted_out"] = 1
    done = Done(
        accepted=[text(1), text(2), text(3, "b")],
        receipts=[receipt],
        settled=[Outcome(id=1, connector="a", state="sent"), Outcome(id=2, connector="a", state="unknown")],
        quarantined=[(text(4), "unreadable")],
        strays=1,
        stages={"commit": 0.25},
        performances=[performance],
        claims=[claim(1), claim(2), claim(3, "promotional")],
    )
    metrics.committed(done, 0.5)
    assert counted(metrics) == {
        'kwek_texts_kept_total{connector="a"}': 2,
        'kwek_texts_kept_total{connector="b"}': 1,
        'kwek_receipts_kept_total{connector="a"}': 1,
        'kwek_settled_total{connector="a",outcome="sent"}': 1,
        'kwek_settled_total{connector="a",outcome="unknown"}': 1,
        'kwek_decisions_total{disposition="routed"}': 3,
        'kwek_handed_total{class="conversational"}': 2,
        'kwek_handed_total{class="promotional"}': 1,
        'kwek_withheld_total{reason="opted_out"}': 1,
        "kwek_strays_total": 1,
        "kwek_quarantined_total": 1,
        'kwek_stage_seconds_total{stage="commit"}': 0.25,
        "kwek_group_causes_count": 1,
        "kwek_group_causes_sum": 6,
        "kwek_group_seconds_count": 1,
        "kwek_group_seconds_sum": 0.5,
    }


def test_what_fell_due_and_was_not_performed_is_counted() -> None:
    metrics = Metrics()
    metrics.committed(Done(faults=["run 1 of Shop/drip a: no", "run 2 of Shop/drip a: no"]), 0.01)
    assert counted(metrics)["kwek_faults_total"] == 2


def test_decisions_and_reasons() -> None:
    metrics = Metrics()
    metrics.decided({"routed": 2, "opted_out": 1})
    metrics.withheld({"opted_out": 3})
    metrics.store_refused(7)
    assert counted(metrics) == {
        'kwek_decisions_total{disposition="routed"}': 2,
        'kwek_decisions_total{disposition="opted_out"}': 1,
        'kwek_withheld_total{reason="opted_out"}': 3,
        "kwek_store_refused_total": 7,
    }


def test_how_things_stand() -> None:
    metrics = Metrics()
    metrics.ready("a", True)
    metrics.ready("b", False)
    metrics.window("a", 12, 50)
    metrics.queue("unanswered", 4)
    assert counted(metrics) == {
        'kwek_ready{connector="a"}': 1,
        'kwek_window_held{connector="a"}': 12,
        'kwek_window_size{connector="a"}': 50,
        'kwek_queue{queue="unanswered"}': 4,
    }


def test_totals_of_refusals_are_counted_on() -> None:
    metrics = Metrics()
    metrics.refused("a", {"ESME_RTHROTTLED": 3})
    metrics.refused("a", {"ESME_RTHROTTLED": 5, "ESME_RMSGQFUL": 1})
    assert counted(metrics) == {
        'kwek_refused_total{connector="a",status="ESME_RTHROTTLED"}': 5,
        'kwek_refused_total{connector="a",status="ESME_RMSGQFUL"}': 1,
    }


def test_the_rules_in_force_replace_each_other() -> None:
    metrics = Metrics()
    metrics.rules("aaa")
    metrics.rules("bbb")
    metrics.reloaded(True)
    metrics.reloaded(False)
    assert counted(metrics) == {
        'kwek_rules_info{deployment="bbb"}': 1,
        'kwek_reloads_total{result="ok"}': 1,
        'kwek_reloads_total{result="failed"}': 1,
    }


def test_a_label_that_takes_too_many_values_counts_as_other(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tally, "MOST_CHILDREN", 2)
    metrics = Metrics()
    for number in range(5):
        metrics.withheld({f"reason {number}": 1})
    metrics.withheld({"reason 0": 1})
    assert counted(metrics) == {
        'kwek_withheld_total{reason="reason 0"}': 2,
        'kwek_withheld_total{reason="reason 1"}': 1,
        'kwek_withheld_total{reason="other"}': 3,
    }


def test_two_gateways_in_one_process_count_apart() -> None:
    first, second = Metrics(), Metrics()
    first.store_refused(1)
    assert counted(second) == {}


def test_the_page_about_metrics_is_printed_from_them(root: Path) -> None:
    assert (root / "docs" / "metrics.md").read_text(encoding="utf-8") == reference()
