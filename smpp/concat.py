"""Long messages in parts: user data headers, SAR parameters and message_payload, both ways.

Reading never loses a message: a header that contradicts itself, a part 0, or part 5 of 3 make the message a single one
with its octets as they came (SMPP.md quirks 22 and 23). Nothing is decoded here: parts are joined as octets first, for
peers cut characters in two. Writing cuts as `smpp.text` allows. Which parts belong together, and how long we wait for
the missing ones, is decided where parts are stored.
"""

from collections.abc import Iterable
from enum import StrEnum
from typing import Final, NamedTuple, Protocol

import msgspec

from smpp.constants import (
    TAG_MESSAGE_PAYLOAD,
    TAG_SAR_MSG_REF_NUM,
    TAG_SAR_SEGMENT_SEQNUM,
    TAG_SAR_TOTAL_SEGMENTS,
)
from smpp.errors import SmppError
from smpp.gsm0338 import fill_bits, pack, unpack
from smpp.text import CONCAT_HEADER_OCTETS, Encoding, TextFault, cut, encode, octets_in_one

#: esm_class bit 6: the message begins with a user data header (SMPP 3.4 §5.2.12).
UDHI: Final = 0x40

#: Information elements (3GPP TS 23.040 §9.2.3.24).
CONCAT_8_BIT: Final = 0x00
PORTS_16_BIT: Final = 0x05
CONCAT_16_BIT: Final = 0x08
SINGLE_SHIFT_LANGUAGE: Final = 0x24
LOCKING_LANGUAGE: Final = 0x25

#: The part count is one octet.
MAX_PARTS: Final = 255


class UdhFault(SmppError):
    """A user data header that cannot be read; `kind` is "truncated_udh" or "bad_concat_ie"."""

    def __init__(self, message: str, kind: str) -> None:
        super().__init__(message)
        self.kind = kind


class Header(NamedTuple):
    """A user data header: its size with the length octet, and its elements in the order of the wire."""

    octets: int
    elements: tuple[tuple[int, bytes], ...]

    def last(self, tag: int) -> bytes | None:
        """The data of an element; of a repeated one the last counts (3GPP TS 23.040 §9.2.3.24)."""
        found = [data for element, data in self.elements if element == tag]
        return found[-1] if found else None

    @property
    def ports(self) -> tuple[int, int] | None:
        """Destination and source port, where the message is meant for an application on the handset."""
        data = self.last(PORTS_16_BIT)
        return (int.from_bytes(data[:2]), int.from_bytes(data[2:4])) if data and len(data) >= 4 else None

    @property
    def languages(self) -> tuple[int, int]:
        """National language identifiers: locking and single shift; 0 is the default."""
        locking, single_shift = self.last(LOCKING_LANGUAGE), self.last(SINGLE_SHIFT_LANGUAGE)
        return (locking or b"\0")[0], (single_shift or b"\0")[0]


class Part(msgspec.Struct, frozen=True, gc=False):
    """Which part of which long message: `index` counts from 1; `bits` is the width of the reference (8 or 16)."""

    reference: int
    total: int
    index: int
    bits: int


class Content(msgspec.Struct, frozen=True, gc=False):
    """What a message carries: its octets without header, and what the header says.

    `part` is None for a single message. The languages are national language identifiers for GSM 7-bit.
    """

    octets: bytes
    part: Part | None = None
    locking: int = 0
    single_shift: int = 0
    ports: tuple[int, int] | None = None


class Segment(msgspec.Struct, frozen=True, gc=False):
    """One PDU's share of a text: short_message, the bits to set in esm_class, and TLVs to add."""

    short_message: bytes
    esm_class: int = 0
    tlvs: tuple[tuple[int, bytes], ...] = ()


class Method(StrEnum):
    """How a long text is carried; the values are what settings hold."""

    UDH_8 = "udh8"
    UDH_16 = "udh16"
    SAR = "sar"
    PAYLOAD = "payload"


class Carrier(Protocol):
    """What we read of a deliver_sm, submit_sm or data_sm (the last has no short_message)."""

    @property
    def esm_class(self) -> int:
        """SMPP 3.4 §5.2.12."""
        ...

    @property
    def tlvs(self) -> tuple[tuple[int, bytes], ...]:
        """Optional parameters in the order of the wire."""
        ...


def take_header(message: bytes) -> tuple[Header, bytes]:
    """The user data header at the start of a message, and the octets behind it.

    Raises UdhFault ("truncated_udh") where the header, or an element in it, is longer than what is there.
    """
    if not message or len(message) <= message[0]:
        raise UdhFault("the user data header is longer than the message", "truncated_udh")
    end, place, elements = message[0] + 1, 1, []
    while place < end:
        size = message[place + 1] if place + 1 < end else end
        if place + 2 + size > end:
            raise UdhFault(f"information element 0x{message[place]:02X} is cut", "truncated_udh")
        elements.append((message[place], message[place + 2 : place + 2 + size]))
        place += 2 + size
    return Header(end, tuple(elements)), message[end:]


def concat_of(found: Header) -> Part | None:
    """The concatenation that a header names; the last such element wins, whichever width. None: a single message.

    Raises UdhFault ("bad_concat_ie") for a wrong length, a total of 0, or an index outside 1 to total.
    """
    part = None
    for tag, data in found.elements:
        if tag not in (CONCAT_8_BIT, CONCAT_16_BIT):
            continue
        width = 1 if tag == CONCAT_8_BIT else 2
        if len(data) != width + 2:
            raise UdhFault(f"concatenation element of {len(data)} octets instead of {width + 2}", "bad_concat_ie")
        part = Part(int.from_bytes(data[:width]), data[width], data[width + 1], 8 * width)
    if part is not None and not 1 <= part.index <= part.total:
        raise UdhFault(f"part {part.index} of {part.total}", "bad_concat_ie")
    return part


