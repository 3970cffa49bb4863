"""Builds of the gateway that break one promise each: what the harness must catch, or it would prove nothing.

Each is applied to the real code from outside, for as long as a test asks for it; the product knows nothing of them.
They are mistakes that gateways are known to make, or that seem a good idea: answer sooner, sync less, ask fewer
questions, keep it in memory. `python -c` may apply one in a process of its own (`tests.support.process`).
"""

from collections import defaultdict
from collections.abc import Callable, Collection, Mapping, Sequence

import pytest

from gateway import sender
from gateway.barrier import Barrier
from gateway.connectors.base import Read
from gateway.connectors.smpp_client import SmppConnector
from gateway.connectors.smpp_out import Outgoing
from gateway.exchange import Exchange
from gateway.intake import Intake
from gateway.sender import Sender
from gateway.simulation.machine import Machine
from gateway.witness import Witness
from router import consent, evidence, group, outbox, parts, receipts
from router.claims import Allowance
from router.evidence import Memory
from router.instants import SECOND
from router.messages import Inbound, Part
from router.outbox import Outcome
from router.perform import Performance
from router.receipts import ReceiptIn
from router.states import MOST_SENDS, RESEND_AFTER
from router.store import engine, statements, statements_evidence, statements_silence
from router.store.engine import Tx
from router.ways import Ways
from router.writer import Writer
from smpp.client import Link
from smpp.events import Answered, Received

Sabotage = Callable[[pytest.MonkeyPatch], None]

WINDOW = 3 * SECOND
"""How long a gateway that compares hashes takes an equal text for a double, in microseconds."""
LATE_S = 1.0
"""How long outcomes are gathered by a gateway that writes them down when it suits, in seconds."""
QUEUED_S = 0.1
"""How long claims wait where they go out by a queue, in seconds: well within their lease."""
FOR_EVER_S = 1e9


def acknowledge_first(patch: pytest.MonkeyPatch) -> None:
    """A text is acknowledged when it is read, and committed afterwards."""
    take = Intake.take

    def hasty(self: Intake, read: Read, writer: Writer | None) -> None:
        take(self, read, writer)
        self.answer([*read.inbound, *read.receipts])

    patch.setattr(Intake, "take", hasty)


def sync_less(patch: pytest.MonkeyPatch) -> None:
    """SQLite runs with synchronous=NORMAL: a COMMIT is in the log, and the log on no disk."""
    settings = engine._SETTINGS
    less = tuple(one.replace("=FULL", "=NORMAL") for one in settings["sqlite"])
    patch.setattr(engine, "_SETTINGS", {**settings, "sqlite": less})


def no_barrier(patch: pytest.MonkeyPatch) -> None:
    """STOP is acknowledged when it is on disk, whoever may be about to write."""
    patch.setattr(Barrier, "_is_free", lambda *_: True)


def no_lease(patch: pytest.MonkeyPatch) -> None:
    """What is claimed is written whenever its process comes round to it."""
    patch.setattr(sender, "LEASE_S", FOR_EVER_S)


def window_hash(patch: pytest.MonkeyPatch) -> None:
    """Equal within three seconds is the same; what the links and the sessions tell is not asked."""
    last: dict[int, tuple[int, int]] = {}

    def equal(tx: Tx, batch: Sequence[Inbound], memory: Memory, now: int) -> dict[int, int]:
        repeats: dict[int, int] = {}
        for message in batch:
            first, at = last.setdefault(message.fingerprint, (message.id, message.received_at))
            if first != message.id and message.received_at - at < WINDOW:
                repeats[message.id] = first
            else:
                last[message.fingerprint] = (message.id, message.received_at)
        return repeats

    patch.setattr(Witness, "read", lambda _, message, now: message)
    patch.setattr(evidence, "repeats_in", equal)


