"""PDUs damaged the way wires, bugs and enemies damage them, through the framer, the decoder and a session of each end.

Structure-aware: a mutation knows where lengths, counts, tags and NULs are, and lies about them. Every outcome must be a
PDU, a declared PeerFault, or octets awaited; a PDU that was read must be written again or refused with a LocalFault.
Seeded, so that a failure is repeated by its SEED. 50,000 PDUs in every test run; the long form is

    KWEK_FUZZ_PDUS=1000000 python -m pytest -s tests/fuzz/test_pdu_fuzz.py

which also prints the slowest read and how memory grew, and asserts that both stay small.
"""

from __future__ import annotations

import gc
import os
import random
import time
from pathlib import Path
from struct import pack, pack_into
from typing import Any

from smpp.codec import decode, encode
from smpp.destinations import DistributionList, SmeAddress, UnsuccessSme
from smpp.errors import LocalFault, PeerFault
from smpp.fields import CString, Integer, Octets, declared
from smpp.framing import Framer
from smpp.pdu import PDUS, Pdu
from smpp.session import Limits, Received, Role, Session, State

PDUS_TO_TRY = int(os.environ.get("KWEK_FUZZ_PDUS", "50000"))
LONG = PDUS_TO_TRY >= 500_000
SEED = int(os.environ.get("SEED", "20261122"))
BATCH = 50  # PDUs in one stream
KINDS_OF_FAULT = {
    "incomplete", "invalid_command_length", "unknown_command_id", "missing_nul", "truncated_body", "truncated_tlv",
    "undecodable",
}  # fmt: skip
INTERESTING = (
    0,
    1,
    3,
    4,
    15,
    16,
    17,
    127,
    128,
    254,
    255,
    0x7FFF,
    0xFFFF,
    70_000,
    70_001,
    0x7FFFFFFF,
    0x80000000,
    0xFFFFFFFF,
)


def random_pdu(chance: random.Random) -> Pdu:
    """A PDU that may be sent."""
    kind = chance.choice(PDUS)
    values: dict[str, Any] = {}
    for name, field in declared(kind).items():
        if isinstance(field, Integer):
            values[name] = chance.randrange(256)
        elif isinstance(field, CString):
            values[name] = "".join(chr(chance.randrange(1, 256)) for _ in range(chance.randrange(min(field.limit, 12))))
        elif isinstance(field, Octets):
            values[name] = chance.randbytes(chance.randrange(40))
        else:
            entry = chance.choice([SmeAddress(1, 1, "316"), DistributionList("friends")])
            values[name] = ((entry if None not in field.kinds else UnsuccessSme(1, 1, "316", 11)),) * chance.randrange(
                4
            )
    tlvs = [(chance.randrange(65536), chance.randbytes(chance.randrange(12))) for _ in range(chance.randrange(4))]
    return kind(chance.randrange(2**32), chance.choice((0, 0, 8)), tuple(tlvs) if kind.takes_tlvs else (), **values)


def damaged(frame: bytes, chance: random.Random, may_lie: bool) -> bytes:
    """The frame with one to three faults in it; its command_length is true unless it may lie and does."""
    octets = bytearray(frame)
    honest = True
    for _ in range(chance.randrange(1, 4)):
        at = chance.randrange(len(octets))
        match chance.randrange(9):
            case 0:
                octets[at] ^= 1 << chance.randrange(8)
            case 1:
                octets[at] = chance.choice((0, 1, 127, 128, 255))
            case 2:
                del octets[max(16, at) :]
            case 3:
                del octets[max(16, at) : at + chance.randrange(1, 9)]
            case 4:
                octets[max(16, at) : max(16, at)] = chance.randbytes(chance.randrange(1, 9))
            case 5:
                octets += pack(">HH", chance.randrange(65536), chance.choice(INTERESTING) & 0xFFFF)
            case 6:
                octets += octets[16:][: chance.randrange(1, 60)]
            case 7:
                pack_into(">I", octets, 4, chance.choice((*(kind.command_id for kind in PDUS), *INTERESTING)))
            case _:
                pack_into(">I", octets, 0, chance.choice(INTERESTING))
                honest = not may_lie
    if honest:
        pack_into(">I", octets, 0, len(octets))
    return bytes(octets)


