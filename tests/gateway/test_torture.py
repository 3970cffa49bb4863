"""What a trial is made of: faults from a seed, a workload, a journal that is safe, books that are read, the command."""

import asyncio
import os
import random
import re
import signal
from collections import Counter
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import text
from sqlalchemy.engine import make_url
from typer.testing import CliRunner

from gateway.cli import app
from gateway.commands import running, simulating, torturing
from gateway.commands.conducting import hostile
from gateway.exits import Exit
from gateway.simulation import run as run_of
from gateway.simulation.run import Finding
from gateway.torture import books, carrier, lost_writes, needs, run
from gateway.torture.carrier import Carrier, Manner, TrialError
from gateway.torture.entries import Answered, Attempted, Befell, Injected, LinkEnded, Receipted, Responded, Submitted
from gateway.torture.entries import Texted as TextedEntry
from gateway.torture.faults import ASKED_FOR, DEAF, KINDS, RECOVERY, USUAL, Fault, at_point, plan
from gateway.torture.gateways import Gateway, Gateways, Nursery
from gateway.torture.grounds import server_of, through, watched
from gateway.torture.journal import Journal, means_nothing, read
from gateway.torture.ledger import Verdict
from gateway.torture.line import Line
from gateway.torture.proxy import Tcp, Unix
from gateway.torture.run import Orders, Report, Trial
from gateway.torture.workload import Workload, meaning
from router.store.engine import open_store
from smpp.codec import encode
from smpp.concat import Method, split
from smpp.constants import TAG_USER_MESSAGE_REFERENCE
from smpp.pdu import DeliverSm, SubmitSm
from smpp.simulator_hostile import HostileConduct
from smpp.simulator_witness import ReceiptOf, TextPart
from smpp.text import Encoding
from tests.support.consents import append, contact, record

PHONE = "31612345678"
PG = "postgresql://h/d"


class TestPlan:
    def test_a_seed_repeats_it(self) -> None:
        one, two = (plan(50, (), random.Random(3).random) for _ in range(2))
        assert one == two
        assert one != plan(50, (), random.Random(4).random)

    def test_every_kind_comes_and_some_are_killed_again_while_they_recover(self) -> None:
        planned = plan(1_000, (), random.Random(1).random)
        names = Counter(fault.name for fault in planned)
        assert len(planned) == 1_000
        assert set(names) == {*USUAL, RECOVERY}
        assert 100 < names[RECOVERY] < 220

    def test_a_point_is_named_to_the_process_and_a_moment_is_not(self) -> None:
        for fault in plan(300, (), random.Random(1).random):
            assert (fault.after_s is None) == bool(fault.environment)
            assert not fault.needs_a_start_of_its_own

    def test_only_what_was_asked_for(self) -> None:
        assert {fault.name for fault in plan(20, (DEAF,), random.Random(1).random)} == {DEAF}
        assert plan(2, (RECOVERY,), random.Random(1).random) == [at_point(RECOVERY)] * 2

    def test_some_need_a_start_of_their_own(self) -> None:
        assert Fault(name="disk", environment={"LD_PRELOAD": "x.so"}).needs_a_start_of_its_own
        assert Fault(name="slow", wrapper=("nice",)).needs_a_start_of_its_own


class TestWorkload:
    def texts(self, workload: Workload) -> list[tuple[str, str]]:
        return [workload.next() for _ in range(4_000)]

    def test_unique_texts_are_unique_but_for_stop_and_start(self) -> None:
        sent = self.texts(Workload("unique", random.Random(1).random))
        counted = Counter(said for _, said in sent)
        assert {said for said, times in counted.items() if times > 1} == {"STOP", "START"}
        assert any(len(said) > 160 for said in counted)
        assert len({phone for phone, _ in sent}) < 0.8 * len(sent), "phones text again"

    def test_or_nothing_but_ja(self) -> None:
        sent = self.texts(Workload("ja", random.Random(1).random))
        assert {said for _, said in sent} == {"JA", "STOP", "START"}

    def test_only_who_said_stop_says_start(self) -> None:
        silent: set[str] = set()
        for phone, said in self.texts(Workload("ja", random.Random(1).random)):
            if said == "STOP":
                silent.add(phone)
            assert said != "START" or phone in silent

    def test_long_ones_have_parts(self) -> None:
        _, said = Workload("ja", random.Random(1).random).half()
        assert len(split(said, Encoding.GSM7, 1, Method.UDH_8)) == 3

    def test_what_they_mean(self) -> None:
        assert meaning("STOP") == ("stop", None)
        assert meaning("START") == ("start", None)
        assert meaning("STEM 4") == ("", 1)
        assert means_nothing("STOP") == ("", None)


