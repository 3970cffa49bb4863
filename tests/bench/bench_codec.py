"""What the codec costs on one core: PDUs a second, next to a hand-written ceiling measured in the same run.

Run as a program it prints medians of CPU time; as a test it asserts floors far below them, for busy machines.
The ceiling is one function per PDU written by hand for exactly that shape, with no checks that it does not need.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from statistics import median
from struct import Struct
from typing import Any

import pytest

from smpp import constants as c
from smpp.codec import decode, encode
from smpp.pdu import DeliverSm, SubmitSm, SubmitSmResp
from smpp.session import Answered, Limits, Role, Session, State

ROUNDS = 15
CALLS = 20_000

DELIVER = DeliverSm(
    sequence_number=77,
    source_addr_ton=1,
    source_addr_npi=1,
    source_addr="31612345678",
    dest_addr_ton=3,
    destination_addr="4411",
    short_message=b"repair keuken: the tap drips since monday, please come by soon"[:60],
    tlvs=((c.TAG_SOURCE_NETWORK_TYPE, b"\x01"), (c.TAG_USER_MESSAGE_REFERENCE, b"\x12\x34")),
)
SUBMIT = SubmitSm(
    sequence_number=78,
    source_addr_ton=3,
    source_addr="4411",
    dest_addr_ton=1,
    dest_addr_npi=1,
    destination_addr="31612345678",
    registered_delivery=1,
    short_message=b"Thank you. Our plumber calls you today. Reply STOP to end it"[:60],
)
RESPONSE = SubmitSmResp(sequence_number=78, message_id="94258431594")

_header = Struct(">I4xII").unpack_from
_five = Struct("5B").unpack_from
_tlv = Struct(">HH").unpack_from
_pack_header = Struct(">IIII").pack
_pack_2, _pack_3, _pack_5 = Struct("xBB").pack, Struct("xBBB").pack, Struct("x5B").pack


def decode_deliver_by_hand(frame: bytes) -> DeliverSm:
    """The ceiling: five strings, seven numbers, the text and the parameters, and nothing else."""
    size, status, sequence = _header(frame)
    index = frame.index
    end = index(0, 16)
    service_type = frame[16:end].decode("latin-1") if end > 16 else ""
    source_ton, source_npi, at = frame[end + 1], frame[end + 2], end + 3
    end = index(0, at)
    source = frame[at:end].decode("latin-1")
    ton, npi, at = frame[end + 1], frame[end + 2], end + 3
    end = index(0, at)
    destination = frame[at:end].decode("latin-1")
    esm_class, protocol_id, priority, at = frame[end + 1], frame[end + 2], frame[end + 3], end + 4
    end = index(0, at)
    schedule, at = frame[at:end].decode("latin-1") if end > at else "", end + 1
    end = index(0, at)
    validity = frame[at:end].decode("latin-1") if end > at else ""
    registered, replace, coding, default_id, count = _five(frame, end + 1)
    at = end + 6 + count
    text = frame[end + 6 : at]
    tlvs = []
    while at != size:
        tag, length = _tlv(frame, at)
        tlvs.append((tag, frame[at + 4 : at + 4 + length]))
        at += 4 + length
    return DeliverSm(
        sequence, status, tuple(tlvs), b"", service_type, source_ton, source_npi, source, ton, npi, destination,
        esm_class, protocol_id, priority, schedule, validity, registered, replace, coding, default_id, text,
    )  # fmt: skip


def encode_submit_by_hand(p: SubmitSm) -> bytes:
    """The ceiling: no lengths checked, no parameters."""
    text = p.short_message
    body = b"".join((
        p.service_type.encode("latin-1"), _pack_2(p.source_addr_ton, p.source_addr_npi),
        p.source_addr.encode("latin-1"), _pack_2(p.dest_addr_ton, p.dest_addr_npi),
        p.destination_addr.encode("latin-1"), _pack_3(p.esm_class, p.protocol_id, p.priority_flag),
        p.schedule_delivery_time.encode("latin-1"), b"\0", p.validity_period.encode("latin-1"),
        _pack_5(p.registered_delivery, p.replace_if_present_flag, p.data_coding, p.sm_default_msg_id, len(text)), text,
    ))  # fmt: skip
    return _pack_header(16 + len(body), c.SUBMIT_SM, p.command_status, p.sequence_number) + body


def decode_response_by_hand(frame: bytes) -> SubmitSmResp:
    """The ceiling: the header and one string."""
    _, status, sequence = _header(frame)
    return SubmitSmResp(sequence, status, (), b"", frame[16 : frame.index(0, 16)].decode("latin-1"))


def rates(works: Sequence[Callable[[Any], Any]], value: Any, calls: int = CALLS) -> list[float]:
    """Calls a second of each: the median of ROUNDS rounds by CPU time, in turn so that all see the same machine."""
    took: list[list[float]] = [[] for _ in works]
    for _ in range(ROUNDS):
        for work, spans in zip(works, took, strict=True):
            before = time.process_time()
            for _ in range(calls):
                work(value)
            spans.append(time.process_time() - before)
    return [calls / median(spans) for spans in took]


CASES: dict[str, tuple[Callable[[Any], Any], Callable[[Any], Any], Any, int]] = {
    "decode deliver_sm, 60 characters, 2 TLVs": (decode, decode_deliver_by_hand, encode(DELIVER), 230_000),
    "encode submit_sm, 60 characters": (encode, encode_submit_by_hand, SUBMIT, 400_000),
    "decode submit_sm_resp": (decode, decode_response_by_hand, encode(RESPONSE), 900_000),
}


def session_figures() -> dict[str, float]:
    """Microseconds per PDU in a session, 50 PDUs a read: deliver_sm and its answer, submit_sm and its answer."""
    session = Session(Role.ESME, Limits(window=50), now=0.0)
    session._move(State.BOUND_TRX)
    read = encode(DELIVER) * 50
    figures: dict[str, list[float]] = {
        "receive deliver_sm": [],
        "answer deliver_sm": [],
        "send submit_sm": [],
        "receive its response": [],
    }
    for _ in range(300):
        marks = [time.process_time_ns()]
        events = session.receive(read, 1.0)
        marks.append(time.process_time_ns())
        for event in events:
            session.answer(event.pdu, 0, 1.0)  # type: ignore[union-attr]
        session.pending()
        marks.append(time.process_time_ns())
        sent = [session.send(SUBMIT, 1.0, token) for token in range(50)]
        session.pending()
        marks.append(time.process_time_ns())
        answers = b"".join(encode(SubmitSmResp(sequence_number=number, message_id="94258431594")) for number in sent)
        marks.append(time.process_time_ns())
        assert len([event for event in session.receive(answers, 1.0) if type(event) is Answered]) == 50
        marks.append(time.process_time_ns())
        spans = (marks[1] - marks[0], marks[2] - marks[1], marks[3] - marks[2], marks[5] - marks[4])
        for name, span in zip(figures, spans, strict=True):
            figures[name].append(span / 50 / 1000)
    return {name: median(spans) for name, spans in figures.items()}


@pytest.mark.bench
@pytest.mark.parametrize("name", CASES)
def test_codec_speed(name: str) -> None:
    work, by_hand, value, goal = CASES[name]
    assert work(value) == by_hand(value)
    (reached,) = rates([work], value, 2_000)
    assert reached > goal / 5, f"{name}: {reached:,.0f} a second, the goal on an idle core is {goal:,}"


def main() -> None:
    for name, (work, by_hand, value, goal) in CASES.items():
        reached, ceiling = rates((work, by_hand), value)
        print(
            f"{name:45} {reached:>12,.0f}/s  by hand {ceiling:>12,.0f}/s  ratio {reached / ceiling:.2f}  goal {goal:,}"
        )
    for name, micros in session_figures().items():
        print(f"session, 50 a read: {name:25} {micros:6.2f} µs per PDU")


if __name__ == "__main__":
    main()
