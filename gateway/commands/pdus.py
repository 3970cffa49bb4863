"""`kwek pdu decode` and `kwek pdu encode`: PDUs between hex and JSON.

What comes on standard input is answered a line at a time, so that another program can hold a conversation. A line that
cannot be converted is answered by an object with `error`, and the command goes on; it exits 1 in the end.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Callable, Iterable
from typing import Annotated, Any

import typer

from gateway.exits import Exit

pdus = typer.Typer(no_args_is_help=True, help="SMPP PDUs as JSON, and back.")

Json = dict[str, Any]
Hexes = Annotated[list[str] | None, typer.Argument(metavar="HEX…", help="PDUs in hex. None: lines of standard input.")]
Forms = Annotated[
    list[str] | None, typer.Argument(metavar="JSON…", help="PDUs as JSON. None: lines of standard input.")
]

MOST_LINE = 4_194_304  # characters: some hundred of the longest PDUs; a binary file given by mistake is not read whole


@pdus.command()
def decode(hexes: Hexes = None) -> None:
    """Print each PDU as one line of JSON; exit 1 when one is malformed."""
    from smpp.errors import LocalFault
    from smpp.pdu_json import decode_hex

    def converted(text: str) -> list[Json | str]:
        try:
            return [*decode_hex(text)]
        except LocalFault as fault:
            return [_error("undecodable", str(fault))]

    _answer(hexes, converted)


@pdus.command()
def encode(forms: Forms = None) -> None:
    """Print the hex of each PDU on one line; exit 1 when one cannot be made."""
    from smpp.errors import LocalFault
    from smpp.pdu_json import encode_json

    def converted(text: str) -> list[Json | str]:
        try:
            form = json.loads(text)
            if not isinstance(form, dict):
                return [_error("unencodable", "a PDU is a JSON object")]
            return [encode_json(form)]
        except LocalFault as fault:
            return [_error("unencodable", str(fault))]
        except ValueError as fault:
            return [_error("unencodable", f"not JSON: {fault}")]

    _answer(forms, converted)


def _answer(arguments: list[str] | None, converted: Callable[[str], list[Json | str]]) -> None:
    """Prints what becomes of each text, as soon as it is there."""
    failed = False
    for text in arguments or _lines():
        for one in converted(text):
            failed |= isinstance(one, dict) and "error" in one
            print(one if isinstance(one, str) else json.dumps(one, ensure_ascii=False), flush=True)
    raise typer.Exit(Exit.FAILED if failed else Exit.OK)


def _lines() -> Iterable[str]:
    while line := sys.stdin.readline(MOST_LINE):
        if line.strip():
            yield line


def _error(kind: str, message: str) -> Json:
    return {"error": {"class": kind, "message": message}}
