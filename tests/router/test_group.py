"""A group is performed whole or not at all, in pieces where one cause is poison, and says what came of it."""

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from itertools import count
from typing import Any

import msgspec
import pytest
from psycopg import errors as pg

import router.decide
from router import due, group, inbound, occurrences, outbox, parts, receipts
from router.claims import Allowance
from router.due import AT_ONCE
from router.faults import LONGEST_REASON, reason_of
from router.group import AGAIN, Group, Interrupted, together
from router.horizon import Horizon
from router.instants import HOUR
from router.messages import Facts, Occurrence
from router.outbox import Outcome
from router.plan import Needs, Plan
from router.receipts import ReceiptIn
from router.store.engine import Store, Tx, open_store
from router.store.errors import StoreBroken, StoreConflict, StoreUnavailable
from tests.support.full_group import clean_rows, full_group, reset
from tests.support.postgres import PostgresDatabases
from tests.support.routing import JAN, KEES, PIET, ROOS, Phones, everything

POISON = "GIF"


@pytest.fixture
def poison(monkeypatch: pytest.MonkeyPatch) -> None:
    """A fault of ours: one text that cannot be decided on, and one contact whose run cannot be resumed."""
    decide, resume = router.decide.decide, router.decide.resume

    def deciding(facts: Facts, *more: Any, **named: Any) -> Plan | Needs:
        if facts.message is not None and POISON in facts.message.text:
            raise ValueError("a step that is none: \ud800 and \0")
        return decide(facts, *more, **named)

    def resuming(facts: Facts, *more: Any, **named: Any) -> Plan | Needs:
        if facts.contact.address == ROOS:
            raise ZeroDivisionError("nothing to divide")
        return resume(facts, *more, **named)

    monkeypatch.setattr(inbound, "decide", deciding)
    monkeypatch.setattr(due, "resume", resuming)


# ---- poison


@pytest.mark.usefixtures("poison")
@pytest.mark.parametrize("place", range(5))
def test_a_poison_text_goes_to_quarantine_and_the_others_are_acted_upon_once(phones: Phones, place: int) -> None:
    senders = [JAN, PIET, KEES, "31655555555", "31666666666"]
    texts = [phones.text(sender, "JOIN") for sender in senders]
    texts[place] = phones.text(senders[place], f"{POISON} {place}")
    before = phones.write(ROOS, "JOIN")
    done = phones.commit(inbound=texts, outcomes=[phones.sent(before[0], "r1")], due=True, claim=True)
    kept = phones.table("quarantine")
    assert [(row["id"], bytes(row["frame"]), row["reason"]) for row in kept] == [
        (texts[place].id, texts[place].frame, "ValueError: a step that is none: \\ud800 and \\x00")
    ]
    assert [(message.id, reason) for message, reason in done.quarantined] == [(kept[0]["id"], kept[0]["reason"])]
    assert {message.id for message in done.accepted} == {text.id for text in texts} - {texts[place].id}
    assert len(done.claims) == 4
    assert sorted(row["state"] for row in phones.table("outbox")) == ["claimed"] * 4 + ["sent"]
    assert [outcome.id for outcome in done.settled] == [before[0].id]
    assert len(phones.table("inbound")) == 5


@pytest.mark.usefixtures("poison")
def test_room_that_a_failed_group_took_is_there_for_its_pieces(phones: Phones) -> None:
    done = phones.commit(inbound=[phones.text(JAN, "JOIN"), phones.text(PIET, POISON)], room=1)
    assert len(done.claims) == 1


@pytest.mark.usefixtures("poison")
def test_a_poison_run_is_put_off_and_shown_and_no_other(phones: Phones) -> None:
    senders = [JAN, PIET, ROOS, KEES]
    for sender in senders:
        phones.write(sender, "STRAKS")
        phones.later(1_000_000)
    phones.later(HOUR)
    looks = 0
    while phones.commit(due=True).faults == []:
        looks += 1
    while [run for run in phones.table("runs") if run["due_at"] <= phones.world.now()]:
        assert phones.commit(due=True).faults == []
    left = phones.table("runs")
    assert [run["due_at"] for run in left] == [phones.world.now() + due.PUT_OFF]
    reasons = [row["reason"] for row in phones.table("quarantine")]
    assert reasons == [f"run {left[0]['id']} of Shop/keyword STRAKS: ZeroDivisionError: nothing to divide"]
    said = [row["text"] for row in phones.table("outbox")]
    assert said == ["Tien minuten later."] * 3
    assert looks <= len(senders)


