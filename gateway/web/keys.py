"""Keys of the API: `kwek_ID_SECRET`, shown once when made. The id finds the row, the secret proves it.

A secret has 256 random bits, so its SHA-256 can be kept: there is nothing to guess that a slow hash would have to
protect, as it must a password. Hashes are compared in constant time. A revoked key ends with the next request.
"""

from __future__ import annotations

import secrets
from base64 import urlsafe_b64decode, urlsafe_b64encode
from binascii import Error as NotBase64
from hashlib import sha256
from hmac import compare_digest
from typing import NamedTuple

from router.keys import Key

PREFIX = "kwek"
SECRET_OCTETS = 32
LONGEST = 80
"""Characters of a key: the prefix, 19 digits, 43 characters of base64."""


class Presented(NamedTuple):
    """What a request claims to hold."""

    id: int
    secret: bytes


class Minted(NamedTuple):
    """A new key before it has its id: the secret, for its holder alone, and what is kept of it."""

    secret: bytes
    hash: bytes

    def text(self, id: int) -> str:
        """The key as its holder shows it, once whoever keeps it has given it that id."""
        return f"{PREFIX}_{id}_{urlsafe_b64encode(self.secret).rstrip(b'=').decode()}"


def mint() -> Minted:
    """A new key."""
    secret = secrets.token_bytes(SECRET_OCTETS)
    return Minted(secret, sha256(secret).digest())


def presented(authorization: str) -> Presented | None:
    """The key of a header Authorization (RFC 6750: `Bearer KEY`); None when it holds none."""
    scheme, _, text = authorization.partition(" ")
    prefix, _, rest = text.strip().partition("_")
    id, _, secret = rest.partition("_")
    if scheme.lower() != "bearer" or prefix != PREFIX or len(text) > LONGEST or not (id.isascii() and id.isdigit()):
        return None
    try:
        octets = urlsafe_b64decode(secret.encode("ascii") + b"=" * (-len(secret) % 4))
    except (NotBase64, ValueError):
        return None
    return Presented(int(id), octets) if int(id) < 1 << 63 else None


def opens(key: Key | None, shown: Presented) -> bool:
    """Whether the secret is the key's, and the key still counts."""
    known = key.hash if key is not None else bytes(32)
    return compare_digest(known, sha256(shown.secret).digest()) and key is not None and not key.is_revoked
