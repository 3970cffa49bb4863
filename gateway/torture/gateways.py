"""Gateways as processes: born in the nursery or started on their own, stopped, killed, looked at."""

from __future__ import annotations

import asyncio
import json
import os
import signal
import sys
from collections.abc import Coroutine, Mapping
from contextlib import suppress
from pathlib import Path
from typing import Final

from gateway.torture.faults import Fault

START_S: Final = 30.0
"""A process that has not begun after so long will not."""
NURSERY: Final = "from gateway.torture.nursery import main; main()"
KWEK: Final = "from gateway.cli import main; main()"
PAGE: Final = os.sysconf("SC_PAGE_SIZE")


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


class Gateways:
    """Starts them, all with the same settings."""

    def __init__(self, config: Path, environment: Mapping[str, str]) -> None:
        self.log = config.with_name("kwek.log")
        self._config = config
        self._environment = {**os.environ, **environment}
        self._alive: dict[int, Gateway] = {}
        self._born: asyncio.Queue[Gateway] = asyncio.Queue()
        self._nursery: asyncio.subprocess.Process | None = None
        self._tasks: set[asyncio.Task[None]] = set()

    async def open(self) -> None:
        """Start the nursery."""
        self._nursery = await asyncio.create_subprocess_exec(
            sys.executable, "-c", NURSERY, env=self._environment,
            stdin=asyncio.subprocess.PIPE, stdout=asyncio.subprocess.PIPE,
        )  # fmt: skip
        self._watch(self._listen(self._nursery))

    async def start(self, fault: Fault) -> Gateway:
        """Start one that is to end by that fault. Raises TimeoutError when it does not begin."""
        if fault.needs_a_start_of_its_own:
            return await self._start_alone(fault)
        assert self._nursery is not None and self._nursery.stdin is not None  # opened before
        order = {"config": str(self._config), "log": str(self.log), "environment": dict(fault.environment)}
        self._nursery.stdin.write(json.dumps(order).encode() + b"\n")
        async with asyncio.timeout(START_S):
            return await self._born.get()

    async def close(self) -> None:
        """Kill what still runs."""
        for gateway in list(self._alive.values()):
            await gateway.end(signal.SIGKILL)
        if self._nursery is not None and self._nursery.stdin is not None:
            self._nursery.stdin.close()
            await self._nursery.wait()
        for task in self._tasks:
            await task

    async def _start_alone(self, fault: Fault) -> Gateway:
        with self.log.open("ab") as log:
            process = await asyncio.create_subprocess_exec(
                *fault.wrapper, sys.executable, "-c", KWEK, "run", "--config", str(self._config),
                stdin=asyncio.subprocess.DEVNULL, stdout=log, stderr=log,
                env={**self._environment, **fault.environment},
            )  # fmt: skip
        gateway = self._alive[process.pid] = Gateway(process.pid)
        self._watch(self._outlive(process, gateway))
        return gateway

    async def _outlive(self, process: asyncio.subprocess.Process, gateway: Gateway) -> None:
        gateway.over(await process.wait())
        del self._alive[gateway.pid]

    async def _listen(self, nursery: asyncio.subprocess.Process) -> None:
        assert nursery.stdout is not None  # it has a pipe
        async for line in nursery.stdout:
            said = json.loads(line)
            if "started" in said:
                gateway = self._alive[said["started"]] = Gateway(said["started"])
                self._born.put_nowait(gateway)
            else:
                self._alive.pop(said["ended"]).over(said["status"])

    def _watch(self, work: Coroutine[None, None, None]) -> None:
        self._tasks.add(asyncio.get_running_loop().create_task(work))
