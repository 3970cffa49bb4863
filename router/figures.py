"""Counting what texts came to: each text that went out belongs to a brand, rule, step, arm and class, and what its
contact did afterwards is credited to it.

Texts and what contacts did pass here in the order of their ids, that is of time, each once; nothing is kept of a text
but its contact's last one with the brand, and that for two weeks at most. So the memory it takes grows with the
contacts of two weeks (and with those in a split, and those who wrote), not with the texts.

Rules of what counts:
- a text is `sent` when the carrier has taken it, or may have (its answer was lost); it is paid for as often as that.
- an answer is the contact's first text to the brand after one of ours and before the brand's next, within a week.
- a STOP is credited to the last text of that brand before it, within a week (of every brand on the number when it said
  all); its own confirmation, help and the operator's texts are credited with nothing.
- what happens after the period is still credited to the texts of the period; texts after it only take over.
"""

from __future__ import annotations

from collections.abc import KeysView
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any, Final

from router.counted import GIVEN, REVOKED, Clicked, Converted, Happened, Key, Sent
from router.instants import DAY
from router.plan import OPERATOR
from router.prices import Cost, Price, Prices
from router.world import EPOCH_MS, first_id_at

Row = tuple[Any, ...]

CREDITED_WITHIN: Final = 7 * DAY
"""How long after a text what its contact does is credited to it, in microseconds."""
_CREDITED_IDS: Final = first_id_at(EPOCH_MS * 1000 + CREDITED_WITHIN)
"""The same in ids."""

SENT: Final = frozenset({"sent", "delivered", "undelivered", "unknown", "expired"})
"""States of the outbox of a text that the carrier has taken, or may have."""
_UNKNOWN: Final = frozenset({"unknown", "expired"})
_CREDITED: Final = frozenset({"conversational", "transactional", "promotional"})
"""Classes of texts that what a contact does is credited to."""
_COMMON: Final = 4
"""Where in a row that which many texts have in common begins."""
_ANSWERS: Final = frozenset({"routed", "unrouted", "incomplete"})
"""States of a text from a phone that is meant for the brand; not commands, nor what was delivered twice."""


_COUNTS: Final = (
    "sent", "delivered", "undelivered", "unknown", "failed", "waiting", "cancelled", "answered", "clicked", "opted_out",
    "segments", "after_ids", "entered",
)  # fmt: skip


@dataclass(slots=True)
class Figures:
    """What some texts came to. Of `sent`, `undelivered` and `unknown` (never answered for) are told apart; `failed` are
    those that the carrier refused, `waiting` those that it has not been given yet.

    `billed`: segments to be paid for by price, None where the table has none. `sample_id`: the last such text.
    """

    sent: int = 0
    delivered: int = 0
    undelivered: int = 0
    unknown: int = 0
    failed: int = 0
    waiting: int = 0
    cancelled: int = 0
    withheld: dict[str, int] = field(default_factory=dict)
    answered: int = 0
    clicked: int = 0
    opted_out: int = 0
    segments: int = 0
    billed: dict[Price | None, int] = field(default_factory=dict)
    sample_id: int = 0
    after_ids: int = 0
    """Ids between each sent text and its cause, summed: how late in its chain a step is."""
    entered: int = 0
    """Of `sent` those of chains that began in the period."""

    def add(self, other: Figures) -> None:
        """Count these too."""
        for name in _COUNTS:
            setattr(self, name, getattr(self, name) + getattr(other, name))
        for reason, number in other.withheld.items():
            self.withheld[reason] = self.withheld.get(reason, 0) + number
        for price, segments in other.billed.items():
            self.billed[price] = self.billed.get(price, 0) + segments
        self.sample_id = max(self.sample_id, other.sample_id)

    @property
    def texts(self) -> int:
        """All of them, whatever became of them."""
        return self.sent + self.failed + self.waiting + self.cancelled + sum(self.withheld.values())

    @property
    def costs(self) -> tuple[Cost, ...]:
        """What they cost, by currency."""
        sums: dict[str, Decimal] = {}
        for price, segments in self.billed.items():
            if price is not None:
                sums[price.currency] = sums.get(price.currency, Decimal(0)) + price.per_segment * segments
        return tuple(Cost(amount, currency) for currency, amount in sorted(sums.items()))

    @property
    def unpriced(self) -> int:
        """Segments that the price table has no price for."""
        return self.billed.get(None, 0)


@dataclass(slots=True)
class Texted:
    """What came in for a rule: texts, and the contacts that wrote them."""

    texts: int = 0
    contacts: set[int] = field(default_factory=set)
    joined: set[int] = field(default_factory=set)
    """Those who gave a consent by one of these texts."""


