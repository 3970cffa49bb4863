"""Commands that write while the gateway runs on SQLite: the same outcomes, done by the gateway, between its texts."""

import asyncio
import json
import os
import socket
import stat
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import typer

from gateway import counter, counter_clerk, counter_orders
from gateway.commands.at_counter import handed_in
from gateway.counter import place_of
from gateway.counter_clerk import Clerk
from gateway.counter_orders import AnyOrder, ConsentList
from gateway.exits import Exit
from router.consent_rows import rows_of
from router.optouts import OptOuts
from router.store.errors import StoreBroken, StoreUnavailable
from smpp.simulator_conduct import Conduct
from tests.support.rules_files import GREETING
from tests.support.shell import Shell, answered
from tests.support.station import PATIENCE_S, station

RULES = f"""{GREETING}
keyword NAAM <wie text>
    record wie = wie
    reply "Dag {{wie}}."
"""
JAN, PIET = "31612345678", "31622222222"
OF_PROMOTIONS = ("--brand", "Klusser", "--class", "promotional", "--by", "crm")


async def test_consents_are_taken_in_and_persons_forgotten_while_texts_come_and_go(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with station(tmp_path, RULES, brands=("Klusser",)) as one:
        shell = Shell(one, monkeypatch, RULES)
        assert await one.ask("NAAM Zevenboom", JAN) == "Dag Zevenboom."
        head = "msisdn;at;wording;method;evidence\n"
        rows = "".join(f"+3165{number:07};2025-03-01;Ja;web;u\n" for number in range(100))
        brought = asyncio.create_task(
            shell.kwek("consent", "import", shell.file(head + rows + "12;;;;\n"), *OF_PROMOTIONS)
        )
        said = 0
        while not brought.done():
            assert await one.ask("HOI", f"31622{said:06}") == "Dag!", "texts go on meanwhile"
            said += 1
        assert said
        assert await one.ask("HOI", PIET) == "Dag!"
        assert brought.result().exit_code == Exit.FAILED, "one row is no number"
        assert "100 taken" in brought.result().stdout
        out = await shell.kwek(
            "consent", "opt-out", shell.file(f"msisdn\n{PIET}\n"), "--brand", "Klusser", "--by", "helpdesk"
        )
        assert (out.exit_code, "1 taken" in out.stdout) == (Exit.OK, True), out.stderr
        assert (await shell.kwek("consent", "import", shell.file("nothing\n"), *OF_PROMOTIONS)).exit_code == Exit.USAGE
        erased = await shell.kwek("consent", "erase", JAN, "--all", "--by", "privacy")
        assert erased.exit_code == Exit.OK, erased.stderr
        assert "suppressed for Klusser" in erased.stdout
        assert one.rows(f"SELECT count(*) FROM contacts WHERE address = '{JAN}'") == [(0,)]
        assert one.rows("SELECT count(*) FROM records") == [(0,)]
        assert (await shell.kwek("consent", "verify")).exit_code == Exit.OK
        again = await shell.kwek("consent", "import", shell.file(f"{head}{JAN};2025-03-01;Ja;web;u\n"), *OF_PROMOTIONS)
        assert "1 suppressed" in again.stdout
        refused = await shell.kwek("consent", "erase", JAN, "--all", "--by", "privacy", "--vacuum")
        assert (refused.exit_code, "in use by another kwek" in refused.stderr) == (Exit.STORE, True)
    assert not (tmp_path / "kwek.db.sock").exists()
    assert (await shell.kwek("consent", "erase", PIET, "--all", "--by", "privacy")).exit_code == Exit.OK, (
        "without a gateway, too"
    )


async def test_only_the_own_account_reaches_the_counter(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    place = tmp_path / "kwek.db.sock"
    dead = socket.socket(socket.AF_UNIX)
    dead.bind(str(place))
    dead.close()  # a process that died left it
    async with station(tmp_path, RULES, brands=("Klusser",)):
        assert stat.S_IMODE(place.stat().st_mode) == 0o600
        assert place_of(f"sqlite:///{tmp_path / 'kwek.db'}") == place
        monkeypatch.setattr(counter, "_PEER", Other())
        assert await answered(place, {"do": "erase"}) == {}


A_LIST = {"do": "import", "brand": "Klusser", "class": "promotional", "programme": "", "by": "me", "octets": 0}


class Other:
    """Some other account at the other end."""

    size = 12

    def unpack(self, _: bytes) -> tuple[int, int, int]:
        return 1, os.getuid() + 5, 1


@pytest.mark.parametrize(("waits_s", "under_way"), [(0.0, 1), (PATIENCE_S, 0)])
async def test_an_opt_out_is_done_when_nothing_more_can_be_written(
    waits_s: float, under_way: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(counter_clerk, "BARRIER_S", waits_s)
    async with station(tmp_path, RULES, brands=("Klusser",)) as one:
        one.carrier.conduct = Conduct(answer_delay_s=0.5)
        await asyncio.wait_for(one.phone(JAN).text("4411", "HOI"), PATIENCE_S)  # its answer is claimed by now
        order = {"do": "opt-out", "brand": "Klusser", "by": "helpdesk", "octets": 19}
        done = (await answered(tmp_path / "kwek.db.sock", order, f"msisdn\n{JAN}\n".encode()))["done"]
        ((claimed,),) = one.rows("SELECT id FROM outbox")
        assert done["told"] == [{"line": 2, "outcome": "taken", "why": "", "claimed": [claimed]}]
        assert done["under_way"] == under_way


async def test_what_is_no_order_is_refused_with_why(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    async with station(tmp_path, RULES, brands=("Klusser",)) as one:
        place = tmp_path / "kwek.db.sock"
        deep = b'{"do": "erase", "more": ' + b"[" * 100_000
        wrong: list[Any] = [b"no json", [], {}, {"do": "dance"}, {"do": "erase"}, {"do": "import", "brand": "Klusser"}]
        for order in [*wrong, A_LIST | {"octets": counter_orders.MOST_OCTETS + 1}, deep]:
            assert "no order of its version" in (await answered(place, order))["refused"]
        assert "have no brand 'Nobody'" in (await answered(place, A_LIST | {"brand": "Nobody"}))["refused"]
        assert await answered(place, A_LIST | {"octets": 9}, b"msisdn;a") == {}, "the list ends before its end"

        def away(*_: object, **__: object) -> None:
            raise StoreUnavailable("the disk is full")

        shell = Shell(one, monkeypatch, RULES)
        monkeypatch.setattr("router.erasure.Erasure.silence", away)
        done = await shell.kwek("consent", "erase", JAN, "--all", "--by", "me")
        assert (done.exit_code, done.stderr) == (Exit.STORE, "the disk is full\n")
        assert await one.ask("HOI", PIET) == "Dag!", "the gateway goes on"


async def test_a_fault_of_ours_is_told_as_one_and_texts_go_on(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def wrong(*_: object, **__: object) -> None:
        raise KeyError("a column")

    monkeypatch.setattr("router.erasure.Erasure.silence", wrong)
    async with station(tmp_path, RULES, brands=("Klusser",)) as one:
        done = await Shell(one, monkeypatch, RULES).kwek("consent", "erase", JAN, "--all", "--by", "me")
        assert (done.exit_code, "a fault of kwek" in done.stderr) == (Exit.INTERNAL, True)
        assert await one.ask("HOI", PIET) == "Dag!"
    assert one.exit_code == Exit.OK


@pytest.mark.parametrize("step", ["router.erasure.Erasure.silence", "gateway.counter_clerk.empty_log"])
async def test_a_disk_that_fails_under_an_order_ends_the_gateway(
    step: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken(*_: object, **__: object) -> None:
        raise StoreBroken("disk I/O error")

    monkeypatch.setattr(step, broken)
    async with station(tmp_path, RULES, brands=("Klusser",)) as one:
        done = await Shell(one, monkeypatch, RULES).kwek("consent", "erase", JAN, "--all", "--by", "me")
        assert (done.exit_code, "the gateway ended meanwhile" in done.stderr) == (Exit.STORE, True)
        assert await one.stop() == Exit.INTERNAL


async def test_the_log_is_cut_off_in_tries_that_hold_nobody_up(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    tries: list[int] = []

    def read_by_somebody(_: object, wait_ms: int) -> bool:
        tries.append(wait_ms)
        assert threading.current_thread().name.startswith("asyncio"), "the writer's thread, or the loop's"
        return len(tries) == 3

    monkeypatch.setattr(counter_clerk, "empty_log", read_by_somebody)
    async with station(tmp_path, RULES, brands=("Klusser",)) as one:
        shell = Shell(one, monkeypatch, RULES)
        done = await shell.kwek("consent", "erase", JAN, "--all", "--by", "me")
        assert (tries, "its log still holds" in done.stdout) == ([counter_clerk.CUT_MS] * 3, False)
        monkeypatch.setattr(counter_clerk, "CUTS", 0)
        assert "its log still holds" in (await shell.kwek("consent", "erase", JAN, "--all", "--by", "me")).stdout


async def test_a_list_is_read_on_neither_the_loop_nor_the_writer_s_thread(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    threads: dict[str, str] = {}

    def noting(what: str, work: Callable[..., Any]) -> Callable[..., Any]:
        def noted(*given: Any) -> Any:
            threads[what] = threading.current_thread().name
            return work(*given)

        return noted

    monkeypatch.setattr(counter_clerk, "rows_of", noting("read", rows_of))
    monkeypatch.setattr("router.optouts.OptOuts._take", noting("written", OptOuts._take))
    async with station(tmp_path, RULES, brands=("Klusser",)) as one:
        order = {"do": "opt-out", "brand": "Klusser", "by": "me", "octets": 19}
        told = await answered(tmp_path / "kwek.db.sock", order, f"msisdn\n{JAN}\n".encode())
        assert told["done"]["told"] == [{"line": 2, "outcome": "taken", "why": "", "claimed": []}]
        assert one.rows("SELECT count(*) FROM contacts") == [(1,)]
    assert len({*threads.values(), threading.main_thread().name}) == 3


async def test_lists_go_in_by_the_rules_in_force_also_while_the_files_are_broken(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with station(tmp_path, RULES, brands=("Klusser",)) as one:
        shell = Shell(one, monkeypatch, RULES)
        (shell.config.parent / "brands" / "klusser.rules").write_text('brand "Klus')
        out = await shell.kwek(
            "consent", "opt-out", shell.file(f"msisdn\n{PIET}\n"), "--brand", "Klusser", "--by", "helpdesk"
        )
        assert (out.exit_code, "1 taken" in out.stdout) == (Exit.OK, True), out.stderr
        head = "msisdn;at;wording;method;evidence\n"
        brought = await shell.kwek(
            "consent", "import", shell.file(f"{head}{JAN};2025-03-01;Ja;web;u\n"), *OF_PROMOTIONS
        )
        assert (brought.exit_code, "1 taken" in brought.stdout) == (Exit.OK, True), brought.stderr


async def test_an_order_under_way_ends_with_the_gateway(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    begun = asyncio.Event()

    async def for_ever(_: Clerk, __: AnyOrder, ___: bytes) -> dict[str, Any]:
        begun.set()
        await asyncio.Event().wait()
        return {}

    monkeypatch.setattr(Clerk, "perform", for_ever)
    async with station(tmp_path, RULES, brands=("Klusser",)) as one:
        shell = Shell(one, monkeypatch, RULES)
        asked = asyncio.create_task(shell.kwek("consent", "erase", JAN, "--all", "--by", "me"))
        await begun.wait()
    assert one.exit_code == Exit.OK
    done = await asked
    assert done.exit_code == Exit.STORE
    assert "the gateway ended meanwhile" in done.stderr or "cannot be reached" in done.stderr


async def test_whoever_does_not_read_his_answer_holds_up_no_stop(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def at_length(_: Clerk, __: AnyOrder, ___: bytes) -> dict[str, Any]:
        return {"rows": {"x" * 8_000_000: 1}}

    monkeypatch.setattr(Clerk, "perform", at_length)
    loop = asyncio.get_running_loop()
    with socket.socket(socket.AF_UNIX) as asking:
        asking.setblocking(False)
        async with station(tmp_path, RULES, brands=("Klusser",)) as one:
            await loop.sock_connect(asking, str(tmp_path / "kwek.db.sock"))
            await loop.sock_sendall(asking, json.dumps(A_LIST).encode() + b"\n")
            assert await loop.sock_recv(asking, 1) == b"{"  # and no more: the rest waits
        assert one.exit_code == Exit.OK


async def test_a_refusal_in_the_midst_of_a_list_is_read(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    async with station(tmp_path, RULES, brands=("Klusser",)) as one:
        order = ConsentList("Klusser", "promotional", "", "me", -1)
        with pytest.raises(typer.Exit) as ended:
            await asyncio.to_thread(handed_in, one.settings(), order, b"x" * 8_000_000)
        assert ended.value.exit_code == Exit.USAGE
        assert "no order of its version" in capsys.readouterr().err


async def test_a_path_that_is_too_long_or_taken_is_warned_of_and_hinders_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "kwek.db.sock").mkdir()
    async with station(tmp_path, RULES, brands=("Klusser",)) as one:
        assert await one.ask("HOI", PIET) == "Dag!"
    monkeypatch.setattr(counter, "LONGEST_PATH", 3)
    (tmp_path / "other").mkdir()
    async with station(tmp_path / "other", RULES, brands=("Klusser",)) as one:
        assert await one.ask("HOI", PIET) == "Dag!"


def test_on_a_server_s_store_commands_write_themselves() -> None:
    assert place_of("postgresql+psycopg://me@127.0.0.1/kwek") is None


async def test_an_order_that_is_too_large_is_not_sent(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(counter_orders, "MOST_OCTETS", 10)
    async with station(tmp_path, RULES, brands=("Klusser",), start=False) as one:
        with pytest.raises(typer.Exit):
            handed_in(one.settings(), ConsentList("Klusser", "promotional", "", "me", 20), b"x" * 20)
