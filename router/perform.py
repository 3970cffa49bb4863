"""Where every cause ends: plans become rows, in one transaction, a few multi-row statements for the whole batch.

This file alone decides three things. Whether a text may go out (`may_send`, under the contact's lock). Whether it is
born `claimed`, so that it may go to the wire the moment the transaction holds: the connector's allowance covers all its
segments and nothing earlier to that contact from that number is unsettled. And what an opt-out sweeps away.
"""

from __future__ import annotations

from collections.abc import Callable, Collection

import msgspec

from router import attest, contacts, ledger, silence
from router.arming import NOTHING_TIMED, Timer, Watch, armed, touched
from router.claims import Allowance, Claim
from router.drips import REFUSED
from router.ledger import Record
from router.messages import Contact, Facts, Inbound, Profile, Thread
from router.plan import (
    OPERATOR,
    Disposition,
    Enter,
    Leave,
    Plan,
    SendEmail,
    SendText,
    Withhold,
)
from router.silence import Stop
from router.spending import NO_TILL, Charge, Till, spend
from router.store import statements as sql
from router.store import statements_emails as sql_emails
from router.store import statements_events as sql_events
from router.store import statements_outbox as sql_outbox
from router.store import statements_reviews as sql_reviews
from router.store import statements_silence as sql_silence
from router.store import statements_timers as sql_timers
from router.store.engine import Row, Tx
from router.suppression import Suppressions
from router.turn import Turn
from router.world import Ids


def always(brand: str, contact: Contact, now: int) -> int | None:
    """No hours are quiet."""
    return now


def everybody(number: str, phone: str) -> bool:
    """All countries are served."""
    return True


class Place(msgspec.Struct, frozen=True):
    """Where a batch is performed: on which node, when, with which ids, and over which connector a number sends."""

    node: str
    now: int
    ids: Ids
    via: Callable[[str], str]
    own_numbers: frozenset[str]
    chance: Callable[[], float]
    """For salts of the consent ledger."""
    suppressions: Suppressions
    till: Till = NO_TILL
    opens_at: Callable[[str, Contact, int], int | None] = always
    """When a brand's promotional text may go out to a contact, at that instant or later; None: never."""
    serves: Callable[[str, str], bool] = everybody
    """Whether one of our numbers may write to a phone of that country."""
    watch: Watch = NOTHING_TIMED
    """What starts by the clock."""


