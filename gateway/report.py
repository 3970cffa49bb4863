"""What `kwek stats` and GET /v1/stats tell, as plain values: the JSON form, which the page for people is made from."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from typing import Any, Final

from router.counted import Key
from router.measure import Measured
from router.measures import CLICK
from router.statistics import Arm, Interval, compare, nps, votes, wilson
from router.totals import Figures, Landed, Texted
from router.world import COUNTER_BITS, NODE_BITS

MOST_CHOICES: Final = 20
"""Values of a record that are listed; a record of names or addresses has as many as contacts."""
BY: Final = ("rule", "step", "arm", "keyword", "class", "link")
_ID_MS: Final = 1 << (NODE_BITS + COUNTER_BITS)
_MS_PER_DAY: Final = 86_400_000


@dataclass(frozen=True, slots=True)
class Asked:
    """What was asked for: days in ISO 8601, both included."""

    since: str
    until: str
    zone: str
    brand: str | None
    by: str
    opt_out_warning: float
    """Percent of opt-outs after a step from which it is warned of."""


Row = dict[str, Any]


def report(measured: Measured, asked: Asked) -> Row:
    """All of it. Shares are parts of one; money is decimal text by currency."""
    counting = measured.counting
    ours: Callable[[str], bool] = lambda name: asked.brand is None or name == asked.brand  # noqa: E731  # asked here
    total = Figures()
    for figures in counting.figures.values():
        total.add(figures)
    return {
        "since": asked.since,
        "until": asked.until,
        "zone": asked.zone,
        "brand": asked.brand,
        "by": asked.by,
        "total": {
            **as_row(total),
            "converted": sum(counting.goals.values()),
            "contacts_opted_out": len({one for name, who in counting.stopped.items() for one in who if ours(name)}),
        },
        "rows": list(_rows(measured, asked.by)),
        "splits": list(_splits(measured)),
        "nps": list(_scores(measured)),
        "votes": list(_votes(measured)),
        "warnings": list(_warnings(measured, asked.opt_out_warning)),
    }


def as_row(figures: Figures) -> Row:
    """Counts of some texts."""
    return {
        "texts": figures.texts, "sent": figures.sent, "delivered": figures.delivered,
        "undelivered": figures.undelivered, "unknown": figures.unknown, "failed": figures.failed,
        "waiting": figures.waiting, "cancelled": figures.cancelled,
        "withheld": dict(sorted(figures.withheld.items(), key=lambda one: (-one[1], one[0]))),
        "answered": figures.answered, "clicked": figures.clicked, "opted_out": figures.opted_out,
        "segments": figures.segments, "unpriced_segments": figures.unpriced,
        "cost": {cost.currency: str(cost.amount) for cost in figures.costs},
    }  # fmt: skip


def head_of(key: Key) -> str:
    """How a rule's file calls it: its identity without the brand."""
    return key.rule.removeprefix(f"{key.brand}/")


def _is_keyword(brand: str, rule: str) -> bool:
    return rule.removeprefix(f"{brand}/").startswith("keyword ")


def _grouped(figures: Iterable[tuple[Key, Figures]], *names: str) -> dict[tuple[str, ...], tuple[Key, Figures]]:
    """Figures added up by some of their key's names, each with one of the keys (that of the last text)."""
    found: dict[tuple[str, ...], tuple[Key, Figures]] = {}
    for key, one in figures:
        group = tuple(getattr(key, name) for name in names)
        before = found.get(group)
        total = Figures()
        if before is not None:
            total.add(before[1])
            key = before[0] if before[1].sample_id > one.sample_id else key
        total.add(one)
        found[group] = key, total
    return found


