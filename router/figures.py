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

from dataclasses import dataclass, field
from decimal import Decimal
from typing import Final, NamedTuple, assert_never

from router.instants import DAY
from router.plan import OPERATOR
from router.prices import Cost, Price, Prices
from router.world import EPOCH_MS, first_id_at

CREDITED_WITHIN: Final = 7 * DAY
"""How long after a text what its contact does is credited to it, in microseconds."""
_CREDITED_IDS: Final = first_id_at(EPOCH_MS * 1000 + CREDITED_WITHIN)
"""The same in ids."""

SENT: Final = frozenset({"sent", "delivered", "undelivered", "unknown", "expired"})
"""States of the outbox of a text that the carrier has taken, or may have."""
_UNKNOWN: Final = frozenset({"unknown", "expired"})
_WAITING: Final = frozenset({"ready", "claimed"})
_CREDITED: Final = frozenset({"conversational", "transactional", "promotional"})
"""Classes of texts that what a contact does is credited to."""
_ANSWERS: Final = frozenset({"routed", "unrouted", "incomplete"})
"""States of a text from a phone that is meant for the brand; not commands, nor what was delivered twice."""


class Key(NamedTuple):
    """What a text belongs to. `brand` is "" for the operator's own, `arm` "split=arm" or ""."""

    brand: str
    rule: str
    step: str
    arm: str
    message_class: str


class Sent(NamedTuple):
    """A row of the outbox, as far as counting goes."""

    id: int
    contact_id: int
    number: str
    connector: str
    brand: str | None
    message_class: str
    segments: int
    state: str
    reason: str
    cause_id: int
    rule: str
    step: str
    arm: str
    sends: int
    accepted: str
    address: str


class Came(NamedTuple):
    """A row of the texts from phones, as far as counting goes."""

    id: int
    contact_id: int
    number: str
    brand: str | None
    state: str
    rule: str


_COUNTS: Final = (
    "sent", "delivered", "undelivered", "unknown", "failed", "waiting", "cancelled", "answered", "clicked", "opted_out",
    "segments", "after_ids", "entered",
)  # fmt: skip


class Consented(NamedTuple):
    """A consent that began or ended. `rule`: the one that took the text that said so, "" where none did."""

    id: int
    contact_id: int
    brand: str
    is_given: bool
    rule: str


class Clicked(NamedTuple):
    """The first click of a link in a text of that rule and step, which was written down under `sent_id` or later."""

    id: int
    contact_id: int
    brand: str
    rule: str
    step: str
    sent_id: int


class Converted(NamedTuple):
    """A contact reached the goal of a drip that it had entered by cause `cause_id`."""

    id: int
    contact_id: int
    brand: str
    rule: str
    cause_id: int


Did = Came | Consented | Clicked | Converted
"""What a contact did."""


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
    """Who landed in an arm of a split, and who of them clicked, answered and reached the goal."""

    contacts: set[int] = field(default_factory=set)
    clicked: set[int] = field(default_factory=set)
    answered: set[int] = field(default_factory=set)
    converted: set[int] = field(default_factory=set)


@dataclass(slots=True)
class _Last:
    """The last text of a brand to a contact; `figures` is None for one after the period."""

    id: int
    number: str
    figures: Figures | None
    landed: Landed | None
    is_answered: bool = False


