"""Slots of a schedule (a contact and a step of a drip, or a birthday), and gateways that are to perform each of them
once: three processes on one PostgreSQL, killed and started again, whose clocks are not the same.

A virtual year is told to all of them (router.world.CLOCK), so that it is noon on a working day whenever the tests run.
Contacts are enrolled by texts on a router whose clock is set by hand, in the minute before the first step is due.
"""

import asyncio
import signal
import time
from collections import Counter, defaultdict
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from random import Random
from typing import Any
from zoneinfo import ZoneInfo

import psycopg

from gateway.torture.faults import RECOVERY, Fault, at_point
from gateway.torture.gateways import Gateway, Gateways, Nursery
from router.instants import MINUTE, SECOND
from router.store.engine import open_store
from router.world import CLOCK, FAULT_POINTS, TRIAL, Ids
from smpp.pdu import SubmitSm
from smpp.simulator import Account, Settings, Simulator
from smpp.simulator_conduct import Conduct, Submit
from smpp.simulator_witness import Unwitnessed
from tests.support.process import write_config
from tests.support.routing import Phones, book_of

DRIPS = {"a": "promotional", "b": "promotional", "c": "promotional", "d": "promotional", "e": "transactional"}
STEPS = 30
"""Steps of each drip, a minute apart: more than fall due while a trial lasts."""
BIRTHDAYS = ("12:02", "12:04")
NOON = int(datetime(2027, 3, 10, 12, 0, tzinfo=ZoneInfo("Europe/Amsterdam")).timestamp()) * SECOND
"""When the last contact has been enrolled. A Wednesday."""
BEGIN = NOON + 95 * SECOND
"""When the gateways begin: the first step of all is overdue by every clock, and they race for it."""
APART_S = (-30.0, 0.0, 30.0)
"""By how much the nodes' clocks are off."""
SHORT_CODE = "4411"
PATIENCE_S = 60.0
DRAIN_S = 90.0
LIFE_S = 8.0
"""A node lives at most so long before it is killed, wherever it stands."""
PAUSE_S = 2.0
"""It is started again at most so long afterwards."""
MOST_PASSES = 12
"""A node that is to die at a named point dies when it passes it for this time at the latest."""
CHATTER_S = 0.1
"""Pause between two texts of phones that take part, which is what else the nodes have to do."""
POINTS = tuple(point for point in FAULT_POINTS if point != "commit.after") + ("commit.after",) * 2


def rules() -> str:
    """One brand: five drips that a text each begins, and two birthday rules."""
    drips = "".join(
        f"keyword {name.upper()}\n    opt in {kind}\n    start {name}\n\ndrip {name} {kind}\n"
        + "".join(
            f'    after {step} minute{"s" * (step > 1)}\n        send "Drip {name} stap {step}."\n'
            for step in range(1, STEPS + 1)
        )
        + "\n"
        for name, kind in DRIPS.items()
    )
    birthdays = "".join(
        f'on birthday of contact.geboren at {clock}\n    send promotional "Verjaardag {clock}."\n\n'
        for clock in BIRTHDAYS
    )
    head = 'brand "Klusser"\n    numbers   4411\n    language  nl\n    timezone  Europe/Amsterdam\n\n'
    born = "keyword JARIG\n    opt in promotional\n    set contact.geboren = 1990-03-10\n\n"
    return f"{head}contact\n    geboren  date\n\n{born}{drips}{birthdays}" + 'fallback\n    reply "Hoi."\n'


Slot = tuple[str, str]
"""A phone, and the text of its step."""