def _rows(measured: Measured, by: str) -> Iterator[Row]:
    figures = measured.counting.figures.items()
    if by == "step":
        yield from _steps(measured)
    elif by == "class":
        for (brand, message_class), (_, one) in sorted(_grouped(figures, "brand", "message_class").items()):
            yield {"brand": brand, "class": message_class, **as_row(one)}
    elif by == "arm":
        in_arms = [(key, one) for key, one in figures if key.arm]
        for (brand, _, arm), (key, one) in sorted(_grouped(in_arms, "brand", "rule", "arm").items()):
            landed = measured.counting.arms[brand, key.rule, arm]
            counts = {"contacts": len(landed.contacts), "converted": len(landed.converted)}
            yield {"brand": brand, "rule": head_of(key), "arm": arm, **as_row(one), **counts}
    elif by == "keyword":
        yield from _keywords(measured)
    elif by == "link":
        yield from _links(measured)
    else:
        for (brand, rule), (key, one) in sorted(_grouped(figures, "brand", "rule").items()):
            converted = measured.counting.goals.get((brand, rule), 0)
            yield {"brand": brand, "rule": head_of(key), **as_row(one), "converted": converted}


def _keywords(measured: Measured) -> Iterator[Row]:
    """Attribution: what came in by each keyword, and what its chains and the drips that they began came to and cost."""
    counting = measured.counting
    by_rule = _grouped(counting.figures.items(), "brand", "rule")
    wanted = {rule for rule in (*by_rule, *counting.texted) if _is_keyword(*rule)}
    for brand, rule in sorted((one[0], one[1]) for one in wanted):
        figures = Figures()
        figures.add(by_rule.get((brand, rule), (None, Figures()))[1])
        texted = counting.texted.get((brand, rule), Texted())
        figures.add(texted.begun)
        yield {
            "brand": brand, "keyword": rule.removeprefix(f"{brand}/keyword "), "texts_in": texted.texts,
            "contacts": len(texted.contacts), "new": len(texted.new), "joined": len(texted.joined), **as_row(figures),
            "converted": texted.goals,
        }  # fmt: skip
    nothing = [texted for (_, rule), texted in counting.texted.items() if not rule]
    if nothing:
        yield {
            "brand": "", "keyword": None, "texts_in": sum(one.texts for one in nothing),
            "contacts": len({who for one in nothing for who in one.contacts}),
            "new": sum(len(one.new) for one in nothing), "joined": 0, **as_row(Figures()), "converted": 0,
        }  # fmt: skip


def _links(measured: Measured) -> Iterator[Row]:
    """Each link that somebody followed, with the texts of its step: contacts that did, and how often in all."""
    steps = _grouped(measured.counting.figures.items(), "brand", "rule", "step")
    for (brand, rule, step, link), followed in sorted(measured.counting.links.items()):
        if (brand, rule, step) in steps:
            key, one = steps[brand, rule, step]
            contacts = len(followed.contacts)
            yield {
                "brand": brand, "rule": head_of(key), "step": step, "link": link, "text": measured.samples.get(key, ""),
                "sent": one.sent, "clicked": contacts, "times": followed.times,
                "interval": _pair(wilson(min(contacts, one.sent), one.sent)),
            }  # fmt: skip


def _steps(measured: Measured) -> Iterator[Row]:
    """Each step with its text, the steps of a rule in the order in which they are passed. In a drip, `drop_off` is the
    share of those who entered it in the period and had the step before, but (so far) not this one; the arms of a split
    are one step there."""
    grouped = _grouped(measured.counting.figures.items(), "brand", "rule", "step", "arm")
    in_order = sorted(grouped.values(), key=lambda one: (one[0].brand, one[0].rule, lateness(one[1]), one[0].step))
    stages: dict[tuple[str, str, str], int] = {}
    for key, one in in_order:
        stage = (key.brand, key.rule, _stage(key))
        stages[stage] = stages.get(stage, 0) + one.entered
    passed: dict[tuple[str, str], tuple[str, int | None]] = {}
    for key, one in in_order:
        at, before = passed.get((key.brand, key.rule), ("", None))
        if at != _stage(key):
            before = stages.get((key.brand, key.rule, at))
            passed[key.brand, key.rule] = _stage(key), before
        reached = stages[key.brand, key.rule, _stage(key)]
        is_drip = head_of(key).startswith("drip ")
        yield {
            "brand": key.brand, "rule": head_of(key), "step": key.step, "arm": key.arm,
            "text": measured.samples.get(key, ""), "days_after": round(lateness(one), 3), **as_row(one),
            "drop_off": max(0.0, 1 - reached / before) if before and is_drip else None,
        }  # fmt: skip


