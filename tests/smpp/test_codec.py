"""Frames to PDUs and back: any octets end in a PDU or a declared fault; the fast way agrees with the careful."""

from __future__ import annotations

from struct import pack
from typing import Any

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from smpp import constants as c
from smpp.codec import decode, encode, encode_body
from smpp.destinations import DistributionList, SmeAddress, UnsuccessSme
from smpp.errors import LocalFault, PeerFault
from smpp.fields import declared
from smpp.pdu import (
    PDUS,
    BindTransceiver,
    BindTransceiverResp,
    DataSm,
    DeliverSm,
    EnquireLink,
    GenericNack,
    Pdu,
    QuerySmResp,
    SubmitMulti,
    SubmitMultiResp,
    SubmitSm,
    SubmitSmResp,
)
from smpp.tlv import read_whole_tlvs, write_tlvs
from tests.support.pdus import pdus


def frame_of(command_id: int, body: bytes = b"", status: int = 0, sequence: int = 7) -> bytes:
    return pack(">IIII", 16 + len(body), command_id, status, sequence) + body


def careful_body(pdu: Pdu) -> bytes:
    """The body by the careful writers alone."""
    return b"".join(field.write(getattr(pdu, name), name) for name, field in declared(type(pdu)).items()) + write_tlvs(
        pdu.tlvs
    )


def careful_fields(frame: bytes, kind: type[Pdu]) -> dict[str, Any]:
    """The fields by the careful readers alone."""
    at = 16
    values: dict[str, Any] = {}
    for name, field in declared(kind).items():
        values[name], at = field.read(frame, at)
    return {**values, "rest": read_whole_tlvs(frame, at)}


@given(pdus)
def test_what_is_sent_is_read_again(pdu: Pdu) -> None:
    frame = encode(pdu)
    assert decode(frame) == pdu
    assert frame[16:] == encode_body(pdu)
    fields = {name: getattr(pdu, name) for name in declared(type(pdu))}
    if None not in fields.values():
        assert frame[16:] == careful_body(pdu)
        assert careful_fields(frame, type(pdu)) == {**fields, "rest": (pdu.tlvs, b"")}


def test_every_class_goes_both_ways_with_its_defaults() -> None:
    for kind in PDUS:
        pdu = kind(sequence_number=5)
        assert decode(encode(pdu)) == pdu


@given(st.binary(max_size=120), st.sampled_from(PDUS), st.sampled_from([0, 8]), st.integers(0, 2**32 - 1))
@example(b"", SubmitSm, 0, 1)
def test_any_body_ends_in_a_pdu_or_a_declared_fault(body: bytes, kind: type[Pdu], status: int, sequence: int) -> None:
    frame = frame_of(kind.command_id, body, status, sequence)
    try:
        pdu = decode(frame)
    except PeerFault as fault:
        assert fault.head == (kind.command_id, sequence)
        assert fault.kind in {"missing_nul", "truncated_body", "truncated_tlv", "undecodable"}
        kept = fault.salvage
        assert kept is None or (type(kept), kept.sequence_number, kept.command_status) == (kind, sequence, status)
        assert not (kind.is_response and kept is None)
    else:
        assert (type(pdu), pdu.sequence_number, pdu.command_status) == (kind, sequence, status)


@given(st.binary(max_size=200))
def test_any_octets_end_in_a_pdu_or_a_declared_fault(octets: bytes) -> None:
    try:
        decode(octets)
    except PeerFault as fault:
        assert fault.kind


@given(pdus, st.integers(0, 400))
def test_a_pdu_cut_anywhere_is_a_declared_fault_or_less_of_a_pdu(pdu: Pdu, at: int) -> None:
    body = encode(pdu)[16:][:at]
    try:
        decode(frame_of(pdu.command_id, body, pdu.command_status))
    except PeerFault as fault:
        assert fault.recoverable


