"""Counting without a library in the way: a series is a dictionary of numbers, put into Prometheus's form when asked.

The client library takes a lock and three calls for each number (2 to 4 microseconds); a group of one text counts a
dozen. All numbers are counted and read on the event loop, so no lock is needed here.
"""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Iterable, Mapping, Sequence
from typing import Final

from prometheus_client.metrics_core import CounterMetricFamily, GaugeMetricFamily, HistogramMetricFamily, Metric
from prometheus_client.registry import Collector

MOST_CHILDREN: Final = 200
"""Label combinations of one series: connectors times outcomes, with room; a thousand would be a mistake."""
OTHER: Final = "other"

Labels = tuple[str, ...]


class Tally(Collector):
    """The numbers of one series by the values of its labels; beyond MOST_CHILDREN of them the rest is "other"."""

    def __init__(self, name: str, meaning: str, labels: Labels, *, is_gauge: bool = False) -> None:
        self._head = (name, meaning, labels)
        self._is_gauge = is_gauge
        self._numbers: dict[Labels, float] = {} if labels else {(): 0.0}

    def add(self, number: float, *labels: str) -> None:
        """Count on."""
        numbers = self._numbers
        if labels not in numbers:
            labels = self._new(labels)
        numbers[labels] += number

    def put(self, number: float, *labels: str) -> None:
        """Set it to that."""
        numbers = self._numbers
        if labels not in numbers:
            labels = self._new(labels)
        numbers[labels] = number

    def collect(self) -> Iterable[Metric]:
        """As Prometheus's library prints it."""
        name, meaning, labels = self._head
        family: CounterMetricFamily | GaugeMetricFamily
        if self._is_gauge:
            family = GaugeMetricFamily(name, meaning, labels=labels)
        else:
            family = CounterMetricFamily(name, meaning, labels=labels)
        for values, number in self._numbers.items():
            family.add_metric(values, number)
        return [family]

    def _new(self, labels: Labels) -> Labels:
        """Room for a combination of labels not seen before."""
        if len(self._numbers) >= MOST_CHILDREN:
            labels = (OTHER,) * len(labels)
        self._numbers.setdefault(labels, 0.0)
        return labels


class Standing(Collector):
    """Numbers that are all replaced at once: what was there before and is no more is told no more. Whoever hands them
    in bounds them."""

    def __init__(self, name: str, meaning: str, labels: Labels) -> None:
        self._head = (name, meaning, labels)
        self._numbers: Mapping[Labels, float] = {}

    def stand(self, numbers: Mapping[Labels, float]) -> None:
        """These are the numbers now."""
        self._numbers = numbers

    def collect(self) -> Iterable[Metric]:
        """As Prometheus's library prints it."""
        name, meaning, labels = self._head
        family = GaugeMetricFamily(name, meaning, labels=labels)
        for values, number in self._numbers.items():
            family.add_metric(values, number)
        return [family]


class Spread(Collector):
    """A histogram without labels: how many numbers were at most each of the bounds."""

    def __init__(self, name: str, meaning: str, bounds: Sequence[float]) -> None:
        self._head = (name, meaning)
        self._bounds = tuple(map(float, bounds))
        self._counts = [0] * (len(bounds) + 1)
        self._sum = 0.0

    def see(self, number: float) -> None:
        """Take one more in."""
        self._counts[bisect_left(self._bounds, number)] += 1
        self._sum += number

    def collect(self) -> Iterable[Metric]:
        """As Prometheus's library prints it."""
        family = HistogramMetricFamily(*self._head)
        so_far, buckets = 0, []
        for bound, count in zip((*map(str, self._bounds), "+Inf"), self._counts, strict=True):
            so_far += count
            buckets.append((bound, float(so_far)))
        family.add_metric([], buckets, self._sum)
        return [family]