def outcome_after_the_slot(patch: pytest.MonkeyPatch) -> None:
    """A slot is free when its response is read; outcomes are gathered, and written down once a second."""
    report = Exchange.report
    answered = Outgoing.answered

    def later(self: Exchange, outcomes: Sequence[Outcome]) -> None:
        for connector in self.connectors.values():
            connector.settled(outcomes)
        self.later(LATE_S, lambda: report(self, outcomes))

    def hasty(self: Outgoing, link: Link, answers: Sequence[Answered]) -> None:
        with pytest.MonkeyPatch.context() as meanwhile:
            meanwhile.setattr(Exchange, "report", later)
            answered(self, link, answers)

    patch.setattr(Outgoing, "answered", hasty)


def claimed_for_ever(patch: pytest.MonkeyPatch) -> None:
    """What a process had claimed when it died stays claimed."""
    patch.setattr(outbox, "recover", lambda tx, node, now: 0)


def sent_on_faith(patch: pytest.MonkeyPatch) -> None:
    """What was handed to the kernel counts as sent, whether anybody has answered for it or not."""

    def settled(tx: Tx, outcomes: Sequence[Outcome], now: int) -> None:
        settle(tx, [_believed(one) if one.state == "unknown" else one for one in outcomes], now)

    settle = outbox.settle
    patch.setattr(outbox, "settle", settled)


def _believed(unknown: Outcome) -> Outcome:
    return Outcome(id=unknown.id, connector=unknown.connector, state="sent", message_class=unknown.message_class)


def orphan_receipts_dropped(patch: pytest.MonkeyPatch) -> None:
    """A receipt that finds no message is acknowledged and forgotten."""
    settle = receipts.settle

    def only_known(tx: Tx, batch: Sequence[ReceiptIn]) -> int:
        known = receipts._Known(tx, batch)
        return settle(tx, [receipt for receipt in batch if known.find(receipt) is not None])

    patch.setattr(receipts, "settle", only_known)


def no_doubts_at_restart(patch: pytest.MonkeyPatch) -> None:
    """What the last process had not proven is not in doubt."""

    def recover(tx: Tx, node: str, now: int, horizons: Mapping[str, int]) -> int:
        open_sessions = [row[0] for row in statements_evidence.open_sessions.rows(tx, node)]
        if open_sessions:
            statements_evidence.end_sessions.run(tx, now, open_sessions)
        return 0

    patch.setattr(evidence, "recover", recover)


def resend_every_class(patch: pytest.MonkeyPatch) -> None:
    """What is of unknown outcome is sent once more, whatever it is."""
    patch.setattr(outbox, "may_resend", lambda message_class, sends: sends < MOST_SENDS)
    patch.setattr(outbox, "after_unknown", lambda message_class, sends, now: now + RESEND_AFTER)


def written_is_read(patch: pytest.MonkeyPatch) -> None:
    """An acknowledgement counts as read when it is written: nothing is fenced."""
    answered = Witness.answered

    def proven(self: Witness, session: int, id: int, now: float) -> None:
        answered(self, session, id, now)
        known = self._sessions.get(session)
        if known is not None:
            seen, known.answered = known.answered, []
            self._late += self._closed(seen)

    def answer(self: SmppConnector, link: Link, request: Received, session: int, id: int, kept: bool) -> None:
        tell(self, link, request, session, id, kept)
        self._exchange.prove(self._witness.marks())
        self._exchange.release(self._witness.late())

    tell = SmppConnector._answer
    patch.setattr(Witness, "answered", proven)
    patch.setattr(SmppConnector, "_answer", answer)


def wire_before_commit(patch: pytest.MonkeyPatch) -> None:
    """Texts go out while the transaction that claims them is still to be committed."""
    perform = group._perform
    here: list[Exchange] = []
    reserve = Exchange.reserve

    def reserved(self: Exchange, outcomes: Sequence[Outcome]) -> Allowance:
        here[:] = [self]
        return reserve(self, outcomes)

    def performed(tx: Tx, causes: group.Group, ways: Ways, allowance: Allowance) -> group.Done:
        done = perform(tx, causes, ways, allowance)
        early = group.Done(claims=list(done.claims))
        done.claims.clear()
        here[0]._sender.booked(early)
        here[0]._sender.hand(early, ways.world.monotonic(), ())
        return done

    patch.setattr(Exchange, "reserve", reserved)
    patch.setattr(group, "_perform", performed)