@pytest.mark.parametrize(
    ("frame", "kind", "status", "says"),
    [
        (b"", "incomplete", c.ESME_RINVCMDLEN, "at least 16 octets"),
        (frame_of(c.SUBMIT_SM) + b"\0", "invalid_command_length", c.ESME_RINVCMDLEN, "says 16 octets, there are 17"),
        (frame_of(0x110), "unknown_command_id", c.ESME_RINVCMDID, "0x00000110"),
        (frame_of(c.SUBMIT_SM), "truncated_body", c.ESME_RINVCMDLEN, "submit_sm: service_type: the PDU ends before it"),
        (frame_of(c.SUBMIT_SM, b"\0"), "truncated_body", c.ESME_RINVCMDLEN, "submit_sm: source_addr_ton: the PDU ends"),
        (frame_of(c.SUBMIT_SM, b"abc"), "missing_nul", c.ESME_RINVCMDLEN, "submit_sm: service_type: no NUL ends it"),
        (
            frame_of(c.DELIVER_SM, bytes(16)),
            "truncated_body",
            c.ESME_RINVCMDLEN,
            "deliver_sm: short_message: the PDU ends before sm_length",
        ),
        (
            frame_of(c.DELIVER_SM, bytes(16) + b"\x05abc"),
            "truncated_body",
            c.ESME_RINVMSGLEN,
            "sm_length says 5 octets, 3 follow",
        ),
        (
            frame_of(c.SUBMIT_MULTI, bytes(4) + b"\x01\x07"),
            "undecodable",
            c.ESME_RINVDESTFLAG,
            "dest_addresses: entry 1 has the unknown flag 7",
        ),
    ],
)
def test_a_fault_says_which_field_and_what_to_answer(frame: bytes, kind: str, status: int, says: str) -> None:
    with pytest.raises(PeerFault) as caught:
        decode(frame)
    assert (caught.value.kind, caught.value.status) == (kind, status)
    assert says in str(caught.value)
    assert caught.value.salvage is None


def test_an_error_response_may_be_cut_anywhere() -> None:
    assert decode(frame_of(c.SUBMIT_SM_RESP, b"12", status=8)) == SubmitSmResp(7, 8, message_id="12")
    assert decode(frame_of(c.QUERY_SM_RESP, b"1\0", status=8)) == QuerySmResp(7, 8, message_id="1")


def test_a_good_response_cut_short_is_a_fault_that_keeps_what_is_there() -> None:
    with pytest.raises(PeerFault) as caught:
        decode(frame_of(c.SUBMIT_MULTI_RESP, b"id\0\x01\x01\x01"))
    assert caught.value.salvage == SubmitMultiResp(7, message_id="id")


def test_a_response_without_a_body_is_accepted_whatever_its_status() -> None:
    assert decode(frame_of(c.BIND_TRANSCEIVER_RESP)) == BindTransceiverResp(7)
    assert decode(frame_of(c.BIND_TRANSCEIVER_RESP, b"\0", 0x53)) == BindTransceiverResp(7, 0x53, system_id="")


def test_a_vendor_status_stays_a_number() -> None:
    assert decode(frame_of(c.SUBMIT_SM_RESP, status=0x4FF)).command_status == 0x4FF


def test_strings_longer_than_the_specification_are_read() -> None:
    frame = frame_of(c.BIND_TRANSCEIVER, b"a-system-id-of-25-letters\0a-password\0\0\x34\0\0\0")
    assert decode(frame) == BindTransceiver(7, system_id="a-system-id-of-25-letters", password="a-password")


def test_misplaced_parameters_of_a_pdu_that_has_none_are_kept() -> None:
    frame = frame_of(c.ENQUIRE_LINK, bytes.fromhex("0204000212341403"))
    pdu = decode(frame)
    assert pdu == EnquireLink(7, tlvs=((0x0204, b"\x12\x34"),), trailing=b"\x14\x03")


def test_repeated_and_vendor_parameters_pass_through() -> None:
    tlvs = ((0x1400, b"DLT"), (0x1400, b""), (0x3FFF, b"\0"), (c.TAG_CONGESTION_STATE, b"\x50"))
    pdu = DataSm(destination_addr="4411", tlvs=tlvs)
    assert decode(encode(pdu)) == pdu


