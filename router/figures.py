"""Counting what texts came to: each text that went out belongs to a brand, rule, step, arm and class, and what its
contact did afterwards is credited to it.

Texts and what contacts did pass here in the order of their ids, that is of time, each once; nothing is kept of a text
but its contact's last one with the brand, and that for two weeks at most. So the memory it takes grows with the
contacts of two weeks (and with those in a split, those who wrote, and those who clicked), not with the texts.

Rules of what counts:
- a text is `sent` when the carrier has taken it, or may have (its answer was lost); it is paid for as often as that.
- an answer is the contact's first text to the brand after one of ours and before the brand's next, within a week.
- a STOP is credited to the last text of that brand before it, within a week (of every brand on the number when it said
  all); its own confirmation, help and the operator's texts are credited with nothing.
- what happens after the period is still credited to the texts of the period; texts after it only take over.
- a contact is new once, with the text that it became known by: its id was given after that text's.
"""

from __future__ import annotations

from typing import Any, Final

from router.counted import GIVEN, REVOKED, Clicked, Converted, Happened, Key, Sent
from router.instants import DAY
from router.plan import OPERATOR
from router.prices import Prices
from router.totals import Figures, Followed, Landed, Texted
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


class _Brand:
    """The last texts of a brand, by contact: those of lately, and those before the last turn."""

    __slots__ = ("before", "lately")

    def __init__(self) -> None:
        self.lately: dict[int, _Last] = {}
        self.before: dict[int, _Last] = {}


class _Kind:
    """Texts that have everything in common that is counted."""

    __slots__ = ("after_ids", "begun", "brand", "count", "entered", "figures", "is_credited", "landed", "last_id")

    def __init__(self, brand: _Brand, figures: Figures, is_credited: bool) -> None:
        self.brand = brand
        self.figures = figures
        self.is_credited = is_credited
        self.landed: Landed | None = None
        self.begun: Figures | None = None
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
        """Who opted out in the period, by brand; under "" those whose STOP named none (the ledger has it for each)."""
        self.goals: dict[tuple[str, str], int] = {}
        """Goals reached by those who entered in the period, by brand and drip."""
        self.links: dict[tuple[str, str, str, str], Followed] = {}
        """Links of texts of the period that were followed, by brand, rule, step and name."""
        self._prices = prices
        self._since_id, self._until_id = stretch
        self._kinds: dict[tuple[object, ...], _Kind] = {}
        self._brands: dict[str, _Brand] = {}
        self._by_step: dict[tuple[str, str, str, str], Figures] = {}
        self._arms_of: dict[tuple[str, str], list[str]] = {}
        self._clicked: set[tuple[int, str, str]] = set()
        self._newcomers: set[int] = set()
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
                texted = self._texted(brand or OPERATOR, rule)
                texted.texts += 1
                texted.contacts.add(contact_id)
                if contact_id > id and contact_id not in self._newcomers:
                    self._newcomers.add(contact_id)
                    texted.new.add(contact_id)
            if brand:
                self._answered(id, contact_id, brand)
        elif state in ("opted_out", REVOKED):
            self._stopped(id, contact_id, brand or OPERATOR, number)
        elif state == GIVEN and rule and id < self._until_id:
            self._texted(brand, rule).joined.add(contact_id)

    def clicked(self, row: Clicked) -> None:
        """A link was followed. Give these after the texts."""
        if not self._since_id <= row.sent_id < self._until_id:
            return
        followed = self.links.setdefault((row.brand, row.rule, row.step, row.link), Followed())
        followed.contacts.add(row.contact_id)
        followed.times += row.times
        once = (row.contact_id, row.rule, row.step)
        if once in self._clicked:
            return
        self._clicked.add(once)
        arm = self._arm_of(row.brand, row.rule, row.contact_id)
        figures = self._by_step.get((row.brand, row.rule, row.step, arm))
        if figures is None:  # a text of the rule that is in no arm, though others are
            figures = self._by_step.get((row.brand, row.rule, row.step, ""))
        if figures is not None:
            figures.clicked += 1
            if row.origin and row.origin != row.rule:
                self._texted(row.brand, row.origin).begun.clicked += 1
        if arm:
            self.arms[row.brand, row.rule, arm].clicked.add(row.contact_id)

    def converted(self, row: Converted) -> None:
        """A goal was reached. Give these after the texts."""
        if not self._since_id <= row.cause_id < self._until_id:
            return
        key = (row.brand, row.rule)
        self.goals[key] = self.goals.get(key, 0) + 1
        if row.origin:
            self._texted(row.brand, row.origin).goals += 1
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
                row = Sent(0, 0, "", 0, *common)  # type: ignore[arg-type]
                self._add_up(row, kind, kind.figures)
                if kind.begun is not None:
                    self._add_up(row, kind, kind.begun)
        self._kinds.clear()
        self.figures = {key: figures for key, figures in self.figures.items() if figures.texts}

    def _new_kind(self, common: Row) -> _Kind:
        row = Sent(0, 0, "", 0, *common)
        name = row.brand or OPERATOR
        figures = self.figures.setdefault(Key(name, row.rule, row.step, row.arm, row.message_class), Figures())
        self._by_step.setdefault((name, row.rule, row.step, row.arm), figures)
        brand = self._brands.setdefault(name, _Brand())
        kind = self._kinds[common] = _Kind(brand, figures, row.state in SENT and row.message_class in _CREDITED)
        if row.arm:
            kind.landed = self.arms.get((name, row.rule, row.arm))
            if kind.landed is None:
                kind.landed = self.arms[name, row.rule, row.arm] = Landed()
                self._arms_of.setdefault((name, row.rule), []).append(row.arm)
        if row.origin and row.origin != row.rule:
            kind.begun = self._texted(name, row.origin).begun
        return kind

    def _texted(self, brand: str, rule: str) -> Texted:
        return self.texted.get((brand, rule)) or self.texted.setdefault((brand, rule), Texted())

    def _answered(self, at_id: int, contact_id: int, brand: str) -> None:
        last = self._last(brand, contact_id, at_id)
        if last is None or last.is_answered:
            return
        last.is_answered = True
        if last.kind is not None:
            last.kind.figures.answered += 1
            if last.kind.begun is not None:
                last.kind.begun.answered += 1
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
                if last.kind.begun is not None:
                    last.kind.begun.opted_out += 1
            last.kind = None  # a STOP said twice is credited once

    def _arm_of(self, brand: str, rule: str, contact_id: int) -> str:
        """The arm that a contact landed in; "" for none."""
        for arm in self._arms_of.get((brand, rule), []):
            if contact_id in self.arms[brand, rule, arm].contacts:
                return arm
        return ""

    def _add_up(self, row: Sent, kind: _Kind, figures: Figures) -> None:
        count, state = kind.count, row.state
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
