"""PDUs as JSON, for `kwek pdu decode` and `kwek pdu encode`, and for people who read logs.

`{"command", "status", "sequence", "fields": {…}, "tlvs": [[tag, hex], …]}`: the specification's names in the order of
the wire, counts (sm_length, …) included; octets as hex; C-octet strings as text, or as `{"hex": …}` where they are not
ASCII; null for what is not there. Octets that belong to no field are `trailing_hex` among the fields, if there are any.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from smpp.codec import decode, encode
from smpp.constants import status_name
from smpp.errors import LocalFault, PeerFault
from smpp.fields import CString, Integer, Listed, Octets, declared
from smpp.framing import Framer
from smpp.pdu import BY_COMMAND, BY_COMMAND_ID, Pdu

if TYPE_CHECKING:  # pragma: no cover
    import msgspec

Json = dict[str, Any]


def to_json(pdu: Pdu) -> Json:
    """The JSON form of a PDU."""
    fields = _fields_to_json(pdu)
    if pdu.trailing:
        fields["trailing_hex"] = pdu.trailing.hex()
    return {
        "command": pdu.command,
        "status": pdu.command_status,
        "sequence": pdu.sequence_number,
        "fields": fields,
        "tlvs": [[tag, octets.hex()] for tag, octets in pdu.tlvs],
    }


def fault_to_json(fault: PeerFault) -> Json:
    """The JSON form of a fault: its class, what to answer, and what could be read all the same."""
    error: Json = {
        "class": fault.kind,
        "message": str(fault),
        "respond_status": status_name(fault.status),
        "recoverable": fault.recoverable,
    }
    described: Json = {"error": error}
    if fault.head is not None:
        command_id, sequence = fault.head
        known = BY_COMMAND_ID.get(command_id)
        described |= {"command": known.command if known else None, "command_id": command_id, "sequence": sequence}
    if fault.salvage is not None:
        described["salvage"] = to_json(fault.salvage)
    return described


def decode_hex(text: str) -> list[Json]:
    """The JSON forms of all PDUs in a line of hex (blanks allowed), faults among them.

    Raises LocalFault if the text is no hex. Octets behind the last whole PDU are a fault of class incomplete.
    """
    try:
        octets = bytes.fromhex(text)
    except ValueError as error:
        raise LocalFault(f"not hex: {error}") from error
    framer = Framer()
    described: list[Json] = []
    try:
        for frame in framer.feed(octets):
            try:
                described.append(to_json(decode(frame)))
            except PeerFault as fault:
                described.append(fault_to_json(fault))
        if framer.fault is not None:
            raise framer.fault
    except PeerFault as fault:
        return [*described, fault_to_json(fault)]
    if framer.left_over or not described:
        message = f"{framer.left_over} octets are less than a PDU"
        described.append(fault_to_json(PeerFault(message, 0, kind="incomplete")))
    return described


def from_json(form: Json) -> Pdu:
    """The PDU that a JSON form describes; what is left out has its default.

    Raises LocalFault for an unknown command or field, a value of the wrong kind, or a count that does not agree.
    """
    command = form.get("command")
    kind = BY_COMMAND.get(command) if isinstance(command, str) else None
    if kind is None:
        raise LocalFault(f"unknown command {command!r}", field="command")
    unknown = sorted(set(form) - {"command", "status", "sequence", "fields", "tlvs"})
    if unknown:
        raise LocalFault(f'a PDU has no {unknown[0]!r}; its fields belong under "fields"', field=unknown[0])
    fields = form.get("fields", {})
    if not isinstance(fields, dict):
        raise LocalFault('"fields" must be an object', field="fields")
    return kind(
        sequence_number=_whole(form.get("sequence", 0), "sequence"),
        command_status=_whole(form.get("status", 0), "status"),
        tlvs=_tlvs_from_json(form.get("tlvs", [])),
        **_fields_from_json(kind, fields),
    )


def encode_json(form: Json) -> str:
    """The hex of the PDU that a JSON form describes; raises LocalFault."""
    return encode(from_json(form)).hex()


def _fields_to_json(value: msgspec.Struct) -> Json:
    """The declared fields of a PDU or an entry, counts included."""
    form: Json = {}
    for name, field in declared(type(value)).items():
        held = getattr(value, name)
        if isinstance(field, CString):
            form[name] = held if held is None or held.isascii() else {"hex": held.encode("latin-1").hex()}
        elif isinstance(field, Octets):
            form[field.count] = len(held)
            form[name] = held.hex()
        elif isinstance(field, Listed):
            form[field.count] = None if held is None else len(held)
            form[name] = None if held is None else [_entry_to_json(entry) for entry in held]
        else:
            form[name] = held
    return form


def _entry_to_json(entry: msgspec.Struct) -> Json:
    flag = getattr(entry, "dest_flag", None)
    return ({} if flag is None else {"dest_flag": flag}) | _fields_to_json(entry)


def _fields_from_json(kind: type[msgspec.Struct], form: Json) -> dict[str, Any]:
    """The values of a PDU's or an entry's fields; every key of the form must be used."""
    left = dict(form)
    values: dict[str, Any] = {}
    for name, field in declared(kind).items():
        count = left.pop(field.count, None) if isinstance(field, Octets | Listed) else None
        if name not in left:
            continue
        held = left.pop(name)
        values[name] = None if held is None else _value_from_json(name, field, held)
        if count is not None and (held is None or count != len(values[name])):
            raise LocalFault(f"{name} does not have {count} octets or entries", field=name)
    if left:
        raise LocalFault(f"{getattr(kind, 'command', kind.__name__)} has no field {min(left)!r}", field=min(left))
    return values


def _value_from_json(name: str, field: CString | Integer | Octets | Listed, held: Any) -> Any:
    if isinstance(field, Integer):
        return _whole(held, name)
    if isinstance(field, CString):
        return _octets(held["hex"], name).decode("latin-1") if isinstance(held, dict) and "hex" in held else held
    if isinstance(field, Octets):
        return _octets(held, name)
    if not isinstance(held, list):
        raise LocalFault(f"{name} must be a list", field=name)
    return tuple(_entry_from_json(name, field, entry) for entry in held)


def _entry_from_json(name: str, field: Listed, form: Any) -> msgspec.Struct:
    if not isinstance(form, dict):
        raise LocalFault(f"{name} must be a list of objects", field=name)
    flag = form.get("dest_flag") if None not in field.kinds else None
    kind = field.kinds.get(flag) if flag is None or isinstance(flag, int) else None
    if kind is None:
        raise LocalFault(f"{name} has no entries with dest_flag {flag!r}", field=name)
    rest = {part: held for part, held in form.items() if part != "dest_flag"}
    return kind(**_fields_from_json(kind, rest))


def _tlvs_from_json(form: Any) -> tuple[tuple[int, bytes], ...]:
    if not isinstance(form, list) or not all(isinstance(pair, list | tuple) and len(pair) == 2 for pair in form):
        raise LocalFault('"tlvs" must be a list of [tag, hex]', field="tlvs")
    return tuple((_whole(tag, "tlvs"), _octets(octets, "tlvs")) for tag, octets in form)


def _whole(value: Any, name: str) -> int:
    if not isinstance(value, int) or isinstance(value, bool):
        raise LocalFault(f"{name} must be a whole number, not {value!r}", field=name)
    return value


def _octets(value: Any, name: str) -> bytes:
    try:
        return bytes.fromhex(value)
    except (TypeError, ValueError) as error:
        raise LocalFault(f"{name} must be hex, not {value!r}", field=name) from error
