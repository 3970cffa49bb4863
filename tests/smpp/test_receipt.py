"""Receipts in the wild beyond the vectors: shapes, states, ids."""
# ruff: noqa: DTZ001 - receipts tell no zone

from datetime import datetime
from typing import NamedTuple

import pytest
from hypothesis import given
from hypothesis import strategies as st

from smpp.receipt import Receipt, State, format_text, id_forms, is_receipt, parse, receipt_of, same_id

ID, STATE, NETWORK, PAYLOAD = 0x001E, 0x0427, 0x0423, 0x0424
USUAL = b"id:7 sub:001 dlvrd:001 submit date:2611220653 done date:2611220654 stat:DELIVRD err:000 text:hoi"


class Message(NamedTuple):
    """As much of a deliver_sm as receipts read."""

    short_message: bytes = b""
    esm_class: int = 0
    tlvs: tuple[tuple[int, bytes], ...] = ()


class DataSm(NamedTuple):
    """Receipts come by data_sm as well (SMPP.md quirk 10)."""

    esm_class: int
    tlvs: tuple[tuple[int, bytes], ...]


@pytest.mark.parametrize(
    ("message", "expected"),
    [
        (Message(USUAL, 0x04), True),
        (Message(USUAL, 0x44), True),
        (Message(USUAL, 0x20), True),
        (Message(b"anything", 0x04), True),
        (Message(USUAL, 0x08), False),
        (Message(USUAL, 0x00), True),
        (Message(USUAL.decode().encode("utf-16-be"), 0x00), True),
        (Message(b"x", 0x00, ((ID, b"7\0"),)), True),
        (Message(b"", 0x00, ((PAYLOAD, USUAL),)), True),
        (DataSm(0x00, ((PAYLOAD, USUAL),)), True),
        (DataSm(0x00, ((PAYLOAD, b"REPAIR KEUKEN"),)), False),
        (Message(b"REPAIR KEUKEN"), False),
        (Message(b"id: 5 is my stat: what now?"), False),
        (Message(b"my order id:5 has stat:DELIVRD err:000"), False),
    ],
)
def test_what_is_a_receipt(message: Message | DataSm, expected: bool) -> None:
    assert is_receipt(message) is expected


def test_a_receipt_in_tlvs_only() -> None:
    found = receipt_of(DataSm(0x04, ((ID, b"4f2A\0"), (STATE, b"\x05"), (NETWORK, b"\x03\x00\x0b"))))
    assert found == Receipt(id="4f2A", stat="UNDELIV", network_error=(3, 11))
    assert (found.state, found.final) == (State.UNDELIVERABLE, True)


def test_a_receipt_of_an_id_and_a_number() -> None:
    found = parse(b"362d9701 2")
    assert (found.id, found.state) == ("362d9701", State.DELIVERED)


def test_the_text_wins_over_tlvs_where_the_connector_says_so() -> None:
    tlvs = ((ID, b"8"), (STATE, b"\x06"))
    assert (parse(USUAL, tlvs).id, parse(USUAL, tlvs).stat) == ("8", "ACCEPTD")
    found = parse(USUAL, tlvs, tlvs_win=False)
    assert (found.id, found.stat) == ("7", "DELIVRD")
    assert parse(b"", tlvs, tlvs_win=False).id == "8"


@pytest.mark.parametrize(
    ("stat", "state", "final"),
    [
        ("DELIVRD", State.DELIVERED, True),
        ("delivered", State.DELIVERED, True),
        ("ACCEPTD", State.ACCEPTED, False),
        ("ENROUTE", State.ENROUTE, False),
        ("UNKNOWN", State.UNKNOWN, False),
        ("EXPIRED", State.EXPIRED, True),
        ("REJECTD", State.REJECTED, True),
        ("BILLED", None, False),
    ],
)
def test_states(stat: str, state: State | None, final: bool) -> None:
    found = parse(b"id:1 stat:" + stat.encode() + b" err:0")
    assert (found.stat, found.state, found.final) == (stat, state, final)
    assert parse(b"id:1").state is None


