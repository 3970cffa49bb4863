"""A message centre of which every octet is the test's: it admits who binds, and notes what it is sent."""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager

from smpp.codec import decode, encode, pack_header
from smpp.pdu import DeliverSm, DeliverSmResp, EnquireLink, EnquireLinkResp, Pdu
from tests.support.centres import accept_bind, read_frame

PATIENCE_S = 30.0


class RawLink:
    """One connection of an ESME that is bound. `frames` are the octets that it sent since, `pdus` what they mean.

    It answers enquire_links, until `silent`: then nothing proves that it has read what it was sent."""

    def __init__(self, writer: asyncio.StreamWriter) -> None:
        self.frames: list[bytes] = []
        self.pdus: list[Pdu] = []
        self.ended = False
        self.silent = False
        self._writer = writer
        self._change = asyncio.Event()
        self._late: list[bytes] | None = None

    def write(self, octets: bytes) -> None:
        """Say something, whatever it is."""
        self._writer.write(octets)

    async def write_in_pieces(self, octets: bytes, size: int) -> None:
        """Say something in so small pieces, each handed to the kernel by itself; our answers wait until it is said."""
        self._late = []
        for at in range(0, len(octets), size):
            self._writer.write(octets[at : at + size])
            await asyncio.sleep(0)
        late, self._late = self._late, None
        self.write(b"".join(late))

    def text(self, sender: str, text: str, sequence: int) -> None:
        """A phone texts 4411."""
        self.write(deliver(sender, text, sequence))

    def close(self) -> None:
        """End the connection."""
        self._writer.transport.abort()

    def answered(self) -> dict[int, int]:
        """The statuses of deliver_sm_resp so far, by sequence_number."""
        return {pdu.sequence_number: pdu.command_status for pdu in self.pdus if isinstance(pdu, DeliverSmResp)}

    async def until(self, condition: Callable[[], object], seconds: float = PATIENCE_S) -> None:
        """Wait until what it sent makes the condition true. Raises TimeoutError."""
        async with asyncio.timeout(seconds):
            while not condition():
                self._change.clear()
                await self._change.wait()

    async def read(self, reader: asyncio.StreamReader) -> None:
        """Note what comes, and answer its enquire_links, until the connection ends."""
        try:
            while True:
                frame = await read_frame(reader)
                pdu = decode(frame)
                self.frames.append(frame)
                self.pdus.append(pdu)
                if isinstance(pdu, EnquireLink) and not self.silent:
                    answer = encode(EnquireLinkResp(pdu.sequence_number))
                    self.write(answer) if self._late is None else self._late.append(answer)
                self._change.set()
        except (ConnectionError, asyncio.IncompleteReadError):
            self.ended = True
            self._change.set()


class RawCentre:
    """Listens on `port`; `link` gives the connections in their order."""

    def __init__(self) -> None:
        self.port = 0
        self._links: asyncio.Queue[RawLink] = asyncio.Queue()
        self._every: list[RawLink] = []

    async def link(self, seconds: float = PATIENCE_S) -> RawLink:
        """The next connection, once it is bound. Raises TimeoutError."""
        return await asyncio.wait_for(self._links.get(), seconds)

    async def accept(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """One connection."""
        try:
            await accept_bind(reader, writer)
        except (ConnectionError, asyncio.IncompleteReadError):
            return
        one = RawLink(writer)
        self._every.append(one)
        self._links.put_nowait(one)
        await one.read(reader)

    def close(self) -> None:
        """End every connection."""
        for link in self._every:
            link.close()


@asynccontextmanager
async def raw_centre() -> AsyncIterator[RawCentre]:
    """A raw centre that listens on the loopback."""
    centre = RawCentre()
    server = await asyncio.start_server(centre.accept, "127.0.0.1", 0)
    centre.port = server.sockets[0].getsockname()[1]
    try:
        yield centre
    finally:
        server.close()
        centre.close()


def deliver(sender: str, text: str | bytes, sequence: int, data_coding: int = 0) -> bytes:
    """The octets of a text from a phone to 4411."""
    said = text.encode() if isinstance(text, str) else text
    return encode(
        DeliverSm(sequence, source_addr_ton=1, source_addr_npi=1, source_addr=sender, destination_addr="4411",
                  data_coding=data_coding, short_message=said)
    )  # fmt: skip


def part(sender: str, piece: bytes, where: tuple[int, int, int], sequence: int, data_coding: int = 0) -> bytes:
    """The octets of one part of a long text to 4411; `where`: its 8-bit reference, the total, its place from 1."""
    reference, total, index = where
    pdu = DeliverSm(
        sequence, source_addr_ton=1, source_addr_npi=1, source_addr=sender, destination_addr="4411", esm_class=0x40,
        data_coding=data_coding, short_message=bytes((5, 0, 3, reference, total, index)) + piece,
    )  # fmt: skip
    return encode(pdu)


def frame(command_id: int, body: bytes = b"", *, status: int = 0, sequence: int = 1) -> bytes:
    """A PDU with any body."""
    return pack_header(16 + len(body), command_id, status, sequence) + body
