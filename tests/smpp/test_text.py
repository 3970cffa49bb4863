"""Encodings, measures and cuts: what the vectors do not ask, and what must hold for any text."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from smpp import gsm0338, gsm0338_national
from smpp.text import (
    Encoding,
    Measure,
    TextFault,
    cheapest,
    cut,
    data_coding_of,
    decode,
    decode_as,
    encode,
    encoding_of,
    first_unencodable,
    measure,
    octets_in_one,
    plain_substitute,
)

GSM_TEXTS = st.text(st.sampled_from([c for c in gsm0338.DEFAULT_ALPHABET + gsm0338.EXTENSION if c != gsm0338.VOID]))
ANY_TEXTS = st.text(st.characters(exclude_categories=["Cs"]))


@pytest.mark.parametrize("table", [*gsm0338_national.LOCKING_TABLES.values(), gsm0338.DEFAULT_ALPHABET])
def test_a_locking_table_has_128_codes_and_no_character_twice(table: str) -> None:
    characters = table.replace(gsm0338.VOID, "")
    assert len(table) == 128
    assert len(set(characters)) == len(characters)
    assert table[gsm0338.ESCAPE] == gsm0338.VOID


@pytest.mark.parametrize("table", [*gsm0338_national.SINGLE_SHIFT_TABLES.values(), gsm0338.EXTENSION])
def test_a_single_shift_table_has_128_codes_and_the_euro(table: str) -> None:
    assert len(table) == 128
    assert table[0x65] == "€"
    assert table[gsm0338.ESCAPE] == gsm0338.VOID


@given(st.integers(0, 15), st.integers(0, 15), st.data())
def test_every_pair_of_languages_reads_what_it_writes(locking: int, single_shift: int, data: st.DataObject) -> None:
    known = sorted(gsm0338.alphabet(locking, single_shift).to_octets)
    text = data.draw(st.text(st.sampled_from(known)))
    octets = encode(text, Encoding.GSM7, locking, single_shift)
    assert decode_as(octets, Encoding.GSM7, locking, single_shift) == text


@pytest.mark.parametrize(
    ("text", "encoding"),
    [
        ("", Encoding.GSM7),
        ("Hello @ 5 [ok]", Encoding.GSM7),
        ("Grüße, Ça va", Encoding.GSM7),
        ("€5", Encoding.GSM7),
        ("it`s", Encoding.UCS2),
        ("it’s", Encoding.UCS2),
        ("tab\there", Encoding.UCS2),
        ("hoi 😀", Encoding.UCS2),
    ],
)
def test_the_cheapest_encoding(text: str, encoding: Encoding) -> None:
    assert cheapest(text) is encoding


@given(ANY_TEXTS)
def test_a_text_is_gsm_exactly_when_no_character_forbids_it(text: str) -> None:
    assert (cheapest(text) is Encoding.GSM7) == (first_unencodable(text) is None)
    assert decode(encode(text, cheapest(text)), data_coding_of(cheapest(text))) == text


def test_the_first_character_that_forces_ucs2() -> None:
    assert first_unencodable("Kom naar de zaak, ’t is feest ’s avonds") == (18, "’")
    assert first_unencodable("Kom") is None


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("a" * 160, Measure(Encoding.GSM7, 160, 1)),
        ("a" * 161, Measure(Encoding.GSM7, 161, 2)),
        ("a" * 306, Measure(Encoding.GSM7, 306, 2)),
        ("a" * 307, Measure(Encoding.GSM7, 307, 3)),
        ("€" * 80, Measure(Encoding.GSM7, 160, 1)),
        # An escape would stand alone at place 153: each segment takes 76 pairs.
        ("€" * 153, Measure(Encoding.GSM7, 306, 3)),
        ("я" * 70, Measure(Encoding.UCS2, 70, 1)),
        ("я" * 71, Measure(Encoding.UCS2, 71, 2)),
        ("😀" * 35, Measure(Encoding.UCS2, 70, 1)),
        ("😀" * 67, Measure(Encoding.UCS2, 134, 3)),
    ],
)
def test_segments(text: str, expected: Measure) -> None:
    assert measure(text) == expected


def test_segments_in_a_named_encoding() -> None:
    assert measure("é" * 141, Encoding.LATIN1) == Measure(Encoding.LATIN1, 141, 2)
    assert measure("a" * 160, Encoding.GSM7_PACKED) == Measure(Encoding.GSM7_PACKED, 160, 1)
    with pytest.raises(TextFault, match="'я' is not in latin1"):
        measure("я", Encoding.LATIN1)


@pytest.mark.parametrize(
    ("header", "encoding", "octets"),
    [
        (0, Encoding.GSM7, 160),
        (6, Encoding.GSM7, 153),
        (7, Encoding.GSM7_PACKED, 152),
        (6, Encoding.UCS2, 134),
        (7, Encoding.UCS2, 132),
        (7, Encoding.BINARY, 133),
    ],
)
def test_room_beside_a_header(header: int, encoding: Encoding, octets: int) -> None:
    assert octets_in_one(encoding, header) == octets


@given(
    st.one_of(
        st.tuples(GSM_TEXTS, st.just(Encoding.GSM7)),
        st.tuples(ANY_TEXTS, st.sampled_from([Encoding.UCS2, Encoding.UTF8])),
    ),
    st.integers(4, 20),
)
def test_every_piece_can_be_read_alone(case: tuple[str, Encoding], limit: int) -> None:
    text, encoding = case
    pieces = cut(encode(text, encoding), encoding, limit)
    assert "".join(decode_as(piece, encoding) for piece in pieces) == text
    assert all(len(piece) <= limit for piece in pieces)


def test_a_limit_below_one_character_is_refused() -> None:
    with pytest.raises(ValueError, match="1 octets cannot hold a character of gsm7"):
        cut(b"\x1be\x1be", Encoding.GSM7, 1)


@given(GSM_TEXTS, st.integers(0, 6))
def test_packing_is_undone_by_unpacking(text: str, fill: int) -> None:
    septets = encode(text, Encoding.GSM7)
    # A carriage return at the very end may come back doubled: the standard says it fills, and that this is harmless.
    assert gsm0338.unpack(gsm0338.pack(septets, fill), fill).rstrip(b"\r") == septets.rstrip(b"\r")
    assert decode_as(gsm0338.pack(septets), Encoding.GSM7_PACKED).rstrip("\r") == text.rstrip("\r")
    assert encode(text, Encoding.GSM7_PACKED) == gsm0338.pack(septets)


@pytest.mark.parametrize(("header_octets", "bits"), [(0, 0), (6, 1), (7, 0), (1, 6)])
def test_fill_bits_reach_the_next_septet(header_octets: int, bits: int) -> None:
    assert gsm0338.fill_bits(header_octets) == bits
    assert (8 * header_octets + bits) % 7 == 0


@pytest.mark.parametrize(
    ("octets", "encoding", "sentence"),
    [
        (b"ab\x80", Encoding.GSM7, "octet 0x80 at 2 is not GSM 7-bit"),
        (b"ab\x1b", Encoding.GSM7, "the escape at 2 announces no character"),
        (b"\x1b\x90", Encoding.GSM7, "the escape at 0 announces no character"),
        (b"a\xe9", Encoding.ASCII, "octet 0xE9 at 1 is not ascii"),
        (b"\x04\x1f\x04", Encoding.UCS2, "octet 0x04 at 2 is not ucs2"),
        (b"\xd8\x3d", Encoding.UCS2, "octet 0xD8 at 0 is not ucs2"),
        (b"\x01\x02", Encoding.BINARY, "binary messages carry no text"),
    ],
)
def test_octets_that_are_no_text(octets: bytes, encoding: Encoding, sentence: str) -> None:
    with pytest.raises(TextFault) as fault:
        decode_as(octets, encoding)
    assert str(fault.value) == sentence
    assert fault.value.kind == "undecodable"


def test_lenient_reading_shows_what_a_handset_would() -> None:
    assert decode(b"a\x1b\x41b\x1b", 0, lenient=True) == "aAb "
    assert decode(b"\x1b\x1b\x90\x1b\x90", 0, lenient=True) == " \ufffd "
    assert decode(b"\x1be\x80", 0, lenient=True) == "€\ufffd"


def test_characters_that_an_encoding_lacks_are_named() -> None:
    with pytest.raises(TextFault, match="'ê' is not in GSM 7-bit") as fault:
        encode("crêpe", Encoding.GSM7)
    assert (fault.value.kind, fault.value.index) == ("unencodable", 2)
    with pytest.raises(TextFault, match="binary messages carry no text"):
        encode("x", Encoding.BINARY)


@pytest.mark.parametrize(
    ("data_coding", "encoding"),
    [
        (0, Encoding.LATIN1),
        (1, Encoding.ASCII),
        (2, Encoding.BINARY),
        (3, Encoding.LATIN1),
        (4, Encoding.BINARY),
        (5, None),
        (8, Encoding.UCS2),
        (0x10, Encoding.LATIN1),
        (0x14, Encoding.BINARY),
        (0x18, Encoding.UCS2),
        (0x1C, None),
        (0x40, None),
        (0xC8, Encoding.LATIN1),
        (0xD0, Encoding.LATIN1),
        (0xE0, Encoding.UCS2),
        (0xF1, Encoding.LATIN1),
        (0xF5, Encoding.BINARY),
    ],
)
def test_what_a_data_coding_names(data_coding: int, encoding: Encoding | None) -> None:
    assert encoding_of(data_coding, Encoding.LATIN1) is encoding


def test_a_coding_we_do_not_read_is_a_fault() -> None:
    with pytest.raises(TextFault, match="data_coding 5 names no alphabet we know"):
        decode(b"abc", 5)


def test_the_data_coding_to_send() -> None:
    assert data_coding_of(Encoding.GSM7) == 0
    assert data_coding_of(Encoding.LATIN1) == 3
    assert data_coding_of(Encoding.LATIN1, Encoding.LATIN1) == 0
    assert data_coding_of(Encoding.UCS2) == 8


@pytest.mark.parametrize(
    ("character", "plain"),
    [("’", "'"), ("“", '"'), ("–", "-"), ("…", "..."), ("ê", "e"), ("ł", "l"), ("ﬁ", "fi"), ("😀", None), ("я", None)],
)
def test_the_plain_character_that_would_do(character: str, plain: str | None) -> None:
    assert plain_substitute(character) == plain
    assert plain is None or cheapest(plain) is Encoding.GSM7