def stop_leaves_what_waits(patch: pytest.MonkeyPatch) -> None:
    """A STOP cancels nothing that waits, and nobody asks again when that is claimed.

    Both: what one of them lets through the other holds.
    """
    patch.setattr(statements_silence.cancel_ready, "run", lambda *_: None)
    patch.setattr(consent, "may_still_send", lambda *_: "")


def consent_not_asked(patch: pytest.MonkeyPatch) -> None:
    """A text is written down and claimed whoever has said STOP; what waits is cancelled."""
    patch.setattr(consent, "may_send", lambda *_: "")


def wire_in_its_own_time(patch: pytest.MonkeyPatch) -> None:
    """What is claimed goes to the wire by a queue of its own, a little after its commit."""
    hand = Sender.hand

    def queued(self: Sender, done: group.Done, began: float, muted: Collection[str]) -> int:
        self._later(QUEUED_S, lambda: hand(self, done, began, muted))
        return 0

    patch.setattr(Sender, "hand", queued)


def parts_in_memory(patch: pytest.MonkeyPatch) -> None:
    """Parts of a long text wait for one another in the process, each acknowledged."""
    waiting: dict[tuple[str, str, int], dict[int, tuple[Inbound, Part]]] = defaultdict(dict)

    def join(tx: Tx, message: Inbound, decode: Callable[[bytes, str], str]) -> Inbound | None:
        part = message.part
        if part is None:
            return message
        key = message.sender, message.recipient, part.reference
        waiting[key][part.index] = message, part
        if len(waiting[key]) < part.total:
            return None
        whole = [waiting[key][index][0] for index in sorted(waiting[key])]
        del waiting[key]
        octets = b"".join(one.octets for one in whole)
        return Inbound(
            id=message.id, connector=message.connector, session=message.session, sequence=message.sequence,
            sender=message.sender, recipient=message.recipient, text=decode(octets, message.charset),
            received_at=message.received_at, octets=octets, charset=message.charset,
        )  # fmt: skip

    boot = Machine.boot

    def forgetful(self: Machine) -> None:
        if not self.alive:
            waiting.clear()
        boot(self)

    patch.setattr(parts, "join", join)
    patch.setattr(Machine, "boot", forgetful)


def doubts_for_ever(patch: pytest.MonkeyPatch) -> None:
    """A doubt is never spent and never expires."""

    def in_doubt(tx: Tx, batch: Sequence[Inbound], now: int) -> dict[int, int]:
        found = statements_evidence.doubts_of.rows(tx, [one.fingerprint for one in batch], 0) if batch else []
        first = {fingerprint: inbound_id for inbound_id, fingerprint in reversed(found)}
        return {one.id: first[one.fingerprint] for one in batch if one.fingerprint in first}

    patch.setattr(evidence, "_in_doubt", in_doubt)
    patch.setattr(statements_evidence.forget_doubts, "run", lambda *_: None)


def slots_without_a_lock(patch: pytest.MonkeyPatch) -> None:
    """What falls due is performed whoever else is at work on its contact."""
    patch.setattr(statements, "lock_free_contacts", statements.contacts_by_id)


def steps_without_their_text(patch: pytest.MonkeyPatch) -> None:
    """A step counts as performed, and of sixteen texts one is not written down."""
    write = Performance.write

    def some(self: Performance, tx: Tx) -> None:
        self._outbox = [row for row in self._outbox if row[0] % 16]
        write(self, tx)

    patch.setattr(Performance, "write", some)
