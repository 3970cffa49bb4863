"""Orders reach every node of a store, and outlive the processes that were to heed them."""

import asyncio
import signal
from itertools import count
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from gateway import cli
from gateway.exits import Exit
from tests.support.fleet import PATIENCE_S, fleet
from tests.support.postgres import PostgresDatabases
from tests.support.process import run_gateway

RULES = """\
brand "Klusser"
    numbers   4411
    language  nl
    timezone  Europe/Amsterdam

keyword BEL
    reply "We bellen."
"""
NEW = RULES.replace("We bellen.", "We bellen zo.")


async def kwek(command: str, folder: Path, *words: str) -> Any:
    config = ["--config", str(folder / "kwek.toml")]
    return await asyncio.to_thread(CliRunner().invoke, cli.app, [command, *words, *config])


def new_rules(folder: Path) -> str:
    desk = folder / "desk"
    desk.mkdir()
    (desk / "klusser.rules").write_text(NEW)
    return str(desk)


def hosts(said: str) -> list[str]:
    return sorted(line.split()[3] for line in said.splitlines() if line.startswith("in force at "))


@pytest.fixture(autouse=True)
def password(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("KWEK_TEST_PASSWORD", "secret")


async def test_every_node_takes_an_order_over_and_a_dead_one_when_it_starts(
    tmp_path: Path, postgres: PostgresDatabases
) -> None:
    desk = new_rules(tmp_path)
    with postgres.database() as url:
        async with fleet(tmp_path, RULES, url, 2) as one:
            numbers = count(31600000000)  # an equal text of one phone after a kill could be the same again

            async def answer(node: int) -> str:
                phone = one.centres[node].phone(str(next(numbers)))
                await asyncio.wait_for(phone.text("4411", "BEL"), PATIENCE_S)
                return (await phone.next(PATIENCE_S)).text

            assert [await answer(node) for node in (0, 1)] == ["We bellen.", "We bellen."]
            done = await kwek("deploy", tmp_path / "node-0", desk)
            assert (done.exit_code, hosts(done.stdout)) == (Exit.OK, ["node-0", "node-1"]), done.output
            assert [await answer(node) for node in (0, 1)] == ["We bellen zo.", "We bellen zo."]
            await one.gateways[1].kill()
            done = await kwek("rollback", tmp_path / "node-0")
            assert (done.exit_code, hosts(done.stdout)) == (Exit.OK, ["node-0"]), done.output
            one.gateways[1] = await run_gateway(tmp_path / "node-1" / "kwek.toml")
            await one.centres[1].bound(1, PATIENCE_S)
            assert [await answer(node) for node in (0, 1)] == ["We bellen.", "We bellen."]


async def test_an_order_that_a_killed_gateway_did_not_heed_is_heeded_by_the_next(tmp_path: Path) -> None:
    desk = new_rules(tmp_path)
    async with fleet(tmp_path, RULES, "sqlite:///kwek.db", 1) as one:
        (gateway,) = one.gateways
        gateway.process.send_signal(signal.SIGSTOP)
        done = await kwek("deploy", tmp_path / "node-0", desk, "--wait", "0")
        assert done.exit_code == Exit.FAILED
        assert done.stdout.splitlines()[-1] == "node-0 has not taken them over yet: it will, if it runs"
        await gateway.kill()
        one.gateways[0] = await run_gateway(tmp_path / "node-0" / "kwek.toml")
        phone = one.centres[0].phone("31612345678")
        await one.centres[0].bound(1, PATIENCE_S)
        await asyncio.wait_for(phone.text("4411", "BEL"), PATIENCE_S)
        assert (await phone.next(PATIENCE_S)).text == "We bellen zo."