def content_of(pdu: Carrier, packed: bool = False) -> Content:
    """What a message carries. `packed`: the connector sends packed septets; they are unpacked here, so that parts can
    be joined and are read as Encoding.GSM7.

    A non-empty short_message goes before message_payload where a peer sends both (SMPP 3.4 §5.3.2.32 forbids it).
    """
    octets: bytes = getattr(pdu, "short_message", b"")
    if not (packed or pdu.esm_class & UDHI or pdu.tlvs):
        return Content(octets)  # nearly every message
    octets = octets or last_tlv(pdu.tlvs, TAG_MESSAGE_PAYLOAD) or b""
    sar = _sar_part(pdu.tlvs)
    if not pdu.esm_class & UDHI:
        return Content(unpack(octets) if packed else octets, sar)
    try:
        found, user_data = take_header(octets)
    except UdhFault:
        return Content(octets, sar)
    if packed:
        user_data = unpack(user_data, fill_bits(found.octets))
    try:
        part = concat_of(found)
    except UdhFault:
        part = None
    locking, single_shift = found.languages
    return Content(user_data, part or sar, locking, single_shift, found.ports)


def part_of(pdu: Carrier) -> Part | None:
    """Which part of which long message a PDU is, by header or SAR parameters; None for a single message."""
    return content_of(pdu).part


def last_tlv(tlvs: tuple[tuple[int, bytes], ...], tag: int) -> bytes | None:
    """The octets of a TLV, of a repeated one the last; None if it is absent."""
    found = None
    for place, octets in tlvs:
        if place == tag:
            found = octets
    return found


def _sar_part(tlvs: tuple[tuple[int, bytes], ...]) -> Part | None:
    """SMPP 3.4 §5.3.2.22 to 24: all three parameters, or the message is a single one. Of a reference that is wider than
    16 bits, the last ones count."""
    reference = last_tlv(tlvs, TAG_SAR_MSG_REF_NUM)
    total = last_tlv(tlvs, TAG_SAR_TOTAL_SEGMENTS)
    index = last_tlv(tlvs, TAG_SAR_SEGMENT_SEQNUM)
    if not (reference and total and index):
        return None
    part = Part(int.from_bytes(reference[-2:]), int.from_bytes(total), int.from_bytes(index), 16)
    return part if 1 <= part.index <= part.total <= MAX_PARTS else None


def join(parts: Iterable[tuple[int, bytes]]) -> bytes:
    """A long message from (index, octets) of its parts, in any order; a part that came twice counts once."""
    return b"".join(octets for _, octets in sorted(dict(parts).items()))


def header(reference: int, total: int, index: int, bits: int = 8) -> bytes:
    """A user data header with one concatenation element; a longer reference than `bits` is cut to its low bits."""
    if bits == 8:
        return bytes((5, CONCAT_8_BIT, 3, reference & 0xFF, total, index))
    return bytes((6, CONCAT_16_BIT, 4, reference >> 8 & 0xFF, reference & 0xFF, total, index))


def part_octets(piece: bytes, encoding: Encoding, header_octets: int = 0) -> bytes:
    """A piece of user data as it goes on the wire behind a header of so many octets."""
    return pack(piece, fill_bits(header_octets)) if encoding is Encoding.GSM7_PACKED else piece


def split(text: str, encoding: Encoding, reference: int, method: Method = Method.UDH_8) -> tuple[Segment, ...]:
    """The segments that carry a text; a text that fits one message is one segment without header.

    With SAR the message centre makes the header, so the same limits hold. Raises TextFault ("unencodable") for a
    character that the encoding lacks, or a text of more than 255 parts.
    """
    octets = encode(text, Encoding.GSM7 if encoding is Encoding.GSM7_PACKED else encoding)
    if len(octets) <= octets_in_one(encoding):
        return (Segment(part_octets(octets, encoding)),)
    if method is Method.PAYLOAD:
        return (Segment(b"", 0, ((TAG_MESSAGE_PAYLOAD, part_octets(octets, encoding)),)),)
    header_octets = CONCAT_HEADER_OCTETS + (method is Method.UDH_16)
    pieces = cut(octets, encoding, octets_in_one(encoding, header_octets))
    total = len(pieces)
    if total > MAX_PARTS:
        raise TextFault(f"the text takes {total} parts and {MAX_PARTS} can be counted", "unencodable", len(text))
    if method is Method.SAR:
        return tuple(
            Segment(part_octets(piece, encoding), 0, _sar_tlvs(reference, total, index))
            for index, piece in enumerate(pieces, 1)
        )
    bits = 16 if method is Method.UDH_16 else 8
    return tuple(
        Segment(header(reference, total, index, bits) + part_octets(piece, encoding, header_octets), UDHI)
        for index, piece in enumerate(pieces, 1)
    )


def _sar_tlvs(reference: int, total: int, index: int) -> tuple[tuple[int, bytes], ...]:
    return (
        (TAG_SAR_MSG_REF_NUM, (reference & 0xFFFF).to_bytes(2)),
        (TAG_SAR_TOTAL_SEGMENTS, bytes((total,))),
        (TAG_SAR_SEGMENT_SEQNUM, bytes((index,))),
    )
