"""Optional parameters (SMPP 3.4 §3.2.4): tag, length, octets.

They are an ordered tuple of (tag, octets). Unknown, repeated, misplaced and vendors' parameters pass through unchanged,
and SMPP 5.0's come from 3.4 peers as well; what a value means is said by those who use it (`first`, `number`).
"""

from __future__ import annotations

from struct import Struct
from typing import TYPE_CHECKING, Final

from smpp.errors import LocalFault

if TYPE_CHECKING:  # pragma: no cover
    from smpp.pdu import Tlvs

_HEAD: Final = Struct(">HH")
_read_head: Final = _HEAD.unpack_from
_write_head: Final = _HEAD.pack

MAX_OCTETS: Final = 0xFFFF  # of one value: its length is two octets


def read_tlvs(octets: bytes, at: int, end: int) -> Tlvs:
    """The parameters from `at` to `end`; raises ValueError or struct.error when they do not end there exactly."""
    found = []
    while at != end:
        tag, length = _read_head(octets, at)
        at += 4
        behind = at + length
        if behind > end:
            raise ValueError("the last optional parameter is cut short")
        found.append((tag, octets[at:behind]))
        at = behind
    return tuple(found)


def read_whole_tlvs(octets: bytes, at: int) -> tuple[Tlvs, bytes]:
    """The parameters that are whole, and the octets behind the last of them."""
    found = []
    end = len(octets)
    while end - at >= _HEAD.size:
        tag, length = _read_head(octets, at)
        behind = at + _HEAD.size + length
        if behind > end:
            break
        found.append((tag, octets[at + _HEAD.size : behind]))
        at = behind
    return tuple(found), octets[at:]


def write_tlvs(tlvs: Tlvs) -> bytes:
    """The octets of the parameters; raises LocalFault for a tag above 0xFFFF or a value above 65,535 octets."""
    written = []
    for tag, octets in tlvs:
        if not 0 <= tag <= 0xFFFF:
            raise LocalFault(f"a TLV's tag is from 0 to 65535, not {tag}", field="tlvs", limit=0xFFFF)
        if len(octets) > MAX_OCTETS:
            message = f"TLV {tag:#06x} takes at most {MAX_OCTETS} octets, not {len(octets)}"
            raise LocalFault(message, field="tlvs", limit=MAX_OCTETS)
        written.append(_write_head(tag, len(octets)) + octets)
    return b"".join(written)


def first(tlvs: Tlvs, tag: int) -> bytes | None:
    """The octets of the first parameter with that tag, or None."""
    for found, octets in tlvs:
        if found == tag:
            return octets
    return None


def number(tlvs: Tlvs, tag: int) -> int | None:
    """The first parameter with that tag as an unsigned number of any width, or None (also for one of no octets)."""
    octets = first(tlvs, tag)
    return int.from_bytes(octets, "big") if octets else None
