"""Row 05, power loss on SQLite: at any moment of a run under load, everything acknowledged by then is on the disk.

The gateway runs on a disk that records what was synced. After it was killed the record is cut at moments of chance's
choosing, most of them next to an acknowledgement or a sync; for each the files are laid down as they might be then and
read. From what is left at the end of a run the next one goes on. KWEK_CUTS is how many moments are looked at.
"""

import asyncio
import os
import random
import sqlite3
import struct
import time
from collections import defaultdict
from collections.abc import AsyncIterator, Iterator, Sequence
from contextlib import asynccontextmanager, closing
from datetime import datetime
from pathlib import Path

import pytest

from gateway.torture.disk import Record, lay_down
from gateway.torture.lost_writes import LostWrites
from smpp.simulator import Account, Simulator
from tests.support import process
from tests.support.process import run_gateway, write_config

RULES = """\
brand "Klusser"
    numbers   4411
    language  nl
    timezone  Europe/Amsterdam

keyword STEM <nr number>
    record stem = nr
    tag gestemd
"""
CUTS = int(os.environ.get("KWEK_CUTS", "20"))
CUTS_PER_RUN = 10
TEXTS_PER_RUN = 600
IN_FLIGHT = 100
PATIENCE_S = 60.0
MANY_CHECKPOINTS = "from router.store import checkpoint; checkpoint.EVERY_S = 0.02"
"""Checkpoints are where SQLite's order of writing matters most."""
SYNC_LESS = """
from router.store import engine
engine._SETTINGS["sqlite"] = tuple(one.replace("=FULL", "=NORMAL") for one in engine._SETTINGS["sqlite"])
"""
MAIN = "from gateway.cli import main; main()"
DELIVER_SM_RESP = 0x80000005
HEAD = struct.Struct(">IIII")


class Votes:
    """Phones that keep voting, each once, and which votes were acknowledged."""

    def __init__(self, carrier: Simulator) -> None:
        self.carrier = carrier
        self.acknowledged: set[int] = set()
        self.next = 0
        self.wanted = 0
        self.reached = asyncio.Event()

    async def more(self, votes: int) -> None:
        """Wait until so many more are acknowledged; as many are under way as the window takes."""
        self.wanted = self.next + votes
        self.reached.clear()
        while self.next < self.wanted and self.next - len(self.acknowledged) < IN_FLIGHT:
            self._send()
        await asyncio.wait_for(self.reached.wait(), PATIENCE_S)

    def _send(self) -> None:
        number, self.next = self.next, self.next + 1
        answered = self.carrier.phone(f"3161{number:07}").text("4411", f"STEM {number}")
        answered.add_done_callback(lambda done: self._answered(number, done.result()))

    def _answered(self, number: int, status: int) -> None:
        assert status == 0
        self.acknowledged.add(number)
        if self.next < self.wanted:
            self._send()
        if len(self.acknowledged) >= self.wanted:
            self.reached.set()


class PowerCuts:
    """Runs of the gateway on a disk that forgets, and what was found on it."""

    def __init__(self, folder: Path, seed: int) -> None:
        for name in ("disk", "work", "cut"):
            (folder / name).mkdir()
        self.folder = folder
        self.chance = random.Random(seed)
        self.watch = LostWrites(folder / "disk", folder / "work")
        self.lost = 0
        self.cuts = 0
        self.acknowledged = 0

    @asynccontextmanager
    async def carrier(self) -> AsyncIterator[Simulator]:
        carrier = Simulator(0, [Account("kwek", "secret")], time.monotonic, self.chance.random, datetime.now)
        await carrier.start()
        database = self.folder / "disk" / "kwek.db"
        self.config = write_config(self.folder, carrier.port, RULES, f"sqlite:///{database}")
        try:
            yield carrier
        finally:
            await carrier.stop()

    async def run(self, votes: Votes) -> None:
        """One run until the power goes, and looks at moments of it."""
        gateway = await run_gateway(self.config)
        try:
            await votes.carrier.bound(1, PATIENCE_S)
            await votes.more(TEXTS_PER_RUN)
        finally:
            await gateway.kill()
        self._look()
        self.watch.lose_power(self.chance.random)

    def _look(self) -> None:
        records, before = self.watch.records(), self._kept(self.watch.files)
        answers = list(acknowledgements(records))
        # The last ones may have left just before the kill, with nobody there any more to record it.
        assert len(answers) >= TEXTS_PER_RUN - 2 * IN_FLIGHT, "the acknowledgements were not seen"
        self.acknowledged += len(answers)
        disk, at = self.watch.disk(), 0
        for cut in moments(records, self.chance):
            for record in records[at:cut]:
                disk.apply(record)
            at = cut
            kept = self._kept(disk.after_power_loss(self.chance.random))
            assert before <= kept, "what was there before the run is lost"
            new = {sequence for session, sequence in kept - before}
            self.lost += len({sequence for place, sequence in answers if place < cut} - new)
            self.cuts += 1

    def _kept(self, files: dict[str, bytes]) -> set[tuple[int, int]]:
        """The texts, by session and sequence_number, in a database as it is found when the power is back."""
        if "kwek.db" not in files:
            return set()
        lay_down(self.folder / "cut", files)
        with closing(sqlite3.connect(self.folder / "cut" / "kwek.db")) as database:
            assert database.execute("PRAGMA integrity_check").fetchall() == [("ok",)]
            if not database.execute("SELECT 1 FROM sqlite_master WHERE name = 'inbound'").fetchall():
                return set()
            kept = {(int(session), int(sequence)) for session, sequence in
                    database.execute("SELECT session, sequence FROM inbound")}  # fmt: skip
            texts = database.execute("SELECT count(*) FROM inbound").fetchone()
            assert database.execute("SELECT count(*) FROM records").fetchone() <= texts, "an effect without its cause"
        return kept


