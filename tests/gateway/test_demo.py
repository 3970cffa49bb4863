"""The demo is the gateway as it is, on an empty database, with a carrier that can be texted through."""

import asyncio
import socket
from pathlib import Path

from structlog.testing import capture_logs

from gateway.demo import BRANDS, LONG_NUMBER, SHORT_CODE, Ports, demo, settings_for
from gateway.exits import Exit

PATIENCE_S = 20.0


class Terminal:
    """What the demo prints, and waiting for it."""

    def __init__(self) -> None:
        self.lines: list[str] = []
        self._change = asyncio.Event()

    def say(self, line: str) -> None:
        """Printed."""
        self.lines.append(line)
        self._change.set()

    async def until(self, part: str) -> str:
        """The first line with this in it."""
        async with asyncio.timeout(PATIENCE_S):
            while not (found := [line for line in self.lines if part in line]):
                self._change.clear()
                await self._change.wait()
        return found[0]


async def text_through(port: int, line: str) -> str:
    """One line to the carrier's control port, and its first answer."""
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    writer.write(line.encode() + b"\n")
    async with asyncio.timeout(PATIENCE_S):
        answer = await reader.readline()
    writer.close()
    return answer.decode()


async def test_it_says_where_it_is_answers_and_ends_when_told() -> None:
    terminal, stop = Terminal(), asyncio.Event()
    running = asyncio.create_task(demo(Ports(0, 0, 0), terminal.say, stop=stop))
    welcome = await terminal.until("kwek demo: ")
    assert f"De Klusser, Burgerzaak, Autodorp share {SHORT_CODE} and +{LONG_NUMBER}" in welcome
    port = welcome.split("kwek text --port ")[1].split()[0]
    sent = '{"from": "31612345678", "to": "4411", "text": "repair  keuken!!"}'
    await text_through(int(port), sent)
    shown = await terminal.until("4411 > 31612345678")
    assert shown.startswith("  4411 > 31612345678  ")
    stop.set()
    assert await asyncio.wait_for(running, PATIENCE_S) == Exit.OK


async def test_a_port_that_is_taken_is_said_and_nothing_stays_behind() -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        for ports, option in ((Ports(0, port, 0), "--smpp-port"), (Ports(0, 0, port), "--control-port")):
            with capture_logs() as lines:
                assert await demo(ports, Terminal().say) == Exit.PORT
            assert [line["event"] for line in lines] == [
                f"cannot listen on 127.0.0.1:{port}: another process does (a demo that runs already?); "
                f"name another port with {option}"
            ]


def test_its_settings_are_those_of_a_gateway_like_another(tmp_path: Path) -> None:
    settings = settings_for(Ports(1, 2, 3), tmp_path)
    assert settings.gateway.store.url == f"sqlite:///{tmp_path / 'kwek.db'}"
    assert [path.name for path in settings.gateway.rules] == ["brands"]
    assert settings.gateway.rules[0].is_dir()
    assert {number.number: number.brands for number in settings.numbers} == {SHORT_CODE: BRANDS, LONG_NUMBER: BRANDS}
    (carrier,) = settings.connectors
    assert (carrier.host, carrier.port, carrier.password.reveal()) == ("127.0.0.1", 2, "demo")
    assert settings_for(Ports(), tmp_path, tmp_path).gateway.rules == (tmp_path,)
