"""The simulated centre: phones, receipts, errors, and its second port."""

import asyncio
import json
import time
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from smpp.concat import Method, content_of
from smpp.constants import (
    ESME_RINVCMDID,
    ESME_RINVDSTADR,
    ESME_RINVSYSID,
    ESME_RMSGQFUL,
    ESME_RTHROTTLED,
    ESME_RX_P_APPN,
    ESME_RX_T_APPN,
)
from smpp.errors import LocalFault
from smpp.pdu import AlertNotification, DataSm, QuerySm, SubmitSm
from smpp.receipt import State, is_receipt, receipt_of, same_id
from smpp.simulator import Account, Settings, Simulator
from smpp.simulator_conduct import Conduct, Ids, Refusal
from smpp.simulator_control import MAX_LINE_OCTETS, Control
from smpp.simulator_phones import Assembly, Phone, Sms
from smpp.text import Encoding
from tests.support.centres import ACCOUNT, Recorder, bound_link, connected, simulated, today

PHONE = "31612345678"
LONG_GSM = "Beste klant, " + "wij komen morgen {tussen} 9 en 12. " * 8
LONG_UCS2 = "Добрый день 😀 " * 20


def submit(**changes: Any) -> SubmitSm:
    values: dict[str, Any] = {"source_addr": "4411", "destination_addr": PHONE, "short_message": b"hoi"}
    return SubmitSm(**(values | changes))


@pytest.mark.parametrize("method", list(Method))
@pytest.mark.parametrize("text", ["REPAIR KEUKEN", LONG_GSM, LONG_UCS2], ids=["short", "long", "long and wide"])
async def test_texts_go_both_ways_whole(text: str, method: Method) -> None:
    owner = Recorder()
    async with simulated() as centre, connected(owner, centre.port) as client:
        link = await bound_link(owner, client)
        phone = centre.phone("+" + PHONE)
        assert await phone.text("4411", text, method=method) == 0
        parts = [content_of(pdu).part for pdu in owner.received_pdus]
        assert (len(parts) == 1) == (method is Method.PAYLOAD or text == "REPAIR KEUKEN")
        assert all(pdu.source_addr == PHONE and pdu.destination_addr == "4411" for pdu in owner.received_pdus)
        for pdu in reversed(owner.received_pdus):
            echo = submit(
                esm_class=pdu.esm_class, data_coding=pdu.data_coding, short_message=pdu.short_message, tlvs=pdu.tlvs
            )
            link.send(echo)
        sms = await phone.next()
        assert (sms.sender, sms.recipient, sms.text, sms.parts) == ("4411", PHONE, text, len(parts))
        assert sms.encoding == (Encoding.UCS2 if text == LONG_UCS2 else Encoding.GSM7)


async def test_texts_wait_for_a_receiver_and_keep_their_order() -> None:
    async with simulated() as centre:
        phone = centre.phone(PHONE)
        answers = [phone.text("4411", f"text {number}") for number in range(250)]
        transmitter = Recorder()
        async with connected(transmitter, centre.port, bind="transmitter") as client:
            await bound_link(transmitter, client)
            assert not any(answer.done() for answer in answers)
            owner = Recorder()
            async with connected(owner, centre.port, bind="receiver"):
                assert await asyncio.gather(*answers) == [0] * 250
        texts = [pdu.short_message.decode() for pdu in owner.received_pdus]
        assert texts == [f"text {number}" for number in range(250)]


async def test_each_account_gets_the_texts_of_its_numbers() -> None:
    accounts = (Account("klusser", "a", ("4411",)), Account("burgerzaak", "b", ("5522",)), Account("rest", "c"))
    owners = {account.system_id: Recorder() for account in accounts}
    async with simulated(accounts=accounts) as centre:
        async with (
            connected(owners["klusser"], centre.port, system_id="klusser", password="a"),
            connected(owners["burgerzaak"], centre.port, system_id="burgerzaak", password="b"),
            connected(owners["rest"], centre.port, system_id="rest", password="c"),
        ):
            for number in ("4411", "5522", "6633"):
                assert await centre.phone(PHONE).text(number, number) == 0
        heard = {name: [pdu.destination_addr for pdu in owner.received_pdus] for name, owner in owners.items()}
        assert heard == {"klusser": ["4411"], "burgerzaak": ["5522"], "rest": ["6633"]}


