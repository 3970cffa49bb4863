"""Commands that write while the gateway runs on SQLite: the same outcomes, done by the gateway, between its texts."""

import asyncio
import base64
import json
import os
import socket
import stat
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest
import typer
from typer.testing import CliRunner

from gateway import cli, counter
from gateway.commands.at_counter import handed_in
from gateway.counter import Counter, place_of
from gateway.exits import Exit
from router.store.errors import StoreUnavailable
from smpp.simulator_conduct import Conduct
from tests.support.process import write_config
from tests.support.station import PATIENCE_S, Station, station

RULES = """brand "Klusser"
    numbers 4411
    language nl
    timezone Europe/Amsterdam

keyword HOI
    reply "Dag!"

keyword NAAM <wie text>
    record wie = wie
    reply "Dag {wie}."
"""
JAN, PIET = "31612345678", "31622222222"
OF_PROMOTIONS = ("--brand", "Klusser", "--class", "promotional", "--by", "crm")


class Shell:
    """A shell beside a station."""

    def __init__(self, one: Station, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setenv("KWEK_TEST_PASSWORD", "secret")
        folder = one.folder / "shell"
        folder.mkdir()
        self.config = write_config(folder, 2775, RULES, one.store_url)

    async def kwek(self, *words: str) -> Any:
        run = CliRunner().invoke
        return await asyncio.to_thread(run, cli.app, ["consent", *words, "--config", str(self.config)])

    def file(self, text: str) -> str:
        path = self.config.parent / "list.csv"
        path.write_text(text)
        return str(path)


async def test_consents_are_taken_in_and_persons_forgotten_while_texts_come_and_go(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with station(tmp_path, RULES, brands=("Klusser",)) as one:
        shell = Shell(one, monkeypatch)
        assert await one.ask("NAAM Zevenboom", JAN) == "Dag Zevenboom."
        head = "msisdn;at;wording;method;evidence\n"
        rows = "".join(f"+3165{number:07};2025-03-01;Ja;web;u\n" for number in range(100))
        brought = asyncio.create_task(shell.kwek("import", shell.file(head + rows + "12;;;;\n"), *OF_PROMOTIONS))
        said = 0
        while not brought.done():
            assert await one.ask("HOI", f"31622{said:06}") == "Dag!", "texts go on meanwhile"
            said += 1
        assert said
        assert await one.ask("HOI", PIET) == "Dag!"
        assert brought.result().exit_code == Exit.FAILED, "one row is no number"
        assert "100 taken" in brought.result().stdout
        out = await shell.kwek("opt-out", shell.file(f"msisdn\n{PIET}\n"), "--brand", "Klusser", "--by", "helpdesk")
        assert (out.exit_code, "1 taken" in out.stdout) == (Exit.OK, True), out.stderr
        assert (await shell.kwek("import", shell.file("nothing\n"), *OF_PROMOTIONS)).exit_code == Exit.USAGE
        erased = await shell.kwek("erase", JAN, "--all", "--by", "privacy")
        assert erased.exit_code == Exit.OK, erased.stderr
        assert "suppressed for Klusser" in erased.stdout
        assert one.rows(f"SELECT count(*) FROM contacts WHERE address = '{JAN}'") == [(0,)]
        assert one.rows("SELECT count(*) FROM records") == [(0,)]
        assert (await shell.kwek("verify")).exit_code == Exit.OK
        again = await shell.kwek("import", shell.file(f"{head}{JAN};2025-03-01;Ja;web;u\n"), *OF_PROMOTIONS)
        assert "1 suppressed" in again.stdout
        refused = await shell.kwek("erase", JAN, "--all", "--by", "privacy", "--vacuum")
        assert (refused.exit_code, "in use by another kwek" in refused.stderr) == (Exit.STORE, True)
    assert not (tmp_path / "kwek.db.sock").exists()
    assert (await shell.kwek("erase", PIET, "--all", "--by", "privacy")).exit_code == Exit.OK, "without a gateway, too"


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


class Other:
    """Some other account at the other end."""

    size = 12

    def unpack(self, _: bytes) -> tuple[int, int, int]:
        return 1, os.getuid() + 5, 1


async def answered(place: Path, order: Any) -> dict[str, Any]:
    reader, writer = await asyncio.open_unix_connection(str(place))
    writer.write((order if isinstance(order, bytes) else json.dumps(order).encode()) + b"\n")
    try:
        line = await reader.readline()
    except ConnectionResetError:  # hung up without having read
        return {}
    finally:
        writer.close()
    return dict(json.loads(line)) if line else {}


@pytest.mark.parametrize(("waits_s", "under_way"), [(0.0, 1), (PATIENCE_S, 0)])
async def test_an_opt_out_is_done_when_nothing_more_can_be_written(
    waits_s: float, under_way: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(counter, "BARRIER_S", waits_s)
    async with station(tmp_path, RULES, brands=("Klusser",)) as one:
        one.carrier.conduct = Conduct(answer_delay_s=0.5)
        await asyncio.wait_for(one.phone(JAN).text("4411", "HOI"), PATIENCE_S)  # its answer is claimed by now
        file = base64.b64encode(f"msisdn\n{JAN}\n".encode()).decode()
        order = {"do": "opt-out", "brand": "Klusser", "class": "", "programme": "", "by": "helpdesk", "file": file}
        done = (await answered(tmp_path / "kwek.db.sock", order))["done"]
        assert done == {"told": [[2, "taken", ""]], "under_way": under_way}


async def test_what_is_no_order_is_refused_with_why(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    async with station(tmp_path, RULES, brands=("Klusser",)) as one:
        place = tmp_path / "kwek.db.sock"
        assert "no order 'dance'" in (await answered(place, {"do": "dance"}))["refused"]
        wrong: list[Any] = [b"no json", [], {}, {"do": "erase"}, {"do": "import", "brand": "Klusser"}]
        for order in wrong:
            assert "no order of this version" in (await answered(place, order))["refused"]
        nobodys = {"do": "import", "brand": "Nobody", "class": "promotional", "programme": "", "by": "me", "file": ""}
        assert "have no brand 'Nobody'" in (await answered(place, nobodys))["refused"]

        def away(*_: object, **__: object) -> None:
            raise StoreUnavailable("the disk is full")

        shell = Shell(one, monkeypatch)
        monkeypatch.setattr("router.erasure.Erasure.silence", away)
        done = await shell.kwek("erase", JAN, "--all", "--by", "me")
        assert (done.exit_code, done.stderr) == (Exit.STORE, "the disk is full\n")
        assert await one.ask("HOI", PIET) == "Dag!", "the gateway goes on"


async def test_an_order_under_way_ends_with_the_gateway(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    begun = asyncio.Event()

    async def for_ever(_: Counter, __: Mapping[str, Any]) -> dict[str, Any]:
        begun.set()
        await asyncio.Event().wait()
        return {}

    monkeypatch.setattr(Counter, "perform", for_ever)
    async with station(tmp_path, RULES, brands=("Klusser",)) as one:
        shell = Shell(one, monkeypatch)
        asked = asyncio.create_task(shell.kwek("erase", JAN, "--all", "--by", "me"))
        await begun.wait()
    done = await asked
    assert done.exit_code == Exit.STORE
    assert "the gateway ended meanwhile" in done.stderr or "cannot be reached" in done.stderr


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
    monkeypatch.setattr(counter, "MOST_OCTETS", 10)
    async with station(tmp_path, RULES, brands=("Klusser",), start=False) as one:
        with pytest.raises(typer.Exit):
            handed_in(one.settings(), {"do": "import", "file": "x" * 20})
