"""The kinds of field a PDU is declared from (SMPP 3.4 §3.1): how each is read, and how each is written.

A PDU class says `Annotated[str, CString(21)]`; from that smpp.codegen makes the fast parser and builder. The `read` and
`write` of this file are the careful ones, used when the fast way gives up: they know which field is at fault and why.
Reading is lenient (an over-long string is accepted: real centres send them), writing is strict.
C-octet strings are `str` of Latin-1, which gives every octet back unchanged; a value of None is a field that the peer
left out, which only a response may do.
"""

from __future__ import annotations

from dataclasses import dataclass
from struct import Struct
from typing import TYPE_CHECKING, Any, Final, get_type_hints

from smpp.constants import ESME_RINVCMDLEN, ESME_RINVDESTFLAG, ESME_RINVMSGLEN
from smpp.errors import LocalFault

if TYPE_CHECKING:  # pragma: no cover
    import msgspec

INTEGERS: Final = {1: Struct(">B"), 4: Struct(">I")}


class UnreadableError(ValueError):
    """A field could not be read; `kind` and `status` as in PeerFault, `kept` is what was there of it."""

    def __init__(self, kind: str, status: int, message: str, kept: Any = None) -> None:
        super().__init__(message)
        self.kind = kind
        self.status = status
        self.kept = kept


@dataclass(frozen=True, slots=True)
class Integer:
    """An unsigned number of 1 or 4 octets, greatest octet first."""

    octets: int

    def read(self, octets: bytes, at: int) -> tuple[int, int]:
        """The number at `at` and the offset behind it; raises UnreadableError (truncated_body)."""
        end = at + self.octets
        if end > len(octets):
            raise UnreadableError("truncated_body", ESME_RINVCMDLEN, "the PDU ends before it")
        return int.from_bytes(octets[at:end], "big"), end

    def write(self, value: object, name: str) -> bytes:
        """The octets of `value`; raises LocalFault with the greatest number as limit."""
        limit = (1 << 8 * self.octets) - 1
        if not isinstance(value, int) or not 0 <= value <= limit:
            raise LocalFault(f"{name} must be a whole number from 0 to {limit}, not {value!r}", field=name, limit=limit)
        return INTEGERS[self.octets].pack(value)


@dataclass(frozen=True, slots=True)
class CString:
    """Octets up to a NUL; `limit` counts the NUL, as the specification's tables do."""

    limit: int

    def read(self, octets: bytes, at: int) -> tuple[str, int]:
        """The text at `at` and the offset behind its NUL; raises UnreadableError (missing_nul, truncated_body)."""
        if at >= len(octets):
            raise UnreadableError("truncated_body", ESME_RINVCMDLEN, "the PDU ends before it")
        end = octets.find(0, at)
        if end < 0:
            text = octets[at:].decode("latin-1")
            raise UnreadableError("missing_nul", ESME_RINVCMDLEN, "no NUL ends it", text)
        return octets[at:end].decode("latin-1"), end + 1

    def write(self, value: object, name: str) -> bytes:
        """The octets of `value` and a NUL; raises LocalFault for one too long, with a NUL in it or not in Latin-1."""
        longest = self.limit - 1
        if not isinstance(value, str):
            raise LocalFault(f"{name} must be text, not {value!r}", field=name, limit=longest)
        if len(value) > longest:
            raise LocalFault(f"{name} takes at most {longest} octets, not {len(value)}", field=name, limit=longest)
        if "\0" in value:
            raise LocalFault(f"{name} must not hold a NUL: the NUL ends it", field=name, limit=longest)
        try:
            return value.encode("latin-1") + b"\0"
        except UnicodeEncodeError as error:
            raise LocalFault(f"{name} takes octets (Latin-1), not {value!r}", field=name, limit=longest) from error


@dataclass(frozen=True, slots=True)
class Octets:
    """Octets behind an octet that counts them, called `count` in the specification (sm_length)."""

    count: str
    limit: int

    def read(self, octets: bytes, at: int) -> tuple[bytes, int]:
        """The octets at `at` and the offset behind them; raises UnreadableError (truncated_body).

        A count above `limit` is read all the same: 255 is seen in the wild where §5.2.21 ends at 254.
        """
        if at >= len(octets):
            raise UnreadableError("truncated_body", ESME_RINVCMDLEN, f"the PDU ends before {self.count}")
        end = at + 1 + octets[at]
        if end > len(octets):
            left = len(octets) - at - 1
            message = f"{self.count} says {octets[at]} octets, {left} follow"
            raise UnreadableError("truncated_body", ESME_RINVMSGLEN, message, octets[at + 1 :])
        return octets[at + 1 : end], end

    def write(self, value: object, name: str) -> bytes:
        """The count and the octets; raises LocalFault with the limit in octets."""
        if not isinstance(value, bytes):
            raise LocalFault(f"{name} must be octets, not {value!r}", field=name, limit=self.limit)
        if len(value) > self.limit:
            message = f"{name} takes at most {self.limit} octets, not {len(value)}"
            raise LocalFault(message, field=name, limit=self.limit)
        return bytes((len(value),)) + value


@dataclass(frozen=True, slots=True)
class Listed:
    """Entries behind an octet that counts them. `kinds` maps the octet in front of an entry to the class of the entry;
    where the entries are of one kind and have no such octet, the only key is None."""

    count: str
    kinds: dict[int | None, type[msgspec.Struct]]
    limit: int = 255

    def read(self, octets: bytes, at: int) -> tuple[tuple[Any, ...], int]:
        """The entries at `at` and the offset behind them; raises UnreadableError (truncated_body, undecodable, …)."""
        number, at = Integer(1).read(octets, at)
        entries: list[Any] = []
        for place in range(number):
            flag: int | None = None
            if None not in self.kinds:
                flag, at = Integer(1).read(octets, at)
            kind = self.kinds.get(flag)
            if kind is None:
                raise UnreadableError(
                    "undecodable", ESME_RINVDESTFLAG, f"entry {place + 1} has the unknown flag {flag}", tuple(entries)
                )
            values = []
            for field in declared(kind).values():
                value, at = field.read(octets, at)
                values.append(value)
            entries.append(kind(*values))
        return tuple(entries), at

    def write(self, value: object, name: str) -> bytes:
        """The count and the entries; raises LocalFault naming the entry's field, or the limit in entries."""
        if not isinstance(value, tuple) or len(value) > self.limit:
            raise LocalFault(f"{name} takes at most {self.limit} entries in a tuple", field=name, limit=self.limit)
        flags = {kind: flag for flag, kind in self.kinds.items()}
        written = [bytes((len(value),))]
        for entry in value:
            if type(entry) not in flags:
                raise LocalFault(f"{name} cannot hold {entry!r}", field=name)
            flag = flags[type(entry)]
            if flag is not None:
                written.append(bytes((flag,)))
            for part, field in declared(type(entry)).items():
                written.append(field.write(getattr(entry, part), f"{name}.{part}"))
        return b"".join(written)


Field = Integer | CString | Octets | Listed

U8: Final = Integer(1)
U32: Final = Integer(4)

_DECLARED: Final[dict[type, dict[str, Field]]] = {}


def declared(kind: type[msgspec.Struct]) -> dict[str, Field]:
    """The declared fields of a PDU class or of an entry, in the order of the wire."""
    if kind not in _DECLARED:
        hints = get_type_hints(kind, include_extras=True)
        found: dict[str, Field] = {}
        for name in kind.__struct_fields__:
            for mark in getattr(hints[name], "__metadata__", ()):
                found[name] = mark
        _DECLARED[kind] = found
    return _DECLARED[kind]