async def test_without_accounts_anybody_may_bind() -> None:
    owner = Recorder()
    async with (
        simulated(accounts=()) as centre,
        connected(owner, centre.port, system_id="who", password="ever") as client,
    ):
        await bound_link(owner, client)
        assert await centre.phone(PHONE).text("4411", "hoi") == 0
        assert [link.system_id for link in centre.links] == ["who"]


async def test_an_unknown_account_is_refused() -> None:
    owner = Recorder()
    async with simulated() as centre, connected(owner, centre.port, system_id="nobody") as client:
        await owner.until(lambda: owner.troubles)
        assert client.links[0].refusal == ESME_RINVSYSID
        assert "the system_id is not known there" in str(owner.troubles[0])
        with pytest.raises(TimeoutError):
            await centre.bound(seconds=0.01)


async def receipts_of(conduct: Conduct, *, registered_delivery: int = 1, wanted: int = 1, **changes: Any) -> Recorder:
    """What an ESME hears of one message that asks for a receipt."""
    owner = Recorder()
    async with simulated(Settings(conduct=conduct)) as centre, connected(owner, centre.port) as client:
        link = await bound_link(owner, client)
        link.send(submit(registered_delivery=registered_delivery, **changes))
        await owner.until(lambda: len(owner.received_pdus) >= wanted and owner.answers)
    assert all(is_receipt(pdu) for pdu in owner.received_pdus)
    return owner


@pytest.mark.parametrize("ids", list(Ids))
@pytest.mark.parametrize("early", [False, True])
async def test_receipts_tell_the_answers_id_in_any_form(ids: Ids, early: bool) -> None:
    owner = await receipts_of(Conduct(ids=ids, receipt_delay_s=-1.0 if early else 0.01))
    answer, told = owner.answers[0].response, owner.received_pdus[0]
    receipt = receipt_of(told)
    assert (told.source_addr, told.destination_addr) == (PHONE, "4411")
    assert (receipt.state, receipt.final, receipt.text, receipt.done_date) == (State.DELIVERED, True, b"hoi", today())
    message_id: Any = answer
    assert receipt.id is not None
    assert same_id(message_id.message_id, receipt.id)
    assert (message_id.message_id == receipt.id) == (ids is Ids.SAME)


async def test_receipts_of_other_shapes() -> None:
    owner = await receipts_of(Conduct(accepted_first=True, receipt_tlvs=True, outcome=State.EXPIRED), wanted=2)
    states = [(receipt_of(pdu).state, receipt_of(pdu).err) for pdu in owner.received_pdus]
    assert states == [(State.ACCEPTED, "000"), (State.EXPIRED, "001")]
    assert [tag for tag, _ in owner.received_pdus[1].tlvs] == [0x001E, 0x0427]
    owner = await receipts_of(Conduct(receipt_text=False, by_data_sm=True))
    assert isinstance(owner.received_pdus[0], DataSm)
    assert receipt_of(owner.received_pdus[0]).state is State.DELIVERED
    owner = await receipts_of(Conduct(by_data_sm=True), data_coding=8, short_message="яя".encode("utf-16-be"))
    assert receipt_of(owner.received_pdus[0]).text == b""


async def test_a_receipt_brings_our_own_reference_back() -> None:
    owner = await receipts_of(Conduct(), tlvs=((0x0204, b"\x01\x02"), (0x1400, b"kept to itself")))
    assert receipt_of(owner.received_pdus[0]).reference == 0x0102