class Performance:
    """Collects what a batch of plans comes to, then writes it all at once."""

    def __init__(self, place: Place, allowance: Allowance) -> None:
        self.place = place
        self.allowance = allowance
        self.claims: list[Claim] = []
        self.ready: dict[str, int] = {}
        """Texts left `ready`, by connector."""
        self.withheld: dict[str, int] = {}
        """Texts withheld, by reason."""
        self.dispositions: dict[Disposition, int] = {}
        """Plans, by what they did."""
        self.stops: list[Stop] = []
        """Opt-outs among the causes, and repeats of earlier ones: answered when nothing more can be written."""
        self.held: list[Inbound] = []
        """Texts that are not decided yet, for another node has an equal one whose fate is open; not written."""
        self.next_due: int | None = None
        """The earliest instant at which something suspended here falls due."""
        self._inbound: list[Row] = []
        self._outbox: list[Row] = []
        self._threads: list[Row] = []
        self._profiles: dict[tuple[int, str], Row] = {}
        self._records: list[Row] = []
        self.reviews: list[Row] = []
        self._runs: list[Row] = []
        self._ended: list[int] = []
        self._silenced: list[tuple[Facts, tuple[str, ...]]] = []
        self._repeats: list[tuple[Inbound, int]] = []
        self._consents: list[Record] = []
        self.asked: dict[int, int] = {}
        """Texts that ask whether an opt-in is meant, by contact."""
        self._lifted: list[tuple[str, str]] = []
        self._enrolments: dict[tuple[int, str, str], Row] = {}
        self._left: list[Row] = []
        self._timers: dict[tuple[int, str, str, str], int | None] = {}
        self.joined: dict[tuple[int, str, str, str], Row] = {}
        self._emails: list[Row] = []
        self._charges: list[Charge] = []
        self.near_budget: list[Charge] = []
        """Budgets of which so much is spent that it is to be warned of, with what is spent."""

    def add(self, facts: Facts, plan: Plan, unsettled: Collection[tuple[int, str]], first: int | None = None) -> None:
        """Take one plan in. `unsettled`: contacts and numbers of which something earlier is not settled yet. `first`:
        the text that its own was taken for a repeat of."""
        message, thread = facts.message, facts.thread
        self.dispositions[plan.disposition] = self.dispositions.get(plan.disposition, 0) + 1
        if message is not None:
            self._inbound.append(_inbound_row(message, facts.contact, plan, first))
            brand = plan.brand or thread.last_brand
            thread = Thread(
                brand, message.received_at, thread.last_out_at, thread.replies, thread.replies_since, message.id
            )
        turn = Turn(self, facts, thread, unsettled)
        if facts.occurrence is not None:
            turn.act(facts.occurrence)
        for effect in plan.effects:
            turn.do(effect)
        if self.place.watch.timed:
            self._arm(facts, plan, turn)
        if turn.thread is not facts.thread:
            self._threads.append(_thread_row(facts.contact.id, facts.number, turn.thread))
        for number, other in turn.others.items():
            self._threads.append(_thread_row(facts.contact.id, number, other))
        for profile in turn.changed.values():
            self._profiles[facts.contact.id, profile.brand] = contacts.row_of(facts.contact.id, profile)

    def add_repeat(self, message: Inbound, contact: Contact, first: int) -> None:
        """Keep a text that was delivered before, as text `first`: it is shown and may be replayed, and does nothing."""
        self.dispositions["suspected_duplicate"] = self.dispositions.get("suspected_duplicate", 0) + 1
        self._inbound.append(_inbound_row(message, contact, Plan("suspected_duplicate"), first))
        self._repeats.append((message, contact.id))

    def write(self, tx: Tx) -> None:
        """Write everything. Sweeping comes first, so that a STOP's own confirmation is not swept with the rest."""
        if self._consents:  # its heads are locked after the contacts and before the outbox
            records = attest.answered(tx, self._consents)
            ledger.append(tx, records, self.place.ids, self.place.now, self.place.chance)
        if self._charges:
            self.near_budget = spend(tx, self._charges)
        for address, brand in self._lifted:
            self.place.suppressions.lift(tx, address, [brand], self.place.now)
        for facts, brands in self._silenced:
            self._sweep(tx, facts, list(brands))
        if self._ended:
            sql.delete_runs.run(tx, self._ended)
        for insert, rows in (
            (sql.insert_inbound, self._inbound),
            (sql_outbox.insert_outbox, self._outbox),
            (sql.upsert_threads, self._threads),
            (sql.upsert_profiles, list(self._profiles.values())),
            (sql.upsert_runs, self._standing_runs()),
            (sql.insert_records, self._records),
            (sql_emails.insert_emails, self._emails),
            (sql_reviews.insert_reviews, self.reviews),
            (sql_events.upsert_enrolments, list(self._enrolments.values())),
            (sql_timers.arm, [(*key, due_at) for key, due_at in self._timers.items()]),
            (sql_timers.move, list(self.joined.values())),
        ):
            if rows:
                insert.run(tx, rows)
        for left in self._left:
            sql_events.end_enrolment.run(tx, *left)
        if self._repeats:
            self._look_for_stops(tx)

    def _standing_runs(self) -> list[Row]:
        """The runs to keep: each once, as it was left last, and none that the same cause has ended."""
        kept = {row[0]: row for row in self._runs}
        return [row for run_id, row in kept.items() if run_id not in self._ended]

    def _sweep(self, tx: Tx, facts: Facts, brands: list[str]) -> None:
        contact, cause = facts.contact, facts.message or facts.occurrence
        # A second STOP has no confirmation of its own, and leaves that of the first its turn.
        confirmed = any(row[1] == contact.id and row[5] == "stop_confirmation" for row in self._outbox)
        claims = silence.sweep(tx, contact.id, brands, self.place.now, "" if confirmed else "stop_confirmation")
        if cause is not None:
            self.stops.append(silence.stop(cause.id, contact.address, claims, self.place.node))

    def _look_for_stops(self, tx: Tx) -> None:
        """A STOP that is delivered again is acknowledged no sooner than the first one."""
        claims: dict[int, list[tuple[int, str]]] = {}
        for contact_id, outbox_id, node in sql_silence.claimed_despite.rows(tx, [one for _, one in self._repeats]):
            if node != self.place.node:
                claims.setdefault(contact_id, []).append((outbox_id, node))
        for message, contact_id in self._repeats:
            if contact_id in claims:
                self.stops.append(silence.stop(message.id, message.sender, claims[contact_id], self.place.node))

    def _arm(self, facts: Facts, plan: Plan, turn: Turn) -> None:
        """Set the timers of brands that have rules which start by the clock."""
        place = self.place
        acted = touched(place.watch, facts, plan.brand)
        for brand in acted:
            if brand not in facts.profiles and brand not in turn.changed:
                turn.changed[brand] = Profile(brand)  # whoever has timers has a profile
        for timer in armed(place.watch, facts, turn.changed, acted, place.now):
            self.arm(timer)

    def arm(self, timer: Timer) -> None:
        """Set a timer, or set it anew."""
        self._timers[timer.contact_id, timer.brand, timer.source, timer.name] = timer.due_at
        if timer.due_at is not None:
            self.falls_due(timer.due_at)

    def suspend(self, row: Row, due_at: int | None) -> None:
        """Keep a run's row, and remember when it falls due."""
        self._runs.append(row)
        if due_at is not None:
            self.falls_due(due_at)

    def falls_due(self, at: int) -> None:
        """Something is to be looked at then, at the latest."""
        if self.next_due is None or at < self.next_due:
            self.next_due = at

    def end_run(self, run_id: int) -> None:
        """A stored run is over."""
        self._ended.append(run_id)

    def silence(self, facts: Facts, brands: tuple[str, ...]) -> None:
        """Sweep away what these brands still have for the contact."""
        self._silenced.append((facts, brands))

    def mail(self, facts: Facts, email: SendEmail) -> None:
        """An e-mail waits for the mail server, or is kept with why it does not go out."""
        now, new_id = self.place.now, self.place.ids.next(self.place.now)
        if email.reason:
            self.withheld[email.reason] = self.withheld.get(email.reason, 0) + 1
        self._emails.append(
            (new_id, facts.contact.id, email.brand, email.message_class, email.to, email.subject, email.body,
             "withheld" if email.reason else "ready", email.reason, email.cause_id, email.rule, email.step, now, now, 0,
             "", now if email.reason else None, email.purpose)
        )  # fmt: skip

    def record(self, row: Row) -> None:
        """Write a value down."""
        self._records.append(row)

    def consent(self, record: Record) -> None:
        """One event for the ledger."""
        self._consents.append(record)

    def lift(self, address: str, brand: str) -> None:
        """The person has asked a brand to write again, and is not born opted out should he be forgotten."""
        self._lifted.append((address, brand))

    def enter(self, contact_id: int, effect: Enter) -> None:
        """A contact enters a drip, or may not."""
        now = self.place.now
        self._enrolments[contact_id, effect.brand, effect.drip] = (
            contact_id, effect.brand, effect.drip, now, effect.cause_id, now if effect.refused else None,
            REFUSED if effect.refused else "",
        )  # fmt: skip

    def leave(self, contact_id: int, effect: Leave) -> None:
        """A contact is through with a drip."""
        self._left.append((self.place.now, effect.outcome, contact_id, effect.brand, effect.drip))

    def charge(self, facts: Facts, text: SendText, connector: str) -> None:
        """A promotional text is written down: its price is spent."""
        place = self.place
        charge = place.till.charge(text.brand or OPERATOR, connector, facts.contact.address, text.segments, place.now)
        if charge is not None:
            self._charges.append(charge)

    def claim(self, facts: Facts, text: SendText, connector: str) -> None:
        """A text that there is room for: it goes to the wire the moment the transaction holds."""
        new_id = self.put(facts, text, connector, "claimed", "")
        self.claims.append(
            Claim(new_id, connector, text.number, facts.contact.address, text.text, text.encoding, text.segments,
                  text.message_class, 1)
        )  # fmt: skip

    def leave_ready(self, facts: Facts, text: SendText, connector: str) -> None:
        """A text that waits for room, or for its turn."""
        self.put(facts, text, connector, "ready", "")
        self.ready[connector] = self.ready.get(connector, 0) + 1

    def connector_for(self, facts: Facts, text: SendText | Withhold) -> str:
        """Which connector a text goes out over: its number's, else the one that the message came in by."""
        return self.place.via(text.number) or (facts.message.connector if facts.message else "")

    def put(self, facts: Facts, text: SendText | Withhold, connector: str, state: str, reason: str) -> int:
        """One row of the outbox; gives its id."""
        place = self.place
        new_id = place.ids.next(place.now)
        encoding, segments = (text.encoding, text.segments) if isinstance(text, SendText) else ("", 0)
        cause_id = text.cause_id or (facts.message.id if facts.message else 0)
        purpose = text.purpose if isinstance(text, SendText) else ""
        claimed = state == "claimed"
        kept = "" if text.message_class == "otp" and state == "withheld" else text.text
        self._outbox.append(
            (new_id, facts.contact.id, text.number, connector, text.brand, text.message_class, kept, encoding,
             segments, state, reason, cause_id, text.rule, text.step, text.arm, purpose, place.now, place.now,
             int(claimed), int(claimed), place.node if claimed else "",
             place.now if state == "withheld" else None, segments, 0)
        )  # fmt: skip
        if state != "withheld" and text.message_class == "confirmation":
            self.asked[facts.contact.id] = new_id
        elif state != "withheld" and text.message_class in attest.CONFIRMS:
            self._consents = attest.confirmed_by(self._consents, facts.contact.id, text.message_class, new_id)
        return new_id


def _thread_row(contact_id: int, number: str, thread: Thread) -> Row:
    return (contact_id, number, thread.last_brand, thread.last_in_at, thread.last_out_at, thread.replies,
            thread.replies_since, thread.last_id)  # fmt: skip


def _inbound_row(message: Inbound, contact: Contact, plan: Plan, first: int | None = None) -> Row:
    state = "incomplete" if message.incomplete else plan.disposition
    return (
        message.id, contact.id, message.recipient, message.connector, message.session, message.sequence, message.text,
        message.received_at, state, plan.brand, plan.rule, plan.deployment, plan.fault,
        None if message.repeats else message.fingerprint or None, first,
    )  # fmt: skip
