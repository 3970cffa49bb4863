"""Handing work in at the counter of a gateway that runs on the same machine (gateway.counter)."""

from __future__ import annotations

import socket
from collections.abc import Callable
from contextlib import suppress
from typing import TYPE_CHECKING, Any

from gateway.commands.output import fail
from gateway.exits import Exit

if TYPE_CHECKING:
    from config.settings import Settings
    from gateway.counter_orders import AnyOrder

WAIT_S = 3_600.0
"""How long an answer is waited for, in seconds: a list of 300,000 rows beside full traffic."""
_NOT_DONE = {"refused": Exit.USAGE, "away": Exit.STORE, "fault": Exit.INTERNAL}
"""What a gateway answers that has not done it, and what the command then ends with."""


def _not_seen() -> None:
    """It can be given again, whatever was made of it."""


def handed_in(
    settings: Settings, order: AnyOrder, octets: bytes = b"", *, seen: Callable[[], dict[str, Any] | None] = _not_seen
) -> dict[str, Any] | None:
    """What the gateway that runs made of an order, and of the list that goes with it; None where none runs, or the
    store is a server's: then the command does it itself. Ends the command when the gateway refuses it.

    `seen`: what the store says was made of it, where the gateway ended and could not say so; None: nothing was.
    """
    import msgspec

    from gateway.counter import is_too_long, place_of
    from gateway.counter_orders import MOST_OCTETS

    path = place_of(settings.gateway.store.url)
    if path is None or is_too_long(path):
        return None
    if len(octets) > MOST_OCTETS:
        fail(Exit.USAGE, f"that is more than {MOST_OCTETS} octets at once: take it in in pieces")
    try:
        with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as counter:
            counter.settimeout(WAIT_S)
            try:
                counter.connect(str(path))
            except (FileNotFoundError, ConnectionRefusedError):
                return None
            with suppress(BrokenPipeError, ConnectionResetError):  # who has heard enough has said why
                counter.sendall(msgspec.json.encode(order) + b"\n" + octets)
            with counter.makefile("rb") as answers:
                answer = answers.readline()
    except OSError as fault:
        remedy = "run it as the gateway's account" if isinstance(fault, PermissionError) else "do it again"
        fail(Exit.STORE, f"the gateway that runs cannot be reached at {path}: {fault}; {remedy}")
    if not answer.endswith(b"\n"):
        found = seen()
        if found is None:
            fail(Exit.STORE, "the gateway ended meanwhile; do it again")
        return found
    told: dict[str, Any] = msgspec.json.decode(answer)
    for word, code in _NOT_DONE.items():
        if word in told:
            fail(code, told[word])
    done: dict[str, Any] = told["done"]
    return done
