"""Links as an author writes them in a text: `{link https://…}`, `{link tip1 https://…}`, `{link voucher zomer}`,
`{link optout}`; and the code that stands for one on a phone.

A code has a fixed length, so that a text's segments are known before the code is. Its characters are those that nobody
reads wrongly and every phone takes as part of an address; eight of 54 are 7 × 10^13 codes, and the gateway slows down
whoever tries.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Final
from typing import Literal as OneOf
from urllib.parse import urlsplit

import msgspec

from rules.texts import Template

Kind = OneOf["url", "voucher", "optout"]

ALPHABET: Final = "23456789ABCDEFGHJKMNPQRSTUVWXYZabcdefghjkmnpqrstuvwxyz"
LENGTH: Final = 8
"""Characters of a code."""
LONGEST_TARGET: Final = 2_000
"""Characters of an address: what every browser takes."""


class Link(msgspec.Struct, frozen=True):
    """What a placeholder links to: `target` is an address, or a voucher's name. `name` is what `on click` calls it."""

    kind: Kind
    name: str
    target: str


def read(hole: str) -> Link:
    """What stands after `link` in a placeholder."""
    first, _, rest = hole.strip().partition(" ")
    rest = rest.strip()
    if first == "voucher" and rest:
        return Link("voucher", f"voucher {rest}", rest)
    if first == "optout" and not rest:
        return Link("optout", "optout", "")
    return Link("url", first, rest) if rest else Link("url", "", first)


def has_link_to_stop(made: Template) -> bool:
    """Whether a text holds `{link optout}`."""
    return any(hole.kind == "link" and read(hole.name).kind == "optout" for hole in made.holes)


def fault(link: Link) -> str:
    """Why a link cannot be followed, in a sentence; empty when it can."""
    if link.kind != "url":
        return ""
    target = link.target
    if len(target) > LONGEST_TARGET:
        return f"An address has at most {LONGEST_TARGET} characters; this has {len(target)}."
    if not target.isascii() or not target.isprintable() or any(one in target for one in ' "<>\\^`{}|'):
        return "An address has no spaces and no characters that a browser would have to guess at; write them as %20."
    if not is_followed(target):
        return "A link leads to an address that begins with https:// or http:// and names a host."
    return ""


def is_followed(target: str) -> bool:
    """Whether a phone may be sent to that address: only the web, and a host that stands in the address itself."""
    try:
        parts = urlsplit(target)
        port = parts.port
    except ValueError:
        return False
    return parts.scheme in ("http", "https") and bool(parts.hostname) and "@" not in parts.netloc and port != 0


def draw(chance: Callable[[], float]) -> str:
    """A code; `chance` gives numbers from 0 up to 1 that nobody can foretell."""
    return "".join(ALPHABET[int(chance() * len(ALPHABET))] for _ in range(LENGTH))


def is_code(text: str) -> bool:
    """Whether that can be a code at all."""
    return len(text) == LENGTH and all(one in ALPHABET for one in text)


def address(base: str, code: str) -> str:
    """What stands in the text; `base` is how the outside reaches the gateway (`url` in kwek.toml)."""
    return f"{base.rstrip('/')}/l/{code}"
