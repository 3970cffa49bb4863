"""Row 63: a part of the gateway that dies takes it down, loudly; it is not kept up without that part."""

import asyncio
import json
import random
import sys
import time
from collections.abc import Awaitable, Callable
from datetime import datetime
from pathlib import Path
from typing import Any

import pytest
from structlog.testing import capture_logs

from gateway.connectors.smpp_client import SmppConnector
from gateway.exchange import Exchange
from gateway.exits import Exit
from gateway.health import Health
from router.store.checkpoint import Checkpointer
from router.writer import Writer
from smpp.client import Client
from smpp.constants import ESME_ROK
from smpp.simulator import Account, Simulator
from tests.support.pairs import RULES
from tests.support.process import START_S, environment, write_config
from tests.support.station import PATIENCE_S, Station, fetch, station


class Broken(Exception):
    """What the parts of these tests die of."""


def breaks(*_: Any, **__: Any) -> Any:
    raise Broken("on purpose")


async def texts(one: Station) -> None:
    one.phone().text("4411", "ZEG hoi")


async def drops(one: Station) -> None:
    one.carrier.drop()


async def nothing(one: Station) -> None:
    """It dies by itself."""


PARTS: list[tuple[type, str, Callable[[Station], Awaitable[None]], str]] = [
    (SmppConnector, "received", texts, "Fatal error: protocol.data_received"),
    (SmppConnector, "answered", texts, "Fatal error: protocol.data_received"),
    (SmppConnector, "lost", drops, "Exception in callback"),
    (SmppConnector, "changed", drops, "bind carrier/1 is not kept up any more"),
    (Client, "_pause", drops, "bind carrier/1 is not kept up any more"),
    (Exchange, "committed", texts, "writer"),
    (Writer, "_gather", texts, "writer"),
    (Checkpointer, "look", nothing, "checkpoints"),
    (Health, "note", nothing, "health"),
]


@pytest.mark.parametrize(("part", "method", "cause", "named"), PARTS, ids=lambda one: getattr(one, "__name__", one))
async def test_row_63_a_part_that_dies_ends_the_gateway_and_health_is_red_until_it_has(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    part: type,
    method: str,
    cause: Callable[[Station], Awaitable[None]],
    named: str,
) -> None:
    red: list[tuple[int, str]] = []
    stop = Client.stop
    async with station(tmp_path, RULES) as one:

        async def looked_at_first(self: Client, drain_s: float) -> None:
            red.append(await fetch(f"{one.where}/healthz"))
            await stop(self, drain_s)

        monkeypatch.setattr(Client, "stop", looked_at_first)
        monkeypatch.setattr(part, method, breaks)
        with capture_logs() as lines:
            await cause(one)
            assert one._task is not None
            assert await asyncio.wait_for(one._task, PATIENCE_S) == Exit.INTERNAL
        monkeypatch.undo()
        (last,) = [line for line in lines if line["log_level"] == "critical"]
        assert last["event"] == "ended by a fault; nothing more was acknowledged"
        assert set(last["tasks"].values()) == {"Broken: on purpose"}
        assert [name for name in last["tasks"] if name.startswith(named)]
        assert isinstance(last["exc_info"], Broken), "with the place where it broke"
        ((status, said),) = red
        assert status == 503
        assert named in said
        await one.start()
        assert await one.ask("ZEG weer", "31699999999") == "weer", "a supervisor starts it again"


async def test_row_63_the_process_ends_with_its_code_and_a_traceback_in_its_log(tmp_path: Path) -> None:
    """Under uvloop, as it runs in production."""
    carrier = Simulator(0, [Account("kwek", "secret")], time.monotonic, random.Random(1).random, datetime.now)
    await carrier.start()
    config = write_config(tmp_path, carrier.port, RULES.replace(", +3197010281234", ""))
    program = BREAKING.format(config=str(config))
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-c", program, env=environment(KWEK_TEST_PASSWORD="secret"), stderr=asyncio.subprocess.PIPE
    )
    try:
        answered = carrier.phone("31612345678").text("4411", "ZEG hoi")
        _, said = await asyncio.wait_for(process.communicate(), START_S)
    finally:
        await carrier.stop()
    assert process.returncode == Exit.INTERNAL
    last = json.loads(said.splitlines()[-1])
    assert last["level"] == "critical"
    assert set(last["tasks"].values()) == {"ValueError: on purpose"}
    assert "in received" in last["exception"]
    assert not answered.done() or answered.result() != ESME_ROK


BREAKING = """
import sys
from gateway.connectors.smpp_client import SmppConnector

def received(self, link, requests):
    raise ValueError("on purpose")

SmppConnector.received = received
sys.argv = ["kwek", "run", "--config", {config!r}]
from gateway.cli import main
main()
"""
