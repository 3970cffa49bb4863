"""A message centre that is absent, refuses us or talks nonsense: said in a sentence, tried again, and well again."""

import asyncio
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

from structlog.testing import capture_logs

from smpp.constants import ESME_RTHROTTLED
from smpp.simulator import Account
from smpp.simulator_conduct import Refusal
from tests.support.station import PATIENCE_S, Station, fetch, station

RULES = """\
brand "Klusser"
    numbers   4411, +3197010281234
    language  nl
    timezone  Europe/Amsterdam

keyword JA
    reply "Fijn!"
"""


async def until_told(one: Station, wanted: str) -> None:
    """Wait until /readyz is red with this sentence somewhere in it."""
    async with asyncio.timeout(PATIENCE_S):
        while not any(wanted in trouble for trouble in (await one.readiness())[1]):
            pass


async def well_again(one: Station) -> None:
    """The gateway binds by itself, is ready, and works."""
    await one.carrier.bound(1, PATIENCE_S)
    await one.until_ready()
    assert await one.ask("ja") == "Fijn!"


@asynccontextmanager
async def impostor(port: int, said: bytes) -> AsyncIterator[None]:
    """Something that is no message centre, on its port; it says its piece to everybody who connects."""

    async def talk(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(said)
        await writer.drain()
        writer.close()

    server = await asyncio.start_server(talk, "127.0.0.1", port)
    try:
        yield
    finally:
        server.close()
        await server.wait_closed()


async def test_a_centre_absent_at_the_start_is_waited_for(tmp_path: Path) -> None:
    async with station(tmp_path, RULES, start=False) as one:
        await one.carrier.stop()
        with capture_logs() as lines:
            await one.start(bound=False)
            where = f"127.0.0.1:{one.carrier.port}"
            sentence = f"cannot reach {where}: nothing listens there (connection refused); next try in "
            await until_told(one, f"connector carrier: {sentence}")
        assert (await one.readiness())[0] == 503
        assert (await fetch(f"{one.where}/healthz"))[0] == 200, "a new process would not help"
        told = [line for line in lines if line["event"] == "trouble" and line["what"].startswith(sentence)]
        assert told and {(line["log_level"], line["part"]) for line in told} == {("warning", "connector carrier")}
        await one.carrier.start()
        await well_again(one)


async def test_a_wrong_password_is_said_and_tried_again_later(tmp_path: Path) -> None:
    async with station(tmp_path, RULES, start=False, refused_least_s=0.1, refused_most_s=0.2) as one:
        accounts = one.carrier._accounts
        accounts["kwek"] = Account("kwek", "another")
        await one.start(bound=False)
        await until_told(
            one,
            f"connector carrier: 127.0.0.1:{one.carrier.port}: refused our bind with ESME_RINVPASWD: "
            "the password is wrong; next try in ",
        )
        accounts["kwek"] = Account("kwek", "secret")
        await well_again(one)


async def test_a_peer_that_speaks_no_smpp_is_left_and_what_it_said_is_kept(tmp_path: Path) -> None:
    banner = b"HTTP/1.1 400 Bad Request\r\nServer: nginx\r\n\r\n"
    async with station(tmp_path, RULES, start=False) as one:
        await one.carrier.stop()
        async with impostor(one.carrier.port, banner):
            await one.start(bound=False)
            await until_told(one, f"connector carrier: 127.0.0.1:{one.carrier.port}: ")
            async with asyncio.timeout(PATIENCE_S):
                while not one.rows("SELECT 1 FROM quarantine"):
                    await asyncio.to_thread(lambda: None)
        raw, reason = one.rows("SELECT frame, reason FROM quarantine ORDER BY id")[0]
        assert bytes(raw).startswith(b"HTTP/1.1 400")
        assert "command_length" in reason
        await one.carrier.start()
        await well_again(one)


async def test_random_octets_do_no_harm(tmp_path: Path) -> None:
    async with station(tmp_path, RULES, start=False) as one:
        await one.carrier.stop()
        async with impostor(one.carrier.port, bytes(range(256)) * 40):
            await one.start(bound=False)
            await until_told(one, f"connector carrier: 127.0.0.1:{one.carrier.port}: ")
        await one.carrier.start()
        await well_again(one)


async def test_what_waits_for_a_bind_costs_nothing_until_there_is_one(tmp_path: Path) -> None:
    async with station(tmp_path, RULES) as one:
        one.carrier.conduct.refusals = (Refusal(ESME_RTHROTTLED),)
        await one.phone().text("4411", "ja")
        await one.until("SELECT state FROM outbox WHERE attempts > 1", [("ready",)])
        await one.carrier.stop()
        await until_told(one, "connector carrier")
        before, began = await groups(one), time.monotonic()
        for _ in range(20):
            await one.readiness()
        tries = (time.monotonic() - began) / one.settings().connectors[0].reconnect_least_s
        assert await groups(one) - before <= 3 + tries, "the writer spins"  # a try to bind looks for what waits
        one.carrier.conduct.refusals = ()
        await one.carrier.start()
        assert (await one.phone().next(PATIENCE_S)).text == "Fijn!"


async def groups(one: Station) -> float:
    """Groups that the writer has committed."""
    page = (await fetch(f"{one.where}/metrics"))[1]
    line = next(line for line in page.splitlines() if line.startswith("kwek_group_seconds_count"))
    return float(line.split()[-1])
