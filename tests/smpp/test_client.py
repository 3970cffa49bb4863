"""Binds that are kept up: against a simulated centre, and against centres that misbehave."""

import asyncio
import random
import ssl
import subprocess
import time
from collections.abc import Callable, Coroutine
from pathlib import Path
from typing import Any

import pytest
import uvloop

from smpp import client as client_module
from smpp.client import BindSettings, Client, Link
from smpp.constants import ESME_RINVPASWD
from smpp.errors import LocalFault
from smpp.pdu import DeliverSm, EnquireLink, EnquireLinkResp, SubmitSm, Unbind
from smpp.session import Limits
from smpp.simulator import Settings
from smpp.simulator_conduct import Conduct
from tests.support.centres import (
    PATIENCE_S,
    Recorder,
    accept_bind,
    bind_settings,
    bound_link,
    connected,
    read_frame,
    say,
    scripted,
    simulated,
)

SUBMIT = SubmitSm(source_addr="4411", destination_addr="31612345678", short_message=b"hoi")


async def test_a_text_comes_in_and_an_answer_goes_out() -> None:
    owner = Recorder()
    async with simulated() as centre, connected(owner, centre.port) as client:
        link = await bound_link(owner, client)
        assert (link.can_send, link.can_receive, link.room, link.trouble) == (True, True, 50, None)
        phone = centre.phone("31612345678")
        assert await phone.text("4411", "REPAIR KEUKEN") == 0
        assert owner.received_pdus[0].short_message == b"REPAIR KEUKEN"
        sequence = link.send(SUBMIT, token="mine")
        assert link.room == 49
        await owner.until(lambda: owner.answers)
        assert (await phone.next()).text == "hoi"
        answer = owner.answers[0]
        assert (answer.token, answer.request, answer.response.sequence_number) == ("mine", SUBMIT, sequence)
        assert (link.room, link.buffer_empty, link.connected) == (50, True, True)


async def test_a_pair_sends_on_one_link_and_receives_on_the_other() -> None:
    owner = Recorder()
    async with simulated() as centre, connected(owner, centre.port, bind="pair", binds=2) as client:
        await centre.bound(4)
        await bound_link(owner, client)
        names = [link.name for link in client.links]
        assert names == [f"carrier/{index}-{kind}" for index in (1, 2) for kind in ("transmitter", "receiver")]
        transmitter, receiver, *_ = client.links
        assert (transmitter.can_send, transmitter.can_receive) == (True, False)
        assert (receiver.can_send, receiver.can_receive, receiver.room) == (False, True, 0)
        assert len({link.number for link in client.links}) == 4
        assert await centre.phone("31612345678").text("4411", "hoi") == 0
        with pytest.raises(LocalFault):
            receiver.send(SUBMIT)


async def test_an_absent_centre_is_told_and_tried_until_it_is_there() -> None:
    owner = Recorder()
    async with simulated() as gone:
        port = gone.port
    async with connected(owner, port) as client:
        await owner.until(lambda: len(owner.troubles) >= 2)
        sentence = f"cannot reach 127.0.0.1:{port}: nothing listens there (connection refused); next try in 0.0 s"
        assert owner.troubles[0] == sentence
        assert not client.links[0].bound
        assert owner.reasons == []
        settings = Settings()
        async with simulated(settings) as centre:
            await centre.stop()
            centre.port = port
            await centre.start()
            link = await bound_link(owner, client)
            assert link.trouble is None


async def test_a_wrong_password_is_told_and_not_tried_again_soon() -> None:
    owner = Recorder()
    async with simulated() as centre, connected(owner, centre.port, password="wrong") as client:
        await owner.until(lambda: owner.troubles)
        link = client.links[0]
        assert link.refusal == ESME_RINVPASWD
        assert link.trouble is not None
        told, wait = link.trouble.split("; next try in ")
        assert told == f"127.0.0.1:{centre.port}: refused our bind with ESME_RINVPASWD: the password is wrong"
        assert 15.0 <= float(wait.removesuffix(" s")) <= 30.0


