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
from router import deployments, rulings
from router.nodes import number_of
from router.rulings import Taken
from router.store.engine import open_store
from rules.diagnostics import Source
from rules.rulebook import deployment_of
from tests.support.fleet import PATIENCE_S, fleet
from tests.support.postgres import PostgresDatabases
from tests.support.process import run_gateway, write_config

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


def test_there_is_something_to_do_while_a_node_that_runs_has_other_rules(
    tmp_path: Path, postgres: PostgresDatabases
) -> None:
    """One that refused an order and was mended since heeds none before the next, which the first node does not need."""
    with postgres.database() as url:
        write_config(tmp_path, 2775, RULES, url, **{'"test"': '"node-0"'})
        sources = {str(tmp_path / "brands" / "klusser.rules"): RULES}
        deployment = deployment_of([Source(*one) for one in sources.items()])
        stores = [open_store(url) for _ in range(2)]

        def work_by(node: int, name: str) -> None:
            with stores[node].begin() as tx:
                deployments.record(tx, name, sources, 1)
                rulings.take(tx, f"node-{node}", name, Taken(files=name), 1)

        for node, store in enumerate(stores):
            store.own(f"node-{node}")
            with store.begin() as tx:
                number_of(tx, f"node-{node}", 1)
            work_by(node, deployment)
        deploy = ["deploy", "--config", str(tmp_path / "kwek.toml"), "--wait", "0"]
        done = CliRunner().invoke(cli.app, deploy)
        assert (done.exit_code, done.stdout) == (
            Exit.OK, f"{deployment[:12]} is in force: there is nothing to do\n",
        ), done.output  # fmt: skip
        work_by(1, "of old")
        done = CliRunner().invoke(cli.app, deploy)
        assert done.exit_code == Exit.FAILED, done.output
        assert "node-1 has not taken them over yet: it will, if it runs" in done.stdout
        for store in stores:
            store.close()


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