@pytest.mark.parametrize(
    ("date", "expected"),
    [
        ("2611220653", datetime(2026, 11, 22, 6, 53)),
        ("261122065347", datetime(2026, 11, 22, 6, 53, 47)),
        ("202611220653", datetime(2026, 11, 22, 6, 53)),
        ("20261122065347", datetime(2026, 11, 22, 6, 53, 47)),
        ("0000000000", None),
        ("000000000000", None),
        ("9999999999", None),
        ("26112206", None),
        ("26-11-22", None),
        ("20269922065347", None),
        ("", None),
    ],
)
def test_dates(date: str, expected: datetime | None) -> None:
    assert parse(b"done date:" + date.encode() + b" stat:DELIVRD").done_date == expected


def test_fields_that_cannot_be_read_are_none() -> None:
    found = parse(b"id: 77 sub:abc dlvrd:9999999999 stat:, err:  text:")
    assert found == Receipt(id="77", stat="", text=b"")


def test_a_field_named_again_in_the_text_is_text() -> None:
    assert parse(b"id:1 stat:DELIVRD text:id:2 stat:EXPIRED").text == b"id:2 stat:EXPIRED"
    assert parse(b"id:1 text:see text:below stat:DELIVRD") == Receipt(id="1", text=b"see text:below", stat="DELIVRD")
    assert parse(b"id:1 id:2 stat:DELIVRD").id == "1"


@given(st.binary(max_size=200), st.lists(st.tuples(st.sampled_from([ID, STATE, NETWORK]), st.binary(max_size=6))))
def test_any_octets_give_some_receipt(octets: bytes, tlvs: list[tuple[int, bytes]]) -> None:
    assert isinstance(parse(octets, tuple(tlvs)), Receipt)
    assert isinstance(is_receipt(Message(octets, 0, tuple(tlvs))), bool)


@given(st.binary(max_size=30), st.sampled_from([b"2611220653", b"261122065347", b"202611220653", b"0000000000"]))
def test_the_usual_shape_reads_as_any_other(text: bytes, date: bytes) -> None:
    usual = b"id:0a7 sub:001 dlvrd:000 submit date:%b done date:%b stat:UNDELIV err:1b text:%b" % (date, date, text)
    assert parse(usual) == parse(usual.replace(b" sub:", b"  sub:", 1))


def test_what_is_formatted_reads_the_same() -> None:
    when = datetime(2026, 11, 22, 6, 53, 47)
    made = Receipt("ab1", 1, 1, when, when, "DELIVRD", "000", b"hoi")
    assert parse(format_text(made, seconds=True)) == made
    assert format_text(Receipt(id="ab1", stat="EXPIRED")) == b"id:ab1 stat:EXPIRED"


@pytest.mark.parametrize(
    ("message_id", "forms"),
    [
        ("70BA8A69", ("70ba8a69", "1891273321")),
        ("1891273321", ("1891273321", "70ba8a69", "105514480417")),
        ("0000436949", ("436949", "6aad5", "4417865")),
        ("0", ("0",)),
        ("0E999F21-81ef", ("0e999f21-81ef",)),
        ("0123456789abcdef0123456789abcdef", ("0123456789abcdef0123456789abcdef",)),
        ("", ("",)),
        (" 12\0", ("12", "c", "18")),
    ],
)
def test_forms_of_an_id(message_id: str, forms: tuple[str, ...]) -> None:
    assert id_forms(message_id) == forms


@given(st.integers(1, 2**64 - 1), st.integers(0, 3))
def test_an_id_meets_itself_in_the_other_base(number: int, zeros: int) -> None:
    hexadecimal, decimal = "0" * zeros + f"{number:X}", f"{number:010}"
    assert same_id(hexadecimal, decimal)
    assert same_id(decimal, hexadecimal)
    assert same_id(hexadecimal, hexadecimal.lower())


def test_different_ids_do_not_meet() -> None:
    assert not same_id("0e999f21-81ef", "e999f21-81ef")
    assert not same_id("12", "13")


@pytest.mark.parametrize(
    ("octets", "reference"),
    [
        (b"\x12\x34", 0x1234),
        (b"\x07", 7),
        (bytes(6) + b"\x12\x34", 0x1234),
        (b"\1\0\0", None),
        (b"\xff" * 60_000, None),
    ],
)
def test_a_reference_that_we_cannot_have_given_is_none(octets: bytes, reference: int | None) -> None:
    assert parse(b"", ((0x0204, octets),)).reference == reference
