"""Group commit without a timer: what gathers while one group is committed is the next; nothing waits for company."""

import asyncio
from collections.abc import AsyncIterator, Callable, Sequence
from typing import Any, TypeVar
from unittest.mock import ANY

import pytest

from router import underway, writer
from router.claims import Allowance
from router.evidence import Ended, Mark
from router.faults import SetAside
from router.group import Done, Doubt, Group, Interrupted, Steps
from router.messages import Inbound, Occurrence
from router.outbox import Outcome
from router.store.engine import Store, open_store
from router.store.errors import StoreBroken, StoreUnavailable
from router.writer import Writer
from tests.support.postgres import PostgresDatabases
from tests.support.routing import JAN, KEES, PIET, Phones

T = TypeVar("T")


def commits_by(monkeypatch: pytest.MonkeyPatch, commit: Callable[..., Done]) -> None:
    """Have groups come to what `commit` says, on either thread."""

    def committing(*given: Any) -> Steps[Done]:
        yield lambda: None
        return commit(*given)

    monkeypatch.setattr(underway, "commit", commit)
    monkeypatch.setattr(underway, "committing", committing)


class Owner:
    """Notes what it is told, and lets a test wait for it."""

    def __init__(self) -> None:
        self.bookings: list[Done] = []
        self.groups: list[Done] = []
        self.troubles: list[str] = []
        self.told = asyncio.Event()

    def reserve(self, outcomes: Sequence[Outcome]) -> Allowance:
        return Allowance({"carrier": 100})

    def booked(self, done: Done) -> None:
        self.bookings.append(done)

    def committed(self, done: Done, began: float) -> None:
        assert self.bookings[-1] is done, "slots change hands before anything is sent"
        self.groups.append(done)
        self.told.set()

    def away(self, error: StoreUnavailable) -> None:
        self.troubles.append(str(error))
        self.told.set()

    async def until(self, enough: Callable[[], bool]) -> None:
        async with asyncio.timeout(20):
            while not enough():
                self.told.clear()
                await self.told.wait()

    @property
    def accepted(self) -> list[list[str]]:
        """The texts of each group."""
        return [[message.text for message in done.accepted] for done in self.groups if done.accepted]


class Gate:
    """A world whose writer's thread does its work only when the gate is opened for it."""

    def __init__(self, phones: Phones) -> None:
        self.open = asyncio.Event()
        self.waiting = asyncio.Event()
        phones.world.offload = self.offload  # type: ignore[method-assign]

    async def offload(self, work: Callable[[], T]) -> T:
        self.waiting.set()
        await self.open.wait()
        self.waiting.clear()
        return work()


@pytest.fixture
def owner() -> Owner:
    return Owner()


@pytest.fixture
async def running(phones: Phones, owner: Owner, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Writer]:
    monkeypatch.setattr(writer, "RETRY_S", 0)
    made = Writer(phones.store, phones.ways, owner)
    task = asyncio.create_task(made.run())
    yield made
    made.stop()
    await task


def texts(phones: Phones, *pairs: tuple[str, str]) -> list[Inbound]:
    return [phones.text(sender, text) for sender, text in pairs]


async def test_an_idle_writer_commits_at_once(running: Writer, owner: Owner, phones: Phones) -> None:
    running.put(inbound=texts(phones, (JAN, "JOIN")))
    await owner.until(lambda: len(owner.groups) == 1)
    running.put(inbound=texts(phones, (PIET, "JOIN")))
    await owner.until(lambda: len(owner.groups) == 2)
    assert owner.accepted == [["JOIN"], ["JOIN"]]


async def test_what_gathers_during_a_commit_is_one_group(running: Writer, owner: Owner, phones: Phones) -> None:
    gate = Gate(phones)
    running.put(inbound=texts(phones, (JAN, "JOIN")))
    await gate.waiting.wait()
    for sender in (PIET, KEES):
        running.put(inbound=texts(phones, (sender, "JOIN")), receipts=[phones.receipt(sender)])
    running.put(due=True)
    assert running.waiting == 4
    gate.open.set()
    await owner.until(lambda: len(owner.groups) == 2)
    assert owner.accepted == [["JOIN"], ["JOIN", "JOIN"]]
    assert len(owner.groups[1].receipts) == 2
    assert running.waiting == 0


