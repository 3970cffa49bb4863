"""The wire's words become ours and back; reading never fails, whatever a centre sends."""

from typing import Any

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from config.connectors import Addresses
from config.values import TonNpi
from gateway.connectors.mapping import MOST_WORD, Mapping, Origin, decode, plain
from router import receipts
from router.messages import Part
from smpp import concat, text
from smpp import receipt as wire
from smpp.pdu import DataSm, DeliverSm
from smpp.text import Encoding, TextFault
from tests.support.fake_links import JAN, NOW, claim, long_text, settings
from tests.support.pdus import pdus_of

ORIGIN = Origin(id=42, session=7, at=NOW)
PAYLOAD, MESSAGE_ID, MESSAGE_STATE, REFERENCE = 0x0424, 0x001E, 0x0427, 0x0204


def mapping(**changed: Any) -> Mapping:
    return Mapping(settings(**changed), ["4411"])


def deliver(short_message: bytes = b"JA", **changed: Any) -> DeliverSm:
    basic: dict[str, Any] = {"sequence_number": 3, "source_addr": JAN, "destination_addr": "4411"}
    return DeliverSm(short_message=short_message, **{**basic, **changed})


# ------------------------------------------------------------------------------------------------------- coming in


def test_a_text_as_the_router_takes_it() -> None:
    found = mapping().to_inbound(deliver(b"repair  keuken!!"), b"the frame", ORIGIN)
    assert (found.id, found.session, found.sequence, found.received_at) == (42, 7, 3, NOW)
    assert (found.connector, found.sender, found.recipient) == ("carrier", JAN, "4411")
    assert (found.text, found.octets, found.charset) == ("repair  keuken!!", b"repair  keuken!!", "gsm7")
    assert (found.part, found.frame, found.unreadable) == (None, b"the frame", "")


@pytest.mark.parametrize(
    ("octets", "data_coding", "said", "charset"),
    [
        (b"\x1be 5", 0, "€ 5", "gsm7"),
        ("Ω mega".encode("utf-16-be"), 8, "Ω mega", "ucs2"),
        (b"caf\xe9", 3, "café", "latin1"),
        ("👍".encode("utf-16-be"), 8, "👍", "ucs2"),
    ],
)
def test_texts_in_every_encoding(octets: bytes, data_coding: int, said: str, charset: str) -> None:
    found = mapping().to_inbound(deliver(octets, data_coding=data_coding), b"", ORIGIN)
    assert (found.text, found.charset, found.unreadable) == (said, charset, "")
    assert decode(found.octets, found.charset) == said


def test_what_data_coding_0_means_is_the_connectors_setting() -> None:
    assert mapping(charset_in="latin1").to_inbound(deliver(b"caf\xe9"), b"", ORIGIN).text == "café"
    packed = bytes.fromhex("e8329bfd06")
    assert mapping(charset_in="gsm7_packed").to_inbound(deliver(packed), b"", ORIGIN).text == "hello"


def test_a_payload_is_read_where_there_is_no_short_message() -> None:
    pdu = DataSm(source_addr=JAN, destination_addr="4411", tlvs=((PAYLOAD, b"JOIN"),))
    assert mapping().to_inbound(pdu, b"", ORIGIN).text == "JOIN"


def test_a_part_is_kept_as_octets_until_its_others_are_there() -> None:
    header = concat.header(9, 2, 1)
    found = mapping().to_inbound(deliver(header + b"eerste", esm_class=0x40), b"", ORIGIN)
    assert (found.part, found.octets, found.text) == (Part(9, 2, 1), b"eerste", "")
    alone = mapping().to_inbound(deliver(concat.header(9, 1, 1) + b"alleen", esm_class=0x40), b"", ORIGIN)
    assert (alone.part, alone.text) == (None, "alleen")


def test_a_national_alphabet_is_told_by_the_charset() -> None:
    turkish = bytes([3, 0x24, 1, 1]) + text.encode("ş", Encoding.GSM7, 0, 1)
    found = mapping().to_inbound(deliver(turkish, esm_class=0x40), b"", ORIGIN)
    assert (found.text, found.charset) == ("ş", "gsm7/0/1")
    assert decode(found.octets, found.charset) == "ş"


