"""The two families of protocol fault, and whether the peer can still be answered.

`LocalFault`: we tried something SMPP forbids, which is our bug (or an operator's setting). Nothing was written.
`PeerFault`: the peer broke SMPP. `head` set means the PDU's borders and header were trustworthy, so it is answered or
nacked and the session goes on; `head` None means the position in the stream is lost, so the session ends.

A fault may carry `salvage`: the PDU as far as it could be read. A gateway that tolerates the peer uses it and counts
the fault, rather than throwing a customer's text away because of a broken TLV behind it (cloudhopper-smpp#64).
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:  # pragma: no cover
    from smpp.pdu import Pdu


class SmppError(Exception):
    """Every fault that smpp/ raises."""


class LocalFault(SmppError):
    """We tried something SMPP forbids.

    `field` names the offending field where there is one; `limit` is what the field allows (octets for strings,
    the greatest number for integers).
    """

    def __init__(self, message: str, *, field: str | None = None, limit: int | None = None) -> None:
        super().__init__(message)
        self.field = field
        self.limit = limit


class PeerFault(SmppError):
    """The peer broke SMPP.

    `status`: the command_status to answer with. `head`: (command_id, sequence_number) of the offending PDU, or None
    when the stream can no longer be trusted. `kind`: the class of fault: incomplete, invalid_command_length,
    unknown_command_id, missing_nul, truncated_body, truncated_tlv, undecodable, bad_state, bad_time, …
    `salvage`: what could be read of it all the same.
    """

    def __init__(
        self,
        message: str,
        status: int,
        head: tuple[int, int] | None = None,
        kind: str = "undecodable",
        salvage: Pdu | None = None,
    ) -> None:
        super().__init__(message)
        self.status = status
        self.head = head
        self.kind = kind
        self.salvage = salvage

    @property
    def recoverable(self) -> bool:
        """Whether the session can go on after answering."""
        return self.head is not None

    def forget_frames(self) -> None:
        """Let go of the call frames it came through. An event that holds the fault would else be held by them in turn,
        and events are not known to the garbage collector."""
        self.__traceback__ = self.__cause__ = self.__context__ = None
