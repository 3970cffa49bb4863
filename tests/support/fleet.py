"""Gateways as processes on one PostgreSQL, each bound to a centre of its own, with one clock for all arrivals."""

import asyncio
import time
from collections import defaultdict
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import datetime
from functools import partial
from pathlib import Path
from random import Random

from smpp.pdu import SubmitSm
from smpp.simulator import Account, Settings, Simulator
from smpp.simulator_conduct import Conduct, Submit
from smpp.simulator_witness import Unwitnessed
from tests.support.process import Gateway, run_gateway, write_config

PATIENCE_S = 60.0
SHORT_CODE = "4411"


class Arrivals(Unwitnessed):
    """Notes each submit_sm as it is read, long before its answer."""

    def __init__(self, arrived: dict[str, list[tuple[float, str]]]) -> None:
        self._arrived = arrived

    def submitted(self, link: int, submit: Submit, status: int, number: int) -> None:
        """Notes when, to whom, and what as far as it is plain."""
        octets = submit.short_message if isinstance(submit, SubmitSm) else b""
        self._arrived[submit.destination_addr].append((time.monotonic(), octets.decode("latin-1")))


class Fleet:
    """The gateways; `arrived` has, by phone, what its centres were handed and when (monotonic seconds)."""

    def __init__(self, folder: Path, rules: str, store: str, nodes: int, *, answer_s: float, window: int) -> None:
        self.arrived: dict[str, list[tuple[float, str]]] = defaultdict(list)
        self.gateways: list[Gateway] = []
        self.environments: list[dict[str, str]] = [{} for _ in range(nodes)]
        self.centres = []
        self._folder, self._rules, self._store, self._window = folder, rules, store, window
        for node in range(nodes):
            settings = Settings(conduct=Conduct(answer_delay_s=answer_s), retry_s=0.2, witness=Arrivals(self.arrived))
            centre = Simulator(
                0, [Account("kwek", "secret")], time.monotonic, Random(node).random, datetime.now, settings
            )
            self.centres.append(centre)

    async def start(self) -> None:
        """Start all of them; returns when each is bound."""
        for node, centre in enumerate(self.centres):
            await centre.start()
            folder = self._folder / f"node-{node}"
            folder.mkdir()
            config = write_config(
                folder, centre.port, self._rules, self._store,
                **{'"test"': f'"node-{node}"', "window = 50": f"window = {self._window}"},
            )  # fmt: skip
            self.gateways.append(await run_gateway(config, **self.environments[node]))
            await centre.bound(1, PATIENCE_S)

    async def stop(self) -> None:
        """End all of them."""
        for gateway in self.gateways:
            if gateway.process.returncode is None:
                await gateway.kill()
        for centre in self.centres:
            await centre.stop()

    def text(self, node: int, number: str, text: str) -> asyncio.Future[int]:
        """A phone's text, by way of one node; the result is the command_status of its answer."""
        return self.centres[node].phone(number).text(SHORT_CODE, text)

    async def stopped(self, node: int, number: str) -> tuple[float, float]:
        """Say STOP by way of one node; gives when it was said and when it was acknowledged."""
        said_at = time.monotonic()
        acknowledged = self.text(node, number, "STOP")
        at: list[float] = []
        acknowledged.add_done_callback(partial(_note, at))
        assert await asyncio.wait_for(acknowledged, PATIENCE_S) == 0
        return said_at, at[0]


def _note(at: list[float], _: asyncio.Future[int]) -> None:
    at.append(time.monotonic())


@asynccontextmanager
async def fleet(
    folder: Path, rules: str, store: str, nodes: int = 3, *, answer_s: float = 0.0, window: int = 4,
    environments: dict[int, dict[str, str]] | None = None,
) -> AsyncIterator[Fleet]:  # fmt: skip
    """Gateways that are bound, ended at the end. `environments` has more variables for some of them."""
    one = Fleet(folder, rules, store, nodes, answer_s=answer_s, window=window)
    for node, more in (environments or {}).items():
        one.environments[node] = more
    try:
        await one.start()
        yield one
    finally:
        await one.stop()