@given(
    st.binary(max_size=200),
    st.sampled_from([*Encoding, "", "latin-1", "of old"]),
    st.integers(0, 255),
    st.integers(0, 255),
)
def test_any_octets_are_some_text_in_any_charset(octets: bytes, name: str, locking: int, single_shift: int) -> None:
    """Parts are read long after they were acknowledged: nothing may fail then."""
    for charset in (name, f"{name}/{locking}/{single_shift}"):
        said = decode(octets, charset)
        assert said.encode("utf-8", "replace") == said.encode(), "no half surrogate pairs, which no database takes"
        assert "\0" not in said, "PostgreSQL takes none"


@pytest.mark.parametrize(
    ("octets", "data_coding", "said"),
    [
        ("STOP 🛑".encode("utf-16-be")[:-2], 8, "STOP \ufffd"),
        ("STOP".encode("utf-16-be") + b"\0", 8, "STOP\ufffd"),
        (b"\xdc\x00" + "STOP".encode("utf-16-be"), 8, "\ufffdSTOP"),
        (b"STOP\xe9", 1, "STOP\ufffd"),
        (b"STOP\xe9", 0, "STOP\ufffd"),
        ("STOP\0".encode("utf-16-be"), 8, "STOP"),
        (b"STOP\0\0", 3, "STOP"),
        (b"naam\0Piet", 3, "naam\ufffdPiet"),
    ],
)
def test_damage_shows_as_marks_and_the_rest_is_read(octets: bytes, data_coding: int, said: str) -> None:
    found = mapping().to_inbound(deliver(octets, data_coding=data_coding), b"", ORIGIN)
    assert (found.text, found.unreadable) == (said, "")


@pytest.mark.parametrize("data_coding", [0x02, 0x04, 0x05, 0x06, 0x0E, 0x14, 0xF5])
def test_what_is_declared_to_be_no_text_may_say_something_all_the_same(data_coding: int) -> None:
    found = mapping().to_inbound(deliver(b"STOP \r\n", data_coding=data_coding), b"the frame", ORIGIN)
    assert (found.text, found.charset, found.frame) == ("STOP", "", b"the frame")
    assert found.unreadable == f"data_coding 0x{data_coding:02X} carries no text that we can read"
    header = concat.header(9, 2, 1)
    piece = mapping().to_inbound(deliver(header + b"STOP", esm_class=0x40, data_coding=data_coding), b"", ORIGIN)
    assert (piece.text, piece.unreadable) == ("", found.unreadable)


@pytest.mark.parametrize("octets", [b"", b"\0", b"ST\0OP", b"STOP\xe9", b"\x06\x05STOP"])
def test_octets_that_are_not_all_printable_say_nothing(octets: bytes) -> None:
    assert mapping().to_inbound(deliver(octets, data_coding=4), b"", ORIGIN).text == ""


@pytest.mark.parametrize("data_coding", [0x02, 0x04, 0x14, 0xF5])
def test_binary_is_kept_and_said_to_be_unreadable(data_coding: int) -> None:
    found = mapping().to_inbound(deliver(b"\x00\x01\xff", data_coding=data_coding), b"the frame", ORIGIN)
    assert found.unreadable == f"data_coding 0x{data_coding:02X} carries no text that we can read"
    assert (found.text, found.frame, found.octets) == ("", b"the frame", b"\x00\x01\xff")


@pytest.mark.parametrize(
    ("address", "ton", "ours"),
    [
        ("31612345678", 1, "31612345678"),
        ("+31612345678", 0, "31612345678"),
        ("+31612345678", 1, "31612345678"),
        ("0031612345678", 1, "31612345678"),
        ("0031612345678", 0, "0031612345678"),
        ("0612345678", 2, "0612345678"),
        ("KPN", 5, "KPN"),
        ("", 0, ""),
    ],
)
def test_addresses_lose_their_plus_and_their_international_prefix(address: str, ton: int, ours: str) -> None:
    assert plain(address, ton) == ours


