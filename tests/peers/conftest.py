"""Programs of somebody else that our ends talk with; each is started and ended by the test that uses it."""

import asyncio
import json
from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from pathlib import Path
from typing import Any

import pytest

from tests.conftest import absent

FOLDER = Path(__file__).parent / "node"
PATIENCE_S = 20.0


class NodePeer:
    """A node program that reads orders and tells events, a JSON object a line."""

    def __init__(self, process: asyncio.subprocess.Process) -> None:
        self._process = process

    def order(self, deed: str, **how: Any) -> None:
        """Has something done."""
        assert self._process.stdin is not None
        self._process.stdin.write(json.dumps({"do": deed, **how}).encode() + b"\n")

    async def event(self, name: str) -> dict[str, Any]:
        """The next event of this name; others before it are passed over."""
        assert self._process.stdout is not None
        async with asyncio.timeout(PATIENCE_S):
            while line := await self._process.stdout.readline():
                event: dict[str, Any] = json.loads(line)
                if event["event"] == name:
                    return event
        raise AssertionError(f"the peer ended without telling {name!r}")

    async def end(self) -> None:
        """Ends the program, by closing its standard input."""
        assert self._process.stdin is not None
        self._process.stdin.close()
        try:
            async with asyncio.timeout(PATIENCE_S):
                await self._process.communicate()
        except TimeoutError:
            self._process.kill()
            await self._process.communicate()


StartNode = Callable[[str], AbstractAsyncContextManager[NodePeer]]


@pytest.fixture
def node(peer: Callable[[str], str]) -> StartNode:
    """`node("centre.js")` starts one of the programs in tests/peers/node."""
    program = peer("node")
    if not (FOLDER / "node_modules" / "smpp").is_dir():
        absent("node-smpp (npm ci in tests/peers/node)")

    @asynccontextmanager
    async def start(script: str) -> AsyncIterator[NodePeer]:
        process = await asyncio.create_subprocess_exec(
            program, script, cwd=FOLDER, stdin=asyncio.subprocess.PIPE, stdout=asyncio.subprocess.PIPE
        )
        started = NodePeer(process)
        try:
            yield started
        finally:
            await started.end()

    return start