class TestJournal:
    def filled(self, path: Path | None) -> Journal:
        journal = Journal(path, iter(range(100)).__next__, meaning)
        segment = split("é" * 200, Encoding.GSM7, 7, Method.UDH_8)[1]
        journal.texted(1, PHONE, "4411", "STOP", 1)
        journal.attempted(TextPart(1, 1), 5, 6)
        journal.answered(5, 6, 0)
        journal.submitted(
            5,
            SubmitSm(
                sequence_number=9, source_addr="4411", destination_addr="+" + PHONE, esm_class=segment.esm_class,
                short_message=segment.short_message, tlvs=((TAG_USER_MESSAGE_REFERENCE, b"\x01\x02"),),
            ),
            0, 77,
        )  # fmt: skip
        journal.submitted(5, SubmitSm(sequence_number=10, source_addr="4411", destination_addr=PHONE), 0x58, 0)
        journal.responded(5, 9)
        journal.attempted(ReceiptOf(77, "4d", "DELIVRD", 258), 5, 7)
        journal.injected("noise", b"\0\xff", "")
        journal.ended(5)
        journal.befell("freeze", 3.5, 4.5, "why")
        return journal

    def test_what_is_written_is_read(self, tmp_path: Path) -> None:
        journal = self.filled(tmp_path / "journal")
        journal.close()
        entries = list(read(tmp_path / "journal"))
        assert entries == self.filled(None).entries
        assert entries[0] == TextedEntry(at=0, id=1, sender=PHONE, recipient="4411", text="STOP", word="stop")
        assert entries[3] == Submitted(
            at=3, link=5, sequence=9, source="4411", destination=PHONE, text="é" * 47, message_id="77", reference=258,
            part=2, parts=2, set_reference=7,
        )  # fmt: skip
        assert isinstance(entries[4], Submitted) and entries[4].message_id == "" and entries[4].status == 0x58
        assert [type(entry) for entry in entries] == [
            TextedEntry, Attempted, Answered, Submitted, Submitted, Responded, Receipted, Injected, LinkEnded, Befell,
        ]  # fmt: skip

    def test_it_is_on_disk_after_sync_and_not_before(self, tmp_path: Path) -> None:
        journal = self.filled(tmp_path / "journal")
        assert not (tmp_path / "journal").stat().st_size
        journal.sync()
        journal.sync()
        assert len(list(read(tmp_path / "journal"))) == 10
        journal.ended(6)
        journal.close()
        journal.close()
        assert len(list(read(tmp_path / "journal"))) == 11

    def test_in_memory_nothing_is_written(self) -> None:
        journal = self.filled(None)
        journal.sync()
        journal.close()
        assert len(journal.entries) == 10


