"""The centre's side: who is let in, and what becomes of links that are not."""

import asyncio
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from smpp.codec import decode, encode
from smpp.constants import ESME_RINVPASWD
from smpp.events import Received, Unanswered
from smpp.pdu import BindReceiver, BindTransceiver, DeliverSm, EnquireLink, Pdu, SubmitSm, Unbind
from smpp.server import Server, ServerLink
from smpp.session import Limits
from tests.support.centres import Recorder, read_frame

DELIVER = DeliverSm(source_addr="31612345678", destination_addr="4411", short_message=b"hoi")


class Centre(Recorder):
    """An owner that keeps bind requests for the test to decide about."""

    def __init__(self) -> None:
        super().__init__()
        self.binds: list[tuple[ServerLink, Received]] = []

    def bind_asked(self, link: ServerLink, request: Received) -> None:
        """Keeps it."""
        self.binds.append((link, request))
        self.changed(link)

    async def bind(self) -> tuple[ServerLink, Received]:
        """The next bind request."""
        await self.until(lambda: self.binds)
        return self.binds.pop(0)


class Esme:
    """The other end, one PDU at a time."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.reader = reader
        self.writer = writer

    def say(self, *pdus: Pdu) -> None:
        self.writer.write(b"".join(map(encode, pdus)))

    async def hear(self) -> Any:
        async with asyncio.timeout(5.0):
            return decode(await read_frame(self.reader))

    async def hear_the_end(self) -> None:
        async with asyncio.timeout(5.0):
            assert await self.reader.read() == b""


@asynccontextmanager
async def serving(
    owner: Centre, limits: Limits | None = None, faulted: bool = True
) -> AsyncIterator[tuple[Server, Callable[[], Awaitable[Esme]]]]:
    limits = limits or Limits()
    server = Server(owner, limits, time.monotonic, faulted=owner.faulted)
    if not faulted:
        server = Server(owner, limits, time.monotonic)
    port = await server.start("127.0.0.1", 0)
    esmes: list[Esme] = []

    async def connect() -> Esme:
        esmes.append(Esme(*await asyncio.open_connection("127.0.0.1", port)))
        return esmes[-1]

    try:
        yield server, connect
    finally:
        for esme in esmes:
            esme.writer.close()
        await server.stop(0.0)


async def test_the_owner_admits_when_it_likes_and_messages_flow() -> None:
    owner = Centre()
    async with serving(owner) as (server, connect):
        esme = await connect()
        esme.say(BindTransceiver(sequence_number=1, system_id="shop", password="pw"))
        link, request = await owner.bind()
        assert (link.system_id, link.bound, link.peer[0]) == ("", False, "127.0.0.1")
        assert link.admit(request, "kwek")
        answer = await esme.hear()
        assert (answer.command, answer.command_status, answer.system_id) == ("bind_transceiver_resp", 0, "kwek")
        assert answer.tlvs == ((0x0210, b"\x34"),)
        assert (link.system_id, link.bound, link.can_send, link.can_receive) == ("shop", True, True, True)
        esme.say(SubmitSm(sequence_number=2, short_message=b"a"), SubmitSm(sequence_number=3, short_message=b"b"))
        assert [(await esme.hear()).sequence_number for _ in range(2)] == [2, 3]
        assert [pdu.short_message for pdu in owner.received_pdus] == [b"a", b"b"]
        link.send(DELIVER, token=7)
        received = await esme.hear()
        esme.say(received.response(sequence_number=received.sequence_number))
        await owner.until(lambda: owner.answers)
        assert owner.answers[0].token == 7
        assert server.links == {link}


async def test_a_bind_and_what_follows_it_may_come_in_one_read() -> None:
    owner = Centre()
    async with serving(owner) as (_, connect):
        esme = await connect()
        esme.say(BindReceiver(sequence_number=1, system_id="shop"), EnquireLink(sequence_number=2))
        link, request = await owner.bind()
        assert (await esme.hear()).command == "enquire_link_resp"
        assert link.admit(request, "kwek")
        assert (await esme.hear()).command == "bind_receiver_resp"
        assert (link.can_send, link.can_receive) == (True, False)


async def test_a_refused_bind_closes_the_connection() -> None:
    owner = Centre()
    async with serving(owner) as (server, connect):
        esme = await connect()
        esme.say(BindTransceiver(sequence_number=1, system_id="shop", password="no"))
        link, request = await owner.bind()
        assert link.refuse(request, ESME_RINVPASWD)
        assert (await esme.hear()).command_status == ESME_RINVPASWD
        await esme.hear_the_end()
        await link.gone.wait()
        assert (server.links, owner.reasons, link.trouble) == (set(), [], "we refused the bind")


async def test_an_answer_to_a_bind_that_nobody_waits_for_any_more() -> None:
    owner = Centre()
    async with serving(owner) as (_, connect):
        esme = await connect()
        esme.say(BindTransceiver(sequence_number=1, system_id="shop"))
        link, request = await owner.bind()
        esme.writer.close()
        await link.gone.wait()
        assert link.admit(request, "kwek") is False
        assert link.refuse(request, ESME_RINVPASWD) is False
        assert link.system_id == ""


async def test_a_connection_that_does_not_bind_is_closed() -> None:
    owner = Centre()
    async with serving(owner, Limits(session_init_s=0.02)) as (server, connect):
        esme = await connect()
        await esme.hear_the_end()
        assert owner.reasons == []
        assert not server.links


async def test_what_was_not_answered_is_handed_back() -> None:
    owner = Centre()
    async with serving(owner) as (_, connect):
        esme = await connect()
        esme.say(BindTransceiver(sequence_number=1, system_id="shop"))
        link, request = await owner.bind()
        link.admit(request, "kwek")
        await esme.hear()
        link.send(DELIVER, token="text")
        await esme.hear()
        esme.say(Unbind(sequence_number=9))
        assert (await esme.hear()).command == "unbind_resp"
        await owner.until(lambda: owner.reasons)
        assert owner.reasons == ["the peer unbound"]
        assert owner.unanswered == [Unanswered("text", DELIVER, "the peer unbound")]


async def test_noise_is_a_fault_and_the_end() -> None:
    owner = Centre()
    async with serving(owner) as (_, connect):
        esme = await connect()
        esme.writer.write(b"GET / HTTP/1.1\r\n\r\n")
        assert (await esme.hear()).command == "generic_nack"
        await esme.hear_the_end()
        assert "this port speaks HTTP" in str(owner.faults[0].fault)
    async with serving(owner, faulted=False) as (_, connect):
        esme = await connect()
        esme.writer.write(b"GET / HTTP/1.1\r\n\r\n")
        await esme.hear()
        await esme.hear_the_end()
        assert len(owner.faults) == 1


async def test_stopping_before_the_start_and_with_a_link() -> None:
    owner = Centre()
    await Server(owner, Limits(), time.monotonic).stop(0.0)
    async with serving(owner) as (server, connect):
        esme = await connect()
        esme.say(BindTransceiver(sequence_number=1, system_id="shop"))
        link, request = await owner.bind()
        link.admit(request, "kwek")
        await esme.hear()
        await asyncio.gather(server.stop(1.0), _answer_unbind(esme))
        assert owner.reasons == ["we unbound"]


async def _answer_unbind(esme: Esme) -> None:
    unbind = await esme.hear()
    esme.say(unbind.response(sequence_number=unbind.sequence_number))
    await esme.hear_the_end()


class Memory(asyncio.Transport):
    """A transport without a socket, as the simulation of whole systems uses."""

    def __init__(self) -> None:
        super().__init__()
        self.written = b""
        self.closed = False

    def get_extra_info(self, name: str, default: Any = None) -> Any:
        return ("memory", 0) if name == "peername" else None

    def close(self) -> None:
        self.closed = True

    def abort(self) -> None:
        self.closed = True

    def write(self, data: bytes | bytearray | memoryview) -> None:
        self.written += data


@given(st.lists(st.binary(max_size=60), max_size=8), st.booleans())
def test_any_octets_end_in_answers_or_the_end(chunks: list[bytes], bound: bool) -> None:
    async def conversation() -> None:
        owner = Centre()
        link = ServerLink(Server(owner, Limits(), time.monotonic, faulted=owner.faulted))
        link.connection_made(Memory())
        if bound:
            link.data_received(encode(BindTransceiver(sequence_number=1, system_id="shop")))
            link.admit(owner.binds[0][1], "kwek")
        for chunk in chunks:
            link.data_received(chunk)
        link.connection_lost(None)
        assert len(owner.reasons) == int(bound)

    asyncio.run(conversation())


async def test_a_transport_in_memory_will_do() -> None:
    owner, transport = Centre(), Memory()
    link = ServerLink(Server(owner, Limits(), time.monotonic))
    link.connection_made(transport)
    link.data_received(encode(EnquireLink(sequence_number=3)))
    link.flush()
    assert decode(transport.written).command == "enquire_link_resp"
    link.connection_lost(None)
    assert (link.peer, link.trouble) == (("memory", 0), "the peer closed the connection")
