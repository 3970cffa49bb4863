"""Texts and octets: which encoding a text needs, how many segments it takes, and both ways between the two.

A leaf: it knows the GSM tables and nothing else of SMPP, so the rule language may count segments with it.
Three rules hold. A text is sent in GSM 7-bit if every character is in the default alphabet or its extension, else
in UCS-2 (as UTF-16, so surrogates pass). A cut never separates an escape from its character or a surrogate from its
other half. Octets that are no text in their encoding raise a TextFault, or are read leniently: then each of them shows
as a mark (U+FFFD), and only what names no text at all raises.
"""

import unicodedata
from enum import StrEnum
from functools import lru_cache
from typing import Final, NamedTuple

from smpp.gsm0338 import DEFAULT, ESCAPE, VOID, Alphabet, alphabet, fill_bits, pack, unpack


class Encoding(StrEnum):
    """How a text's octets are to be read. The values are what settings and stored rows hold."""

    GSM7 = "gsm7"
    GSM7_PACKED = "gsm7_packed"
    UCS2 = "ucs2"
    LATIN1 = "latin1"
    ASCII = "ascii"
    UTF8 = "utf8"
    BINARY = "binary"


_GSM7: Final = Encoding.GSM7  # a member of an enumeration takes its time to look up


class TextFault(ValueError):
    """A text that its encoding cannot carry, or octets that are no text in it.

    `kind` is "unencodable" or "undecodable"; `index` is the first bad character or octet.
    """

    def __init__(self, message: str, kind: str, index: int) -> None:
        super().__init__(message)
        self.kind = kind
        self.index = index


class Measure(NamedTuple):
    """What a text costs: `units` are septets (GSM 7-bit), 16-bit units (UCS-2) or octets; `segments` are billed."""

    encoding: Encoding
    units: int
    segments: int


#: Octets of user data in one short message (3GPP TS 23.040 §9.2.3.16), and those of a header with an 8-bit reference.
USER_DATA_OCTETS: Final = 140
CONCAT_HEADER_OCTETS: Final = 6

#: The printable ASCII characters (and line ends) whose GSM code is their own: such a text needs no table.
_SAME: Final = bytes(code for code in range(128) if DEFAULT.to_octets.get(chr(code)) == bytes((code,)))
#: ASCII characters that GSM 7-bit can carry at all.
_GSM_ASCII: Final = bytes(code for code in range(128) if chr(code) in DEFAULT.to_octets)
_GSM_CHARACTERS: Final = frozenset(DEFAULT.to_octets)

_ESCAPE_OCTET: Final = bytes((ESCAPE,))

#: Stands for octets that are no character in their encoding (Unicode: REPLACEMENT CHARACTER).
MARK: Final = "\ufffd"

#: Texts remembered by `measure`: replies repeat. At 2,000 characters each this is 8 MB at the very most.
_REMEMBERED_TEXTS: Final = 2048

_CODECS: Final = {
    Encoding.UCS2: "utf-16-be",
    Encoding.LATIN1: "latin-1",
    Encoding.ASCII: "ascii",
    Encoding.UTF8: "utf-8",
}


def cheapest(text: str) -> Encoding:
    """GSM 7-bit where every character fits, else UCS-2."""
    if text.isascii():
        return Encoding.UCS2 if text.encode().translate(None, _GSM_ASCII) else _GSM7
    return _GSM7 if _GSM_CHARACTERS.issuperset(text) else Encoding.UCS2


def first_unencodable(text: str) -> tuple[int, str] | None:
    """Index and character of the first one that forces UCS-2; None if the text fits GSM 7-bit."""
    for index, character in enumerate(text):
        if character not in _GSM_CHARACTERS:
            return index, character
    return None


@lru_cache(maxsize=_REMEMBERED_TEXTS)
def measure(text: str, encoding: Encoding | None = None) -> Measure:
    """Encoding (the cheapest unless named), units and segments: 160/153 septets, 70/67 units, 140/134 octets.

    Raises TextFault if the named encoding cannot carry the text.
    """
    encoding = encoding or cheapest(text)
    octets = encode(text, Encoding.GSM7 if encoding is Encoding.GSM7_PACKED else encoding)
    units = len(octets) // 2 if encoding is Encoding.UCS2 else len(octets)
    if len(octets) <= octets_in_one(encoding):
        return Measure(encoding, units, 1)
    return Measure(encoding, units, len(cut(octets, encoding, octets_in_one(encoding, CONCAT_HEADER_OCTETS))))


def octets_in_one(encoding: Encoding, header_octets: int = 0) -> int:
    """How many octets one message carries beside a header: for GSM 7-bit (packed or not) counted unpacked."""
    room = USER_DATA_OCTETS - header_octets
    if encoding is Encoding.GSM7 or encoding is Encoding.GSM7_PACKED:
        return (8 * room - fill_bits(header_octets)) // 7
    return room - room % 2 if encoding is Encoding.UCS2 else room