@pytest.mark.parametrize(
    ("registered_delivery", "outcome", "receipts"),
    [(0, State.DELIVERED, 0), (2, State.DELIVERED, 0), (2, State.UNDELIVERABLE, 1), (1, State.DELIVERED, 1)],
)
async def test_receipts_come_only_where_they_are_asked_for(
    registered_delivery: int, outcome: State, receipts: int
) -> None:
    conduct = Conduct(outcome=outcome, receipt_delay_s=-1.0)
    owner = await receipts_of(conduct, registered_delivery=registered_delivery, wanted=receipts)
    assert len(owner.received_pdus) == receipts


async def test_errors_by_rule() -> None:
    refusals = (
        Refusal(ESME_RTHROTTLED, times=1),
        Refusal(ESME_RINVDSTADR, to="32"),
        Refusal(ESME_RX_P_APPN, text="verboden"),
    )
    owner = Recorder()
    strict = Settings(conduct=Conduct(refusals=refusals))
    async with simulated(strict) as centre, connected(owner, centre.port) as client:
        link = await bound_link(owner, client)
        for changes in ({}, {"destination_addr": "3247"}, {"short_message": b"is verboden"}, {}):
            link.send(submit(**changes))
        await owner.until(lambda: len(owner.answers) == 4)
        statuses = [answer.response.command_status for answer in owner.answers]
        assert statuses == [ESME_RTHROTTLED, ESME_RINVDSTADR, ESME_RX_P_APPN, 0]
        assert centre.counters["messages shown"] == 1


async def test_data_sm_is_taken_and_other_requests_are_not() -> None:
    owner = Recorder()
    async with simulated() as centre, connected(owner, centre.port) as client:
        link = await bound_link(owner, client)
        link.send(DataSm(source_addr="4411", destination_addr=PHONE, tlvs=((0x0424, b"hoi"),)))
        link.send(QuerySm(message_id="1"))
        await owner.until(lambda: len(owner.answers) == 2)
        assert (await centre.phone(PHONE).next()).text == "hoi"
        taken, refused = (answer.response for answer in owner.answers)
        assert (taken.command, taken.command_status) == ("data_sm_resp", 0)
        assert refused.command_status == ESME_RINVCMDID


async def test_a_text_that_is_wanted_later_is_sent_again_and_one_refused_is_not() -> None:
    owner = Recorder(status=ESME_RX_T_APPN)
    async with simulated(Settings(retry_s=0.01)) as centre, connected(owner, centre.port) as client:
        await bound_link(owner, client)
        answered = centre.phone(PHONE).text("4411", "hoi")
        await owner.until(lambda: len(owner.requests) == 3)
        assert not answered.done()
        owner.status = ESME_RX_P_APPN
        assert await answered == ESME_RX_P_APPN
        owner.status = 0
        forgotten = centre.phone(PHONE).text("4411", "weg")
        forgotten.cancel()
        assert await centre.phone(PHONE).text("4411", "hoi") == 0


