"""Simulated phones: they text, and they show whole messages whatever parts these came in."""

import asyncio
from collections import OrderedDict
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Final

from smpp.concat import Content, Method, join
from smpp.pdu import DataSm, SubmitSm
from smpp.text import Encoding, TextFault, decode, decode_as, encoding_of

#: Texts that a phone keeps unread; the oldest is forgotten, for nobody may be reading.
MAX_INBOX: Final = 1000

#: Long messages with parts missing, over all phones; the oldest is forgotten.
MAX_OPEN_SETS: Final = 1000


@dataclass(frozen=True, slots=True)
class Sms:
    """A whole message on a phone's screen; numbers are digits without a plus."""

    sender: str
    recipient: str
    text: str
    encoding: Encoding | None
    parts: int = 1


class Phone:
    """One handset. `send` is the centre's: it queues a text and promises the command_status of its answer."""

    def __init__(
        self, number: str, send: Callable[[str, str, str, Encoding | None, Method], asyncio.Future[int]]
    ) -> None:
        self.number = number
        self.inbox: asyncio.Queue[Sms] = asyncio.Queue()
        self._send = send
        self._readers: list[Callable[[Sms], None]] = []

    def text(
        self, to: str, text: str, encoding: Encoding | None = None, method: Method = Method.UDH_8
    ) -> asyncio.Future[int]:
        """Texts to a number; the result is the command_status of the answer (of several parts, the first bad one).

        The encoding is the cheapest unless named. The text waits until somebody is bound who receives for the number,
        and is sent again when the link broke before the answer or the answer asked for patience.
        """
        return self._send(self.number, to, text, encoding, method)

    async def next(self, seconds: float = 5.0) -> Sms:
        """The next message that came in; raises TimeoutError if none comes in so many seconds."""
        async with asyncio.timeout(seconds):
            return await self.inbox.get()

    def watch(self, reader: Callable[[Sms], None]) -> Callable[[], None]:
        """Calls `reader` with each message from now on; returns what ends it."""
        self._readers.append(reader)
        return lambda: self._readers.remove(reader)

    def show(self, sms: Sms) -> None:
        """A message has arrived."""
        if self.inbox.qsize() >= MAX_INBOX:
            self.inbox.get_nowait()
        self.inbox.put_nowait(sms)
        for reader in tuple(self._readers):
            reader(sms)


def digits(address: str) -> str:
    """A number as we hold it: digits without a plus; names stay as they are."""
    return address.removeprefix("+")


def shown_text(octets: bytes, content: Content, data_coding: int, charset: Encoding) -> str:
    """The text of joined octets as a handset shows it; octets that are no text appear in hexadecimal."""
    encoding = encoding_of(data_coding, charset)
    try:
        if encoding is Encoding.GSM7:
            return decode_as(octets, encoding, content.locking, content.single_shift, lenient=True)
        return decode(octets, data_coding, charset)
    except TextFault:
        return octets.hex(" ")


class Assembly:
    """Parts of long messages until they are whole."""

    def __init__(self) -> None:
        self._open: OrderedDict[tuple[str, str, int, int], dict[int, bytes]] = OrderedDict()

    def add(self, message: SubmitSm | DataSm, content: Content, charset: Encoding) -> Sms | None:
        """The whole message that this part completes, or None while others are missing."""
        parts: Iterable[tuple[int, bytes]] = ((1, content.octets),)
        total = 1
        if content.part is not None:
            total = content.part.total
            key = (message.source_addr, message.destination_addr, content.part.reference, total)
            known = self._open.setdefault(key, {})
            known[content.part.index] = content.octets
            if len(known) < total:
                if len(self._open) > MAX_OPEN_SETS:
                    self._open.popitem(last=False)
                return None
            parts = self._open.pop(key).items()
        return Sms(
            sender=digits(message.source_addr),
            recipient=digits(message.destination_addr),
            text=shown_text(join(parts), content, message.data_coding, charset),
            encoding=encoding_of(message.data_coding, charset),
            parts=total,
        )
