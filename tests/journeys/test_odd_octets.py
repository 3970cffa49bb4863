"""Octets that one database takes and another does not: centres end texts and receipts with NUL, or write receipts in
UCS-2 throughout. What was acknowledged is acted upon, on either store."""

from pathlib import Path
from random import Random

import msgspec

from smpp import constants as c
from smpp.codec import encode
from smpp.pdu import DataSm, DataSmResp, DeliverSm, DeliverSmResp, SubmitSm, SubmitSmResp
from tests.support.pairs import raw_pair
from tests.support.raw_centre import RawLink

RULES = """\
brand "Klusser"
    numbers   4411
    language  nl
    timezone  Europe/Amsterdam

keyword NOG
    reply "Nog een tip."

fallback
    reply "Dat begrijpen we niet."
"""
PAYLOAD, REFERENCE, TOTAL, PLACE = 0x0424, 0x020C, 0x020E, 0x020F
OUR_REFERENCE, ID = 0x0204, 0x1401
LONG = bytes(Random(1).choices(range(1, 256), k=5_000))
"""Octets that cannot be compressed, and none of them NUL."""
Answer = DeliverSmResp | DataSmResp
STOPS: list[list[DeliverSm | DataSm]] = [
    [DeliverSm(data_coding=3, short_message=b"STOP\0")],
    [DeliverSm(data_coding=8, short_message="STOP\0".encode("utf-16-be"))],
    [DeliverSm(data_coding=1, short_message=b"STOP\0\0")],
    [DeliverSm(data_coding=3, tlvs=((PAYLOAD, b"STOP\0\0"),))],
    [DataSm(data_coding=3, tlvs=((PAYLOAD, b"STOP\0"),))],
    [
        DeliverSm(data_coding=3, short_message=piece, tlvs=((REFERENCE, b"\xff" * 9), (TOTAL, b"\x02"), (PLACE, place)))
        for piece, place in ((b"ST", b"\x01"), (b"OP\0", b"\x02"))
    ],
]
USUAL = b"id:%b sub:001 dlvrd:001 submit date:2601051200 done date:2601051201 stat:DELIVRD err:000 text:Nog"
RECEIPTS = {
    "a1": USUAL % b"a1" + b"\0",
    "a2": (USUAL % b"a2").decode().encode("utf-16-be"),
    "a3": USUAL % b"a3" + b" een tip\xe9".decode("latin-1").encode("utf-16-be"),
    "a4": USUAL % b"\0a4\0",
    "a5": (USUAL % b"a5").replace(b"err:000", b"err:0\x000"),
    "a6": (USUAL % b"a6").replace(b"DELIVRD", b"DELIVRD\0"),
}


async def taken(link: RawLink, octets: bytes, sequence: int) -> None:
    """A PDU comes from the centre, and is acknowledged."""
    link.write(octets)
    await link.until(lambda: [one for one in link.pdus if isinstance(one, Answer) and one.sequence_number == sequence])
    (answer,) = [one for one in link.pdus if isinstance(one, Answer) and one.sequence_number == sequence]
    assert answer.command_status == c.ESME_ROK


async def say(link: RawLink, pdu: DeliverSm | DataSm, sender: str, sequence: int) -> None:
    """A text or a receipt comes."""
    filled = msgspec.structs.replace(
        pdu, sequence_number=sequence, source_addr=sender, source_addr_ton=1, destination_addr="4411"
    )
    await taken(link, encode(filled), sequence)


def sent(link: RawLink) -> list[SubmitSm]:
    """What phones were sent."""
    return [pdu for pdu in link.pdus if isinstance(pdu, SubmitSm)]


async def test_a_stop_that_ends_with_nul_is_heard(tmp_path: Path, store_url: str) -> None:
    async with raw_pair(tmp_path, RULES, store_url=store_url) as (one, _, link):
        sequence = 0
        for place, way in enumerate(STOPS):
            for pdu in way:
                sequence += 1
                await say(link, pdu, f"3160000000{place}", sequence)
        await one.until("SELECT reason FROM quarantine", [])
        await one.until("SELECT text, state, fault FROM inbound ORDER BY id", [("STOP", "opted_out", "")] * len(STOPS))
        await one.until("SELECT count(*) FROM ledger_details", [(len(STOPS),)])


async def test_a_receipt_that_holds_nul_moves_its_text(tmp_path: Path, store_url: str) -> None:
    async with raw_pair(tmp_path, RULES, store_url=store_url) as (one, _, link):
        for sequence, (message_id, octets) in enumerate(RECEIPTS.items(), 1):
            phone = f"3160000000{sequence}"
            await say(link, DeliverSm(short_message=b"NOG"), phone, 2 * sequence)
            await link.until(lambda: len(sent(link)) == sequence)  # noqa: B023 - awaited at once
            link.write(encode(SubmitSmResp(sent(link)[-1].sequence_number, message_id=message_id)))
            await say(link, DeliverSm(esm_class=4, short_message=octets), phone, 2 * sequence + 1)
        await one.until("SELECT state FROM outbox", [("delivered",)] * len(RECEIPTS))
        await one.until("SELECT count(*) FROM quarantine", [(0,)])


def with_longer(pdu: DeliverSm, sequence: int) -> bytes:
    """The octets of a PDU in which an address LONG is 5,000 octets long, which we would not write."""
    octets = encode(msgspec.structs.replace(pdu, sequence_number=sequence)).replace(b"LONG\0", LONG + b"\0")
    return len(octets).to_bytes(4) + octets[4:]


async def test_names_longer_than_smpp_has_are_kept(tmp_path: Path, store_url: str) -> None:
    """Strings too long are read, for real centres send them; an index of PostgreSQL takes 2,700 octets of a row."""
    receipt = USUAL % LONG.translate(None, b"\t\n\x0b\x0c\r ,;")
    reads = [
        DeliverSm(source_addr="LONG", destination_addr="4411", short_message=b"NOG"),
        DeliverSm(source_addr="31600000001", destination_addr="LONG", short_message=b"NOG"),
        DeliverSm(source_addr="LONG", destination_addr="LONG", esm_class=4, tlvs=((PAYLOAD, receipt),)),
        DeliverSm(source_addr="31600000002", destination_addr="4411", esm_class=4, short_message=USUAL % b"9",
                  tlvs=((OUR_REFERENCE, LONG), (0x001E, LONG))),
        DeliverSm(source_addr="31600000003", destination_addr="4411", short_message=b"NOG", tlvs=((ID, LONG),)),
    ]  # fmt: skip
    async with raw_pair(tmp_path, RULES, store_url=store_url, id_tlv=ID) as (one, _, link):
        for sequence, pdu in enumerate(reads, 1):
            await taken(link, with_longer(pdu, sequence), sequence)
        await one.until("SELECT count(*) FROM receipts", [(2,)])
        await one.until("SELECT reason FROM quarantine WHERE reason NOT LIKE '%number%'", [])
        await one.until("SELECT count(*) FROM inbound WHERE text = 'NOG'", [(3,)])
