"""A stage for conversations: the very ways that production runs, on a store in memory and with a clock moved by hand.

One phone texts, one connector takes whatever is claimed at once, and what reached the phone or was withheld is read
from the outbox, where it stands in any case. Transcripts and `chat` play on it.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final
from typing import Literal as OneOf

import msgspec

from router import consent, due, timers
from router.claims import Allowance
from router.contacts import by_address, row_of
from router.group import Group, commit
from router.instants import SECOND
from router.messages import Facts, Inbound, Occurrence, Profile, Source
from router.outbox import Outcome
from router.receipts import ReceiptIn
from router.store import stage
from router.store import statements as sql
from router.store import statements_events as sql_events
from router.store import statements_timers as sql_timers
from router.store.engine import IN_MEMORY, Store, open_store
from router.store.values import loads
from router.suppression import Suppressions
from router.ways import Ways
from router.world import Virtual
from rules.facts import Value
from rules.rulebook import Rulebook

CONNECTOR: Final = "stage"
URL: Final = "https://sms.example"
"""Where the stage's short links would be served."""
UNLIMITED: Final = 1 << 40
"""Segments the stage's connector takes at once: conversations on it never wait for a carrier."""
BETWEEN_TEXTS: Final = 10 * SECOND
"""Time that passes before the phone's next text, so that the loop guard does not take a person for a machine."""
MOST_TURNS: Final = 1_000
"""Due instants played before one `later` is over: a chain that waits and begins again must come to an end."""

Receipt = OneOf["delivered", "undelivered", "expired"]
_RECEIPT_STATES: Final = {"delivered": "DELIVRD", "undelivered": "UNDELIV", "expired": "EXPIRED"}
_OTHER_BOOKS: Final[dict[str, Rulebook]] = {}
"""There is one rule set on this stage, so nothing was ever begun in another."""
_KEPT_BACK: Final = frozenset({"withheld", "cancelled"})


class Got(msgspec.Struct, frozen=True):
    """What the phone got, from which of our numbers."""

    text: str
    number: str


class Kept(msgspec.Struct, frozen=True):
    """What was withheld from it, and why."""

    reason: str
    text: str


class Mailed(msgspec.Struct, frozen=True):
    """An e-mail that went out."""

    to: str
    subject: str
    body: str


class Broke(msgspec.Struct, frozen=True):
    """What could not be acted upon: in production it stands in quarantine."""

    reason: str


Output = Got | Kept | Mailed | Broke


class OnStage:
    """What a phone did and what it allows a brand, for the conditions of a test."""

    def __init__(self, store: Store, facts: Facts, brand: str) -> None:
        self._store = store
        self._facts = facts
        self._brand = brand

    def happened(self, event: str, since: int) -> int:
        """How often an event happened since."""
        with self._store.begin() as tx:
            return int(sql_events.happened.rows(tx, self._facts.contact.id, self._brand, event, since, 0)[0][0])

    def clicked(self) -> bool:
        """Whether the phone followed any link."""
        with self._store.begin() as tx:
            return bool(stage.any_click.rows(tx)[0][0])

    def consents(self, message_class: str) -> bool:
        """Whether texts of that class are allowed."""
        return consent.is_allowed(self._facts.profile(self._brand), message_class)


