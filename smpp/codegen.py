"""From a PDU's declaration, the source of its fast parser and builder, compiled once at import as dataclasses do.

The parser takes a frame whose header has been read, the builder gives the body. Both know only the straight way: at
anything odd they raise one of GAVE_UP, and smpp.codec goes over the same declaration again with the careful `read` and
`write` of smpp.fields, which say what is wrong. That the two agree is a property test.

What makes them fast, measured on CPython 3.11: a test of the first octet before looking for the NUL (most strings are
empty), one Struct for a run of three or more numbers and plain indexing for fewer, one join, values placed by position,
and no search where a string is all there is.
"""

from __future__ import annotations

import struct
from collections.abc import Callable, Mapping
from struct import Struct
from typing import TYPE_CHECKING, Any, Final

from smpp.constants import HEADER_OCTETS
from smpp.fields import CString, Field, Integer, Octets, declared
from smpp.tlv import read_tlvs, write_tlvs

if TYPE_CHECKING:  # pragma: no cover
    from smpp.pdu import Pdu

GAVE_UP: Final = (ValueError, IndexError, KeyError, TypeError, AttributeError, struct.error)

Parser = Callable[[bytes, int, int, int], "Pdu"]  # frame, its octets, command_status, sequence_number
Builder = Callable[["Pdu"], bytes]


class _Place:
    """Where the next field begins, as source: a name (or number) and a fixed distance from it."""

    def __init__(self) -> None:
        self.base = str(HEADER_OCTETS)
        self.beyond = 0

    def __str__(self) -> str:
        return f"{self.base} + {self.beyond}" if self.beyond else self.base

    def move(self, base: str, beyond: int) -> None:
        self.base, self.beyond = base, beyond


def parser_of(kind: type[Pdu]) -> Parser:
    """The function that makes a `kind` of a frame and its header; it raises one of GAVE_UP on anything odd."""
    fields = declared(kind)
    names: dict[str, Any] = {"kind": kind, "read_tlvs": read_tlvs}
    lines = ["def parse(frame, size, status, sequence):"]
    if fields and kind.is_response:
        lines.append(f" if size == {HEADER_OCTETS}: return kind(sequence, status)")
        lines += _read_lone_string(list(fields.values()))
    place = _Place()
    run: list[str] = []
    for name, field in fields.items():
        if isinstance(field, Integer) and field.octets == 1:
            run.append(name)
            continue
        if isinstance(field, Octets):
            run.append("count")
        lines += _read_run(run, place, names)
        run = []
        lines += _read_field(name, field, place, names, kind.is_response)
    lines += _read_run(run, place, names)
    values = ", ".join(["b''", *fields])
    lines.append(f" if {place} == size: return kind(sequence, status, (), {values})")
    if kind.takes_tlvs:
        lines.append(f" return kind(sequence, status, read_tlvs(frame, {place}, size), {values})")
    else:
        lines.append(" raise ValueError")
    return _compiled("parse", kind, lines, names)


def _read_lone_string(fields: list[Field]) -> list[str]:
    """Source that reads the commonest responses: one string that ends the frame, which needs no search for its end."""
    if len(fields) != 1 or not isinstance(fields[0], CString):
        return []
    return [
        f" text = frame[{HEADER_OCTETS}:-1]",
        " if not frame[-1] and 0 not in text: return kind(sequence, status, (), b'', text.decode('latin-1'))",
    ]


def _read_run(run: list[str], place: _Place, names: dict[str, Any]) -> list[str]:
    """Source that reads a run of one-octet numbers."""
    if not run:
        return []
    if len(run) < 3:
        lines = []
        for name in run:
            lines.append(f" {name} = frame[{place}]")
            place.beyond += 1
        return lines
    unpack = f"run{len(run)}"
    names[unpack] = Struct(f"{len(run)}B").unpack_from
    line = f" {', '.join(run)} = {unpack}(frame, {place})"
    place.beyond += len(run)
    return [line]


def _read_field(name: str, field: Field, place: _Place, names: dict[str, Any], full: bool) -> list[str]:
    """Source that reads one field of varying length; `full`: its strings are seldom empty."""
    if isinstance(field, CString) and full:
        lines = [
            f" at = {place}",
            " end = frame.index(0, at)",
            f" {name} = frame[at:end].decode('latin-1')",
        ]
        place.move("end", 1)
        return lines
    if isinstance(field, CString):
        lines = [
            f" at = {place}",
            " if frame[at]:",
            "  end = frame.index(0, at)",
            f"  {name} = frame[at:end].decode('latin-1')",
            " else:",
            "  end = at",
            f"  {name} = ''",
        ]
        place.move("end", 1)
        return lines
    if isinstance(field, Octets):
        lines = [
            f" at = {place}",
            " end = at + count",
            f" {name} = frame[at:end]",  # cut short, `end` lies beyond the frame, where nothing can be read any more
        ]
        place.move("end", 0)
        return lines
    names[f"read_{name}"] = field.read
    line = f" {name}, end = read_{name}(frame, {place})"
    place.move("end", 0)
    return [line]


def builder_of(kind: type[Pdu]) -> Builder:
    """The function that makes the body of a `kind`; it raises one of GAVE_UP, or LocalFault, on anything odd."""
    fields = declared(kind)
    names: dict[str, Any] = {"write_tlvs": write_tlvs}
    unsendable = "pdu.trailing" if kind.takes_tlvs else "pdu.trailing or pdu.tlvs"
    lines = ["def build(pdu):", f" if {unsendable}: raise ValueError"]
    parts: list[str] = []
    numbers: list[str] = []
    run = ""
    for name, field in fields.items():
        if isinstance(field, Integer) and field.octets == 1:
            numbers.append(f"pdu.{name}")
            run += "B"
            continue
        lines.append(f" {name} = pdu.{name}")
        if isinstance(field, Octets):
            lines += [f" count = len({name})", f" if count > {field.limit}: raise ValueError"]
            numbers.append("count")
            run += "B"
        _write_run(parts, run, numbers, names)
        run, numbers = "", []
        if isinstance(field, CString):
            lines += [
                f" if {name}:",
                f"  if len({name}) > {field.limit - 1} or '\\0' in {name}: raise ValueError",
                f"  {name} = {name}.encode('latin-1')",
                f" elif {name} is None: raise ValueError",
                " else:",
                f"  {name} = b''",
            ]
            parts.append(name)
            run = "x"
        elif isinstance(field, Octets):
            parts.append(name)
        else:
            names[f"write_{name}"] = field.write
            parts.append(f"write_{name}({name}, {name!r})")
    _write_run(parts, run, numbers, names)
    whole = f"b''.join(({', '.join(parts)},))" if parts else "b''"
    if kind.takes_tlvs:
        lines.append(f" if pdu.tlvs: return {whole} + write_tlvs(pdu.tlvs)")
    lines.append(f" return {whole}")
    return _compiled("build", kind, lines, names)


def _write_run(parts: list[str], run: str, numbers: list[str], names: dict[str, Any]) -> None:
    """Source that writes a run of one-octet numbers; an `x` at its head is the NUL of the string before."""
    if run == "x":
        parts.append("b'\\0'")
    elif run:
        names[f"pack_{run}"] = Struct(run).pack
        parts.append(f"pack_{run}({', '.join(numbers)})")


def _compiled(function: str, kind: type[Pdu], lines: list[str], names: Mapping[str, Any]) -> Callable[..., Any]:
    """The function that the lines define; a traceback names the PDU."""
    scope = dict(names)
    exec(compile("\n".join(lines), f"<{function} {kind.command}>", "exec"), scope)
    made: Callable[..., Any] = scope[function]
    return made