async def test_a_refusal_that_may_pass_is_tried_again_soon() -> None:
    async def talk(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        frame = await read_frame(reader)
        writer.write((16).to_bytes(4) + (0x80000009).to_bytes(4) + (0x0D).to_bytes(4) + frame[12:16])

    owner = Recorder()
    async with scripted(talk) as port, connected(owner, port):
        await owner.until(lambda: len(owner.troubles) >= 3)
        assert "refused our bind with ESME_RBINDFAIL: it gave no reason that we know" in str(owner.troubles[0])


@pytest.mark.parametrize(
    ("banner", "sentence"),
    [
        (b"HTTP/1.1 400 Bad Request\r\n\r\n", "this port speaks HTTP, not SMPP"),
        (b"\x00\x00\x00\x05hello", "command_length 5 is not from 16 to 70000"),
        (b"", "the peer closed the connection"),
    ],
)
async def test_garbage_from_the_peer_is_told(banner: bytes, sentence: str) -> None:
    async def talk(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await read_frame(reader)
        writer.write(banner)
        writer.close()

    owner = Recorder()
    async with scripted(talk) as port, connected(owner, port):
        await owner.until(lambda: owner.troubles)
        assert f"127.0.0.1:{port}: " in str(owner.troubles[0])
        assert sentence in str(owner.troubles[0])
        assert len(owner.faults) == (1 if banner else 0)


async def test_a_centre_that_never_answers_is_given_up() -> None:
    async def talk(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.read()

    owner = Recorder()
    async with scripted(talk) as port, connected(owner, port, connect_s=0.05):
        await owner.until(lambda: len(owner.troubles) >= 2)
        assert f"127.0.0.1:{port} did not answer within 0.05 s; next try in" in str(owner.troubles[0])


async def test_the_next_address_takes_over_at_once() -> None:
    owner = Recorder()
    async with simulated() as gone:
        dead = gone.port
    async with simulated() as centre:
        addresses = (("127.0.0.1", dead), ("127.0.0.1", centre.port))
        waits = {"reconnect_least_s": 60.0, "reconnect_most_s": 60.0}
        async with connected(owner, 0, addresses=addresses, **waits) as client:
            await bound_link(owner, client)
            assert owner.troubles == [None]


async def test_a_lost_link_hands_back_and_comes_again_under_another_number() -> None:
    owner = Recorder(status=None)
    never = Settings(conduct=Conduct(answer_delay_s=3600.0))
    async with simulated(never) as centre, connected(owner, centre.port) as client:
        first = await bound_link(owner, client)
        text = centre.phone("31612345678").text("4411", "hoi")
        first.send(SUBMIT, token="unknown")
        await owner.until(lambda: owner.requests)
        assert not text.done()
        request = owner.requests[0]
        centre.drop()
        await owner.until(lambda: owner.reasons)
        assert [one.token for one in owner.unanswered] == ["unknown"]
        assert not first.connected
        assert first.answer(request, 0) is False
        assert first.room == 0
        await owner.until(lambda: len(owner.requests) == 2)
        second = await bound_link(owner, client)
        assert second.number > first.number
        assert second.answer(owner.requests[1], 0)
        assert await text == 0


async def test_texts_survive_a_centre_that_keeps_cutting() -> None:
    owner, chance = Recorder(), random.Random(4)
    async with simulated() as centre, connected(owner, centre.port, binds=2):
        answers = [centre.phone(f"3161234{number:04}").text("4411", str(number)) for number in range(500)]
        for cut_after in sorted(chance.sample(range(1, 400), 5)):
            await owner.until(lambda: len(owner.requests) >= cut_after)  # noqa: B023 - awaited at once
            centre.drop()
        assert await asyncio.gather(*answers) == [0] * 500
        assert owner.reasons
        texts = {pdu.short_message for pdu in owner.received_pdus}
        assert texts == {str(number).encode() for number in range(500)}


async def test_stopping_waits_for_answers_and_unbinds() -> None:
    owner = Recorder()
    async with simulated(Settings(conduct=Conduct(answer_delay_s=0.05))) as centre:
        client = Client(bind_settings(centre.port), owner, time.monotonic, random.Random(3).random)
        client.start()
        link = await bound_link(owner, client)
        link.send(SUBMIT, token=1)
        stopping = asyncio.ensure_future(client.stop(5.0))
        await asyncio.sleep(0)
        assert not link.can_send
        await stopping
        assert [answer.token for answer in owner.answers] == [1]
        assert owner.reasons == ["we unbound"]
        await centre.bound(0)


async def test_stopping_gives_up_on_answers_that_do_not_come() -> None:
    owner = Recorder()
    async with simulated(Settings(conduct=Conduct(answer_delay_s=3600.0))) as centre:
        async with connected(owner, centre.port) as client:
            link = await bound_link(owner, client)
            link.send(SUBMIT, token=1)
        assert [one.token for one in owner.unanswered] == [1]


async def test_stopping_cuts_a_peer_that_does_not_answer_unbind(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(client_module, "UNBIND_S", 0.02)

    async def talk(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await accept_bind(reader, writer)
        await reader.read()

    owner = Recorder()
    async with scripted(talk) as port:
        async with connected(owner, port) as client:
            await bound_link(owner, client)
        assert owner.reasons == ["we stopped"]


async def test_stopping_while_connecting() -> None:
    async def talk(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        met.set()
        await reader.read()

    met = asyncio.Event()
    owner = Recorder()
    async with scripted(talk) as port:
        client = Client(bind_settings(port), owner, time.monotonic, random.random)
        client.start()
        await met.wait()
        await client.stop(1.0)
        assert owner.reasons == []
        assert not client.links[0].connected
        met.clear()
        shaking = Client(bind_settings(port, tls=ssl.create_default_context()), owner, time.monotonic, random.random)
        shaking.start()
        await met.wait()
        await shaking.stop(1.0)
        assert not shaking.links[0].connected
        unmet = Client(bind_settings(port), owner, time.monotonic, random.random)
        unmet.start()
        await unmet.stop(1.0)
        assert unmet.links == ()


async def test_a_paused_link_reads_nothing_and_later_everything() -> None:
    owner = Recorder()
    limits = Limits(window=50, enquire_link_s=0.02, enquire_answer_s=0.02)
    async with simulated() as centre, connected(owner, centre.port, limits=limits) as client:
        link = await bound_link(owner, client)
        link.pause_reading()
        link.pause_reading()
        answered = centre.phone("31612345678").text("4411", "hoi")
        with pytest.raises(TimeoutError):
            # Longer than both timers: silence of our own making kills no link.
            await owner.until(lambda: owner.requests, seconds=0.1)
        link.resume_reading()
        link.resume_reading()
        assert await answered == 0
        assert owner.reasons == []


async def test_a_congested_link_has_no_room() -> None:
    owner = Recorder()
    async with simulated() as centre, connected(owner, centre.port) as client:
        link = await bound_link(owner, client)
        before = len(owner.troubles)
        link.pause_writing()
        assert (link.can_send, link.room) == (True, 0)
        link.resume_writing()
        assert link.room == 50
        assert len(owner.troubles) == before + 2


async def test_a_silent_centre_is_found_by_enquire_link() -> None:
    async def talk(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await accept_bind(reader, writer)
        await reader.read()

    owner = Recorder()
    limits = Limits(enquire_link_s=0.02, enquire_answer_s=0.02)
    async with scripted(talk) as port, connected(owner, port, limits=limits) as client:
        link = await bound_link(owner, client)
        link.send(SUBMIT, token="unknown")
        await owner.until(lambda: owner.reasons)
        assert owner.reasons[0] == "no answer to enquire_link"
        assert [one.token for one in owner.unanswered] == ["unknown"]


async def test_an_idle_link_is_kept_by_enquire_link() -> None:
    async def talk(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await accept_bind(reader, writer)
        for _ in range(4):
            frame = await read_frame(reader)
            assert frame[4:8] == (0x15).to_bytes(4)
            say(writer, EnquireLinkResp(sequence_number=int.from_bytes(frame[12:16])))
        say(writer, Unbind(sequence_number=1))

    owner = Recorder()
    limits = Limits(enquire_link_s=0.01, enquire_answer_s=5.0)
    async with scripted(talk) as port, connected(owner, port, limits=limits) as client:
        link = await bound_link(owner, client)
        link.send(EnquireLink(), token="fence")
        await owner.until(lambda: owner.reasons)
        assert owner.reasons == ["the peer unbound"]
        assert [answer.token for answer in owner.answers] == ["fence"]
        assert link.session.counters["probes"] == 3


async def test_a_centre_that_unbinds_and_one_that_breaks_smpp() -> None:
    async def talk(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await accept_bind(reader, writer)
        writer.write(bytes.fromhex("00000010 0000ffff 00000000 00000007"))
        say(writer, DeliverSm(sequence_number=8, short_message=b"still here"))
        say(writer, Unbind(sequence_number=9))
        await reader.read()

    owner = Recorder()
    async with scripted(talk) as port, connected(owner, port):
        await owner.until(lambda: owner.reasons)
        assert owner.received_pdus[0].short_message == b"still here"
        assert owner.faults[0].fault.kind == "unknown_command_id"
        assert owner.reasons[0] == "the peer unbound"
        await owner.until(lambda: any("the peer unbound; next try in" in str(trouble) for trouble in owner.troubles))


async def test_a_peer_that_does_not_read_is_cut_in_the_end(monkeypatch: pytest.MonkeyPatch) -> None:
    async def talk(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await accept_bind(reader, writer)
        writer.transport.pause_reading()  # type: ignore[attr-defined]
        await asyncio.Event().wait()

    monkeypatch.setattr("smpp.wire._CLOSING_S", 0.02)
    owner = Recorder()
    payload = ((0x0424, b"x" * 60_000),)
    async with scripted(talk) as port, connected(owner, port, limits=Limits(window=1000)) as client:
        link = await bound_link(owner, client)
        while link.room:
            link.send(SubmitSm(destination_addr="1", tlvs=payload))
            link.flush()
        assert not link.buffer_empty
        link.close("enough")
        await owner.until(lambda: owner.reasons)
        assert owner.reasons == ["enough"]


async def test_a_link_that_is_gone_can_be_told_anything() -> None:
    owner = Recorder()
    async with simulated() as centre, connected(owner, centre.port) as client:
        link = await bound_link(owner, client)
        centre.drop()
        await link.gone.wait()
        for action in (link.flush, link.unbind, link.pause_reading, link.resume_reading):
            action()
        link.close("late")
        link.abort("late")
        await link.drain(0.0, 0.0)
        assert not link.buffer_empty
        assert owner.reasons[0].startswith(("the peer closed the connection", "the connection broke: "))


def certificate(folder: Path) -> tuple[Path, Path]:
    """A certificate that signs itself, for 127.0.0.1."""
    key, chain = folder / "key.pem", folder / "cert.pem"
    subprocess.run(
        ["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2", "-subj", "/CN=127.0.0.1",
         "-addext", "subjectAltName=IP:127.0.0.1", "-keyout", str(key), "-out", str(chain)],
        check=True,
        capture_output=True,
    )  # fmt: skip
    return key, chain


async def test_tls_checks_the_centres_certificate(tmp_path: Path) -> None:
    key, chain = certificate(tmp_path)
    ours = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    ours.load_cert_chain(chain, key)
    owner = Recorder()
    async with simulated(Settings(tls=ours)) as centre:
        trusting = ssl.create_default_context(cafile=str(chain))
        async with connected(owner, centre.port, tls=trusting) as client:
            link = await bound_link(owner, client)
            assert await centre.phone("31612345678").text("4411", "hoi") == 0
            assert link.buffer_empty
        doubting = Recorder()
        async with connected(doubting, centre.port, tls=ssl.create_default_context()):
            await doubting.until(lambda: doubting.troubles)
            assert "its certificate is not to be trusted (self-signed certificate)" in str(doubting.troubles[0])
    async with simulated() as plain:
        puzzled = Recorder()
        async with connected(puzzled, plain.port, tls=trusting):
            await puzzled.until(lambda: puzzled.troubles)
            assert f"cannot reach 127.0.0.1:{plain.port}: " in str(puzzled.troubles[0])


async def test_a_name_that_nobody_knows() -> None:
    owner = Recorder()
    async with connected(owner, 0, addresses=(("no-such-host.invalid", 2775),)):
        await owner.until(lambda: owner.troubles)
        assert str(owner.troubles[0]).startswith("cannot reach no-such-host.invalid:2775: ")


@pytest.mark.parametrize("host", ["smsc..example", "a" * 64 + ".example", "smsc\0example"])
async def test_a_name_that_cannot_be_one_is_told_and_the_next_address_serves(host: str) -> None:
    owner = Recorder()
    async with simulated() as centre, connected(owner, 0, addresses=((host, 2775),)) as client:
        await owner.until(lambda: len(owner.troubles) >= 2)
        assert str(owner.troubles[0]).startswith(f"cannot reach {host}:2775: nobody can be asked for such a name (")
        assert client.links[0].trouble is not None
        async with connected(owner, 0, addresses=((host, 2775), ("127.0.0.1", centre.port))) as other:
            await bound_link(owner, other)


def test_the_same_on_uvloop() -> None:
    async def conversation() -> None:
        owner = Recorder()
        async with simulated() as centre, connected(owner, centre.port) as client:
            link = await bound_link(owner, client)
            assert await centre.phone("31612345678").text("4411", "hoi") == 0
            link.send(SUBMIT)
            assert (await centre.phone("31612345678").next()).text == "hoi"

    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        runner.run(conversation())


def test_settings_have_sensible_defaults() -> None:
    settings = BindSettings(name="a", addresses=(("h", 1),), system_id="s")
    assert (settings.bind, settings.binds, settings.limits.window, settings.refused_least_s) == (
        "transceiver",
        1,
        10,
        30,
    )


class Broken(Exception):
    """What the owners of these tests raise."""


async def told(act: Callable[[], Coroutine[Any, Any, None]]) -> tuple[str, str]:
    """The first exception that the loop is told of once this was done."""
    loop, come = asyncio.get_running_loop(), asyncio.Event()
    contexts: list[dict[str, Any]] = []

    def note(_: asyncio.AbstractEventLoop, context: dict[str, Any]) -> None:
        contexts.append(context)
        come.set()

    loop.set_exception_handler(note)
    await act()
    await asyncio.wait_for(come.wait(), PATIENCE_S)
    return str(contexts[0]["message"]), repr(contexts[0]["exception"])


async def test_an_owner_that_raises_when_told_of_trouble_is_told_of_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    """The bind's own task: nobody would keep the bind up any more, and nobody would know."""
    owner = Recorder()
    async with simulated() as gone:
        port = gone.port

    def changed(link: Link) -> None:
        raise Broken(link.name)

    monkeypatch.setattr(owner, "changed", changed)
    client = Client(bind_settings(port), owner, time.monotonic, random.Random(2).random)

    async def start() -> None:
        client.start()

    assert await told(start) == ("bind carrier/1 is not kept up any more", "Broken('carrier/1')")
    await client.stop(0.0)


@pytest.mark.parametrize("hook", ["received", "answered", "lost"])
async def test_an_owner_that_raises_in_a_callback_is_told_of_and_holds_up_nothing(
    hook: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    owner = Recorder()

    def raises(link: Link, *_: object) -> None:
        raise Broken(hook)

    async with simulated() as centre, connected(owner, centre.port) as client:
        link = await bound_link(owner, client)
        monkeypatch.setattr(owner, hook, raises)

        async def cause() -> None:
            if hook == "received":
                centre.phone("31612345678").text("4411", "hoi")
            elif hook == "answered":
                link.send(SUBMIT)
            else:
                centre.drop()

        _, error = await told(cause)
        assert error == f"Broken('{hook}')"
        async with asyncio.timeout(PATIENCE_S):
            await link.gone.wait()
        monkeypatch.undo()
        await centre.bound(1)  # whoever runs the client decides: it goes on until it is stopped
