"""Handing work in at the counter of a gateway that runs on the same machine (gateway.counter)."""

from __future__ import annotations

import json
import socket
from typing import TYPE_CHECKING, Any

from gateway.commands.output import fail
from gateway.exits import Exit

if TYPE_CHECKING:
    from config.settings import Settings

WAIT_S = 3_600.0
"""How long an answer is waited for, in seconds: a list of 300,000 rows beside full traffic."""


def handed_in(settings: Settings, order: dict[str, Any]) -> dict[str, Any] | None:
    """What the gateway that runs made of an order; None where none runs, or the store is a server's: then the command
    does it itself. Ends the command when the gateway refuses it."""
    from gateway.counter import MOST_OCTETS, place_of

    path = place_of(settings.gateway.store.url)
    if path is None:
        return None
    line = json.dumps(order).encode() + b"\n"
    if len(line) > MOST_OCTETS:
        fail(Exit.USAGE, f"that is more than {MOST_OCTETS} octets at once: take it in in pieces")
    try:
        with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as counter:
            counter.settimeout(WAIT_S)
            try:
                counter.connect(str(path))
            except (FileNotFoundError, ConnectionRefusedError):
                return None
            counter.sendall(line)
            with counter.makefile("rb") as answers:
                answer = answers.readline()
    except OSError as fault:
        remedy = "run it as the gateway's account" if isinstance(fault, PermissionError) else "do it again"
        fail(Exit.STORE, f"the gateway that runs cannot be reached at {path}: {fault}; {remedy}")
    told: dict[str, Any] = json.loads(answer) if answer else {"away": "the gateway ended meanwhile; do it again"}
    if "refused" in told:
        fail(Exit.USAGE, told["refused"])
    if "away" in told:
        fail(Exit.STORE, told["away"])
    done: dict[str, Any] = told["done"]
    return done
