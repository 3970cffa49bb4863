"""The declarations themselves: numbers, names and who answers whom."""

from __future__ import annotations

import gc

import msgspec
import pytest

from smpp import constants as c
from smpp.pdu import BY_COMMAND, BY_COMMAND_ID, PDUS, AlertNotification, GenericNack, Outbind, SubmitSm


def test_a_response_has_the_number_of_its_request_and_the_response_bit() -> None:
    for kind in PDUS:
        assert kind.is_response == bool(kind.command_id & c.RESPONSE_BIT)
        if kind.response is not None:
            assert kind.response.command_id == kind.command_id | c.RESPONSE_BIT
            assert kind.response.command == f"{kind.command}_resp"


def test_every_response_answers_a_request_and_only_two_requests_have_none() -> None:
    answering = {kind.response for kind in PDUS if kind.response}
    assert {kind for kind in PDUS if kind.is_response} == answering | {GenericNack}
    assert {kind for kind in PDUS if not kind.is_response and kind.response is None} == {Outbind, AlertNotification}


def test_names_and_numbers_are_unique_and_the_constants_agree() -> None:
    assert len(BY_COMMAND) == len(BY_COMMAND_ID) == len(PDUS) == 27
    for kind in PDUS:
        assert getattr(c, kind.command.upper()) == kind.command_id


def test_a_pdu_is_a_value() -> None:
    assert SubmitSm(short_message=b"x") == SubmitSm(short_message=b"x")
    assert msgspec.structs.replace(SubmitSm(), sequence_number=3).sequence_number == 3
    assert not gc.is_tracked(SubmitSm())
    with pytest.raises(AttributeError):
        SubmitSm().esm_class = 1  # type: ignore[misc]