@dataclass(slots=True)
class Landed:
    """Who landed in an arm of a split, each with the id of the first text, and who of them clicked, answered, reached
    the goal, and met with the event that the split is measured by."""

    since: dict[int, int] = field(default_factory=dict)
    clicked: set[int] = field(default_factory=set)
    answered: set[int] = field(default_factory=set)
    converted: set[int] = field(default_factory=set)
    happened: set[int] = field(default_factory=set)

    @property
    def contacts(self) -> KeysView[int]:
        """Who landed in it."""
        return self.since.keys()


class _Brand:
    """The last texts of a brand, by contact: those of lately, and those before the last turn."""

    __slots__ = ("before", "lately")

    def __init__(self) -> None:
        self.lately: dict[int, _Last] = {}
        self.before: dict[int, _Last] = {}


class _Kind:
    """Texts that have everything in common that is counted."""

    __slots__ = ("after_ids", "brand", "count", "entered", "figures", "is_credited", "landed", "last_id")

    def __init__(self, brand: _Brand, figures: Figures, landed: Landed | None, is_credited: bool) -> None:
        self.brand = brand
        self.figures = figures
        self.landed = landed
        self.is_credited = is_credited
        self.count = self.entered = self.after_ids = self.last_id = 0


class _Last:
    """The last text of a brand to a contact; `kind` is None for one after the period, or once a STOP came after it."""

    __slots__ = ("id", "is_answered", "kind", "number")

    def __init__(self, id: int, number: str, kind: _Kind | None) -> None:
        self.id = id
        self.number = number
        self.kind = kind
        self.is_answered = False


