"""Long messages: what is cut is joined again, and what a peer gets wrong is delivered as it came."""

from random import Random
from typing import NamedTuple

import pytest
from hypothesis import given
from hypothesis import strategies as st

from smpp import gsm0338
from smpp.concat import (
    UDHI,
    Content,
    Method,
    Part,
    Segment,
    UdhFault,
    content_of,
    header,
    join,
    part_of,
    split,
    take_header,
)
from smpp.text import Encoding, TextFault, cheapest, data_coding_of, decode

PAYLOAD, SAR_REFERENCE, SAR_TOTAL, SAR_INDEX = 0x0424, 0x020C, 0x020E, 0x020F


class Message(NamedTuple):
    """As much of a deliver_sm as concat reads."""

    short_message: bytes = b""
    esm_class: int = 0
    tlvs: tuple[tuple[int, bytes], ...] = ()


class DataSm(NamedTuple):
    """A data_sm has no short_message."""

    esm_class: int
    tlvs: tuple[tuple[int, bytes], ...]


def messages(segments: tuple[Segment, ...]) -> list[Message]:
    return [Message(segment.short_message, segment.esm_class, segment.tlvs) for segment in segments]


LONG_TEXTS = st.text(st.sampled_from("abc €{[Öя😀"), min_size=100, max_size=700)


@given(LONG_TEXTS, st.sampled_from(list(Method)), st.integers(0, 0xFFFF), st.randoms())
def test_what_is_split_is_joined_again_in_any_order(text: str, method: Method, reference: int, chance: Random) -> None:
    encoding = cheapest(text)
    sent = messages(split(text, encoding, reference, method))
    contents = [content_of(message) for message in sent]
    parts = [(content.part.index if content.part else 1, content.octets) for content in contents]
    assert len({content.part and content.part.reference for content in contents}) == 1
    parts += parts[:1]
    chance.shuffle(parts)
    assert decode(join(parts), data_coding_of(encoding)) == text


@given(st.text(st.sampled_from("abc €{[Ö"), min_size=100, max_size=700), st.sampled_from(list(Method)))
def test_packed_septets_are_unpacked_behind_their_fill_bits(text: str, method: Method) -> None:
    sent = messages(split(text, Encoding.GSM7_PACKED, 7, method))
    assert method is Method.PAYLOAD or all(len(message.short_message) <= 140 for message in sent)
    contents = [content_of(message, packed=True) for message in sent]
    joined = join((content.part.index if content.part else 1, content.octets) for content in contents)
    assert decode(joined, 0) == text


def test_a_text_that_fits_has_no_header() -> None:
    assert split("hoi", Encoding.GSM7, 1, Method.UDH_16) == (Segment(b"hoi"),)
    assert content_of(Message(b"hoi")) == Content(b"hoi")
    assert part_of(Message(b"hoi")) is None


def test_the_parts_of_each_method() -> None:
    text = "x" * 161
    first, second = split(text, Encoding.GSM7, 0x1234, Method.UDH_8)
    assert (first.esm_class, first.short_message[:7]) == (UDHI, b"\x05\x00\x03\x34\x02\x01x")
    assert len(second.short_message) == 6 + 8
    first, second = split(text, Encoding.GSM7, 0x1234, Method.UDH_16)
    assert first.short_message[:8] == b"\x06\x08\x04\x12\x34\x02\x01x"
    assert len(second.short_message) == 7 + 9
    first, second = split(text, Encoding.GSM7, 0x1234, Method.SAR)
    assert second == Segment(b"x" * 8, 0, ((SAR_REFERENCE, b"\x12\x34"), (SAR_TOTAL, b"\x02"), (SAR_INDEX, b"\x02")))
    assert split(text, Encoding.GSM7, 0x1234, Method.PAYLOAD) == (Segment(b"", 0, ((PAYLOAD, b"x" * 161),)),)


def test_more_parts_than_can_be_counted() -> None:
    with pytest.raises(TextFault, match="the text takes 256 parts and 255 can be counted"):
        split("x" * (255 * 153 + 1), Encoding.GSM7, 1)


def test_the_last_concatenation_element_wins() -> None:
    message = Message(bytes.fromhex("0b000324030108049cfa0302") + b"hoi", UDHI)
    assert content_of(message) == Content(b"hoi", Part(0x9CFA, 3, 2, 16))


@pytest.mark.parametrize(
    "head",
    ["0500030703 00", "050003070304", "0500030700 00", "040002fa03", "0608040702 0100"],
    ids=["part 0", "part 4 of 3", "total 0", "too short", "part 0, 16 bit"],
)
def test_a_header_that_contradicts_itself_makes_a_single_message(head: str) -> None:
    assert content_of(Message(bytes.fromhex(head) + b"hoi", UDHI)) == Content(b"hoi")


@pytest.mark.parametrize("octets", ["", "05", "0500030501", "03000305", "0100", "0400030501"])
def test_a_cut_header_leaves_the_octets_as_they_came(octets: str) -> None:
    raw = bytes.fromhex(octets)
    with pytest.raises(UdhFault) as fault:
        take_header(raw)
    assert fault.value.kind == "truncated_udh"
    assert content_of(Message(raw, UDHI)) == Content(raw)


@given(st.binary(max_size=60))
def test_any_octets_are_some_message(octets: bytes) -> None:
    for packed in (False, True):
        assert isinstance(content_of(Message(octets, UDHI, ((SAR_TOTAL, octets[:1]),)), packed).octets, bytes)


def test_ports_and_languages_of_a_header() -> None:
    message = Message(bytes.fromhex("0c 0504 1581 1582 2401 03 2501 01".replace(" ", "")) + b"x", UDHI)
    assert content_of(message) == Content(b"x", None, 1, 3, (0x1581, 0x1582))
    assert content_of(Message(b"\x04\x05\x02\x15\x81x", UDHI)).ports is None


def test_sar_parameters_must_be_whole_and_sensible() -> None:
    def sar(reference: bytes, total: bytes, index: bytes) -> Part | None:
        return part_of(Message(b"x", 0, ((SAR_REFERENCE, reference), (SAR_TOTAL, total), (SAR_INDEX, index))))

    assert sar(b"\xff" * 9 + b"\x12\x34", b"\x02", b"\x01") == Part(0x1234, 2, 1, 16), "16 bits, and no store has more"
    assert sar(b"\x01\x02", b"\x03", b"\x02") == Part(0x0102, 3, 2, 16)
    assert sar(b"\x01\x02", b"\x03", b"\x00") is None
    assert sar(b"\x01\x02", b"\x03", b"\x04") is None
    assert sar(b"\x01\x02", b"", b"\x01") is None
    assert sar(b"\x01\x02", b"\x01\x00", b"\x01") is None


def test_a_payload_counts_only_where_short_message_is_empty() -> None:
    assert content_of(DataSm(0, ((PAYLOAD, b"old"), (PAYLOAD, b"new")))) == Content(b"new")
    assert content_of(Message(b"short", 0, ((PAYLOAD, b"long"),))) == Content(b"short")
    assert content_of(DataSm(UDHI, ((PAYLOAD, header(9, 2, 1) + b"x"),))) == Content(b"x", Part(9, 2, 1, 8))


def test_a_single_packed_message() -> None:
    assert content_of(Message(gsm0338.pack(b"Hello")), packed=True) == Content(b"Hello")