def acknowledgements(records: Sequence[Record]) -> Iterator[tuple[int, int]]:
    """Where each positive deliver_sm_resp left the process, and its sequence_number."""
    streams: dict[int, bytearray] = defaultdict(bytearray)
    for place, record in enumerate(records):
        if record.kind == "C":
            streams.pop(record.which, None)
        if record.kind != "N":
            continue
        stream = streams[record.which]
        stream.extend(record.octets)
        while len(stream) >= HEAD.size and len(stream) >= (length := HEAD.unpack_from(stream)[0]):
            _, command, status, sequence = HEAD.unpack_from(stream)
            del stream[:length]
            if (command, status) == (DELIVER_SM_RESP, 0):
                yield place, sequence


def moments(records: Sequence[Record], chance: random.Random) -> list[int]:
    """Where the power goes, in order: anywhere, just after an acknowledgement, just before a sync has ended."""
    sent = [place + 1 for place, record in enumerate(records) if record.kind == "N"]
    syncs = [place for place, record in enumerate(records) if record.kind == "D"]
    anywhere = range(1, len(records) + 1)
    return sorted(chance.choice(chance.choice((sent, sent, syncs, anywhere))) for _ in range(CUTS_PER_RUN))


def prepare(monkeypatch: pytest.MonkeyPatch, power: PowerCuts, code: str) -> None:
    """The gateway's process does this first, and runs on the disk that forgets."""
    monkeypatch.setattr(process, "KWEK", (*process.KWEK[:2], f"{MANY_CHECKPOINTS}\n{code}\n{MAIN}"))
    for name, value in power.watch.environment().items():
        monkeypatch.setenv(name, value)


@pytest.mark.torture
@pytest.mark.timeout(0)
async def test_row_05_power_loss_takes_nothing_that_was_acknowledged(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    power = PowerCuts(tmp_path, int(os.environ.get("SEED", "1")))
    prepare(monkeypatch, power, "")
    async with power.carrier() as carrier:
        votes = Votes(carrier)
        while power.cuts < CUTS:
            await power.run(votes)
        assert power.lost == 0
        gateway = await run_gateway(power.config)
        await carrier.bound(1, PATIENCE_S)
        await votes.more(1)
        assert await gateway.stop() == 0
    with closing(sqlite3.connect(tmp_path / "disk" / "kwek.db")) as database:
        kept = {int(text.split()[1]) for (text,) in database.execute("SELECT text FROM inbound")}
    assert votes.acknowledged <= kept, f"{len(votes.acknowledged - kept)} acknowledged votes were lost"
    print(f"{power.cuts} cuts, {power.acknowledged} acknowledgements, none lost")


@pytest.mark.torture
async def test_row_05_a_store_that_syncs_less_is_found_out(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The same runs with synchronous=NORMAL lose: so the test above can fail."""
    power = PowerCuts(tmp_path, 1)
    prepare(monkeypatch, power, f"{SYNC_LESS}\nimport sys; sys.argv.append('--unsafe')")
    async with power.carrier() as carrier:
        votes = Votes(carrier)
        while power.lost == 0 and power.cuts < 10 * CUTS_PER_RUN:  # cuts just after a checkpoint lose nothing
            await power.run(votes)
    assert power.lost > 0
    said = (tmp_path / "kwek.log").read_text()
    assert "UNSAFE: SQLite runs journal_mode=wal, synchronous=1: it needs WAL and FULL" in said
