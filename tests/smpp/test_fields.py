"""Each kind of field: the edges of what it reads and writes."""

from __future__ import annotations

import pytest

from smpp.destinations import SmeAddress
from smpp.errors import LocalFault
from smpp.fields import U32, CString, Integer, Listed, Octets, UnreadableError, declared
from smpp.pdu import PDUS, DeliverSm, EnquireLink, SubmitMulti, SubmitSm


def test_declared_fields_are_in_the_order_of_the_wire() -> None:
    names = list(declared(SubmitSm))
    assert names[:3] == ["service_type", "source_addr_ton", "source_addr_npi"]
    assert names[-1] == "short_message"
    assert declared(SubmitSm) == declared(DeliverSm)
    assert declared(EnquireLink) == {}


def test_every_pdu_field_is_declared() -> None:
    header = {"sequence_number", "command_status", "tlvs", "trailing"}
    for kind in PDUS:
        assert set(kind.__struct_fields__) - header == set(declared(kind))


def test_an_integer_reads_its_octets_and_no_more() -> None:
    assert U32.read(b"\0\0\1\0\xff", 0) == (256, 4)
    assert Integer(1).read(b"\7", 0) == (7, 1)
    with pytest.raises(UnreadableError):
        U32.read(b"\0\0\1", 0)
    assert U32.write(0xFFFFFFFF, "error_status_code") == b"\xff" * 4


def test_a_string_gives_every_octet_back() -> None:
    octets = bytes(range(1, 256)) + b"\0"
    text, end = CString(999).read(octets, 0)
    assert end == 256
    assert CString(999).write(text, "x") == octets


def test_a_string_without_its_nul_keeps_what_is_there() -> None:
    with pytest.raises(UnreadableError) as caught:
        CString(9).read(b"abc", 1)
    assert (caught.value.kind, caught.value.kept) == ("missing_nul", "bc")


def test_octets_cut_short_keep_what_is_there() -> None:
    with pytest.raises(UnreadableError) as caught:
        Octets("sm_length", 254).read(b"\5abc", 0)
    assert caught.value.kept == b"abc"


def test_a_list_of_255_entries_is_read() -> None:
    field = declared(SubmitMulti)["dest_addresses"]
    entries, end = field.read(b"\xff" + b"\1\0\0\0" * 255, 0)
    assert entries == (SmeAddress(),) * 255
    assert end == 1 + 4 * 255


def test_entries_without_a_flag_are_written_bare() -> None:
    field = Listed("count", {None: SmeAddress})
    assert field.write((SmeAddress(1, 2, "3"),), "x") == b"\1\1\2" + b"3\0"
    with pytest.raises(LocalFault):
        field.write((3,), "x")
