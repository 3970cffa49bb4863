"""Our simulated centre, and with it our server side, against smpplib's client; that blocks, so it has a thread."""

import asyncio
import logging
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest
import smpplib.client
import smpplib.consts
import smpplib.exceptions
import smpplib.gsm
import smpplib.smpp

from smpp.constants import ESME_RINVPASWD
from smpp.receipt import State, parse, same_id
from smpp.simulator import Settings, Simulator
from smpp.simulator_conduct import Conduct, Ids
from tests.support.centres import simulated

pytestmark = pytest.mark.peer

PHONE = "31612345678"
LONG_GSM = "Wij komen [morgen] tussen 9 en 12 voor €5. " * 8
LONG_UCS2 = "Завтра между 9 и 12. " * 12


@pytest.fixture(autouse=True)
def quiet() -> None:
    """smpplib logs each PDU, and calls a closed connection an error."""
    logging.getLogger("smpp").setLevel(logging.CRITICAL)


class Esme:
    """smpplib's client, noting what it hears. Its methods block."""

    def __init__(self, port: int) -> None:
        self.client = smpplib.client.Client("127.0.0.1", port, timeout=10, allow_unknown_opt_params=True)
        self.heard: list[Any] = []
        self.answers: list[Any] = []
        self.client.set_message_received_handler(self._hear)
        self.client.set_message_sent_handler(self._answered)
        self.client.connect()

    def _hear(self, pdu: Any) -> int:
        self.heard.append(pdu)
        return 0

    def _answered(self, pdu: Any) -> None:
        self.answers.append(pdu)

    def submit(self, text: str, receipt: bool = False) -> None:
        """Submits a text in as many parts as smpplib thinks, and reads until all are answered."""
        parts, encoding, esm_class = smpplib.gsm.make_parts(text)
        for part in parts:
            self.client.send_message(
                source_addr_ton=smpplib.consts.SMPP_TON_ALNUM,
                source_addr="4411",
                dest_addr_ton=smpplib.consts.SMPP_TON_INTL,
                destination_addr=PHONE,
                short_message=part,
                data_coding=encoding,
                esm_class=esm_class,
                registered_delivery=receipt,
            )
        self.read(answers=len(parts))

    def read(self, answers: int = 0, heard: int = 0) -> None:
        """Reads until so many answers and messages came."""
        while len(self.answers) < answers or len(self.heard) < heard:
            self.client.read_once()


@contextmanager
def esme(centre: Simulator, kind: str = "transceiver", password: str = "secret") -> Iterator[Esme]:
    """A bound client; unbinds and disconnects at the end."""
    made = Esme(centre.port)
    try:
        getattr(made.client, f"bind_{kind}")(system_id="kwek", password=password)
        yield made
        made.client.unbind()
    finally:
        made.client.state = smpplib.consts.SMPP_CLIENT_STATE_OPEN
        made.client.disconnect()


@pytest.mark.parametrize("text", ["REPAIR @ £5 {ok}", LONG_GSM, LONG_UCS2], ids=["short", "long gsm", "long ucs2"])
async def test_messages_in(text: str) -> None:
    async with simulated() as centre:

        def talk() -> list[int]:
            with esme(centre) as client:
                client.submit(text)
                return [answer.status for answer in client.answers]

        assert set(await asyncio.to_thread(talk)) == {0}
        sms = await centre.phone(PHONE).next()
        assert (sms.sender, sms.recipient, sms.text) == ("4411", PHONE, text)


@pytest.mark.parametrize(("text", "parts"), [("REPAIR KEUKEN", 1), (LONG_GSM, 3), (LONG_UCS2, 4)])
async def test_messages_out(text: str, parts: int) -> None:
    async with simulated() as centre:
        answered = centre.phone(PHONE).text("4411", text)

        def talk() -> list[Any]:
            with esme(centre, "receiver") as client:
                client.read(heard=parts)
                return client.heard

        heard = await asyncio.to_thread(talk)
        assert await answered == 0
        assert {(pdu.source_addr, pdu.destination_addr) for pdu in heard} == {(PHONE.encode(), b"4411")}
        octets = b"".join(pdu.short_message[6 if parts > 1 else 0 :] for pdu in heard)
        wide = heard[0].data_coding == smpplib.consts.SMPP_ENCODING_ISO10646
        assert octets == (text.encode("utf-16-be") if wide else smpplib.gsm.gsm_encode(text))


@pytest.mark.parametrize("ids", list(Ids))
async def test_receipts(ids: Ids) -> None:
    async with simulated(Settings(conduct=Conduct(ids=ids))) as centre:

        def talk() -> tuple[Any, Any]:
            with esme(centre) as client:
                client.submit("hoi", receipt=True)
                client.read(heard=1)
                return client.answers[0], client.heard[0]

        answer, told = await asyncio.to_thread(talk)
        receipt = parse(told.short_message)
        assert receipt.state is State.DELIVERED
        assert same_id(answer.message_id.decode(), str(receipt.id))


async def test_a_transmitter_enquires_and_a_wrong_password_is_refused() -> None:
    async with simulated() as centre:

        def talk() -> str:
            with esme(centre, "transmitter") as client:
                client.client.send_pdu(smpplib.smpp.make_pdu("enquire_link", client=client.client))
                return str(client.client.read_pdu().command)

        def intrude() -> int:
            with pytest.raises(smpplib.exceptions.PDUError) as refusal, esme(centre, password="wrong"):
                pytest.fail("nobody with a wrong password may bind")
            return int(refusal.value.args[1])

        assert await asyncio.to_thread(talk) == "enquire_link_resp"
        assert await asyncio.to_thread(intrude) == ESME_RINVPASWD


async def test_a_killed_connection_comes_back_to_what_waited() -> None:
    async with simulated() as centre:

        def vanish() -> None:
            client = Esme(centre.port)
            client.client.bind_transceiver(system_id="kwek", password="secret")
            client.client._socket.close()
            client.client._socket = None

        def come_back() -> bytes:
            with esme(centre) as client:
                client.read(heard=1)
                return bytes(client.heard[0].short_message)

        await asyncio.to_thread(vanish)
        await centre.bound(0)
        waiting = centre.phone(PHONE).text("4411", "hoi")
        assert await asyncio.to_thread(come_back) == b"hoi"
        assert await waiting == 0