async def test_an_owner_may_tell_later_whoever_waits_for_an_occurrence(
    running: Writer, owner: Owner, phones: Phones, monkeypatch: pytest.MonkeyPatch
) -> None:
    held: list[Callable[[], None] | None] = []
    monkeypatch.setattr(owner, "committed", lambda done, began: held.extend(map(running.take_out, done.occurred)))
    occurrence = Occurrence(id=5, brand="Shop", address=JAN, name="x", source="api", at=0, received_at=0)
    told = running.occur(occurrence)
    running.put(inbound=texts(phones, (JAN, "JOIN")))
    while not held:  # noqa: ASYNC110 - each turn of the loop is a step of the writer
        await asyncio.sleep(0)
    assert not told.done()
    assert running.take_out(5) is None
    assert held[0] is not None
    held[0]()
    held[0]()
    assert await told == 5


async def test_whoever_waits_for_what_cannot_be_performed_is_told_and_the_others_get_theirs(
    running: Writer, phones: Phones, monkeypatch: pytest.MonkeyPatch
) -> None:
    def settle(_: object, fresh: Sequence[Occurrence]) -> None:
        if any(one.name == "poison" for one in fresh):
            raise ZeroDivisionError("a fault of ours")

    monkeypatch.setattr("router.hosted.settle", settle)
    told = [
        running.occur(Occurrence(id=id, brand="Shop", address=sender, name=name, source="api", at=0, received_at=0))
        for id, sender, name in ((5, JAN, "x"), (6, PIET, "poison"), (7, KEES, "x"))
    ]
    assert await asyncio.gather(*told, return_exceptions=True) == [5, ANY, 7]
    with pytest.raises(SetAside, match="ZeroDivisionError: a fault of ours"):
        await told[1]
    gone = running.occur(Occurrence(id=8, brand="Shop", address=JAN, name="poison", source="api", at=0, received_at=0))
    gone.cancel()
    assert await running.occur(Occurrence(id=9, brand="Shop", address=JAN, name="x", source="api", at=0, received_at=0))
    faults = [(row["id"], row["fault"]) for row in phones.table("events") if row["fault"]]
    assert faults[0] == (6, "ZeroDivisionError: a fault of ours")
    assert faults[1][0] == 8


async def test_a_phones_next_text_waits_for_the_next_group(running: Writer, owner: Owner, phones: Phones) -> None:
    running.put(inbound=texts(phones, (JAN, "QUIZ"), (JAN, "ja"), (PIET, "TWEE"), (JAN, "STOP")))
    await owner.until(lambda: len(owner.groups) == 3)
    assert owner.accepted == [["QUIZ", "TWEE"], ["ja"], ["STOP"]]
    assert [row["rule"] for row in phones.table("inbound") if row["text"] == "ja"] != [""]