@given(
    st.binary(max_size=254),
    st.integers(0, 255),
    st.integers(0, 255),
    st.lists(st.tuples(st.sampled_from([PAYLOAD, MESSAGE_ID, MESSAGE_STATE, 0x020C, 0x020E, 0x020F, 0x0423, 0x1400]),
                       st.binary(max_size=40)), max_size=4),
    st.sampled_from(["gsm7", "gsm7_packed", "latin1", "ascii", "utf8"]),
)  # fmt: skip
def test_reading_never_fails(
    octets: bytes, esm_class: int, data_coding: int, tlvs: list[tuple[int, bytes]], charset: str
) -> None:
    pdu = deliver(octets, esm_class=esm_class, data_coding=data_coding, tlvs=tuple(tlvs))
    translation = mapping(charset_in=charset)
    if translation.is_receipt(pdu):
        receipt = translation.to_receipt(pdu, b"f", ORIGIN)
        assert (receipt.id, receipt.frame) == (42, b"f")
        return
    found = translation.to_inbound(pdu, b"f", ORIGIN)
    assert found.frame == b"f"
    if found.part is None and not found.unreadable:
        assert decode(found.octets, found.charset) == found.text


odd = st.lists(
    st.sampled_from([b"\0", b"STOP", b" ", b"9" * 150, b"\xd8\x00", b"\xff\xff\xff\xff", b"stat:", b"\1", b"\2"]),
    max_size=6,
).map(b"".join)
"""Octets with what no store takes, or no index, in most of them."""
OURS = [PAYLOAD, MESSAGE_ID, MESSAGE_STATE, REFERENCE, 0x020C, 0x020E, 0x020F, 0x1400]
odd_pdus = st.builds(
    deliver,
    odd,
    source_addr=odd.map(lambda octets: octets.replace(b"\0", b"").decode("latin-1")),
    esm_class=st.sampled_from([0, 4, 0x40]),
    data_coding=st.sampled_from([0, 1, 3, 8]),
    tlvs=st.lists(st.tuples(st.sampled_from(OURS), odd), max_size=5).map(tuple),
)
odd_receipts = st.builds(lambda *said: deliver(b"id:%b stat:%b err:%b text:%b" % said, esm_class=4), odd, odd, odd, odd)


def stored(value: object) -> None:
    """Asserts that PostgreSQL takes a value, in a column and in an index of its own kind."""
    match value:
        case str():
            assert "\0" not in value
            value.encode()
        case int():
            assert -(1 << 63) <= value < 1 << 63
        case tuple():
            for one in value:
                stored(one)
        case Part():
            assert max(value.reference, value.total, value.index) < 1 << 31
        case _:
            assert value is None or isinstance(value, bytes)


@example(deliver(b"id:%b stat:DELIVRD" % (b"9" * 3_000), esm_class=4, tlvs=((0x1400, b"9" * 3_000),)), "gsm7")
@given(
    st.one_of(odd_pdus, odd_receipts, pdus_of(DeliverSm), pdus_of(DataSm)),
    st.sampled_from(["gsm7", "gsm7_packed", "latin1", "ascii", "utf8"]),
)
def test_what_comes_in_every_store_takes(pdu: DeliverSm | DataSm, charset: str) -> None:
    translation = mapping(charset_in=charset, id_tlv=0x1400)
    text = translation.to_inbound(pdu, b"f", ORIGIN)
    receipt = translation.to_receipt(pdu, b"f", ORIGIN)
    for found in (text, receipt):
        for name in found.__struct_fields__:
            stored(getattr(found, name))
    stored(decode(text.octets, text.charset))
    indexed = (text.sender, text.recipient, text.strong_id, receipt.message_id, *receipt.forms, *receipt.phones)
    assert max(map(len, indexed)) <= MOST_WORD


def test_an_id_that_is_too_long_is_still_the_same_in_answer_and_receipt() -> None:
    id = "7" * 3_000
    (form,) = mapping().message_ids([id], JAN)
    found = mapping().to_receipt(deliver(esm_class=4, tlvs=((MESSAGE_ID, id.encode()),)), b"", ORIGIN)
    assert len(form) == MOST_WORD
    assert form in found.forms


