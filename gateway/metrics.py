"""What the gateway counts: once per group or read, never per message, and no label is looked up twice.

Each series is declared once, in `SERIES`; docs/metrics.md is printed from there. Labels are names of connectors and
words of closed lists; a label that takes more values than it may counts as "other", so that no fault of ours can fill
the memory of whoever scrapes.
"""

from __future__ import annotations

from collections.abc import Hashable, Iterable, Mapping
from dataclasses import dataclass
from typing import Literal, TypeVar

from prometheus_client import CollectorRegistry, Info, generate_latest
from prometheus_client.process_collector import ProcessCollector

from gateway.tally import Spread, Standing, Tally
from router.group import Done
from router.plan import Disposition

T = TypeVar("T", bound=Hashable)
Kind = Literal["counter", "gauge", "recent", "seconds", "causes", "info"]

SECONDS = (0.0005, 0.001, 0.002, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0)
"""Bounds of histograms of time: a commit on a good disk is 0.5 to 5 ms, a stage is shorter, a frozen store longer."""
CAUSES = (1, 2, 4, 8, 16, 32, 64, 128, 256)
"""Bounds of the histogram of group sizes: powers of two up to router.writer.GROUP."""


@dataclass(frozen=True, slots=True)
class Series:
    """One series: its name without the leading `kwek_`, what it says, and its labels."""

    name: str
    kind: Kind
    meaning: str
    labels: tuple[str, ...] = ()


_RULE = ("brand", "rule", "class")

SERIES = (
    Series("texts_received", "counter", "Texts from phones, read from a carrier and not yet kept.", ("connector",)),
    Series("receipts_received", "counter", "Delivery receipts, read from a carrier and not yet kept.", ("connector",)),
    Series("texts_kept", "counter", "Texts from phones, committed with all that follows.", ("connector",)),
    Series("receipts_kept", "counter", "Delivery receipts that are committed.", ("connector",)),
    Series("strays", "counter", "Receipts that fitted no message (yet); kept, and looked at again."),
    Series("decisions", "counter", "What became of texts from phones, and of what fell due.", ("disposition",)),
    Series("settled", "counter", "Outcomes on disk: sent, failed, unknown, ready (again).", ("connector", "outcome")),
    Series("handed", "counter", "Texts given to a connector, by class; each time it is sent.", ("class",)),
    Series("mo_refused", "counter", "Texts from phones that a number does not serve, by reason.", ("reason",)),
    Series("withheld", "counter", "Texts that were not sent because they may not be, by reason.", ("reason",)),
    Series("budgets_warned", "counter", "Budgets of which 80 % was spent, once in each period.", ("brand",)),
    Series("faults", "counter", "What fell due or was told and was not performed, or cut short; each is logged."),
    Series("quarantined", "counter", "Messages that could not be understood or acted upon; kept with their octets."),
    Series("store_refused", "counter", "Texts and receipts whose sender was told to try again, the store being away."),
    Series("refused", "counter", "Segments that a carrier refused, by command_status.", ("connector", "status")),
    Series("ready", "gauge", "1 while texts can come in from a carrier and go out to it, else 0.", ("connector",)),
    Series("window_held", "gauge", "Segments on their way whose outcome is not on disk yet.", ("connector",)),
    Series("window_size", "gauge", "Segments that may be on their way at once, on all links.", ("connector",)),
    Series("queue", "gauge", "What waits inside the gateway, by queue.", ("queue",)),
    Series("group_causes", "causes", "Causes (texts, receipts, outcomes) committed in one transaction."),
    Series("group_seconds", "seconds", "From the beginning of a group to its commit, in seconds."),
    Series("stage_seconds", "counter", "Time spent in a stage of the main way, in seconds.", ("stage",)),
    Series("stop_seconds", "seconds", "From a STOP's commit until nothing can follow its acknowledgement, in seconds."),
    Series("stops_expired", "counter", "STOPs that waited for the whole lease of what another node had claimed."),
    Series("written_late", "counter", "Texts that may have been written after their lease: the process stood still."),
    Series("answers", "counter", "Requests of phones and of brands' systems, by page and status.", ("page", "status")),
    Series("clicks_lost", "counter", "First clicks on links that nobody will know of: the store was away for long."),
    Series("voucher_codes", "gauge", "Codes that are left in a voucher's pool.", ("brand", "voucher")),
    Series("recent_texts", "recent", "Texts of the last 24 hours; rules with most have names.", (*_RULE, "outcome")),
    Series("recent_withheld", "recent", "Texts of these that may not go out, by reason.", (*_RULE, "reason")),
    Series("recent_reactions", "recent", "What contacts did after them, once for each text.", (*_RULE, "reaction")),
    Series("recent_looked_at", "gauge", "When these were looked up, in seconds since 1970; 0: not yet."),
    Series("reloads", "counter", "Changed rule sets read: ok, or failed (the old one stays).", ("result",)),
    Series("rules", "info", "The rule set in force.", ("deployment",)),
)  # fmt: skip