class TestBooks:
    def test_everything_that_the_ledger_asks_for(self, tmp_path: Path) -> None:
        url = f"sqlite:///{tmp_path / 'kwek.db'}"
        assert books.is_fresh(url)
        text_of = DeliverSm(source_addr=PHONE, destination_addr="4411", short_message=b"JA")
        frames = {3: encode(text_of), 4: encode(SubmitSm()), 5: b"noise"}
        store = open_store(url)
        assert books.is_fresh(url)
        with store.engine.begin() as connection:
            for statement in (
                "INSERT INTO contacts (id, address, created_at) VALUES (1, '31612345678', 0)",
                "INSERT INTO inbound (id, contact_id, number, connector, session, sequence, text, received_at, state, "
                "brand, rule, deployment, fault) VALUES (2, 1, '4411', 'c', 5, 6, 'JA', 0, 'routed', 'B', '', '', '')",
                "INSERT INTO receipts (id, connector, message_id, state, error, received_at, text) "
                "VALUES (7, 'c', '4d', 'DELIVRD', '', 0, '')",
            ):
                connection.execute(text(statement))
            for id, frame in frames.items():
                connection.execute(
                    text("INSERT INTO quarantine VALUES (:id, 'c', 5, 6, :frame, 'why', 0)"), {"id": id, "frame": frame}
                )
        store.close()
        assert not books.is_fresh(url)
        found = books.read_books(url, 99)
        assert (found.taken_at, found.integrity, found.doubts, found.outbox, found.parts) == (99, (), 0, (), ())
        [row] = found.inbound
        assert (row.id, row.sender, row.recipient, row.text, row.state, row.session) == (
            2, PHONE, "4411", "JA", "routed", 5,
        )  # fmt: skip
        assert [(one.message_id, one.outbox_id) for one in found.receipts] == [("4d", None)]
        assert [(one.sender, one.text) for one in found.quarantine] == [(PHONE, "JA"), ("", ""), ("", "")]
        assert books.waiting(url, 99) == 0
        assert (found.consents, found.events) == ((), ())

    def test_the_consents_and_what_is_wrong_with_their_chain(self, tmp_path: Path) -> None:
        url = f"sqlite:///{tmp_path / 'kwek.db'}"
        store = open_store(url)
        contact(store, PHONE, 1)
        append(store, [record(1, PHONE, mo_id=2), record(1, PHONE, mo_id=0), record(1, PHONE, mo_id=3)])
        assert [(one.brand, one.action, one.mo_id) for one in books.read_books(url, 0).consents] == [
            ("Shop", "grant", 2), ("Shop", "grant", 3),
        ]  # fmt: skip
        assert books.read_books(url, 0).integrity == ()
        with store.begin() as tx:
            tx.write("DELETE FROM ledger WHERE position = 2")
        assert books.read_books(url, 0).integrity == (
            "the consents of Shop, row 2: the row is gone: the next one is 3",
        )  # fmt: skip
        store.close()

    def test_a_damaged_file_says_so(self, tmp_path: Path) -> None:
        path = tmp_path / "kwek.db"
        url = f"sqlite:///{path}"
        store = open_store(url)
        with store.engine.begin() as connection:
            for id in range(2_000):
                connection.execute(text(f"INSERT INTO contacts (id, address, created_at) VALUES ({id}, 'x{id}', 0)"))
            [root] = connection.execute(
                text("SELECT rootpage FROM sqlite_master WHERE name LIKE 'sqlite_autoindex_contacts%'")
            ).one()
        store.close()
        with path.open("r+b") as file:
            file.seek((root - 1) * 4096 + 8)
            file.write(bytes(4))
        assert books.read_books(url, 0).integrity


class TestGateways:
    async def test_forked_or_started_alone_its_end_is_known(self, tmp_path: Path) -> None:
        nursery = Nursery()
        await nursery.open()
        gateways = Gateways(nursery, tmp_path / "kwek.toml", {})  # which is missing
        try:
            for fault in (Fault(name="none"), Fault(name="none", wrapper=("env",))):
                gateway = await gateways.start(fault)
                async with asyncio.timeout(30):
                    await gateway.ended.wait()
                assert gateway.status == Exit.USAGE
                gateway.tell(signal.SIGKILL)
        finally:
            await gateways.close()
            await nursery.close()
        assert "kwek.toml" in gateways.log.read_text()

    async def test_what_still_runs_is_killed_at_the_end(self, tmp_path: Path) -> None:
        gateways = Gateways(Nursery(), tmp_path / "kwek.toml", {})
        gateway = await gateways.start(Fault(name="none", wrapper=("sh", "-c", "exec sleep 600")))
        await gateways.close()
        assert gateway.status == -signal.SIGKILL

    def test_what_a_process_uses_is_known(self) -> None:
        resident, descriptors = Gateway(os.getpid()).uses()
        assert resident > 1 << 20 and descriptors >= 3


