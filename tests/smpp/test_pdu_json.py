"""PDUs as JSON, there and back, and every way in which the JSON may be wrong."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from smpp.codec import encode
from smpp.errors import LocalFault, PeerFault
from smpp.pdu import BindTransceiverResp, EnquireLink, Pdu, SubmitMultiResp, SubmitSm
from smpp.pdu_json import decode_hex, encode_json, fault_to_json, from_json, to_json
from tests.support.pdus import pdus


@given(pdus)
def test_the_json_form_is_the_pdu(pdu: Pdu) -> None:
    form = json.loads(json.dumps(to_json(pdu)))
    assert from_json(form) == pdu
    assert encode_json(form) == encode(pdu).hex()
    assert decode_hex(encode(pdu).hex()) == [form]


_names = st.sampled_from(
    ["command", "status", "sequence", "fields", "tlvs", "short_message", "sm_length", "source_addr", "esm_class", "hex",
     "dest_addresses", "number_of_dests", "dest_flag", "dl_name", "message_id", "unsuccess_smes"]
)  # fmt: skip
_leaves = st.none() | st.booleans() | st.integers() | st.text(max_size=5) | st.sampled_from(["00", "submit_sm"])
_any_json = st.recursive(
    _leaves, lambda inner: st.lists(inner, max_size=3) | st.dictionaries(_names, inner, max_size=5), max_leaves=20
)


@given(
    st.sampled_from(["submit_sm", "submit_multi", "submit_multi_resp", "query_sm_resp"]),
    _any_json,
    _any_json,
    _any_json,
)
@example("submit_multi", {"dest_addresses": [{"dest_flag": []}]}, [], 0)
def test_any_json_is_a_pdu_or_a_declared_fault(command: str, fields: Any, tlvs: Any, sequence: Any) -> None:
    form = {"command": command, "fields": fields, "tlvs": tlvs, "sequence": sequence}
    try:
        assert bytes.fromhex(encode_json(form))
    except LocalFault as fault:
        assert str(fault)


@given(st.binary(max_size=100))
def test_any_octets_have_a_json_form(octets: bytes) -> None:
    for form in decode_hex(octets.hex()):
        assert json.loads(json.dumps(form)) == form
        assert "error" in form or form["command"]


def test_text_that_is_not_ascii_is_hex() -> None:
    form = to_json(SubmitSm(source_addr="Caf\xe9"))
    assert form["fields"]["source_addr"] == {"hex": "436166e9"}
    assert from_json(form) == SubmitSm(source_addr="Caf\xe9")


def test_what_is_not_there_is_null() -> None:
    assert to_json(BindTransceiverResp(1, 14))["fields"] == {"system_id": None}
    fields = to_json(SubmitMultiResp(1, 14))["fields"]
    assert fields == {"message_id": None, "no_unsuccess": None, "unsuccess_smes": None}


def test_what_is_left_out_has_its_default() -> None:
    assert from_json({"command": "enquire_link"}) == EnquireLink()
    assert from_json({"command": "submit_sm", "fields": {"short_message": "6869"}}) == SubmitSm(short_message=b"hi")


def test_several_pdus_in_one_line_and_what_is_left_of_another() -> None:
    line = encode(EnquireLink(1)).hex(" ") + encode(EnquireLink(2)).hex() + "0000"
    first, second, rest = decode_hex(line)
    assert (first["sequence"], second["sequence"]) == (1, 2)
    assert rest["error"]["class"] == "incomplete"
    assert rest["error"]["message"] == "2 octets are less than a PDU"
    assert decode_hex("")[0]["error"]["class"] == "incomplete"


def test_a_fault_says_what_to_answer_and_what_was_read() -> None:
    (unknown,) = decode_hex("00000010000001100000000000000007")
    assert unknown["error"]["respond_status"] == "ESME_RINVCMDID"
    assert (unknown["command"], unknown["command_id"], unknown["sequence"]) == (None, 0x110, 7)
    (cut,) = decode_hex("0000001180000004000000000a342ee139")
    assert cut["command"] == "submit_sm_resp"
    assert cut["salvage"]["fields"] == {"message_id": "9"}
    good, lost = decode_hex(encode(EnquireLink(1)).hex() + "00000000")
    assert good["command"] == "enquire_link"
    assert (
        lost["error"] == fault_to_json(PeerFault(lost["error"]["message"], 2, kind="invalid_command_length"))["error"]
    )
    assert decode_hex("00000000")[0]["error"]["recoverable"] is False


def test_trailing_octets_are_shown() -> None:
    assert decode_hex("0000001100000015000000000000005800")[0]["fields"] == {"trailing_hex": "00"}


def test_what_is_no_hex_is_refused() -> None:
    with pytest.raises(LocalFault, match="not hex"):
        decode_hex("xyz")


@pytest.mark.parametrize(
    ("form", "field", "says"),
    [
        ({}, "command", "unknown command None"),
        ({"command": "submit"}, "command", "unknown command 'submit'"),
        ({"command": "submit_sm", "esm_class": 0}, "esm_class", 'its fields belong under "fields"'),
        ({"command": "submit_sm", "fields": []}, "fields", "must be an object"),
        ({"command": "submit_sm", "fields": {"esm_clas": 0}}, "esm_clas", "submit_sm has no field 'esm_clas'"),
        ({"command": "submit_sm", "fields": {"esm_class": True}}, "esm_class", "whole number"),
        ({"command": "submit_sm", "fields": {"esm_class": "4"}}, "esm_class", "whole number"),
        ({"command": "submit_sm", "fields": {"short_message": "x"}}, "short_message", "must be hex"),
        ({"command": "submit_sm", "fields": {"short_message": 6}}, "short_message", "must be hex"),
        ({"command": "submit_sm", "fields": {"source_addr": {"hex": "zz"}}}, "source_addr", "must be hex"),
        ({"command": "submit_sm", "fields": {"sm_length": 3, "short_message": "00"}}, "short_message", "not have 3"),
        ({"command": "submit_sm", "sequence": "1"}, "sequence", "whole number"),
        ({"command": "submit_sm", "tlvs": {"1": ""}}, "tlvs", "list of [tag, hex]"),
        ({"command": "submit_sm", "tlvs": [[1]]}, "tlvs", "list of [tag, hex]"),
        ({"command": "submit_sm", "tlvs": [[1, 2]]}, "tlvs", "must be hex"),
        ({"command": "submit_multi", "fields": {"dest_addresses": "x"}}, "dest_addresses", "must be a list"),
        ({"command": "submit_multi", "fields": {"dest_addresses": ["x"]}}, "dest_addresses", "list of objects"),
        ({"command": "submit_multi", "fields": {"dest_addresses": [{}]}}, "dest_addresses", "dest_flag None"),
        (
            {"command": "submit_multi", "fields": {"dest_addresses": [{"dest_flag": 2, "name": ""}]}},
            "name",
            "DistributionList has no field 'name'",
        ),
        (
            {"command": "submit_multi_resp", "fields": {"no_unsuccess": 1, "unsuccess_smes": None}},
            "unsuccess_smes",
            "not have 1",
        ),
    ],
)
def test_a_wrong_form_is_refused_by_name(form: dict[str, Any], field: str, says: str) -> None:
    with pytest.raises(LocalFault) as caught:
        from_json(form)
    assert caught.value.field == field
    assert says in str(caught.value)