class Metrics:
    """All series of one gateway, in a registry of its own."""

    content_type = "text/plain; version=0.0.4; charset=utf-8"

    def __init__(self) -> None:
        self.registry = CollectorRegistry(auto_describe=True)
        ProcessCollector(registry=self.registry)
        self._rules: Info | None = None
        self._refused: dict[tuple[str, str], int] = {}
        self._clicks_lost = 0
        self._kept = {one.name: _tally(one) for one in SERIES if one.kind in ("counter", "gauge")}
        self._recent = {one.name: Standing(f"kwek_{one.name}", one.meaning, one.labels) for one in _of_kind("recent")}
        self._spreads = {
            name: Spread(f"kwek_{name}", _meaning(name), bounds)
            for name, bounds in (("group_causes", CAUSES), ("group_seconds", SECONDS), ("stop_seconds", SECONDS))
        }
        for collector in (*self._kept.values(), *self._recent.values(), *self._spreads.values()):
            self.registry.register(collector)

    def page(self) -> bytes:
        """What /metrics answers."""
        return generate_latest(self.registry)

    # ------------------------------------------------------------------------------------------------- the main way

    def received(self, connector: str, texts: int, receipts: int = 0) -> None:
        """One read of a link brought so many texts and receipts."""
        if texts:
            self._kept["texts_received"].add(texts, connector)
        if receipts:
            self._kept["receipts_received"].add(receipts, connector)

    def committed(self, done: Done, seconds: float) -> None:
        """A group is on disk; it took so many seconds from its beginning."""
        kept = self._kept
        self._spreads["group_causes"].see(len(done.accepted) + len(done.receipts) + len(done.settled))
        self._spreads["group_seconds"].see(seconds)
        for connector, number in _counts([message.connector for message in done.accepted]):
            kept["texts_kept"].add(number, connector)
        for connector, number in _counts([receipt.connector for receipt in done.receipts]):
            kept["receipts_kept"].add(number, connector)
        for labels, number in _counts([(outcome.connector, outcome.state) for outcome in done.settled]):
            kept["settled"].add(number, *labels)
        for message_class, number in _counts([claim.message_class for claim in done.claims]):
            kept["handed"].add(number, message_class)
        for performance in done.performances:
            self.withheld(performance.withheld)
            self.decided(performance.dispositions)
            for charge in performance.near_budget:
                kept["budgets_warned"].add(1, charge.brand)
        for stage, took in done.stages.items():
            self.stage(stage, took)
        if done.strays:
            kept["strays"].add(done.strays)
        if done.faults:
            kept["faults"].add(len(done.faults))
        if done.quarantined:
            kept["quarantined"].add(len(done.quarantined))

    def decided(self, dispositions: Mapping[Disposition, int]) -> None:
        """What became of the texts of one group, counted by router.plan.Disposition."""
        for disposition, number in dispositions.items():
            self._kept["decisions"].add(number, disposition)
            if disposition == "out_of_market":
                self._kept["mo_refused"].add(number, disposition)

    def withheld(self, reasons: Mapping[str, int]) -> None:
        """Texts of one group that were not sent, counted by reason."""
        for reason, number in reasons.items():
            self._kept["withheld"].add(number, reason)

    def store_refused(self, number: int) -> None:
        """The store was away for so many texts and receipts."""
        self._kept["store_refused"].add(number)

    def stopped(self, seconds: float, *, expired: bool) -> None:
        """A STOP is acknowledged so many seconds after its commit."""
        self._spreads["stop_seconds"].see(seconds)
        if expired:
            self._kept["stops_expired"].add(1)

    def written_late(self, number: int) -> None:
        """So many texts may have been written after their lease."""
        self._kept["written_late"].add(number)

    # ---------------------------------------------------------------------------------------------- how things stand

    def ready(self, connector: str, is_ready: bool) -> None:
        """Whether a carrier is connected."""
        self._kept["ready"].put(is_ready, connector)

    def refused(self, connector: str, totals: Mapping[str, int]) -> None:
        """A carrier refused so many segments since the start, by the status's name."""
        for status, total in totals.items():
            counted = self._refused.get((connector, status), 0)
            self._kept["refused"].add(total - counted, connector, status)
            self._refused[connector, status] = total

    def window(self, connector: str, held: int, size: int) -> None:
        """So many segments are unsettled, of so many that may be."""
        self._kept["window_held"].put(held, connector)
        self._kept["window_size"].put(size, connector)

    def queue(self, name: str, number: int) -> None:
        """So much waits in one of the gateway's queues."""
        self._kept["queue"].put(number, name)

    def stage(self, name: str, seconds: float) -> None:
        """One group or read spent so many seconds in a stage."""
        self._kept["stage_seconds"].add(max(0.0, seconds), name)

    # ----------------------------------------------------------------------------------------------------- the site

    def answered(self, page: str, status: int) -> None:
        """A request to a page or to the API was answered."""
        self._kept["answers"].add(1, page, str(status))

    def clicks_lost(self, total: int) -> None:
        """So many clicks were lost since the start."""
        self._kept["clicks_lost"].add(total - self._clicks_lost)
        self._clicks_lost = total

    def voucher_codes(self, brand: str, voucher: str, left: int) -> None:
        """So many codes of a pool are left."""
        self._kept["voucher_codes"].put(left, brand, voucher)

    # ---------------------------------------------------------------------------------------------------- last 24 hours

    def recent(self, found: Mapping[str, Mapping[tuple[str, ...], int]], looked_at: float) -> None:
        """Figures by rule were looked up: by series, in place of those before."""
        for name, numbers in found.items():
            self._recent[name].stand(numbers)
        self._kept["recent_looked_at"].put(looked_at)

    # --------------------------------------------------------------------------------------------------------- rules

    def rules(self, deployment: str) -> None:
        """This rule set is in force."""
        if self._rules is None:
            self._rules = Info("kwek_rules", _meaning("rules"), registry=self.registry)
        self._rules.info({"deployment": deployment})

    def reloaded(self, ok: bool) -> None:
        """A changed rule set was read."""
        self._kept["reloads"].add(1, "ok" if ok else "failed")