class Counting:
    """Counts one period: give it texts and what contacts did, in the order of their ids. `stretch` are the first id of
    the period and the first after it; texts after it only take over what is credited."""

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
        self._by_step: dict[tuple[str, str, str, str], Figures] = {}
        self._arms_of: dict[tuple[str, str], list[str]] = {}
        self._clicked: set[tuple[int, str, str]] = set()
        self._brands: set[str] = set()
        self._lately: dict[tuple[str, int], _Last] = {}
        self._before: dict[tuple[str, int], _Last] = {}
        self._turn_id = 0

    def sent(self, row: Sent) -> None:
        """A text that went out, or was to."""
        brand = row.brand or OPERATOR
        figures: Figures | None = None
        landed: Landed | None = None
        if row.id < self._until_id:
            key = Key(brand, row.rule, row.step, row.arm, row.message_class)
            figures = self.figures.get(key)
            if figures is None:
                figures = self.figures[key] = Figures()
                self._by_step.setdefault((brand, row.rule, row.step, row.arm), figures)
            self._count(figures, row)
            if row.arm:
                landed = self.arms.get((brand, row.rule, row.arm))
                if landed is None:
                    landed = self.arms[brand, row.rule, row.arm] = Landed()
                    self._arms_of.setdefault((brand, row.rule), []).append(row.arm)
                if row.state in SENT:
                    landed.contacts.add(row.contact_id)
        if row.state in SENT and row.message_class in _CREDITED:
            if row.id >= self._turn_id:
                self._turn(row.id)
            self._brands.add(brand)
            self._lately[brand, row.contact_id] = _Last(row.id, row.number, figures, landed)

    def did(self, row: Did) -> None:
        """Something that a contact did."""
        match row:
            case Came():
                self._came(row)
            case Consented():
                self._consented(row)
            case Clicked():
                self._has_clicked(row)
            case Converted():
                self._has_converted(row)
            case _:
                assert_never(row)

    def _came(self, row: Came) -> None:
        if row.id < self._until_id and row.state in _ANSWERS:
            texted = self.texted.setdefault((row.brand or OPERATOR, row.rule), Texted())
            texted.texts += 1
            texted.contacts.add(row.contact_id)
        if row.state == "opted_out":
            self._stopped(row.id, row.contact_id, row.brand or OPERATOR, row.number)
        elif row.state in _ANSWERS and row.brand:
            last = self._last(row.brand, row.contact_id, row.id)
            if last is not None and not last.is_answered:
                last.is_answered = True
                if last.figures is not None:
                    last.figures.answered += 1
                if last.landed is not None:
                    last.landed.answered.add(row.contact_id)

    def _consented(self, row: Consented) -> None:
        if not row.is_given:
            self._stopped(row.id, row.contact_id, row.brand, "")
        elif row.rule and row.id < self._until_id:
            self.texted.setdefault((row.brand, row.rule), Texted()).joined.add(row.contact_id)

    def _stopped(self, at_id: int, contact_id: int, brand: str, number: str) -> None:
        if at_id < self._until_id:
            self.stopped.setdefault(brand, set()).add(contact_id)
        for one in (brand,) if brand else sorted(self._brands):
            last = self._last(one, contact_id, at_id)
            if last is None or (not brand and last.number != number):
                continue
            if last.figures is not None:
                last.figures.opted_out += 1
            last.figures = last.landed = None  # a STOP said twice is credited once

    def _has_clicked(self, row: Clicked) -> None:
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

    def _has_converted(self, row: Converted) -> None:
        if not self._since_id <= row.cause_id < self._until_id:
            return
        key = (row.brand, row.rule)
        self.goals[key] = self.goals.get(key, 0) + 1
        arm = self._arm_of(row.brand, row.rule, row.contact_id)
        if arm:
            self.arms[row.brand, row.rule, arm].converted.add(row.contact_id)

    def _arm_of(self, brand: str, rule: str, contact_id: int) -> str:
        """The arm that a contact landed in last; "" for none."""
        for arm in reversed(self._arms_of.get((brand, rule), [])):
            if contact_id in self.arms[brand, rule, arm].contacts:
                return arm
        return ""

    def _count(self, figures: Figures, row: Sent) -> None:
        state = row.state
        figures.sample_id = row.id
        if state in SENT:
            figures.sent += 1
            if row.cause_id:
                figures.after_ids += row.id - row.cause_id
                figures.entered += row.cause_id >= self._since_id
            if state == "delivered":
                figures.delivered += 1
            elif state == "undelivered":
                figures.undelivered += 1
            elif state != "sent":
                figures.unknown += 1
            self._bill(figures, row, row.segments * max(1, row.sends))
        elif state == "withheld":
            figures.withheld[row.reason] = figures.withheld.get(row.reason, 0) + 1
        elif state == "failed":
            figures.failed += 1
            if row.accepted:  # "0,2/3": some of its segments were taken
                self._bill(figures, row, row.accepted.partition("/")[0].count(",") + 1)
        elif state == "cancelled":
            figures.cancelled += 1
        else:
            figures.waiting += 1

    def _bill(self, figures: Figures, row: Sent, segments: int) -> None:
        price = self._prices.of(row.connector, row.address)
        figures.segments += segments
        figures.billed[price] = figures.billed.get(price, 0) + segments

    def _turn(self, now_id: int) -> None:
        """Forget contacts whose last text nothing can be credited to any more."""
        self._before = self._lately if now_id < self._turn_id + _CREDITED_IDS else {}
        self._lately = {}
        self._turn_id = now_id + _CREDITED_IDS

    def _last(self, brand: str, contact_id: int, now_id: int) -> _Last | None:
        key = (brand, contact_id)
        last = self._lately.get(key) or self._before.get(key)
        return last if last is not None and now_id - last.id <= _CREDITED_IDS else None
