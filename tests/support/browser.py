"""A real browser without a window (Chromium), told over its DevTools protocol to open a page, to press what stands
there as a finger would, and to say what a reader sees. What it sends along with a form is its own doing."""

import asyncio
import os
import re
import signal
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from pathlib import Path
from typing import Any

import aiohttp

PATIENCE_S = 60.0
"""For the browser's start, or a page, on a machine that is busy with other tests, in seconds."""
NAME = "shop.test"
"""What the browser takes for this machine. It trusts plain http of 127.0.0.1 and not of this name: here it sends no
Sec-Fetch headers, as older browsers send them to nobody."""
SWITCHES = (
    "--headless", "--remote-debugging-port=0", f"--host-resolver-rules=MAP {NAME} 127.0.0.1",
    "--no-sandbox",  # root has none in a container, and our own pages are all that it opens
    "--disable-gpu", "--disable-dev-shm-usage", "--no-first-run", "--disable-background-networking", "--disable-sync",
)  # fmt: skip
MIDDLE = """(() => {
    const box = document.querySelector("%s").getBoundingClientRect();
    return [box.x + box.width / 2, box.y + box.height / 2];
})()"""


class Tab:
    """A tab of a browser, on a page that is loaded."""

    def __init__(self, socket: aiohttp.ClientWebSocketResponse) -> None:
        self._socket = socket
        self._session: dict[str, str] = {}
        self._orders = 0
        self._loaded: list[str] = []
        """The pages that were loaded, by the browser's own identifiers."""

    async def appear(self) -> None:
        """Become a tab of its own, which tells what is loaded in it."""
        target = (await self._do("Target.createTarget", url="about:blank"))["targetId"]
        attached = await self._do("Target.attachToTarget", targetId=target, flatten=True)
        self._session = {"sessionId": attached["sessionId"]}
        await self._do("Page.enable")
        await self._do("Page.setLifecycleEventsEnabled", enabled=True)

    async def open(self, address: str) -> None:
        """Go to an address."""
        page = (await self._do("Page.navigate", url=address))["loaderId"]
        while page not in self._loaded:
            await self._told()

    async def press(self, element: str) -> None:
        """Press the middle of an element (a CSS selector) and go where that leads."""
        before = set(self._loaded)
        x, y = await self._evaluate(MIDDLE % element)
        for deed in ("mousePressed", "mouseReleased"):
            await self._do("Input.dispatchMouseEvent", type=deed, x=x, y=y, button="left", clickCount=1)
        while before.issuperset(self._loaded):
            await self._told()

    async def text(self) -> str:
        """What a reader sees."""
        return " ".join((await self._evaluate("document.body.innerText")).split())

    async def _evaluate(self, expression: str) -> Any:
        return (await self._do("Runtime.evaluate", expression=expression, returnByValue=True))["result"]["value"]

    async def _do(self, method: str, **params: Any) -> dict[str, Any]:
        """Have something done; gives its result."""
        self._orders += 1
        await self._socket.send_json({"id": self._orders, "method": method, "params": params, **self._session})
        while (told := await self._told()).get("id") != self._orders:
            pass
        result: dict[str, Any] = told["result"]
        return result

    async def _told(self) -> dict[str, Any]:
        told: dict[str, Any] = await self._socket.receive_json(timeout=PATIENCE_S)
        if told.get("method") == "Page.lifecycleEvent" and told["params"]["name"] == "load":
            self._loaded.append(told["params"]["loaderId"])
        return told


@asynccontextmanager
async def browser(program: str, folder: Path) -> AsyncIterator[Tab]:
    """A tab of a browser that keeps what it must in a folder; the browser ends with it."""
    process = await asyncio.create_subprocess_exec(
        program, *SWITCHES, f"--user-data-dir={folder}",
        stdout=asyncio.subprocess.DEVNULL, stderr=asyncio.subprocess.PIPE, start_new_session=True,
    )  # fmt: skip
    assert process.stderr is not None
    listens: asyncio.Future[str] = asyncio.get_running_loop().create_future()
    reading = asyncio.create_task(_read(process.stderr, listens))
    try:
        async with asyncio.timeout(PATIENCE_S):
            address = await listens
        async with aiohttp.ClientSession() as session, session.ws_connect(address) as socket:
            tab = Tab(socket)
            await tab.appear()
            yield tab
    finally:
        with suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)
        await process.wait()
        await reading


async def _read(said: asyncio.StreamReader, listens: asyncio.Future[str]) -> None:
    """Read what a browser says until it ends: a pipe that nobody reads would stop it. Early on it says where it
    listens to orders."""
    lines = []
    while line := await said.readline():
        found = re.search(rb"DevTools listening on (\S+)", line)
        if found and not listens.done():
            listens.set_result(found[1].decode())
        lines.append(line.decode(errors="replace"))
    if not listens.done():
        listens.set_exception(OSError("the browser ended: " + "".join(lines)))