class Stage:
    """One phone and all our numbers. Every method gives what came of it, in order."""

    def __init__(self, book: Rulebook, phone: str, now: int) -> None:
        self.world = Virtual(now)
        self.phone = phone
        numbers = {name: msgspec.structs.replace(number, via=CONNECTOR) for name, number in book.numbers.items()}
        self.book = msgspec.structs.replace(book, numbers=numbers)
        self._store = open_store(IN_MEMORY)
        self._ways = self._made()
        self._seen = self._mailed = 0
        self._texted = False
        self._sent: list[tuple[int, int]] = []
        """Messages the carrier has taken and not yet given a receipt for: id and segments."""
        self._codes: dict[int, str] = {}
        """What codes said, which the outbox forgets."""

    def _made(self) -> Ways:
        ways = Ways(self.world, "stage", self.book, bytes.decode, _OTHER_BOOKS.get)
        with self._store.begin() as tx:
            timers.enlist(tx, self.book, self.world.now())
        ways.outfit(URL, 0, Suppressions())
        return ways

    def close(self) -> None:
        """Give the store back."""
        self._store.close()

    def again(self, phone: str, now: int) -> None:
        """Empty the stage for another phone at another time."""
        with self._store.begin() as tx:
            stage.empty(tx)
        self.world = Virtual(now)
        self.phone = phone
        self._ways = self._made()
        self._seen, self._mailed, self._texted, self._sent = 0, 0, False, []

    def text(self, number: str, text: str) -> list[Output]:
        """The phone texts a number."""
        if self._texted:
            self.world.at += BETWEEN_TEXTS
        self._texted = True
        now = self.world.now()
        message = Inbound(
            id=self.world.ids.next(now), connector=CONNECTOR, session=1, sequence=1, sender=self.phone,
            recipient=number, text=text, received_at=now,
        )  # fmt: skip
        return [*self._commit(Group(inbound=(message,))), *self.until(self.world.at)]

    def occur(self, brand: str, name: str, values: Mapping[str, Value]) -> list[Output]:
        """An event of the brand's systems; its value `ref` names the transaction that it is about."""
        return self._occur(brand, name, "api", values, "")

    def click(self) -> list[Output]:
        """The phone follows the link that it got last and has not followed yet."""
        with self._store.begin() as tx:
            rows = stage.newest_link.rows(tx)
        if not rows:
            return [Broke("no link is there to click on")]
        code, brand, name = rows[0]
        return self._occur(brand, name, "click", {}, code)

    def _occur(self, brand: str, name: str, source: Source, values: Mapping[str, Value], key: str) -> list[Output]:
        now = self.world.now()
        occurrence = Occurrence(
            id=self.world.ids.next(now), brand=brand, address=self.phone, name=name, source=source, at=now,
            received_at=now, values=values, ref=str(values.get("ref", "")), key=key,
        )  # fmt: skip
        return [*self._commit(Group(occurrences=(occurrence,))), *self.until(self.world.at)]

    def until(self, at: int) -> list[Output]:
        """The clock moves on; what falls due on the way is done at its instant, what is due exactly then too."""
        outputs: list[Output] = []
        for _ in range(MOST_TURNS):
            with self._store.begin() as tx:
                next_at = due.next_instant(tx, due.next_run(tx))
            if next_at is None or next_at > at:
                break
            self.world.at = max(self.world.at, next_at)
            outputs += self._commit(Group(due=True))
        else:
            outputs.append(Broke(f"more than {MOST_TURNS} things fell due"))
        if at > self.world.at:
            self.world.at = at
            self._texted = False
        return outputs

    def receipt(self, outcome: Receipt) -> list[Output]:
        """The carrier tells what became of the text it took last."""
        if not self._sent:
            return [Broke("no text is waiting for a receipt")]
        sent_id, segments = self._sent.pop()
        now = self.world.now()
        receipts = [
            ReceiptIn(
                id=self.world.ids.next(now), connector=CONNECTOR, message_id=name, forms=(name,),
                state=_RECEIPT_STATES[outcome], error="000", received_at=now, text="",
            )
            for name in _names(sent_id, segments)
        ]  # fmt: skip
        return [*self._commit(Group(receipts=receipts)), *self.until(self.world.at)]

    def prepare(self, brand: str, profile: Profile) -> None:
        """Let a brand know the phone beforehand; such a contact is not new."""
        with self._store.begin() as tx:
            loaded = by_address(tx, [self.phone], self.world.ids, self.world.now())
            sql.upsert_profiles.run(tx, [row_of(loaded.contacts[self.phone].id, profile)])
            sql_timers.reopen.run(tx, self.world.now(), brand)

    def facts(self, number: str) -> Facts:
        """What is known of the phone now."""
        with self._store.begin() as tx:
            loaded = by_address(tx, [self.phone], self.world.ids, self.world.now())
        return loaded.facts(loaded.contacts[self.phone], number, None)

    def told(self, brand: str) -> OnStage:
        """Answers for what the phone did and allows the brand."""
        return OnStage(self._store, self.facts(""), brand)

    def recorded(self, brand: str) -> dict[str, Value]:
        """The newest value of each name that was recorded for the phone."""
        with self._store.begin() as tx:
            return {name: loads(value)["value"] for name, value in stage.recorded.rows(tx, brand)}

    def taken(self) -> list[tuple[str, str | None, str]]:
        """The phone's texts with the brand that got each, and what became of it."""
        with self._store.begin() as tx:
            return [(text, brand, state) for text, brand, state in stage.taken.rows(tx)]

    def _commit(self, group: Group) -> list[Output]:
        """Perform a group; then let the carrier take what was claimed, until nothing is left to be taken."""
        allowance = Allowance({CONNECTOR: UNLIMITED})
        done = commit(self._store, group, self._ways, allowance)
        reasons = dict.fromkeys((*(why for _, why in done.quarantined), *done.faults))
        claims = done.claims
        while claims:
            outcomes = []
            for claim in claims:
                self._sent.append((claim.id, claim.segments))
                if claim.message_class == "otp":
                    self._codes[claim.id] = claim.text
                names = _names(claim.id, claim.segments)
                outcomes.append(
                    Outcome(
                        id=claim.id, connector=claim.connector, state="sent", message_ids=names,
                        message_class=claim.message_class,
                    )
                )  # fmt: skip
            claims = commit(self._store, Group(outcomes=outcomes, claim=True), self._ways, allowance).claims
        return [*self._new(), *map(Broke, reasons)]

    def _new(self) -> list[Output]:
        """What stands in the outbox since the last look."""
        with self._store.begin() as tx:
            rows = stage.outbox_after.rows(tx, self._seen)
            letters = stage.emails_after.rows(tx, self._mailed)
        outputs: list[Output] = []
        for letter_id, to, subject, body, state, reason in letters:
            self._mailed = letter_id
            outputs.append(Kept(reason, body) if state in _KEPT_BACK else Mailed(to, subject, body))
        for row_id, text, number, state, reason in rows:
            self._seen = row_id
            said = self._codes.pop(row_id, text)
            outputs.append(Kept(reason, said) if state in _KEPT_BACK else Got(said, number))
        return outputs


def _names(sent_id: int, segments: int) -> tuple[str, ...]:
    return tuple(f"{sent_id}-{segment}" for segment in range(segments))
