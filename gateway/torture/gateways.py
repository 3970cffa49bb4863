"""Gateways as processes: born in the nursery or started on their own, stopped, killed, looked at."""

from __future__ import annotations

import asyncio
import json
import os
import signal
import sys
from collections.abc import AsyncIterator, Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any, Final

from gateway.torture.faults import Fault

START_S: Final = 30.0
"""A process that has not begun after so long will not."""
NURSERY: Final = "from gateway.torture.nursery import main; main()"
KWEK: Final = "from gateway.cli import main; main()"
PAGE: Final = os.sysconf("SC_PAGE_SIZE")


async def told_by(process: asyncio.subprocess.Process) -> AsyncIterator[dict[str, Any]]:
    """What a child tells on its standard output, a JSON object a line, until it ends."""
    assert process.stdout is not None  # it has a pipe
    async for line in process.stdout:
        yield json.loads(line)


class Gateway:
    """One `kwek run`. `status` is its exit code (below 0: the signal that killed it) once `ended` is set."""

    def __init__(self, pid: int) -> None:
        self.pid = pid
        self.status = 0
        self.ended = asyncio.Event()

    def tell(self, number: signal.Signals) -> None:
        """Send it a signal; nothing when it has ended."""
        if not self.ended.is_set():
            with suppress(ProcessLookupError):
                os.kill(self.pid, number)

    async def end(self, number: signal.Signals, seconds: float = START_S) -> int:
        """Send it a signal that ends it, and wait; gives the exit code. Raises TimeoutError."""
        self.tell(number)
        async with asyncio.timeout(seconds):
            await self.ended.wait()
        return self.status

    def over(self, status: int) -> None:
        """It has ended."""
        self.status = status
        self.ended.set()

    def uses(self) -> tuple[int, int]:
        """Its resident octets and open file descriptors now (Linux). Raises OSError when it has ended."""
        process = Path(f"/proc/{self.pid}")
        resident = int((process / "statm").read_text().split()[1]) * PAGE
        return resident, len(list((process / "fd").iterdir()))


class Nursery:
    """The process that gateways are forked from. Several trials may use one, in the same event loop."""

    def __init__(self) -> None:
        self._process: asyncio.subprocess.Process | None = None
        self._listening: asyncio.Task[None] | None = None
        self._alive: dict[int, Gateway] = {}
        self._born: asyncio.Queue[Gateway] = asyncio.Queue()

    async def open(self) -> None:
        """Start it; it is ready when it has loaded everything, which nobody need wait for."""
        self._process = await asyncio.create_subprocess_exec(
            sys.executable, "-c", NURSERY, stdin=asyncio.subprocess.PIPE, stdout=asyncio.subprocess.PIPE
        )
        self._listening = asyncio.get_running_loop().create_task(self._listen(self._process))

    async def bear(self, config: Path, log: Path, environment: Mapping[str, str]) -> Gateway:
        """Fork a gateway. Raises TimeoutError when it does not begin."""
        assert self._process is not None and self._process.stdin is not None  # opened before
        order = {"config": str(config), "log": str(log), "environment": dict(environment)}
        self._process.stdin.write(json.dumps(order).encode() + b"\n")
        async with asyncio.timeout(START_S):
            return await self._born.get()

    async def close(self) -> None:
        """End it, and with it every gateway that still runs."""
        if self._process is not None and self._process.stdin is not None:
            self._process.stdin.close()
            await self._process.wait()
        if self._listening is not None:
            await self._listening

    async def _listen(self, process: asyncio.subprocess.Process) -> None:
        async for said in told_by(process):
            if "started" in said:
                gateway = self._alive[said["started"]] = Gateway(said["started"])
                self._born.put_nowait(gateway)
            else:
                self._alive.pop(said["ended"]).over(said["status"])


class Gateways:
    """Starts the gateways of one trial, all with the same settings."""

    def __init__(self, nursery: Nursery, config: Path, environment: Mapping[str, str]) -> None:
        self.log = config.with_name("kwek.log")
        self._nursery = nursery
        self._config = config
        self._environment = dict(environment)
        self._started: list[Gateway] = []
        self._alone: set[asyncio.Task[None]] = set()

    async def start(self, fault: Fault) -> Gateway:
        """Start one that is to end by that fault. Raises TimeoutError when it does not begin."""
        environment = {**self._environment, **fault.environment}
        if fault.needs_a_start_of_its_own:
            gateway = await self._start_alone(fault.wrapper, environment)
        else:
            gateway = await self._nursery.bear(self._config, self.log, environment)
        self._started = [one for one in self._started if not one.ended.is_set()] + [gateway]
        return gateway

    async def close(self) -> None:
        """Kill what still runs."""
        for gateway in self._started:
            await gateway.end(signal.SIGKILL)
        await asyncio.gather(*self._alone)

    async def _start_alone(self, wrapper: tuple[str, ...], environment: Mapping[str, str]) -> Gateway:
        with self.log.open("ab") as log:
            process = await asyncio.create_subprocess_exec(
                *wrapper, sys.executable, "-c", KWEK, "run", "--config", str(self._config),
                stdin=asyncio.subprocess.DEVNULL, stdout=log, stderr=log, env={**os.environ, **environment},
            )  # fmt: skip
        gateway = Gateway(process.pid)
        self._alone.add(asyncio.get_running_loop().create_task(_outlive(process, gateway)))
        return gateway


async def _outlive(process: asyncio.subprocess.Process, gateway: Gateway) -> None:
    gateway.over(await process.wait())
