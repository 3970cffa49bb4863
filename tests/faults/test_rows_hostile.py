"""Rows 57 and 58: octets that no centre should send. What can be answered is, what cannot ends the link, no more."""

import os
import random
from contextlib import suppress
from functools import partial
from pathlib import Path

import pytest

from smpp import constants as c
from smpp.codec import encode
from smpp.errors import PeerFault
from smpp.framing import MAX_PDU_OCTETS, Framer
from smpp.pdu import BindTransceiver, DeliverSm, DeliverSmResp, SubmitSm, SubmitSmResp
from tests.fuzz.test_pdu_fuzz import stream
from tests.support.pairs import raw_pair
from tests.support.raw_centre import RawCentre, RawLink, frame
from tests.support.station import Station

JAN = "31612345678"
TEXT = 1_000_000
"""The sequence_number of the text that shows that a link still serves."""
NACK_BUDGET = 100
"""Faults that a link is forgiven (smpp.timers.Limits)."""
STREAMS = int(os.environ.get("KWEK_GARBAGE", "20"))

REQUESTS = {
    "unknown command": (frame(0x000000FF, b"\x01\x02", sequence=9), (c.GENERIC_NACK, c.ESME_RINVCMDID)),
    "no body": (frame(c.DELIVER_SM, sequence=9), (c.DELIVER_SM_RESP, c.ESME_RINVCMDLEN)),
    "cut text": (frame(c.DELIVER_SM, encode(DeliverSm(9, short_message=b"ZEG"))[16:-1], sequence=9),
                 (c.DELIVER_SM_RESP, c.ESME_RINVMSGLEN)),
    "a bind from the centre": (encode(BindTransceiver(9, system_id="you")),
                               (c.BIND_TRANSCEIVER_RESP, c.ESME_RALYBND)),
    "a submit from the centre": (encode(SubmitSm(9, short_message=b"JA")),
                                 (c.SUBMIT_SM_RESP, c.ESME_RINVBNDSTS)),
}  # fmt: skip

RESPONSES = {
    "nobody asked": encode(SubmitSmResp(0x7FFF0000, message_id="1")),
    "twice": encode(SubmitSmResp(0x7FFF0000, message_id="1")) * 2,
    "of another kind": encode(DeliverSmResp(2)),
    "without the NUL": frame(c.SUBMIT_SM_RESP, b"1" * 70, sequence=0x7FFF0000),
    "an odd status": frame(c.SUBMIT_SM_RESP, status=0xFFFFFFFF, sequence=0x7FFF0000),
    "too long": frame(c.SUBMIT_SM_RESP, b"1" * 70 + b"\0" + b"\xff" * 3, sequence=0x7FFF0000),
    "of an unknown command": frame(0x800000FF, b"\x01", sequence=0x7FFF0000),
    "a nack of nothing": frame(c.GENERIC_NACK, status=3, sequence=0),
    "a nack with a body": frame(c.GENERIC_NACK, b"\x01\x02\x03", status=3, sequence=0),
}


async def serves(link: RawLink, sequence: int = TEXT) -> None:
    """A text over this link is taken and acknowledged."""
    link.text(JAN, f"STEM {sequence}", sequence)
    await link.until(lambda: link.answered().get(sequence) == c.ESME_ROK)
    assert not link.ended


@pytest.mark.parametrize("fault", REQUESTS)
async def test_row_57_a_request_that_cannot_be_taken_is_refused_by_its_class(tmp_path: Path, fault: str) -> None:
    octets, wanted = REQUESTS[fault]
    async with raw_pair(tmp_path) as (one, _, link):
        link.write(octets)
        await link.until(lambda: [pdu for pdu in link.pdus if pdu.sequence_number == 9])
        (answer,) = [pdu for pdu in link.pdus if pdu.sequence_number == 9]
        assert (answer.command_id, answer.command_status) == wanted
        await serves(link)
        await one.until("SELECT count(*) FROM quarantine", [(1,)])
        assert bytes(one.rows("SELECT frame FROM quarantine")[0][0]) == octets, "it is kept as it came"