class TestTrial:
    async def test_a_gateway_that_ends_by_itself_ends_the_trial(self, tmp_path: Path) -> None:
        (tmp_path / "kwek.db.lock").mkdir()
        with pytest.raises(TrialError, match=r"ended by itself with 3:(.|\n)*kwek\.db"):
            await Trial(Orders(hostile=False), tmp_path, print).run([at_point("commit.after")])

    async def test_a_store_with_texts_is_refused(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(books, "is_fresh", lambda url: False)
        with pytest.raises(TrialError, match="one of its own"):
            await Trial(Orders(), tmp_path, print).run()

    async def test_a_centre_that_ends_by_itself_ends_the_trial(
        self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(carrier, "CENTRE", "raise SystemExit")
        centre = Carrier()
        with pytest.raises(TrialError, match="message centre has ended"):
            await centre.start(tmp_path / "journal", Manner(1, "unique", 50, hostile=False))
        await centre.stop()


class TestNeeds:
    def test_usual_kinds_need_nothing(self) -> None:
        assert {needs.unmet(kind, store) for kind in (*USUAL, RECOVERY) for store in ("sqlite", PG)} == {""}
        assert set(needs.NEEDS) == set(ASKED_FOR)
        assert needs.unmet("cut-commit", f"{PG}?sslmode=disable") == ""

    def test_without_a_compiler_a_disk_is_full_where_one_may_be_mounted(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(needs, "compiler", lambda: None)
        monkeypatch.setattr(needs, "may_mount", lambda: True)
        assert "gcc" in needs.unmet("lost-writes", "sqlite")
        assert needs.unmet("disk-full", "sqlite") == ""
        monkeypatch.setattr(needs, "may_mount", lambda: False)
        assert "which root has), or a C compiler" in needs.unmet("disk-full", "sqlite")

    def test_only_root_may_mount(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr("os.geteuid", lambda: 1000)
        assert not needs.may_mount()

    async def test_what_is_missing_is_said_before_anything_starts(self, tmp_path: Path) -> None:
        with pytest.raises(TrialError, match="cut-commit: a COMMIT is cut on its way to PostgreSQL"):
            await Trial(Orders(only=("cut-commit",)), tmp_path, print).run()

    def test_a_library_that_cannot_be_compiled_says_so(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(lost_writes, "compiler", lambda: None)
        (tmp_path / "disk").mkdir()
        with pytest.raises(TrialError, match="no C compiler is here"):
            watched(tmp_path / "disk", "lost-writes")


class TestWays:
    @pytest.mark.parametrize(
        ("url", "server"),
        [
            ("postgresql://u@h/d", Tcp("h", 5432)),
            ("postgresql://u@h:5433/d", Tcp("h", 5433)),
            ("postgresql:///d", Tcp("127.0.0.1", 5432)),
            ("postgresql:///d?host=/run/pg", Unix("/run/pg/.s.PGSQL.5432")),
            ("postgresql://u@/d?host=/run/pg&port=5433", Unix("/run/pg/.s.PGSQL.5433")),
        ],
    )
    def test_where_a_server_listens(self, url: str, server: Tcp | Unix) -> None:
        assert server_of(make_url(url)) == server

    def test_by_way_of_a_port_of_the_loopback(self) -> None:
        said = make_url(through(make_url("postgresql://u:p@h:5433/d?host=/run/pg&application_name=x"), 9))
        assert (said.username, said.password, said.host, said.port, said.database) == ("u", "p", "127.0.0.1", 9, "d")
        assert said.query == {"application_name": "x", "sslmode": "disable", "gssencmode": "disable"}


class TestCommand:
    def asked(self, monkeypatch: pytest.MonkeyPatch, outcome: Line | TrialError, *options: str) -> tuple[Any, Orders]:
        """What the command says of a trial with this outcome, and what it ordered."""
        ordered: list[Orders] = []

        class Told:
            def __init__(self, orders: Orders, folder: Path, say: object) -> None:
                ordered.append(orders)

            async def run(self) -> Report:
                if isinstance(outcome, TrialError):
                    raise outcome
                return Report(
                    verdict=Verdict((outcome,)), kills=2, seconds=3.0, drained_s=1.0, faults={"random": 1, "deaf": 1}
                )

        monkeypatch.setattr(run, "Trial", Told)
        return CliRunner().invoke(app, ["torture", *options]), ordered[0]

    def test_all_is_well(self, monkeypatch: pytest.MonkeyPatch) -> None:
        said, orders = self.asked(monkeypatch, Line(name="L1", promise="lost texts", figures={"texts": 9}))
        assert said.exit_code == Exit.OK
        assert "2 kills in 3.0 s (1.50 s each), drained in 1.0 s\ndeaf 1, random 1\n" in said.stdout
        assert "L1  lost texts                   0        0  yes   texts 9" in said.stdout
        assert orders == Orders(kills=torturing.SHORT)

    def test_a_promise_is_broken(self, monkeypatch: pytest.MonkeyPatch) -> None:
        options = (
            "--long",
            "--seed",
            "4",
            "--texts",
            "ja",
            "--only",
            "deaf",
            "--gentle",
            "--store",
            "postgresql://h/d",
        )
        line = Line(name="L1", promise="lost texts", count=1, findings=("it is nowhere",))
        said, orders = self.asked(monkeypatch, line, *options)
        assert said.exit_code == Exit.FAILED
        assert "it is nowhere" in said.stdout
        assert "promises were broken" in said.stderr
        assert orders == Orders(
            store="postgresql://h/d", kills=torturing.LONG, seed=4, texts="ja", only=("deaf",), hostile=False,
            resends=True,
        )  # fmt: skip

    def test_the_help_names_every_kind_of_fault(self) -> None:
        assert [*torturing.KINDS_TOLD.split(", "), *torturing.ASKED_FOR_TOLD.split(", ")] == list(KINDS)
        said = " ".join(re.sub("[│╭╰─]", " ", CliRunner().invoke(app, ["torture", "--help"]).stdout).split())
        assert all(kind in said for kind in KINDS)

    def test_kinds_may_be_given_by_commas(self, monkeypatch: pytest.MonkeyPatch) -> None:
        line = Line(name="L1", promise="lost texts")
        _, orders = self.asked(monkeypatch, line, "--only", "deaf,half a long text", "--only", "random")
        assert orders.only == ("deaf", "half a long text", "random")

    def test_it_cannot_be_carried_out(self, monkeypatch: pytest.MonkeyPatch) -> None:
        said, _ = self.asked(monkeypatch, TrialError("the gateway has not bound"), "--kills", "3")
        assert said.exit_code == Exit.FAILED
        assert "the gateway has not bound\nwhat there is lies in " in said.stderr

    def test_in_virtual_time(self) -> None:
        said = CliRunner().invoke(app, ["torture", "--simulate", "--hours", "0.02", "--seeds", "2", "--seed", "3"])
        assert said.exit_code == 0, said.output
        assert re.findall(r"^seed (\d)", said.output, re.MULTILINE) == ["3", "4"]
        assert said.output.count("L1  lost texts") == 2

    def test_what_was_found_in_virtual_time_says_how_to_see_it_again(self, monkeypatch: pytest.MonkeyPatch) -> None:
        found = Finding(3, 0.02, "L2", "one text, two effects", 12.5)
        real = run_of.simulate(3, 0.01)
        monkeypatch.setattr(run_of, "simulate", lambda *_: replace(real, findings=(found,)))
        said = CliRunner().invoke(app, ["torture", "--simulate", "--hours", "0.02", "--seed", "3"])
        assert said.exit_code == Exit.FAILED
        assert "L2: one text, two effects" in said.output
        assert "again: kwek torture --simulate --seed 3 --hours 0.02" in said.output

    @pytest.mark.parametrize(
        ("options", "why"),
        [
            (("--only", "lightning"), "'lightning' is none of commit.before"),
            (("--store", "mysql://x/y"), "it is sqlite, or postgresql"),
            (("--only", "cut-commit"), "cut-commit: a COMMIT is cut on its way to PostgreSQL"),
            (("--only", "lost-writes", "--store", PG), "lost-writes: what a disk forgets is tried on SQLite's files"),
            (("--only", "disk-full", "--store", PG), "disk-full: a full disk is tried on SQLite's files"),
            (("--only", "cut-commit", "--store", f"{PG}?sslmode=require"), "cannot be told on an encrypted link"),
        ],
    )
    def test_what_cannot_be_meant(self, options: tuple[str, ...], why: str) -> None:
        said = CliRunner().invoke(app, ["torture", *options])
        assert said.exit_code == Exit.USAGE
        assert why in " ".join(said.stderr.replace("│", " ").split())

    def test_a_hostile_centre_for_trying_things_out(self, monkeypatch: pytest.MonkeyPatch) -> None:
        given: list[object] = []
        monkeypatch.setattr(simulating, "run_centre", lambda *arguments: given.append(arguments[4]))
        monkeypatch.setattr(running, "under_uvloop", lambda _: Exit.OK)
        assert CliRunner().invoke(app, ["simulate", "--hostile", "3"]).exit_code == Exit.OK
        [conduct] = given
        assert isinstance(conduct, HostileConduct)
        same, submit = hostile(3), SubmitSm(registered_delivery=1)
        assert [conduct.receipts(submit) for _ in range(100)] == [same.receipts(submit) for _ in range(100)]
        said = CliRunner().invoke(app, ["simulate", "--hostile", "3", "--ids", "hex-answer"])
        assert said.exit_code == Exit.USAGE
        assert "it decides all of" in said.stderr
