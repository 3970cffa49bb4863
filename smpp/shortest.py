"""The shortest response that says a status (SMPP 3.4 §4.4.2: with an error the body is not returned)."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from smpp.errors import LocalFault
from smpp.fields import CString, Listed, declared
from smpp.pdu import PDUS, DeliverSmResp

if TYPE_CHECKING:  # pragma: no cover
    from smpp.pdu import Pdu

# An empty string is its NUL, an empty list its count. query_sm_resp has no empty form: message_state says something.
_EMPTY: Final[dict[type[Pdu], bytes]] = {
    kind: bytes(len(declared(kind)))
    for kind in PDUS
    if kind.is_response and all(isinstance(field, CString | Listed) for field in declared(kind).values())
}


def shortest_body(kind: type[Pdu], status: int) -> bytes:
    """The body of the shortest `kind` with that status; raises LocalFault where a success has to say more.

    deliver_sm_resp keeps its NUL with errors as well: that body is mandatory (§4.6.2), and peers miss it.
    """
    if status and kind is not DeliverSmResp:
        return b""
    body = _EMPTY.get(kind)
    if body is None:
        raise LocalFault(f"a good {kind.command} has fields that only the application knows")
    return body