async def test_a_group_is_bounded_and_so_is_the_search_for_it(
    running: Writer, owner: Owner, phones: Phones, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(writer, "GROUP", 3)
    monkeypatch.setattr(writer, "LOOK_PAST", 2)
    running.put(
        inbound=texts(phones, *[(f"3160000000{number}", "STEM a") for number in range(4)]),
        receipts=[phones.receipt(str(number)) for number in range(5)],
    )
    await owner.until(lambda: running.waiting == 0 and sum(len(done.accepted) for done in owner.groups) == 4)
    assert [len(done.accepted) for done in owner.groups] == [3, 1]
    assert [len(done.receipts) for done in owner.groups] == [3, 2]
    owner.groups.clear()
    running.put(inbound=texts(phones, *[(JAN, "STEM a")] * 4, (PIET, "STEM b")))
    await owner.until(lambda: sum(len(done.accepted) for done in owner.groups) == 5)
    assert owner.accepted == [["STEM a"], ["STEM a"], ["STEM a", "STEM b"], ["STEM a"]]


class Away:
    """The store is away for a while: transactions fail as they begin."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.gone = False
        self.error: Exception = StoreUnavailable("the disk is full")
        begin = Store.begin

        def beginning(store: Store, *given: Any, **named: Any) -> Any:
            if self.gone:
                raise self.error
            return begin(store, *given, **named)

        monkeypatch.setattr(Store, "begin", beginning)


async def test_when_the_store_is_away_everything_is_kept_in_order_and_tried_again(
    running: Writer, owner: Owner, phones: Phones, monkeypatch: pytest.MonkeyPatch
) -> None:
    (claim,) = phones.write(JAN, "JOIN")
    away = Away(monkeypatch)
    away.gone = True
    text, receipt = phones.text(PIET, "JOIN"), phones.receipt("m1")
    running.put(inbound=[text], receipts=[receipt], outcomes=[phones.sent(claim, "m1")], claim=True)
    await owner.until(lambda: len(owner.troubles) > 2)
    assert set(owner.troubles) == {running.trouble} == {"the disk is full"}
    assert owner.groups == []
    away.gone = False
    await owner.until(lambda: len(owner.groups) == 1)
    assert running.trouble == ""
    assert [outcome.id for outcome in owner.groups[0].settled] == [claim.id]
    assert owner.groups[0].waiting == {}
    assert owner.accepted == [["JOIN"]]
    assert owner.groups[0].receipts == [receipt]
    assert phones.states()[0] == "delivered"


async def test_a_writer_that_is_stopped_commits_what_is_queued(phones: Phones, owner: Owner) -> None:
    made = Writer(phones.store, phones.ways, owner)
    made.put(inbound=texts(phones, (JAN, "JOIN"), (JAN, "QUIZ")))
    made.stop()
    await made.run()
    assert owner.accepted == [["JOIN"], ["QUIZ"]]


async def test_a_writer_that_is_stopped_while_the_store_is_away_ends(
    phones: Phones, owner: Owner, monkeypatch: pytest.MonkeyPatch
) -> None:
    Away(monkeypatch).gone = True
    made = Writer(phones.store, phones.ways, owner)
    made.put(inbound=texts(phones, (JAN, "JOIN")))
    made.stop()
    await made.run()
    assert owner.troubles == ["the disk is full"]
    assert (owner.groups, made.waiting) == ([], 1)


async def test_a_broken_store_ends_the_writer(phones: Phones, owner: Owner, monkeypatch: pytest.MonkeyPatch) -> None:
    away = Away(monkeypatch)
    away.gone, away.error = True, StoreBroken("bad page")
    made = Writer(phones.store, phones.ways, owner)
    made.put(inbound=texts(phones, (JAN, "JOIN")))
    with pytest.raises(StoreBroken):
        await made.run()
    assert owner.groups == []
    assert owner.troubles == []


async def test_an_errand_is_done_between_groups_and_again_when_the_store_was_away(
    running: Writer, owner: Owner, phones: Phones, monkeypatch: pytest.MonkeyPatch
) -> None:
    done: list[str] = []
    away = Away(monkeypatch)
    away.gone = True

    def errand() -> None:
        with phones.store.begin():
            done.append("it")

    running.between(errand)
    running.put(due=True)
    await owner.until(lambda: bool(owner.troubles))
    assert done == []
    away.gone = False
    running.put(inbound=texts(phones, (JAN, "JOIN")))
    await owner.until(lambda: bool(owner.groups) and done == ["it"])


# ---- a COMMIT without an answer


@pytest.mark.parametrize("held", [True, False])
async def test_what_may_be_committed_is_neither_acknowledged_nor_refused_before_it_is_known(
    held: bool, postgres: PostgresDatabases, owner: Owner, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(writer, "RETRY_S", 0)
    with postgres.database() as url:
        store = open_store(url)
        phones = Phones(store)
        made = Writer(store, phones.ways, owner)
        committed, commit, asked = Store.committed, Store._commit, asyncio.Event()

        def cut(self: Store, cursor: Any, marker: int) -> None:
            if marker and not asked.is_set():
                if held:
                    cursor.execute("COMMIT")
                postgres.admin.execute("SELECT pg_terminate_backend(%s)", (cursor.connection.info.backend_pid,))
            commit(self, cursor, marker)

        answers = iter([StoreUnavailable("starting up")] * 8)

        def asking(self: Store, marker: int) -> bool:
            asked.set()
            for error in answers:
                assert owner.groups == []
                assert made.give_up(phones.world.now() + 1) == Group(inbound=[], receipts=[]), "it may be on disk"
                raise error
            return committed(self, marker)

        monkeypatch.setattr(Store, "_commit", cut)
        monkeypatch.setattr(Store, "committed", asking)
        text = phones.text(JAN, "JOIN")
        made.put(inbound=[text], claim=True)
        task = asyncio.create_task(made.run())
        await owner.until(lambda: bool(owner.accepted))
        made.stop()
        await task
        assert owner.accepted == [["JOIN"]]
        assert len(phones.table("inbound")) == len(phones.states()) == 1
        store.close()


async def test_a_doubt_does_not_hold_up_the_end(phones: Phones, owner: Owner, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(writer, "RETRY_S", 0)
    text = phones.text(JAN, "JOIN")
    made = Writer(phones.store, phones.ways, owner)
    doubt = Doubt(5, Group(inbound=[text]), Done(accepted=[text]))
    stop = Interrupted(StoreUnavailable("the cable"), Done(faults=["one"]), Group(), doubt)

    def interrupted(*_: Any) -> Done:
        raise stop

    def unknown(_: Store, marker: int) -> bool:
        made.stop()
        raise StoreUnavailable("still away")

    commits_by(monkeypatch, interrupted)
    monkeypatch.setattr(Store, "committed", unknown)
    made.put(inbound=[text])
    await made.run()
    assert [done.faults for done in owner.groups] == [["one"]]
    assert owner.troubles == ["the cable"]
    assert made.waiting == 0, "what may be on disk is not tried a second time"
    assert made.trouble == "still away"


async def test_on_postgresql_what_gathered_is_begun_before_the_last_group_is_acted_upon(
    phones: Phones, owner: Owner
) -> None:
    """On SQLite, whose statements are this thread's own work, the last group is acted upon first."""
    begun: list[int] = []
    offload = phones.world.offload

    def counting(work: Callable[[], T]) -> Any:
        begun.append(len(owner.groups))
        return offload(work)

    phones.world.offload = counting  # type: ignore[method-assign]
    one = Writer(phones.store, phones.ways, owner)
    one.put(inbound=texts(phones, (JAN, "JOIN"), (JAN, "JOIN")))
    one.stop()
    await one.run()
    assert owner.accepted == [["JOIN"], ["JOIN"]]
    assert begun == ([0, 0] if phones.store.dialect == "postgresql" else [0, 1])


async def test_on_sqlite_only_the_commit_is_made_on_the_writers_thread(phones: Phones, owner: Owner) -> None:
    phones.write(JAN, "JOIN")  # the store is connected
    made: list[list[str]] = []
    said: list[str] = []
    offload, execute = phones.world.offload, phones.store._cursor.execute  # type: ignore[union-attr]

    class Listening:
        def execute(self, sql: str, parameters: Any = ()) -> Any:
            said.append(sql.partition(" ")[0])
            return execute(sql, parameters)

        def __getattr__(self, name: str) -> Any:
            return getattr(cursor, name)

    def watched(work: Callable[[], T]) -> Any:
        said.clear()
        result = work()
        made.append(list(said))
        return offload(lambda: result)

    cursor = phones.store._cursor
    phones.store._cursor = Listening()
    phones.world.offload = watched  # type: ignore[method-assign]
    one = Writer(phones.store, phones.ways, owner)
    one.put(inbound=texts(phones, (PIET, "JOIN")))
    one.stop()
    await one.run()
    assert owner.accepted == [["JOIN"]]
    assert [statements[-1] for statements in made] == ["COMMIT"]
    assert (len(made[0]) == 1) == (phones.store.dialect == "sqlite"), "PostgreSQL's wait for the network, all of them"


# ---- what is held, and what is given back


async def test_a_held_text_keeps_its_place_before_what_its_sender_wrote_later(
    phones: Phones, owner: Owner, monkeypatch: pytest.MonkeyPatch
) -> None:
    made = Writer(phones.store, phones.ways, owner)
    first, second, other = texts(phones, (JAN, "QUIZ"), (JAN, "ja"), (PIET, "JOIN"))
    held = [[first], [first], []]

    def holding(store: Store, group: Group, *more: Any) -> Done:
        wait = held.pop(0) if held else []
        return Done(accepted=[one for one in group.inbound if one not in wait], held=wait)

    commits_by(monkeypatch, holding)
    monkeypatch.setattr(writer, "HELD_S", 0.001)
    task = asyncio.create_task(made.run())
    made.put(inbound=[first, second, other])
    await owner.until(lambda: sum(map(len, owner.accepted)) == 3)
    made.stop()
    await task
    assert owner.accepted == [["JOIN"], ["QUIZ"], ["ja"]]


async def test_a_text_that_another_node_must_judge_is_not_forgotten_when_the_store_goes_away_midway(
    phones: Phones, owner: Owner, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(writer, "RETRY_S", 0)
    made = Writer(phones.store, phones.ways, owner)
    (text,) = texts(phones, (JAN, "JOIN"))
    stop = Interrupted(StoreUnavailable("the cable"), Done(held=[text]), Group(), None)
    outcomes: list[Any] = [stop]

    def once(store: Store, group: Group, *more: Any) -> Done:
        if outcomes:
            raise outcomes.pop()
        return Done(accepted=list(group.inbound))

    commits_by(monkeypatch, once)
    task = asyncio.create_task(made.run())
    made.put(inbound=[text])
    await owner.until(lambda: owner.accepted == [["JOIN"]])
    made.stop()
    await task


async def test_confirmations_ride_along_and_go_alone_when_nothing_else_goes(
    running: Writer, owner: Owner, phones: Phones, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(writer, "MARKS_WAIT_S", 0.01)
    running.note([Mark(5, "carrier", 10)])
    running.note([Mark(5, "carrier", 11)])
    running.put(inbound=texts(phones, (JAN, "JOIN")))
    await owner.until(lambda: len(owner.groups) == 1)
    assert [row["confirmed_id"] for row in phones.table("sessions")] == [11]
    running.note([Mark(5, "carrier", 12)])
    await owner.until(lambda: len(owner.groups) >= 2)
    assert [row["confirmed_id"] for row in phones.table("sessions")] == [12]


async def test_marks_and_ends_survive_a_store_that_is_away_and_newer_marks_win(
    running: Writer, owner: Owner, phones: Phones, monkeypatch: pytest.MonkeyPatch
) -> None:
    away = Away(monkeypatch)
    away.gone = True
    (text,) = texts(phones, (JAN, "JOIN"))
    running.note([Mark(5, "carrier", 10), Mark(6, "carrier", 10)])
    running.put(inbound=[text], ended=[Ended(6, [], 0)])
    await owner.until(lambda: bool(owner.troubles))
    running.note([Mark(5, "carrier", 20)])
    away.gone = False
    await owner.until(lambda: bool(owner.groups))
    rows = {row["session"]: (row["confirmed_id"], row["ended_at"] is not None) for row in phones.table("sessions")}
    assert rows == {5: (20, False), 6: (10, True)}


async def test_what_is_given_up_is_taken_back_with_its_repeats_and_never_without_its_first(phones: Phones) -> None:
    made = Writer(phones.store, phones.ways, Owner())
    old, young = phones.text(JAN, "STEM a"), phones.text(PIET, "STEM a", received_at=phones.world.now() + 5)
    receipt = phones.receipt("m1")
    repeats = [
        phones.text(JAN, "STEM a", repeats=old.id, received_at=phones.world.now() + 5),
        phones.text(PIET, "STEM a", repeats=young.id),
        phones.text(KEES, "STEM a", repeats=1),  # its first is being committed
    ]
    made.put(inbound=[old, young, *repeats], receipts=[receipt])
    taken = made.give_up(phones.world.now() + 1)
    assert (taken.inbound, taken.receipts) == ([old, repeats[0]], [receipt])
    assert made.waiting == 3
    assert made.give_up(phones.world.now() + 1).inbound == []


async def test_texts_of_a_dead_link_are_left_to_the_peer_where_other_nodes_may_get_them(
    phones: Phones, owner: Owner
) -> None:
    one = Writer(phones.store, phones.ways, owner)
    dead, alive = phones.text(JAN, "JOIN", session=1), phones.text(PIET, "JOIN", session=2)
    one.put(inbound=[dead, alive])
    shared = phones.store.dialect == "postgresql"
    assert one.forget({1}) == ([dead.id] if shared else [])
    one.stop()
    await one.run()
    assert len(phones.table("inbound")) == (1 if shared else 2)
