"""A great many texts and their receipts, as message centres send them, through the very functions that settle them."""

from collections import Counter
from collections.abc import Iterator
from random import Random
from typing import NamedTuple

from gateway.connectors.message_ids import IdForms
from router import outbox, receipts
from router.outbox import Outcome
from router.receipts import ReceiptIn
from router.store import statements_outbox as sql_outbox
from router.store.engine import Store
from router.world import Virtual
from smpp.simulator_conduct import Ids

GROUP = 200
"""Causes in one transaction."""
MOST_LATE = 12
"""A receipt comes at most so many groups after its answer."""
EARLY, TWICE, DISORDERED, BAD = 0.05, 0.05, 0.10, 0.1
NUMBERED_FROM = 1
"""The centres count from here: short numbers, of which one form looks like another number's other form."""


class Event(NamedTuple):
    """A submit_sm_resp (no state) or a receipt of the centre's message with that number."""

    outbox_id: int
    number: int
    state: str


class Flood:
    """Three centres, each with another form of ids, all of them learnt; `settle` plays so many texts."""

    def __init__(self, store: Store, world: Virtual, seed: int) -> None:
        self.store = store
        self.world = world
        self.random = Random(seed)
        self.forms = {one.value: IdForms("learn") for one in Ids}
        self.last = dict.fromkeys(self.forms, NUMBERED_FROM - 1)
        self.wanted: Counter[str] = Counter()
        self.doubled = 0
        self.phone_of: dict[int, str] = {}
        self.centre_of: dict[int, str] = {}
        with store.begin() as tx:
            for n in range(1_000):
                tx.write(f"INSERT INTO contacts VALUES ({n + 1}, '{self._phone(n)}', NULL, NULL, 0)")

    def settle(self, texts: int) -> None:
        """So many texts, and everything about them; what is late comes after them."""
        late: dict[int, list[Event]] = {}
        turn = 0
        while texts > 0 or late:
            events = late.pop(turn, [])
            if texts > 0:
                for event, turns in self._texts(min(GROUP, texts)):
                    events.append(event) if not turns else late.setdefault(turn + turns, []).append(event)
                texts -= GROUP
            for start in range(0, len(events), GROUP):
                self._commit(events[start : start + GROUP])
            self.world.at += 20_000
            turn += 1

    def _texts(self, count: int) -> Iterator[tuple[Event, int]]:
        """New texts, with what the centres say of each, and how many turns later."""
        random, now, rows = self.random, self.world.now(), []
        events: list[tuple[Event, int]] = []
        for _ in range(count):
            id, n, centre = self.world.ids.next(now), random.randrange(1_000), random.choice(list(self.forms))
            rows.append((id, n + 1, "4411", centre, "Shop", "conversational", "Hallo", "gsm7", 1, "claimed", "", 0, "",
                         "", "", "", now, now, 1, 1, "ams-1", None, 1, 0))  # fmt: skip
            self.phone_of[id], self.centre_of[id] = self._phone(n), centre
            self.last[centre] += 1
            number = self.last[centre]
            state = "UNDELIV" if random.random() < BAD else "DELIVRD"
            self.wanted["delivered" if state == "DELIVRD" else "undelivered"] += 1
            answered_in = random.randrange(3)
            early = random.random() < EARLY
            told_in = max(0, answered_in - 1) if early else answered_in + random.randrange(MOST_LATE - 3)
            events.append((Event(id, number, ""), answered_in))
            events.append((Event(id, number, state), told_in))
            if random.random() < TWICE:
                self.doubled += 1
                events.append((Event(id, number, state), told_in + random.randrange(3)))
            if random.random() < DISORDERED:
                events.append((Event(id, number, "ACCEPTD"), random.randrange(MOST_LATE)))
        with self.store.begin() as tx:
            sql_outbox.insert_outbox.run(tx, rows)
        yield from events

    def _commit(self, events: list[Event]) -> None:
        """One group: first what was answered, then the receipts, as the writer has it; the connector saw them mixed."""
        self.random.shuffle(events)
        outcomes: list[Outcome] = []
        told: list[ReceiptIn] = []
        for id, number, state in events:
            centre, phone = self.centre_of[id], self.phone_of[id]
            if state:
                told.append(self._receipt(centre, phone, Ids(centre).in_receipt(number), state))
            else:
                written = self.forms[centre].answered(Ids(centre).in_answer(number), phone)
                outcomes.append(Outcome(id=id, connector=centre, state="sent", message_ids=(written,)))
        with self.store.begin() as tx:
            outbox.settle(tx, outcomes, self.world.now())
            if told:
                receipts.settle(tx, told)

    def _receipt(self, centre: str, phone: str, id: str, state: str) -> ReceiptIn:
        now, phones = self.world.now(), (phone, "4411")
        forms, sure = self.forms[centre].of_receipt(id, phones)
        return ReceiptIn(
            id=self.world.ids.next(now), connector=centre, message_id=id, forms=forms, sure=sure, state=state,
            error="000", received_at=now, text="", phones=phones,
        )  # fmt: skip

    @staticmethod
    def _phone(n: int) -> str:
        return f"3161{n * 7_919 % 10_000_000:07}"
