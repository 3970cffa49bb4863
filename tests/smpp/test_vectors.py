"""The conformance vectors for PDUs, malformed PDUs, framing, times and flags; test_vectors_text.py has the others."""

from __future__ import annotations

import json
from datetime import datetime
from pathlib import Path
from typing import Any

import pytest

from smpp.codec import decode, encode
from smpp.errors import PeerFault
from smpp.framing import Framer
from smpp.pdu_json import decode_hex, encode_json, to_json
from smpp.times import AbsoluteTime, EsmClass, RegisteredDelivery, RelativeTime, parse_time

VECTORS = json.loads((Path(__file__).parents[1] / "vectors" / "smpp.json").read_text(encoding="utf-8"))["cases"]
HERE = {"pdu_decode", "pdu_malformed", "framing", "flags", "time"}
THERE = {"text", "national_shift", "udh", "split", "split_count", "receipt", "receipt_make", "message_id"}
NOT_FIELDS = {"command_length", "command_id", "command_status", "sequence_number", "command", "tlvs"}


def group(name: str) -> list[Any]:
    return [pytest.param(case, id=case["id"]) for case in VECTORS if case["group"] == name]


def test_all_groups_together_are_the_whole_set() -> None:
    assert len(VECTORS) == 167
    assert {case["group"] for case in VECTORS} == HERE | THERE
    assert len({case["id"] for case in VECTORS}) == 167


@pytest.mark.parametrize("case", group("pdu_decode"))
def test_pdu(case: dict[str, Any]) -> None:
    frame, expect = bytes.fromhex(case["input"]["hex"]), case["expect"]
    assert Framer().feed(frame) == [frame]
    pdu = decode(frame)
    form = to_json(pdu)
    assert expect["command_length"] == len(frame)
    assert expect["command_id"] == pdu.command_id
    assert (form["command"], form["status"], form["sequence"]) == (
        expect["command"],
        expect["command_status"],
        expect["sequence_number"],
    )
    assert form["fields"] == {name: value for name, value in expect.items() if name not in NOT_FIELDS}
    assert form["tlvs"] == expect.get("tlvs", [])
    assert decode_hex(case["input"]["hex"]) == [form]
    if case["op"] == "roundtrip":
        assert encode(pdu) == frame
        assert encode_json(form) == case["input"]["hex"]


@pytest.mark.parametrize("case", group("pdu_malformed"))
def test_malformed(case: dict[str, Any]) -> None:
    octets, error = bytes.fromhex(case["input"]["hex"]), case["error"]
    framer = Framer()
    if error["class"] == "incomplete":
        assert framer.feed(octets) == []
        assert framer.left_over == len(octets)
        with pytest.raises(PeerFault) as short:
            decode(octets)
        assert short.value.kind == "incomplete"
        return
    with pytest.raises(PeerFault) as caught:
        decode(framer.feed(octets)[0])
    fault = caught.value
    assert fault.kind == error["class"]
    assert fault.recoverable == error["recoverable"]
    described = decode_hex(case["input"]["hex"])[0]["error"]
    assert described["class"] == error["class"]
    if (error["respond_status"] or "").startswith("ESME_RINV"):
        assert described["respond_status"] == error["respond_status"]
    if case["id"] == "resp_id_no_nul":
        assert to_json(fault.salvage)["fields"] == {"message_id": "9"}  # type: ignore[arg-type]
    if case["id"] == "netfors_tlv_len":
        assert to_json(fault.salvage)["tlvs"] == [[0x0427, "02"]]  # type: ignore[arg-type]


@pytest.mark.parametrize("case", group("framing"))
def test_framing(case: dict[str, Any]) -> None:
    framer, events = Framer(), []
    for chunk in case["input"]["chunks"]:
        for frame in framer.feed(bytes.fromhex(chunk)):
            try:
                pdu = decode(frame)
                named = {"command": pdu.command, "command_status": pdu.command_status}
                events.append({**named, "sequence_number": pdu.sequence_number})
            except PeerFault as fault:
                assert fault.head is not None
                events.append({"error": fault.kind, "command_id": fault.head[0], "sequence_number": fault.head[1]})
    expect = case["expect"]
    assert framer.left_over == expect["left_over_bytes"]
    assert len(events) == len(expect["events"])
    for event, wanted in zip(events, expect["events"], strict=True):
        assert wanted.items() <= event.items()


@pytest.mark.parametrize("case", group("time"))
def test_time(case: dict[str, Any]) -> None:
    text, expect = case["input"]["text"], case.get("expect")
    if expect is None:
        with pytest.raises(PeerFault) as caught:
            parse_time(text)
        assert caught.value.kind == case["error"]["class"]
        return
    parsed = parse_time(text)
    form: dict[str, Any] = {"kind": "none"}
    match parsed:
        case AbsoluteTime(local, offset_minutes):
            form = {"kind": "absolute", "local": local.isoformat(), "offset_minutes": offset_minutes}
            if "utc" in expect:
                form["utc"] = parsed.utc.replace(tzinfo=None).isoformat()
                assert parsed.utc == datetime.fromisoformat(expect["utc"] + "+00:00")
        case RelativeTime():
            form = {"kind": "relative"} | {name: getattr(parsed, name) for name in parsed.__dataclass_fields__}
    assert form == expect


@pytest.mark.parametrize("case", group("flags"))
def test_flags(case: dict[str, Any]) -> None:
    octet, expect = case["input"]["octet"], case["expect"]
    flags = EsmClass(octet) if case["op"] == "esm_class" else RegisteredDelivery(octet)
    assert {name: getattr(flags, name) for name in expect} == expect
