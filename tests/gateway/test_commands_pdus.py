"""`kwek pdu decode` and `encode`, from arguments and line by line."""

import json
from pathlib import Path

from typer.testing import CliRunner

from gateway.cli import app
from gateway.exits import Exit

ENQUIRE_LINK = "0000001000000015000000000a342ee7"
AS_JSON = {"command": "enquire_link", "status": 0, "sequence": 171192039, "fields": {}, "tlvs": []}


def test_arguments_are_decoded_a_line_each() -> None:
    shown = CliRunner().invoke(app, ["pdu", "decode", ENQUIRE_LINK, "00 00 00 10 00 00 00 15 00 00 00 00 00 00 00 01"])
    assert shown.exit_code == Exit.OK
    assert [json.loads(line) for line in shown.stdout.splitlines()] == [AS_JSON, {**AS_JSON, "sequence": 1}]


def test_lines_of_standard_input_are_decoded_and_empty_ones_skipped() -> None:
    shown = CliRunner().invoke(app, ["pdu", "decode"], input=f"{ENQUIRE_LINK}\n\n{ENQUIRE_LINK}\n")
    assert [json.loads(line) for line in shown.stdout.splitlines()] == [AS_JSON, AS_JSON]


def test_what_is_malformed_is_told_in_its_place_and_fails_in_the_end() -> None:
    shown = CliRunner().invoke(app, ["pdu", "decode"], input=f"xyz\n{ENQUIRE_LINK[:20]}\n{ENQUIRE_LINK}\n")
    assert shown.exit_code == Exit.FAILED
    first, second, third = map(json.loads, shown.stdout.splitlines())
    assert first == {
        "error": {
            "class": "undecodable",
            "message": "not hex: non-hexadecimal number found in fromhex() arg at position 0",
        }
    }
    assert second["error"]["class"] == "incomplete"
    assert third == AS_JSON


def test_json_becomes_hex() -> None:
    shown = CliRunner().invoke(app, ["pdu", "encode", json.dumps(AS_JSON)])
    assert (shown.exit_code, shown.stdout) == (Exit.OK, ENQUIRE_LINK + "\n")


def test_what_cannot_be_encoded_is_told_in_its_place() -> None:
    lines = ['{"command": "x"}', "[]", "nix", json.dumps(AS_JSON)]
    shown = CliRunner().invoke(app, ["pdu", "encode"], input="\n".join(lines))
    assert shown.exit_code == Exit.FAILED
    assert shown.stdout.splitlines() == [
        '{"error": {"class": "unencodable", "message": "unknown command \'x\'"}}',
        '{"error": {"class": "unencodable", "message": "a PDU is a JSON object"}}',
        '{"error": {"class": "unencodable", "message": "not JSON: Expecting value: line 1 column 1 (char 0)"}}',
        ENQUIRE_LINK,
    ]


def test_the_vectors_go_through_both_ways(root: Path) -> None:
    cases = json.loads((root / "tests" / "vectors" / "smpp.json").read_text(encoding="utf-8"))["cases"]
    hexes = [case["input"]["hex"] for case in cases if case["group"] == "pdu_decode" and case["op"] == "roundtrip"]
    decoded = CliRunner().invoke(app, ["pdu", "decode"], input="\n".join(hexes))
    assert decoded.exit_code == Exit.OK
    encoded = CliRunner().invoke(app, ["pdu", "encode"], input=decoded.stdout)
    assert encoded.exit_code == Exit.OK
    assert len(hexes) > 20
    assert encoded.stdout.splitlines() == hexes