class Counting:
    """Counts one period: give it texts and what contacts did, in the order of their ids. `stretch` are the first id of
    the period and the first after it; texts after it only take over what is credited. `finish` when all are given."""

    def __init__(self, prices: Prices, stretch: tuple[int, int]) -> None:
        self.figures: dict[Key, Figures] = {}
        self.texted: dict[tuple[str, str], Texted] = {}
        """What came in, by brand and rule ("" where none took it)."""
        self.arms: dict[tuple[str, str, str], Landed] = {}
        """Arms of splits, by brand, rule and "split=arm"."""
        self.stopped: dict[str, set[int]] = {}
        """Who opted out in the period, by brand; under "" those whose STOP named no brand."""
        self.goals: dict[tuple[str, str], int] = {}
        """Goals reached by those who entered in the period, by brand and drip."""
        self._prices = prices
        self._since_id, self._until_id = stretch
        self._kinds: dict[tuple[object, ...], _Kind] = {}
        self._brands: dict[str, _Brand] = {}
        self._by_step: dict[tuple[str, str, str, str], Figures] = {}
        self._arms_of: dict[tuple[str, str], list[str]] = {}
        self._clicked: set[tuple[int, str, str]] = set()
        self._turn_id = 0

    def sent(self, row: Row) -> None:
        """A text that went out, or was to (the fields of Sent). This runs for each text: what can wait, waits."""
        id, contact_id, number, cause_id = row[:_COMMON]
        common = row[_COMMON:]
        kind = self._kinds.get(common) or self._new_kind(common)
        if kind.is_credited:
            if id >= self._turn_id:
                self._turn(id)
            kind.brand.lately[contact_id] = _Last(id, number, kind if id < self._until_id else None)
        if id >= self._until_id:
            return
        kind.count += 1
        kind.last_id = id
        if cause_id:
            kind.after_ids += id - cause_id
            if cause_id >= self._since_id:
                kind.entered += 1
        if kind.landed is not None and kind.is_credited:
            kind.landed.since.setdefault(contact_id, id)

    def came(self, row: Row) -> None:
        """Something that a contact said (the fields of Came)."""
        id, contact_id, number, brand, state, rule = row
        if state in _ANSWERS:
            if id < self._until_id:
                texted = self.texted.get((brand or OPERATOR, rule)) or self._new_texted(brand or OPERATOR, rule)
                texted.texts += 1
                texted.contacts.add(contact_id)
            if brand:
                self._answered(id, contact_id, brand)
        elif state in ("opted_out", REVOKED):
            self._stopped(id, contact_id, brand or OPERATOR, number)
        elif state == GIVEN and rule and id < self._until_id:
            (self.texted.get((brand, rule)) or self._new_texted(brand, rule)).joined.add(contact_id)

    def clicked(self, row: Clicked) -> None:
        """A link was followed. Give these after the texts."""
        once = (row.contact_id, row.rule, row.step)
        if not self._since_id <= row.sent_id < self._until_id or once in self._clicked:
            return
        self._clicked.add(once)
        arm = self._arm_of(row.brand, row.rule, row.contact_id)
        figures = self._by_step.get((row.brand, row.rule, row.step, arm))
        if figures is None:  # a text of the rule that is in no arm, though others are
            figures = self._by_step.get((row.brand, row.rule, row.step, ""))
        if figures is not None:
            figures.clicked += 1
        if arm:
            self.arms[row.brand, row.rule, arm].clicked.add(row.contact_id)

    def converted(self, row: Converted) -> None:
        """A goal was reached. Give these after the texts."""
        if not self._since_id <= row.cause_id < self._until_id:
            return
        key = (row.brand, row.rule)
        self.goals[key] = self.goals.get(key, 0) + 1
        arm = self._arm_of(row.brand, row.rule, row.contact_id)
        if arm:
            self.arms[row.brand, row.rule, arm].converted.add(row.contact_id)

    def happened(self, row: Happened) -> None:
        """An event that a split is measured by. Give these after the texts."""
        for (brand, _, arm), landed in self.arms.items():
            first = landed.since.get(row.contact_id)
            if brand == row.brand and arm.partition("=")[0] == row.split and first is not None and row.id >= first:
                landed.happened.add(row.contact_id)

    def finish(self) -> None:
        """Everything is given: add it up."""
        for common, kind in self._kinds.items():
            if kind.count:
                self._add_up(Sent(0, 0, "", 0, *common), kind)  # type: ignore[arg-type]
        self._kinds.clear()
        self.figures = {key: figures for key, figures in self.figures.items() if figures.texts}

    def _new_kind(self, common: Row) -> _Kind:
        row = Sent(0, 0, "", 0, *common)
        name = row.brand or OPERATOR
        figures = self.figures.setdefault(Key(name, row.rule, row.step, row.arm, row.message_class), Figures())
        self._by_step.setdefault((name, row.rule, row.step, row.arm), figures)
        landed: Landed | None = None
        if row.arm:
            landed = self.arms.get((name, row.rule, row.arm))
            if landed is None:
                landed = self.arms[name, row.rule, row.arm] = Landed()
                self._arms_of.setdefault((name, row.rule), []).append(row.arm)
        brand = self._brands.setdefault(name, _Brand())
        kind = self._kinds[common] = _Kind(brand, figures, landed, row.state in SENT and row.message_class in _CREDITED)
        return kind

    def _new_texted(self, brand: str, rule: str) -> Texted:
        return self.texted.setdefault((brand, rule), Texted())

    def _answered(self, at_id: int, contact_id: int, brand: str) -> None:
        last = self._last(brand, contact_id, at_id)
        if last is None or last.is_answered:
            return
        last.is_answered = True
        if last.kind is not None:
            last.kind.figures.answered += 1
            if last.kind.landed is not None:
                last.kind.landed.answered.add(contact_id)

    def _stopped(self, at_id: int, contact_id: int, brand: str, number: str) -> None:
        if at_id < self._until_id:
            self.stopped.setdefault(brand, set()).add(contact_id)
        for one in (brand,) if brand else tuple(self._brands):
            last = self._last(one, contact_id, at_id)
            if last is None or (not brand and last.number != number):
                continue
            if last.kind is not None:
                last.kind.figures.opted_out += 1
            last.kind = None  # a STOP said twice is credited once

    def _arm_of(self, brand: str, rule: str, contact_id: int) -> str:
        """The arm that a contact landed in; "" for none."""
        for arm in self._arms_of.get((brand, rule), []):
            if contact_id in self.arms[brand, rule, arm].contacts:
                return arm
        return ""

    def _add_up(self, row: Sent, kind: _Kind) -> None:
        figures, count, state = kind.figures, kind.count, row.state
        figures.sample_id = max(figures.sample_id, kind.last_id)
        if state in SENT:
            figures.sent += count
            figures.entered += kind.entered
            figures.after_ids += kind.after_ids
            if state == "delivered":
                figures.delivered += count
            elif state == "undelivered":
                figures.undelivered += count
            elif state in _UNKNOWN:
                figures.unknown += count
            self._bill(figures, row, count * row.segments * max(1, row.sends))
        elif state == "withheld":
            figures.withheld[row.reason] = figures.withheld.get(row.reason, 0) + count
        elif state == "failed":
            figures.failed += count
            if row.accepted:  # "0,2/3": some of its segments were taken
                self._bill(figures, row, count * (row.accepted.partition("/")[0].count(",") + 1))
        elif state == "cancelled":
            figures.cancelled += count
        else:
            figures.waiting += count

    def _bill(self, figures: Figures, row: Sent, segments: int) -> None:
        price = self._prices.of(row.connector, row.address)
        figures.segments += segments
        figures.billed[price] = figures.billed.get(price, 0) + segments

    def _turn(self, now_id: int) -> None:
        """Forget contacts whose last text nothing can be credited to any more."""
        is_next = now_id < self._turn_id + _CREDITED_IDS
        for brand in self._brands.values():
            brand.before = brand.lately if is_next else {}
            brand.lately = {}
        self._turn_id = now_id + _CREDITED_IDS

    def _last(self, name: str, contact_id: int, now_id: int) -> _Last | None:
        brand = self._brands.get(name)
        if brand is None:
            return None
        last = brand.lately.get(contact_id) or brand.before.get(contact_id)
        return last if last is not None and now_id - last.id <= _CREDITED_IDS else None
