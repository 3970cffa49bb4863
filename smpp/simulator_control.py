"""A second port on a running simulator, so that another terminal can text and read: JSON, one object a line.

In: {"from": "31612345678", "to": "4411", "text": "REPAIR KEUKEN"}; or {"from": "31612345678"} only to read along. From
then on each message that this phone receives comes out: {"from", "to", "text", "encoding", "parts"}. What is wrong with
a line comes out as {"error": …}, and so does a text that the gateway refused for good.
"""

import asyncio
import json
from collections.abc import Callable
from functools import partial
from typing import Any, Final, cast

from smpp.constants import status_name
from smpp.errors import LocalFault
from smpp.simulator import Simulator
from smpp.simulator_phones import Sms, digits
from smpp.text import TextFault

#: A text of 255 parts in UCS-2, escaped as JSON, fits.
MAX_LINE_OCTETS: Final = 262_144

#: Phones that one connection may speak for; each keeps a reader alive.
MAX_PHONES: Final = 1000


class _Terminal(asyncio.Protocol):
    """One connection of the control port."""

    def __init__(self, simulator: Simulator, terminals: "set[_Terminal]") -> None:
        self._simulator = simulator
        self._terminals = terminals
        self._held = b""
        self._ends: dict[str, Callable[[], None]] = {}

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.transport = cast(asyncio.Transport, transport)
        self._terminals.add(self)

    def data_received(self, data: bytes) -> None:
        *lines, self._held = (self._held + data).split(b"\n")
        for line in lines:
            if line.strip():
                self._obey(line)
        if len(self._held) > MAX_LINE_OCTETS:
            self._say({"error": f"a line has at most {MAX_LINE_OCTETS} octets"})
            self.transport.close()

    def connection_lost(self, exc: Exception | None) -> None:
        self._terminals.discard(self)
        for end in self._ends.values():
            end()

    def _obey(self, line: bytes) -> None:
        try:
            wish = json.loads(line)
        except ValueError as error:
            self._say({"error": f"this is not JSON: {error}"})
            return
        if not isinstance(wish, dict) or not isinstance(wish.get("from"), str) or not digits(wish["from"]).isdigit():
            self._say({"error": '"from" is the phone\'s number, in digits'})
            return
        phone = self._simulator.phone(wish["from"])
        if phone.number not in self._ends:
            if len(self._ends) >= MAX_PHONES:
                self._say({"error": f"a connection speaks for at most {MAX_PHONES} phones"})
                return
            self._ends[phone.number] = phone.watch(self._show)
        if "to" not in wish and "text" not in wish:
            return
        to, text = wish.get("to"), wish.get("text")
        if not isinstance(to, str) or not isinstance(text, str):
            self._say({"error": '"to" and "text" are strings'})
            return
        try:
            phone.text(to, text).add_done_callback(partial(self._answered, to))
        except (TextFault, LocalFault) as fault:
            self._say({"error": str(fault)})

    def _answered(self, to: str, answer: asyncio.Future[int]) -> None:
        if not answer.cancelled() and answer.result():
            self._say({"error": f"{to} refused the text with {status_name(answer.result())}"})

    def _show(self, sms: Sms) -> None:
        self._say(as_json(sms))

    def _say(self, what: dict[str, Any]) -> None:
        if not self.transport.is_closing():
            self.transport.write(json.dumps(what, ensure_ascii=False).encode() + b"\n")


def as_json(sms: Sms) -> dict[str, Any]:
    """A message as the control port tells it."""
    return {"from": sms.sender, "to": sms.recipient, "text": sms.text, "encoding": sms.encoding, "parts": sms.parts}


class Control:
    """The control port of a simulator; port 0: the system chooses, `port` tells after `start`."""

    def __init__(self, simulator: Simulator, port: int, host: str = "127.0.0.1") -> None:
        self.port = port
        self._host = host
        self._simulator = simulator
        self._terminals: set[_Terminal] = set()
        self._listener: asyncio.Server | None = None

    async def start(self) -> None:
        """Listens. Raises OSError where the port is taken."""
        loop = asyncio.get_running_loop()
        self._listener = await loop.create_server(
            lambda: _Terminal(self._simulator, self._terminals), self._host, self.port
        )
        self.port = int(self._listener.sockets[0].getsockname()[1])

    async def stop(self) -> None:
        """Closes the port and its connections."""
        if self._listener is not None:
            self._listener.close()
        for terminal in tuple(self._terminals):
            terminal.transport.close()