def resident_octets() -> int:
    """Memory of this process that is in RAM (Linux)."""
    return int(Path("/proc/self/statm").read_text(encoding="ascii").split()[1]) * os.sysconf("SC_PAGE_SIZE")


def stream(chance: random.Random) -> bytes:
    """A batch of PDUs, most of them damaged."""
    frames = (encode(random_pdu(chance)) for _ in range(BATCH))
    may_lie = chance.random() < 0.1  # a false command_length loses all that follows, so most streams have none
    return b"".join(damaged(frame, chance, may_lie) if chance.random() < 0.8 else frame for frame in frames)


def pieces(octets: bytes, chance: random.Random) -> list[bytes]:
    """The octets as a wire may deliver them."""
    at = sorted(chance.randrange(len(octets) + 1) for _ in range(chance.randrange(4)))
    return [octets[start:end] for start, end in zip([0, *at], [*at, len(octets)], strict=True)]


def through_the_codec(octets: bytes) -> tuple[int, int]:
    """How many PDUs and how many faults the octets hold; asserts that there is nothing else."""
    framer, read, faults = Framer(), 0, 0
    try:
        frames = framer.feed(octets)
    except PeerFault as fault:
        assert fault.head is None
        return 0, 1
    assert sum(map(len, frames)) + framer.left_over == len(octets) or framer.fault is not None
    for frame in frames:
        try:
            pdu = decode(frame)
        except PeerFault as fault:
            assert fault.kind in KINDS_OF_FAULT
            assert fault.head is not None
            faults += 1
            continue
        read += 1
        try:
            again = encode(pdu)
        except LocalFault:
            continue
        assert again == frame or not pdu.tlvs or pdu.is_response
        assert decode(again) == pdu
    return read, faults


def through_a_session(octets: bytes, role: Role, chance: random.Random) -> None:
    """A session takes the octets, answers what it is to answer, and ends at most once."""
    session = Session(role, Limits(nack_budget=20), now=0.0)
    session._move(State.BOUND_TRX)
    for piece in pieces(octets, chance):
        for event in session.receive(piece, 1.0):
            if isinstance(event, Received) and event.pdu.response is not None and session.state is State.BOUND_TRX:
                session.answer(event.pdu, 8, 1.0)
        session.pending()
    session.tick(2.0)
    session.close(3.0)
    assert session.state is State.CLOSED
    assert session.outstanding == 0


def test_damaged_pdus_end_in_a_pdu_or_a_declared_fault() -> None:
    chance = random.Random(SEED)
    read = faults = tried = 0
    slowest, started, resident = 0.0, time.process_time(), 0
    while tried < PDUS_TO_TRY:
        octets = stream(chance)
        before = time.process_time()
        found = through_the_codec(octets)
        for role in Role:
            through_a_session(octets, role, chance)
        slowest = max(slowest, time.process_time() - before)
        read, faults, tried = read + found[0], faults + found[1], tried + BATCH
        if tried == PDUS_TO_TRY // 10 // BATCH * BATCH:
            gc.collect()
            resident = resident_octets()
    gc.collect()
    grown = resident_octets() - resident
    took = time.process_time() - started
    print(
        f"\n{tried:,} PDUs sent, {read:,} read, {faults:,} faults in {took:.0f} s of CPU; "
        f"slowest batch of {BATCH} {slowest * 1000:.1f} ms; memory grew by {grown / 1e6:+.1f} MB"
    )
    assert read > tried / 4
    assert faults > tried / 4
    if LONG:
        assert slowest < 2.0, "a batch of small PDUs took seconds: work is not bounded by the octets"
        assert grown < 20_000_000


def test_the_worst_pdu_for_its_size_costs_no_more_than_its_octets() -> None:
    chance = random.Random(SEED)
    empty_parameters = pack(">HH", 0x1400, 0) * 17_000
    frame = pack(">IIII", 16 + 17 + len(empty_parameters), 5, 0, 1) + bytes(17) + empty_parameters
    assert len(decode(frame).tlvs) == 17_000
    framer = Framer()
    assert [whole for octet in frame for whole in framer.feed(bytes((octet,)))] == [frame]
    through_a_session(frame, Role.ESME, chance)
