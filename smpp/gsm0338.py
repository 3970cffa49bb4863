"""The GSM 7-bit alphabets of 3GPP TS 23.038 (GSM 03.38): which code means which character, and how septets are packed.

This file alone decides which characters a language's tables hold. Texts travel as one septet per octet
("unpacked", what nearly every message centre wants, SMPP.md quirk 24) or packed, eight septets in seven octets.
An escape (0x1B) announces one character of the extension table, or of a national single shift table in its place.
"""

import codecs
from functools import lru_cache
from typing import Any, Final, NamedTuple

from smpp.gsm0338_national import LOCKING_TABLES, SINGLE_SHIFT_TABLES

ESCAPE: Final = 0x1B

#: Marks a code without a character in the tables; it is in no GSM alphabet itself.
VOID: Final = "·"

#: §6.2.1, sixteen codes to a line; 0x1B is the escape.
DEFAULT_ALPHABET: Final = (
    "@£$¥èéùìòÇ\nØø\rÅå"
    "\u0394_\u03a6\u0393\u039b\u03a9\u03a0\u03a8\u03a3\u0398\u039e·ÆæßÉ"
    " !\"#¤%&'()*+,-./"
    "0123456789:;<=>?"
    "¡ABCDEFGHIJKLMNO"
    "PQRSTUVWXYZÄÖÑÜ§"
    "¿abcdefghijklmno"
    "pqrstuvwxyzäöñüà"
)

#: §6.2.1.1: what follows the escape when no national single shift table is in force.
EXTENSION: Final = (
    "··········\f·····"
    "····^···········"
    "········{}·····\\"
    "············[~]·"
    "|···············"
    "················"
    "·····\u20ac··········"
    "················"
)


class Alphabet(NamedTuple):
    """One locking and one single shift table together.

    `to_octets` maps a character to its unpacked septets, one or two. `basic` and `shifted` are the tables by code, with
    VOID where there is no character. The maps are what the C codecs want of `basic`.
    """

    to_octets: dict[str, bytes]
    basic: str
    shifted: str
    encoding_map: Any  # of a type that codecs does not name
    decoding_map: str

    def encode_basic(self, text: str) -> bytes | None:
        """The septets of a text that needs no escape, at the speed of C; None if it does, or cannot be carried."""
        try:
            return codecs.charmap_encode(text, "strict", self.encoding_map)[0]
        except UnicodeEncodeError:
            return None

    def decode_basic(self, septets: bytes) -> str | None:
        """The text of septets without an escape, at the speed of C; None if there is one, or a code without meaning."""
        try:
            return codecs.charmap_decode(septets, "strict", self.decoding_map)[0]
        except UnicodeDecodeError:
            return None


#: What the C codecs take for "no character".
_UNDEFINED: Final = "\ufffe"


@lru_cache(maxsize=256)  # 14 languages squared, and a little for wrong ones
def alphabet(locking: int = 0, single_shift: int = 0) -> Alphabet:
    """The alphabet of two national language identifiers (3GPP TS 23.038 §6.2.1.2.4); 0 is the default.

    An identifier without a table (2 has no locking table, 14 and above are reserved) means the default one.
    A character in both tables takes the basic one, because it costs one septet.
    """
    basic = LOCKING_TABLES.get(locking, DEFAULT_ALPHABET)
    shifted = SINGLE_SHIFT_TABLES.get(single_shift, EXTENSION)
    to_octets: dict[str, bytes] = {}
    for code, character in enumerate(shifted):
        # The lower code wins where a table holds a character twice (the inverted exclamation mark of A.2.4 on).
        if character != VOID:
            to_octets.setdefault(character, bytes((ESCAPE, code)))
    for code, character in reversed(list(enumerate(basic))):
        if character != VOID:
            to_octets[character] = bytes((code,))
    decoding_map = basic.replace(VOID, _UNDEFINED).ljust(256, _UNDEFINED)
    return Alphabet(to_octets, basic, shifted, codecs.charmap_build(decoding_map), decoding_map)


DEFAULT: Final = alphabet()

_BITS: Final = tuple(f"{septet:07b}" for septet in range(128))


def pack(septets: bytes, fill: int = 0) -> bytes:
    """Eight septets into seven octets, after `fill` bits of zero that a user data header leaves (0–6).

    Seven spare bits at the end would read as `@`, so they carry a carriage return, and a text that ends in a
    carriage return on an octet's border gets a second one (3GPP TS 23.038 §6.1.2.3.1).
    """
    spare = -(fill + 7 * len(septets)) % 8
    if spare == 7 or (spare == 0 and septets[-1:] == b"\r"):
        septets += b"\r"
    bits = "".join(map(_BITS.__getitem__, reversed(septets))) + "0" * fill
    return int(bits or "0", 2).to_bytes(-(-len(bits) // 8), "little")


def unpack(octets: bytes, fill: int = 0) -> bytes:
    """The septets of `pack`, one to an octet; a carriage return that only fills the last octet is taken off."""
    count = (8 * len(octets) - fill) // 7
    value = int.from_bytes(octets, "little") >> fill
    septets = bytes(value >> 7 * place & 0x7F for place in range(count))
    ends_on_border = (fill + 7 * count) % 8 == 0
    return septets[:-1] if ends_on_border and septets[-1:] == b"\r" else septets


def fill_bits(header_octets: int) -> int:
    """How many bits follow a user data header of so many octets (its length octet counted) to a septet's border."""
    return -(8 * header_octets) % 7