def reference() -> str:
    """The page about all series, docs/metrics.md."""
    rows = [
        "# Metrics",
        "",
        "What `/metrics` answers, beside `process_…` of its client library. Printed from its declarations by",
        "`python -c 'from gateway import metrics; print(metrics.reference(), end=\"\")' > docs/metrics.md`.",
        "",
        "| series | kind | labels | meaning |",
        "| --- | --- | --- | --- |",
    ]
    for series in SERIES:
        suffix = {"counter": "_total", "info": "_info"}.get(series.kind, "")
        kind = {"seconds": "histogram", "causes": "histogram", "recent": "gauge"}.get(series.kind, series.kind)
        labels = ", ".join(series.labels) or "–"
        rows.append(f"| `kwek_{series.name}{suffix}` | {kind} | {labels} | {series.meaning} |")
    return "\n".join(rows) + "\n"


def _of_kind(kind: Kind) -> Iterable[Series]:
    return (series for series in SERIES if series.kind == kind)


def _meaning(name: str) -> str:
    return next(series.meaning for series in SERIES if series.name == name)


def _counts(things: Iterable[T]) -> Iterable[tuple[T, int]]:
    """Each of them once, with how many there are."""
    found: dict[T, int] = {}
    for thing in things:
        found[thing] = found.get(thing, 0) + 1
    return found.items()


def _tally(series: Series) -> Tally:
    return Tally(f"kwek_{series.name}", series.meaning, series.labels, is_gauge=series.kind == "gauge")