@pytest.mark.usefixtures("poison")
def test_poison_parts_that_are_overdue_do_not_stop_due_work(phones: Phones) -> None:
    phones.commit(inbound=[phones.part(PIET, b"GIF en", 1, 2)])
    phones.write(JAN, "STRAKS")
    phones.later(HOUR)
    done = phones.commit(due=True)
    assert done.faults
    assert [bytes(row["frame"]) for row in phones.table("quarantine")] == [b"GIF en"]
    phones.commit(due=True)
    assert [row["text"] for row in phones.table("outbox")] == ["Tien minuten later."]
    assert phones.commit(due=True).faults == []


def test_overdue_parts_that_cannot_even_be_read_are_set_aside_unread(
    phones: Phones, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What failed in the performing is not asked of the setting aside."""

    def unreadable(octets: bytes, charset: str) -> str:
        raise UnicodeDecodeError(charset, octets, 0, 1, "no such character")

    monkeypatch.setattr(phones.ways, "decode", unreadable)
    phones.commit(inbound=[phones.part(PIET, b"\xd8", 1, 2)])
    phones.write(JAN, "STRAKS")
    phones.later(HOUR)
    while phones.commit(due=True).faults == []:
        pass
    assert [bytes(row["frame"]) for row in phones.table("quarantine")] == [b"\xd8"]
    phones.commit(due=True)
    assert [row["text"] for row in phones.table("outbox")] == ["Tien minuten later."]


@pytest.mark.parametrize("text", ["nul \0", "half a pair \ud800"])
def test_a_text_that_a_database_does_not_take_is_kept_as_octets(phones: Phones, text: str) -> None:
    message = msgspec.structs.replace(phones.text(JAN, "JOIN"), text=text)
    done = phones.commit(inbound=[message, phones.text(PIET, "JOIN")])
    kept = [bytes(row["frame"]) for row in phones.table("quarantine")]
    read = [row["text"] for row in phones.table("inbound")]
    assert (kept, len(read)) in (([message.frame], 1), ([], 2))  # SQLite takes a NUL
    assert len(done.accepted) + len(done.quarantined) == 2
    assert "JOIN" in read


def test_a_receipt_that_cannot_be_settled_is_kept_and_acknowledged(
    phones: Phones, monkeypatch: pytest.MonkeyPatch
) -> None:
    settle = receipts.settle

    def settling(tx: Tx, batch: Sequence[ReceiptIn]) -> int:
        if any(receipt.message_id == "bad" for receipt in batch):
            raise KeyError("bad")
        return settle(tx, batch)

    monkeypatch.setattr(receipts, "settle", settling)
    batch = [phones.receipt("good"), phones.receipt("bad"), phones.receipt("fine")]
    done = phones.commit(receipts=batch)
    assert {receipt.id for receipt in done.receipts} == {receipt.id for receipt in batch}
    assert [bytes(row["frame"]) for row in phones.table("quarantine")] == [b"PDU of receipt bad"]
    assert len(phones.table("receipts")) == 2


def test_an_outcome_that_cannot_be_settled_frees_its_slot_and_is_told(
    phones: Phones, monkeypatch: pytest.MonkeyPatch
) -> None:
    claims = [*phones.write(JAN, "JOIN"), *phones.write(PIET, "JOIN")]
    settle = outbox.settle

    def settling(tx: Tx, outcomes: Sequence[Outcome], now: int) -> int | None:
        if any(outcome.id == claims[0].id for outcome in outcomes):
            raise KeyError("bad")
        return settle(tx, outcomes, now)

    monkeypatch.setattr(outbox, "settle", settling)
    done = phones.commit(outcomes=[phones.sent(claim) for claim in claims])
    assert {outcome.id for outcome in done.settled} == {claim.id for claim in claims}
    assert done.faults == ["KeyError: 'bad'"]
    assert phones.states() == ["sent", "sent"], "it is known to be sent, whatever could not be written of it"
    assert [row["reason"] for row in phones.table("quarantine")] == [f"outbox {claims[0].id}: KeyError: 'bad'"]


TWICE = "RuntimeError: nothing works; and it could not be set aside: RuntimeError: nothing works"


def failing(*_: Any) -> None:
    raise RuntimeError("nothing works")


def test_a_text_that_cannot_be_set_aside_either_is_kept_alone(phones: Phones, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(parts, "join", failing)
    monkeypatch.setattr(parts, "set_aside", failing)
    done = phones.commit(inbound=[phones.text(PIET, "JOIN"), bad := phones.part(JAN, b"IN", 2, 2)])
    assert done.quarantined == [(bad, TWICE)]
    assert [(bytes(row["frame"]), row["reason"]) for row in phones.table("quarantine")] == [(bad.frame, TWICE)]
    assert [row["text"] for row in phones.table("inbound")] == ["JOIN"]


def test_an_outcome_that_cannot_be_set_aside_either_frees_its_slot(
    phones: Phones, monkeypatch: pytest.MonkeyPatch
) -> None:
    (claim,) = phones.write(JAN, "JOIN")
    monkeypatch.setattr(outbox, "settle", failing)
    monkeypatch.setattr(outbox, "set_aside", failing)
    done = phones.commit(outcomes=[phones.sent(claim)])
    assert ([outcome.id for outcome in done.settled], done.faults) == ([claim.id], [TWICE])
    assert phones.states() == ["claimed"], "it counts as unknown when the gateway starts anew"


def test_what_falls_due_and_cannot_be_set_aside_either_is_tried_again_later(
    phones: Phones, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The gateway goes on: STOP is heard meanwhile."""
    phones.write(JAN, "STRAKS")
    phones.later(HOUR)
    with monkeypatch.context() as meanwhile:
        meanwhile.setattr(due, "look", failing)
        meanwhile.setattr(due, "set_aside", failing)
        done = phones.commit(due=True, inbound=[phones.text(PIET, "STOP")])
    assert done.faults == [TWICE]
    assert done.next_due == phones.world.now() + due.PUT_OFF
    assert [text.text for text in done.accepted] == ["STOP"]
    phones.commit(due=True)
    assert "Tien minuten later." in [row["text"] for row in phones.table("outbox")]


def test_an_occurrence_that_cannot_be_put_on_record_either_is_refused_and_shown(
    phones: Phones, monkeypatch: pytest.MonkeyPatch
) -> None:
    now = phones.world.now()
    told = Occurrence(id=77, brand="Shop", address=JAN, name="besteld", source="api", at=now, received_at=now)
    monkeypatch.setattr(occurrences, "accept", failing)
    monkeypatch.setattr(occurrences, "plain", failing)
    assert phones.commit(occurrences=[told]).aside == {77: TWICE}
    assert [row["reason"] for row in phones.table("quarantine")] == [f"event 77: {TWICE}"]
    assert phones.table("events") == []


def test_a_store_that_does_not_even_take_octets_stops_the_gateway(
    phones: Phones, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(inbound, "accept", failing)
    monkeypatch.setattr(inbound, "quarantine", failing)
    with pytest.raises(RuntimeError, match="nothing works"):
        phones.commit(inbound=[phones.text(JAN, "JOIN")])


def test_pieces_come_to_the_same_as_the_group(phones: Phones) -> None:
    outcomes, came = [phones.sent(phones.write(JAN, "JOIN")[0])], [phones.receipt("a"), phones.receipt("b")]
    texts = [phones.text(sender, "JOIN") for sender in (JAN, PIET, KEES)]
    whole = Group(outcomes, came, texts, due=True, claim=True)
    pieces = whole.pieces()
    assert pieces[0] == Group(outcomes=outcomes)
    assert together(pieces) == together([whole])
    assert [len(piece.inbound) for piece in Group(inbound=texts).pieces()] == [1, 2]
    assert Group(inbound=texts[:1]).pieces() == []
    assert Group(due=True).pieces() == [Group(due=True, most_due=due.AT_ONCE // 2)]
    assert Group(due=True, most_due=1).pieces() == []
    assert Group(claim=True).pieces() == []


def test_a_reason_is_short_and_of_characters_that_every_database_takes() -> None:
    assert reason_of(KeyError("naïef\n\0")) == "KeyError: 'naïef\\n\\x00'"
    assert reason_of(ValueError("\ud800")) == "ValueError: \\ud800"
    assert len(reason_of(ValueError("x" * 9_999))) == LONGEST_REASON


# ---- fail at the n-th statement, for every n (STYLE 30)


class Cut(Exception):
    """Takes the place of whatever may go wrong in the middle of a transaction."""


@contextmanager
def failing_at(nth: int, error: Callable[[], Exception], monkeypatch: pytest.MonkeyPatch) -> Iterator[list[str]]:
    """The n-th statement from here fails; gives the list in which it then stands."""
    numbers, failed = count(1), list[str]()
    with monkeypatch.context() as patch:
        for name in ("execute", "write"):
            original = getattr(Tx, name)

            def cut(tx: Tx, sql: str, parameters: Any = (), original: Any = original) -> Any:
                if next(numbers) == nth:
                    failed.append(sql)
                    raise error()
                return original(tx, sql, parameters)

            patch.setattr(Tx, name, cut)
        yield failed


@pytest.mark.parametrize("error", [Cut, lambda: StoreUnavailable("away"), lambda: StoreConflict("again")])
def test_a_statement_that_fails_leaves_nothing_and_the_redo_comes_to_the_same(
    error: Callable[[], Exception], store_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """One store for the clean run, and the same one, rolled back to the scenario's start each time, for the others."""
    store = open_store(store_url)
    phones = Phones(store)
    causes = full_group(phones)
    before = everything(store)
    at = phones.world.ids.next(phones.world.now())
    phones.commit(**causes)
    clean = clean_rows(store)
    for nth in count(1):
        reset(store, before)
        phones.world.ids._last = at
        phones.ways.horizon = Horizon()  # what was looked for and done has not been
        with failing_at(nth, error, monkeypatch) as failed, monkeypatch.context() as patch:
            patch.setattr(Group, "pieces", _not_taken_apart)
            patch.setattr(group, "_set_aside", _not_set_aside)
            patch.setattr(outbox, "is_driver_error", lambda _: True)  # whatever fails here, the transaction is over
            try:
                phones.commit(**causes)
            except (Cut, StoreUnavailable):
                assert less_batches(everything(store)) == less_batches(before), failed
                phones.commit(**causes)
        assert clean_rows(store) == clean, failed
        if not failed:
            break
    assert nth > 30  # a group of all kinds takes so many statements
    store.close()


def _not_taken_apart(_: Group) -> list[Group]:
    return []


def _not_set_aside(*_: Any) -> None:
    raise Cut


def less_batches(tables: dict[str, list[Any]]) -> dict[str, list[Any]]:
    return {name: rows for name, rows in tables.items() if name != "batches"}


# ---- how many statements


def statements_of(phones: Phones, monkeypatch: pytest.MonkeyPatch, **causes: Any) -> int:
    numbers = count(0)
    with monkeypatch.context() as patch:
        for name in ("execute", "write"):
            original = getattr(Tx, name)

            def counted(tx: Tx, sql: str, parameters: Any = (), original: Any = original) -> Any:
                next(numbers)
                return original(tx, sql, parameters)

            patch.setattr(Tx, name, counted)
        phones.commit(room=1_000, **causes)
    return next(numbers)


def test_a_group_takes_as_many_statements_whatever_its_size(phones: Phones, monkeypatch: pytest.MonkeyPatch) -> None:
    counts: dict[str, set[int]] = {"new": set(), "known": set(), "sent": set(), "receipts": set(), "due": set()}
    for size in (1, 2, 25, AT_ONCE - 1):  # as many due runs as one look takes leave no room for timers
        senders = [f"316{size:02}{number:06}" for number in range(size)]
        counts["new"].add(statements_of(phones, monkeypatch, inbound=[phones.text(one, "JOIN") for one in senders]))
        rows = [row for row in phones.table("outbox") if row["state"] == "claimed"]
        ids = [row["id"] for row in rows]
        outcomes = [Outcome(id=one, connector="carrier", state="sent", message_ids=(f"m{one}",)) for one in ids]
        counts["sent"].add(statements_of(phones, monkeypatch, outcomes=outcomes))
        came = [phones.receipt(f"m{one}") for one in ids]
        counts["receipts"].add(statements_of(phones, monkeypatch, receipts=came))
        counts["known"].add(statements_of(phones, monkeypatch, inbound=[phones.text(one, "STRAKS") for one in senders]))
        phones.later(HOUR)
        counts["due"].add(statements_of(phones, monkeypatch, due=True))
        phones.commit(outcomes=[
            Outcome(id=row["id"], connector="carrier", state="failed")
            for row in phones.table("outbox") if row["state"] == "claimed"
        ])  # fmt: skip
        phones.later(HOUR)
    assert {kind: len(found) for kind, found in counts.items()} == dict.fromkeys(counts, 1), counts


# ---- the store goes away


def test_conflicts_are_run_again_and_nothing_is_taken_twice(phones: Phones, monkeypatch: pytest.MonkeyPatch) -> None:
    with failing_at(3, lambda: StoreConflict("a deadlock"), monkeypatch):
        done = phones.commit(inbound=[phones.text(JAN, "JOIN")], room=1)
    assert len(done.claims) == 1
    assert phones.states() == ["claimed"]


def test_a_deadlock_that_does_not_end_counts_as_the_store_away(phones: Phones, monkeypatch: pytest.MonkeyPatch) -> None:
    def conflict(*_: Any) -> None:
        raise StoreConflict("a deadlock")

    monkeypatch.setattr(inbound, "accept", conflict)
    text = phones.text(JAN, "JOIN")
    with pytest.raises(Interrupted, match=f"a deadlock {AGAIN} times in a row") as stop:
        phones.commit(inbound=[text])
    assert stop.value.left == together([Group(inbound=[text])])
    assert stop.value.doubt is None


def test_a_broken_store_is_not_tried_again(phones: Phones, monkeypatch: pytest.MonkeyPatch) -> None:
    with failing_at(2, lambda: StoreBroken("bad page"), monkeypatch), pytest.raises(StoreBroken):
        phones.commit(inbound=[phones.text(JAN, "JOIN")])


@pytest.mark.usefixtures("poison")
def test_a_group_broken_off_says_what_is_committed_and_what_is_not(
    phones: Phones, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Taken apart for its poison, and then the store goes away: what is committed must not be refused."""
    texts = [phones.text(sender, text) for sender, text in ((JAN, "JOIN"), (PIET, POISON), (KEES, "JOIN"))]
    perform = group._perform

    def performing(tx: Tx, piece: Group, *more: Any) -> Any:
        if [message.id for message in piece.inbound] == [texts[2].id]:
            raise StoreUnavailable("the cable")
        return perform(tx, piece, *more)

    monkeypatch.setattr(group, "_perform", performing)
    with pytest.raises(Interrupted, match="the cable") as stop:
        phones.commit(inbound=texts, claim=True)
    assert [message.id for message in stop.value.done.accepted] == [texts[0].id]
    assert [message.id for message, _ in stop.value.done.quarantined] == [texts[1].id]
    assert [message.id for message in stop.value.left.inbound] == [texts[2].id]
    assert stop.value.left.claim
    assert [row["id"] for row in phones.table("inbound")] == [texts[0].id]


# ---- COMMIT without an answer


@pytest.mark.parametrize("held", [True, False])
def test_a_commit_without_an_answer_is_asked_about_and_has_one_effect(
    held: bool, postgres: PostgresDatabases, monkeypatch: pytest.MonkeyPatch
) -> None:
    with postgres.database() as url:
        store = open_store(url)
        phones = Phones(store)
        commit, cuts = Store._commit, count(1)

        def cut(self: Store, cursor: Any, marker: int) -> None:
            if marker and next(cuts) == 1:
                if held:
                    cursor.execute("COMMIT")
                postgres.admin.execute("SELECT pg_terminate_backend(%s)", (cursor.connection.info.backend_pid,))
            commit(self, cursor, marker)

        monkeypatch.setattr(Store, "_commit", cut)
        done = phones.commit(inbound=[phones.text(JAN, "JOIN")])
        assert len(done.claims) == 1
        assert [row["id"] for row in phones.table("outbox")] == [claim.id for claim in done.claims]
        assert len(phones.table("inbound")) == 1
        assert len(phones.table("batches")) == 1
        store.close()


def test_a_commit_that_nobody_can_be_asked_about_stays_in_doubt(
    postgres: PostgresDatabases, monkeypatch: pytest.MonkeyPatch
) -> None:
    with postgres.database() as url:
        store = open_store(url)
        phones = Phones(store)
        commit = Store._commit

        def cut(self: Store, cursor: Any, marker: int) -> None:
            cursor.execute("COMMIT")
            monkeypatch.setattr(Store, "_connect", lambda _: (_ for _ in ()).throw(pg.CannotConnectNow("starting up")))
            postgres.admin.execute("SELECT pg_terminate_backend(%s)", (cursor.connection.info.backend_pid,))
            commit(self, cursor, marker)

        text = phones.text(JAN, "JOIN")
        with monkeypatch.context() as patch:
            patch.setattr(Store, "_commit", cut)
            with pytest.raises(Interrupted) as stop:
                phones.commit(inbound=[text])
        monkeypatch.undo()
        doubt = stop.value.doubt
        assert doubt is not None
        assert stop.value.left == together([])
        assert [message.id for message in doubt.piece.inbound] == [text.id]
        assert len(doubt.done.claims) == 1
        assert store.committed(doubt.marker)
        store.close()


def test_room_is_lent_by_connector_and_given_back() -> None:
    allowance = Allowance({"a": 2})
    assert not allowance.take("b", 1)
    assert allowance.take("a", 2)
    assert not allowance.take("a", 1)
    allowance.give_back("a", 1)
    assert allowance.take("a", 1)