# -------------------------------------------------------------------------------------------------------- receipts

USUAL = b"id:0A12 sub:001 dlvrd:001 submit date:2601051200 done date:2601051201 stat:%s err:%s text:Hallo"


@pytest.mark.parametrize(
    ("stat", "state"),
    [
        (b"DELIVRD", "DELIVRD"),
        (b"UNDELIV", "UNDELIV"),
        (b"EXPIRED", "EXPIRED"),
        (b"REJECTD", "REJECTD"),
        (b"ACCEPTD", "ACCEPTD"),
        (b"ENROUTE", "ENROUTE"),
        (b"delivered", "DELIVRD"),
        (b"BUFFRED", "BUFFRED"),
    ],
)
def test_receipts_in_text(stat: bytes, state: str) -> None:
    pdu = deliver(USUAL % (stat, b"013"), esm_class=4)
    assert mapping().is_receipt(pdu)
    found = mapping().to_receipt(pdu, b"f", ORIGIN)
    assert (found.message_id, found.state, found.error) == ("0A12", state, "013")
    assert found.forms == ("a12", "2578"), "without its zeros, and as the decimal number it may have been"
    assert (found.session, found.sequence, found.frame) == (7, 3, b"f")
    assert found.text.endswith("text:Hallo")


def test_a_receipt_tells_whose_it_is_and_our_reference_where_it_comes_back() -> None:
    pdu = deliver(USUAL % (b"DELIVRD", b"000"), esm_class=4, tlvs=((REFERENCE, b"\x12\x34"),))
    found = mapping().to_receipt(pdu, b"f", ORIGIN)
    assert (found.reference, found.phones) == (0x1234, (JAN, "4411"))
    plain_one = mapping().to_receipt(deliver(USUAL % (b"DELIVRD", b"000"), esm_class=4), b"f", ORIGIN)
    assert plain_one.reference is None


def test_receipts_in_tlvs_by_data_sm_and_without_anything() -> None:
    by_tlvs = DataSm(source_addr=JAN, esm_class=4, tlvs=((MESSAGE_ID, b"77\0"), (MESSAGE_STATE, b"\x05")))
    found = mapping().to_receipt(by_tlvs, b"", ORIGIN)
    assert (found.message_id, found.state) == ("77", "UNDELIV")
    bare = mapping().to_receipt(deliver(b"geen idee", esm_class=4), b"", ORIGIN)
    assert (bare.message_id, bare.forms, bare.state, bare.text) == ("", (), "UNKNOWN", "geen idee")
    wide = deliver((USUAL % (b"DELIVRD", b"000")).decode().encode("utf-16-be"), data_coding=8)
    assert mapping().is_receipt(wide)
    assert mapping().to_receipt(wide, b"", ORIGIN).message_id == "0A12"


# ------------------------------------------------------------------------------------------------------- going out


def test_a_claim_becomes_one_pdu_per_segment() -> None:
    (pdu,) = mapping().to_submits(claim())
    assert (pdu.source_addr, pdu.source_addr_ton, pdu.source_addr_npi) == ("4411", 3, 0)
    assert (pdu.destination_addr, pdu.dest_addr_ton, pdu.dest_addr_npi) == (JAN, 1, 1)
    assert (pdu.short_message, pdu.data_coding, pdu.registered_delivery, pdu.esm_class) == (b"Hallo", 0, 1, 0)
    parts = mapping().to_submits(claim(0x1_2345, long_text(3), 3))
    reference = receipts.reference_of(0x1_2345)
    assert [pdu.short_message[:6] for pdu in parts] == [concat.header(reference & 0xFF, 3, n) for n in (1, 2, 3)]
    assert {pdu.esm_class for pdu in parts} == {0x40}
    assert {pdu.tlvs for pdu in parts} == {((REFERENCE, reference.to_bytes(2)),)}


def test_a_centre_that_refuses_the_reference_is_not_given_one() -> None:
    (pdu,) = mapping(reference=False).to_submits(claim())
    assert pdu.tlvs == ()