def cut(octets: bytes, encoding: Encoding, limit: int) -> list[bytes]:
    """Pieces of at most `limit` octets that can each be read on their own; GSM 7-bit octets are unpacked ones.

    `limit` must hold the longest character (two for GSM 7-bit, four for UCS-2 and UTF-8), else ValueError.
    """
    pieces, start = [], 0
    while len(octets) - start > limit:
        end = _border(octets, encoding, start + limit)
        if end <= start:
            raise ValueError(f"{limit} octets cannot hold a character of {encoding}")
        pieces.append(octets[start:end])
        start = end
    pieces.append(octets[start:])
    return pieces


def _border(octets: bytes, encoding: Encoding, end: int) -> int:
    """The last place at or before `end` where a cut leaves both sides readable."""
    if encoding is Encoding.GSM7 or encoding is Encoding.GSM7_PACKED:
        return end - 1 if octets[end - 1] == ESCAPE else end
    if encoding is Encoding.UCS2:
        end -= end % 2
        is_high_surrogate = 0xD8 <= octets[end - 2] <= 0xDB
        return end - 2 if is_high_surrogate else end
    if encoding is Encoding.UTF8:
        while octets[end] & 0xC0 == 0x80:
            end -= 1
    return end


def encode(text: str, encoding: Encoding, locking: int = 0, single_shift: int = 0) -> bytes:
    """The octets of a text. Languages (national language identifiers) count for GSM 7-bit only.

    Raises TextFault ("unencodable") with the first character that the encoding lacks.
    """
    if encoding is _GSM7:
        if text.isascii() and not (locking or single_shift):
            octets = text.encode()
            if not octets.translate(None, _SAME):
                return octets
        return _to_septets(text, alphabet(locking, single_shift))
    if encoding is Encoding.GSM7_PACKED:
        return pack(_to_septets(text, alphabet(locking, single_shift)))
    if encoding is Encoding.BINARY:
        raise TextFault("binary messages carry no text", "unencodable", 0)
    try:
        return text.encode(_CODECS[encoding])
    except UnicodeEncodeError as error:
        raise TextFault(
            f"{text[error.start]!r} is not in {encoding} (character {error.start + 1})", "unencodable", error.start
        ) from None


def _to_septets(text: str, table: Alphabet) -> bytes:
    septets = table.encode_basic(text)
    if septets is not None:
        return septets
    to_octets = table.to_octets
    try:
        return b"".join([to_octets[character] for character in text])
    except KeyError:
        index = next(place for place, character in enumerate(text) if character not in to_octets)
        raise TextFault(f"{text[index]!r} is not in GSM 7-bit (character {index + 1})", "unencodable", index) from None


def decode(octets: bytes, data_coding: int, default_charset: Encoding = Encoding.GSM7, lenient: bool = False) -> str:
    """The text of a message's octets (without user data header) by its data_coding (SMPP 3.4 §5.2.19).

    `default_charset` is what data_coding 0 means on this connector (SMPP.md quirk 26). Lenient: what is no character
    shows as a MARK, and GSM 7-bit follows 3GPP TS 23.038 §6.2.1.1: an unknown extension code shows the basic
    character, an escape at the end a space. Raises TextFault ("undecodable") otherwise, and always for binary and
    reserved codings.
    """
    if data_coding == 0 and default_charset is _GSM7 and not octets.translate(None, _SAME):
        return octets.decode("ascii")  # most of what comes in
    encoding = encoding_of(data_coding, default_charset)
    if encoding is None:
        raise TextFault(f"data_coding {data_coding} names no alphabet we know", "undecodable", 0)
    return decode_as(octets, encoding, lenient=lenient)


def decode_as(
    octets: bytes, encoding: Encoding, locking: int = 0, single_shift: int = 0, *, lenient: bool = False
) -> str:
    """The text of octets in a known encoding; see `decode`."""
    if encoding is _GSM7:
        if not (octets.translate(None, _SAME) or locking or single_shift):
            return octets.decode("ascii")
        return _from_septets(octets, alphabet(locking, single_shift), lenient)
    if encoding is Encoding.GSM7_PACKED:
        return _from_septets(unpack(octets), alphabet(locking, single_shift), lenient)
    if encoding is Encoding.BINARY:
        raise TextFault("binary messages carry no text", "undecodable", 0)
    try:
        return octets.decode(_CODECS[encoding], "replace" if lenient else "strict")
    except UnicodeDecodeError as error:
        raise TextFault(
            f"octet 0x{octets[error.start]:02X} at {error.start} is not {encoding}", "undecodable", error.start
        ) from None


def _from_septets(septets: bytes, table: Alphabet, lenient: bool) -> str:
    """Escapes cut the septets into runs that C decodes; what has no meaning is looked at one by one."""
    head, *runs = septets.split(_ESCAPE_OCTET)
    texts = [table.decode_basic(head)]
    for run in runs:
        shifted = table.shifted[run[0]] if run and run[0] < 0x80 else VOID
        texts += [None if shifted == VOID else shifted, table.decode_basic(run[1:])]
    known = [text for text in texts if text is not None]
    return "".join(known) if len(known) == len(texts) else _read_one_by_one(septets, table, lenient)


