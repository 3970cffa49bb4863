"""Frames to PDUs and back (SMPP 3.4 §3.2).

`decode` and `encode` try the generated way of smpp.codegen; when that gives up, the careful way over the same
declaration finds the fault, and what can be saved. Decoding is lenient where real centres err: strings too long, a
response with or without a body whatever its status, an error response cut anywhere, stray octets behind a PDU that has
no parameters. Encoding is strict.
"""

from __future__ import annotations

from struct import Struct
from typing import Any, Final, NoReturn

from smpp.codegen import GAVE_UP, Builder, Parser, builder_of, parser_of
from smpp.constants import ESME_RINVCMDID, ESME_RINVCMDLEN, ESME_RINVOPTPARSTREAM, HEADER_OCTETS
from smpp.errors import LocalFault, PeerFault
from smpp.fields import U32, UnreadableError, declared
from smpp.pdu import BY_COMMAND_ID, PDUS, Pdu
from smpp.tlv import read_whole_tlvs, write_tlvs

_HEADER: Final = Struct(">IIII")
_read_header: Final = _HEADER.unpack_from
pack_header: Final = _HEADER.pack

_PARSERS: Final[dict[int, Parser]] = {kind.command_id: parser_of(kind) for kind in PDUS}
_BUILDERS: Final[dict[type[Pdu], Builder]] = {kind: builder_of(kind) for kind in PDUS}


def decode(frame: bytes) -> Pdu:
    """The PDU of one whole frame, header included.

    Raises PeerFault: kind incomplete or invalid_command_length (head None), unknown_command_id, missing_nul,
    truncated_body, truncated_tlv or undecodable (head set; salvage set where the gateway can go on with it).
    """
    try:
        length, command_id, status, sequence = _read_header(frame)
        if length == len(frame):
            return _PARSERS[command_id](frame, length, status, sequence)
    except GAVE_UP:
        return _survey(frame)
    return _survey(frame)


def encode(pdu: Pdu) -> bytes:
    """The frame of a PDU; raises LocalFault naming the field and its limit."""
    try:
        body = _BUILDERS[pdu.__class__](pdu)
        return pack_header(16 + len(body), pdu.command_id, pdu.command_status, pdu.sequence_number) + body
    except GAVE_UP:
        return _write_carefully(pdu)


def encode_body(pdu: Pdu) -> bytes:
    """What follows the header of a PDU's frame; raises LocalFault as `encode` does."""
    try:
        return _BUILDERS[pdu.__class__](pdu)
    except GAVE_UP:
        return _write_body_carefully(pdu)


def _survey(frame: bytes) -> Pdu:
    """The PDU of a frame that the generated parser gave up on, or the PeerFault that says why."""
    if len(frame) < HEADER_OCTETS:
        raise PeerFault("a PDU has at least 16 octets", ESME_RINVCMDLEN, kind="incomplete")
    length, command_id, status, sequence = _read_header(frame)
    if length != len(frame):
        message = f"command_length says {length} octets, there are {len(frame)}"
        raise PeerFault(message, ESME_RINVCMDLEN, kind="invalid_command_length")
    kind = BY_COMMAND_ID.get(command_id)
    if kind is None:
        message = f"unknown command_id {command_id:#010x}"
        raise PeerFault(message, ESME_RINVCMDID, (command_id, sequence), "unknown_command_id")
    values: dict[str, Any] = {}
    at = HEADER_OCTETS
    for name, field in declared(kind).items():
        try:
            values[name], at = field.read(frame, at)
        except UnreadableError as reason:
            values[name] = reason.kept
            cut = kind(sequence, status, **values) if kind.is_response else None
            if cut is not None and status:
                return cut  # an error response says all that matters in its header
            message = f"{kind.command}: {name}: {reason}"
            raise PeerFault(message, reason.status, (command_id, sequence), reason.kind, cut) from reason
    tlvs, trailing = read_whole_tlvs(frame, at)
    pdu = kind(sequence, status, tlvs, trailing, **values)
    if trailing and kind.takes_tlvs:
        message = f"{kind.command}: {len(trailing)} octets at the end are no whole optional parameter"
        raise PeerFault(message, ESME_RINVOPTPARSTREAM, (command_id, sequence), "truncated_tlv", pdu)
    return pdu


def _write_carefully(pdu: Pdu) -> bytes:
    """The frame of a PDU that the straight way gave up on, or the LocalFault that says why."""
    body = _write_body_carefully(pdu)
    status = U32.write(pdu.command_status, "command_status")
    sequence = U32.write(pdu.sequence_number, "sequence_number")
    return (
        U32.write(HEADER_OCTETS + len(body), "command_length")
        + U32.write(pdu.command_id, "command_id")
        + status
        + sequence
        + body
    )


def _write_body_carefully(pdu: Pdu) -> bytes:
    """The body of a PDU that the generated builder gave up on, or the LocalFault that says why."""
    kind = type(pdu)
    if kind not in _BUILDERS:
        raise LocalFault(f"{kind.__name__} is not a PDU that can be sent")
    if pdu.trailing:
        raise LocalFault(f"{kind.command}: octets that belong to no field cannot be sent", field="trailing", limit=0)
    values = {name: getattr(pdu, name) for name in declared(kind)}
    absent = [name for name, value in values.items() if value is None]
    if absent and kind.is_response:
        return _absent_body(pdu, absent, len(values))
    body = b"".join(field.write(values[name], name) for name, field in declared(kind).items())
    return body + write_tlvs(pdu.tlvs)


def _absent_body(pdu: Pdu, absent: list[str], declared_fields: int) -> bytes:
    """No octets for a response without a body; raises LocalFault for half a body, or parameters behind none."""
    if len(absent) < declared_fields or pdu.tlvs:
        _refuse_half_a_body(pdu, absent[0])
    return b""


def _refuse_half_a_body(pdu: Pdu, name: str) -> NoReturn:
    raise LocalFault(f"{pdu.command}: {name} is missing while something behind or before it is there", field=name)