def test_texts_of_one_moment_have_references_of_their_own() -> None:
    """They differ in a few low bits: a phone joins parts by the reference's last octet alone."""
    near = [receipts.reference_of((123_456_789 << 22) + (7 << 12) + n) for n in range(64)]
    assert len(set(near)) == 64
    assert len({one & 0xFF for one in near}) > 48


@pytest.mark.parametrize(
    ("number", "plus", "address"),
    [
        ("4411", False, ("4411", 3, 0)),
        ("4411", True, ("4411", 3, 0)),
        ("3197010281234", False, ("3197010281234", 1, 1)),
        ("3197010281234", True, ("+3197010281234", 1, 1)),
        ("Klusser", True, ("Klusser", 5, 0)),
    ],
)
def test_each_kind_of_source_has_its_type(number: str, plus: bool, address: tuple[str, int, int]) -> None:
    translation = mapping(addresses=Addresses(plus=plus))
    for _ in range(2):
        (pdu,) = translation.to_submits(claim(number=number))
        assert (pdu.source_addr, pdu.source_addr_ton, pdu.source_addr_npi) == address
        assert pdu.destination_addr == ("+" if plus else "") + JAN


def test_a_centres_own_types_are_used() -> None:
    own = Addresses(short_code=TonNpi(6, 9), phone=TonNpi(2, 8))
    (pdu,) = mapping(addresses=own).to_submits(claim())
    assert (pdu.source_addr_ton, pdu.source_addr_npi, pdu.dest_addr_ton, pdu.dest_addr_npi) == (6, 9, 2, 8)


@pytest.mark.parametrize(
    ("method", "data_coding"), [("udh8", 0), ("udh16", 0), ("sar", 0), ("payload", 0)]
)  # fmt: skip
def test_long_messages_come_back_whole_by_every_method(method: str, data_coding: int) -> None:
    sent = long_text(3) + "€"
    pdus = mapping(long_messages=method).to_submits(claim(9, sent, 3))
    contents = [concat.content_of(pdu) for pdu in pdus]
    assert {pdu.data_coding for pdu in pdus} == {data_coding}
    parts = [(one.part.index if one.part else 1, one.octets) for one in contents]
    assert text.decode_as(concat.join(parts), Encoding.GSM7) == sent


def test_what_the_centres_alphabet_lacks_goes_out_as_ucs2() -> None:
    (pdu,) = mapping(charset_out="latin1").to_submits(claim(text="5 €"))
    assert (pdu.data_coding, pdu.short_message) == (8, "5 €".encode("utf-16-be"))
    (pdu,) = mapping(charset_out="latin1").to_submits(claim(text="café"))
    assert (pdu.data_coding, pdu.short_message) == (0, b"caf\xe9")
    (pdu,) = mapping().to_submits(claim(text="👍", encoding="ucs2"))
    assert (pdu.data_coding, pdu.short_message) == (8, "👍".encode("utf-16-be"))


def test_characters_that_an_encoding_does_not_carry_are_a_fault() -> None:
    with pytest.raises(TextFault):
        mapping().to_submits(claim(text="Ω€漢", encoding="latin1"))


def test_ids_are_kept_only_where_receipts_are_asked_for() -> None:
    assert mapping().message_ids(["0A12", "", "77"], JAN) == ("a12", "77")
    silent = mapping(receipts=False)
    assert silent.message_ids(["0A12"], JAN) == ()
    assert silent.to_submits(claim())[0].registered_delivery == 0


@pytest.mark.parametrize("state", sorted(wire.State))
def test_the_router_and_the_wire_agree_on_what_is_final(state: wire.State) -> None:
    one = Mapping(settings(), set())
    frame = DeliverSm(esm_class=4, short_message=f"id:7 stat:{state.value} err:000".encode())
    assert (one.to_receipt(frame, b"", Origin(1, 1, NOW)).state in receipts.FINAL) == (state in wire.FINAL)
    assert wire.State.DELIVERED.value == receipts.FINAL_GOOD