def _read_one_by_one(septets: bytes, table: Alphabet, lenient: bool) -> str:
    characters: list[str] = []
    basic, place, end = table.basic, 0, len(septets)
    while place < end:
        code = septets[place]
        if code == ESCAPE:
            characters.append(_shifted(septets, place + 1, table, lenient))
            place += 2
            continue
        character = basic[code] if code < 0x80 else VOID
        if character == VOID:
            if not lenient:
                raise TextFault(f"octet 0x{code:02X} at {place} is not GSM 7-bit", "undecodable", place)
            character = MARK
        characters.append(character)
        place += 1
    return "".join(characters)


def _shifted(septets: bytes, place: int, table: Alphabet, lenient: bool) -> str:
    """The character after an escape."""
    code = septets[place] if place < len(septets) else 0x20
    character = table.shifted[code] if code < 0x80 and place < len(septets) else VOID
    if character != VOID:
        return character
    if not lenient:
        raise TextFault(f"the escape at {place - 1} announces no character", "undecodable", place - 1)
    shown = table.basic[code] if code < 0x80 else VOID
    return " " if shown == VOID else shown


#: SMPP 3.4 §5.2.19. 5 and 10–15 (JIS, pictograms, KS C 5601) and the 8-bit Cyrillic and Hebrew ones are left raw.
_CODINGS: Final = {
    1: Encoding.ASCII,
    2: Encoding.BINARY,
    3: Encoding.LATIN1,
    4: Encoding.BINARY,
    8: Encoding.UCS2,
}
_DATA_CODING: Final = {
    Encoding.GSM7: 0,
    Encoding.GSM7_PACKED: 0,
    Encoding.UTF8: 0,
    Encoding.ASCII: 1,
    Encoding.LATIN1: 3,
    Encoding.BINARY: 4,
    Encoding.UCS2: 8,
}
_ALPHABET_BITS: Final = (Encoding.GSM7, Encoding.BINARY, Encoding.UCS2, None)


def encoding_of(data_coding: int, default_charset: Encoding = Encoding.GSM7) -> Encoding | None:
    """The encoding that a data_coding names; None where it is reserved or an alphabet we do not read.

    0 is the message centre's default. From 0x10 on the groups of 3GPP TS 23.038 §4 hold (flash messages come so).
    """
    if data_coding == 0:
        return default_charset
    if data_coding < 0x10:
        return _CODINGS.get(data_coding)
    group = data_coding >> 4
    if group <= 0x3:  # general data coding, not compressed: bits 3–2 name the alphabet
        named = _ALPHABET_BITS[data_coding >> 2 & 3]
        return default_charset if named is Encoding.GSM7 else named
    if group == 0xF:  # message class: bit 2 tells 8-bit data from text
        return Encoding.BINARY if data_coding & 4 else default_charset
    if group in (0xC, 0xD):  # message waiting, default alphabet
        return default_charset
    return Encoding.UCS2 if group == 0xE else None


def data_coding_of(encoding: Encoding, default_charset: Encoding = Encoding.GSM7) -> int:
    """The data_coding that tells a peer this encoding; 0 where it is the connector's default."""
    return 0 if encoding is default_charset else _DATA_CODING[encoding]


#: Characters that word processors put in, and the plain ones that mean the same (Unicode does not decompose these).
_PLAIN: Final = {
    **dict.fromkeys("\u2018\u2019\u201a\u201b\u2032\u00b4`", "'"),
    **dict.fromkeys("\u201c\u201d\u201e\u201f\u2033\u00ab\u00bb", '"'),
    **dict.fromkeys("\u2039", "<"),
    **dict.fromkeys("\u203a", ">"),
    **dict.fromkeys("\u2010\u2011\u2012\u2013\u2014\u2015\u2212\u00ad", "-"),
    **dict.fromkeys("\u2022\u00b7\u25cf\u25aa", "*"),
    **dict.fromkeys("\u00a0\u2002\u2003\u2007\u2008\u2009\u200a\u202f\u3000\t", " "),
    **dict.fromkeys("\u200b\u200c\u200d\u2060\ufeff", ""),
    "\u2026": "...",
    "\u2044": "/",
    "\u00d7": "x",
    "\u00f7": "/",
    "\u2122": "TM",
    "\u00a9": "(c)",
    "\u00ae": "(R)",
    "\u00b0": "o",
    "\u0131": "i",
    "\u0142": "l",
    "\u0141": "L",
    "\u0111": "d",
    "\u0110": "D",
    "\u0153": "oe",
    "\u0152": "OE",
    "\u00f0": "d",
    "\u00d0": "D",
    "\u00fe": "th",
    "\u00de": "Th",
}


def plain_substitute(character: str) -> str | None:
    """The GSM text that would do for a character outside the alphabet; None if there is none (emoji, Cyrillic)."""
    if character in _PLAIN:
        return _PLAIN[character]
    bare = "".join(part for part in unicodedata.normalize("NFKD", character) if not unicodedata.combining(part))
    return bare if bare and bare != character and _GSM_CHARACTERS.issuperset(bare) else None