@pytest.mark.parametrize("fault", RESPONSES)
async def test_row_57_one_bad_response_never_drops_the_link(tmp_path: Path, fault: str) -> None:
    """Jasmin #1124: one odd response closed the link, and all that waited for answers on it was sent again."""
    async with raw_pair(tmp_path) as (one, _, link):
        link.text(JAN, "ZEG een", 1)
        await link.until(lambda: [pdu for pdu in link.pdus if isinstance(pdu, SubmitSm)])
        (submit,) = [pdu for pdu in link.pdus if isinstance(pdu, SubmitSm)]
        link.write(RESPONSES[fault])
        await serves(link)
        link.write(encode(SubmitSmResp(submit.sequence_number, message_id="1")) * 2)
        await one.until("SELECT state FROM outbox", [("sent",)])
        await serves(link, TEXT + 1)
        assert len([pdu for pdu in link.pdus if isinstance(pdu, SubmitSm)]) == 1, "nothing was sent again"


async def test_row_57_a_response_that_cannot_be_read_to_a_text_under_way_leaves_its_outcome_unknown(
    tmp_path: Path,
) -> None:
    async with raw_pair(tmp_path) as (one, _, link):
        link.text(JAN, "ZEG een", 1)
        await link.until(lambda: [pdu for pdu in link.pdus if isinstance(pdu, SubmitSm)])
        (submit,) = [pdu for pdu in link.pdus if isinstance(pdu, SubmitSm)]
        link.write(frame(c.DELIVER_SM_RESP, b"\0", sequence=submit.sequence_number))
        await serves(link)
        assert one.rows("SELECT state FROM outbox") == [("claimed",)], "it may yet be answered"


async def test_row_57_too_much_of_it_ends_the_link_and_the_next_one_serves(tmp_path: Path) -> None:
    async with raw_pair(tmp_path) as (_, centre, link):
        link.write(b"".join(frame(0x000000FF, sequence=number) for number in range(1, NACK_BUDGET + 2)))
        await link.until(lambda: link.ended)
        assert [pdu.command_id for pdu in link.pdus][-1] == c.UNBIND, "it says goodbye"
        await serves(await centre.link())


async def test_row_57_noise_by_seed_never_stops_the_gateway(tmp_path: Path) -> None:
    """Streams of damaged PDUs: whatever becomes of the link, it or the next one serves."""
    chance = random.Random(int(os.environ.get("SEED", "57")))
    async with raw_pair(tmp_path) as (one, centre, link):
        for number in range(STREAMS):
            octets = stream(chance)
            link.write(octets)
            if swallows_what_follows(octets):  # nobody wants to wait for enquire_link to find that out
                link.write(bytes(MAX_PDU_OCTETS))
            link = await still_served(one, centre, link, TEXT + number)
        assert one.exit_code is None


def swallows_what_follows(octets: bytes) -> bool:
    """Whether the last command_length is a lie that promises more than there is."""
    framer = Framer()
    with suppress(PeerFault):
        framer.feed(octets)
    return framer.left_over > 0


async def still_served(one: Station, centre: RawCentre, link: RawLink, sequence: int) -> RawLink:
    """The link over which a text is acknowledged: this one, or one that comes after it."""
    while True:
        link.text(JAN, f"STEM {sequence}", sequence)
        await link.until(partial(_ended_or_answered, link, sequence))
        if not link.ended:
            return link
        assert one.exit_code is None
        link = await centre.link()


def _ended_or_answered(link: RawLink, sequence: int) -> bool:
    return link.ended or link.answered().get(sequence) == c.ESME_ROK


@pytest.mark.parametrize("length", [0, 15, 70_001, 0x7FFFFFFF, 0x80000000, 0xFFFFFFFF])
async def test_row_58_a_length_that_cannot_be_true_is_refused_before_anything_is_gathered(
    tmp_path: Path, length: int
) -> None:
    async with raw_pair(tmp_path) as (_, centre, link):
        link.text(JAN, "STEM 1", 1)
        link.write(length.to_bytes(4))  # and not an octet more: what would come is not waited for
        await link.until(lambda: link.ended)
        nack = next(pdu for pdu in link.pdus if pdu.command_id == c.GENERIC_NACK)
        assert (nack.command_status, nack.sequence_number) == (c.ESME_RINVCMDLEN, 0)
        await serves(await centre.link())