def test_submit_multi_lists_both_kinds_of_destination() -> None:
    pdu = SubmitMulti(
        dest_addresses=(SmeAddress(1, 1, "31612345678"), DistributionList("friends")), short_message=b"hi"
    )
    assert decode(encode(pdu)) == pdu
    answer = SubmitMultiResp(message_id="1", unsuccess_smes=(UnsuccessSme(1, 1, "31612345678", 0x0B),))
    assert decode(encode(answer)) == answer


@pytest.mark.parametrize(
    ("pdu", "field", "limit", "says"),
    [
        (SubmitSm(destination_addr="1" * 21), "destination_addr", 20, "takes at most 20 octets, not 21"),
        (SubmitSm(source_addr="a\0b"), "source_addr", 20, "must not hold a NUL"),
        (SubmitSm(source_addr="€"), "source_addr", 20, "takes octets (Latin-1)"),
        (SubmitSm(service_type=None), "service_type", 5, "must be text"),  # type: ignore[arg-type]
        (SubmitSm(short_message=bytes(255)), "short_message", 254, "takes at most 254 octets, not 255"),
        (SubmitSm(short_message="hi"), "short_message", 254, "must be octets"),  # type: ignore[arg-type]
        (SubmitSm(esm_class=256), "esm_class", 255, "from 0 to 255, not 256"),
        (SubmitSm(esm_class=-1), "esm_class", 255, "from 0 to 255"),
        (SubmitSm(data_coding="8"), "data_coding", 255, "from 0 to 255"),  # type: ignore[arg-type]
        (SubmitSm(sequence_number=2**32), "sequence_number", 0xFFFFFFFF, "from 0 to 4294967295"),
        (SubmitSm(command_status=-1), "command_status", 0xFFFFFFFF, "from 0 to 4294967295"),
        (SubmitSm(tlvs=((0x10000, b""),)), "tlvs", 0xFFFF, "tag is from 0 to 65535"),
        (SubmitSm(tlvs=((0x0424, bytes(65536)),)), "tlvs", 65535, "0x0424 takes at most 65535 octets, not 65536"),
        (SubmitSm(trailing=b"x"), "trailing", 0, "cannot be sent"),
        (EnquireLink(trailing=b"x"), "trailing", 0, "cannot be sent"),
        (SubmitMulti(dest_addresses=(SmeAddress(),) * 255), "dest_addresses", 254, "at most 254 entries"),
        (SubmitMulti(dest_addresses=[SmeAddress()]), "dest_addresses", 254, "entries in a tuple"),  # type: ignore[arg-type]
        (SubmitMulti(dest_addresses=(UnsuccessSme(),)), "dest_addresses", None, "cannot hold"),  # type: ignore[arg-type]
        (
            SubmitMulti(dest_addresses=(DistributionList("l" * 21),)),
            "dest_addresses.dl_name",
            20,
            "takes at most 20 octets",
        ),
        (QuerySmResp(message_id="1"), "final_date", None, "final_date is missing"),
        (SubmitSmResp(tlvs=((1, b""),)), "message_id", None, "message_id is missing"),
        (Pdu(), None, None, "not a PDU that can be sent"),
    ],
)
def test_what_must_not_be_sent_is_refused_by_name_and_limit(pdu: Pdu, field: str, limit: int, says: str) -> None:
    with pytest.raises(LocalFault) as caught:
        encode(pdu)
    assert (caught.value.field, caught.value.limit) == (field, limit)
    assert says in str(caught.value)


def test_parameters_of_a_pdu_that_has_none_may_be_sent() -> None:
    pdu = GenericNack(1, 3, tlvs=((0x1400, b"x"),))
    assert encode(pdu) == frame_of(c.GENERIC_NACK, bytes.fromhex("1400000178"), 3, 1)
    assert decode(encode(pdu)) == pdu


def test_a_deliver_sm_of_255_octets_is_read_but_not_sent() -> None:
    pdu = decode(frame_of(c.DELIVER_SM, bytes(16) + b"\xff" + bytes(255)))
    assert isinstance(pdu, DeliverSm)
    with pytest.raises(LocalFault):
        encode(pdu)
