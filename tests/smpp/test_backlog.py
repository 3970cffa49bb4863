"""A peer that says a lot and reads little: what waits for it is bounded, and one that stopped is cut. Virtual time."""

import asyncio
from collections.abc import Awaitable, Callable
from random import Random

from gateway.simulation.loop import VirtualLoop
from gateway.simulation.network import KERNEL_OCTETS, Weather
from smpp.backlog import LOOKS, MOST_ANSWERS, Backlog
from smpp.client import BindSettings, Client, Link
from smpp.codec import encode
from smpp.pdu import BindTransceiverResp, EnquireLink, EnquireLinkResp
from smpp.session import Limits
from smpp.wire import UNREAD_S
from tests.support.centres import Recorder

ANSWER_OCTETS = 16
"""An enquire_link, and its answer: the shortest PDUs there are."""
HIGH_OCTETS = 64 * 1024
"""From here on asyncio calls what waits too much."""
LIMITS = Limits()


class Centre(asyncio.Protocol):
    """Admits whoever binds; everything else the test says and reads."""

    def __init__(self) -> None:
        self.transport: asyncio.Transport
        self.got: int | None = None
        """Octets that it has read since the bind; None before it."""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        self.transport = transport

    def data_received(self, data: bytes) -> None:
        if self.got is None:
            self.transport.write(encode(BindTransceiverResp(sequence_number=1, system_id="centre")))
            self.got = 0
        else:
            self.got += len(data)

    def ask(self, times: int) -> None:
        """Says so many enquire_links, as fast as it goes."""
        self.transport.write(encode(EnquireLink(sequence_number=1)) * times)