def enrolled(store: str, contacts: int, chance: Random) -> dict[Slot, int]:
    """Enrol so many contacts in every drip, each at an instant of its own, and let their birthday be known. Gives every
    slot with the instant that it is planned for (microseconds since 1970 UTC)."""
    planned: dict[Slot, int] = {}
    seconds: dict[int, list[tuple[str, str]]] = defaultdict(list)
    for number in range(contacts):
        phone = phone_of(number)
        words = [*(name.upper() for name in DRIPS), "JARIG"]
        for word, second in zip(words, chance.sample(range(59), len(words)), strict=True):
            seconds[second].append((phone, word))
    opened = open_store(store)
    phones = Phones(opened, book_of(("klusser.rules", rules())))
    phones.world.ids = Ids(1_000)
    for second in sorted(seconds):
        phones.world.at = NOON - MINUTE + second * SECOND
        group = seconds[second]
        for first in range(0, len(group), 200):
            phones.commit(room=0, inbound=[phones.text(phone, word) for phone, word in group[first : first + 200]])
        for phone, word in group:
            planned |= _slots_of(phone, word, phones.world.at)
    opened.close()
    return planned


def phone_of(number: int) -> str:
    """The contacts' numbers."""
    return f"316{number:08}"


def _slots_of(phone: str, word: str, at: int) -> dict[Slot, int]:
    if word == "JARIG":
        minutes = {clock: int(clock[3:]) for clock in BIRTHDAYS}
        return {(phone, f"Verjaardag {clock}."): NOON + minute * MINUTE for clock, minute in minutes.items()}
    return {(phone, f"Drip {word.lower()} stap {step}."): at + step * MINUTE for step in range(1, STEPS + 1)}


class Arrivals(Unwitnessed):
    """The carrier's journal: how often each phone was handed each text."""

    def __init__(self) -> None:
        self.handed: Counter[Slot] = Counter()

    def submitted(self, link: int, submit: Submit, status: int, number: int) -> None:
        """Counts what was taken."""
        octets = submit.short_message if isinstance(submit, SubmitSm) else b""
        self.handed[submit.destination_addr, octets.decode("latin-1")] += 1


@dataclass
class Verdict:
    """What came of a trial; `doubled`, `missed` and the like in sentences."""

    slots: int = 0
    kills: Counter[str] = field(default_factory=Counter)
    seconds: float = 0.0
    drained_s: float = 0.0
    found: dict[str, list[str]] = field(default_factory=lambda: defaultdict(list))
    unknown: int = 0
    sent_again: int = 0
    nodes: Counter[str] = field(default_factory=Counter)

    @property
    def line(self) -> str:
        """For people."""
        faults = ", ".join(f"{name} {times}" for name, times in sorted(self.kills.items()))
        found = ", ".join(f"{len(sentences)} {kind}" for kind, sentences in self.found.items()) or "nothing"
        return (
            f"{self.slots} slots, {self.kills.total()} kills ({faults}) in {self.seconds:.0f} s, drained in "
            f"{self.drained_s:.1f} s: found {found}; {self.unknown} of unknown outcome, {self.sent_again} sent again; "
            f"handed over by {dict(sorted(self.nodes.items()))}"
        )


