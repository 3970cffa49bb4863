"""Strategies for PDUs of every class, made from the same declarations as the codec; and frames as peers send them."""

from __future__ import annotations

from typing import Any

from hypothesis import strategies as st

from smpp.fields import CString, Field, Integer, Octets, declared
from smpp.pdu import PDUS, Pdu

_octet = st.integers(0, 255)
_text = st.characters(min_codepoint=1, max_codepoint=255)


def values(field: Field) -> st.SearchStrategy[Any]:
    """Values that the field can hold and we may send."""
    if isinstance(field, Integer):
        return st.integers(0, 2 ** (8 * field.octets) - 1)
    if isinstance(field, CString):
        return st.text(_text, max_size=field.limit - 1)
    if isinstance(field, Octets):
        return st.binary(max_size=field.limit)
    kinds = [entries(kind) for kind in field.kinds.values()]
    return st.lists(st.one_of(kinds), max_size=4).map(tuple)


def entries(kind: Any) -> st.SearchStrategy[Any]:
    """Entries of submit_multi and of its response."""
    return st.builds(kind, **{name: values(field) for name, field in declared(kind).items()})


tlvs = st.lists(st.tuples(st.integers(0, 0xFFFF), st.binary(max_size=30)), max_size=4).map(tuple)


def pdus_of(kind: type[Pdu]) -> st.SearchStrategy[Pdu]:
    """PDUs of one class that may be sent: whole bodies, or none at all for responses."""
    header = {"sequence_number": st.integers(0, 0xFFFFFFFF), "command_status": st.integers(0, 0xFFFFFFFF)}
    fields = {name: values(field) for name, field in declared(kind).items()}
    whole = st.builds(kind, **header, **fields, tlvs=tlvs if kind.takes_tlvs else st.just(()))
    return whole | st.builds(kind, **header) if kind.is_response else whole


pdus = st.one_of([pdus_of(kind) for kind in PDUS])


@st.composite
def cuts(draw: st.DrawFn, octets: bytes) -> list[bytes]:
    """The octets cut into pieces anywhere."""
    at = sorted(draw(st.lists(st.integers(0, len(octets)), max_size=8)))
    return [octets[start:end] for start, end in zip([0, *at], [*at, len(octets)], strict=True)]