async def test_a_full_queue_refuses(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("smpp.simulator.MAX_WAITING", 2)
    async with simulated() as centre:
        phone = centre.phone(PHONE)
        answers = [phone.text("4411", "hoi") for _ in range(3)]
        assert await answers[2] == ESME_RMSGQFUL
        assert not answers[0].done()


async def test_a_number_that_smpp_cannot_carry() -> None:
    async with simulated() as centre:
        with pytest.raises(LocalFault, match="destination_addr"):
            centre.phone(PHONE).text("4" * 30, "hoi")


async def test_a_phone_forgets_the_oldest_and_tells_its_readers(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("smpp.simulator_phones.MAX_INBOX", 2)
    read: list[str] = []
    phone = Phone(PHONE, lambda *_: asyncio.get_running_loop().create_future())
    end = phone.watch(lambda sms: read.append(sms.text))
    for text in ("one", "two", "three"):
        phone.show(Sms("4411", PHONE, text, Encoding.GSM7))
    end()
    phone.show(Sms("4411", PHONE, "four", Encoding.GSM7))
    assert [(await phone.next()).text for _ in range(2)] == ["three", "four"]
    assert read == ["one", "two", "three"]
    with pytest.raises(TimeoutError):
        await phone.next(0.001)


def test_parts_that_never_become_whole_are_forgotten(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("smpp.simulator_phones.MAX_OPEN_SETS", 1)
    assembly = Assembly()

    def part(reference: int, index: int) -> Sms | None:
        message = submit(esm_class=0x40, short_message=bytes((5, 0, 3, reference, 2, index)) + b"x")
        return assembly.add(message, content_of(message), Encoding.GSM7)

    assert (part(1, 1), part(2, 1), part(1, 2)) == (None, None, None)
    whole = part(1, 1)
    assert whole is not None
    assert whole.text == "xx"


async def test_octets_that_are_no_text_are_shown_in_hexadecimal() -> None:
    owner = Recorder()
    async with simulated() as centre, connected(owner, centre.port) as client:
        link = await bound_link(owner, client)
        link.send(submit(data_coding=4, short_message=b"\x00\xff"))
        assert (await centre.phone(PHONE).next()).text == "00 ff"


async def test_phones_beyond_the_bound_are_told_of_only(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("smpp.simulator.MAX_PHONES", 1)
    owner, told = Recorder(), []
    async with simulated() as centre, connected(owner, centre.port) as client:
        centre.on_sms = lambda sms: told.append(sms.recipient)
        link = await bound_link(owner, client)
        for number in (PHONE, "31600000000", PHONE):
            link.send(submit(destination_addr=number))
        await owner.until(lambda: len(owner.answers) == 3)
        assert told == [PHONE, "31600000000", PHONE]
        assert centre.phone(PHONE).inbox.qsize() == 2
        assert centre.phone("31600000000").inbox.empty()


async def test_noise_is_counted_and_an_alert_needs_no_answer() -> None:
    owner = Recorder()
    async with simulated() as centre, connected(owner, centre.port) as client:
        await bound_link(owner, client)
        centre.links[0].send(AlertNotification(source_addr=PHONE, esme_addr="4411"))
        assert await centre.phone(PHONE).text("4411", "hoi") == 0
        assert [pdu.command for pdu in owner.received_pdus] == ["alert_notification", "deliver_sm"]
        reader, writer = await asyncio.open_connection("127.0.0.1", centre.port)
        writer.write(b"GET / HTTP/1.1\r\n\r\n")
        assert len(await reader.read()) == 16
        writer.close()
        assert centre.counters["faults: invalid_command_length"] == 1


LATIN = st.text(st.characters(max_codepoint=255, exclude_characters="\0"), max_size=20)
OCTET = st.integers(0, 255)
SUBMITS = st.builds(
    SubmitSm,
    source_addr_ton=OCTET,
    source_addr=LATIN,
    destination_addr=LATIN,
    esm_class=OCTET,
    registered_delivery=OCTET,
    data_coding=OCTET,
    short_message=st.binary(max_size=60),
    tlvs=st.lists(st.tuples(st.sampled_from([0x0424, 0x020C, 0x020E, 0x020F, 0x1400]), st.binary(max_size=9))).map(
        tuple
    ),
)


@settings(max_examples=40, deadline=None)
@given(st.lists(SUBMITS, min_size=1, max_size=20))
def test_whatever_is_submitted_is_answered(submits: list[SubmitSm]) -> None:
    async def conversation() -> None:
        owner = Recorder()
        async with simulated() as centre, connected(owner, centre.port) as client:
            link = await bound_link(owner, client)
            for one in submits:
                link.send(one)
            await owner.until(lambda: len(owner.answers) == len(submits))
            assert {answer.response.command_status for answer in owner.answers} == {0}
        assert owner.reasons == ["we unbound"]

    asyncio.run(conversation())


class Terminal:
    """The other end of the control port."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.reader = reader
        self.writer = writer

    @classmethod
    async def connect(cls, control: Control) -> "Terminal":
        return cls(*await asyncio.open_connection("127.0.0.1", control.port, limit=1 << 20))

    def say(self, what: Any) -> None:
        self.writer.write(json.dumps(what).encode() + b"\n")

    async def hear(self) -> Any:
        async with asyncio.timeout(5.0):
            return json.loads(await self.reader.readline())


async def control_of(centre: Simulator) -> Control:
    control = Control(centre, 0)
    await control.start()
    return control


async def test_a_second_terminal_texts_and_reads() -> None:
    owner = Recorder()
    async with simulated() as centre, connected(owner, centre.port) as client:
        link = await bound_link(owner, client)
        control = await control_of(centre)
        terminal, reader = await Terminal.connect(control), await Terminal.connect(control)
        reader.say({"from": "+" + PHONE})
        terminal.say({"from": PHONE, "to": "4411", "text": "REPAIR KEUKEN"})
        terminal.writer.write(b"\r\n")
        await owner.until(lambda: owner.received_pdus)
        link.send(submit(short_message=b"Wij komen"))
        said = {"from": "4411", "to": PHONE, "text": "Wij komen", "encoding": "gsm7", "parts": 1}
        assert [await terminal.hear(), await reader.hear()] == [said, said]
        terminal.writer.close()
        await terminal.writer.wait_closed()
        link.send(submit(short_message=b"Morgen"))
        assert (await reader.hear())["text"] == "Morgen"
        await control.stop()
        assert await reader.reader.read() == b""
        reader.writer.close()


async def test_the_second_port_says_what_is_wrong(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("smpp.simulator_control.MAX_PHONES", 1)
    owner = Recorder(status=ESME_RX_P_APPN)
    async with simulated() as centre, connected(owner, centre.port) as client:
        await bound_link(owner, client)
        control = await control_of(centre)
        terminal = await Terminal.connect(control)
        terminal.writer.write(b"{nonsense\n")
        assert (await terminal.hear())["error"].startswith("this is not JSON: ")
        for wish, error in (
            ([1], '"from" is the phone\'s number, in digits'),
            ({"from": "jan"}, '"from" is the phone\'s number, in digits'),
            ({"from": PHONE, "to": "4411"}, '"to" and "text" are strings'),
            ({"from": PHONE, "to": "4" * 30, "text": "hoi"}, "destination_addr"),
            ({"from": PHONE, "to": "4411", "text": "x" * 50_000}, "the text takes 327 parts and 255 can be counted"),
            ({"from": PHONE, "to": "4411", "text": "hoi"}, "4411 refused the text with ESME_RX_P_APPN"),
            ({"from": "32", "to": "4411", "text": "hoi"}, "a connection speaks for at most 1 phones"),
        ):
            terminal.say(wish)
            assert error in (await terminal.hear())["error"]
        terminal.writer.write(b"x" * (MAX_LINE_OCTETS + 1))
        assert (await terminal.hear())["error"] == f"a line has at most {MAX_LINE_OCTETS} octets"
        assert await terminal.reader.read() == b""
        terminal.writer.close()
        await control.stop()
        await Control(centre, 0).stop()


async def test_a_terminal_that_left_is_not_answered() -> None:
    async with simulated() as centre:
        control = await control_of(centre)
        terminal = await Terminal.connect(control)
        terminal.say({"from": PHONE, "to": "4411", "text": "hoi"})
        terminal.say("the answer to this says that the line before it was read")
        await terminal.hear()
        await control.stop()
        centre.phone(PHONE).show(Sms("4411", PHONE, "hoi", Encoding.GSM7))
        assert await terminal.reader.read() == b"", "nothing more was said before it ended"
        terminal.writer.close()


def test_ids_are_new_in_each_run_and_clocks_are_given() -> None:
    async def first_id(chance: float) -> str:
        owner = Recorder()
        centre = Simulator(0, (ACCOUNT,), time.monotonic, lambda: chance, today)
        await centre.start()
        async with connected(owner, centre.port) as client:
            link = await bound_link(owner, client)
            link.send(submit())
            await owner.until(lambda: owner.answers)
        await centre.stop()
        answer: Any = owner.answers[0].response
        return str(answer.message_id)

    assert [asyncio.run(first_id(chance)) for chance in (0.0, 0.5)] == ["1", "20000001"]
