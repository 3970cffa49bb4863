"""Answers to what `decide` asks for: loaded, or taken under lock, in the transaction that will hold the plan."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Sequence
from typing import assert_never

import msgspec

from router import links, offers
from router.perform import Place
from router.plan import (
    Answer,
    Clicked,
    CodeOf,
    Enrolled,
    Happened,
    Learnt,
    LinkOf,
    Need,
    SampleOf,
    SpentBy,
    Waiting,
)
from router.store import statements_events as sql
from router.store import statements_silence as sql_silence
from router.store.engine import Tx
from router.world import first_id_at
from rules.links import Link
from rules.rulebook import Rulebook


class Source(msgspec.Struct, frozen=True):
    """What answers need beside the store: the rules in force, and the address under which short links are served."""

    book: Rulebook
    url: str


def load(tx: Tx, asked: Collection[Need], place: Place, source: Source) -> dict[Need, Answer]:
    """The answers to some needs. Contacts are locked by now; codes of vouchers are taken here."""
    kinds: dict[type, list[Need]] = defaultdict(list)
    for need in asked:
        kinds[type(need)].append(need)
    found: dict[Need, Answer] = {}
    for needs in kinds.values():
        found |= _of_a_kind(tx, needs, place, source)
    return found


def _of_a_kind(tx: Tx, needs: Sequence[Need], place: Place, source: Source) -> dict[Need, Answer]:
    first = needs[0]
    match first:
        case CodeOf():
            return _codes(tx, [need for need in needs if isinstance(need, CodeOf)], place, source)
        case LinkOf():
            return _links(tx, [need for need in needs if isinstance(need, LinkOf)], place, source)
        case Enrolled():
            return _enrolled(tx, [need for need in needs if isinstance(need, Enrolled)])
        case _:
            return {need: _single(tx, need, place) for need in needs}


def _single(tx: Tx, need: Need, place: Place) -> Answer:
    match need:
        case Happened():
            rows = sql.happened.rows(tx, need.contact_id, need.brand, need.event, need.since, need.but)
            return int(rows[0][0])
        case Learnt():
            rows = sql.learnt.rows(tx, need.contact_id, need.brand, need.event, need.since, need.but)
            return ",".join(row[0] for row in rows)
        case Clicked():
            return int(sql.clicked.rows(tx, need.contact_id, need.cause_id, need.rule)[0][0])
        case SpentBy():
            rows = sql.spent.rows(tx, need.brand, need.period)
            return int(rows[0][0]) if rows else 0
        case SampleOf():
            return _sample(tx, need, place.now)
        case Waiting():
            found = (sql_silence.brands_unsettled, sql_silence.brands_unknown)
            return frozenset(row[0] for one in found for row in one.rows(tx, need.contact_id, need.number))
        case CodeOf() | LinkOf() | Enrolled():
            raise TypeError(f"{need} is loaded with its kind")
        case _:
            assert_never(need)


def _codes(tx: Tx, needs: Sequence[CodeOf], place: Place, source: Source) -> dict[Need, Answer]:
    wants: dict[CodeOf, offers.Want] = {}
    for need in needs:
        brand = source.book.brands.get(need.brand)
        voucher = None if brand is None else brand.offers.get(need.voucher)
        if voucher is not None:  # a run of an earlier rule set may name one that is no more
            wants[need] = offers.Want(need.contact_id, need.brand, voucher)
    codes = offers.codes(tx, list(wants.values()), place.now, place.chance)
    return {need: codes[wants[need].key] if need in wants else None for need in needs}


def _links(tx: Tx, needs: Sequence[LinkOf], place: Place, source: Source) -> dict[Need, Answer]:
    codes = links.fresh(tx, len(needs), place.chance)
    made = [
        links.make(
            code, Link(need.kind, need.name, need.target), need.contact_id, need.brand,
            (need.cause_id, need.rule, need.step), place.now,
        )
        for code, need in zip(codes, needs, strict=True)
    ]  # fmt: skip
    links.write(tx, made)
    return {need: f"{source.url}/l/{code}" for code, need in zip(codes, needs, strict=True)}


def _enrolled(tx: Tx, needs: Sequence[Enrolled]) -> dict[Need, Answer]:
    rows = sql.enrolled.rows(tx, sorted({need.contact_id for need in needs}))
    known = {(row[0], row[1], row[2]): (int(row[3]), str(row[4])) for row in rows}
    return {need: known.get((need.contact_id, need.brand, need.drip)) for need in needs}


def _sample(tx: Tx, need: SampleOf, now: int) -> tuple[int, str | None]:
    rows = sql.sample.rows(tx, need.brand, need.split)
    if not rows:
        sql.insert_sample.run(tx, [(need.brand, need.split, now, None)])
        return now + need.lasts, None
    began_at, winner = rows[0]
    ends_at = began_at + need.lasts
    if winner is None and ends_at <= now:
        winner = _winner(tx, need, began_at)
        sql.decide_sample.run(tx, winner, need.brand, need.split)
    return ends_at, winner


def _winner(tx: Tx, need: SampleOf, began_at: int) -> str:
    """The arm with the larger share of contacts that clicked, or of whom the event was told; the first of equals. It
    reads what was sent since the sample began, once in its life."""
    rates: dict[str, float] = {}
    for arm in need.arms:
        label = f"{need.split}={arm}"
        if need.measure == "click":
            rows = sql.arm_by_click.rows(tx, first_id_at(began_at), need.brand, label)
        else:
            rows = sql.arm_by_event.rows(tx, need.measure, began_at, first_id_at(began_at), need.brand, label)
        reached, converted = rows[0]
        rates[arm] = converted / reached if reached else 0.0
    return max(need.arms, key=lambda arm: rates[arm])