class Scheduled:
    """The gateways of one trial, and the carrier that they share."""

    def __init__(
        self, folder: Path, store: str, contacts: int, chance: Random, apart_s: Sequence[float] = APART_S
    ) -> None:
        self._apart_s = apart_s
        self.planned = enrolled(store, contacts, chance)
        self.verdict = Verdict()
        self._arrivals = Arrivals()
        self._centre = Simulator(
            0, [Account("kwek", "secret")], time.monotonic, Random(1).random, datetime.now,
            Settings(conduct=Conduct(answer_delay_s=0.02), retry_s=0.2, witness=self._arrivals),
        )  # fmt: skip
        self._folder, self._store, self._chance, self._contacts = folder, store, chance, contacts
        self._nursery = Nursery()
        self._nodes: list[Gateways] = []
        self._ahead_s = 0.0
        self._over = asyncio.Event()
        self._kills_left = 0

    @asynccontextmanager
    async def ready(self) -> AsyncIterator[None]:
        """The carrier listens, and gateways can be forked; all is gone at the end."""
        try:
            await self._nursery.open()
            await self._centre.start()
            for node in range(len(self._apart_s)):
                folder = self._folder / f"node-{node}"
                folder.mkdir()
                config = write_config(folder, self._centre.port, rules(), self._store, **{'"test"': f'"node-{node}"'})
                self._nodes.append(Gateways(self._nursery, config, {"KWEK_TEST_PASSWORD": "secret"}))
            self._ahead_s = BEGIN / SECOND - time.time()
            yield
        finally:
            for gateways in self._nodes:
                await gateways.close()
            await self._nursery.close()
            await self._centre.stop()

    def now(self) -> int:
        """The true time of the trial, which no node need know."""
        return int((time.time() + self._ahead_s) * SECOND)

    async def torment(self, seconds: float, least: int) -> None:
        """Kill nodes and start them again for so long, and until so many were killed."""
        began = time.monotonic()
        self._kills_left = least
        tasks = [asyncio.create_task(self._lives(node)) for node in range(len(self._nodes))]
        tasks.append(asyncio.create_task(self._chatter()))
        try:
            await passed(seconds)
            async with asyncio.timeout(PATIENCE_S):
                while self._kills_left > 0:
                    await passed(0.1)
        finally:
            self._over.set()
            await asyncio.gather(*tasks)
            self.verdict.seconds = time.monotonic() - began

    async def dies(self, node: int, point: str) -> None:
        """A node starts and dies at that point, amid the slots that are due."""
        gateway = await self._start(node, self._apart_s[node], at_point(point))
        async with asyncio.timeout(PATIENCE_S):
            await gateway.ended.wait()
        assert gateway.status == -signal.SIGKILL, f"it ended by itself with {gateway.status}:\n{self._logs()}"
        self.verdict.kills[point] += 1

    async def settle(self, *, race: bool = False) -> None:
        """All nodes run, clocks apart as ever, until what has fallen due by now is done; then they are told to stop.

        With `race` the contacts are held until every node is there, so that they all begin at the same slots."""
        began, until = time.monotonic(), self.now()
        with psycopg.connect(self._store) as holding:
            if race:
                holding.execute("SELECT id FROM contacts ORDER BY id FOR UPDATE")
            alive = [await self._start(node, self._apart_s[node]) for node in range(len(self._nodes))]
            await self._centre.bound(len(alive), PATIENCE_S)
        async with asyncio.timeout(DRAIN_S):
            while await asyncio.to_thread(self._open, until):
                await passed(0.2)
        self.verdict.drained_s = time.monotonic() - began
        for gateway in alive:
            status = await gateway.end(signal.SIGTERM)
            assert not status, f"a gateway ended with {status}:\n{self._logs()}"
        self._judge(until)

    # ------------------------------------------------------------------------------------------------- a node's lives

    async def _start(self, node: int, apart_s: float, fault: Fault | None = None) -> Gateway:
        fault = fault or Fault(name="none", environment={TRIAL: ""})
        clock = {CLOCK: f"{self._ahead_s + apart_s:.6f}"}
        return await self._nodes[node].start(Fault(name=fault.name, environment={**fault.environment, **clock}))

    async def _lives(self, node: int) -> None:
        """One life after another; the first by the node's own clock, the next ones by whichever it finds."""
        apart_s = self._apart_s[node]
        while not self._over.is_set():
            fault = self._fault()
            gateway = await self._start(node, apart_s, fault)
            await self._ended(gateway, self._chance.uniform(0.3, 1.0) * LIFE_S)
            at_its_point = gateway.ended.is_set()
            await gateway.end(signal.SIGKILL)
            assert gateway.status == -signal.SIGKILL, f"it ended by itself with {gateway.status}:\n{self._logs()}"
            self.verdict.kills[fault.name if at_its_point else "random"] += 1
            self._kills_left -= 1
            with suppress(TimeoutError):
                async with asyncio.timeout(self._chance.random() * PAUSE_S):
                    await self._over.wait()
            apart_s = self._chance.choice(self._apart_s)

    def _fault(self) -> Fault:
        if self._chance.random() < 0.3:
            return Fault(name="random", environment={TRIAL: ""})
        point = self._chance.choice(POINTS)
        return at_point(point, 1 if point == RECOVERY else self._chance.randint(1, MOST_PASSES))

    async def _ended(self, gateway: Gateway, seconds: float) -> None:
        """Until it has ended, so much time has passed, or all is over."""
        ends = [asyncio.ensure_future(one.wait()) for one in (gateway.ended, self._over)]
        await asyncio.wait(ends, timeout=seconds, return_when=asyncio.FIRST_COMPLETED)
        for one in ends:
            one.cancel()

    async def _chatter(self) -> None:
        """Phones that write meanwhile: their contacts are locked by whoever takes the text."""
        while not self._over.is_set():
            self._centre.phone(phone_of(self._chance.randrange(self._contacts))).text(SHORT_CODE, "HOI")
            await passed(CHATTER_S)

    def _logs(self) -> str:
        return "\n".join(node.log.read_text(errors="replace")[-1500:] for node in self._nodes if node.log.exists())

    # ------------------------------------------------------------------------------------------------- what came of it

    def _open(self, until: int) -> int:
        """What has fallen due by then and is not done, or is on its way."""
        return count(
            self._store,
            f"SELECT (SELECT count(*) FROM runs WHERE due_at <= {until})"
            f" + (SELECT count(*) FROM timers WHERE due_at <= {until})"
            f" + (SELECT count(*) FROM outbox WHERE state = 'claimed' OR (state = 'ready' AND due_at <= {until}))",
        )

    def _judge(self, until: int) -> None:
        """Each slot that has fallen due stands once in the outbox, and was handed to the carrier as often as its row
        says: once, or perhaps, or once more where its class allows that."""
        found = self.verdict.found
        rows: dict[Slot, list[tuple[str, int, str, str, str]]] = defaultdict(list)
        for phone, text, state, sends, kind, node, reason in asked(self._store, _ROWS):
            rows[phone, text].append((state, sends, kind, node, reason))
        latest = until + int(max(self._apart_s) + DRAIN_S) * SECOND
        for slot, at in self.planned.items():
            mine = rows.pop(slot, [])
            self.verdict.slots += at <= until
            if at <= until and not mine:
                found["missed"].append(f"{slot}, due {(until - at) / SECOND:.1f} s before the end")
            if at > latest and mine:
                found["early"].append(f"{slot}, due {(at - until) / SECOND:.1f} s after the end")
            if len(mine) > 1:
                found["doubled"].append(f"{slot}: {mine}")
            for row in mine[:1]:
                self._weigh(slot, *row)
        found_more = [slot for slot in rows if slot[1] != "Hoi."]
        for _, reason in asked(self._store, "SELECT id, reason FROM quarantine"):
            found["set aside"].append(reason)
        for slot in found_more:
            found["unplanned"].append(f"{slot}: {rows[slot]}")

    def _weigh(self, slot: Slot, state: str, sends: int, kind: str, node: str, reason: str) -> None:
        """One row beside what the carrier was handed."""
        found, handed = self.verdict.found, self._arrivals.handed[slot]
        self.verdict.nodes[node] += bool(handed)
        self.verdict.unknown += state in ("unknown", "expired")
        self.verdict.sent_again += handed > 1
        if state in ("withheld", "cancelled", "failed"):
            found["not sent"].append(f"{slot}: {state}, {reason}")
        if handed > sends or (kind == "promotional" and handed > 1):
            found["doubled at the carrier"].append(f"{slot}: handed over {handed} times, {state} after {sends}")
        if state in ("sent", "delivered") and not handed:
            found["never handed over"].append(f"{slot}: {state}")


_ROWS = """SELECT c.address, o.text, o.state, o.sends, o.message_class, o.node, o.reason
    FROM outbox o JOIN contacts c ON c.id = o.contact_id"""


async def passed(seconds: float) -> None:
    """Until so much time has gone by."""
    come = asyncio.Event()
    asyncio.get_running_loop().call_later(seconds, come.set)
    await come.wait()


def asked(store: str, sql: str) -> Sequence[tuple[Any, ...]]:
    """The rows of a query, on a connection of its own."""
    with psycopg.connect(store) as connection:
        return connection.execute(sql.encode()).fetchall()


def count(store: str, sql: str) -> int:
    """What a query counts, on a connection of its own."""
    with psycopg.connect(store) as connection:
        found = connection.execute(sql.encode()).fetchone()
    assert found is not None
    return int(found[0])
