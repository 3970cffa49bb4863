"""Our simulated centre, and with it our server side, against an ESME made of node-smpp."""

import pytest

from smpp.constants import ESME_RINVPASWD
from smpp.receipt import State, parse, same_id
from smpp.simulator import Settings, Simulator
from smpp.simulator_conduct import Conduct, Ids
from smpp.text import cheapest, data_coding_of
from tests.peers.conftest import NodePeer, StartNode
from tests.peers.test_node_centre import PHONE, TEXTS
from tests.support.centres import simulated

pytestmark = pytest.mark.peer


async def bind(esme: NodePeer, centre: Simulator, kind: str = "bind_transceiver", password: str = "secret") -> int:
    """Connects and binds; returns the status of the answer."""
    await esme.event("ready")
    esme.order("connect", port=centre.port)
    await esme.event("connected")
    esme.order("bind", kind=kind, system_id="kwek", password=password)
    return int((await esme.event("answer"))["status"])


@pytest.mark.parametrize("text", TEXTS.values(), ids=TEXTS.keys())
async def test_messages_both_ways(node: StartNode, text: str) -> None:
    async with simulated() as centre, node("esme.js") as esme:
        assert await bind(esme, centre) == 0
        phone = centre.phone(PHONE)
        assert await phone.text("4411", text) == 0
        heard = await esme.event("text")
        assert (heard["from"], heard["to"], heard["text"]) == (PHONE, "4411", text)
        data_coding = data_coding_of(cheapest(text))
        esme.order("submit", **{"from": "4411"}, to=PHONE, text=text, data_coding=data_coding, size=60)
        sms = await phone.next()
        assert (sms.sender, sms.text) == ("4411", text)


async def test_receipts_meet_their_answers(node: StartNode) -> None:
    settings = Settings(conduct=Conduct(ids=Ids.HEX_ANSWER))
    async with simulated(settings) as centre, node("esme.js") as esme:
        await bind(esme, centre)
        esme.order("submit", **{"from": "4411"}, to=PHONE, text="hoi", data_coding=0, size=60, receipt=True)
        answer = await esme.event("answer")
        told = await esme.event("text")
        receipt = parse(told["text"].encode())
        assert told["esm_class"] == 4
        assert receipt.state is State.DELIVERED
        assert same_id(answer["message_id"], str(receipt.id))
        assert answer["message_id"] != receipt.id


async def test_a_transmitter_and_a_receiver(node: StartNode) -> None:
    async with simulated() as centre, node("esme.js") as sending, node("esme.js") as reading:
        assert await bind(sending, centre, "bind_transmitter") == 0
        assert await bind(reading, centre, "bind_receiver") == 0
        assert [(link.can_send, link.can_receive) for link in centre.links] == [(False, True), (True, False)]
        sending.order("submit", **{"from": "4411"}, to=PHONE, text="hoi", data_coding=0, size=60)
        assert (await sending.event("answer"))["status"] == 0
        assert await centre.phone(PHONE).text("4411", "terug") == 0
        assert (await reading.event("text"))["text"] == "terug"


async def test_enquire_link_unbind_and_a_wrong_password(node: StartNode) -> None:
    async with simulated() as centre, node("esme.js") as esme, node("esme.js") as wrong:
        assert await bind(wrong, centre, password="wrong") == ESME_RINVPASWD
        await wrong.event("closed")
        await bind(esme, centre)
        esme.order("enquire")
        assert (await esme.event("answer"))["status"] == 0
        esme.order("unbind")
        assert (await esme.event("answer"))["status"] == 0
        await esme.event("closed")
        await centre.bound(0)


async def test_a_killed_connection_comes_back_to_what_waited(node: StartNode) -> None:
    async with simulated() as centre, node("esme.js") as first, node("esme.js") as second:
        await bind(first, centre)
        first.order("kill")
        await first.event("closed")
        await centre.bound(0)
        waiting = centre.phone(PHONE).text("4411", "hoi")
        assert await bind(second, centre) == 0
        assert (await second.event("text"))["text"] == "hoi"
        assert await waiting == 0
        centre.drop()
        await second.event("closed")
