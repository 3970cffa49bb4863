"""The vectors about texts, headers, receipts and message ids, read from other implementations' tests."""

import json
from datetime import datetime
from pathlib import Path
from typing import Any

import pytest

from smpp import gsm0338, receipt
from smpp.concat import Header, UdhFault, concat_of, header, part_octets, take_header
from smpp.text import Encoding, TextFault, cut, decode_as, encode, measure

VECTORS = Path(__file__).parent.parent / "vectors" / "smpp.json"


def cases(*groups: str) -> list[Any]:
    every = json.loads(VECTORS.read_text(encoding="utf-8"))["cases"]
    return [pytest.param(case, id=case["id"]) for case in every if case["group"] in groups]


@pytest.mark.parametrize("case", cases("text", "national_shift"))
def test_text(case: dict[str, Any]) -> None:
    given, op = case["input"], case["op"]
    languages = given.get("locking_language", 0), given.get("single_shift_language", 0)
    encoding = Encoding(given["encoding"])
    if "error" in case:
        with pytest.raises(TextFault) as fault:
            if op == "encode":
                encode(given["text"], encoding)
            else:
                decode_as(bytes.fromhex(given["hex"]), encoding)
        assert fault.value.kind == case["error"]["class"]
        return
    octets = bytes.fromhex(case["expect"]["hex"])
    assert decode_as(octets, encoding, *languages) == given["text"]
    if op == "roundtrip":
        assert encode(given["text"], encoding, *languages) == octets


@pytest.mark.parametrize("case", cases("udh"))
def test_header(case: dict[str, Any]) -> None:
    if case["op"] == "cut":
        message = bytes.fromhex(case["input"]["short_message_hex"])
        found, user_data = take_header(message)
        assert message[: found.octets].hex() == case["expect"]["udh_hex"]
        assert user_data.hex() == case["expect"]["user_data_hex"]
        return
    octets = bytes.fromhex(case["input"]["udh_hex"])
    if "error" in case:
        with pytest.raises(UdhFault) as fault:
            concat_of(take_header(octets)[0])
        assert fault.value.kind == case["error"]["class"]
        return
    found, user_data = take_header(octets)
    assert user_data == b""
    assert [[element, data.hex()] for element, data in found.elements] == case["expect"]["ies"]
    assert named(found) == case["expect"]["concat"]
    if "ports" in case["expect"]:
        assert found.ports == (case["expect"]["ports"]["dest"], case["expect"]["ports"]["src"])


def named(found: Header) -> dict[str, int] | None:
    concat = concat_of(found)
    if concat is None:
        return None
    return {"ref": concat.reference, "total": concat.total, "seq": concat.index, "bits": concat.bits}


@pytest.mark.parametrize("case", cases("split"))
def test_split(case: dict[str, Any]) -> None:
    given = case["input"]
    name, limit = given["encoding"], given["part_octets"]
    if "hex" in given:
        encoding, octets = Encoding.BINARY, bytes.fromhex(given["hex"])
    elif name == "latin1_as_7bit":
        encoding = Encoding.LATIN1
        octets = encode(given["text"], encoding)
    else:
        encoding = Encoding(name)
        octets = encode(given["text"], Encoding.GSM7 if encoding is Encoding.GSM7_PACKED else encoding)
    if encoding is Encoding.GSM7_PACKED:
        limit = (8 * limit - gsm0338.fill_bits(6)) // 7
    pieces = cut(octets, encoding, limit)
    heads = [b""] * len(pieces)
    if given["ref_bits"]:
        heads = [header(given["ref"], len(pieces), place + 1, given["ref_bits"]) for place in range(len(pieces))]
    made = [head + part_octets(piece, encoding, 6) for head, piece in zip(heads, pieces, strict=True)]
    assert [part.hex() for part in made] == case["expect"]["parts_hex"]


@pytest.mark.parametrize("case", cases("split_count"))
def test_split_count(case: dict[str, Any]) -> None:
    assert measure(case["input"]["text"], Encoding(case["input"]["encoding"])).segments == case["expect"]["parts"]


@pytest.mark.parametrize("case", cases("receipt"))
def test_receipt(case: dict[str, Any]) -> None:
    given, expect = case["input"], case["expect"]
    octets = bytes.fromhex(given["hex"]) if "hex" in given else given["text"].encode("latin-1")
    tlvs = tuple((tag, bytes.fromhex(value)) for tag, value in given.get("tlvs", ()))
    found = receipt.parse(octets, tlvs)
    text = expect["text"]
    if isinstance(text, dict):
        text = bytes.fromhex(text["hex"]).decode("latin-1")
    for field in ("id", "sub", "dlvrd", "stat", "err"):
        assert getattr(found, field) == expect[field], field
    for field in ("submit_date", "done_date"):
        value = getattr(found, field)
        assert (value and value.isoformat()) == expect[field], field
    assert (found.text if found.text is None else found.text.decode("latin-1")) == text


@pytest.mark.parametrize("case", cases("receipt_make"))
def test_receipt_make(case: dict[str, Any]) -> None:
    given = case["input"]
    made = receipt.Receipt(
        id=given["id"],
        sub=given["sub"],
        dlvrd=given["dlvrd"],
        submit_date=datetime.fromisoformat(given["submit_date"]),
        done_date=datetime.fromisoformat(given["done_date"]),
        stat=given["stat"],
        err=f"{given['err']:03}",
        text=given["text"].encode(),
    )
    assert receipt.format_text(made) == case["expect"]["text"].encode()


@pytest.mark.parametrize("case", cases("message_id"))
def test_message_id(case: dict[str, Any]) -> None:
    same = receipt.same_id(case["input"]["submit_sm_resp_id"], case["input"]["receipt_id"])
    assert same == case["expect"]["same"]
