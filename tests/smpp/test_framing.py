"""Any cut gives the same frames, and a length that cannot be true is refused before anything is gathered."""

from __future__ import annotations

from struct import pack

import pytest
from hypothesis import given
from hypothesis import strategies as st

from smpp.codec import encode
from smpp.errors import PeerFault
from smpp.framing import MAX_PDU_OCTETS, Framer
from smpp.pdu import Pdu
from tests.support.pdus import cuts, pdus


@given(st.lists(pdus, max_size=5), st.data())
def test_any_cut_gives_the_same_frames(sent: list[Pdu], data: st.DataObject) -> None:
    frames = [encode(pdu) for pdu in sent]
    framer = Framer()
    pieces = data.draw(cuts(b"".join(frames)))
    assert [frame for piece in pieces for frame in framer.feed(piece)] == frames
    assert framer.left_over == 0


@given(st.lists(pdus, min_size=1, max_size=3))
def test_octet_by_octet(sent: list[Pdu]) -> None:
    frames = [encode(pdu) for pdu in sent]
    framer = Framer()
    assert [frame for octet in b"".join(frames) for frame in framer.feed(bytes([octet]))] == frames


@given(st.binary(max_size=300), st.data())
def test_any_octets_in_any_cut_end_alike(octets: bytes, data: st.DataObject) -> None:
    def outcome(pieces: list[bytes]) -> tuple[list[bytes], str | None]:
        framer = Framer(limit=100)
        frames: list[bytes] = []
        for piece in pieces:
            try:
                frames += framer.feed(piece)
            except PeerFault as fault:
                assert (fault.kind, fault.head) == ("invalid_command_length", None)
        return frames, str(framer.fault) if framer.fault else None

    assert outcome(data.draw(cuts(octets))) == outcome([octets])


@pytest.mark.parametrize("length", [0, 15, MAX_PDU_OCTETS + 1, 2**31, 2**32 - 1])
def test_a_length_that_cannot_be_true_is_refused_at_its_fourth_octet(length: int) -> None:
    framer = Framer()
    wire = pack(">I", length)
    assert framer.feed(wire[:3]) == []
    with pytest.raises(PeerFault) as caught:
        framer.feed(wire[3:])
    assert caught.value.kind == "invalid_command_length"
    assert caught.value.head is None
    with pytest.raises(PeerFault):
        framer.feed(b"anything")


def test_the_greatest_length_is_awaited() -> None:
    framer = Framer()
    assert framer.feed(pack(">I", MAX_PDU_OCTETS)) == []
    assert framer.feed(bytes(MAX_PDU_OCTETS - 4)) == [pack(">I", MAX_PDU_OCTETS) + bytes(MAX_PDU_OCTETS - 4)]


def test_frames_before_a_bad_length_are_given_out_first() -> None:
    framer = Framer()
    good = pack(">IIII", 16, 0x15, 0, 1)
    assert framer.feed(good + b"HTTP/1.1") == [good]
    assert framer.fault is not None
    assert "speaks HTTP" in str(framer.fault)
    with pytest.raises(PeerFault):
        framer.feed(b"")


@pytest.mark.parametrize(
    ("greeting", "speaks"),
    [
        (b"HTTP/1.1 400 Bad Request\r\n", "HTTP"),
        (b"GET / HTTP/1.1\r\n", "HTTP"),
        (b"AMQP\0\0\x09\x01", "AMQP"),
        (b"SSH-2.0-OpenSSH", "SSH"),
        (b"220 mail.example ESMTP", "SMTP"),
        (b"\x16\x03\x01\x02\0\x01\0", "TLS"),
    ],
)
def test_a_foreign_greeting_is_named(greeting: bytes, speaks: str) -> None:
    with pytest.raises(PeerFault, match=f"speaks {speaks}"):
        Framer().feed(greeting)