class Meeting:
    """A link of ours and a centre, bound."""

    def __init__(self, loop: VirtualLoop) -> None:
        self.loop = loop
        self.owner = Recorder()
        self.centre: Centre
        settings = BindSettings(name="carrier", addresses=(("centre", 2775),), system_id="kwek", limits=LIMITS)
        self.client = Client(settings, self.owner, loop.time, Random(1).random)
        self.link: Link
        loop.network.weather = Weather(sliced=0.0)

    def _accept(self) -> Centre:
        self.centre = Centre()
        return self.centre

    async def bind(self) -> "Meeting":
        """Connects and binds."""
        await self.loop.create_server(self._accept, "centre", 2775)
        self.client.start()
        await self.owner.until(lambda: self.client.links and self.client.links[0].bound)
        self.link = self.client.links[0]
        return self

    @property
    def waits(self) -> int:
        """Octets of ours that the kernel has not taken."""
        return self.loop.network.connections[0].near.get_write_buffer_size()

    def reads(self) -> bool:
        """Whether our end reads."""
        return self.loop.network.connections[0].near.is_reading()

    async def fill(self) -> None:
        """Has a centre that does not read say more than we answer."""
        self.centre.transport.pause_reading()
        self.centre.ask(2 * (KERNEL_OCTETS + MOST_ANSWERS) // ANSWER_OCTETS)
        await asyncio.sleep(1.0)
        assert not self.reads()


def play(main: Callable[[Meeting], Awaitable[None]]) -> None:
    loop = VirtualLoop(Random(1))

    async def course() -> None:
        meeting = await Meeting(loop).bind()
        await main(meeting)
        await meeting.client.stop(0.0)

    with asyncio.Runner(loop_factory=lambda: loop) as runner:
        runner.run(course())


def test_a_peer_that_sends_and_does_not_read_fills_no_memory_and_is_cut() -> None:
    async def main(meeting: Meeting) -> None:
        await meeting.fill()
        began = meeting.loop.time()
        # Either bound is noticed after the read that passed it: as much as the kernels hold, at most.
        assert MOST_ANSWERS < meeting.waits <= HIGH_OCTETS + MOST_ANSWERS + 2 * KERNEL_OCTETS
        assert (meeting.link.bound, meeting.link.room) == (True, 0)
        await meeting.owner.until(lambda: meeting.owner.reasons, seconds=120.0)
        assert meeting.owner.reasons == [f"the peer has read nothing for {UNREAD_S:g} s"]
        assert meeting.loop.time() - began <= UNREAD_S * (1 + 1 / LOOKS)
        assert not meeting.link.connected

    play(main)


def test_a_peer_that_says_now_and_then_that_it_lives_and_reads_nothing_is_cut_too() -> None:
    """Heard from all the time, and so never asked whether it lives."""

    async def main(meeting: Meeting) -> None:
        meeting.centre.transport.pause_reading()
        meeting.centre.ask((KERNEL_OCTETS + HIGH_OCTETS) // ANSWER_OCTETS + 100)
        began = meeting.loop.time()
        while not meeting.owner.reasons and meeting.loop.time() < began + 600.0:
            await asyncio.sleep(1.0)
            assert meeting.reads() or meeting.owner.reasons
            meeting.centre.ask(1)
        assert meeting.owner.reasons == [f"the peer has read nothing for {UNREAD_S:g} s"]

    play(main)


def test_a_peer_that_reads_late_is_heard_again_and_gets_every_answer() -> None:
    async def main(meeting: Meeting) -> None:
        await meeting.fill()
        asked = 2 * (KERNEL_OCTETS + MOST_ANSWERS) // ANSWER_OCTETS
        await asyncio.sleep(UNREAD_S - 1.0)
        meeting.centre.transport.resume_reading()
        await asyncio.sleep(1.0)
        assert meeting.reads()
        assert meeting.centre.got == asked * ANSWER_OCTETS
        assert (meeting.link.bound, meeting.link.room, meeting.waits) == (True, LIMITS.window, 0)
        await asyncio.sleep(LIMITS.enquire_link_s / 2)  # what was watched is watched no more
        assert meeting.owner.reasons == []

    play(main)


def test_a_peer_that_reads_slowly_is_not_cut() -> None:
    async def main(meeting: Meeting) -> None:
        await meeting.fill()
        for _ in range(4 * LOOKS):
            before = meeting.centre.got
            meeting.centre.transport.resume_reading()
            await asyncio.sleep(0.000_2)
            meeting.centre.transport.pause_reading()
            await asyncio.sleep(UNREAD_S / LOOKS)
            assert meeting.link.connected
            assert meeting.centre.got != before
        assert meeting.owner.reasons == []

    play(main)


def test_neither_reason_to_read_nothing_ends_the_other() -> None:
    async def main(meeting: Meeting) -> None:
        await meeting.fill()
        meeting.link.pause_reading()
        meeting.link.resume_reading()
        assert not meeting.reads(), "too much waits all the same"
        meeting.link.pause_reading()
        meeting.centre.transport.resume_reading()
        await asyncio.sleep(1.0)
        assert (meeting.waits, meeting.reads()) == (0, False)
        meeting.link.resume_reading()
        assert meeting.reads()
        await asyncio.sleep(1.0)
        assert meeting.centre.got == 2 * (KERNEL_OCTETS + MOST_ANSWERS)

    play(main)


def test_what_waited_before_is_no_answer() -> None:
    """Requests of ours, up to a whole window of long ones: they are bounded by the window, and hold up no reading."""
    backlog = Backlog()
    backlog.written = 3 * MOST_ANSWERS
    backlog.begin(2 * MOST_ANSWERS)
    assert not backlog.is_full(2 * MOST_ANSWERS)
    backlog.written += MOST_ANSWERS
    assert not backlog.is_full(3 * MOST_ANSWERS)
    backlog.written += 1
    assert backlog.is_full(3 * MOST_ANSWERS + 1)
    assert not backlog.is_full(MOST_ANSWERS), "the peer has read most of it meanwhile"


def test_a_look_without_progress_counts_until_there_is_some() -> None:
    backlog = Backlog()
    backlog.written = 100
    backlog.begin(60)
    assert not backlog.is_stuck(60)
    assert not backlog.is_stuck(59)
    backlog.written += 10
    assert not backlog.is_stuck(69)
    assert backlog.is_stuck(69)
    backlog.begin(69)
    assert not backlog.is_stuck(69)


def test_an_answer_is_as_short_as_is_reckoned() -> None:
    assert len(encode(EnquireLinkResp(sequence_number=1))) == ANSWER_OCTETS
