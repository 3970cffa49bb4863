"""Where one PDU ends and the next begins, in a stream cut anywhere (SMPP 3.4 §3.2: command_length counts itself).

One framer serves a connection from its first octet: what was read together with a bind response belongs to the session
as well. The length is judged as soon as its four octets are there, before anything is gathered. A length that cannot be
true means that the position in the stream is lost: nothing behind it can be trusted, and the fault repeats for ever.
"""

from __future__ import annotations

from struct import Struct
from typing import Final

from smpp.constants import ESME_RINVCMDLEN, HEADER_OCTETS
from smpp.errors import PeerFault

MAX_PDU_OCTETS: Final = 70_000  # message_payload may be 65,535 octets, with a few hundred around it

_length_at: Final = Struct(">I").unpack_from

_BANNERS: Final = {b"HTTP": "HTTP", b"GET ": "HTTP", b"POST": "HTTP", b"AMQP": "AMQP", b"SSH-": "SSH", b"220 ": "SMTP"}


class Framer:
    """Cuts what was read into frames of at most `limit` octets; holds less than one frame between two reads."""

    def __init__(self, limit: int = MAX_PDU_OCTETS) -> None:
        self.limit = limit
        self.fault: PeerFault | None = None
        self._held: list[bytes] = []
        self._size = 0
        self._need = 4

    @property
    def left_over(self) -> int:
        """Octets held that are not a whole frame yet."""
        return self._size

    def feed(self, data: bytes) -> list[bytes]:
        """The frames that are whole now.

        Frames before a length that cannot be true are given out first; `fault` is then set, and the next call raises
        it. Raises PeerFault (invalid_command_length, head None).
        """
        if self.fault is not None:
            raise self.fault
        size = len(data)
        if self._held:
            self._held.append(data)
            self._size = size = self._size + size
            if size < self._need:
                return []
            data = b"".join(self._held)
            self._held = []
            self._size = 0
        frames: list[bytes] = []
        at = 0
        limit = self.limit
        while size - at >= 4:
            (length,) = _length_at(data, at)
            if not HEADER_OCTETS <= length <= limit:
                self.fault = _untrusted(length, data[at : at + 4], limit)
                if not frames:
                    raise self.fault
                return frames
            if at + length > size:
                self._need = length
                break
            frames.append(data[at : at + length])
            at += length
        else:
            self._need = 4
        if at < size:
            self._held = [data[at:]]
            self._size = size - at
        return frames


def _untrusted(length: int, octets: bytes, limit: int) -> PeerFault:
    """The fault of a command_length that cannot be true, naming the protocol whose greeting it looks like."""
    message = f"command_length {length} is not from {HEADER_OCTETS} to {limit}"
    if octets in _BANNERS:
        message += f": this port speaks {_BANNERS[octets]}, not SMPP"
    elif octets[:2] == b"\x16\x03":
        message += ": this port speaks TLS"
    return PeerFault(message, ESME_RINVCMDLEN, kind="invalid_command_length")