def _stage(key: Key) -> str:
    return f"split {key.arm.partition('=')[0]}" if key.arm else key.step


def lateness(figures: Figures) -> float:
    """How long after its chain's beginning a step is sent, in days, on average."""
    return figures.after_ids / figures.sent / _ID_MS / _MS_PER_DAY if figures.sent else 0.0


def _splits(measured: Measured) -> Iterator[Row]:
    """Each split with its arms and what may be said of them."""
    splits: dict[tuple[str, str, str], list[tuple[str, Landed]]] = {}
    for (brand, rule, arm), landed in sorted(measured.counting.arms.items()):
        split, _, name = arm.partition("=")
        splits.setdefault((brand, rule, split), []).append((name, landed))
    for (brand, rule, split), arms in splits.items():
        said = measured.measures.splits.get((brand, split), "")
        measure = {"": "", CLICK: "clicked"}.get(said, "happened") or next(
            (one for one in ("converted", "clicked") if any(getattr(arm, one) for _, arm in arms)), "answered"
        )
        counts = [Arm(name, len(landed.contacts), len(getattr(landed, measure))) for name, landed in arms]
        verdict = compare(counts)
        yield {
            "brand": brand, "rule": rule.removeprefix(f"{brand}/"), "split": split, "measure": measure,
            "event": said if measure == "happened" else "",
            "arms": [
                {"arm": arm.name, "contacts": arm.contacts, "hits": arm.conversions, "rate": arm.rate,
                 "interval": _pair(wilson(arm.conversions, arm.contacts))}
                for arm in counts
            ],
            "winner": verdict.winner or None, "leader": verdict.leader, "other": verdict.other,
            "difference": _pair(verdict.difference), "contacts_needed": verdict.needed,
        }  # fmt: skip


def _scores(measured: Measured) -> Iterator[Row]:
    for (brand, name), noted in sorted(measured.noted.items()):
        found = nps(noted.scores.values())
        if found is not None:
            yield {
                "brand": brand, "name": name, "score": round(found.score, 1), "count": found.count,
                "promoters": found.promoters, "passives": found.passives, "detractors": found.detractors,
                "interval": _pair(found.interval),
            }  # fmt: skip


def _votes(measured: Measured) -> Iterator[Row]:
    for (brand, name), noted in sorted(measured.noted.items()):
        if not noted.values:
            continue
        found = votes(noted.values.items())
        yield {
            "brand": brand, "name": name, "contacts": len(noted.values), "values": len(found),
            "choices": [
                {"value": one.value, "votes": one.votes, "share": one.share, "interval": _pair(one.interval)}
                for one in found[:MOST_CHOICES]
            ],
        }  # fmt: skip


def _warnings(measured: Measured, percent: float) -> Iterator[Row]:
    """Steps after which too many opt out."""
    grouped = _grouped(measured.counting.figures.items(), "brand", "rule", "step")
    for key, one in sorted(grouped.values(), key=lambda one: one[0]):
        if one.opted_out and one.opted_out > one.sent * percent / 100:
            yield {
                "brand": key.brand, "rule": head_of(key), "step": key.step, "text": measured.samples.get(key, ""),
                "sent": one.sent, "opted_out": one.opted_out, "rate": one.opted_out / one.sent,
                "interval": _pair(wilson(one.opted_out, one.sent)), "limit": percent / 100,
            }  # fmt: skip


def _pair(interval: Interval) -> list[float]:
    return [round(interval.low, 4), round(interval.high, 4)]
