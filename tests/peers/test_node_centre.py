"""Our client against a message centre made of node-smpp: what it reads of ours, and we of its."""

from typing import Any

import pytest

from smpp.concat import Method, content_of, join, split
from smpp.constants import ESME_RINVPASWD
from smpp.pdu import EnquireLink, SubmitSm
from smpp.receipt import State, is_receipt, receipt_of, same_id
from smpp.text import cheapest, data_coding_of, decode
from tests.peers.conftest import NodePeer, StartNode
from tests.support.centres import Recorder, bound_link, connected

pytestmark = pytest.mark.peer

PHONE = "31612345678"
TEXTS = {
    "gsm": "REPAIR KEUKEN @ £5 {vandaag} €",
    "ucs2": "Добрый день 😀",
    "long gsm": "Wij komen [morgen] tussen 9 en 12 voor €5. " * 8,
    "long ucs2": "Завтра между 9 и 12 😀. " * 8,
}


async def listening(centre: NodePeer) -> int:
    return int((await centre.event("listening"))["port"])


@pytest.mark.parametrize("text", TEXTS.values(), ids=TEXTS.keys())
async def test_messages_both_ways(node: StartNode, text: str) -> None:
    owner = Recorder()
    async with node("centre.js") as centre, connected(owner, await listening(centre)) as client:
        link = await bound_link(owner, client)
        assert (await centre.event("bound"))["kind"] == "bind_transceiver"
        encoding = cheapest(text)
        for segment in split(text, encoding, 77, Method.UDH_8):
            link.send(submit(segment.short_message, esm_class=segment.esm_class, data_coding=data_coding_of(encoding)))
        heard = await centre.event("text")
        assert (heard["from"], heard["to"], heard["text"]) == ("4411", PHONE, text)

        centre.order("deliver", **{"from": PHONE}, to="4411", text=text, data_coding=data_coding_of(encoding), size=60)
        await owner.until(lambda: received_text(owner) == text)
        assert (await centre.event("answer"))["status"] == 0
        first = owner.received_pdus[0]
        assert (first.source_addr, first.destination_addr) == (PHONE, "4411")


def submit(short_message: bytes, **changes: Any) -> SubmitSm:
    return SubmitSm(source_addr="4411", destination_addr=PHONE, short_message=short_message, **changes)


def received_text(owner: Recorder) -> str | None:
    """The text once all its parts are there."""
    contents = [content_of(pdu) for pdu in owner.received_pdus]
    if not contents or len(contents) < (contents[0].part.total if contents[0].part else 1):
        return None
    octets = join((content.part.index if content.part else 1, content.octets) for content in contents)
    return decode(octets, owner.received_pdus[0].data_coding)


async def test_a_receipt_meets_its_answer(node: StartNode) -> None:
    owner = Recorder()
    async with node("centre.js") as centre, connected(owner, await listening(centre)) as client:
        link = await bound_link(owner, client)
        link.send(submit(b"hoi", registered_delivery=1), token="mine")
        await owner.until(lambda: owner.answers and owner.received_pdus)
        receipt = receipt_of(owner.received_pdus[0])
        assert is_receipt(owner.received_pdus[0])
        assert receipt.state is State.DELIVERED
        answer: Any = owner.answers[0].response
        assert same_id(answer.message_id, str(receipt.id))


async def test_a_pair_of_binds_and_enquire_link_both_ways(node: StartNode) -> None:
    owner = Recorder()
    async with node("centre.js") as centre, connected(owner, await listening(centre), bind="pair") as client:
        await owner.until(lambda: all(link.bound for link in client.links))
        kinds = {(await centre.event("bound"))["kind"] for _ in range(2)}
        assert kinds == {"bind_transmitter", "bind_receiver"}
        client.links[0].send(EnquireLink(), token="fence")
        await centre.event("enquired")
        await owner.until(lambda: owner.answers)
        assert owner.answers[0].token == "fence"
        centre.order("enquire")
        assert (await centre.event("answer"))["status"] == 0


async def test_unbind_from_either_end(node: StartNode) -> None:
    owner = Recorder()
    async with node("centre.js") as centre:
        async with connected(owner, await listening(centre)) as client:
            await bound_link(owner, client)
            await centre.event("bound")
            centre.order("unbind")
            assert (await centre.event("answer"))["status"] == 0
            await owner.until(lambda: owner.reasons)
            assert owner.reasons == ["the peer unbound"]
            await centre.event("bound")
            await bound_link(owner, client)
        await centre.event("unbound")
        assert owner.reasons[-1] == "we unbound"


async def test_a_killed_connection_comes_back(node: StartNode) -> None:
    owner = Recorder()
    async with node("centre.js") as centre, connected(owner, await listening(centre)) as client:
        first = await bound_link(owner, client)
        await centre.event("bound")
        centre.order("drop")
        await owner.until(lambda: owner.reasons)
        await centre.event("bound")
        second = await bound_link(owner, client)
        assert second.number > first.number
        second.send(submit(b"weer daar"))
        assert (await centre.event("text"))["text"] == "weer daar"


async def test_a_wrong_password(node: StartNode) -> None:
    owner = Recorder()
    async with node("centre.js") as centre, connected(owner, await listening(centre), password="wrong") as client:
        await owner.until(lambda: owner.troubles)
        assert client.links[0].refusal == ESME_RINVPASWD
